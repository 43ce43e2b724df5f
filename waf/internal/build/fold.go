package build

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

// fold evaluates beforehand what no transaction changes, and returns the rules that
// are left. It is constant folding over the variables of TX, with rules as conditional
// assignments and skips as forward jumps.
//
// It walks through the phases with what is known of TX: at first that nothing is
// set. A rule that asks only for known things is decided here: it goes if it does
// not match; if it matches, what it sets is known from there on, and what it skips
// never runs. A rule that depends on the transaction makes unknown what it sets,
// and from the place on to which it may skip, everything in between is uncertain.
//
// Rules may take others away at run time (ctl:ruleRemoveBy…). A rule that may be
// gone is certain only if what it would have skipped is gone with it.
//
// Of the Core Rule Set at level 1 it leaves about 170 of 630 rules for a request. Its cost is
// linear in the rules, but for removers and computed names.
//
// The invariant of the walk: if state has a value for a variable, every transaction has it when it
// arrives there, whatever it did before. Initial has, for each variable, the value that it has when
// a transaction begins, with all dropped assignments done.
//
//	SecAction            "id:1,phase:1,pass,nolog,setvar:tx.level=1"   gone, level begins as 1
//	SecRule TX:level "@lt 2" "id:2,phase:1,pass,nolog,skipAfter:END"   gone, always matches
//	SecRule ARGS "@rx x" "id:3,phase:1,deny"                           gone, always skipped
//	SecMarker END
//	SecRule TX:level "@gt 1" "id:4,phase:1,deny"                       gone, never matches
//	SecRule ARGS "@rx y" "id:5,phase:1,deny"                           kept
func fold(p *run.Program) bitset.Set {
	slots := len(p.SlotNames)
	f := folder{
		p: p, kept: bitset.New(len(p.Rules)), state: make([]knowledge, slots),
		touched: bitset.New(slots), volatile: bitset.New(slots),
	}
	// An overlay of one application gives these other values than the program has.
	for _, name := range []string{inboundThreshold, outboundThreshold} {
		if s, ok := p.Slots[name]; ok {
			f.volatile.Add(s)
		}
	}
	// All variables are known at first: to be not set.
	for i := range f.state {
		f.state[i].known = true
	}
	for _, s := range p.WellKnown.Captures { // operators set them
		f.state[s].known = false
	}
	f.findRemovers()
	// Phases follow each other within a transaction, and so does what is known.
	for n := 1; n < run.PhaseCount; n++ {
		f.phase(n)
	}
	// Rules that were not kept stay in the program's list and in no phase.
	return f.kept
}

// knowledge is what is known of a variable of TX at a point of the walk. The zero value is
// nothing.
type knowledge struct {
	// known without value.Set means that the variable is known not to be set.
	known bool
	value run.SlotValue
}

// folder walks through the phases.
type folder struct {
	p *run.Program
	// kept are the rules that may run, by index.
	kept bitset.Set
	// state has what is known at the place of the walk, by slot.
	state []knowledge
	// volatile variables are those that overlays change: rules that read them stay.
	volatile bitset.Set
	touched  bitset.Set // variables that kept rules read or write
	anyTouch bool       // kept rules read or write variables by pattern
	removers []remover
	// uncertain is the rule up to which a rule that is kept may skip: what stands before it
	// may run or not. Rules before skipTo are skipped for certain.
	uncertain int32
	skipTo    int32
}

// remover is a rule that may take other rules away at run time.
type remover struct {
	phase int
	index int32
	rules bitset.Set
}

// findRemovers finds the rules that may take others away. They are rules with ctl:ruleRemoveById
// and its like. Whether these match is not asked: to take a rule for removable is the safe side.
func (f *folder) findRemovers() {
	for i := range f.p.Rules {
		r := &f.p.Rules[i]
		for j := range r.Links {
			for _, a := range r.Links[j].Actions {
				if a, ok := a.(*run.RemoveRules); ok {
					f.removers = append(f.removers, remover{r.Phase, r.Index, a.Rules})
				}
			}
		}
	}
}

// removable reports whether r may be gone when its turn comes, unless all rules up
// to skipTo are gone as well. skipTo is where r leads, 0 if it skips nothing.
//
//	SecRule REQUEST_URI "@beginsWith /a" "id:1,…,ctl:ruleRemoveById=2"
//	SecAction "id:2,…,skipAfter:END"
//	SecRule ARGS "@rx x" "id:3,…"
//	SecMarker END
//
// Here rule 2 is removable. With ctl:ruleRemoveById=2-3 in rule 1 it would not be: rule 3 would run
// neither with rule 2 nor without it.
func (f *folder) removable(r *run.Rule, skipTo int32) bool {
	for _, m := range f.removers {
		// A rule takes away only what comes after it.
		if m.phase > r.Phase || m.phase == r.Phase && m.index >= r.Index || !m.rules.Has(r.Index) {
			continue
		}
		if skipTo == 0 {
			return true
		}
		// With r gone, these would run. If each of them is gone, too, then it makes no difference
		// that r does not skip them.
		for i := r.Index + 1; i < skipTo; i++ {
			if f.p.Rules[i].Phase == r.Phase && !m.rules.Has(i) {
				return true
			}
		}
	}
	return false
}

// phase walks through the rules of a phase. Skips end with their phase.
func (f *folder) phase(n int) {
	f.uncertain, f.skipTo = 0, 0
	for i := range f.p.Rules {
		r := &f.p.Rules[i]
		// Rules that are skipped for certain are neither kept nor do they change what is known.
		if r.Phase != n || r.Index < f.skipTo {
			continue
		}
		f.rule(r)
	}
}

// outcome is whether a rule matches, as far as that is known.
type outcome uint8

const (
	depends outcome = iota
	never
	always
)

// rule decides a rule, or keeps it.
func (f *folder) rule(r *run.Rule) {
	switch f.decide(r) {
	// It is dropped without a trace.
	case never:
	case always:
		f.certain(r)
	default:
		f.keep(r)
		// What it may set is not known from here on, whether it matches or not.
		f.forget(r)
		// Whether the rules up to there run depends on the transaction.
		if r.SkipTo > 0 {
			f.uncertain = max(f.uncertain, r.SkipTo)
		}
		// allow ends the phase or more: all that follows may not run.
		if r.Disruption == run.Allow {
			f.uncertain = int32(len(f.p.Rules))
		}
	}
}

// certain handles a rule that always matches if its turn comes. It can be dropped if all
// that it does is to set variables to known values that nobody has read before, which then
// become initial values; if it reports or refuses, it stays. It is kept with what it does if any of
// that must be done again for each transaction.
func (f *folder) certain(r *run.Rule) {
	mayGo := f.removable(r, r.SkipTo)
	if r.SkipTo > 0 {
		// A skip that is itself uncertain makes what it skips uncertain, no more. A rule that may
		// not run and leads further than what is uncertain now cannot be decided: it is treated as
		// one that depends on the transaction.
		if mayGo || r.Index < f.uncertain && r.SkipTo > f.uncertain {
			f.keep(r)
			f.forget(r)
			f.uncertain = max(f.uncertain, r.SkipTo)
			return
		}
		f.skipTo = r.SkipTo
	}
	// sure tells that the rule runs in every transaction.
	sure := !mayGo && r.Index >= f.uncertain
	drop := sure && r.Disruption == run.Pass
	// The links of a chain do their actions in order, each after its own match.
	for j := range r.Links {
		l := &r.Links[j]
		// A message is reported with each match.
		drop = drop && l.Message == nil
		for _, a := range l.Actions {
			// Other actions change the transaction, not TX.
			s, ok := a.(*run.SetVar)
			if !ok {
				drop = false
				continue
			}
			v, known := f.result(s)
			if !known {
				drop = false
				// The assignment is done, and its result is not known.
				f.forgetVar(s)
				continue
			}
			// A kept rule before this one may have read the variable, with the value before.
			if f.touched.Has(s.Slot) || f.anyTouch {
				drop = false
			}
			// If it is not sure that the rule runs, its variable is known only if the rule
			// makes no difference. The join of two ways, as in data-flow analysis: equal values
			// stay known, different ones do not.
			if !sure && f.state[s.Slot] != (knowledge{true, v}) {
				f.state[s.Slot] = knowledge{}
			} else if sure {
				f.state[s.Slot] = knowledge{true, v}
			}
		}
	}
	// The skip is done by skipTo, at compile time.
	if r.SkipTo > 0 && len(r.Links) == 1 && len(r.Links[0].Actions) == 0 && r.Links[0].Message == nil && r.Disruption == run.Pass {
		return // all it does is done
	}
	if !drop {
		f.keep(r)
		return
	}
	for j := range r.Links {
		for _, a := range r.Links[j].Actions {
			// drop holds only if all actions are of this kind.
			s := a.(*run.SetVar)
			f.p.Initial[s.Slot] = f.state[s.Slot].value
		}
	}
}

// result computes what a setvar makes of its variable. It is not known if the variable, its name or
// the text are not.
func (f *folder) result(s *run.SetVar) (run.SlotValue, bool) {
	if s.Slot < 0 || !f.state[s.Slot].known {
		return run.SlotValue{}, false
	}
	// The zero value is that of a variable that is not set.
	if s.Remove {
		return run.SlotValue{}, true
	}
	value, ok := f.expand(s.Value)
	if !ok {
		return run.SlotValue{}, false
	}
	old := f.state[s.Slot].value
	text, ok := run.Assign(old, value)
	// What cannot be assigned leaves the variable as it is (run.Assign).
	if !ok {
		return old, true
	}
	return run.SlotValue{Set: true, Text: text}, true
}

// expand expands a macro that refers to known variables only. It is not ok if there is any other
// reference.
func (f *folder) expand(m *run.Macro) (string, bool) {
	var text strings.Builder
	for _, part := range m.Parts {
		switch {
		case part.Variable == seclang.NoVariable:
			text.WriteString(part.Literal)
		// The value of a volatile variable is known here and another one at run time.
		case part.Slot >= 0 && f.state[part.Slot].known && !f.volatile.Has(part.Slot):
			if v := f.state[part.Slot].value; v.Set {
				text.WriteString(v.Text)
			} else {
				// A reference to a variable that is not set stays as its name.
				text.WriteString(part.Literal)
			}
		default:
			return "", false
		}
	}
	return text.String(), true
}

// decide tells whether a rule matches, as far as that is known. It is a conjunction of its links,
// which are asked in order up to the first that does not match for certain.
func (f *folder) decide(r *run.Rule) outcome {
	for j := range r.Links {
		switch f.link(&r.Links[j]) {
		case never:
			// A link's actions are done when it matches, before the links after it are asked.
			for k := range j {
				if len(r.Links[k].Actions) > 0 {
					return depends // they are done although the chain does not match
				}
			}
			return never
		// A later link that never matches is not looked for: the rule is kept, which is slower and
		// no less right.
		case depends:
			return depends
		}
	}
	return always
}

// link decides whether a link matches. It errs on the side of depends.
func (f *folder) link(l *run.Link) outcome {
	// A SecAction, or a link of it.
	if l.Operator == nil {
		return always
	}
	// Captures change variables; for multiMatch one value counts several times.
	if l.Capture || l.MultiMatch || !f.knownOperator(l.Operator) {
		return depends
	}
	// The operator runs on a transaction that has the known variables. The reference is the
	// operator itself: its meaning is not written a second time here.
	tx := run.NewProbe(f.p, f.values())
	matches := 0
	for i := range l.Targets {
		t := &l.Targets[i]
		// All values that are not of TX come of the transaction; a pattern may choose a member that
		// has no slot.
		if t.Variable != seclang.TX || t.Key.Name == "" || t.Key.Pattern != nil || len(t.Except) > 0 {
			return depends
		}
		slot := f.p.Slots[t.Key.Name]
		k := f.state[slot]
		// An overlay changes the value of a volatile variable, not whether it is set.
		if !k.known || f.volatile.Has(slot) && !t.Count {
			return depends
		}
		text := k.value.Text
		switch {
		// &TX:name is 1 or 0, since a variable of TX has one value.
		case t.Count && k.value.Set:
			text = "1"
		case t.Count:
			text = "0"
		// A variable that is not set gives the operator nothing to test, not an empty text.
		case !k.value.Set:
			continue
		}
		for _, tr := range l.Transforms {
			text = tr.Apply(&arena.Arena{}, text)
		}
		if l.Operator.Match(tx, text, false) != l.Negated {
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
func (f *folder) values() []run.SlotValue {
	values := make([]run.SlotValue, len(f.state))
	for i, k := range f.state {
		values[i] = k.value
	}
	return values
}

// knownOperator reports whether op depends on known variables only. Operators that compare with no
// text, such as @rx, are not among them, so that rules with these are kept.
func (f *folder) knownOperator(op run.Operator) bool {
	if run.IsConstant(op) {
		return true
	}
	arg := run.Argument(op)
	if arg == nil {
		return false
	}
	_, ok := f.expand(arg)
	return ok
}

// forget makes unknown what a rule may set.
func (f *folder) forget(r *run.Rule) {
	for j := range r.Links {
		for _, a := range r.Links[j].Actions {
			if s, ok := a.(*run.SetVar); ok {
				f.forgetVar(s)
			}
		}
	}
}

// forgetVar makes unknown what an action may set.
func (f *folder) forgetVar(s *run.SetVar) {
	if s.Slot >= 0 {
		f.state[s.Slot] = knowledge{}
		return
	}
	// The name is computed: it may be any that begins like it.
	for i, name := range f.p.SlotNames {
		if mayName(s, name) {
			f.state[i] = knowledge{}
		}
	}
}

// mayName reports whether the computed name of s may be name. A computed name has literals and
// references. Only a literal at its beginning and its end is compared, which errs on the side of
// yes. s must have no slot.
//
//	tx.header_%{tx.0}   may name  header_accept, not  score
//	tx.%{rule.id}-x     may name  942100-x, not  942100-y
func mayName(s *run.SetVar, name string) bool {
	parts := s.Key.Parts
	first, last := parts[0], parts[len(parts)-1]
	if first.Variable == seclang.NoVariable && !strings.HasPrefix(name, strings.ToLower(first.Literal)) {
		return false
	}
	return last.Variable != seclang.NoVariable || strings.HasSuffix(name, strings.ToLower(last.Literal))
}

// keep keeps a rule and notes the variables that it reads and writes.
func (f *folder) keep(r *run.Rule) {
	// A later rule that sets one of these must be kept as well: this one may see the value
	// before, so that it cannot become the initial one.
	f.kept.Add(r.Index)
	note := func(m *run.Macro) {
		if m == nil {
			return
		}
		for _, part := range m.Parts {
			if part.Slot >= 0 {
				f.touched.Add(part.Slot)
			}
		}
	}
	for j := range r.Links {
		l := &r.Links[j]
		for i := range l.Targets {
			t := &l.Targets[i]
			if t.Variable != seclang.TX {
				continue
			}
			// A pattern, or the whole collection, may read any variable.
			if t.Key.Name == "" {
				f.anyTouch = true
				continue
			}
			f.touched.Add(f.p.Slots[t.Key.Name])
		}
		note(run.Argument(l.Operator))
		note(l.Message)
		note(l.LogData)
		for _, a := range l.Actions {
			if s, ok := a.(run.Referring); ok {
				for _, m := range s.Macros() {
					note(m)
				}
			}
			if s, ok := a.(*run.SetVar); ok {
				note(s.Key)
				note(s.Value)
				if s.Slot >= 0 {
					f.touched.Add(s.Slot)
					continue
				}
				for i, name := range f.p.SlotNames {
					if mayName(s, name) {
						f.touched.Add(int32(i))
					}
				}
			}
		}
	}
}
