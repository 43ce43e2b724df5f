package lake

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/event"
)

// sqlType is the type of a field in the engine.
func sqlType(t event.FieldType) string {
	switch t {
	case event.Int32:
		return "INTEGER"
	case event.Int64:
		return "BIGINT"
	case event.Time:
		return "TIMESTAMP"
	case event.Bool:
		return "BOOLEAN"
	case event.TextList:
		return "VARCHAR[]"
	case event.Int32List:
		return "INTEGER[]"
	}
	return "VARCHAR"
}

func TestTheViewHasEveryColumnInOrder(t *testing.T) {
	l := open(t, t.TempDir())
	check := func(when string) {
		t.Helper()
		got, err := l.SQL(t.Context(), "DESCRIBE events", 1000)
		if err != nil {
			t.Fatal(err)
		}
		var have, want []string
		for _, row := range got.Rows {
			have = append(have, row[0].(string)+" "+row[1].(string))
		}
		for _, c := range columns {
			want = append(want, c.Name+" "+sqlType(c.Type))
		}
		if diff := gocmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-want +got)\n%s", when, diff)
		}
	}
	check("empty")
	for i := range uint64(mergeAt) {
		add(t, l, 10*(i+1), sample(noon, 10, i))
	}
	check("appended")
	if err := l.Maintain(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if n := len(l.manifest.Load().Files); n != 1 {
		t.Fatalf("%d files after the merge", n)
	}
	check("merged")
}

// A column holds what the field says of the event, as JSON for comparison.
func TestColumnsHoldTheFieldsOfEvents(t *testing.T) {
	l := open(t, t.TempDir())
	events := sample(noon, 50, 21)
	add(t, l, 50, events)
	var list []string
	for _, f := range event.Fields() {
		list = append(list, expression(f)+" AS "+f.Name)
	}
	got, err := l.SQL(t.Context(), "SELECT "+strings.Join(list, ", ")+" FROM events ORDER BY time", 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		for j, f := range event.Fields() {
			want := f.Value(e)
			if list, ok := want.([]string); ok && list == nil {
				want = []string{}
			}
			if have := got.Rows[i][j]; asJSON(t, have) != asJSON(t, want) {
				t.Errorf("event %d, %s: %v, want %v", i, f.Name, have, want)
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryDerivedAndLaterColumnHasAnExpression(t *testing.T) {
	for _, f := range event.Fields() {
		if _, ok := derived[f.Name]; ok != f.Derived {
			t.Errorf("%s: derived %v, expression %v", f.Name, f.Derived, ok)
		}
	}
	dir, _ := oldLake(t)
	l := open(t, dir)
	files := l.manifest.Load().Files
	rows, err := l.db.Query("SELECT name FROM parquet_schema(" + quote(filepath.Join(dir, files[0].Path)) + ")")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	first := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		first[name] = true
	}
	if err := rows.Err(); err != nil || len(first) < 40 {
		t.Fatalf("%d names, %v", len(first), err)
	}
	for _, c := range columns {
		if _, later := upgrades[c.Name]; later == first[c.Name] {
			t.Errorf("column %s: in files of the first version %v, in upgrades %v", c.Name, first[c.Name], later)
		}
	}
	summaryFields() // panics if a member has no field
}

// oldLake copies the lake that an earlier version wrote and returns its events.
func oldLake(t *testing.T) (dir string, events []*event.Event) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "v1"))); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "events.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &events); err != nil {
		t.Fatal(err)
	}
	if len(events) != 40 || events[0].Kind == "" {
		t.Fatalf("%d events, the first of kind %q", len(events), events[0].Kind)
	}
	return dir, events
}

func TestFilesOfTheFirstVersionAreReadAsIfWrittenToday(t *testing.T) {
	dir, events := oldLake(t)
	l := open(t, dir)
	check := func(when string, events []*event.Event, filters []string) {
		t.Helper()
		if diff := gocmp.Diff(summaries(events), list(t, l, all(""))); diff != "" {
			t.Errorf("%s: list (-want +got)\n%s", when, diff)
		}
		for _, text := range append(filters, "service_id:service-1", "message:Heaviest*", "kind:access") {
			f, err := event.ParseFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			for _, e := range events {
				if f.Match(e) {
					want++
				}
			}
			if got := len(list(t, l, all(text))); got != want {
				t.Errorf("%s: %q finds %d, want %d", when, text, got, want)
			}
		}
		for _, e := range events {
			got, err := l.Get(t.Context(), e.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(*e, got); diff != "" {
				t.Fatalf("%s (-want +got)\n%s", when, diff)
			}
		}
		n := 0
		q := event.MatchQuery{From: all("").From, To: all("").To, ServiceID: "service-1", RuleID: 942100, Limit: 1000}
		if _, err := l.Matched(t.Context(), q, func(*event.Event) { n++ }); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, e := range events {
			if slices.Contains(e.RuleIDs(), 942100) {
				want++
			}
		}
		if n != want || n == 0 {
			t.Errorf("%s: matched %d, want %d", when, n, want)
		}
	}
	check("old", events, nil)
	for i := range uint64(mergeAt) { // they become one file with the old ones
		more := sample(noon.AddDate(0, 0, 1), 3, 100+i)
		events = append(events, more...)
		if err := l.Append(t.Context(), "gw-2", 3*(i+1), more); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(events, func(a, b *event.Event) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.ID, b.ID))
	})
	check("old and new", events, filters)
	m := l.manifest.Load()
	if err := l.merge(t.Context(), m.Files[:2], noon); err != nil {
		t.Fatal(err)
	}
	check("merged", events, nil)
	for _, f := range l.manifest.Load().Files {
		if f.Columns != len(columns) {
			t.Errorf("%s has %d columns", f.Path, f.Columns)
		}
	}
}

// The guide has a row for each column, in the same order.
func TestTheGuideHasEveryColumn(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "docs", "guide", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "\n## Columns\n")
	if !ok {
		t.Fatal("docs/guide/events.md has no section Columns")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	var have, want []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.TrimSpace(cells[1]) != "column" && !strings.HasPrefix(cells[1], "-") {
			have = append(have, strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[2])+" "+strings.TrimSpace(cells[4]))
		}
	}
	for _, c := range columns {
		want = append(want, c.Name+" "+sqlType(c.Type)+" "+c.OCSF)
	}
	if diff := gocmp.Diff(want, have); diff != "" {
		t.Errorf("columns in docs/guide/events.md (-want +got)\n%s", diff)
	}
	var names []string
	for _, f := range event.FilterFields() {
		names = append(names, "`"+f+"`")
	}
	if fields := strings.Join(names, ", "); !strings.Contains(string(b), fields) {
		t.Errorf("docs/guide/events.md does not list the filter fields %s", fields)
	}
}
