package program

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/multi"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// gate proves for the values of a phase which rules cannot match them.
//
// Rules that do the same test share a pattern. For each collection there is a
// plan: a tree of the transformations that rules ask for, with the patterns that
// want to see each result. A value walks the tree once; results that do not differ
// from what they were made of are not looked at again.
type gate struct {
	sources  []sourcePlan
	patterns []pattern
	words    *multi.Automaton
	setWords int // length of sets of conditions, in words of 64 bits
}

// pattern is a test that rules share. Its number is the bit of its first condition
// on words.
type pattern struct {
	op       gateable
	hasWords bool
	more     []int32        // bits of further conditions on words
	bytes    []charset.Mask // conditions on bytes
}

// sourcePlan has the plans for the members of one collection.
type sourcePlan struct {
	source seclang.Variable
	base   *plan
	keyed  map[string]*plan // by key in lower case, for keys that rules name
}

type plan struct {
	nodes []planNode
	// touch are the bytes of which a value must have one for any transformation to
	// change it; always tells that one changes everything.
	touch  charset.Mask
	always bool
	// words and bytes are the patterns of all nodes.
	words multi.Set
	bytes []int32
}

// planNode is the result of a list of transformations. Node 0 is the value itself;
// parents come before children.
type planNode struct {
	parent int32
	t      *transform.Transformation
	need   charset.Mask
	words  multi.Set // patterns with conditions on words
	bytes  []int32   // patterns without
	links  map[int32][]linkRef
}

// linkRef is a link that wants to see values that may match.
type linkRef struct {
	link  int32 // number
	place int32 // of its rule in the phase
}

// dynamic variables change while a phase runs; the gate knows nothing about them.
func dynamic(v seclang.Variable) bool {
	switch v {
	case seclang.TX, seclang.MatchedVar, seclang.MatchedVarName, seclang.MatchedVars, seclang.MatchedVarsNames,
		seclang.RuleVariable, seclang.HighestSeverity, seclang.ReqbodyProcessor:
		return true
	}
	return false
}

// buildGate builds the gate of a phase and marks the rules that it finds values for.
func (p *Program) buildGate(ph *phase) {
	b := gateBuilder{p: p, g: &gate{}, ids: map[string]int32{}}
	for place, i := range ph.rules {
		l := &p.rules[i].links[0]
		op, ok := l.op.(gateable)
		if ok && !l.negated && !slices.ContainsFunc(l.targets, func(t target) bool { return t.count || dynamic(t.variable) }) {
			l.gated = true
			b.links = append(b.links, gatedLink{l, int32(place), b.pattern(op)})
			continue
		}
		ph.always.add(int32(place))
	}
	if len(b.links) == 0 {
		return
	}
	b.build()
	ph.gate = b.g
}

type gatedLink struct {
	l       *link
	place   int32
	pattern int32
}

type gateBuilder struct {
	p     *Program
	g     *gate
	ids   map[string]int32
	links []gatedLink
}

func (b *gateBuilder) pattern(op gateable) int32 {
	id, ok := b.ids[op.identity()]
	if !ok {
		id = int32(len(b.g.patterns))
		b.ids[op.identity()] = id
		b.g.patterns = append(b.g.patterns, pattern{op: op})
	}
	return id
}

func (b *gateBuilder) build() {
	g := b.g
	var words multi.Words
	next := int32(len(g.patterns))
	for i := range g.patterns {
		pt := &g.patterns[i]
		need := pt.op.need()
		pt.bytes = need.Bytes
		for j, list := range need.Words {
			bit := int32(i)
			pt.hasWords = true
			if j > 0 {
				bit = next
				next++
				pt.more = append(pt.more, bit)
			}
			for _, w := range list {
				words.Add(w, bit)
			}
		}
	}
	g.setWords = int(next+63) / 64
	g.words = words.Compile()
	// Which collections do the links look at, and which keys do they name?
	keys := map[seclang.Variable]map[string]bool{}
	var order []seclang.Variable
	for _, gl := range b.links {
		for _, t := range gl.l.targets {
			for _, src := range sources(t.variable) {
				if keys[src] == nil {
					keys[src] = map[string]bool{}
					order = append(order, src)
				}
				for _, s := range append([]selector{t.key}, t.except...) {
					if s.key != "" {
						keys[src][strings.ToLower(s.key)] = true
					}
				}
			}
		}
	}
	for _, src := range order {
		sp := sourcePlan{source: src, base: b.plan(src, "", false)}
		for k := range keys[src] {
			if sp.keyed == nil {
				sp.keyed = map[string]*plan{}
			}
			sp.keyed[k] = b.plan(src, k, true)
		}
		g.sources = append(g.sources, sp)
	}
}

// plan builds the plan for the members of a collection that have the key, or for
// those whose key no rule names.
func (b *gateBuilder) plan(src seclang.Variable, key string, keyed bool) *plan {
	pl := &plan{words: make(multi.Set, b.g.setWords)}
	pl.nodes = append(pl.nodes, planNode{})
	for _, gl := range b.links {
		wanted := false
		for _, t := range gl.l.targets {
			if slices.Contains(sources(t.variable), src) && mayselect(&t, key, keyed) {
				wanted = true
			}
		}
		if wanted {
			b.place(pl, gl)
		}
	}
	for i := range pl.nodes {
		n := &pl.nodes[i]
		if n.t != nil {
			n.need = charset.Cover(n.t.Needs)
			pl.touch |= n.need
			pl.always = pl.always || n.t.Always
		}
		slices.Sort(n.bytes)
		pl.bytes = append(pl.bytes, n.bytes...)
	}
	slices.Sort(pl.bytes)
	pl.bytes = slices.Compact(pl.bytes)
	return pl
}

// mayselect reports whether a target may include members with the key. Keys are
// compared in any case, which errs on the side of yes.
func mayselect(t *target, key string, keyed bool) bool {
	if !keyed {
		return t.key.key == "" // all members, or a regular expression
	}
	if t.key.key != "" && !strings.EqualFold(t.key.key, key) {
		return false
	}
	for i := range t.except {
		// Exceptions ignore case in the same way when the rule runs.
		if t.except[i].re == nil && (t.except[i].key == "" || strings.EqualFold(t.except[i].key, key)) {
			return false
		}
	}
	return true
}

// place puts a link's pattern at the node of its transformations; with multiMatch
// at all nodes on the way.
func (b *gateBuilder) place(pl *plan, gl gatedLink) {
	at := int32(0)
	if gl.l.multiMatch {
		b.want(pl, at, gl)
	}
	for _, t := range gl.l.transforms {
		child := int32(-1)
		for i := range pl.nodes {
			if i > 0 && pl.nodes[i].parent == at && pl.nodes[i].t == t {
				child = int32(i)
			}
		}
		if child < 0 {
			child = int32(len(pl.nodes))
			pl.nodes = append(pl.nodes, planNode{parent: at, t: t})
		}
		at = child
		if gl.l.multiMatch {
			b.want(pl, at, gl)
		}
	}
	if !gl.l.multiMatch {
		b.want(pl, at, gl)
	}
}

func (b *gateBuilder) want(pl *plan, at int32, gl gatedLink) {
	n := &pl.nodes[at]
	if n.links == nil {
		n.links = map[int32][]linkRef{}
		n.words = make(multi.Set, b.g.setWords)
	}
	if _, have := n.links[gl.pattern]; !have {
		if b.g.patterns[gl.pattern].hasWords {
			n.words.Add(gl.pattern)
			pl.words.Add(gl.pattern)
		} else {
			n.bytes = append(n.bytes, gl.pattern)
		}
	}
	n.links[gl.pattern] = append(n.links[gl.pattern], linkRef{gl.l.number, gl.place})
}

// candidate is a value that a link may match. Candidates of a link are a list.
type candidate struct {
	next   int32 // number plus one of the next, 0 at the end
	source seclang.Variable
	index  int32 // in the collection
	text   string
}

type candList struct{ first, last int32 }

// scratch is what the gate needs for one value at a time.
type scratch struct {
	entries []gateEntry
	at      []int32 // entry of each node
	bits    []uint64
}

// gateEntry is one distinct text that a value becomes.
type gateEntry struct {
	text  string
	mask  charset.Mask
	found multi.Set
	ready bool  // found is filled
	same  int32 // entry with the same words, -1 if none
}

func (s *scratch) reset() {
	clear(s.entries)
	s.entries = s.entries[:0]
}

// openGate finds the rules of the phase that may match and the values they may
// match on.
func (tx *Tx) openGate(g *gate) {
	for i := range g.sources {
		sp := &g.sources[i]
		values := tx.cols[sp.source]
		for j := range values {
			pl := sp.base
			if sp.keyed != nil {
				if k := sp.lookup(values[j].Key); k != nil {
					pl = k
				}
			}
			tx.gateValue(g, pl, sp.source, int32(j), values[j].Value)
		}
	}
}

// lookup returns the plan for a key that rules name.
func (sp *sourcePlan) lookup(key string) *plan {
	var buf [64]byte
	if len(key) > len(buf) {
		return sp.keyed[strings.ToLower(key)]
	}
	for i := range len(key) {
		if key[i] >= 0x80 {
			return sp.keyed[strings.ToLower(key)]
		}
		buf[i] = lowerByte(key[i])
	}
	return sp.keyed[string(buf[:len(key)])]
}

func (tx *Tx) gateValue(g *gate, pl *plan, src seclang.Variable, index int32, value string) {
	s := &tx.scratch
	if cap(s.bits) < g.setWords*(len(pl.nodes)+1) {
		s.bits = make([]uint64, g.setWords*(len(pl.nodes)+1))
	}
	s.entries = append(s.entries[:0], gateEntry{text: value, mask: charset.MaskOf(value), same: -1})
	root := &s.entries[0]
	if !pl.always && root.mask&pl.touch == 0 {
		// No transformation changes this value: one look answers for all.
		found := g.find(s, 0)
		some := false
		for i, w := range pl.words {
			if w&found[i] != 0 {
				some = true
				break
			}
		}
		if !some {
			for _, p := range pl.bytes {
				if g.patterns[p].possible(root) {
					some = true
					break
				}
			}
		}
		if !some {
			return
		}
	}
	s.at = append(s.at[:0], 0)
	for i := range pl.nodes {
		n := &pl.nodes[i]
		if i > 0 {
			s.at = append(s.at, tx.derive(n, s.at[n.parent]))
		}
		if n.links != nil {
			tx.nodeCandidates(g, n, s.at[i], src, index)
		}
	}
}

// derive returns the entry for what a transformation makes of entry e.
func (tx *Tx) derive(n *planNode, e int32) int32 {
	s := &tx.scratch
	from := &s.entries[e]
	if !n.t.Always && from.mask&n.need == 0 {
		return e
	}
	text := n.t.Apply(&tx.arena, from.text)
	if text == from.text {
		return e
	}
	for i := range s.entries {
		if s.entries[i].text == text {
			return int32(i)
		}
	}
	made := gateEntry{text: text, same: -1}
	if n.t.CaseOnly && from.mask&charset.High == 0 {
		made.same = e
	}
	made.mask = charset.MaskOf(text)
	s.entries = append(s.entries, made)
	return int32(len(s.entries) - 1)
}

// find returns the conditions on words that entry e fulfils.
func (g *gate) find(s *scratch, e int32) multi.Set {
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
	x.found = multi.Set(s.bits[at : at+g.setWords])
	if x.mask&charset.Fold != 0 && (strings.Contains(x.text, "\u017f") || strings.Contains(x.text, "\u212a")) {
		// These equal s and k when case is ignored: the words may be spelled with them.
		for i := range x.found {
			x.found[i] = ^uint64(0)
		}
		return x.found
	}
	clear(x.found)
	g.words.Scan(x.text, x.found)
	return x.found
}

// possible checks the conditions on bytes.
func (p *pattern) possible(e *gateEntry) bool {
	for _, m := range p.bytes {
		if e.mask&m == 0 {
			return false
		}
	}
	return true
}

// nodeCandidates notes the links at a node that may match entry e.
func (tx *Tx) nodeCandidates(g *gate, n *planNode, e int32, src seclang.Variable, index int32) {
	s := &tx.scratch
	found := g.find(s, e)
	x := &s.entries[e]
	for w, bitsWanted := range n.words {
		hit := bitsWanted & found[w]
		for hit != 0 {
			id := int32(w<<6 | bits.TrailingZeros64(hit))
			hit &= hit - 1
			p := &g.patterns[id]
			ok := p.possible(x)
			for _, c := range p.more {
				ok = ok && found.Has(c)
			}
			if ok {
				tx.note(n.links[id], src, index, x.text)
			}
		}
	}
	for _, id := range n.bytes {
		if g.patterns[id].possible(x) {
			tx.note(n.links[id], src, index, x.text)
		}
	}
}

// note adds a candidate to each link.
func (tx *Tx) note(links []linkRef, src seclang.Variable, index int32, text string) {
	for _, ref := range links {
		h := &tx.heads[ref.link]
		if h.first != 0 {
			if last := &tx.cands[h.last-1]; last.source == src && last.index == index {
				continue // multiMatch sees a value at several nodes
			}
		}
		tx.cands = append(tx.cands, candidate{source: src, index: index, text: text})
		c := int32(len(tx.cands))
		if h.first == 0 {
			h.first = c
			tx.touched = append(tx.touched, ref.link)
			tx.run.add(ref.place)
		} else {
			tx.cands[h.last-1].next = c
		}
		h.last = c
	}
}

func (tx *Tx) dropCandidates() {
	for _, l := range tx.touched {
		tx.heads[l] = candList{}
	}
	tx.touched = tx.touched[:0]
	clear(tx.cands)
	tx.cands = tx.cands[:0]
}
