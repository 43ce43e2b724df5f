package gate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/multi"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/sieve"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// NotFirst is the position of links that are not the first of their rules: a value for
// them does not make the rule run.
const NotFirst = -1

// Link is a link whose candidates a gate is to find. Its fields are kept by the gate, the Link
// itself is not.
type Link struct {
	// Number and Position are as in LinkRef.
	Number, Position int32
	// Targets must be static, see Static.
	Targets    []target.Target
	Transforms []*transform.Transformation
	// Negated tells that the link matches what Pattern does not.
	Negated bool
	// MultiMatch tells that the link tests the value before and after each transformation.
	MultiMatch bool
	Pattern    Pattern
}

// numberedLink is a link with the number of its pattern.
type numberedLink struct {
	*Link
	id int32
}

// Compiler builds the gates of a program, whose plans get different numbers. The zero
// value is ready for use, by one goroutine.
type Compiler struct {
	plans uint64 // number of plans of all gates so far
}

// Compile builds the gate for the links of a phase, nil if there are none. The gate keeps
// the links' targets, transformations and patterns, which must not change any more. It asks each
// pattern for its needs once a tier, and once for the sieves.
func (c *Compiler) Compile(links []Link) *Gate {
	if len(links) == 0 {
		return nil
	}
	b := builder{c: c, g: &Gate{}, ids: map[string]int32{}, needs: map[int32]rx.Need{}, sieves: map[string]*sieve.Sieve{}}
	for i := range links {
		b.links = append(b.links, numberedLink{&links[i], b.pattern(links[i].Pattern)})
	}
	b.build()
	return b.g
}

// builder has what is known while one gate is built.
type builder struct {
	c     *Compiler
	g     *Gate
	ids   map[string]int32 // of patterns, by identity
	links []numberedLink
	// needs are what patterns require of any value, which is asked for once; sieves are
	// those for a list of words.
	needs  map[int32]rx.Need
	sieves map[string]*sieve.Sieve
}

// pattern returns the number of a pattern, a new one for a new identity.
func (b *builder) pattern(op Pattern) int32 {
	id, ok := b.ids[op.Identity()]
	if !ok {
		id = int32(len(b.g.patterns))
		b.ids[op.Identity()] = id
		b.g.patterns = append(b.g.patterns, op)
		guard, _ := op.(Guarded)
		b.g.guards = append(b.g.guards, guard)
	}
	return id
}

// build computes the conditions of the patterns and a plan for each kind of members.
func (b *builder) build() {
	g := b.g
	// Further conditions on words get bits beyond those of the patterns. Tiers differ in
	// how many they have; sets are made for the most.
	bits := int32(0)
	for i := range g.tiers {
		bits = max(bits, b.tier(i))
	}
	g.setWords = int(bits+63) / 64
	// Which collections do the links look at, and which keys do they name? A key is written ARGS:q
	// or !ARGS:q, a pattern ARGS:/^q/. Order of links decides the order of collections, so that
	// equal rule sets have equal gates.
	keys := map[seclang.Variable]map[string]bool{}
	patterns := map[seclang.Variable][]target.Selector{}
	var order []seclang.Variable
	for _, l := range b.links {
		for _, t := range l.Targets {
			// ARGS is several collections, each of which gets a plan of its own.
			for _, src := range target.Collections(t.Variable) {
				if keys[src] == nil {
					keys[src] = map[string]bool{}
					order = append(order, src)
				}
				if t.Key.Pattern != nil {
					patterns[src] = append(patterns[src], t.Key)
				}
				// Members that an exception names have plans of their own as well, without the
				// links that do not look at them.
				for _, s := range append([]target.Selector{t.Key}, t.Except...) {
					if s.Name != "" {
						keys[src][strings.ToLower(s.Name)] = true
					}
				}
			}
		}
	}
	for _, src := range order {
		sp := CollectionPlan{Collection: src, base: b.plan(src, "", otherKey), patterns: patterns[src]}
		sp.matching = sp.base
		if len(sp.patterns) > 0 {
			sp.matching = b.plan(src, "", matchingKey)
		}
		for k := range keys[src] {
			if sp.keyed == nil {
				sp.keyed = map[string]*Plan{}
			}
			sp.keyed[k] = b.plan(src, k, namedKey)
			sp.lengths |= 1 << min(len(k), 63)
		}
		g.Collections = append(g.Collections, sp)
	}
}

// tier computes the conditions of a tier and returns how many bits they take. What a pattern needs
// of values that lack some bytes is asked for, so that the stricter tiers get the stronger
// conditions. The automaton of a tier has the words of all its patterns.
func (b *builder) tier(n int) int32 {
	t := &b.g.tiers[n]
	var words multi.Words
	// next is the bit of the next further condition: those of patterns come first.
	next := int32(len(b.g.patterns))
	for i, op := range b.g.patterns {
		need := op.Need(tierAbsent[n])
		c := condition{never: need.Never, bytes: need.Bytes}
		for j, list := range usefulWords(need.Words) {
			bit := int32(i)
			c.hasWords = true
			// The first list has the bit of the pattern, so that a set of found bits is a set of
			// patterns.
			if j == 0 {
				c.shortest = len(slices.MinFunc(list, func(x, y string) int { return len(x) - len(y) }))
			} else {
				bit = next
				next++
				c.more = append(c.more, bit)
			}
			var single charset.Mask // of the words of one byte
			for _, w := range list {
				if len(w) == 1 {
					single |= charset.MaskOf(w) | charset.MaskOf(strings.ToUpper(w))
					continue
				}
				// A part of a word stands for it: who has the word has the part.
				words.Add(rx.Rarest(w, maxWord), bit)
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

// maxWord is how much of a word the automaton looks for: enough to be rare. Longer words
// would make its tables larger than the caches of a processor.
const maxWord = 24

// maxCommonness is from where on benign values fulfil a condition so often that to look
// for it costs more than it saves. Measured on the requests in waf/testdata.
const maxCommonness = 0.1

// usefulWords returns the conditions on words of a pattern, the rarest first, without
// those that benign values fulfil anyway. The first one always stays: with it the
// pattern is asked for by words at all.
func usefulWords(lists [][]string) [][]string {
	// The sum over the words of a list bounds how often one of them is there.
	common := func(list []string) float64 {
		sum := 0.0
		for _, w := range list {
			sum += rx.Commonness(w)
		}
		return sum
	}
	// A copy: the lists are those of a Need, which others keep.
	lists = slices.SortedStableFunc(slices.Values(lists), func(x, y []string) int { return cmp.Compare(common(x), common(y)) })
	for i := range lists {
		if i > 0 && common(lists[i]) > maxCommonness {
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
// the kind. Steps go from the tree itself to what is proved of it: the later ones read what the
// earlier ones found.
func (b *builder) plan(src seclang.Variable, key string, kind keyKind) *Plan {
	b.c.plans++
	pl := &Plan{Number: b.c.plans*2 + 1}
	for i := range pl.all {
		pl.all[i].words = make(bitset.Set, b.g.setWords)
	}
	// Node 0 is the value as it is.
	pl.nodes = append(pl.nodes, planNode{})
	for _, l := range b.links {
		// A link may have several targets of which one includes these members.
		wanted := false
		for _, t := range l.Targets {
			if slices.Contains(target.Collections(t.Variable), src) && maySelect(&t, key, kind) {
				wanted = true
			}
		}
		// A negated link cannot be gated by what its pattern needs: the values that lack it are
		// those that it matches.
		switch {
		case wanted && l.Negated:
			pl.negated = append(pl.negated, negatedLink{LinkRef{l.Number, l.Position}, l.Transforms, l.id})
		case wanted:
			b.add(pl, l)
		}
	}
	for i := range pl.nodes {
		n := &pl.nodes[i]
		if n.t != nil {
			// Cover rounds up to classes: a value may be given to a transformation that does not
			// change it, never the reverse.
			n.need = charset.Cover(n.t.Needs)
			pl.touch |= n.need
			pl.always = pl.always || n.t.Always
		}
	}
	for i := range pl.all {
		// Several nodes may want the same pattern; here it counts once.
		slices.Sort(pl.all[i].bytes)
		pl.all[i].bytes = slices.Compact(pl.all[i].bytes)
	}
	b.findLive(pl)
	b.findRequirements(pl)
	b.findSieves(pl)
	return pl
}

// findLive finds the nodes that each tier must visit, and how long results must be.
//
// Both are properties that flow from children to parents, and children come after their
// parents: one pass from the end computes them.
func (b *builder) findLive(pl *Plan) {
	// No pattern looks at the node: no length is enough, and none that is real exceeds this.
	const unbounded = 1 << 30
	// live and enough hold for a node with all that is below it.
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
		// The last tier holds for any value, so also for what a decoder makes of one.
		for id := range n.links {
			c := &b.g.tiers[tierCount-1].conditions[id]
			// A pattern without words may match the empty text.
			if !c.hasWords {
				enough[i] = 0
			}
			// The shortest word of any pattern here: a result that is shorter has none of them.
			enough[i] = min(enough[i], c.shortest)
		}
		if i == 0 {
			break
		}
		n.enough = enough[i]
		up := enough[i]
		if n.t.Grows { // a short value may become a long result
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
	// What a decoder makes belongs to any tier, whatever the value did: below one, nodes
	// are visited as for the last tier. The pass above did so for the decoder itself; what is below
	// it follows here.
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

// opens reports whether t may make of a value of a tier one that is not of that tier.
func opens(t *transform.Transformation) bool { return t.Always || t.Opens }

// maySelect reports whether a target may include members with the key. Keys are
// compared in any case, which errs on the side of yes. It is asked while plans are built; which
// members a rule looks at in the end is decided when it runs.
func maySelect(t *target.Target, key string, kind keyKind) bool {
	switch kind {
	// A key that no rule names: only targets that choose all members.
	case otherKey:
		return t.Key.All()
	// Any expression may be the one that matches: plans do not tell them apart.
	case matchingKey:
		return t.Key.Name == ""
	}
	if t.Key.Name != "" && !strings.EqualFold(t.Key.Name, key) {
		return false
	}
	// An exception by regular expression is not asked: to include too much is safe.
	for i := range t.Except {
		// Exceptions ignore case in the same way when the rule runs.
		if t.Except[i].Pattern == nil && (t.Except[i].Name == "" || strings.EqualFold(t.Except[i].Name, key)) {
			return false
		}
	}
	return true
}

// add puts a link's pattern at the node of its transformations; with multiMatch
// at all nodes on the way.
func (b *builder) add(pl *Plan, l numberedLink) {
	at := int32(0)
	if l.MultiMatch {
		b.want(pl, at, l)
	}
	for _, t := range l.Transforms {
		// A link that begins with the same transformations made this child already.
		child := int32(-1)
		for i := range pl.nodes {
			if i > 0 && pl.nodes[i].parent == at && pl.nodes[i].t == t {
				child = int32(i)
			}
		}
		if child < 0 {
			child = int32(len(pl.nodes))
			// Transformations are compared by address: they are values of one table (package
			// transform).
			number := slices.Index(b.g.transforms, t)
			if number < 0 {
				number = len(b.g.transforms)
				b.g.transforms = append(b.g.transforms, t)
			}
			pl.nodes = append(pl.nodes, planNode{parent: at, t: t, number: int32(number)})
		}
		at = child
		if l.MultiMatch {
			b.want(pl, at, l)
		}
	}
	if !l.MultiMatch {
		b.want(pl, at, l)
	}
}

// want makes the pattern of a link look at a node, in the tiers in which it may match.
func (b *builder) want(pl *Plan, at int32, l numberedLink) {
	n := &pl.nodes[at]
	if n.links == nil {
		n.links = map[int32][]LinkRef{}
		for i := range n.wanted {
			n.wanted[i].words = make(bitset.Set, b.g.setWords)
		}
	}
	// Links with the same pattern share its bit; only the list of links grows.
	if _, have := n.links[l.id]; !have {
		for i := range n.wanted {
			switch c := &b.g.tiers[i].conditions[l.id]; {
			// The link stays in links but nothing of this tier leads to it.
			case c.never:
			case c.hasWords:
				n.wanted[i].words.Add(l.id)
				pl.all[i].words.Add(l.id)
			default:
				n.wanted[i].bytes = append(n.wanted[i].bytes, l.id)
				pl.all[i].bytes = append(pl.all[i].bytes, l.id)
			}
		}
	}
	n.links[l.id] = append(n.links[l.id], LinkRef{l.Number, l.Position})
}
