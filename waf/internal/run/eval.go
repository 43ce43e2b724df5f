package run

import (
	"math/bits"
	"strconv"

	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Run evaluates the rules of a phase, 1 to 5, and returns what is asked for so far.
//
// The rules that the gate lets through are a set of positions. Rules run in order of
// their positions, so that rule set authors may rely on what earlier rules set.
func (tx *Tx) Run(n int) Decision {
	if tx.off || tx.decision.Block && !tx.detectOnly && n != Logging {
		return tx.decision
	}
	tx.phase, tx.skipTo = n, 0
	if tx.allow == AllowAll && n != Logging || tx.allow == AllowRequest && n <= RequestBody {
		return tx.decision
	}
	if tx.allow != AllowAll {
		tx.allow = allowNothing
	}
	ph := &tx.p.Phases[n]
	tx.gate.Begin(ph.Always)
	if ph.Gate != nil {
		tx.openGate(ph.Gate)
	}
	if tx.trace != nil {
		tx.trace.phases[n] = true
		for position, i := range ph.Rules {
			if tx.gate.Run.Has(int32(position)) {
				tx.trace.open.Add(i)
			}
		}
	}
	// A rule only ever skips forward, so that bits that were looked at stay cleared.
	run := tx.gate.Run
	for w := range run {
		for run[w] != 0 {
			bit := bits.TrailingZeros64(run[w])
			run[w] &^= 1 << bit
			if !tx.step(ph.Rules[w<<6|bit]) {
				tx.gate.Drop()
				return tx.decision
			}
		}
	}
	tx.gate.Drop()
	if tx.allow == AllowPhase {
		tx.allow = allowNothing
	}
	return tx.decision
}

// openGate finds the rules of the phase that may match and the values they may match on:
// those of values that came before from the cache, of others by the gate.
func (tx *Tx) openGate(g *gate.Gate) {
	for i := range g.Collections {
		sp := &g.Collections[i]
		values := tx.cols[sp.Collection]
		for j := range values {
			pl := sp.PlanFor(values[j].Key)
			value := values[j].Value
			// Explanations ask the gate anew: they tell what it proves, not what was cached.
			if !recurring[sp.Collection] || len(value) > maxCached || tx.trace != nil {
				g.Filter(&tx.gate, pl, sp.Collection, int32(j), value)
				continue
			}
			m := tx.p.cache
			hash := m.hash(pl, value)
			if known := m.find(hash, pl, value); known != nil {
				for k := range known.links {
					f := &known.links[k]
					tx.gate.Add(f.LinkRef, sp.Collection, int32(j), f.text, f.sure)
				}
				continue
			}
			first := tx.gate.Count()
			g.Filter(&tx.gate, pl, sp.Collection, int32(j), value)
			if m.again(hash) && mayCache(sp.Collection, values[j].Key, value) {
				tx.cacheResult(hash, pl, value, first)
			}
		}
	}
}

// step runs the rule with the index i unless it is skipped, removed or impossible, and
// does what it asks for; false ends the phase.
func (tx *Tx) step(i int32) bool {
	if i < tx.skipTo {
		if tx.trace != nil {
			tx.trace.skipped.Add(i)
		}
		return true
	}
	if tx.removed != nil && tx.removed.Has(i) {
		if tx.trace != nil {
			tx.trace.removed.Add(i)
		}
		return true
	}
	r := &tx.p.Rules[i]
	for _, n := range r.Requires {
		if tx.gate.First(n) != 0 {
			continue
		}
		if tx.trace != nil {
			tx.trace.open.Drop(i) // it is impossible
		}
		return true
	}
	// MATCHED_VARS are those of one rule.
	if len(tx.matched) > 0 {
		clear(tx.matched)
		tx.matched = tx.matched[:0]
	}
	tx.currentRule = r
	matched := tx.rule(r)
	if tx.trace != nil {
		tx.trace.ran.Add(i)
		if matched {
			tx.trace.matched.Add(i)
		}
	}
	if !matched {
		return true
	}
	if r.SkipTo > 0 {
		tx.skipTo = r.SkipTo
	}
	if r.Severity >= 0 && r.Severity < tx.highest {
		tx.highest = r.Severity
	}
	tx.ruleIDs = append(tx.ruleIDs, r.ID)
	// What an application makes of the rule goes before what the rule asks for.
	action := r.Disruption
	status := r.Status
	switch tx.overrideOf(r) {
	case Block:
		action = Deny
	case Alert, Count:
		action = Pass
	}
	switch action {
	case Deny:
		if !tx.decision.Block {
			if status == 0 {
				status = 403
			}
			tx.decision = Decision{Block: true, Status: status, RuleID: r.ID, Phase: tx.phase}
		}
		return tx.detectOnly || tx.phase == Logging
	case Allow:
		if !tx.detectOnly {
			tx.allow = r.AllowScope
			return false
		}
	}
	return true
}

// rule runs the links of a rule and reports whether all matched.
func (tx *Tx) rule(r *Rule) bool {
	first := len(tx.hits)
	tx.added = 0
	tx.mute = tx.overrideOf(r) >= Alert
	for j := range r.Links {
		at := chainLink{r, &r.Links[j], j}
		tx.currentLink = at.link
		if !tx.link(at) {
			if len(r.Links) > 1 {
				tx.hits = tx.hits[:first]
			}
			return false
		}
	}
	// A chain is reported once, with what its end made of the message, for the value
	// that its first link matched first.
	if len(r.Links) > 1 {
		if first < len(tx.hits) {
			tx.hits = tx.hits[:first+1]
			h := &tx.hits[first]
			tx.currentLink = &r.Links[0]
			h.Message, h.Data = tx.texts(&r.Links[0])
			h.Score = tx.added
			if h.Message == "" {
				tx.hits = tx.hits[:first]
			}
		}
	}
	return true
}

// texts expands the message and the logdata of a link.
func (tx *Tx) texts(l *Link) (msg, data string) {
	if l.Message != nil {
		msg = l.Message.expandShort(tx)
	}
	if l.LogData != nil {
		data = l.LogData.expandShort(tx)
	}
	return msg, data
}

// chainLink is a link with its place in the chain of a rule.
type chainLink struct {
	rule  *Rule
	link  *Link
	depth int // 0 for the first
}

// link tests the values of a link and reports whether one matched. All values are tested,
// also after a match, since each match adds to the score.
func (tx *Tx) link(at chainLink) bool {
	if at.link.Operator == nil {
		tx.span.known = false
		tx.hit(at, seclang.NoVariable, "", "")
		return true
	}
	found := false
	if at.link.Gated && !at.link.GuardOnly && !tx.p.Reference {
		return tx.linkCandidates(at)
	}
	for i := range at.link.Targets {
		if tx.target(at, &at.link.Targets[i]) {
			found = true
		}
	}
	return found
}

// linkCandidates tests only the values that the gate found, in the order in which target
// would: by target, then by collection.
func (tx *Tx) linkCandidates(at chainLink) bool {
	found := false
	first := tx.gate.First(at.link.Number)
	for ti := range at.link.Targets {
		t := &at.link.Targets[ti]
		for _, src := range target.Collections(t.Variable) {
			for c := first; c != 0; c = tx.gate.Candidate(c).Next {
				cand := tx.gate.Candidate(c)
				if cand.Collection != src {
					continue
				}
				pair := tx.cols[src][cand.Index]
				if !tx.selects(at.rule, t, pair.Key) {
					continue
				}
				switch {
				case at.link.MultiMatch:
					if tx.multi(at, t.Variable, pair) {
						found = true
					}
				case cand.Sure:
					tx.span.known = false
					tx.hit(at, t.Variable, pair.Key, cand.Text)
					found = true
				case tx.test(at, t.Variable, pair.Key, cand.Text):
					found = true
				}
			}
		}
	}
	return found
}

// selects reports whether a target includes the member with the key.
func (tx *Tx) selects(r *Rule, t *target.Target, key string) bool {
	return t.Key.Matches(key) && !tx.excludes(r, t, key)
}

// excludes reports whether an exception takes the member with the key away.
func (tx *Tx) excludes(r *Rule, t *target.Target, key string) bool {
	if target.Excluded(t.Except, key) {
		return true
	}
	for _, x := range tx.exclusions {
		if x.Variable == t.Variable && x.Rules.Has(r.Index) && x.Key.Excludes(key) {
			return true
		}
	}
	return false
}

// target tests the values of one target, one by one.
func (tx *Tx) target(at chainLink, t *target.Target) bool {
	if t.Count {
		n := tx.count(at.rule, t)
		key := t.Key.Name
		return tx.transformAndTest(at, t.Variable, body.Pair{Key: key, Value: strconv.Itoa(n)})
	}
	found := false
	switch t.Variable {
	case seclang.TX:
		return tx.targetTX(at, t)
	case seclang.MatchedVar, seclang.MatchedVarName, seclang.HighestSeverity:
		s, _ := tx.lookup(t.Variable, "")
		return tx.transformAndTest(at, t.Variable, body.Pair{Value: s})
	case seclang.MatchedVars, seclang.MatchedVarsNames:
		n := len(tx.matched) // what this link matches comes on top
		for i := range n {
			m := tx.matched[i]
			name := m.name(tx)
			if !t.Key.Matches(name) || target.Excluded(t.Except, name) {
				continue
			}
			text := m.text
			if t.Variable == seclang.MatchedVarsNames {
				text = name
			}
			if tx.transformAndTest(at, t.Variable, body.Pair{Key: name, Value: text}) {
				found = true
			}
		}
		return found
	case seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User:
		return tx.targetRecord(at, t)
	case seclang.RuleVariable:
		s, ok := tx.ruleMember(t.Key.Name)
		return ok && tx.transformAndTest(at, t.Variable, body.Pair{Key: t.Key.Name, Value: s})
	}
	for _, src := range target.Collections(t.Variable) {
		for i := range tx.cols[src] {
			pair := tx.cols[src][i]
			if tx.selects(at.rule, t, pair.Key) && tx.transformAndTest(at, t.Variable, pair) {
				found = true
			}
		}
	}
	return found
}

// targetTX tests variables of TX. What a match sets may be among those that come later in
// the same target, as it is in ModSecurity.
func (tx *Tx) targetTX(at chainLink, t *target.Target) bool {
	if t.Key.Pattern == nil && t.Key.Name != "" {
		v := &tx.slots[t.Slots[0]]
		return v.Set && tx.transformAndTest(at, seclang.TX, body.Pair{Key: t.Key.Name, Value: v.Text})
	}
	found := false
	for _, i := range t.Slots {
		if tx.slots[i].Set && !tx.excludes(at.rule, t, tx.p.SlotNames[i]) &&
			tx.transformAndTest(at, seclang.TX, body.Pair{Key: tx.p.SlotNames[i], Value: tx.slots[i].Text}) {
			found = true
		}
	}
	for i := 0; i < len(tx.extra); i++ {
		if x := tx.extra[i]; x.value.Set && tx.selects(at.rule, t, x.name) &&
			tx.transformAndTest(at, seclang.TX, body.Pair{Key: x.name, Value: x.value.Text}) {
			found = true
		}
	}
	return found
}

// count returns how many values a target selects.
func (tx *Tx) count(r *Rule, t *target.Target) int {
	n := 0
	switch t.Variable {
	case seclang.TX:
		if t.Key.Pattern == nil && t.Key.Name != "" {
			if tx.slots[t.Slots[0]].Set {
				return 1
			}
			return 0
		}
		for _, i := range t.Slots {
			if tx.slots[i].Set && !tx.excludes(r, t, tx.p.SlotNames[i]) {
				n++
			}
		}
		for i := range tx.extra {
			if tx.extra[i].value.Set && tx.selects(r, t, tx.extra[i].name) {
				n++
			}
		}
		return n
	case seclang.MatchedVars, seclang.MatchedVarsNames:
		return len(tx.matched)
	case seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User:
		return tx.countRecord(r, t)
	}
	for _, src := range target.Collections(t.Variable) {
		if t.Key.All() && len(t.Except) == 0 && len(tx.exclusions) == 0 {
			n += len(tx.cols[src])
			continue
		}
		for i := range tx.cols[src] {
			if tx.selects(r, t, tx.cols[src][i].Key) {
				n++
			}
		}
	}
	return n
}

// transformAndTest tests what the transformations of a link make of a value.
func (tx *Tx) transformAndTest(at chainLink, v seclang.Variable, pair body.Pair) bool {
	if at.link.MultiMatch {
		return tx.multi(at, v, pair)
	}
	text := pair.Value
	for _, t := range at.link.Transforms {
		text = t.Apply(&tx.arena, text)
	}
	return tx.test(at, v, pair.Key, text)
}

// multi tests the value and what each transformation makes of it.
func (tx *Tx) multi(at chainLink, v seclang.Variable, pair body.Pair) bool {
	text := pair.Value
	found := tx.test(at, v, pair.Key, text)
	for _, t := range at.link.Transforms {
		next := t.Apply(&tx.arena, text)
		if next == text {
			continue
		}
		text = next
		if tx.test(at, v, pair.Key, text) {
			found = true
		}
	}
	return found
}

// test asks the operator for a text and does what a match leads to.
func (tx *Tx) test(at chainLink, v seclang.Variable, key, text string) bool {
	tx.span.known = false
	if at.link.Operator.Match(tx, text, at.link.Capture) == at.link.Negated {
		return false
	}
	tx.hit(at, v, key, text)
	return true
}

// maxHits bounds how many matches a transaction keeps; further ones count for the score
// and are counted, see Omitted. A body of many arguments can match as often as it has
// arguments.
const maxHits = 400

// hit notes a match of a link and does its actions. Only the first link of a chain is
// reported, and only if it has a message: what rules without one do is bookkeeping.
func (tx *Tx) hit(at chainLink, v seclang.Variable, key, text string) {
	tx.last = matchedVar{v, key, text, v == seclang.NoVariable}
	tx.matched = append(tx.matched, tx.last)
	before := tx.added
	for _, a := range at.link.Actions {
		a.do(tx)
	}
	if tx.trace != nil {
		tx.trace.note(at, v, key, text, tx.added-before)
	}
	if at.depth > 0 || at.link.Message == nil || tx.mute && tx.overrideOf(at.rule) == Count {
		return
	}
	if len(tx.hits) >= maxHits {
		tx.omitted++
		return
	}
	h := Hit{rule: at.rule, link: at.link, Variable: v, Key: key, Value: text, Score: tx.added - before, span: tx.span}
	if len(at.rule.Links) == 1 {
		h.Message, h.Data = tx.texts(at.link)
		if h.Message == "" {
			return
		}
	} else if n := len(tx.hits); n > 0 && tx.hits[n-1].rule == at.rule {
		return // a chain is reported once
	}
	tx.hits = append(tx.hits, h)
}
