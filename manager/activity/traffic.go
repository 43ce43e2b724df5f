package activity

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
)

// traffic turns the counters of the gateways, which run from their start, into
// counts by minute. It survives restarts of gateways and of the manager: the store
// keeps both the minutes and how far each counter has been added to them, written in
// one transaction.
type traffic struct {
	flushing sync.Mutex // held while flush writes

	mu      sync.Mutex
	marks   map[markKey]store.Mark
	changed map[markKey]bool
	// minutes are not in the store yet. There are at most as many as server groups
	// times the minutes that the store could not be written.
	minutes map[minuteKey]asset.Traffic
}

type (
	markKey   struct{ gateway, service, group string }
	minuteKey struct {
		minute int64 // Unix
		group  string
	}
)

func newTraffic(marks []store.Mark) *traffic {
	t := &traffic{marks: map[markKey]store.Mark{}, changed: map[markKey]bool{}, minutes: map[minuteKey]asset.Traffic{}}
	for _, m := range marks {
		t.marks[markKey{m.GatewayID, m.Traffic.ServiceID, m.Traffic.ServerGroupID}] = m
	}
	return t
}

// sample adds what the gateways counted since the sample before to the minute of now.
func (t *traffic) sample(now time.Time, gateways []asset.GatewayStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range gateways {
		for _, c := range g.Traffic {
			key := markKey{g.ID, c.ServiceID, c.ServerGroupID}
			last, ok := t.marks[key]
			if !ok || !last.Started.Equal(g.Started) || below(c, last.Traffic) {
				last.Traffic = asset.Traffic{} // it counts from zero again
			}
			delta := asset.Traffic{
				Requests: c.Requests - last.Traffic.Requests, Blocked: c.Blocked - last.Traffic.Blocked,
				Alerted: c.Alerted - last.Traffic.Alerted, Errors: c.Errors - last.Traffic.Errors,
			}
			if ok && delta == (asset.Traffic{}) {
				continue
			}
			t.marks[key] = store.Mark{GatewayID: g.ID, Started: g.Started, Seen: now, Traffic: c}
			t.changed[key] = true
			minute := minuteKey{now.Truncate(time.Minute).Unix(), c.ServerGroupID}
			t.minutes[minute] = sum(t.minutes[minute], delta)
		}
	}
}

func below(a, b asset.Traffic) bool {
	return a.Requests < b.Requests || a.Blocked < b.Blocked || a.Alerted < b.Alerted || a.Errors < b.Errors
}

func sum(a, b asset.Traffic) asset.Traffic {
	a.Requests += b.Requests
	a.Blocked += b.Blocked
	a.Alerted += b.Alerted
	a.Errors += b.Errors
	return a
}

// flush moves the minutes into the store. What cannot be written stays.
func (t *traffic) flush(ctx context.Context, db *store.Store) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	t.mu.Lock()
	minutes := maps.Clone(t.minutes)
	var marks []store.Mark
	for key := range t.changed {
		marks = append(marks, t.marks[key])
	}
	t.mu.Unlock()
	if len(marks) == 0 {
		return nil
	}
	err := db.Write(ctx, func(tx *store.Tx) error {
		for key, c := range minutes {
			if c == (asset.Traffic{}) {
				continue
			}
			err := tx.AddTraffic(ctx, store.Minute{
				Start: time.Unix(key.minute, 0), ServerGroupID: key.group,
				Requests: c.Requests, Blocked: c.Blocked, Alerted: c.Alerted, Errors: c.Errors,
			})
			if err != nil {
				return err
			}
		}
		for _, m := range marks {
			if err := tx.PutMark(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, c := range minutes { // samples may have come in between
		c = asset.Traffic{Requests: -c.Requests, Blocked: -c.Blocked, Alerted: -c.Alerted, Errors: -c.Errors}
		if t.minutes[key] = sum(t.minutes[key], c); t.minutes[key] == (asset.Traffic{}) {
			delete(t.minutes, key)
		}
	}
	for _, m := range marks {
		key := markKey{m.GatewayID, m.Traffic.ServiceID, m.Traffic.ServerGroupID}
		if t.marks[key].Traffic == m.Traffic && t.marks[key].Started.Equal(m.Started) {
			delete(t.changed, key)
		}
	}
	return nil
}

// between returns the counts of [from, to), those in memory included, by minutes or
// longer spans. The first may begin before from.
func (t *traffic) between(ctx context.Context, r store.Reader, from, to time.Time) ([]store.Minute, error) {
	// A flush between the two readings would count twice or not at all.
	t.flushing.Lock()
	defer t.flushing.Unlock()
	step := time.Minute
	switch length := to.Sub(from); { // a month by minutes is more than a chart can show
	case length > 7*24*time.Hour:
		step = time.Hour
	case length > 24*time.Hour:
		step = 10 * time.Minute
	}
	minutes, err := r.Minutes(ctx, from.Truncate(step), to, step)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, c := range t.minutes {
		start := time.Unix(key.minute, 0).UTC()
		if start.Add(time.Minute).After(from) && start.Before(to) {
			minutes = append(minutes, store.Minute{
				Start: start, Span: time.Minute, ServerGroupID: key.group,
				Requests: c.Requests, Blocked: c.Blocked, Alerted: c.Alerted, Errors: c.Errors,
			})
		}
	}
	return minutes, nil
}

// part is how many of n requests, spread evenly over [start, end), fall into
// [from, to). Parts that lie side by side add up without loss.
func part(n int64, start, end, from, to time.Time) int64 {
	until := func(t time.Time) int64 {
		switch {
		case !t.After(start):
			return 0
		case !t.Before(end):
			return n
		}
		return int64(math.Round(float64(n) * float64(t.Sub(start)) / float64(end.Sub(start))))
	}
	return until(to) - until(from)
}

// span is the time that m counts, as far as it has passed by now.
func span(m store.Minute, now time.Time) (start, end time.Time) {
	start, end = m.Start, m.Start.Add(m.Span)
	if now.After(start) && now.Before(end) {
		end = now
	}
	return start, end
}

// clip reduces each count to the part of it in [from, to).
func clip(minutes []store.Minute, from, to, now time.Time) []store.Minute {
	out := make([]store.Minute, len(minutes))
	for i, m := range minutes {
		start, end := span(m, now)
		m.Requests = part(m.Requests, start, end, from, to)
		m.Blocked = part(m.Blocked, start, end, from, to)
		m.Alerted = part(m.Alerted, start, end, from, to)
		m.Errors = part(m.Errors, start, end, from, to)
		out[i] = m
	}
	return out
}

// spread divides the requests of minutes over the buckets of [from, to) that start
// at times. Their sum is that of clip, so a chart and the number above it agree.
func spread(minutes []store.Minute, times []time.Time, from, to, now time.Time) []int64 {
	buckets := make([]int64, len(times))
	for _, m := range minutes {
		start, end := span(m, now)
		i, _ := slices.BinarySearchFunc(times, start, time.Time.Compare)
		for i = max(i-1, 0); i < len(times); i++ {
			lo, hi := times[i], to
			if i == 0 {
				lo = from
			}
			if i+1 < len(times) {
				hi = times[i+1]
			}
			buckets[i] += part(m.Requests, start, end, lo, hi)
			if !hi.Before(end) {
				break
			}
		}
	}
	return buckets
}
