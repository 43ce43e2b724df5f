package build

import (
	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

// settle propagates constants: it writes the values of variables that no transaction
// changes into the texts that refer to them: %{tx.allowed_methods} becomes the list of
// methods. An operator whose argument is known that way can be gated.
//
// A variable may change if a kept rule sets it, an operator captures into it or an
// overlay replaces it. Rules that folding decided have done so in Initial. It must run after fold
// and before the gate is built, and changes macros of kept rules in place: those of others are
// shown as written.
//
//	SecRule REQUEST_METHOD "!@within %{tx.allowed_methods}"    before
//	SecRule REQUEST_METHOD "!@within GET HEAD POST OPTIONS"    after
func settle(p *run.Program, kept bitset.Set) {
	// changes are the variables that some transaction may change, by slot.
	changes := bitset.New(len(p.SlotNames))
	for _, s := range p.WellKnown.Captures {
		changes.Add(s)
	}
	for _, name := range []string{inboundThreshold, outboundThreshold} {
		if s, ok := p.Slots[name]; ok {
			changes.Add(s) // overlays do
		}
	}
	eachLink(p, kept, func(l *run.Link) {
		for _, a := range l.Actions {
			s, ok := a.(*run.SetVar)
			if !ok {
				continue
			}
			if s.Slot >= 0 {
				changes.Add(s.Slot)
				continue
			}
			// A computed name may be any that fits.
			for i, name := range p.SlotNames {
				if mayName(s, name) {
					changes.Add(int32(i))
				}
			}
		}
	})
	eachLink(p, kept, func(l *run.Link) {
		// Texts that are reported are settled as well, which spares the expansion of each.
		for _, m := range []*run.Macro{run.Argument(l.Operator), l.Message, l.LogData} {
			settleMacro(p, m, changes)
		}
		// A number is parsed once here and not with each value.
		run.FoldArgument(l.Operator)
		for _, a := range l.Actions {
			if s, ok := a.(*run.SetVar); ok {
				settleMacro(p, s.Value, changes)
			}
		}
	})
}

// eachLink calls do for the links of the rules of a set. do may change the link.
func eachLink(p *run.Program, rules bitset.Set, do func(l *run.Link)) {
	for i := range p.Rules {
		if !rules.Has(int32(i)) {
			continue
		}
		for j := range p.Rules[i].Links {
			do(&p.Rules[i].Links[j])
		}
	}
}

// settleMacro replaces references to variables that are not in changes, and joins the
// literals that are neighbours then. m may be nil.
func settleMacro(p *run.Program, m *run.Macro, changes bitset.Set) {
	if m == nil {
		return
	}
	var parts []run.MacroPart
	for _, part := range m.Parts {
		if part.Slot >= 0 && part.Variable == seclang.TX && !changes.Has(part.Slot) {
			// A reference to a variable that is never set stays as its name, as at run time.
			text := part.Literal
			if v := p.Initial[part.Slot]; v.Set {
				text = v.Text
			}
			part = run.MacroPart{Literal: text, Slot: -1}
		}
		if n := len(parts); n > 0 && part.Variable == seclang.NoVariable && parts[n-1].Variable == seclang.NoVariable {
			parts[n-1].Literal += part.Literal
			continue
		}
		parts = append(parts, part)
	}
	m.Parts = parts
	// The text as it is known now is what explanations and reports show.
	if text, ok := m.Constant(); ok {
		m.Text = text
	}
}
