package store

import (
	"context"
	"time"

	"github.com/ringwall/ringwall/asset"
)

// Minute is the traffic of one server group in the minute that starts at Start, or
// the sum of several minutes.
type Minute struct {
	Start         time.Time
	Span          time.Duration // set by Minutes
	ServerGroupID string
	Requests      int64
	Blocked       int64
	Alerted       int64
	Errors        int64
}

// Mark tells how far a gateway's counters have been added to the minutes.
type Mark struct {
	GatewayID string
	Started   time.Time // of the gateway: its counters run from there
	Seen      time.Time
	Traffic   asset.Traffic
}

func scanMark(row scanner) (m Mark, err error) {
	var started int64
	err = row.Scan(&m.GatewayID, &m.Traffic.ServiceID, &m.Traffic.ServerGroupID, &started, when{&m.Seen},
		&m.Traffic.Requests, &m.Traffic.Blocked, &m.Traffic.Alerted, &m.Traffic.Errors)
	m.Started = time.Unix(0, started).UTC()
	return m, err
}

// Minutes lists the traffic that starts in [from, to), oldest first, summed over
// spans of step since 1970.
func (r Reader) Minutes(ctx context.Context, from, to time.Time, step time.Duration) ([]Minute, error) {
	scan := func(row scanner) (m Minute, err error) {
		m.Span = step
		return m, row.Scan(when{&m.Start}, &m.ServerGroupID, &m.Requests, &m.Blocked, &m.Alerted, &m.Errors)
	}
	return all(ctx, r, scan, `SELECT minute - minute % $3, server_group_id, CAST(SUM(requests) AS BIGINT), CAST(SUM(blocked) AS BIGINT),
		CAST(SUM(alerted) AS BIGINT), CAST(SUM(errors) AS BIGINT) FROM traffic WHERE minute >= $1 AND minute < $2 GROUP BY 1, 2 ORDER BY 1, 2`,
		millis(from), millis(to), step.Milliseconds())
}

// Marks lists every mark.
func (r Reader) Marks(ctx context.Context) ([]Mark, error) {
	return all(ctx, r, scanMark, `SELECT gateway_id, service_id, server_group_id, started, seen,
		requests, blocked, alerted, errors FROM traffic_marks`)
}

// AddTraffic adds the counts of m to its minute.
func (t *Tx) AddTraffic(ctx context.Context, m Minute) error {
	_, err := t.exec(ctx, `INSERT INTO traffic (minute, server_group_id, requests, blocked, alerted, errors) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (minute, server_group_id) DO UPDATE SET
		requests = traffic.requests + excluded.requests, blocked = traffic.blocked + excluded.blocked,
		alerted = traffic.alerted + excluded.alerted, errors = traffic.errors + excluded.errors`,
		millis(m.Start), m.ServerGroupID, m.Requests, m.Blocked, m.Alerted, m.Errors)
	return err
}

// PutMark writes or replaces a mark.
func (t *Tx) PutMark(ctx context.Context, m Mark) error {
	_, err := t.exec(ctx, `INSERT INTO traffic_marks
		(gateway_id, service_id, server_group_id, started, seen, requests, blocked, alerted, errors)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (gateway_id, service_id, server_group_id) DO UPDATE SET
		started = excluded.started, seen = excluded.seen, requests = excluded.requests,
		blocked = excluded.blocked, alerted = excluded.alerted, errors = excluded.errors`,
		m.GatewayID, m.Traffic.ServiceID, m.Traffic.ServerGroupID, m.Started.UnixNano(), millis(m.Seen),
		m.Traffic.Requests, m.Traffic.Blocked, m.Traffic.Alerted, m.Traffic.Errors)
	return err
}

// ExpireTraffic removes minutes and marks from before a time.
func (t *Tx) ExpireTraffic(ctx context.Context, before time.Time) error {
	if _, err := t.exec(ctx, `DELETE FROM traffic WHERE minute < $1`, millis(before)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM traffic_marks WHERE seen < $1`, millis(before))
	return err
}
