package program

import (
	"strings"

	"github.com/ringwall/ringwall/waf/seclang"
)

// Fate is what became of a rule in a transaction.
type Fate string

const (
	// Settled rules were decided when the rules were compiled: they set something
	// up, or can never match with these settings.
	Settled Fate = "settled"
	// Impossible rules were proved unable to match any value.
	Impossible Fate = "impossible"
	// Skipped rules were jumped over by another rule, or came after the end.
	Skipped Fate = "skipped"
	// Removed rules were taken away by an exception or another rule.
	Removed Fate = "removed"
	// Tested rules ran and did not match; Matched ones did.
	Tested  Fate = "tested"
	Matched Fate = "matched"
	// Waiting rules belong to a phase that did not run.
	Waiting Fate = "waiting"
)

// trace notes what becomes of rules.
type trace struct {
	phases                 [phaseCount]bool
	ran, matched           set
	removed, skipped, open set // open: the gate let the rule run
}

// StartTrace begins to note what becomes of rules.
func (tx *Tx) StartTrace() {
	n := len(tx.p.rules)
	tx.trace = &trace{ran: newSet(n), matched: newSet(n), removed: newSet(n), skipped: newSet(n), open: newSet(n)}
}

// RuleFate is a rule with what became of it.
type RuleFate struct {
	ID, Phase int
	Message   string // with macros as written
	Severity  int
	Place     string // file:line:col
	Looks     string // the targets and the operator of its first link
	Fate      Fate
}

// Fates returns what became of every rule, in order. It is empty without StartTrace.
func (tx *Tx) Fates() []RuleFate {
	if tx.trace == nil {
		return nil
	}
	t := tx.trace
	running := newSet(len(tx.p.rules))
	for n := range tx.p.phases {
		for _, i := range tx.p.phases[n].rules {
			running.add(i)
		}
	}
	var list []RuleFate
	for i := range tx.p.rules {
		r := &tx.p.rules[i]
		f := RuleFate{ID: r.id, Phase: r.phase, Message: r.msg, Severity: r.severity, Place: r.pos.String(), Looks: r.looks(), Fate: Impossible}
		n := int32(i)
		switch {
		case t.matched.has(n):
			f.Fate = Matched
		case t.ran.has(n):
			f.Fate = Tested
		case t.removed.has(n):
			f.Fate = Removed
		case t.skipped.has(n):
			f.Fate = Skipped
		case !running.has(n):
			f.Fate = Settled
		case !t.phases[r.phase]:
			f.Fate = Waiting
		case t.open.has(n):
			f.Fate = Skipped // the phase ended before its turn
		}
		list = append(list, f)
	}
	return list
}

// looks returns what the rule looks at and for, as written.
func (r *rule) looks() string {
	if len(r.source) == 0 || r.source[0].Rule == nil || r.source[0].Rule.Unconditional() {
		return ""
	}
	src := r.source[0].Rule
	return seclang.FormatTargets(src.Targets) + " " + src.Operator.String()
}

// Step is what one transformation made of a value.
type Step struct{ Transformation, Value string }

// Steps returns how the value of a hit came about: first the value as received,
// under the name "received", then each transformation that changed it. It is empty
// if the value is not of the request.
func (tx *Tx) Steps(h *Hit) []Step {
	for _, src := range sources(h.Variable) {
		for _, pair := range tx.cols[src] {
			if pair.Key != h.Key {
				continue
			}
			text := pair.Value
			steps := []Step{{"received", strings.Clone(text)}}
			for _, t := range h.link.transforms {
				if h.link.multiMatch && text == h.Value {
					break
				}
				if next := t.Apply(&tx.arena, text); next != text {
					text = next
					steps = append(steps, Step{t.Name, strings.Clone(text)})
				}
			}
			if text == h.Value {
				return steps
			}
		}
	}
	return nil
}
