package program

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/multi"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/sieve"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// gate proves for the values of a phase which rules cannot match them.
//
// Rules that do the same test share a pattern. For each collection there is a
// plan: a tree of the transformations that rules ask for, with the patterns that
// want to see each result. A value walks the tree once; results that do not differ
// from what they were made of are not looked at again.
//
// What a pattern needs of a value depends on what else the value lacks: without
// quotes and backslashes a pattern against hidden commands is a list of words. So
// there are tiers of values by the bytes that they lack, each with the conditions
// that hold there and an automaton for their words.
type gate struct {
	sources  []sourcePlan
	patterns []gateable
	guards   []guarded // by pattern, nil for most
	tiers    [tierCount]tier
	setWords int // length of sets of conditions, in words of 64 bits
	// transforms are all transformations of the plans, by number.
	transforms []*transform.Transformation
}

const tierCount = 3

// tierAbsent has the bytes that the values of each tier lack: those of tier 0 are
// one word, those of tier 1 plain text, those of tier 2 anything.
var tierAbsent = buildTierAbsent()

// tierMask are the classes of these bytes.
var tierMask = [tierCount]charset.Mask{charset.Cover(tierAbsent[0]), charset.Cover(tierAbsent[1]), 0}

func buildTierAbsent() (absent [tierCount]charset.Set) {
	var word charset.Set
	word.AddRange('a', 'z')
	word.AddRange('A', 'Z')
	word.AddRange('0', '9')
	word.Add('_')
	absent[0] = word.Not()
	absent[1] = word.Or(charset.Of(" -.,/:+")).Not()
	return absent
}

func tierOf(m charset.Mask) int8 {
	switch {
	case m&tierMask[0] == 0:
		return 0
	case m&tierMask[1] == 0:
		return 1
	}
	return 2
}

// tier has what patterns need of the values of a tier.
type tier struct {
	conditions []condition // by pattern
	words      *multi.Automaton
	single     []singleBytes
}

// singleBytes is a condition on words that some single byte fulfils as well. It is
// looked up in the classes, which is not exact for letters.
type singleBytes struct {
	mask charset.Mask
	bit  int32
}

// condition is what a pattern needs. Its first condition on words has the number of
// the pattern as its bit.
type condition struct {
	never    bool
	hasWords bool
	more     []int32        // bits of further conditions on words
	bytes    []charset.Mask // conditions on bytes
	shortest int            // length of the shortest word of the first condition on words
}

// sourcePlan has the plans for the members of one collection.
type sourcePlan struct {
	source seclang.Variable
	base   *plan
	// patterns are the keys that rules give as regular expressions, matching the plan
	// for members whose keys match one of them.
	patterns []selector
	matching *plan
	keyed    map[string]*plan // by key in lower case, for keys that rules name
	lengths  uint64           // has bit n if a key of keyed has n bytes; bit 63 for longer ones
	recurs   bool             // values come again, see memory
}

type plan struct {
	number uint64 // odd, another for each plan
	nodes  []planNode
	// negated are links that match what their operators do not.
	negated []negatedLink
	// live are the nodes that a value of each tier must visit, in order: the others
	// want nothing of it, nor do their children.
	live [tierCount][]int32
	// touch are the bytes of which a value must have one for any transformation to
	// change it; always tells that one changes everything.
	touch  charset.Mask
	always bool
	all    [tierCount]wanted // the patterns of all nodes
}

// wanted are patterns that want to see a value.
type wanted struct {
	words multi.Set // with conditions on words
	bytes []int32   // without
}

// planNode is the result of a list of transformations. Node 0 is the value itself;
// parents come before children.
type planNode struct {
	parent int32
	t      *transform.Transformation
	number int32 // of t in the gate
	need   charset.Mask
	wanted [tierCount]wanted
	links  map[int32][]linkRef // by pattern
	// requires are requirements of the patterns here and below: one must be fulfilled.
	requires []requirement
	sieve    *sieve.Sieve // of the words of the patterns here and below, nil for most
	// spaced tells that the sieve asks for words after white space is removed, cases
	// that the case of letters changes then, decodes that it asks for words in base64.
	spaced, cases, decodes bool
	// enough is the length that the result must have for any pattern here or at a
	// child to match, 0 if that is not known.
	enough int
}

// negatedLink is a link that matches the values that its pattern does not match.
type negatedLink struct {
	linkRef
	link    *link
	pattern int32
}

// linkRef is a link that wants to see values that may match.
type linkRef struct {
	link  int32 // number
	place int32 // of its rule in the phase, notFirst if it is a further link
}

// dynamic variables change while a phase runs; the gate knows nothing about them.
func dynamic(v seclang.Variable) bool {
	switch v {
	case seclang.TX, seclang.MatchedVar, seclang.MatchedVarName, seclang.MatchedVars, seclang.MatchedVarsNames,
		seclang.RuleVariable, seclang.HighestSeverity, seclang.ReqbodyProcessor,
		seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User, seclang.SessionID, seclang.UserID:
		return true
	}
	return false
}

// buildGate builds the gate of a phase and marks the rules that it finds values for.
func (p *Program) buildGate(ph *phase, kept set) {
	b := gateBuilder{p: p, g: &gate{}, ids: map[string]int32{}, needs: map[int32]rx.Need{}, sieves: map[string]*sieve.Sieve{}}
	for place, i := range ph.rules {
		l := &p.rules[i].links[0]
		if o := p.relayOf(&p.rules[i], kept); o != nil {
			l.op, l.relay = o, true
		}
		op, ok := l.op.(gateable)
		ok = ok && pure(op) && !(l.negated && (l.capture || l.multiMatch)) && static(l)
		b.chain(&p.rules[i])
		if ok {
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

// static reports whether the gate can know the values of a link.
func static(l *link) bool {
	return !slices.ContainsFunc(l.targets, func(t target) bool { return t.count || dynamic(t.variable) })
}

// chain gates the further links of a chain that need words or bytes, as long as the
// links before them do nothing: without a value for one of them the rule cannot match.
func (b *gateBuilder) chain(r *rule) {
	for j := 1; j < len(r.links) && len(r.links[j-1].actions) == 0; j++ {
		l := &r.links[j]
		op, ok := l.op.(gateable)
		if !ok || l.negated || l.multiMatch || !pure(op) || !static(l) {
			continue
		}
		if need := op.need(charset.Set{}); len(need.Words) == 0 && len(need.Bytes) == 0 {
			continue
		}
		l.gated = true
		r.requires = append(r.requires, l.number)
		b.links = append(b.links, gatedLink{l, notFirst, b.pattern(op)})
	}
}

// notFirst is the place of links that are not the first of their rules: a value for
// them does not make the rule run.
const notFirst = -1

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
	// needs are what patterns need of any value, sieves those for a list of words.
	needs  map[int32]rx.Need
	sieves map[string]*sieve.Sieve
}

func (b *gateBuilder) pattern(op gateable) int32 {
	id, ok := b.ids[op.identity()]
	if !ok {
		id = int32(len(b.g.patterns))
		b.ids[op.identity()] = id
		b.g.patterns = append(b.g.patterns, op)
		guard, _ := op.(guarded)
		b.g.guards = append(b.g.guards, guard)
	}
	return id
}

func (b *gateBuilder) build() {
	g := b.g
	bits := int32(0)
	for i := range g.tiers {
		bits = max(bits, b.tier(i))
	}
	g.setWords = int(bits+63) / 64
	// Which collections do the links look at, and which keys do they name?
	keys := map[seclang.Variable]map[string]bool{}
	patterns := map[seclang.Variable][]selector{}
	var order []seclang.Variable
	for _, gl := range b.links {
		for _, t := range gl.l.targets {
			for _, src := range sources(t.variable) {
				if keys[src] == nil {
					keys[src] = map[string]bool{}
					order = append(order, src)
				}
				if t.key.re != nil {
					patterns[src] = append(patterns[src], t.key)
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
		sp := sourcePlan{source: src, base: b.plan(src, "", otherKey), recurs: recurs(src), patterns: patterns[src]}
		sp.matching = sp.base
		if len(sp.patterns) > 0 {
			sp.matching = b.plan(src, "", matchingKey)
		}
		for k := range keys[src] {
			if sp.keyed == nil {
				sp.keyed = map[string]*plan{}
			}
			sp.keyed[k] = b.plan(src, k, namedKey)
			sp.lengths |= 1 << min(len(k), 63)
		}
		g.sources = append(g.sources, sp)
	}
}

// tier computes the conditions of a tier and returns how many bits they take.
func (b *gateBuilder) tier(n int) int32 {
	t := &b.g.tiers[n]
	var words multi.Words
	next := int32(len(b.g.patterns))
	for i, op := range b.g.patterns {
		need := op.need(tierAbsent[n])
		c := condition{never: need.Never, bytes: need.Bytes}
		for j, list := range usefulWords(need.Words) {
			bit := int32(i)
			c.hasWords = true
			if j == 0 {
				c.shortest = len(slices.MinFunc(list, func(x, y string) int { return len(x) - len(y) }))
			} else {
				bit = next
				next++
				c.more = append(c.more, bit)
			}
			var single charset.Mask
			for _, w := range list {
				if len(w) == 1 {
					single |= charset.MaskOf(w) | charset.MaskOf(strings.ToUpper(w))
					continue
				}
				words.Add(rx.Rarest(w, maxGateWord), bit)
			}
			if single != 0 {
				t.single = append(t.single, singleBytes{single, bit})
			}
		}
		t.conditions = append(t.conditions, c)
	}
	t.words = words.Compile()
	return next
}

// usefulWords returns the conditions on words of a pattern, the rarest first, without
// those that benign values fulfil anyway: to look for them costs more than they save.
func usefulWords(lists [][]string) [][]string {
	common := func(list []string) float64 {
		sum := 0.0
		for _, w := range list {
			sum += rx.Commonness(w)
		}
		return sum
	}
	lists = slices.SortedStableFunc(slices.Values(lists), func(x, y []string) int { return cmp.Compare(common(x), common(y)) })
	for i := range lists {
		if i > 0 && common(lists[i]) > 0.1 {
			return lists[:i]
		}
	}
	return lists
}

// keyKind tells which members of a collection a plan is for.
type keyKind uint8

const (
	otherKey    keyKind = iota // their keys no rule names
	matchingKey                // nor that, but a regular expression of a rule matches them
	namedKey                   // they have a key that a rule names
)

// plan builds the plan for the members of a collection that have the key, or keys of
// the kind.
func (b *gateBuilder) plan(src seclang.Variable, key string, kind keyKind) *plan {
	b.p.plans++
	pl := &plan{number: b.p.plans*2 + 1}
	for i := range pl.all {
		pl.all[i].words = make(multi.Set, b.g.setWords)
	}
	pl.nodes = append(pl.nodes, planNode{})
	for _, gl := range b.links {
		wanted := false
		for _, t := range gl.l.targets {
			if slices.Contains(sources(t.variable), src) && mayselect(&t, key, kind) {
				wanted = true
			}
		}
		switch {
		case wanted && gl.l.negated:
			pl.negated = append(pl.negated, negatedLink{linkRef{gl.l.number, gl.place}, gl.l, gl.pattern})
		case wanted:
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
	}
	for i := range pl.all {
		slices.Sort(pl.all[i].bytes)
		pl.all[i].bytes = slices.Compact(pl.all[i].bytes)
	}
	b.findLive(pl)
	b.findRequirements(pl)
	b.findSieves(pl)
	return pl
}

// findLive finds the nodes that each tier must visit, and how long results must be.
func (b *gateBuilder) findLive(pl *plan) {
	const unbounded = 1 << 30
	live := make([][tierCount]bool, len(pl.nodes))
	enough := make([]int, len(pl.nodes))
	for i := range enough {
		enough[i] = unbounded
	}
	for i := len(pl.nodes) - 1; i >= 0; i-- {
		n := &pl.nodes[i]
		for k := range n.wanted {
			w := &n.wanted[k]
			live[i][k] = live[i][k] || len(w.bytes) > 0 || slices.ContainsFunc(w.words, func(x uint64) bool { return x != 0 })
		}
		for id := range n.links {
			c := &b.g.tiers[tierCount-1].conditions[id]
			if !c.hasWords {
				enough[i] = 0
			}
			enough[i] = min(enough[i], c.shortest)
		}
		if i == 0 {
			break
		}
		n.enough = enough[i]
		up := enough[i]
		if grows(n.t) {
			up = 0
		}
		enough[n.parent] = min(enough[n.parent], up)
		parent := &live[n.parent]
		for k := range parent {
			// What a decoder makes of plain text may be anything; other
			// transformations add no byte that plain text lacks.
			want := live[i][k]
			if opens(n.t) {
				want = live[i][tierCount-1]
				live[i][k] = want
			}
			parent[k] = parent[k] || want
		}
	}
	// A node below a decoder belongs to the last tier.
	for i := 1; i < len(pl.nodes); i++ {
		for at := int32(i); at > 0; at = pl.nodes[at].parent {
			if opens(pl.nodes[at].t) {
				for k := range live[i] {
					live[i][k] = live[i][tierCount-1]
				}
			}
		}
	}
	for k := range pl.live {
		for i := range pl.nodes {
			if i > 0 && live[i][k] {
				pl.live[k] = append(pl.live[k], int32(i))
			}
		}
	}
}

// opens reports whether t may make bytes of plain text that plain text lacks.
func opens(t *transform.Transformation) bool {
	return t.Always || t.Name == "sqlHexDecode" || t.Name == "urlEncode"
}

// grows reports whether the result of t may have more bytes of ASCII than the value.
func grows(t *transform.Transformation) bool {
	switch t.Name {
	case "base64Encode", "hexEncode", "urlEncode", "utf8toUnicode", "length", "md5", "sha1", "removeComments":
		return true
	}
	return false
}

// mayselect reports whether a target may include members with the key. Keys are
// compared in any case, which errs on the side of yes.
func mayselect(t *target, key string, kind keyKind) bool {
	switch kind {
	case otherKey:
		return t.key.all()
	case matchingKey:
		return t.key.key == ""
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
			number := slices.Index(b.g.transforms, t)
			if number < 0 {
				number = len(b.g.transforms)
				b.g.transforms = append(b.g.transforms, t)
			}
			pl.nodes = append(pl.nodes, planNode{parent: at, t: t, number: int32(number)})
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
		for i := range n.wanted {
			n.wanted[i].words = make(multi.Set, b.g.setWords)
		}
	}
	if _, have := n.links[gl.pattern]; !have {
		for i := range n.wanted {
			switch c := &b.g.tiers[i].conditions[gl.pattern]; {
			case c.never:
			case c.hasWords:
				n.wanted[i].words.Add(gl.pattern)
				pl.all[i].words.Add(gl.pattern)
			default:
				n.wanted[i].bytes = append(n.wanted[i].bytes, gl.pattern)
				pl.all[i].bytes = append(pl.all[i].bytes, gl.pattern)
			}
		}
	}
	n.links[gl.pattern] = append(n.links[gl.pattern], linkRef{gl.l.number, gl.place})
}

// candidate is a value that a link may match. Candidates of a link are a list.
type candidate struct {
	linkRef
	next   int32 // number plus one of the next, 0 at the end
	source seclang.Variable
	sure   bool  // the link matches, its operator need not be asked
	index  int32 // in the collection
	text   string
}

type candList struct{ first, last int32 }

// scratch is what the gate needs for one value at a time.
type scratch struct {
	entries []gateEntry
	at      []int32 // entry of each node
	bits    []uint64
	made    []int32 // by entry and transformation: one more than the entry it makes
}

// gateEntry is one distinct text that a value becomes.
type gateEntry struct {
	text  string
	mask  charset.Mask
	found multi.Set
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

func (s *scratch) reset() {
	clear(s.entries[:cap(s.entries)]) // they refer to values
	s.entries = s.entries[:0]
}

// openGate finds the rules of the phase that may match and the values they may
// match on.
func (tx *Tx) openGate(g *gate) {
	for i := range g.sources {
		sp := &g.sources[i]
		values := tx.cols[sp.source]
		for j := range values {
			pl := sp.plan(values[j].Key)
			value := values[j].Value
			if !sp.recurs || len(value) > maxMemo || tx.trace != nil {
				tx.gateValue(g, pl, sp.source, int32(j), value)
				continue
			}
			m := tx.p.memory
			hash := m.hash(pl, value)
			if known := m.find(hash, pl, value); known != nil {
				for k := range known.found {
					f := &known.found[k]
					tx.note(f.linkRef, sp.source, int32(j), f.text, f.sure)
				}
				continue
			}
			first := len(tx.cands)
			tx.gateValue(g, pl, sp.source, int32(j), value)
			if m.again(hash) && mayKeep(sp.source, values[j].Key, value) {
				tx.memorize(hash, pl, value, first)
			}
		}
	}
}

// plan returns the plan for the members with a key.
func (sp *sourcePlan) plan(key string) *plan {
	if sp.keyed != nil {
		if pl := sp.lookup(key); pl != nil {
			return pl
		}
	}
	for i := range sp.patterns {
		if sp.patterns[i].mayMatch(key) {
			return sp.matching
		}
	}
	return sp.base
}

// lookup returns the plan for a key that rules name.
func (sp *sourcePlan) lookup(key string) *plan {
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
		buf[i] = lowerByte(key[i])
	}
	return sp.keyed[string(buf[:len(key)])]
}

func (tx *Tx) gateValue(g *gate, pl *plan, src seclang.Variable, index int32, value string) {
	s := &tx.scratch
	if cap(s.bits) < g.setWords*(len(pl.nodes)+1) {
		s.bits = make([]uint64, g.setWords*(len(pl.nodes)+1))
	}
	mask := charset.MaskOf(value)
	s.entries = append(s.entries[:0], gateEntry{text: value, mask: mask, tier: tierOf(mask), same: -1})
	for i := range pl.negated {
		tx.gateNegated(g, &pl.negated[i], src, index)
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
		tx.nodeCandidates(g, &pl.nodes[0], 0, src, index)
	}
	for _, i := range pl.live[tier] {
		n := &pl.nodes[i]
		from := s.at[n.parent]
		if from < 0 {
			s.at[i] = -1
			continue
		}
		e := tx.derive(g, n, from)
		s.at[i] = e
		if e < 0 || n.links == nil || e == 0 && s.entries[0].idle {
			continue
		}
		tx.nodeCandidates(g, n, e, src, index)
	}
}

// gateNegated notes a link that matches the value in entry 0.
func (tx *Tx) gateNegated(g *gate, n *negatedLink, src seclang.Variable, index int32) {
	s := &tx.scratch
	text := s.entries[0].text
	if len(n.link.transforms) == 0 {
		if g.mayMatch(s, n.pattern) && g.patterns[n.pattern].match(tx, text, false) {
			return
		}
	} else {
		for _, t := range n.link.transforms {
			text = t.Apply(&tx.arena, text)
		}
		if g.patterns[n.pattern].match(tx, text, false) {
			return
		}
	}
	tx.note(n.linkRef, src, index, text, true)
}

// mayMatch reports whether a pattern may match entry 0.
func (g *gate) mayMatch(s *scratch, id int32) bool {
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
func (g *gate) idle(s *scratch, pl *plan, e int32) bool {
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
func (tx *Tx) derive(g *gate, n *planNode, e int32) int32 {
	s := &tx.scratch
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
	text := n.t.Apply(&tx.arena, from.text)
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
func (g *gate) possible(id int32, e *gateEntry) bool {
	if !e.fulfils(g.tiers[e.tier].conditions[id].bytes) {
		return false
	}
	if g.guards[id] == nil {
		return true
	}
	if e.guard != id+1 {
		e.guard, e.pass = id+1, g.guards[id].possible(e.text)
	}
	return e.pass
}

// nodeCandidates notes the links at a node that may match entry e.
func (tx *Tx) nodeCandidates(g *gate, n *planNode, e int32, src seclang.Variable, index int32) {
	s := &tx.scratch
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
					tx.noteAll(n.links[id], src, index, x.text)
				}
			}
		}
	}
	for _, id := range want.bytes {
		if g.possible(id, x) {
			tx.noteAll(n.links[id], src, index, x.text)
		}
	}
}

// noteAll adds a candidate to each link.
func (tx *Tx) noteAll(links []linkRef, src seclang.Variable, index int32, text string) {
	for _, ref := range links {
		tx.note(ref, src, index, text, false)
	}
}

// note adds a candidate to a link.
func (tx *Tx) note(ref linkRef, src seclang.Variable, index int32, text string, sure bool) {
	h := &tx.heads[ref.link]
	if h.first != 0 {
		if last := &tx.cands[h.last-1]; last.source == src && last.index == index {
			return // multiMatch sees a value at several nodes
		}
	}
	tx.cands = append(tx.cands, candidate{linkRef: ref, source: src, index: index, text: text, sure: sure})
	c := int32(len(tx.cands))
	if h.first == 0 {
		h.first = c
		tx.touched = append(tx.touched, ref.link)
		if ref.place != notFirst {
			tx.run.add(ref.place)
		}
	} else {
		tx.cands[h.last-1].next = c
	}
	h.last = c
}

func (tx *Tx) dropCandidates() {
	for _, l := range tx.touched {
		tx.heads[l] = candList{}
	}
	tx.touched = tx.touched[:0]
	clear(tx.cands)
	tx.cands = tx.cands[:0]
}
