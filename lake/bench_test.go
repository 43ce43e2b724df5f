package lake

import (
	"testing"
	"time"

	"github.com/ringwall/ringwall/event"
)

// BenchmarkConsole asks what the console asks, of 100,000 events that were appended
// in batches and merged as in operation.
//
//	go test -run xxx -bench Console ./lake
func BenchmarkConsole(b *testing.B) {
	l, err := Open(Config{Dir: b.TempDir()}, quiet)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	const total, batch = 100_000, 1000
	start := noon.Add(-6 * time.Hour)
	var some *event.Event
	for i := 0; i < total; i += batch {
		events := sample(start.Add(time.Duration(i)*time.Second/5), batch, uint64(i))
		some = events[3]
		if err := l.Append(b.Context(), "gw-1", uint64(i+batch), events); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Maintain(b.Context(), noon); err != nil {
		b.Fatal(err)
	}
	q := event.Query{From: start.Add(-time.Hour), To: noon.Add(time.Hour), Limit: 200, Buckets: 60}
	filtered := q
	filtered.Filter = "attack:sqli -client:192.0.2.1 \"union select\""
	ask := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	ask("list", func() error { _, err := l.List(b.Context(), q); return err })
	ask("list-filtered", func() error { _, err := l.List(b.Context(), filtered); return err })
	ask("facets", func() error { _, err := l.Facets(b.Context(), q); return err })
	ask("histogram", func() error { _, err := l.Histogram(b.Context(), q); return err })
	ask("stats", func() error { _, err := l.Stats(b.Context(), q); return err })
	ask("get", func() error { _, err := l.Get(b.Context(), some.ID); return err })
	matched := event.MatchQuery{From: q.From, To: q.To, RuleID: 942100, Limit: 20_000} // the limit of a preview
	ask("matched", func() error { _, err := l.Matched(b.Context(), matched, func(*event.Event) {}); return err })
	ask("sql", func() error { _, err := l.SQL(b.Context(), "SELECT count(*) FROM events", 1); return err })
}

// BenchmarkAppend stores batches of the size that busy seconds make.
func BenchmarkAppend(b *testing.B) {
	l, err := Open(Config{Dir: b.TempDir()}, quiet)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	events := sample(noon, 1000, 1)
	n := uint64(0)
	for b.Loop() {
		n += 1000
		if err := l.Append(b.Context(), "gw-1", n, events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/event")
}
