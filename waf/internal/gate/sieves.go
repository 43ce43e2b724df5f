package gate

import (
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/sieve"
	"github.com/ringwall/ringwall/waf/internal/transform"
)

// findSieves gives sieves to the nodes that decode base64 or remove white space, if
// they can follow all that comes after. All that decode base64 share one, so that a
// value is sifted once. It must run after the tree is complete. The sieve of all is the union of
// their words, which passes a little more than each by itself would.
func (b *builder) findSieves(pl *Plan) {
	var coded []string
	var nodes []*planNode
	for i := 1; i < len(pl.nodes); i++ {
		n := &pl.nodes[i]
		switch n.t.Step {
		case transform.Base64Step:
			if words, ok := b.decodedWords(pl, int32(i), transform.NoStep); ok {
				coded, nodes = append(coded, words...), append(nodes, n)
			}
		case transform.WhitespaceStep:
			b.findSpaced(pl, i)
		}
	}
	for _, n := range nodes {
		n.sieve = b.sieve(coded)
	}
}

// findSpaced gives a sieve to a node that removes white space, if its children do no more
// than change the case or decode base64: white space is in most values, so that this
// transformation alone would copy nearly all of them.
func (b *builder) findSpaced(pl *Plan, i int) {
	n := &pl.nodes[i]
	words, ok := b.wordsOf(n)
	for j := i + 1; j < len(pl.nodes); j++ {
		c := &pl.nodes[j]
		if c.parent != int32(i) {
			continue
		}
		var more []string
		good := false // for any other child, of which a sieve knows nothing
		switch {
		case c.t.Step == transform.Base64Step:
			more, good = b.decodedWords(pl, int32(j), transform.NoStep)
			n.decodes = true
		case c.t.CaseOnly && !slices.ContainsFunc(pl.nodes, func(o planNode) bool { return o.parent == int32(j) && o.t != nil }):
			more, good = b.wordsOf(c)
			n.spaced, n.cases = true, true
		}
		words, ok = append(words, more...), ok && good
	}
	// Patterns at the node itself see the text without white space, too.
	n.spaced = n.spaced || len(n.links) > 0
	// One child that a sieve cannot follow may match without the words: then there is none.
	if ok {
		n.sieve = b.sieve(words)
	}
}

// sieve returns a sieve, one for equal words, nil if there can be none. The words are sorted for
// the key, so that nodes with the same words share a sieve whatever their order.
func (b *builder) sieve(words []string) *sieve.Sieve {
	if len(words) == 0 {
		return nil
	}
	words = slices.Compact(slices.Sorted(slices.Values(words)))
	key := strings.Join(words, "\n")
	s, ok := b.sieves[key]
	if !ok {
		s = sieve.New(words)
		b.sieves[key] = s
	}
	return s
}

// decodedWords returns the words that the patterns at a node and below want, of which
// base64 must hide one for any of them to match. It is not ok if a sieve cannot follow. Each step
// must come after the one before.
func (b *builder) decodedWords(pl *Plan, node int32, before transform.DecodeStep) (words []string, ok bool) {
	n := &pl.nodes[node]
	// NoStep is the least: a transformation without a step is refused, too. So is the same one
	// twice, which would undo two layers of escapes.
	if n.t.Step <= before {
		return nil, false
	}
	words, ok = b.wordsOf(n)
	for j := node + 1; int(j) < len(pl.nodes) && ok; j++ {
		if pl.nodes[j].parent == node {
			more, good := b.decodedWords(pl, j, n.t.Step)
			words, ok = append(words, more...), good
		}
	}
	return words, ok
}

// wordsOf returns words of which a value needs one for any pattern of n to match. It is
// not ok if a pattern requires none. Of a pattern's conditions the rarest list is used: one of its
// words is required.
func (b *builder) wordsOf(n *planNode) (words []string, ok bool) {
	for id := range n.links {
		need := b.need(id)
		if need.Never {
			continue
		}
		if len(need.Words) == 0 {
			return nil, false
		}
		words = append(words, usefulWords(need.Words)[0]...)
	}
	return words, true
}

// need returns what any value needs to match a pattern. No byte is said to be absent, since
// decoders may bring any to light.
func (b *builder) need(id int32) rx.Need {
	n, ok := b.needs[id]
	if !ok {
		n = b.g.patterns[id].Need(charset.Set{})
		b.needs[id] = n
	}
	return n
}

// sift reports whether the sieve of n finds it possible that what comes of e at n and
// below has a word. It is asked of nodes with a sieve only.
func (n *planNode) sift(e *entry) bool {
	if n.t.Step == transform.Base64Step {
		// All nodes that decode base64 share the sieve, so that the answer holds for each of them.
		// It is kept with the text, not with the node.
		if e.coded == notAsked {
			e.coded = no
			if n.sieve.Base64(e.text, false) {
				e.coded = yes
			}
		}
		return e.coded == yes
	}
	if n.cases && e.mask&charset.High != 0 {
		return true // runes may become letters of ASCII
	}
	return n.spaced && n.sieve.Spaced(e.text, e.mask) || n.decodes && n.sieve.Base64(e.text, true)
}
