package build

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/target"
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
//
// This is rule 920450 against forbidden headers and its like. Without it each name of a header
// would be written to TX and tested there, in every request.
type relay struct {
	id  string      // the position of the rule: no two relays are equal
	set *run.SetVar // of the first link
	// test has one target and a comparison with a constant.
	test  *run.Link         // the second link
	other []target.Selector // of TX, by which other links may see the variables
}

// Identity is part of gate.Pattern, like the methods that follow.
func (o *relay) Identity() string { return "relay " + o.id }

// Need is the zero value: no literal is required, the guard decides.
func (o *relay) Need(charset.Set) rx.Need { return rx.Need{} }

// Matches is that of the first link, which matches every value.
func (o *relay) Matches(string) bool { return true }

// Possible reports whether the second link matches what the first one makes of s, or
// another link can see the variable. It is part of gate.Guarded. It may be asked by several
// goroutines.
func (o *relay) Possible(s string) bool {
	// Selectors of TX have names in lower case.
	name := strings.ToLower(o.fill(o.set.Key, s))
	for i := range o.other {
		// Another link looks at variables of this name: what it sees must be there, whether the
		// chain matches or not.
		if o.other[i].Matches(name) {
			return true
		}
	}
	// The operator is a comparison with a constant, which asks nothing of a transaction.
	return o.test.Operator.Match(nil, o.fill(o.set.Value, s), false)
}

// fill expands a text that refers to nothing but the value, %{tx.0}.
func (o *relay) fill(m *run.Macro, value string) string {
	var b strings.Builder
	for i := range m.Parts {
		if m.Parts[i].Variable == seclang.NoVariable {
			b.WriteString(m.Parts[i].Literal)
		} else {
			b.WriteString(value)
		}
	}
	return b.String()
}

// relayOf returns the relay that r is, nil if it is none. kept are the rules that
// can run. Each condition closes a way in which the variable could matter to anything but the
// second link, or the second link ask for anything but the value. Whatever does not fit is no
// relay, and runs as written.
func (c *compiler) relayOf(r *run.Rule, kept bitset.Set) *relay {
	p := c.p
	if len(r.Links) != 2 {
		return nil
	}
	first, second := &r.Links[0], &r.Links[1]
	// The whole value must be captured as TX:0.
	if !run.IsWhole(first.Operator) || !first.Capture || first.Negated || first.MultiMatch || len(first.Actions) != 1 {
		return nil
	}
	set, ok := first.Actions[0].(*run.SetVar)
	// The name must be computed from the value. With a slot the variable has one name, and the last
	// value would overwrite those before.
	if !ok || set.Slot >= 0 || set.Remove || !c.fromValue(set.Key) || !c.fromValue(set.Value) {
		return nil
	}
	prefix := set.Key.Parts[0].Literal
	// A literal prefix is what keeps these variables apart from all others.
	if set.Key.Parts[0].Variable != seclang.NoVariable || prefix == "" || strings.HasPrefix(prefix, "+") {
		return nil
	}
	prefix = strings.ToLower(prefix)
	// A value that begins with + or - adds to the variable instead of replacing it.
	if v := set.Value.Parts; len(v) == 0 || v[0].Variable != seclang.NoVariable || strings.ContainsAny(v[0].Literal[:1], "+-") {
		return nil // it may count
	}
	if len(second.Targets) != 1 {
		return nil
	}
	t := &second.Targets[0]
	// The test must look at all variables with the prefix and at no others.
	if t.Variable != seclang.TX || t.Count || t.Key.Prefix != prefix || len(t.Except) > 0 {
		return nil
	}
	op := second.Operator
	// Possible runs the operator without a transaction, on the value as it is.
	if op == nil || !run.Pure(op) || !run.IsComparison(op) || len(second.Transforms) > 0 {
		return nil
	}
	for _, name := range p.SlotNames {
		if strings.HasPrefix(name, prefix) {
			return nil // a rule refers to one by name
		}
	}
	o := &relay{id: r.Pos.String(), set: set, test: second}
	// alone tells that no other rule that can run reads what matched here or writes such variables.
	alone := true
	eachLink(p, kept, func(l *run.Link) {
		for i := range l.Targets {
			t := &l.Targets[i]
			switch {
			case t.Variable == seclang.MatchedVar || t.Variable == seclang.MatchedVarName:
				// What matched last is seen by others only if they are first in a rule.
				alone = alone && !isFirst(p, l)
			// These are not in the way: Possible says yes to whatever they may see.
			case t.Variable == seclang.TX && l != second && (t.Key.Pattern != nil || t.Key.All()):
				o.other = append(o.other, t.Key)
			}
		}
		for _, a := range l.Actions {
			s, ok := a.(*run.SetVar)
			if ok && s != set && s.Slot < 0 && len(s.Key.Parts) > 0 && s.Key.Parts[0].Variable != seclang.NoVariable {
				alone = false // it may write any variable
			}
			if ok && s != set && s.Slot < 0 && len(s.Key.Parts) > 0 {
				name := strings.ToLower(s.Key.Parts[0].Literal)
				// One prefix that begins like the other: the computed names may be equal.
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
func isFirst(p *run.Program, l *run.Link) bool {
	for i := range p.Rules {
		if &p.Rules[i].Links[0] == l {
			return true
		}
	}
	return false
}

// fromValue reports whether a text refers to nothing but the whole match. That is TX:0. The empty
// text is not one.
func (c *compiler) fromValue(m *run.Macro) bool {
	for _, part := range m.Parts {
		if part.Variable != seclang.NoVariable && (part.Variable != seclang.TX || part.Slot != c.p.WellKnown.Captures[0]) {
			return false
		}
	}
	return len(m.Parts) > 0
}
