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
// their positions, so that rule set authors may rely on what earlier rules set. It costs
// as much as the gate takes for the values, and the tests of what it lets through: a rule
// that cannot match costs nothing. Phases are run in order and once each.
func (tx *Tx) Run(n int) Decision {
	// A transaction that is refused runs no more phases but the last, in which rules
	// count and report. In detection only, phases go on as if nothing had been refused.
	if tx.off || tx.decision.Block && !tx.detectOnly && n != Logging {
		return tx.decision
	}
	tx.phase, tx.skipTo = n, 0
	if tx.allow == AllowAll && n != Logging || tx.allow == AllowRequest && n <= RequestBody {
		return tx.decision
	}
	// The scope of allow:phase and allow:request ends before this phase.
	if tx.allow != AllowAll {
		tx.allow = allowNothing
	}
	// The gate sees the values as they are now. Rules of the phase that change what it
	// would see look at variables that are not gate.Static, and always run.
	ph := &tx.p.Phases[n]
	tx.gate.Begin(ph.Always)
	if ph.Gate != nil {
		tx.openGate(ph.Gate)
	}
	if tx.trace != nil {
		// The rules that the gate holds back are Impossible in an explanation; the set is
		// emptied while rules run, so it is noted beforehand.
		tx.trace.phases[n] = true
		for position, i := range ph.Rules {
			if tx.gate.Run.Has(int32(position)) {
				tx.trace.open.Add(i)
			}
		}
	}
	// A rule only ever skips forward, so that bits that were looked at stay cleared.
	// Position w*64+bit is taken from the lowest bit on. No bit is added during the loop:
	// actions only skip and remove, and both are asked about in step.
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
// those of values that came before from the cache, of others by the gate. The order of
// the values is that of the request, so that candidates of a link are in it, too.
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
			// No links is an answer as well, and the usual one: nothing of the plan
			// matches.
			if known := m.find(hash, pl, value); known != nil {
				for k := range known.links {
					f := &known.links[k]
					tx.gate.Add(f.LinkRef, sp.Collection, int32(j), f.text, f.sure)
				}
				continue
			}
			// again is asked before mayCache, since it notes the value: the next time it
			// is known to come back.
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
//
// The order matters for explanations only: a rule that is skipped and removed is Skipped.
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
	// A chain of which some gated link has no candidate cannot match.
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
	// SkipTo may be a rule of another phase: what of this phase stands before it is
	// skipped.
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
	// An override changes the consequence and never whether the rule matches, so that
	// scores of other rules and explanations stay comparable.
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
		// What asks to refuse ends the phase, as in ModSecurity. In detection only and in
		// the last phase nothing is refused, and all rules are to have their say.
		return tx.detectOnly || tx.phase == Logging
	case Allow:
		if !tx.detectOnly {
			tx.allow = r.AllowScope
			return false
		}
	}
	return true
}

// rule runs the links of a rule and reports whether all matched. Actions of a link are
// done although a later one fails; what was noted for the report is taken back.
func (tx *Tx) rule(r *Rule) bool {
	first := len(tx.hits)
	tx.added = 0
	// Alert and Count are the overrides that keep a rule out of the score.
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
		// The message of a chain stands in its first link and may refer to what the last
		// one captured or set, so it is expanded now.
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

// texts expands the message and the logdata of a link. A message that expands to nothing
// means that there is nothing to report.
func (tx *Tx) texts(l *Link) (msg, data string) {
	if l.Message != nil {
		msg = l.Message.expandShort(tx)
	}
	if l.LogData != nil {
		data = l.LogData.expandShort(tx)
	}
	return msg, data
}

// chainLink is a link with its place in the chain of a rule. It is passed by value and
// never kept.
type chainLink struct {
	rule  *Rule
	link  *Link
	depth int // 0 for the first
}

// link tests the values of a link and reports whether one matched. All values are tested,
// also after a match, since each match adds to the score.
func (tx *Tx) link(at chainLink) bool {
	if at.link.Operator == nil {
		// A SecAction matches once; there is no value to point at.
		tx.span.known = false
		tx.hit(at, seclang.NoVariable, "", "")
		return true
	}
	found := false
	// The gate has done the transformations for the candidates already, and proved of all
	// other values that the link does not match them.
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
// would: by target, then by collection. A verdict must not depend on which of the two
// ran. Candidates are few, so going through all of them for each target costs less than
// an index.
func (tx *Tx) linkCandidates(at chainLink) bool {
	found := false
	first := tx.gate.First(at.link.Number)
	for ti := range at.link.Targets {
		t := &at.link.Targets[ti]
		for _, src := range target.Collections(t.Variable) {
			for c := first; c != 0; c = tx.gate.Candidate(c).Next {
				cand := tx.gate.Candidate(c)
				// The gate keeps one list for the link. It may have members that this
				// target does not choose: plans are made for keys in any case, and
				// exceptions are known only now.
				if cand.Collection != src {
					continue
				}
				pair := tx.cols[src][cand.Index]
				if !tx.selects(at.rule, t, pair.Key) {
					continue
				}
				switch {
				// Each step that matches is a match of its own, and the gate noted one
				// text only.
				case at.link.MultiMatch:
					if tx.multi(at, t.Variable, pair) {
						found = true
					}
				// The gate or the cache asked the operator already. Hit.Locate searches
				// if somebody wants to know where.
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

// selects reports whether a target includes the member with the key. It is asked for each
// value that a link tests, so that a member that is excluded by ctl costs no test.
func (tx *Tx) selects(r *Rule, t *target.Target, key string) bool {
	return t.Key.Matches(key) && !tx.excludes(r, t, key)
}

// excludes reports whether an exception takes the member with the key away: one that is
// written in the rule (!ARGS:q), or one of ctl or of the application.
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

// target tests the values of one target, one by one, and reports whether one matched. It
// is the way of links that are not gated; all their transformations are made here.
func (tx *Tx) target(at chainLink, t *target.Target) bool {
	if t.Count {
		n := tx.count(at.rule, t)
		// A count is a value like any other: it goes through the transformations, and is
		// reported under the key of the target.
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
		// A link over MATCHED_VARS adds to the list that it reads, so the length is taken
		// first.
		n := len(tx.matched)
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
	// A member that the rule does not have is no value, and a negated operator does not
	// match it either.
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
	// The length is read anew in each round, since the actions of a match may append.
	for i := 0; i < len(tx.extra); i++ {
		if x := tx.extra[i]; x.value.Set && tx.selects(at.rule, t, x.name) &&
			tx.transformAndTest(at, seclang.TX, body.Pair{Key: x.name, Value: x.value.Text}) {
			found = true
		}
	}
	return found
}

// count returns how many values a target selects, the number that & tests.
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
		// The number is known without a look at the members.
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

// transformAndTest tests what the transformations of a link make of a value. Results are
// in the arena, or the value itself where a transformation changes nothing.
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

// multi tests the value and what each transformation makes of it. A step that changes
// nothing is not tested again, so that it does not count twice for the score.
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

// test asks the operator for a text and does what a match leads to. It reports whether
// the link matched, which for a negated one is that the operator did not hold.
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
	// Actions may refer to the match (MATCHED_VAR, TX:0), so it is noted before they run.
	tx.matched = append(tx.matched, tx.last)
	// The difference is what this match added, for the report; added goes on for the
	// chain.
	before := tx.added
	for _, a := range at.link.Actions {
		a.do(tx)
	}
	if tx.trace != nil {
		tx.trace.note(at, v, key, text, tx.added-before)
	}
	// Of a rule that an application only counts nothing is reported, but RuleIDs has it.
	if at.depth > 0 || at.link.Message == nil || tx.mute && tx.overrideOf(at.rule) == Count {
		return
	}
	if len(tx.hits) >= maxHits {
		tx.omitted++
		return
	}
	h := Hit{rule: at.rule, link: at.link, Variable: v, Key: key, Value: text, Score: tx.added - before, span: tx.span}
	// A rule of one link reports each of its values. The texts of a chain are made by
	// rule, when it is known that it matched.
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
