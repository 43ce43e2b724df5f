package activity

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestSpreadDividesByTimeAndLosesNothing(t *testing.T) {
	minute := func(at time.Duration, n int64) store.Minute {
		return store.Minute{Start: noon.Add(at), Span: time.Minute, Requests: n}
	}
	for name, c := range map[string]struct {
		minutes  []store.Minute
		from, to time.Duration
		buckets  int
		now      time.Duration
		want     []int64
	}{
		"a minute a bucket": {
			[]store.Minute{minute(0, 5), minute(2*time.Minute, 7)}, 0, 3 * time.Minute, 3, time.Hour, []int64{5, 0, 7},
		},
		"several buckets a minute": {[]store.Minute{minute(0, 10)}, 0, time.Minute, 4, time.Hour, []int64{3, 2, 3, 2}},
		"several minutes a bucket": {
			[]store.Minute{minute(0, 1), minute(time.Minute, 2), minute(3*time.Minute, 4)}, 0, 4 * time.Minute, 2, time.Hour, []int64{3, 4},
		},
		"the minute of now ends now": {[]store.Minute{minute(0, 8)}, 0, 20 * time.Second, 2, 20 * time.Second, []int64{4, 4}},
		"only a part is asked for": {
			[]store.Minute{minute(0, 60)}, 15 * time.Second, 45 * time.Second, 3, time.Hour, []int64{10, 10, 10},
		},
		"unaligned buckets": {
			[]store.Minute{minute(0, 60), minute(time.Minute, 60)}, 30 * time.Second, 90 * time.Second, 2, time.Hour, []int64{30, 30},
		},
		"a longer span": {
			[]store.Minute{{Start: noon, Span: time.Hour, Requests: 60}}, 0, time.Hour, 3, 2 * time.Hour, []int64{20, 20, 20},
		},
		"the very first moment of a minute": {[]store.Minute{minute(0, 3)}, -time.Minute, time.Second, 1, 0, []int64{0}},
	} {
		times := bucketTimes(noon.Add(c.from), noon.Add(c.to), c.buckets)
		if got := spread(c.minutes, times, noon.Add(c.from), noon.Add(c.to), noon.Add(c.now)); !slices.Equal(got, c.want) {
			t.Errorf("%s: want %v, got %v", name, c.want, got)
		}
	}
}

func TestChartAddsUpToItsNumber(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		now := noon.Add(time.Duration(random.Int64N(int64(time.Hour))))
		from := noon.Add(time.Duration(random.Int64N(int64(time.Hour))) - 30*time.Minute)
		to := from.Add(1 + time.Duration(random.Int64N(int64(time.Hour))))
		var minutes []store.Minute
		for i := range 60 {
			if start := noon.Add(time.Duration(i) * time.Minute); !start.After(now) {
				minutes = append(
					minutes, store.Minute{Start: start, Span: time.Minute, Requests: random.Int64N(20), ServerGroupID: "a"},
					store.Minute{Start: start, Span: time.Minute, Requests: random.Int64N(3), ServerGroupID: "b"},
				)
			}
		}
		times := bucketTimes(from, to, 1+random.IntN(90))
		var chart, number int64
		for _, n := range spread(minutes, times, from, to, now) {
			if n < 0 {
				t.Fatalf("a bucket holds %d", n)
			}
			chart += n
		}
		for _, m := range clip(minutes, from, to, now) {
			number += m.Requests
		}
		if chart != number {
			t.Fatalf("from %v to %v at %v: chart %d, number %d", from, to, now, chart, number)
		}
	}
}

func status(id string, started time.Time, requests int64) asset.GatewayStatus {
	return asset.GatewayStatus{ID: id, Started: started, Traffic: []asset.Traffic{{ServiceID: "v", ServerGroupID: "g", Requests: requests}}}
}

func TestCountersThatStartAgainAreCountedOn(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tr := newTraffic(nil)
	total := func() (n int64) {
		minutes, err := tr.between(t.Context(), db.Reader, noon, noon.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range minutes {
			n += m.Requests
		}
		return n
	}
	now := noon
	for i, step := range []struct {
		status []asset.GatewayStatus
		want   int64
	}{
		{[]asset.GatewayStatus{status("a", noon, 5)}, 5},
		{[]asset.GatewayStatus{status("a", noon, 5), status("b", noon, 7)}, 12},
		{nil, 12}, // both are away
		{[]asset.GatewayStatus{status("a", noon, 6)}, 13},
		{[]asset.GatewayStatus{status("a", noon.Add(time.Minute), 6)}, 19}, // a restart that reached the same count
		{[]asset.GatewayStatus{status("a", noon.Add(time.Minute), 2)}, 21}, // a count that went down
		{[]asset.GatewayStatus{status("a", noon.Add(time.Minute), 2), status("b", noon, 8)}, 22},
	} {
		now = now.Add(20 * time.Second)
		tr.sample(now, step.status)
		if got := total(); got != step.want {
			t.Errorf("step %d: want %d, got %d", i, step.want, got)
		}
		if i%2 == 0 {
			if err := tr.flush(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
		if got := total(); got != step.want {
			t.Errorf("step %d after a flush: want %d, got %d", i, step.want, got)
		}
	}
	if err := tr.flush(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if len(tr.minutes) != 0 || len(tr.changed) != 0 {
		t.Errorf("left in memory: %v, %v", tr.minutes, tr.changed)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tr.sample(now, []asset.GatewayStatus{status("a", noon.Add(time.Minute), 3)})
	if err := tr.flush(cancelled, db); !errors.Is(err, context.Canceled) {
		t.Errorf("flush: %v", err)
	}
	if got := total(); got != 23 {
		t.Errorf("a flush that failed lost something: %d", got)
	}
}

// The overview of thirty busy days with three server groups.
func BenchmarkTrafficOfThirtyDays(b *testing.B) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const minutes = 30 * 24 * 60
	err = db.Write(b.Context(), func(tx *store.Tx) error {
		for i := range minutes {
			for _, group := range []string{"a", "b", "c"} {
				if err := tx.AddTraffic(b.Context(), store.Minute{
					Start: noon.Add(time.Duration(i) * time.Minute), ServerGroupID: group, Requests: int64(i),
				}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	to := noon.Add(minutes * time.Minute)
	times := bucketTimes(noon, to, 60)
	tr := newTraffic(nil)
	b.ReportAllocs()
	for b.Loop() {
		list, err := tr.between(b.Context(), db.Reader, noon, to)
		if err != nil || len(list) != 3*minutes/60 {
			b.Fatal(len(list), err)
		}
		spread(list, times, noon, to, to)
	}
}
