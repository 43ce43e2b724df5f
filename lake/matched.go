package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ringwall/ringwall/event"
)

// Matched calls fn with the newest events that q asks for, in no particular order,
// and tells whether there were more than q.Limit. Tags are looked for in the event's
// text, so fn may get some events that only mention them.
func (l *Lake) Matched(ctx context.Context, q event.MatchQuery, fn func(*event.Event)) (more bool, err error) {
	s, err := l.selection(event.Query{From: q.From, To: q.To})
	if err != nil {
		return false, err
	}
	if q.Tag != "" {
		s.where += " AND action <> 'pass' AND contains(event, ?)"
		s.args = append(s.args, jsonText(q.Tag))
	} else {
		s.where += " AND len(list_filter(rule_ids, lambda x: x >= ? AND x <= ?)) > 0"
		s.args = append(s.args, q.RuleID, max(q.RuleID, q.RuleIDLast))
	}
	s.where += " AND service_id = ?"
	s.args = append(s.args, q.ServiceID)
	// Events are large: the time of the oldest one that is still wanted is found
	// first, so that nothing has to be sorted with them.
	var newest, oldest any
	var n int
	bounds := fmt.Sprintf("SELECT count(*), max(time), min(time) FROM (SELECT time FROM %s WHERE %s ORDER BY time DESC LIMIT %d)",
		s.from, s.where, q.Limit+1)
	err = l.db.QueryRowContext(ctx, bounds, s.args...).Scan(&n, &newest, &oldest)
	if err != nil || n == 0 {
		return false, err
	}
	if more = n > q.Limit; more && newest != oldest {
		s.where += " AND time > ?"
	} else {
		s.where += " AND time >= ?"
	}
	s.args = append(s.args, oldest)
	rows, err := l.db.QueryContext(ctx, fmt.Sprintf("SELECT event FROM %s WHERE %s LIMIT %d", s.from, s.where, q.Limit), s.args...)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var whole string
		if err := rows.Scan(&whole); err != nil {
			return false, err
		}
		var e event.Event
		if err := json.Unmarshal([]byte(whole), &e); err != nil {
			return false, fmt.Errorf("event in the lake: %w", err)
		}
		fn(&e)
	}
	return more, rows.Err()
}

// jsonText is s as it stands in an event's JSON.
func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(b)
}
