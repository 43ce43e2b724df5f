package program

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/seclang"
)

// relay is a chain whose first link matches every value and writes it to a variable
// of TX, and whose second link tests these variables:
//
//	SecRule REQUEST_HEADERS_NAMES "@rx ^.*$" "capture,t:lowercase,setvar:'tx.header_%{tx.0}=/%{tx.0}/',chain"
//	    SecRule TX:/^header_/ "@within %{tx.restricted_headers}"
//
// If nobody else reads or writes these variables, the chain can only match if the
// second test holds for what a value becomes. As a pattern of the gate a relay matches
// every value, as the first link does; its guard is the second link.
type relay struct {
	id    string
	set   *setVar
	test  *link
	other []selector // of TX, by which other links may see the variables
}

func (o *relay) identity() string { return "relay " + o.id }

func (o *relay) need(charset.Set) rx.Need { return rx.Need{} }

func (o *relay) matches(string) bool { return true }

func (o *relay) possible(s string) bool {
	name := strings.ToLower(o.fill(o.set.key, s))
	for i := range o.other {
		if o.other[i].matches(name) {
			return true
		}
	}
	return o.test.op.match(nil, o.fill(o.set.value, s), false)
}

// fill expands a text that refers to nothing but the value, %{tx.0}.
func (o *relay) fill(m *macro, value string) string {
	var b strings.Builder
	for i := range m.parts {
		if m.parts[i].variable == seclang.NoVariable {
			b.WriteString(m.parts[i].literal)
		} else {
			b.WriteString(value)
		}
	}
	return b.String()
}

// relayOf returns the relay that r is, nil if it is none. kept are the rules that
// can run.
func (c *compiler) relayOf(r *rule, kept set) *relay {
	p := c.p
	if len(r.links) != 2 {
		return nil
	}
	first, second := &r.links[0], &r.links[1]
	if !isWhole(first.op) || !first.capture || first.negated || first.multiMatch || len(first.actions) != 1 {
		return nil
	}
	set, ok := first.actions[0].(*setVar)
	if !ok || set.slot >= 0 || set.remove || !c.fromValue(set.key) || !c.fromValue(set.value) {
		return nil
	}
	prefix := set.key.parts[0].literal
	if set.key.parts[0].variable != seclang.NoVariable || prefix == "" || strings.HasPrefix(prefix, "+") {
		return nil
	}
	prefix = strings.ToLower(prefix)
	if v := set.value.parts; len(v) == 0 || v[0].variable != seclang.NoVariable || strings.ContainsAny(v[0].literal[:1], "+-") {
		return nil // it may count
	}
	if len(second.targets) != 1 || second.targets[0].variable != seclang.TX || second.targets[0].count || second.targets[0].key.prefix != prefix ||
		len(second.targets[0].except) > 0 || second.op == nil || !pure(second.op) || !isComparison(second.op) || len(second.transforms) > 0 {
		return nil
	}
	for _, name := range p.names {
		if strings.HasPrefix(name, prefix) {
			return nil // a rule refers to one by name
		}
	}
	o := &relay{id: r.pos.String(), set: set, test: second}
	alone := true
	eachLink(p, kept, func(l *link) {
		for i := range l.targets {
			t := &l.targets[i]
			switch {
			case t.variable == seclang.MatchedVar || t.variable == seclang.MatchedVarName:
				// What matched last is seen by others only if they are first in a rule.
				alone = alone && !isFirst(p, l)
			case t.variable == seclang.TX && l != second && (t.key.re != nil || t.key.all()):
				o.other = append(o.other, t.key)
			}
		}
		for _, a := range l.actions {
			s, ok := a.(*setVar)
			if ok && s != set && s.slot < 0 && len(s.key.parts) > 0 && s.key.parts[0].variable != seclang.NoVariable {
				alone = false // it may write any variable
			}
			if ok && s != set && s.slot < 0 && len(s.key.parts) > 0 {
				name := strings.ToLower(s.key.parts[0].literal)
				alone = alone && !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name)
			}
		}
	})
	if !alone {
		return nil
	}
	return o
}

// isFirst reports whether l is the first link of its rule.
func isFirst(p *Program, l *link) bool {
	for i := range p.rules {
		if &p.rules[i].links[0] == l {
			return true
		}
	}
	return false
}

// fromValue reports whether a text refers to nothing but the whole match.
func (c *compiler) fromValue(m *macro) bool {
	for _, part := range m.parts {
		if part.variable != seclang.NoVariable && (part.variable != seclang.TX || part.slot != c.p.known.captures[0]) {
			return false
		}
	}
	return len(m.parts) > 0
}
