package program

import (
	"math/bits"
	"strconv"

	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Run evaluates the rules of a phase and returns what is asked for so far.
func (tx *Tx) Run(n int) Decision {
	if tx.off || tx.decision.Block && !tx.detectOnly && n != Logging {
		return tx.decision
	}
	tx.phase, tx.skipTo = n, 0
	if tx.allow == allowAll && n != Logging || tx.allow == allowRequest && n <= RequestBody {
		return tx.decision
	}
	if tx.allow != allowAll {
		tx.allow = allowNothing
	}
	ph := &tx.p.phases[n]
	tx.gate.begin(ph.always)
	if ph.gate != nil {
		tx.openGate(ph.gate)
	}
	if tx.trace != nil {
		tx.trace.phases[n] = true
		for place, i := range ph.rules {
			if tx.gate.run.has(int32(place)) {
				tx.trace.open.add(i)
			}
		}
	}
	run := tx.gate.run
	for w := range run {
		for run[w] != 0 {
			bit := bits.TrailingZeros64(run[w])
			run[w] &^= 1 << bit
			if !tx.step(ph.rules[w<<6|bit]) {
				tx.gate.dropCandidates()
				return tx.decision
			}
		}
	}
	tx.gate.dropCandidates()
	if tx.allow == allowPhase {
		tx.allow = allowNothing
	}
	return tx.decision
}

// openGate finds the rules of the phase that may match and the values they may
// match on.
func (tx *Tx) openGate(g *gate) {
	for i := range g.sources {
		sp := &g.sources[i]
		values := tx.cols[sp.source]
		for j := range values {
			pl := sp.planFor(values[j].Key)
			value := values[j].Value
			if !recurs[sp.source] || len(value) > maxMemo || tx.trace != nil {
				g.filter(&tx.gate, pl, sp.source, int32(j), value)
				continue
			}
			m := tx.p.memory
			hash := m.hash(pl, value)
			if known := m.find(hash, pl, value); known != nil {
				for k := range known.found {
					f := &known.found[k]
					tx.gate.note(f.linkRef, sp.source, int32(j), f.text, f.sure)
				}
				continue
			}
			first := tx.gate.count()
			g.filter(&tx.gate, pl, sp.source, int32(j), value)
			if m.again(hash) && mayKeep(sp.source, values[j].Key, value) {
				tx.memorize(hash, pl, value, first)
			}
		}
	}
}

// step runs one rule; false ends the phase.
func (tx *Tx) step(i int32) bool {
	if i < tx.skipTo {
		if tx.trace != nil {
			tx.trace.skipped.add(i)
		}
		return true
	}
	if tx.removed != nil && tx.removed.has(i) {
		if tx.trace != nil {
			tx.trace.removed.add(i)
		}
		return true
	}
	r := &tx.p.rules[i]
	for _, n := range r.requires {
		if tx.gate.first(n) != 0 {
			continue
		}
		if tx.trace != nil {
			tx.trace.open.drop(i) // it is impossible
		}
		return true
	}
	if len(tx.matched) > 0 {
		clear(tx.matched)
		tx.matched = tx.matched[:0]
	}
	tx.currentRule = r
	matched := tx.rule(r)
	if tx.trace != nil {
		tx.trace.ran.add(i)
		if matched {
			tx.trace.matched.add(i)
		}
	}
	if !matched {
		return true
	}
	if r.skipTo > 0 {
		tx.skipTo = r.skipTo
	}
	if r.severity >= 0 && r.severity < tx.highest {
		tx.highest = r.severity
	}
	tx.ruleIDs = append(tx.ruleIDs, r.id)
	action := r.disruptive
	status := r.status
	switch tx.actionFor(r) {
	case Block:
		action = doDeny
	case Alert, Count:
		action = doPass
	}
	switch action {
	case doDeny:
		if !tx.decision.Block {
			if status == 0 {
				status = 403
			}
			tx.decision = Decision{Block: true, Status: status, RuleID: r.id, Phase: tx.phase}
		}
		return tx.detectOnly || tx.phase == Logging
	case doAllow:
		if !tx.detectOnly {
			tx.allow = r.allow
			return false
		}
	}
	return true
}

// rule runs the links of a rule and reports whether all matched.
func (tx *Tx) rule(r *rule) bool {
	first := len(tx.hits)
	tx.added = 0
	tx.mute = tx.actionFor(r) >= Alert
	for j := range r.links {
		at := chainLink{r, &r.links[j], j}
		tx.currentLink = at.link
		if !tx.link(at) {
			if len(r.links) > 1 {
				tx.hits = tx.hits[:first]
			}
			return false
		}
	}
	// A chain is told once, with what its end made of the message, for the place
	// where its first rule matched first.
	if len(r.links) > 1 {
		if first < len(tx.hits) {
			tx.hits = tx.hits[:first+1]
			h := &tx.hits[first]
			tx.currentLink = &r.links[0]
			h.Message, h.Data = tx.texts(&r.links[0])
			h.Score = tx.added
			if h.Message == "" {
				tx.hits = tx.hits[:first]
			}
		}
	}
	return true
}

func (tx *Tx) texts(l *link) (msg, data string) {
	if l.msg != nil {
		msg = l.msg.expandShort(tx)
	}
	if l.logdata != nil {
		data = l.logdata.expandShort(tx)
	}
	return msg, data
}

// chainLink is a link with its place in the chain of a rule.
type chainLink struct {
	rule  *rule
	link  *link
	depth int // 0 for the first
}

// link tests the values of a link and reports whether one matched.
func (tx *Tx) link(at chainLink) bool {
	if at.link.op == nil {
		tx.place.known = false
		tx.hit(at, seclang.NoVariable, "", "")
		return true
	}
	found := false
	if at.link.gated && !at.link.relay && !tx.p.noGate {
		return tx.linkCandidates(at)
	}
	for i := range at.link.targets {
		if tx.target(at, &at.link.targets[i]) {
			found = true
		}
	}
	return found
}

// linkCandidates tests only the values that the gate found.
func (tx *Tx) linkCandidates(at chainLink) bool {
	found := false
	first := tx.gate.first(at.link.number)
	for ti := range at.link.targets {
		t := &at.link.targets[ti]
		for _, src := range sources(t.variable) {
			for c := first; c != 0; c = tx.gate.candidate(c).next {
				cand := tx.gate.candidate(c)
				if cand.source != src {
					continue
				}
				pair := tx.cols[src][cand.index]
				if !tx.selects(at.rule, t, pair.Key) {
					continue
				}
				switch {
				case at.link.multiMatch:
					if tx.multi(at, t.variable, pair) {
						found = true
					}
				case cand.sure:
					tx.place.known = false
					tx.hit(at, t.variable, pair.Key, cand.text)
					found = true
				case tx.test(at, t.variable, pair.Key, cand.text):
					found = true
				}
			}
		}
	}
	return found
}

// selects reports whether a target includes the member with the key.
func (tx *Tx) selects(r *rule, t *target, key string) bool {
	return t.key.matches(key) && !tx.excludes(r, t, key)
}

// excludes reports whether an exception takes the member with the key away.
func (tx *Tx) excludes(r *rule, t *target, key string) bool {
	if excluded(t.except, key) {
		return true
	}
	for _, x := range tx.exclusions {
		if x.variable == t.variable && x.rules.has(r.index) && x.key.excludes(key) {
			return true
		}
	}
	return false
}

// target tests the values of one target.
func (tx *Tx) target(at chainLink, t *target) bool {
	if t.count {
		n := tx.count(at.rule, t)
		key := t.key.key
		return tx.transformAndTest(at, t.variable, body.Pair{Key: key, Value: strconv.Itoa(n)})
	}
	found := false
	switch t.variable {
	case seclang.TX:
		return tx.targetTX(at, t)
	case seclang.MatchedVar, seclang.MatchedVarName, seclang.HighestSeverity:
		s, _ := tx.lookup(t.variable, "")
		return tx.transformAndTest(at, t.variable, body.Pair{Value: s})
	case seclang.MatchedVars, seclang.MatchedVarsNames:
		n := len(tx.matched) // what this link matches comes on top
		for i := range n {
			m := tx.matched[i]
			name := m.name(tx)
			if !t.key.matches(name) || excluded(t.except, name) {
				continue
			}
			text := m.text
			if t.variable == seclang.MatchedVarsNames {
				text = name
			}
			if tx.transformAndTest(at, t.variable, body.Pair{Key: name, Value: text}) {
				found = true
			}
		}
		return found
	case seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User:
		return tx.targetRecord(at, t)
	case seclang.RuleVariable:
		s, ok := tx.ruleMember(t.key.key)
		return ok && tx.transformAndTest(at, t.variable, body.Pair{Key: t.key.key, Value: s})
	}
	for _, src := range sources(t.variable) {
		for i := range tx.cols[src] {
			pair := tx.cols[src][i]
			if tx.selects(at.rule, t, pair.Key) && tx.transformAndTest(at, t.variable, pair) {
				found = true
			}
		}
	}
	return found
}

func (tx *Tx) targetTX(at chainLink, t *target) bool {
	if t.key.re == nil && t.key.key != "" {
		v := &tx.slots[t.slots[0]]
		return v.set && tx.transformAndTest(at, seclang.TX, body.Pair{Key: t.key.key, Value: v.text})
	}
	found := false
	for _, i := range t.slots {
		if tx.slots[i].set && !tx.excludes(at.rule, t, tx.p.names[i]) &&
			tx.transformAndTest(at, seclang.TX, body.Pair{Key: tx.p.names[i], Value: tx.slots[i].text}) {
			found = true
		}
	}
	for i := 0; i < len(tx.extra); i++ {
		if x := tx.extra[i]; x.value.set && tx.selects(at.rule, t, x.name) &&
			tx.transformAndTest(at, seclang.TX, body.Pair{Key: x.name, Value: x.value.text}) {
			found = true
		}
	}
	return found
}

func (tx *Tx) count(r *rule, t *target) int {
	n := 0
	switch t.variable {
	case seclang.TX:
		if t.key.re == nil && t.key.key != "" {
			if tx.slots[t.slots[0]].set {
				return 1
			}
			return 0
		}
		for _, i := range t.slots {
			if tx.slots[i].set && !tx.excludes(r, t, tx.p.names[i]) {
				n++
			}
		}
		for i := range tx.extra {
			if tx.extra[i].value.set && tx.selects(r, t, tx.extra[i].name) {
				n++
			}
		}
		return n
	case seclang.MatchedVars, seclang.MatchedVarsNames:
		return len(tx.matched)
	case seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User:
		return tx.countRecord(r, t)
	}
	for _, src := range sources(t.variable) {
		if t.key.all() && len(t.except) == 0 && len(tx.exclusions) == 0 {
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

func (tx *Tx) transformAndTest(at chainLink, v seclang.Variable, pair body.Pair) bool {
	if at.link.multiMatch {
		return tx.multi(at, v, pair)
	}
	text := pair.Value
	for _, t := range at.link.transforms {
		text = tx.transform(t, text)
	}
	return tx.test(at, v, pair.Key, text)
}

func (tx *Tx) transform(t *transform.Transformation, s string) string {
	return t.Apply(&tx.arena, s)
}

// multi tests the value and what each transformation makes of it.
func (tx *Tx) multi(at chainLink, v seclang.Variable, pair body.Pair) bool {
	text := pair.Value
	found := tx.test(at, v, pair.Key, text)
	for _, t := range at.link.transforms {
		next := tx.transform(t, text)
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

func (tx *Tx) test(at chainLink, v seclang.Variable, key, text string) bool {
	tx.place.known = false
	if at.link.op.match(tx, text, at.link.capture) == at.link.negated {
		return false
	}
	tx.hit(at, v, key, text)
	return true
}

// maxHits bounds what a transaction remembers of its matches.
const maxHits = 400

// hit notes a match of a link and does its actions.
func (tx *Tx) hit(at chainLink, v seclang.Variable, key, text string) {
	tx.last = matchedVar{v, key, text, v == seclang.NoVariable}
	tx.matched = append(tx.matched, tx.last)
	before := tx.added
	for _, a := range at.link.actions {
		a.do(tx)
	}
	if tx.trace != nil {
		tx.trace.note(at, v, key, text, tx.added-before)
	}
	if at.depth > 0 || at.link.msg == nil || tx.mute && tx.actionFor(at.rule) == Count {
		return
	}
	if len(tx.hits) >= maxHits {
		tx.omitted++
		return
	}
	h := Hit{rule: at.rule, link: at.link, Variable: v, Key: key, Value: text, Score: tx.added - before, place: tx.place}
	if len(at.rule.links) == 1 {
		h.Message, h.Data = tx.texts(at.link)
		if h.Message == "" {
			return
		}
	} else if n := len(tx.hits); n > 0 && tx.hits[n-1].rule == at.rule {
		return // a chain is told once
	}
	tx.hits = append(tx.hits, h)
}
