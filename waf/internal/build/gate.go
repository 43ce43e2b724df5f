package build

import (
	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/run"
)

// buildGate builds the gate of a phase and marks the links that it finds candidates for.
// Rules that it says nothing about always run: those that look at variables that rules
// set, those without a test, and those that must see also what they do not match. ph.Rules must be
// final: links have positions in it. Only the first link of a rule decides whether the rule runs,
// together with those of chain.
func (c *compiler) buildGate(ph *run.Phase, kept bitset.Set) {
	var links []gate.Link
	for position, i := range ph.Rules {
		r := &c.p.Rules[i]
		l := &r.Links[0]
		// The first link may be out of the gate's reach while those after it are not.
		links = c.chain(r, links)
		// Operators without this interface depend on more than the value, or prove nothing.
		pattern, ok := l.Operator.(gate.Pattern)
		ok = ok && run.Pure(l.Operator)
		// The gate then finds values of which the second link may match, but the rule needs all
		// values, as written.
		if o := c.relayOf(r, kept); o != nil {
			pattern, ok, l.GuardOnly = o, true, true
		}
		// A negated link without a match of its pattern has nothing to capture, and with multiMatch
		// would need all steps.
		if !ok || l.Negated && (l.Capture || l.MultiMatch) || !gate.Static(l.Targets) {
			ph.Always.Add(int32(position))
			continue
		}
		l.Gated = true
		links = append(links, newGateLink(l, int32(position), pattern))
	}
	ph.Gate = c.gates.Compile(links)
}

// newGateLink is what the gate must know of l, whose rule has a position in its phase. Its slices
// are those of l, which do not change any more.
func newGateLink(l *run.Link, position int32, pattern gate.Pattern) gate.Link {
	return gate.Link{
		Number: l.Number, Position: position, Targets: l.Targets, Transforms: l.Transforms,
		Negated: l.Negated, MultiMatch: l.MultiMatch, Pattern: pattern,
	}
}

// chain adds the further links of a chain that require words or bytes, as long as the
// links before them do nothing: without a candidate for one of them the rule cannot match
// and need not run. A link that does something is done although the chain does not match. Their
// numbers go to r.Requires.
//
//	SecRule ARGS "@rx <script" "id:1,phase:2,deny,chain"
//	    SecRule REQUEST_HEADERS:Content-Type "@contains json"
//
// The rule runs only if one argument may match the first and one header the second.
func (c *compiler) chain(r *run.Rule, links []gate.Link) []gate.Link {
	for j := 1; j < len(r.Links) && len(r.Links[j-1].Actions) == 0; j++ {
		l := &r.Links[j]
		pattern, ok := l.Operator.(gate.Pattern)
		// Links that the gate cannot look for are skipped, not the end: those after them may still
		// prove something.
		if !ok || l.Negated || l.MultiMatch || !run.Pure(l.Operator) || !gate.Static(l.Targets) {
			continue
		}
		// A pattern that requires nothing would have candidates for every value and hold back no
		// request.
		if need := pattern.Need(charset.Set{}); len(need.Words) == 0 && len(need.Bytes) == 0 {
			continue
		}
		l.Gated = true
		r.Requires = append(r.Requires, l.Number)
		links = append(links, newGateLink(l, gate.NotFirst, pattern))
	}
	return links
}
