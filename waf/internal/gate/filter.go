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

// Candidate is a value that a link may match. The candidates of a link are a list, in
// the order of the values.
//
// It is a record in a pool of the State rather than an object of its own: a request has none or a
// few, a hostile one many thousands.
type Candidate struct {
	LinkRef
	// Next is the number of the next candidate of the link, 0 for the last one. Lists are linked by
	// number, since the pool moves when it grows.
	Next int32
	// Collection and Index tell where the value is.
	Collection seclang.Variable
	Index      int32
	// Text is what the link's transformations make of the value. For a link that tests
	// every step (multiMatch) it is one of these, and the link starts from the value.
	Text string
	// Sure tells that the link matches, so that its operator need not be asked.
	Sure bool
}

// list is the first and the last candidate of a link by number, 0 for none.
type list struct{ first, last int32 }

// State is what the gates of a program need for one transaction: the candidates of the
// phase and what is known of the value at hand. It keeps its memory from one transaction
// to the next. The zero value is not ready, see Init. A State belongs to one transaction at a time
// and one goroutine.
type State struct {
	// Run are the rules of the phase that run, by position. Filter adds those for whose
	// first link it finds a candidate.
	Run        bitset.Set
	candidates []Candidate
	lists      []list  // by link
	touched    []int32 // links with candidates

	// The rest is about one value at a time.
	arena *arena.Arena
	// entries are the value, entry 0, and all distinct texts that came of it so far.
	entries []entry
	at      []int32  // by node: the entry that it is, -1 if it was not made
	bits    []uint64 // of the sets of the entries, so that these need no memory of their own
	// made is a table with len(transforms) columns, 0 for what was not asked: the zero of make will
	// do.
	made []int32 // by entry and transformation: one more than the entry it makes
}

// Init makes s the state of a transaction of a program with so many links. What
// transformations make is allocated in the arena, so it is valid as long as that is not
// reset. It allocates once for a State; Begin, Filter and Reset use the memory again.
func (s *State) Init(links int, a *arena.Arena) {
	*s = State{lists: make([]list, links), arena: a}
}

// Begin forgets the candidates of the phase before; always are the rules that run
// whatever the gate finds. It copies always.
func (s *State) Begin(always bitset.Set) {
	s.Drop()
	s.Run = append(s.Run[:0], always...)
}

// Reset forgets the transaction, so that nothing of it is kept in a pool.
func (s *State) Reset() {
	s.Drop()
	if cap(s.candidates) > keepCandidates {
		s.candidates = nil
	}
	// Beyond the length there are entries of longer lists before.
	clear(s.entries[:cap(s.entries)]) // they refer to values
	s.entries = s.entries[:0]
}

// keepCandidates is for how many candidates a state in a pool keeps room. A hostile request would
// otherwise leave its memory in the pool for good.
const keepCandidates = 512

// First returns the number of the first candidate of a link, 0 if it has none.
func (s *State) First(link int32) int32 { return s.lists[link].first }

// Candidate returns a candidate by its number, from 1 on. It is valid until the next
// call of Filter or Add.
func (s *State) Candidate(n int32) *Candidate { return &s.candidates[n-1] }

// Count returns how many candidates there are, which is the number of the newest.
func (s *State) Count() int32 { return int32(len(s.candidates)) }

// entry is one distinct text that a value becomes, with what is known of it. Different
// lists of transformations often lead to the same text; it is looked at once.
type entry struct {
	text  string
	mask  charset.Mask
	found bitset.Set // conditions on words that it fulfils
	tier  int8
	ready bool // found is filled
	asked bool // idle is known
	idle  bool // no pattern of the plan may match
	// guard is the pattern whose guard was asked last, plus one, pass its answer. One is
	// enough: nodes in a row ask the same guard of the same text.
	guard int32
	pass  bool
	coded answer // whether base64 in it may hide a word of the plan
	same  int32  // entry with the same words, -1 if none
}

// answer is what is known of a question that is costly to ask twice.
type answer uint8

const (
	notAsked answer = iota
	no
	yes
)

// PlanFor returns the plan for the members with a key. For one that rules name in another
// case that is the same: rules that distinguish cases do so when they run. It is asked for each
// member of each collection, and mostly answered by the bit of its length.
func (sp *CollectionPlan) PlanFor(key string) *Plan {
	if sp.keyed != nil {
		if pl := sp.lookup(key); pl != nil {
			return pl
		}
	}
	// MayMatch tests classes of bytes, not the expression, and may say yes too often: the plan then
	// has links that do not look at the member, which the run time finds out.
	for i := range sp.patterns {
		if sp.patterns[i].MayMatch(key) {
			return sp.matching
		}
	}
	return sp.base
}

// lookup returns the plan for a key that rules name, nil if none does. It does not
// allocate for keys of ASCII of common length. Keys are compared in the case folding of
// strings.ToLower, as when the plans were built.
func (sp *CollectionPlan) lookup(key string) *Plan {
	if sp.lengths>>min(len(key), 63)&1 == 0 {
		return nil
	}
	// The conversion of a byte slice in the index of a map allocates nothing.
	var buf [64]byte
	if len(key) > len(buf) {
		return sp.keyed[strings.ToLower(key)]
	}
	for i := range len(key) {
		// Lower case beyond ASCII may differ in length; such keys are rare.
		if key[i] >= 0x80 {
			return sp.keyed[strings.ToLower(key)]
		}
		buf[i] = ascii.Lower(key[i])
	}
	return sp.keyed[string(buf[:len(key)])]
}

// Filter adds to s the candidates among what the plan makes of a value, which is the
// member with the index of a collection. In the worst case it costs one pass over the
// value and each distinct result of a transformation, and a test for each pattern.
//
// The order is that of cost: classes of bytes, one look for the whole plan, then node by node. It
// changes nothing but s, and allocates only when the memory of s is too small.
func (g *Gate) Filter(s *State, pl *Plan, src seclang.Variable, index int32, value string) {
	// Room for the sets of all entries: a node makes at most one.
	if cap(s.bits) < g.setWords*(len(pl.nodes)+1) {
		s.bits = make([]uint64, g.setWords*(len(pl.nodes)+1))
	}
	mask := charset.MaskOf(value)
	s.entries = append(s.entries[:0], entry{text: value, mask: mask, tier: tierOf(mask), same: -1})
	// Before idle, which proves nothing about what patterns do not match.
	for i := range pl.negated {
		g.negatedCandidate(s, &pl.negated[i], src, index)
	}
	if !pl.always && mask&pl.touch == 0 && g.idle(s, pl, 0) {
		// No transformation changes this value, so one look answers for all nodes. That is
		// how it goes for most names and words.
		return
	}
	// The compiler makes append of make an extension in place, without the slice in between.
	s.made = append(s.made[:0], make([]int32, len(g.transforms))...)
	// Old content does no harm: each live node is written before its children read it, and a live
	// node has live parents.
	if cap(s.at) < len(pl.nodes) {
		s.at = make([]int32, len(pl.nodes))
	}
	s.at = s.at[:len(pl.nodes)]
	s.at[0] = 0
	// The nodes are chosen by the value's own tier. What a decoder makes of it has a tier of its
	// own, for which findLive made the nodes live.
	tier := s.entries[0].tier
	if pl.nodes[0].links != nil && !g.idle(s, pl, 0) {
		g.nodeCandidates(s, &pl.nodes[0], 0, src, index)
	}
	for _, i := range pl.live[tier] {
		n := &pl.nodes[i]
		from := s.at[n.parent]
		// Without its parent's text a node has none: derive proved that nothing below can match.
		if from < 0 {
			s.at[i] = -1
			continue
		}
		e := g.derive(s, n, from)
		s.at[i] = e
		// If no pattern of the plan may match the value itself, nodes that leave it
		// unchanged need not look at it again.
		if e < 0 || n.links == nil || e == 0 && s.entries[0].idle {
			continue
		}
		g.nodeCandidates(s, n, e, src, index)
	}
}

// negatedCandidate adds the link if it matches the value in entry 0: if its pattern does
// not. What the gate proves of the pattern spares the test here, too.
func (g *Gate) negatedCandidate(s *State, n *negatedLink, src seclang.Variable, index int32) {
	text := s.entries[0].text
	if len(n.transforms) == 0 {
		// The short cut is sound in this direction only: what cannot match is a match of the
		// negated link.
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
	x.asked = true
	w := &pl.all[x.tier]
	for i, bits := range w.words {
		// Further conditions and guards are not asked here: the nodes do that, and to err is to
		// look again.
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
// clear beforehand that no pattern matches that. It may move the entries. n is no node 0, and e an
// entry of the value at hand.
func (g *Gate) derive(s *State, n *planNode, e int32) int32 {
	from := &s.entries[e]
	if !n.t.Always && from.mask&n.need == 0 {
		return e // it changes nothing
	}
	// Two nodes may do the same to the same text, as two lists of transformations that begin
	// differently and meet again.
	memo := &s.made[int(e)*len(g.transforms)+int(n.number)]
	if *memo != 0 {
		return *memo - 1
	}
	// The proofs in order of cost: requirements are masks and bits that are known, a sieve or a
	// bound reads the text. A refusal is not kept in made, since another node with this
	// transformation may want other patterns.
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
	// Few texts come of a value, so that comparing all is cheaper than a map.
	text := n.t.Apply(s.arena, from.text)
	to := int32(-1)
	// Strings are compared by length first, which mostly differs.
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
	made := entry{text: text, mask: charset.MaskOf(text), same: -1}
	// The automaton ignores the case of ASCII letters.
	if n.t.CaseOnly && from.mask&charset.High == 0 {
		made.same = e
	}
	made.tier = tierOf(made.mask)
	s.entries = append(s.entries, made)
	// A row for the new entry; memo may point to the old array now and is not used any more.
	s.made = append(s.made, make([]int32, len(g.transforms))...)
	return to
}

// find returns the conditions on words that entry e fulfils. It does not move entries. The search
// costs one pass over the text, once for each entry.
func (g *Gate) find(s *State, e int32) bitset.Set {
	x := &s.entries[e]
	if x.ready {
		return x.found
	}
	x.ready = true
	if x.same >= 0 {
		// Its tier is that of the other: tiers have letters of both cases.
		x.found = g.find(s, x.same)
		return x.found
	}
	// Each entry has its own part of bits, which nobody else writes.
	at := int(e) * g.setWords
	x.found = bitset.Set(s.bits[at : at+g.setWords])
	if x.mask&charset.Fold != 0 && (strings.Contains(x.text, "\u017f") || strings.Contains(x.text, "\u212a")) {
		// These equal s and k when case is ignored: the words may be spelled with them. All bits,
		// those beyond the last condition as well: nothing asks for these.
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

// fulfils reports whether e has a byte for each condition.
func (e *entry) fulfils(conditions []charset.Mask) bool {
	for _, m := range conditions {
		if e.mask&m == 0 {
			return false
		}
	}
	return true
}

// possible checks the conditions on bytes and then the guard of a pattern. The caller has
// checked those on words.
func (g *Gate) possible(id int32, e *entry) bool {
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

// nodeCandidates adds the links at a node that may match entry e. e is what the transformations of
// n make of the value.
func (g *Gate) nodeCandidates(s *State, n *planNode, e int32, src seclang.Variable, index int32) {
	x := &s.entries[e]
	want := &n.wanted[x.tier]
	conditions := g.tiers[x.tier].conditions
	// The conditions on bytes cost less than the words: the automaton runs only if one of
	// the patterns passes them. idle or another node may have run it already.
	some := x.ready
	for w, left := range want.words {
		// left & (left-1) takes the lowest bit away: the loop visits the bits that are set.
		for ; left != 0 && !some; left &= left - 1 {
			id := int32(w<<6 | bits.TrailingZeros64(left))
			some = x.fulfils(conditions[id].bytes)
		}
	}
	if some {
		found := g.find(s, e)
		for w, wanted := range want.words {
			// Mostly zero: no wanted pattern has one of its words in the text.
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

// addAll adds a candidate to each link.
func (s *State) addAll(links []LinkRef, src seclang.Variable, index int32, text string) {
	for _, ref := range links {
		s.Add(ref, src, index, text, false)
	}
}

// Add adds a candidate to a link, and its rule to Run if the link is the first of it. A
// value that is the link's newest candidate already is not added again. It is for the run time as
// well, which adds candidates that it remembers. It keeps text.
func (s *State) Add(ref LinkRef, src seclang.Variable, index int32, text string, sure bool) {
	h := &s.lists[ref.Link]
	if h.first != 0 {
		// Values come one after the other, so that a second candidate of the same value is next to
		// the first.
		if last := &s.candidates[h.last-1]; last.Collection == src && last.Index == index {
			return // multiMatch sees a value at several nodes
		}
	}
	s.candidates = append(s.candidates, Candidate{LinkRef: ref, Collection: src, Index: index, Text: text, Sure: sure})
	c := int32(len(s.candidates))
	if h.first == 0 {
		h.first = c
		s.touched = append(s.touched, ref.Link)
		if ref.Position != NotFirst {
			s.Run.Add(ref.Position)
		}
	} else {
		s.candidates[h.last-1].Next = c
	}
	h.last = c
}

// Drop forgets all candidates, whose texts would keep a request alive. It costs as much
// as there are candidates, not links.
func (s *State) Drop() {
	for _, l := range s.touched {
		s.lists[l] = list{}
	}
	s.touched = s.touched[:0]
	clear(s.candidates)
	s.candidates = s.candidates[:0]
}
