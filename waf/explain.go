package waf

import (
	"fmt"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/program"
)

// Explanation tells a person how a verdict came about.
type Explanation struct {
	Verdict Verdict
	// InboundThreshold and OutboundThreshold are what the scores are compared with.
	InboundThreshold, OutboundThreshold int
	// Matches are those of the verdict with the way of their values.
	Matches []ExplainedMatch
	// Rules are all rules of the rule set in order with what became of them.
	Rules []ExplainedRule
}

// ExplainedMatch is a match with the way of its value.
type ExplainedMatch struct {
	Match
	// Looks is what the rule looks at and for, as written: "ARGS @rx …".
	Looks string
	// Steps are the value as received and what each transformation that changed it
	// made of it. Empty for values that are not of the request.
	Steps []Step
}

// Step is what a transformation made of a value. The first one is "received".
type Step struct{ Transformation, Value string }

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

// Explain tells how the verdict so far came about. Rules is empty unless
// Request.Explain was set.
func (t *Transaction) Explain() Explanation {
	x := Explanation{Verdict: t.Verdict()}
	x.InboundThreshold, x.OutboundThreshold = t.engine.Thresholds()
	looks := map[int]string{}
	for _, f := range t.tx.Fates() {
		looks[f.ID] = f.Looks
		x.Rules = append(x.Rules, ExplainedRule{f.ID, f.Phase, f.Message, severity(f.Severity), f.Place, f.Looks, string(f.Fate)})
	}
	for i := range t.tx.Hits() {
		h := &t.tx.Hits()[i]
		if bookkeeping(h.RuleID()) {
			continue
		}
		m := ExplainedMatch{Match: newMatch(h), Looks: looks[h.RuleID()]}
		for _, s := range t.tx.Steps(h) {
			m.Steps = append(m.Steps, Step(s))
		}
		x.Matches = append(x.Matches, m)
	}
	return x
}

// Summary counts the rules by fate: "3 matched, 20 tested, 150 impossible, …".
func (x Explanation) Summary() string {
	count := map[string]int{}
	for _, r := range x.Rules {
		count[r.Fate]++
	}
	var parts []string
	for _, f := range []program.Fate{program.Matched, program.Tested, program.Impossible, program.Skipped, program.Removed, program.Waiting, program.Settled} {
		if n := count[string(f)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, f))
		}
	}
	return strings.Join(parts, ", ")
}

// String is the match in a sentence: what, where, which bytes, how they came about.
func (m ExplainedMatch) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %d (%s", m.RuleID, m.Message)
	if m.Severity != "" {
		fmt.Fprintf(&b, ", %s, score %d", m.Severity, m.Score)
	}
	fmt.Fprintf(&b, ") matched %s", m.Variable)
	if m.Offset >= 0 {
		fmt.Fprintf(&b, ": %q at byte %d", m.Matched, m.Offset)
	}
	for i, s := range m.Steps {
		if i == 0 {
			fmt.Fprintf(&b, "\n  received %q", s.Value)
			continue
		}
		fmt.Fprintf(&b, "\n  %s made of it %q", s.Transformation, s.Value)
	}
	return b.String()
}
