package program

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/seclang"
)

// fold evaluates beforehand what no transaction changes, and returns the rules that
// are left.
//
// It walks through the phases with what is known of TX: at first that nothing is
// set. A rule that asks only for known things is decided here: it goes if it does
// not match; if it matches, what it sets is known from there on, and what it skips
// never runs. A rule that depends on the transaction makes unknown what it sets,
// and from the place on to which it may skip, everything in between is uncertain.
//
// Rules may take others away at run time (ctl:ruleRemoveBy…). A rule that may be
// gone is certain only if what it would have skipped is gone with it.
func fold(p *Program) set {
	f := folder{p: p, kept: newSet(len(p.rules)), state: make([]knowledge, len(p.names)), touched: newSet(len(p.names)), volatile: newSet(len(p.names))}
	for _, name := range []string{inboundThreshold, outboundThreshold} {
		if s, ok := p.slots[name]; ok {
			f.volatile.add(s)
		}
	}
	for i := range f.state {
		f.state[i].known = true
	}
	for _, s := range p.known.captures {
		f.state[s].known = false
	}
	f.findRemovers()
	for n := 1; n < phaseCount; n++ {
		f.phase(n)
	}
	return f.kept
}

// knowledge is what is known of a variable of TX.
type knowledge struct {
	known bool
	value slotValue
}

type folder struct {
	p     *Program
	kept  set
	state []knowledge
	// volatile variables are those that overlays change: rules that read them stay.
	volatile set
	touched  set  // variables that kept rules read or write
	anyTouch bool // kept rules read or write variables by pattern
	removers []remover
	// uncertain is the rule up to which a rule that is kept may skip.
	uncertain int32
	skipTo    int32
}

type remover struct {
	phase int
	index int32
	rules set
}

func (f *folder) findRemovers() {
	for i := range f.p.rules {
		r := &f.p.rules[i]
		for j := range r.links {
			for _, a := range r.links[j].actions {
				if a, ok := a.(*removeRules); ok {
					f.removers = append(f.removers, remover{r.phase, r.index, a.rules})
				}
			}
		}
	}
}

// removable reports whether r may be gone when its turn comes, unless all rules up
// to skipTo are gone as well.
func (f *folder) removable(r *rule, skipTo int32) bool {
	for _, m := range f.removers {
		if m.phase > r.phase || m.phase == r.phase && m.index >= r.index || !m.rules.has(r.index) {
			continue
		}
		if skipTo == 0 {
			return true
		}
		for i := r.index + 1; i < skipTo; i++ {
			if f.p.rules[i].phase == r.phase && !m.rules.has(i) {
				return true
			}
		}
	}
	return false
}

func (f *folder) phase(n int) {
	f.uncertain, f.skipTo = 0, 0
	for i := range f.p.rules {
		r := &f.p.rules[i]
		if r.phase != n || r.index < f.skipTo {
			continue
		}
		f.rule(r)
	}
}

type outcome uint8

const (
	depends outcome = iota
	never
	always
)

func (f *folder) rule(r *rule) {
	switch f.decide(r) {
	case never:
	case always:
		f.certain(r)
	default:
		f.keep(r)
		f.forget(r)
		if r.skipTo > 0 {
			f.uncertain = max(f.uncertain, r.skipTo)
		}
		if r.disruptive == doAllow {
			f.uncertain = int32(len(f.p.rules))
		}
	}
}

// certain handles a rule that always matches.
func (f *folder) certain(r *rule) {
	mayGo := f.removable(r, r.skipTo)
	if r.skipTo > 0 {
		if mayGo || r.index < f.uncertain && r.skipTo > f.uncertain {
			f.keep(r)
			f.forget(r)
			f.uncertain = max(f.uncertain, r.skipTo)
			return
		}
		f.skipTo = r.skipTo
	}
	sure := !mayGo && r.index >= f.uncertain
	drop := sure && r.disruptive == doPass
	for j := range r.links {
		l := &r.links[j]
		drop = drop && l.msg == nil
		for _, a := range l.actions {
			s, ok := a.(*setVar)
			if !ok {
				drop = false
				continue
			}
			v, known := f.result(s)
			if !known {
				drop = false
				f.forgetVar(s)
				continue
			}
			if f.touched.has(s.slot) || f.anyTouch {
				drop = false
			}
			if !sure && f.state[s.slot] != (knowledge{true, v}) {
				f.state[s.slot] = knowledge{}
			} else if sure {
				f.state[s.slot] = knowledge{true, v}
			}
		}
	}
	if r.skipTo > 0 && len(r.links) == 1 && len(r.links[0].actions) == 0 && r.links[0].msg == nil && r.disruptive == doPass {
		return // all it does is done
	}
	if !drop {
		f.keep(r)
		return
	}
	for j := range r.links {
		for _, a := range r.links[j].actions {
			s := a.(*setVar)
			f.p.initial[s.slot] = f.state[s.slot].value
		}
	}
}

// result computes what a setvar makes of its variable.
func (f *folder) result(s *setVar) (slotValue, bool) {
	if s.slot < 0 || !f.state[s.slot].known {
		return slotValue{}, false
	}
	if s.remove {
		return slotValue{}, true
	}
	value, ok := f.expand(s.value)
	if !ok {
		return slotValue{}, false
	}
	old := f.state[s.slot].value
	text, ok := apply(old, value)
	if !ok {
		return old, true
	}
	return slotValue{true, text}, true
}

// expand expands a macro that refers to known variables only.
func (f *folder) expand(m *macro) (string, bool) {
	var text strings.Builder
	for _, part := range m.parts {
		switch {
		case part.variable == seclang.NoVariable:
			text.WriteString(part.literal)
		case part.slot >= 0 && f.state[part.slot].known && !f.volatile.has(part.slot):
			if v := f.state[part.slot].value; v.set {
				text.WriteString(v.text)
			} else {
				text.WriteString(part.literal)
			}
		default:
			return "", false
		}
	}
	return text.String(), true
}

// decide tells whether a rule matches, as far as that is known.
func (f *folder) decide(r *rule) outcome {
	for j := range r.links {
		switch f.link(&r.links[j]) {
		case never:
			for k := range j {
				if len(r.links[k].actions) > 0 {
					return depends // they are done although the chain does not match
				}
			}
			return never
		case depends:
			return depends
		}
	}
	return always
}

func (f *folder) link(l *link) outcome {
	if l.op == nil {
		return always
	}
	if l.capture || l.multiMatch || !f.knownOperator(l.op) {
		return depends
	}
	// The operator runs on a transaction that has the known variables.
	tx := newProbe(f.p, f.values())
	matches := 0
	for i := range l.targets {
		t := &l.targets[i]
		if t.variable != seclang.TX || t.key.key == "" || t.key.re != nil || len(t.except) > 0 {
			return depends
		}
		slot := f.p.slots[t.key.key]
		k := f.state[slot]
		if !k.known || f.volatile.has(slot) && !t.count {
			return depends
		}
		text := k.value.text
		switch {
		case t.count && k.value.set:
			text = "1"
		case t.count:
			text = "0"
		case !k.value.set:
			continue
		}
		for _, tr := range l.transforms {
			text = tr.Apply(&arena.Arena{}, text)
		}
		if l.op.match(tx, text, false) != l.negated {
			matches++
		}
	}
	if matches == 0 {
		return never
	}
	if matches > 1 {
		return depends // its actions are done more than once
	}
	return always
}

// values returns the known values of all variables; those that are not known are unset.
func (f *folder) values() []slotValue {
	values := make([]slotValue, len(f.state))
	for i, k := range f.state {
		values[i] = k.value
	}
	return values
}

// knownOperator reports whether op depends on known variables only.
func (f *folder) knownOperator(op operator) bool {
	if isConstant(op) {
		return true
	}
	arg := argument(op)
	if arg == nil {
		return false
	}
	_, ok := f.expand(arg)
	return ok
}

// forget makes unknown what a rule may set.
func (f *folder) forget(r *rule) {
	for j := range r.links {
		for _, a := range r.links[j].actions {
			if s, ok := a.(*setVar); ok {
				f.forgetVar(s)
			}
		}
	}
}

func (f *folder) forgetVar(s *setVar) {
	if s.slot >= 0 {
		f.state[s.slot] = knowledge{}
		return
	}
	// The name is computed: it may be any that begins like it.
	for i, name := range f.p.names {
		if mayName(s, name) {
			f.state[i] = knowledge{}
		}
	}
}

// mayName reports whether the computed name of s may be name.
func mayName(s *setVar, name string) bool {
	parts := s.key.parts
	first, last := parts[0], parts[len(parts)-1]
	if first.variable == seclang.NoVariable && !strings.HasPrefix(name, strings.ToLower(first.literal)) {
		return false
	}
	return last.variable != seclang.NoVariable || strings.HasSuffix(name, strings.ToLower(last.literal))
}

// keep keeps a rule and notes the variables that it reads and writes.
func (f *folder) keep(r *rule) {
	f.kept.add(r.index)
	note := func(m *macro) {
		if m == nil {
			return
		}
		for _, part := range m.parts {
			if part.slot >= 0 {
				f.touched.add(part.slot)
			}
		}
	}
	for j := range r.links {
		l := &r.links[j]
		for i := range l.targets {
			t := &l.targets[i]
			if t.variable != seclang.TX {
				continue
			}
			if t.key.key == "" {
				f.anyTouch = true
				continue
			}
			f.touched.add(f.p.slots[t.key.key])
		}
		note(argument(l.op))
		note(l.msg)
		note(l.logdata)
		for _, a := range l.actions {
			if s, ok := a.(referring); ok {
				for _, m := range s.macros() {
					note(m)
				}
			}
			if s, ok := a.(*setVar); ok {
				note(s.key)
				note(s.value)
				if s.slot >= 0 {
					f.touched.add(s.slot)
					continue
				}
				for i, name := range f.p.names {
					if mayName(s, name) {
						f.touched.add(int32(i))
					}
				}
			}
		}
	}
}
