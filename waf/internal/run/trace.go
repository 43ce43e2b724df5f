package run

import (
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Fate is what became of a rule in a transaction. The values are part of the JSON of
// explanations.
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

// trace notes what becomes of rules, as sets of their indexes. Transactions have none
// unless a person asks, so that it may cost what it costs. A rule may be in several sets;
// Fates says which one counts.
type trace struct {
	phases       [PhaseCount]bool
	ran, matched bitset.Set
	// open are the rules that the gate let run.
	removed, skipped, open bitset.Set
	// links are the values that links of chains matched, scores what rules added.
	links  []LinkHit
	scores []ScoreStep
}

// LinkHit is a value that a further link of a chain matched. Its strings are valid until
// Reset of the transaction.
type LinkHit struct {
	RuleID int
	link   *Link
	// Depth is the place of the link in its chain, 1 for the second.
	Depth    int
	Variable seclang.Variable
	Key      string
	Value    string
}

// Locate returns which bytes of Value made the link match, -1 if none in particular. It
// searches the value, since links of chains keep no span.
func (h *LinkHit) Locate() (start, end int) { return (&Hit{link: h.link, Value: h.Value}).Locate() }

// Name returns COLLECTION:key, with & before it for a number of values, as the rule has
// it.
func (h *LinkHit) Name() string {
	name := h.Variable.String()
	if h.Key != "" {
		name += ":" + h.Key
	}
	for i := range h.link.Targets {
		if t := &h.link.Targets[i]; t.Count && t.Variable == h.Variable && t.Key.Name == h.Key {
			return "&" + name
		}
	}
	return name
}

// ScoreStep is what one rule added to an anomaly score, for a table of how a score came
// about.
type ScoreStep struct {
	RuleID   int
	Outbound bool // to the response's score
	Level    int  // of paranoia
	Added    int  // over all its matches
	Places   int  // how many matches
}

// note takes down a match of a link and what it added to a score. Matches of first links
// are hits already. Whether the chain matches is not known yet: Links drops those of
// chains that did not.
func (t *trace) note(at chainLink, v seclang.Variable, key, text string, added int) {
	if at.depth > 0 && len(t.links) < maxHits {
		t.links = append(t.links, LinkHit{RuleID: at.rule.ID, link: at.link, Depth: at.depth, Variable: v, Key: key, Value: text})
	}
	if added == 0 {
		return
	}
	for i := range t.scores {
		if t.scores[i].RuleID == at.rule.ID {
			t.scores[i].Added += added
			t.scores[i].Places++
			return
		}
	}
	t.scores = append(t.scores, ScoreStep{RuleID: at.rule.ID, Added: added, Places: 1})
}

// Links returns the values that further links of matched chains matched, in order.
// It is empty without StartTrace.
func (tx *Tx) Links() []LinkHit {
	if tx.trace == nil {
		return nil
	}
	var list []LinkHit
	for _, h := range tx.trace.links {
		if i, ok := tx.p.ByID[h.RuleID]; ok && tx.trace.matched.Has(i) {
			list = append(list, h)
		}
	}
	return list
}

// ScoreSteps returns what rules added to the anomaly scores, in the order in which they
// first did. It is empty without StartTrace. What chains added that did not match in the
// end is among it, since it is in the scores, too.
func (tx *Tx) ScoreSteps() []ScoreStep {
	if tx.trace == nil {
		return nil
	}
	list := slices.Clone(tx.trace.scores)
	for i := range list {
		list[i].Outbound, list[i].Level = tx.p.scoreOf(list[i].RuleID)
	}
	return list
}

// scoreOf returns which score a rule adds to. Rules of the Core Rule Set add to one. The
// level is 0 if the rule adds to none.
func (p *Program) scoreOf(id int) (outbound bool, level int) {
	r := &p.Rules[p.ByID[id]]
	for j := range r.Links {
		for _, a := range r.Links[j].Actions {
			if a, ok := a.(*SetVar); ok && a.Slot >= 0 && p.isScore(a.Slot) {
				if level = slices.Index(p.WellKnown.Inbound[:], a.Slot); level > 0 {
					return false, level
				}
				return true, slices.Index(p.WellKnown.Outbound[:], a.Slot)
			}
		}
	}
	return false, 0
}

// LevelScore returns the anomaly score of one paranoia level, 1 to 4, as it is now.
func (tx *Tx) LevelScore(outbound bool, level int) int {
	slots := tx.p.WellKnown.Inbound
	if outbound {
		slots = tx.p.WellKnown.Outbound
	}
	return Number(tx.slots[slots[level]].Text)
}

// StartTrace begins to note what becomes of rules. Call it before the first Run; Reset
// ends it. It makes the transaction go without the cache.
func (tx *Tx) StartTrace() {
	n := len(tx.p.Rules)
	tx.trace = &trace{ran: bitset.New(n), matched: bitset.New(n), removed: bitset.New(n), skipped: bitset.New(n), open: bitset.New(n)}
}

// RuleFate is a rule with what became of it. Its strings outlive the transaction.
type RuleFate struct {
	ID, Phase int
	Message   string // with macros as written
	Severity  int
	Pos       string // file:line:col
	Looks     string // the targets and the operator of its first link
	Fate      Fate
}

// Fates returns what became of every rule, in order. It is empty without StartTrace. Call
// it after the last phase: fates of rules whose phase is to come are Waiting.
func (tx *Tx) Fates() []RuleFate {
	if tx.trace == nil {
		return nil
	}
	t := tx.trace
	running := bitset.New(len(tx.p.Rules))
	for n := range tx.p.Phases {
		for _, i := range tx.p.Phases[n].Rules {
			running.Add(i)
		}
	}
	var list []RuleFate
	for i := range tx.p.Rules {
		r := &tx.p.Rules[i]
		f := RuleFate{
			ID: r.ID, Phase: r.Phase, Message: r.Message, Severity: r.Severity, Pos: r.Pos.String(),
			Looks: r.looks(), Fate: Impossible,
		}
		n := int32(i)
		// The first case that holds counts: what happened to a rule goes before what did
		// not.
		switch {
		case t.matched.Has(n):
			f.Fate = Matched
		case t.ran.Has(n):
			f.Fate = Tested
		case t.removed.Has(n):
			f.Fate = Removed
		case t.skipped.Has(n):
			f.Fate = Skipped
		// A rule that is in no phase was decided by the compiler.
		case !running.Has(n):
			f.Fate = Settled
		// The phase did not run: it is to come, or the transaction was refused before it.
		case !t.phases[r.Phase]:
			f.Fate = Waiting
		case t.open.Has(n):
			f.Fate = Skipped // the phase ended before its turn
		}
		list = append(list, f)
	}
	return list
}

// looks returns, for a list of rules, what the rule looks at and for, as written.
func (r *Rule) looks() string {
	if len(r.Directives) == 0 || r.Directives[0].Rule == nil || r.Directives[0].Rule.Unconditional() {
		return ""
	}
	src := r.Directives[0].Rule
	return seclang.FormatTargets(src.Targets) + " " + src.Operator.String()
}

// Step is what one transformation made of a value. Transformation is the name that rules
// write, Value a copy.
type Step struct{ Transformation, Value string }

// Steps returns how the value of a hit came about: first the value as the parser gave it,
// under the name "parsed", then each transformation that changed it. It is empty if the
// value is not of the request or response. The transformations are done anew, for each
// member with the key until one leads to the value.
func (tx *Tx) Steps(h *Hit) []Step {
	for _, src := range target.Collections(h.Variable) {
		for _, pair := range tx.cols[src] {
			if pair.Key != h.Key {
				continue
			}
			text := pair.Value
			steps := []Step{{"parsed", strings.Clone(text)}}
			for _, t := range h.link.Transforms {
				if h.link.MultiMatch && text == h.Value {
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

// Arguments calls fn with each argument of the request that was parsed so far. The
// strings are valid until Reset.
func (tx *Tx) Arguments(fn func(key, value string)) {
	for _, src := range target.Collections(seclang.Args) {
		for _, pair := range tx.cols[src] {
			fn(pair.Key, pair.Value)
		}
	}
}
