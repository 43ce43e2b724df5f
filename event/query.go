package event

import (
	"fmt"
	"slices"
	"time"
)

// Query asks for events in [From, To).
type Query struct {
	From, To time.Time
	// Filter is written in the filter language of api/openapi.yaml; empty matches
	// everything. A mistake in it gives a *FilterError.
	Filter string
	// Cursor is Page.Next of the page before, or empty.
	Cursor string
	// Limit is the number of events in a page, Buckets the number of points over
	// time, each where it applies.
	Limit   int
	Buckets int
}

// MatchQuery asks for the events of a service in [From, To) in which rules matched.
type MatchQuery struct {
	From, To  time.Time
	ServiceID string
	// RuleID is a rule, up to RuleIDLast if that is larger; or Tag is a tag of rules.
	RuleID, RuleIDLast int
	Tag                string
	// Limit is the largest number of events.
	Limit int
}

// FilterError is a mistake in a filter or cursor.
type FilterError struct {
	Pos  int // byte offset in the filter
	Text string
	Msg  string
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("filter: %s at character %d (%q)", e.Msg, e.Pos+1, e.Text)
}

// Page is a part of a list of events, newest first.
type Page struct {
	Events []Summary `json:"events"`
	// Next is the cursor of the next page, empty on the last one.
	Next string `json:"next,omitempty"`
}

// Facets are the most frequent values of each field.
type Facets struct {
	Total  int64   `json:"total"`
	Fields []Facet `json:"fields"`
}

// Facet is one field of Facets.
type Facet struct {
	Field  string       `json:"field"`
	Values []FacetValue `json:"values"`
}

// FacetValue is one value with the number of events that have it.
type FacetValue struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"` // plain words where Value is a code
	Count int64  `json:"count"`
}

// Histogram counts events over time. The lists run parallel.
type Histogram struct {
	Times []time.Time `json:"times"` // start of each bucket
	Block []int64     `json:"block"`
	Alert []int64     `json:"alert"`
	Pass  []int64     `json:"pass"`
}

// Stats is the summary behind the overview.
type Stats struct {
	Blocked, Alerted int64
	Attacks          []AttackCount
	Times            []time.Time
	AttacksOverTime  []AttackSeries // Counts run parallel to Times
	TopSources       []Count
	TopTargets       []Count // host and path
	TopRules         []RuleCount
}

// Add counts n events of an attack type, k of them blocked, in a bucket of Times.
func (s *Stats) Add(attack string, bucket int, n, k int64) {
	s.Blocked += k
	s.Alerted += n - k
	i := slices.IndexFunc(s.Attacks, func(a AttackCount) bool { return a.Attack == attack })
	if i < 0 {
		i = len(s.Attacks)
		s.Attacks = append(s.Attacks, AttackCount{Attack: attack, Title: AttackName(attack)})
		counts := make([]int64, len(s.Times))
		s.AttacksOverTime = append(s.AttacksOverTime, AttackSeries{Attack: attack, Title: AttackName(attack), Counts: counts})
	}
	s.Attacks[i].Count += n
	s.Attacks[i].Blocked += k
	s.AttacksOverTime[i].Counts[bucket] += n
}

// AttackCount is the number of events of one attack type.
type AttackCount struct {
	Attack  string `json:"attack"`
	Title   string `json:"title"`
	Count   int64  `json:"count"`
	Blocked int64  `json:"blocked"`
}

// AttackSeries is one attack type over time.
type AttackSeries struct {
	Attack string  `json:"attack"`
	Title  string  `json:"title"`
	Counts []int64 `json:"counts"`
}

// Count is one value with the number of events that matched a rule.
type Count struct {
	Value   string `json:"value"`
	Count   int64  `json:"count"`
	Blocked int64  `json:"blocked"`
}

// RuleCount is one rule with the number of events that it matched in.
type RuleCount struct {
	RuleID  int    `json:"rule_id"`
	Message string `json:"message"`
	Count   int64  `json:"count"`
}

// Table is the result of an SQL query. Cells are nil, bool, int64, float64,
// string, time.Time or []any of these.
type Table struct {
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"` // there were more rows than the limit
}
