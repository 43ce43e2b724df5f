package gate

import (
	"math/bits"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/seclang"
)

// candidate is a value that a link may match. Candidates of a link are a list.
type candidate struct {
	LinkRef
	Next       int32 // number plus one of the next, 0 at the end
	Collection seclang.Variable
	Sure       bool  // the link matches, its operator need not be asked
	Index      int32 // in the collection
	Text       string
}

type candList struct{ first, last int32 }

// gateState is what the gates of a program need for one transaction: the candidates
// of the phase and what is known of the value at hand.
type State struct {
	// run are the rules of the phase that run, by place. filter adds those for which it
	// finds a candidate.
	Run     bitset.Set
	cands   []candidate
	heads   []candList // by link
	touched []int32    // links with candidates

	arena   *arena.Arena
	entries []gateEntry
	at      []int32 // entry of each node
	bits    []uint64
	made    []int32 // by entry and transformation: one more than the entry it makes
}

// init makes s the state of a transaction of a program with so many links, whose
// transformations use the arena.
func (s *State) Init(links int, a *arena.Arena) {
	*s = State{heads: make([]candList, links), arena: a}
}

// begin forgets the candidates of the phase before; always are the rules that run
// whatever the gate finds.
func (s *State) Begin(always bitset.Set) {
	s.Drop()
	s.Run = append(s.Run[:0], always...)
}

// reset forgets the transaction, so that nothing of it is kept in a pool.
func (s *State) Reset() {
	s.Drop()
	if cap(s.cands) > keepCandidates {
		s.cands = nil
	}
	clear(s.entries[:cap(s.entries)]) // they refer to values
	s.entries = s.entries[:0]
}

// keepCandidates is for how many candidates a state in a pool keeps room.
const keepCandidates = 512

// first returns the number of the first candidate of a link, 0 if it has none.
func (s *State) First(link int32) int32 { return s.heads[link].first }

// candidate returns a candidate by its number, from 1 on.
func (s *State) Candidate(n int32) *candidate { return &s.cands[n-1] }

// count returns how many candidates there are, which is the number of the newest.
func (s *State) Candidates() int32 { return int32(len(s.cands)) }

// gateEntry is one distinct text that a value becomes.
type gateEntry struct {
	text  string
	mask  charset.Mask
	found bitset.Set
	tier  int8
	ready bool // found is filled
	asked bool // idle is known
	idle  bool // no pattern of the plan may match
	// guard is the pattern whose guard was asked last, plus one, pass its answer.
	guard int32
	pass  bool
	coded answer // whether base64 in it may hide a word of the plan
	same  int32  // entry with the same words, -1 if none
}

// answer is what is known of a question.
type answer uint8

const (
	notAsked answer = iota
	no
	yes
)

// plan returns the plan for the members with a key.
func (sp *CollectionPlan) PlanFor(key string) *Plan {
	if sp.keyed != nil {
		if pl := sp.lookup(key); pl != nil {
			return pl
		}
	}
	for i := range sp.patterns {
		if sp.patterns[i].MayMatch(key) {
			return sp.matching
		}
	}
	return sp.base
}

// lookup returns the plan for a key that rules name.
func (sp *CollectionPlan) lookup(key string) *Plan {
	if sp.lengths>>min(len(key), 63)&1 == 0 {
		return nil
	}
	var buf [64]byte
	if len(key) > len(buf) {
		return sp.keyed[strings.ToLower(key)]
	}
	for i := range len(key) {
		if key[i] >= 0x80 {
			return sp.keyed[strings.ToLower(key)]
		}
		buf[i] = ascii.Lower(key[i])
	}
	return sp.keyed[string(buf[:len(key)])]
}

func (g *Gate) Filter(s *State, pl *Plan, src seclang.Variable, index int32, value string) {
	if cap(s.bits) < g.setWords*(len(pl.nodes)+1) {
		s.bits = make([]uint64, g.setWords*(len(pl.nodes)+1))
	}
	mask := charset.MaskOf(value)
	s.entries = append(s.entries[:0], gateEntry{text: value, mask: mask, tier: tierOf(mask), same: -1})
	for i := range pl.negated {
		g.negatedCandidate(s, &pl.negated[i], src, index)
	}
	if !pl.always && mask&pl.touch == 0 && g.idle(s, pl, 0) {
		return // no transformation changes this value, so one look answers for all
	}
	s.made = append(s.made[:0], make([]int32, len(g.transforms))...)
	if cap(s.at) < len(pl.nodes) {
		s.at = make([]int32, len(pl.nodes))
	}
	s.at = s.at[:len(pl.nodes)]
	s.at[0] = 0
	tier := s.entries[0].tier
	if pl.nodes[0].links != nil && !g.idle(s, pl, 0) {
		g.nodeCandidates(s, &pl.nodes[0], 0, src, index)
	}
	for _, i := range pl.live[tier] {
		n := &pl.nodes[i]
		from := s.at[n.parent]
		if from < 0 {
			s.at[i] = -1
			continue
		}
		e := g.derive(s, n, from)
		s.at[i] = e
		if e < 0 || n.links == nil || e == 0 && s.entries[0].idle {
			continue
		}
		g.nodeCandidates(s, n, e, src, index)
	}
}

// gateNegated notes a link that matches the value in entry 0.
func (g *Gate) negatedCandidate(s *State, n *negatedLink, src seclang.Variable, index int32) {
	text := s.entries[0].text
	if len(n.transforms) == 0 {
		if g.mayMatch(s, n.pattern) && g.patterns[n.pattern].Matches(text) {
			return
		}
	} else {
		for _, t := range n.transforms {
			text = t.Apply(s.arena, text)
		}
		if g.patterns[n.pattern].Matches(text) {
			return
		}
	}
	s.Add(n.LinkRef, src, index, text, true)
}

// mayMatch reports whether a pattern may match entry 0.
func (g *Gate) mayMatch(s *State, id int32) bool {
	x := &s.entries[0]
	c := &g.tiers[x.tier].conditions[id]
	if c.never || !x.fulfils(c.bytes) {
		return false
	}
	if c.hasWords {
		found := g.find(s, 0)
		if !found.Has(id) {
			return false
		}
		for _, more := range c.more {
			if !found.Has(more) {
				return false
			}
		}
	}
	return g.possible(id, &s.entries[0])
}

// idle reports whether no pattern of the plan may match entry e, at whatever node.
func (g *Gate) idle(s *State, pl *Plan, e int32) bool {
	x := &s.entries[e]
	if x.asked {
		return x.idle
	}
	found := g.find(s, e)
	x = &s.entries[e]
	x.asked = true
	w := &pl.all[x.tier]
	for i, bits := range w.words {
		if bits&found[i] != 0 {
			return false
		}
	}
	for _, id := range w.bytes {
		if g.possible(id, x) {
			return false
		}
	}
	x.idle = true
	return true
}

// derive returns the entry for what a transformation makes of entry e, or -1 if it is
// clear beforehand that no pattern matches that.
func (g *Gate) derive(s *State, n *planNode, e int32) int32 {
	from := &s.entries[e]
	if !n.t.Always && from.mask&n.need == 0 {
		return e
	}
	memo := &s.made[int(e)*len(g.transforms)+int(n.number)]
	if *memo != 0 {
		return *memo - 1
	}
	if !g.mayLead(s, n, e) {
		return -1
	}
	if n.sieve != nil {
		if !n.sift(from) {
			return -1
		}
	} else if n.t.Bound != nil && n.enough > 0 && n.t.Bound(from.text) < n.enough {
		return -1
	}
	text := n.t.Apply(s.arena, from.text)
	to := int32(-1)
	for i := range s.entries {
		if s.entries[i].text == text {
			to = int32(i)
			break
		}
	}
	if to < 0 {
		to = int32(len(s.entries))
	}
	*memo = to + 1
	if int(to) < len(s.entries) {
		return to
	}
	made := gateEntry{text: text, mask: charset.MaskOf(text), same: -1}
	if n.t.CaseOnly && from.mask&charset.High == 0 {
		made.same = e
	}
	made.tier = tierOf(made.mask)
	s.entries = append(s.entries, made)
	s.made = append(s.made, make([]int32, len(g.transforms))...)
	return to
}

// find returns the conditions on words that entry e fulfils.
func (g *Gate) find(s *State, e int32) bitset.Set {
	x := &s.entries[e]
	if x.ready {
		return x.found
	}
	x.ready = true
	if x.same >= 0 {
		x.found = g.find(s, x.same)
		return x.found
	}
	at := int(e) * g.setWords
	x.found = bitset.Set(s.bits[at : at+g.setWords])
	if x.mask&charset.Fold != 0 && (strings.Contains(x.text, "\u017f") || strings.Contains(x.text, "\u212a")) {
		// These equal s and k when case is ignored: the words may be spelled with them.
		for i := range x.found {
			x.found[i] = ^uint64(0)
		}
		return x.found
	}
	clear(x.found)
	t := &g.tiers[x.tier]
	t.words.Scan(x.text, x.found)
	for i := range t.single {
		if x.mask&t.single[i].mask != 0 {
			x.found.Add(t.single[i].bit)
		}
	}
	return x.found
}

// fulfils checks conditions on bytes.
func (e *gateEntry) fulfils(conditions []charset.Mask) bool {
	for _, m := range conditions {
		if e.mask&m == 0 {
			return false
		}
	}
	return true
}

// possible checks the conditions on bytes and the guard of a pattern.
func (g *Gate) possible(id int32, e *gateEntry) bool {
	if !e.fulfils(g.tiers[e.tier].conditions[id].bytes) {
		return false
	}
	if g.guards[id] == nil {
		return true
	}
	if e.guard != id+1 {
		e.guard, e.pass = id+1, g.guards[id].Possible(e.text)
	}
	return e.pass
}

// nodeCandidates notes the links at a node that may match entry e.
func (g *Gate) nodeCandidates(s *State, n *planNode, e int32, src seclang.Variable, index int32) {
	x := &s.entries[e]
	want := &n.wanted[x.tier]
	conditions := g.tiers[x.tier].conditions
	// The conditions on bytes cost less than the words.
	some := x.ready
	for w, left := range want.words {
		for ; left != 0 && !some; left &= left - 1 {
			id := int32(w<<6 | bits.TrailingZeros64(left))
			some = x.fulfils(conditions[id].bytes)
		}
	}
	if some {
		found := g.find(s, e)
		x = &s.entries[e]
		for w, wanted := range want.words {
			for hit := wanted & found[w]; hit != 0; hit &= hit - 1 {
				id := int32(w<<6 | bits.TrailingZeros64(hit))
				ok := g.possible(id, x)
				for _, c := range conditions[id].more {
					ok = ok && found.Has(c)
				}
				if ok {
					s.addAll(n.links[id], src, index, x.text)
				}
			}
		}
	}
	for _, id := range want.bytes {
		if g.possible(id, x) {
			s.addAll(n.links[id], src, index, x.text)
		}
	}
}

// noteAll adds a candidate to each link.
func (s *State) addAll(links []LinkRef, src seclang.Variable, index int32, text string) {
	for _, ref := range links {
		s.Add(ref, src, index, text, false)
	}
}

// note adds a candidate to a link.
func (s *State) Add(ref LinkRef, src seclang.Variable, index int32, text string, sure bool) {
	h := &s.heads[ref.Link]
	if h.first != 0 {
		if last := &s.cands[h.last-1]; last.Collection == src && last.Index == index {
			return // multiMatch sees a value at several nodes
		}
	}
	s.cands = append(s.cands, candidate{LinkRef: ref, Collection: src, Index: index, Text: text, Sure: sure})
	c := int32(len(s.cands))
	if h.first == 0 {
		h.first = c
		s.touched = append(s.touched, ref.Link)
		if ref.Position != NotFirst {
			s.Run.Add(ref.Position)
		}
	} else {
		s.cands[h.last-1].Next = c
	}
	h.last = c
}

func (s *State) Drop() {
	for _, l := range s.touched {
		s.heads[l] = candList{}
	}
	s.touched = s.touched[:0]
	clear(s.cands)
	s.cands = s.cands[:0]
}
