package manager

import (
	"context"
	"maps"
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

// between returns the counts of [from, to) by minute, those in memory included.
func (t *traffic) between(ctx context.Context, r store.Reader, from, to time.Time) ([]store.Minute, error) {
	// A flush between the two readings would count twice or not at all.
	t.flushing.Lock()
	defer t.flushing.Unlock()
	minutes, err := r.Minutes(ctx, from.Truncate(time.Minute), to)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, c := range t.minutes {
		start := time.Unix(key.minute, 0).UTC()
		if start.Add(time.Minute).After(from) && start.Before(to) {
			minutes = append(minutes, store.Minute{
				Start: start, ServerGroupID: key.group,
				Requests: c.Requests, Blocked: c.Blocked, Alerted: c.Alerted, Errors: c.Errors,
			})
		}
	}
	return minutes, nil
}

// spread divides the requests of minutes over the buckets that start at times, the
// last of which ends at to. A minute that lies in several buckets is divided by
// time, and the minute of now ends now. Nothing is lost by rounding.
func spread(minutes []store.Minute, times []time.Time, to, now time.Time) []int64 {
	buckets := make([]int64, len(times))
	byMinute := map[int64]int64{}
	for _, m := range minutes {
		byMinute[m.Start.Unix()] += m.Requests
	}
	for _, unix := range slices.Sorted(maps.Keys(byMinute)) {
		start := time.Unix(unix, 0)
		end := start.Add(time.Minute)
		if now.After(start) && now.Before(end) {
			end = now
		}
		requests, given := byMinute[unix], int64(0)
		// Each bucket gets what is due by its end less what was given before.
		for i := range times {
			bucketEnd := to
			if i+1 < len(times) {
				bucketEnd = times[i+1]
			}
			if !bucketEnd.After(start) {
				continue
			}
			due := share(requests, bucketEnd.Sub(start), end.Sub(start))
			if i == 0 || !times[i].After(start) {
				given = share(requests, times[i].Sub(start), end.Sub(start))
			}
			buckets[i] += due - given
			given = due
			if !bucketEnd.Before(end) {
				break
			}
		}
	}
	return buckets
}

// share is the part of n that falls into the first d of whole.
func share(n int64, d, whole time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	if d >= whole {
		return n
	}
	return int64(float64(n) * (float64(d) / float64(whole)))
}
