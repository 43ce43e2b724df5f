package gate

import (
	"slices"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/transform"
)

// requirement is what a value must have before the transformations that lead to a
// pattern, so that what they make of it may match. Most transformations only take
// bytes away, or do nothing to values that lack some byte: what such a value lacks,
// the result lacks as well, and need not be made.
//
// For a value without a byte of acts, a match of the pattern needs a byte of each of bytes, and the
// word. The requirements of a node are alternatives: its result is made if one may be fulfilled.
type requirement struct {
	// acts are bytes of which one makes the transformations do more than that:
	// nothing is known of the result then.
	acts  charset.Mask
	bytes []charset.Mask // of each, the value must have a byte
	// word is a condition on words, if the transformations change no more than the
	// case of ASCII letters, else -1.
	word int32
	// ask, if not nil, is one of them that changes no more than the case of most values,
	// so that word holds for the values for which its Effect.OnlyCase says so.
	ask *transform.Transformation
}

// steps is what is known of a list of transformations: their effects one after the
// other, as one. The zero value is that of no transformation: the result is the value.
type steps struct {
	acts, adds   charset.Mask
	lower, upper bool
	rewrites     bool // changes more than the case
	// ask, if not nil, is one that changes no more than the case of most values.
	ask *transform.Transformation
}

// then returns what is known when t follows. It composes abstract effects, each of which errs on
// the side of more.
func (p steps) then(t *transform.Transformation) steps {
	e := t.Effect
	if e == nil {
		// A value without a byte of Needs does not change.
		if t.Always {
			p.acts = ^charset.Mask(0)
		}
		p.acts |= charset.Cover(t.Needs)
		return p
	}
	p.acts |= e.Unless
	p.adds |= e.Adds
	p.lower, p.upper = p.lower || e.Lower, p.upper || e.Upper
	p.rewrites = p.rewrites || e.Rewrites
	if e.OnlyCase != nil {
		// Two that must be asked are too much for one look at the value.
		p.rewrites = p.rewrites || p.ask != nil && p.ask != t
		p.ask = t
	}
	return p
}

// before is the weakest precondition of a condition on bytes: it returns the bytes of
// which a value must have one for the result to have one of m, all if it need not have any.
// Precondition as of Dijkstra: it goes against the direction of the steps.
func (p steps) before(m charset.Mask) charset.Mask {
	// A step may add such a byte to any value.
	if m&p.adds != 0 {
		return ^charset.Mask(0)
	}
	// A wanted letter of lower case may have been one of upper case before.
	if p.lower && m&charset.Lower != 0 {
		m |= charset.Upper
	}
	if p.upper && m&charset.Upper != 0 {
		m |= charset.Lower
	}
	return m
}

// findRequirements fills the requirements of the nodes of a plan: for each node those of
// the patterns there and at all nodes below, since nothing below can be made without it.
// Steps begin anew at each node, for what is known at run time is its parent's text. It takes time
// quadratic in the nodes of a plan, which are some tens.
func (b *builder) findRequirements(pl *Plan) {
	for i := 1; i < len(pl.nodes); i++ {
		var list []requirement
		all := make([]steps, len(pl.nodes))
		// below tells which nodes stand below i; parents come first, so that theirs is known.
		below := make([]bool, len(pl.nodes))
		for j := i; j < len(pl.nodes); j++ {
			n := &pl.nodes[j]
			if j != i && !below[n.parent] {
				continue
			}
			below[j] = true
			var from steps
			if j != i {
				from = all[n.parent]
			}
			all[j] = from.then(n.t)
			list = b.addRequirements(list, n, all[j])
		}
		pl.nodes[i].requires = list
	}
}

// maxRequirements bounds what is checked before a transformation. With more, to make the
// result costs less than to prove that it is not wanted.
const maxRequirements = 24

// addRequirements adds what the patterns at a node require of a value to which p is
// done, without those that the list has. The conditions are those of the last tier, which hold for
// any text: of which tier the result will be is not known.
func (b *builder) addRequirements(list []requirement, n *planNode, p steps) []requirement {
	for id := range n.links {
		c := &b.g.tiers[tierCount-1].conditions[id]
		if c.never {
			continue
		}
		r := requirement{acts: p.acts, word: -1}
		for _, m := range c.bytes {
			// A mask of all classes requires nothing.
			if m = p.before(m); m != ^charset.Mask(0) && !slices.Contains(r.bytes, m) {
				r.bytes = append(r.bytes, m)
			}
		}
		slices.Sort(r.bytes)
		// What words are made of may be moved together by a step that rewrites.
		if c.hasWords && !p.rewrites {
			r.word, r.ask = id, p.ask
		}
		if !slices.ContainsFunc(list, func(o requirement) bool {
			return o.acts == r.acts && o.word == r.word && o.ask == r.ask && slices.Equal(o.bytes, r.bytes)
		}) {
			list = append(list, r)
		}
	}
	return list
}

// mayLead reports whether what the transformation of n, and those below it, make of
// an entry may match a pattern. It errs on the side of true and costs a few operations on masks in
// most cases.
func (g *Gate) mayLead(s *State, n *planNode, entry int32) bool {
	if len(n.requires) > maxRequirements {
		return true
	}
	e := &s.entries[entry]
	asked, onlyCase := (*transform.Transformation)(nil), false // the last answer
	for i := range n.requires {
		r := &n.requires[i]
		// The transformations do more than to remove: the result may have what the value has
		// not. One that acts on any value (t:length, t:md5) acts on the empty one, too, which has
		// no byte that could tell.
		if e.mask&r.acts != 0 || r.acts == ^charset.Mask(0) {
			return true
		}
		// This pattern cannot match; another one below may.
		if !e.fulfils(r.bytes) {
			continue
		}
		// The words are asked for only where they are known or all nodes will need them, and
		// only of ASCII, beyond which more than case may change.
		if r.word < 0 || !e.ready && entry != 0 || e.mask&charset.High != 0 || g.find(s, entry).Has(r.word) {
			return true
		}
		if r.ask == nil {
			continue
		}
		// Neighbours ask the same transformation.
		if asked != r.ask {
			asked, onlyCase = r.ask, r.ask.Effect.OnlyCase(e.text, e.mask)
		}
		if !onlyCase {
			return true
		}
	}
	return false
}
