package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// resolve turns the rules into the program's tables: it drops what directives removed,
// gives rules and links their numbers, finds where skips lead and which rules ctl chooses,
// and the slots that the engine reads. Mistakes are noted in c.errs. After it, rules are known by
// index, links by number, and c.rules is not used any more.
//
// The order of its steps: indices of rules, then what is said in terms of rules (skips,
// selections), then slots.
func (c *compiler) resolve() {
	p := c.p
	// Removed rules go; markers move to the next rule that stays. index maps the number of a rule
	// in the order of reading to its index in the program; a removed one has the index of the next
	// that stays.
	index := make([]int32, len(c.rules)+1)
	for i, r := range c.rules {
		index[i] = int32(len(p.Rules))
		// An id may be removed and used again: then c.ids has the new rule.
		if !c.removed[r.ID] || c.ids[r.ID] == r {
			r.Index = index[i]
			p.Rules = append(p.Rules, *r)
		}
	}
	index[len(c.rules)] = int32(len(p.Rules))
	for i := range p.Rules {
		r := &p.Rules[i]
		p.ByID[r.ID] = int32(i)
		switch {
		// The first place of the marker after the rule counts.
		case r.SkipMarker != "":
			places, ok := c.markers[r.SkipMarker]
			if !ok {
				c.fail(r.Pos, "skipAfter names no marker", r.SkipMarker, "add SecMarker "+r.SkipMarker+" after the rule")
				continue
			}
			r.SkipTo = -1
			for _, at := range places {
				// Markers stand before the rule with that number.
				if index[at] > r.Index {
					r.SkipTo = index[at]
					break
				}
			}
			if r.SkipTo < 0 {
				c.fail(r.Pos, "the marker of skipAfter stands before the rule", r.SkipMarker, "skipping goes forward only; move the marker")
			}
		// skip:2 passes over two rules of the same phase; chains count as one, since they are one
		// rule here. With fewer rules than that the phase ends.
		case r.SkipCount > 0:
			r.SkipTo = int32(len(p.Rules))
			left := r.SkipCount
			for j := i + 1; j < len(p.Rules); j++ {
				if p.Rules[j].Phase != r.Phase {
					continue
				}
				if left == 0 {
					r.SkipTo = int32(j)
					break
				}
				left--
			}
		}
		// Numbers of links are dense over all rules: states of transactions are tables by number.
		for j := range r.Links {
			l := &r.Links[j]
			l.Number = int32(p.LinkCount)
			p.LinkCount++
		}
	}
	// Indices are final here.
	for _, s := range c.selections {
		*s.rules = s.selector.rules(p)
	}
	// The names are those of the Core Rule Set, version 4. Programs without it get slots that no
	// rule uses.
	p.WellKnown.BlockingInbound = c.slot("blocking_inbound_anomaly_score")
	p.WellKnown.BlockingOutbound = c.slot("blocking_outbound_anomaly_score")
	for i := 1; i <= 4; i++ {
		p.WellKnown.Inbound[i] = c.slot(fmt.Sprintf("inbound_anomaly_score_pl%d", i))
		p.WellKnown.Outbound[i] = c.slot(fmt.Sprintf("outbound_anomaly_score_pl%d", i))
	}
	// They are the variables of which a match's score is read.
	p.Scores = append(slices.Clone(p.WellKnown.Inbound[1:]), p.WellKnown.Outbound[1:]...)
	// They are set and empty before the first match, so that %{tx.0} is an empty text and not its
	// name.
	for _, s := range p.WellKnown.Captures {
		p.Initial[s] = run.SlotValue{Set: true}
	}
}

// findSlots finds the variables of TX that targets select. All that rules name have slots
// by now, so that a target that is a pattern need not match names while rules run. It must run
// after the last slot was given.
func findSlots(p *run.Program) {
	for i := range p.Rules {
		for j := range p.Rules[i].Links {
			for k := range p.Rules[i].Links[j].Targets {
				t := &p.Rules[i].Links[j].Targets[k]
				if t.Variable != seclang.TX {
					continue
				}
				// A name that rules give has a slot since rule.go read it.
				if t.Key.Pattern == nil && !t.Key.All() {
					t.Slots = []int32{p.Slots[t.Key.Name]}
					continue
				}
				// Variables whose names only transactions compute are not here; the run time
				// matches their names.
				for slot, name := range p.SlotNames {
					if t.Key.Matches(name) {
						t.Slots = append(t.Slots, int32(slot))
					}
				}
			}
		}
	}
}

// findNeeded notes which variables the rules that can run refer to: to fill the others
// would cost each request for nothing.
func findNeeded(p *run.Program) {
	// A variable is needed if a target, a text or an argument refers to it, or to one that
	// is made of it.
	note := func(m *run.Macro) {
		if m != nil {
			for _, part := range m.Parts {
				p.Needed[part.Variable] = true
			}
		}
	}
	for n := range p.Phases {
		// Only rules that can run: folding has dropped the others.
		for _, i := range p.Phases[n].Rules {
			for j := range p.Rules[i].Links {
				l := &p.Rules[i].Links[j]
				for _, t := range l.Targets {
					for _, v := range target.Collections(t.Variable) {
						p.Needed[v] = true
					}
				}
				note(l.Message)
				note(l.LogData)
				note(run.Argument(l.Operator))
				for _, a := range l.Actions {
					if s, ok := a.(*run.SetVar); ok {
						note(s.Key)
						note(s.Value)
					}
					if s, ok := a.(run.Referring); ok {
						for _, m := range s.Macros() {
							note(m)
						}
					}
				}
			}
		}
	}
}

// findScalars lists the needed variables that always have a value.
func findScalars(p *run.Program) {
	for v := seclang.Variable(1); v < seclang.VariableCount; v++ {
		if p.Needed[v] && !v.Keyed() {
			p.Scalars = append(p.Scalars, v)
		}
	}
}

// noticeUnopened tells of collections that rules use and none opens. It is no error: rules may be
// written for installations that open the collection elsewhere.
func (c *compiler) noticeUnopened() {
	for i := range c.p.Rules {
		r := &c.p.Rules[i]
		for j := range r.Links {
			for _, t := range r.Links[j].Targets {
				c.unopened(r, t.Variable)
			}
			for _, a := range r.Links[j].Actions {
				switch a := a.(type) {
				// OpenCollection is not among them: it is what gives the others an effect.
				case *run.SetMember:
					c.unopened(r, a.Variable)
				case *run.ExpireMember:
					c.unopened(r, a.Variable)
				case *run.DeprecateMember:
					c.unopened(r, a.Variable)
				}
			}
		}
	}
}

// unopened gives a notice if a rule uses a collection that nothing opens: it would never
// have members. It does nothing for variables that are no persistent collections.
func (c *compiler) unopened(r *run.Rule, v seclang.Variable) {
	if i := run.PersistentIndex(v); i >= 0 && !c.opens[i] {
		c.notice(fmt.Sprintf("%s: %s has no effect: no rule opens the collection; write initcol:%s=KEY", r.Pos, v, strings.ToLower(v.String())))
	}
}
