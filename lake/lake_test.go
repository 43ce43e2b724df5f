package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/ringwall/ringwall/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Lake {
	t.Helper()
	l, err := Open(Config{Dir: dir}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// sample makes n events, one a second from start, of a mixed kind that depends on
// the seed alone.
func sample(start time.Time, n int, seed uint64) []*event.Event {
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var list []*event.Event
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		id := uuid.Must(uuid.NewV7()).String()
		// The id's time is the event's, as the gateway makes it.
		ms := fmt.Sprintf("%012x", at.UnixMilli())
		id = ms[:8] + "-" + ms[8:] + id[13:]
		e := &event.Event{
			Schema:        event.SchemaVersion,
			ID:            id,
			Time:          at,
			Kind:          event.Access,
			Action:        event.Pass,
			Gateway:       "gw-1",
			Account:       pick("", "111122223333"),
			Region:        pick("eu-west-1", "us-east-1"),
			Site:          pick("shop", "my blog"),
			SiteID:        "site-1",
			ServerGroup:   "web",
			ServerGroupID: "group-1",
			Service:       "web",
			ServiceID:     "service-1",
			Mode:          "active",
			Client:        pick("192.0.2.1", "198.51.100.7", "2001:db8::1"),
			Request: event.Request{
				Method:  pick("GET", "POST"),
				Host:    pick("shop.example", "blog.example"),
				Path:    pick("/", "/search", "/a_b%20c", "/a*b"),
				Query:   pick("", "q=x", "q=%27+UNION%20select", "bad=%zz%ff"),
				TLS:     pick("", "TLS 1.3 TLS_AES_128_GCM_SHA256"),
				Headers: []event.Header{{Name: "User-Agent", Value: pick("Mozilla/5.0", "sqlmap/1.7")}},
			},
			Response: event.Response{Status: []int{200, 404, 403}[r.IntN(3)], Duration: time.Duration(r.IntN(1000)) * time.Microsecond},
		}
		if r.IntN(3) > 0 {
			e.Action = event.Action(pick("block", "alert"))
			e.Kind = event.Detection
			e.Verdict = event.Verdict{
				Score:   5,
				Blocked: true,
				Matches: []event.Match{
					{
						RuleID:   942100,
						Message:  "SQL Injection Attack Detected via libinjection",
						Severity: "critical",
						Score:    5,
						Tags:     []string{"attack-sqli"},
					},
				},
			}
			if r.IntN(2) == 0 {
				e.Verdict.Score = 8
				e.Verdict.Matches = append(
					e.Verdict.Matches,
					event.Match{
						RuleID:   920350,
						Message:  "Host header is a numeric IP address",
						Severity: "warning",
						Score:    3,
						Tags:     []string{"attack-protocol"},
					},
				)
			}
		}
		list = append(list, e)
	}
	return list
}

func all(filter string) event.Query {
	return event.Query{From: noon.AddDate(-1, 0, 0), To: noon.AddDate(1, 0, 0), Filter: filter, Limit: 10000, Buckets: 10}
}

func list(t *testing.T, l *Lake, q event.Query) []event.Summary {
	t.Helper()
	p, err := l.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return p.Events
}

func add(t *testing.T, l *Lake, last uint64, batch []*event.Event) {
	t.Helper()
	if err := l.Append(t.Context(), "gw-1", last, batch); err != nil {
		t.Fatal(err)
	}
}

func summaries(events []*event.Event) []event.Summary {
	var out []event.Summary
	for _, e := range slices.Backward(events) {
		out = append(out, e.Summary())
	}
	return out
}

func TestAppendedEventsAreFoundAtOnceAndWhole(t *testing.T) {
	l := open(t, t.TempDir())
	if got := list(t, l, all("")); len(got) != 0 {
		t.Fatalf("empty lake: %v", got)
	}
	events := sample(noon.Add(-12*time.Hour-30*time.Second), 60, 1) // over midnight
	add(t, l, 60, events)
	if diff := cmp.Diff(summaries(events), list(t, l, all(""))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got, err := l.Get(t.Context(), events[7].ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*events[7], got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := l.Get(t.Context(), "nonsense"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
	days, _ := filepath.Glob(filepath.Join(l.cfg.Dir, "events", "day=*"))
	if len(days) != 2 {
		t.Errorf("partitions: %v", days)
	}
}

func TestPagesCoverEverythingOnce(t *testing.T) {
	l := open(t, t.TempDir())
	events := sample(noon, 250, 2)
	for _, e := range events {
		e.Time = e.Time.Truncate(10 * time.Second) // ten at the same time
	}
	add(t, l, 250, events)
	q := all("")
	q.Limit = 33
	seen := map[string]bool{}
	for range 20 {
		p, err := l.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if seen[e.ID] {
				t.Fatalf("%s twice", e.ID)
			}
			seen[e.ID] = true
		}
		if q.Cursor = p.Next; p.Next == "" {
			break
		}
	}
	if len(seen) != 250 {
		t.Fatalf("saw %d of 250", len(seen))
	}
}

func TestABatchIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	events := sample(noon, 10, 3)
	add(t, l, 10, events)
	add(t, l, 10, events) // the caller did not hear of its success
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	add(t, l, 10, events)
	if n := len(list(t, l, all(""))); n != 10 {
		t.Fatalf("%d events, want 10", n)
	}
	if at, err := l.Offset("gw-1"); at != 10 || err != nil {
		t.Fatalf("offset %d, %v", at, err)
	}
}

func TestLeftoversOfAKilledProcessAreRemoved(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	add(t, l, 5, sample(noon, 5, 4))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	day := filepath.Join(dir, "events", "day=2026-11-22")
	for _, name := range []string{"half.parquet", "half.parquet.tmp"} {
		if err := os.WriteFile(filepath.Join(day, name), []byte("PAR1 torn"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json.tmp"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	if n := len(list(t, l, all(""))); n != 5 {
		t.Fatalf("%d events, want 5", n)
	}
	files, _ := filepath.Glob(filepath.Join(day, "*"))
	if len(files) != 1 {
		t.Fatalf("files: %v", files)
	}
}

func TestReadersWorkBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "ringwall up") {
		t.Fatalf("no lake: %v", err)
	}
	l := open(t, dir)
	if _, err := Open(Config{Dir: dir}, quiet); !errors.Is(err, ErrLocked) {
		t.Fatalf("second writer: %v", err)
	}
	r, err := OpenReader(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	events := sample(noon, 300, 5)
	for i := 0; i < 300; i += 10 {
		add(t, l, uint64(i+10), events[i:i+10])
		if err := l.Maintain(t.Context(), noon); err != nil {
			t.Fatal(err)
		}
		if n := len(list(t, r, all(""))); n != i+10 {
			t.Fatalf("reader sees %d, want %d", n, i+10)
		}
	}
}

func TestCompactionChangesNothingButTheFiles(t *testing.T) {
	l := open(t, t.TempDir())
	events := sample(noon, 400, 6)
	for i := 0; i < 400; i += 4 {
		add(t, l, uint64(i+4), events[i:i+4])
	}
	before := list(t, l, all(""))
	if err := l.Maintain(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, list(t, l, all(""))); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	m := l.manifest.Load()
	if len(m.Files) >= 30 || len(m.Dropped) == 0 {
		t.Errorf("%d files, %d dropped", len(m.Files), len(m.Dropped))
	}
	if n, _, err := l.Size(t.Context()); err != nil || n != 400 {
		t.Errorf("size says %d events", n)
	}
	onDisk := func() (n int) {
		_ = filepath.WalkDir(filepath.Join(l.cfg.Dir, "events"), func(_ string, d fs.DirEntry, _ error) error {
			if !d.IsDir() {
				n++
			}
			return nil
		})
		return n
	}
	if n := onDisk(); n != len(m.Files)+len(m.Dropped) {
		t.Errorf("dropped files must stay for running queries: %d on disk", n)
	}
	if err := l.Maintain(t.Context(), noon.Add(grace+time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(); n != len(l.manifest.Load().Files) {
		t.Errorf("%d on disk, %d in the manifest", n, len(l.manifest.Load().Files))
	}
}

func TestRetention(t *testing.T) {
	l := open(t, t.TempDir())
	for i := range 5 {
		add(t, l, uint64(i+1), sample(noon.AddDate(0, 0, -i), 1, 7))
	}
	l.cfg.RetentionDays = 2
	if err := l.Maintain(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, l, all(""))); n != 3 {
		t.Errorf("after retention of 2 days: %d events, want 3", n)
	}
	l.cfg.MaxBytes = 1
	if err := l.Maintain(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if got := list(t, l, all("")); len(got) != 1 || !got[0].Time.Equal(noon) {
		t.Errorf("today must stay: %v", got)
	}
}

var filters = []string{
	"",
	"action:block",
	"-action:pass",
	"NOT action:pass",
	"NOT -action:pass",
	"attack:sqli",
	"-attack:protocol",
	"rule:920350",
	"rule:>=942000",
	"-rule:<942000",
	"site:\"my blog\"",
	"site:my*",
	"site:*o*",
	"client:2001:db8::1",
	"client:198.*",
	"path:/a_b*",
	"path:/a?b*",
	"path:*%20*",
	"path:/a*b",
	"user_agent:sqlmap*",
	"status:403",
	"status:>=400 status:<404",
	"score:8",
	"score:>=5 -score:8",
	"duration_us:<500",
	"method:GET host:shop.example",
	"kind:detection",
	"-kind:access",
	"account:",
	"account:1111*",
	"region:us-east-1",
	"site_id:site-1 service_id:service-1",
	"server_group_id:x",
	"message:SQL*",
	"tls:",
	"tls:TLS*",
	"message:*numeric*",
	"message:",
	"\"union select\"",
	"UNION",
	"-union",
	"libinjection",
	"numeric ip",
	"%zz",
	"\"NOT\"",
	"mozilla -libinjection",
	"query:",
	"-query:",
	"severity:critical",
	"path:\"<b>\"",
	"query:\">1\"",
	"attack:",
	"http://x",
	"q=x",
	"action:block OR action:alert",
	"attack:sqli OR attack:xss OR status:200",
	"(attack:sqli OR attack:xss) action:block",
	"action:block (attack:sqli OR -client:198.*)",
	"-(attack:sqli OR attack:xss)",
	"NOT (attack:sqli OR attack:xss) method:GET",
	"NOT(attack:sqli)",
	"((action:block))",
	"-(-(action:block))",
	"action:block attack:sqli OR action:pass status:200",
	`path:\*`,
	`path:/a\*b`,
	`path:/a\*b*`,
	`path:"/a\*b"`,
	`path:"/a\\*"`,
	`path:*\**`,
	`-path:*\**`,
	`\*`,
	`"a\*b"`,
	"alert(1)",
	"(alert(1) OR path:/a(b))",
	`"(" OR ")"`,
	`"OR"`,
	"ORDER",
	"NOTE",
	"a)",
	"q=(y)",
	"(path:\"a)\" OR path:/)",
}

// What the engine and the live tail say of an event must be the same.
func TestFiltersMeanTheSameInSQLAndInMemory(t *testing.T) {
	l := open(t, t.TempDir())
	events := sample(noon, 300, 8)
	add(t, l, 300, events)
	for _, text := range filters {
		f, err := event.ParseFilter(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var want []string
		for _, e := range slices.Backward(events) {
			if f.Match(e) {
				want = append(want, e.ID)
			}
		}
		var got []string
		for _, s := range list(t, l, all(text)) {
			got = append(got, s.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %d in memory, %d in SQL", text, len(want), len(got))
		}
	}
	// The language must be able to tell events apart at all.
	for text, some := range map[string]bool{"attack:sqli": true, "\"union select\"": true, "client:10.0.0.1": false, "site:\"my blog\"": true, "path:/a*b": true, "attack:sqli OR client:10.0.0.1": true, "-(action:block OR action:alert OR action:pass)": false, `path:*\**`: true} {
		if n := len(list(t, l, all(text))); (n > 0) != some || n == 300 {
			t.Errorf("%q finds %d of 300", text, n)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range filters {
		f.Add(s)
	}
	dir := f.TempDir()
	l, err := Open(Config{Dir: dir}, quiet)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = l.Close() })
	events := sample(noon, 20, 9)
	if err := l.Append(context.Background(), "gw-1", 20, events); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := event.ParseFilter(text)
		if err != nil {
			var fe *event.FilterError
			if !errors.As(err, &fe) {
				t.Fatalf("%q: %v is no FilterError", text, err)
			}
			return
		}
		want := 0
		for _, e := range events {
			if parsed.Match(e) {
				want++
			}
		}
		p, err := l.List(t.Context(), all(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if len(p.Events) != want {
			t.Fatalf("%q: %d in SQL, %d in memory", text, len(p.Events), want)
		}
	})
}

func TestFacetsHistogramAndStatsCountTheSameEvents(t *testing.T) {
	l := open(t, t.TempDir())
	events := sample(noon, 200, 10)
	add(t, l, 200, events)
	q := event.Query{From: noon, To: noon.Add(200 * time.Second), Buckets: 7, Filter: "-path:/"}
	n := map[event.Action]int64{}
	sqli := int64(0)
	for _, e := range events {
		if e.Request.Path == "/" {
			continue
		}
		n[e.Action]++
		if slices.Contains(e.Attacks(), "sqli") {
			sqli++
		}
	}
	f, err := l.Facets(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if f.Total != n[event.Block]+n[event.Alert]+n[event.Pass] {
		t.Errorf("total %d, want %v", f.Total, n)
	}
	for _, v := range f.Fields[0].Values {
		if v.Count != n[event.Action(v.Value)] {
			t.Errorf("facet %+v, want %v", v, n)
		}
	}
	if v := f.Fields[1].Values[0]; v != (event.FacetValue{Value: "sqli", Label: "SQL injection", Count: sqli}) {
		t.Errorf("attack facet %+v, want %d", v, sqli)
	}
	if v := f.Fields[6].Values[0]; v.Value != "942100" || !strings.Contains(v.Label, "libinjection") {
		t.Errorf("rule facet %+v", v)
	}
	h, err := l.Histogram(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(list []int64) (s int64) {
		for _, v := range list {
			s += v
		}
		return s
	}
	if sum(h.Block) != n[event.Block] || sum(h.Alert) != n[event.Alert] || sum(h.Pass) != n[event.Pass] || len(h.Times) != 7 {
		t.Errorf("histogram %+v, want %v", h, n)
	}
	s, err := l.Stats(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if s.Blocked != n[event.Block] || s.Alerted != n[event.Alert] || s.Attacks[0].Count != sqli || sum(s.AttacksOverTime[0].Counts) != sqli ||
		len(s.TopSources) != 3 ||
		s.TopRules[0].RuleID != 942100 {
		t.Errorf("stats %+v, want %v", s, n)
	}
}

func TestSQLIsReadOnlyAndConfined(t *testing.T) {
	l := open(t, t.TempDir())
	add(t, l, 50, sample(noon, 50, 11))
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a,b\n1,hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := l.SQL(
		t.Context(),
		"SELECT count(*) AS n, sum(score) AS s, max(time) AS last, list(DISTINCT action ORDER BY action) AS actions FROM events",
		10,
	)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"n",
		"s",
		"last",
		"actions",
	}; !slices.Equal(got.Columns, want) || got.Rows[0][0] != int64(50) ||
		got.Rows[0][2] != noon.Add(49*time.Second) {
		t.Fatalf("got %+v", got)
	}
	if got, err := l.SQL(t.Context(), "SELECT id FROM events", 7); err != nil || len(got.Rows) != 7 || !got.Truncated {
		t.Fatalf("limit: %d rows, truncated %v, %v", len(got.Rows), got.Truncated, err)
	}
	for _, statement := range []string{
		"SELECT * FROM read_csv('" + secret + "')",
		"SELECT * FROM read_text('/etc/passwd')",
		"COPY (SELECT 1) TO '" + filepath.Join(l.cfg.Dir, "x.csv") + "'",
		"COPY events TO '" + secret + "'",
		"SELECT 1; DROP VIEW events",
		"DROP VIEW events",
		"CREATE TABLE x AS SELECT 1",
		"SET memory_limit = '100GB'",
		"PRAGMA memory_limit='1GB'",
		"ATTACH '" + secret + ".db'",
		"INSTALL httpfs", "LOAD httpfs",
		"EXPORT DATABASE '" + l.cfg.Dir + "/out'",
		"CALL pragma_version()",
		"SELEC 1", "", ";",
	} {
		if got, err := l.SQL(t.Context(), statement, 10); err == nil {
			t.Errorf("%q ran: %+v", statement, got)
		}
	}
	var qe *QueryError
	if _, err := l.SQL(t.Context(), "SELECT clint FROM events", 1); !errors.As(err, &qe) || !strings.Contains(qe.Msg, "client") {
		t.Errorf("a mistyped column must be named with the nearest known: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.SQL(ctx, "SELECT 1", 1); err == nil {
		t.Error("a cancelled query ran")
	}
}

func TestSubscribersGetWhatMatchesAndHearOfDrops(t *testing.T) {
	l := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	events, dropped, err := l.Subscribe(ctx, "action:block")
	if err != nil {
		t.Fatal(err)
	}
	batch := sample(noon, 2000, 12)
	add(t, l, 2000, batch)
	var want []string
	for _, e := range batch {
		if e.Action == event.Block {
			want = append(want, e.ID)
		}
	}
	for i := range tailBuffer {
		if s := <-events; s.ID != want[i] {
			t.Fatalf("event %d: got %s, want %s", i, s.ID, want[i])
		}
	}
	if n := dropped(); n != int64(len(want)-tailBuffer) {
		t.Errorf("dropped %d of %d", n, len(want))
	}
	cancel()
	if _, ok := <-events; ok {
		t.Error("an event after the end")
	}
	if _, _, err := l.Subscribe(t.Context(), "x:y"); err == nil {
		t.Error("a bad filter was accepted")
	}
}
