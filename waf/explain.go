package waf

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/prose"
	"github.com/ringwall/ringwall/waf/internal/run"
)

// Explanation tells a person how a verdict came about.
type Explanation struct {
	Verdict Verdict
	// Inbound and Outbound tell how the scores of request and response came about.
	Inbound, Outbound Score
	// Matches are those of the verdict with how their values came about.
	Matches []ExplainedMatch
	// Rules are all rules of the rule set in order with what became of them.
	Rules []ExplainedRule
}

// Score is an anomaly score with how it came about.
type Score struct {
	// Total is compared with Threshold: from there on the rules ask to block.
	Total, Threshold int
	// Levels are the parts of the four paranoia levels. Those above the engine's do
	// not count for Total.
	Levels [4]int
	// Steps are what rules added, in the order in which they first did.
	Steps []ScoreStep
}

// ScoreStep is what one rule added to a score.
type ScoreStep struct {
	RuleID   int
	Message  string // with macros as written
	Paranoia int    // level that it counts for
	Matches  int    // how many of its matches added
	Added    int    // by all of them
	Total    int    // with what the rules before added
}

// ExplainedMatch is a match with the rule in words and how its value came about.
type ExplainedMatch struct {
	Match
	Rule RuleInfo
	// Steps are the value as sent, if the parser had to decode it, as parsed, and what
	// each transformation that changed it made of it. Empty for values that are not of
	// the request or response. Values longer than 8 KiB are cut around the match.
	Steps []Step
	// Then are the values that the further conditions of a chain matched.
	Then []ChainMatch
}

// ChainMatch is a value that a further condition of a chain matched.
type ChainMatch struct {
	Condition int // 2 for the second one
	// Variable is as in Match, with & before it if Value is a number of values.
	Variable string
	Value    string
	Offset   int // of Matched in Value in bytes, -1 if the condition points at no bytes
	Matched  string
}

// Step is what a transformation made of a value. The first is "sent" or "parsed".
type Step struct {
	Transformation string // in the language's spelling
	Plain          string // in words
	Value          string
}

// RuleInfo is a rule in words that people read. The words may change with any
// version.
type RuleInfo struct {
	ID, Phase int
	Message   string // with macros as written
	Severity  string // as in Match
	Paranoia  int    // level, 0 if the rule has none
	Tags      []string
	Place     string // file:line:col
	// Source is the rule in SecLang, with all links of a chain.
	Source string
	// LooksFor is a sentence on what the rule looks for, Does one on what it does then.
	LooksFor, Does string
}

// ExplainedRule is a rule with what became of it.
type ExplainedRule struct {
	ID, Phase int
	Message   string // with macros as written
	Severity  string
	Place     string // file:line:col
	Looks     string
	// Fate is "settled" (decided when the rules were compiled), "impossible" (proved
	// unable to match any value), "skipped" (another rule jumped over it, or the
	// phase ended before), "removed" (by an exception), "tested" (ran, no match),
	// "matched" or "waiting" (its phase did not run).
	Fate string
}

// Rule returns the rule with the id in words, false if the rule set has none. It
// takes some microseconds; nothing is kept.
func (e *Engine) Rule(id int) (RuleInfo, bool) {
	t, ok := e.program.Text(id)
	if !ok {
		return RuleInfo{}, false
	}
	return RuleInfo{
		ID: t.ID, Phase: t.Phase, Message: t.Message, Severity: severity(t.Severity), Paranoia: t.Paranoia,
		Tags: append([]string(nil), t.Tags...), Place: t.Pos, Source: t.Source,
		LooksFor: t.LooksFor, Does: t.Does,
	}, true
}

// Explain tells how the verdict so far came about. Rules, the steps of the scores and
// the further conditions of chains are empty unless Request.Explain was set.
func (t *Transaction) Explain() Explanation {
	x := Explanation{Verdict: t.Verdict()}
	x.Inbound.Total, x.Outbound.Total = x.Verdict.Score, x.Verdict.OutboundScore
	x.Inbound.Threshold, x.Outbound.Threshold = t.engine.Thresholds()
	for _, f := range t.tx.Fates() {
		x.Rules = append(x.Rules, ExplainedRule{f.ID, f.Phase, f.Message, severity(f.Severity), f.Pos, f.Looks, string(f.Fate)})
	}
	for i := range 4 {
		x.Inbound.Levels[i], x.Outbound.Levels[i] = t.tx.LevelScore(false, i+1), t.tx.LevelScore(true, i+1)
	}
	for _, s := range t.tx.ScoreSteps() {
		score := &x.Inbound
		if s.Outbound {
			score = &x.Outbound
		}
		total := s.Added
		if n := len(score.Steps); n > 0 {
			total += score.Steps[n-1].Total
		}
		rule, _ := t.engine.program.Text(s.RuleID)
		score.Steps = append(score.Steps, ScoreStep{s.RuleID, rule.Message, s.Level, s.Places, s.Added, total})
	}
	infos := map[int]RuleInfo{}
	then := map[int][]ChainMatch{}
	for _, h := range t.tx.Links() {
		c := ChainMatch{Condition: h.Depth + 1, Variable: h.Name()}
		start, end := h.Locate()
		c.Value, c.Offset, c.Matched = window(h.Value, start, end)
		then[h.RuleID] = append(then[h.RuleID], c)
	}
	for i := range t.tx.Hits() {
		h := &t.tx.Hits()[i]
		id := h.RuleID()
		if bookkeeping(id) {
			continue
		}
		info, ok := infos[id]
		if !ok {
			info, _ = t.engine.Rule(id)
			infos[id] = info
		}
		m := ExplainedMatch{Match: newMatch(h), Rule: info, Then: then[id]}
		m.Steps = t.steps(h, m.Offset)
		x.Matches = append(x.Matches, m)
	}
	return x
}

// steps are how a hit's value came about, with offset as that of the match in it.
func (t *Transaction) steps(h *run.Hit, offset int) []Step {
	made := t.tx.Steps(h)
	if len(made) == 0 {
		return nil
	}
	var steps []Step
	if raw, ok := t.sent(h.Key, made[0].Value); ok {
		steps = append(steps, Step{"sent", "as sent", raw})
	}
	for _, s := range made {
		words := "as parsed"
		if s.Transformation != "parsed" {
			words = prose.Transformation(s.Transformation)
		}
		steps = append(steps, Step{s.Transformation, words, s.Value})
	}
	for i, s := range steps {
		if len(s.Value) > maxValue {
			from := 0
			if offset > 0 {
				from = max(0, min(offset-maxValue/2, len(s.Value)-maxValue))
			}
			steps[i].Value = s.Value[from : from+maxValue]
		}
	}
	return steps
}

// sent finds how a parameter was written in the query or in a form. It is not ok if
// there is none or it was written as it was parsed.
func (t *Transaction) sent(key, value string) (string, bool) {
	_, query, _ := strings.Cut(t.req.URI, "?")
	for _, text := range []string{query, string(t.in)} {
		for pair := range strings.SplitSeq(text, "&") {
			name, raw, _ := strings.Cut(pair, "=")
			if raw == value {
				continue
			}
			n, err := url.QueryUnescape(name)
			v, err2 := url.QueryUnescape(raw)
			if err == nil && err2 == nil && n == key && v == value {
				return raw, true
			}
		}
	}
	return "", false
}

// Arguments calls fn with each argument of the request that was parsed so far, whatever
// it came in: the query, a form, JSON. The strings are valid until Close.
func (t *Transaction) Arguments(fn func(name, value string)) { t.tx.Arguments(fn) }

// Summary counts the rules by fate: "3 matched, 20 tested, 150 impossible, …".
func (x Explanation) Summary() string {
	count := map[string]int{}
	for _, r := range x.Rules {
		count[r.Fate]++
	}
	var parts []string
	for _, f := range []run.Fate{run.Matched, run.Tested, run.Impossible, run.Skipped, run.Removed, run.Waiting, run.Settled} {
		if n := count[string(f)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, f))
		}
	}
	return strings.Join(parts, ", ")
}
