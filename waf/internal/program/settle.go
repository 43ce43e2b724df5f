package program

import "github.com/ringwall/ringwall/waf/seclang"

// settle writes the values of variables that no transaction changes into the texts
// that refer to them: %{tx.allowed_methods} becomes the list of methods.
func settle(p *Program, kept set) {
	changes := newSet(len(p.names))
	for _, s := range p.known.captures {
		changes.add(s)
	}
	for _, name := range []string{inboundThreshold, outboundThreshold} {
		if s, ok := p.slots[name]; ok {
			changes.add(s) // overlays do
		}
	}
	eachLink(p, kept, func(l *link) {
		for _, a := range l.actions {
			s, ok := a.(*setVar)
			if !ok {
				continue
			}
			if s.slot >= 0 {
				changes.add(s.slot)
				continue
			}
			for i, name := range p.names {
				if mayName(s, name) {
					changes.add(int32(i))
				}
			}
		}
	})
	eachLink(p, kept, func(l *link) {
		for _, m := range []*macro{argument(l.op), l.msg, l.logdata} {
			settleMacro(p, m, changes)
		}
		foldArgument(l.op)
		for _, a := range l.actions {
			if s, ok := a.(*setVar); ok {
				settleMacro(p, s.value, changes)
			}
		}
	})
}

// eachLink calls do for the links of the rules of a set.
func eachLink(p *Program, rules set, do func(l *link)) {
	for i := range p.rules {
		if !rules.has(int32(i)) {
			continue
		}
		for j := range p.rules[i].links {
			do(&p.rules[i].links[j])
		}
	}
}

// settleMacro replaces references to variables that are not in changes.
func settleMacro(p *Program, m *macro, changes set) {
	if m == nil {
		return
	}
	var parts []macroPart
	for _, part := range m.parts {
		if part.slot >= 0 && part.variable == seclang.TX && !changes.has(part.slot) {
			text := part.literal
			if v := p.initial[part.slot]; v.set {
				text = v.text
			}
			part = macroPart{literal: text, slot: -1}
		}
		if n := len(parts); n > 0 && part.variable == seclang.NoVariable && parts[n-1].variable == seclang.NoVariable {
			parts[n-1].literal += part.literal
			continue
		}
		parts = append(parts, part)
	}
	m.parts = parts
	if text, ok := m.constant(); ok {
		m.text = text
	}
}
