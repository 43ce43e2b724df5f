package program

import "github.com/ringwall/ringwall/waf/internal/charset"

// buildGate builds the gate of a phase and marks the links that it finds values for.
// Rules that it says nothing about always run.
func (c *compiler) buildGate(ph *phase, kept set) {
	var links []gateLink
	for place, i := range ph.rules {
		r := &c.p.rules[i]
		l := &r.links[0]
		links = c.chain(r, links)
		pattern, ok := l.op.(gateable)
		ok = ok && pure(l.op)
		if o := c.relayOf(r, kept); o != nil {
			pattern, ok, l.relay = o, true, true
		}
		if !ok || l.negated && (l.capture || l.multiMatch) || !constantTargets(l.targets) {
			ph.always.add(int32(place))
			continue
		}
		l.gated = true
		links = append(links, newGateLink(l, int32(place), pattern))
	}
	ph.gate = c.gates.compile(links)
}

// newGateLink is what the gate must know of l, whose rule has a place in its phase.
func newGateLink(l *link, place int32, pattern gateable) gateLink {
	return gateLink{
		number: l.number, place: place, targets: l.targets, transforms: l.transforms,
		negated: l.negated, multiMatch: l.multiMatch, pattern: pattern,
	}
}

// chain gates the further links of a chain that need words or bytes, as long as the
// links before them do nothing: without a value for one of them the rule cannot match.
func (c *compiler) chain(r *rule, links []gateLink) []gateLink {
	for j := 1; j < len(r.links) && len(r.links[j-1].actions) == 0; j++ {
		l := &r.links[j]
		pattern, ok := l.op.(gateable)
		if !ok || l.negated || l.multiMatch || !pure(l.op) || !constantTargets(l.targets) {
			continue
		}
		if need := pattern.need(charset.Set{}); len(need.Words) == 0 && len(need.Bytes) == 0 {
			continue
		}
		l.gated = true
		r.requires = append(r.requires, l.number)
		links = append(links, newGateLink(l, notFirst, pattern))
	}
	return links
}
