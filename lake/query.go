package lake

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/event"
)

// selection is a query made ready: where to look and which rows count.
type selection struct {
	from  string
	where string
	args  []any
	// start and width are the buckets, in microseconds.
	start, width int64
	buckets      int
}

// selection parses q and finds the files that can hold what it asks for.
func (l *Lake) selection(q event.Query) (selection, error) {
	f, err := event.ParseFilter(q.Filter)
	if err != nil {
		return selection{}, err
	}
	m, err := l.current()
	if err != nil {
		return selection{}, err
	}
	from, to := q.From.UnixMicro(), q.To.UnixMicro()
	var files []file
	for _, f := range m.Files {
		if f.MinTime < to && f.MaxTime >= from {
			files = append(files, f)
		}
	}
	s := selection{from: l.source(files), start: from}
	condition, args := where(f)
	s.where = "time >= ? AND time < ? AND " + condition
	s.args = append([]any{q.From.UTC(), q.To.UTC()}, args...)
	s.buckets = q.Buckets
	if s.buckets < 1 {
		s.buckets = 60
	}
	s.width = max(1, (to-from+int64(s.buckets)-1)/int64(s.buckets))
	return s, nil
}

// bucket is the SQL expression for a row's bucket number.
func (s selection) bucket() string {
	return fmt.Sprintf("((epoch_us(time) - %d) // %d)::INTEGER", s.start, s.width)
}

func (s selection) times() []time.Time {
	times := make([]time.Time, s.buckets)
	for i := range times {
		times[i] = time.UnixMicro(s.start + int64(i)*s.width).UTC()
	}
	return times
}

// List returns a page of events, newest first.
func (l *Lake) List(ctx context.Context, q event.Query) (event.Page, error) {
	s, err := l.selection(q)
	if err != nil {
		return event.Page{}, err
	}
	if q.Cursor != "" {
		at, id, err := parseCursor(q.Cursor)
		if err != nil {
			return event.Page{}, err
		}
		s.where += " AND (time < ? OR (time = ? AND id < ?))"
		s.args = append(s.args, at, at, id)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 200
	}
	statement := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY time DESC, id DESC LIMIT %d", summaryColumns(), s.from, s.where, limit+1)
	rows, err := l.db.QueryContext(ctx, statement, s.args...)
	if err != nil {
		return event.Page{}, err
	}
	defer rows.Close()
	p := event.Page{Events: []event.Summary{}}
	for rows.Next() {
		e, err := scanSummary(rows)
		if err != nil {
			return event.Page{}, err
		}
		if len(p.Events) == limit {
			last := p.Events[limit-1]
			p.Next = cursor(last.Time, last.ID)
			break
		}
		p.Events = append(p.Events, e)
	}
	return p, rows.Err()
}

func cursor(t time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(t.UnixMicro(), 10) + " " + id))
}

func parseCursor(s string) (time.Time, string, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	at, id, ok := strings.Cut(string(b), " ")
	us, numErr := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || numErr != nil {
		return time.Time{}, "", &event.FilterError{Text: s, Msg: "this is no cursor of an earlier page"}
	}
	return time.UnixMicro(us).UTC(), id, nil
}

// Get returns one event, ErrNotFound if there is none with that id.
func (l *Lake) Get(ctx context.Context, id string) (event.Event, error) {
	m, err := l.current()
	if err != nil {
		return event.Event{}, err
	}
	files := m.Files
	if at, ok := idTime(id); ok {
		// The id is made when the event's time is taken.
		us := at.UnixMicro()
		const slack = int64(time.Minute / time.Microsecond)
		files = slices.DeleteFunc(slices.Clone(files), func(f file) bool { return us < f.MinTime-slack || us > f.MaxTime+slack })
	}
	var whole string
	err = l.db.QueryRowContext(ctx, "SELECT event FROM "+l.source(files)+" WHERE id = ? LIMIT 1", id).Scan(&whole)
	if errors.Is(err, sql.ErrNoRows) {
		return event.Event{}, ErrNotFound
	}
	if err != nil {
		return event.Event{}, err
	}
	var e event.Event
	if err := json.Unmarshal([]byte(whole), &e); err != nil {
		return event.Event{}, fmt.Errorf("event %s: %w", id, err)
	}
	return e, nil
}

// idTime reads the time out of a UUIDv7 (RFC 9562, section 5.7).
func idTime(id string) (time.Time, bool) {
	if len(id) != 36 || id[14] != '7' {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	return time.UnixMilli(ms), err == nil
}

// Facets counts the most frequent values of each field.
func (l *Lake) Facets(ctx context.Context, q event.Query) (event.Facets, error) {
	s, err := l.selection(q)
	if err != nil {
		return event.Facets{}, err
	}
	fields := event.FacetFields()
	names := make([]string, len(fields))
	out := event.Facets{Fields: make([]event.Facet, len(fields))}
	for i, f := range fields {
		names[i] = expression(f)
		out.Fields[i] = event.Facet{Field: f.Filter, Values: []event.FacetValue{}}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "WITH m AS MATERIALIZED (SELECT %s FROM %s WHERE %s)\n", strings.Join(names, ", "), s.from, s.where)
	b.WriteString("SELECT -1 AS field, '' AS value, count(*) AS n FROM m\n")
	for i, f := range fields {
		fmt.Fprintf(&b, "UNION ALL (SELECT %d, value, count(*) AS n FROM (SELECT %s AS value FROM m) "+
			"WHERE value IS NOT NULL GROUP BY value ORDER BY n DESC, value LIMIT 10)\n", i, facetValue(f))
	}
	rows, err := l.db.QueryContext(ctx, b.String(), s.args...)
	if err != nil {
		return event.Facets{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var field int
		var v event.FacetValue
		if err := rows.Scan(&field, &v.Value, &v.Count); err != nil {
			return event.Facets{}, err
		}
		if field < 0 {
			out.Total = v.Count
			continue
		}
		out.Fields[field].Values = append(out.Fields[field].Values, v)
	}
	if err := rows.Err(); err != nil {
		return event.Facets{}, err
	}
	for _, f := range out.Fields {
		slices.SortStableFunc(f.Values, func(a, b event.FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
		})
	}
	return out, l.label(ctx, s, out.Fields)
}

// facetValue is the SQL expression of a facet's value, NULL for what is not counted.
func facetValue(f event.Field) string {
	value := expression(f)
	if f.List() {
		value = "unnest(" + value + ")"
	}
	switch {
	case f.Numeric():
		return value + "::VARCHAR"
	case f.Optional:
		return "nullif(" + value + ", '')"
	}
	return value
}

// label gives the values of facets that are codes their words.
func (l *Lake) label(ctx context.Context, s selection, facets []event.Facet) error {
	for _, f := range facets {
		switch f.Field {
		case "attack":
			for i, v := range f.Values {
				f.Values[i].Label = event.AttackName(v.Value)
			}
		case "rule":
			if err := l.labelRules(ctx, s, f.Values); err != nil {
				return err
			}
		}
	}
	return nil
}

// labelRules finds the message of each rule.
func (l *Lake) labelRules(ctx context.Context, s selection, values []event.FacetValue) error {
	if len(values) == 0 {
		return nil
	}
	statement := fmt.Sprintf("SELECT r::VARCHAR, any_value(msg) "+
		"FROM (SELECT unnest(rule_ids) AS r, unnest(messages) AS msg FROM %s WHERE %s) GROUP BY r", s.from, s.where)
	rows, err := l.db.QueryContext(ctx, statement, s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, message string
		if err := rows.Scan(&id, &message); err != nil {
			return err
		}
		for i := range values {
			if values[i].Value == id {
				values[i].Label = message
			}
		}
	}
	return rows.Err()
}

// Histogram counts events over time by action.
func (l *Lake) Histogram(ctx context.Context, q event.Query) (event.Histogram, error) {
	s, err := l.selection(q)
	if err != nil {
		return event.Histogram{}, err
	}
	h := event.Histogram{Times: s.times(), Block: make([]int64, s.buckets), Alert: make([]int64, s.buckets), Pass: make([]int64, s.buckets)}
	statement := fmt.Sprintf("SELECT %s AS b, action, count(*) FROM %s WHERE %s GROUP BY b, action", s.bucket(), s.from, s.where)
	rows, err := l.db.QueryContext(ctx, statement, s.args...)
	if err != nil {
		return event.Histogram{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var b int
		var action string
		var n int64
		if err := rows.Scan(&b, &action, &n); err != nil {
			return event.Histogram{}, err
		}
		switch event.Action(action) {
		case event.Block:
			h.Block[b] = n
		case event.Alert:
			h.Alert[b] = n
		default:
			h.Pass[b] = n
		}
	}
	return h, rows.Err()
}

// Stats summarises the events that matched a rule.
func (l *Lake) Stats(ctx context.Context, q event.Query) (event.Stats, error) {
	s, err := l.selection(q)
	if err != nil {
		return event.Stats{}, err
	}
	out := event.Stats{
		Times: s.times(), Attacks: []event.AttackCount{}, AttacksOverTime: []event.AttackSeries{},
		TopSources: []event.Count{}, TopTargets: []event.Count{}, TopRules: []event.RuleCount{},
	}
	// One scan for everything: each line is a kind, a bucket or rule, a text and two counts.
	query := fmt.Sprintf(`WITH m AS MATERIALIZED (
	SELECT %s AS b, action = 'block' AS blocked, attack, client, host || path AS target, rule_ids, messages
	FROM %s WHERE %s AND action <> 'pass')
SELECT 'attack' AS kind, b AS num, attack AS text, count(*) AS n, count(*) FILTER (blocked) AS k FROM m GROUP BY b, attack
UNION ALL (SELECT 'source', 0, client, count(*) AS n, count(*) FILTER (blocked) FROM m GROUP BY client ORDER BY n DESC, client LIMIT 10)
UNION ALL (SELECT 'target', 0, target, count(*) AS n, count(*) FILTER (blocked) FROM m GROUP BY target ORDER BY n DESC, target LIMIT 10)
UNION ALL (SELECT 'rule', r, any_value(msg), count(*) AS n, 0
	FROM (SELECT unnest(rule_ids) AS r, unnest(messages) AS msg FROM m) GROUP BY r ORDER BY n DESC, r LIMIT 10)
ORDER BY n DESC, text, num`, s.bucket(), s.from, s.where)
	rows, err := l.db.QueryContext(ctx, query, s.args...)
	if err != nil {
		return event.Stats{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind, text string
		var num int
		var n, k int64
		if err := rows.Scan(&kind, &num, &text, &n, &k); err != nil {
			return event.Stats{}, err
		}
		switch kind {
		case "source":
			out.TopSources = append(out.TopSources, event.Count{Value: text, Count: n, Blocked: k})
		case "target":
			out.TopTargets = append(out.TopTargets, event.Count{Value: text, Count: n, Blocked: k})
		case "rule":
			out.TopRules = append(out.TopRules, event.RuleCount{RuleID: num, Message: text, Count: n})
		default:
			out.Add(text, num, n, k)
		}
	}
	slices.SortFunc(out.Attacks, func(a, b event.AttackCount) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Attack, b.Attack)
	})
	return out, rows.Err()
}
