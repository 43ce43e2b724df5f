package program

import (
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/sieve"
	"github.com/ringwall/ringwall/waf/internal/transform"
)

// requirement is what a value must have before the transformations that lead to a
// pattern, so that what they make of it may match. Most transformations only take
// bytes away, or do nothing to values that lack some byte: what such a value lacks,
// the result lacks as well, and need not be made.
type requirement struct {
	// acts are bytes of which one makes the transformations do more than that:
	// nothing is known of the result then.
	acts  charset.Mask
	bytes []charset.Mask // of each, the value must have a byte
	// word is a condition on words, if the transformations change no more than the
	// case of ASCII letters, else -1.
	word int32
	// cmd tells that one of them is cmdLine, which for most values is like that.
	cmd bool
}

// steps is what is known of a list of transformations.
type steps struct {
	acts, adds   charset.Mask
	lower, upper bool
	other, cmd   bool // changes more than the case; has cmdLine
}

// then returns what is known when t follows.
func (p steps) then(t *transform.Transformation) steps {
	switch t.Name {
	case "removeNulls", "trim", "trimLeft", "trimRight":
		p.other = true
	case "removeWhitespace":
		p.other = true
		p.adds |= charset.High // invalid UTF-8 is replaced
	case "compressWhitespace", "replaceNulls":
		p.other = true
		p.adds |= charset.MaskOf(" ")
	case "urlDecode", "urlDecodeUni":
		p.other = true // + becomes a space
		p.adds |= charset.MaskOf(" ")
		p.acts |= charset.MaskOf("%")
	case "lowercase":
		p.lower = true
		p.acts |= charset.High // runes become letters of ASCII
	case "uppercase":
		p.upper = true
		p.acts |= charset.High
	case "cmdLine":
		p.lower, p.cmd = true, true
		p.adds |= charset.MaskOf(" ")
	default:
		if t.Always {
			p.acts = ^charset.Mask(0)
		}
		p.acts |= charset.Cover(t.Needs)
	}
	return p
}

// before returns the bytes of which a value must have one for the result to have one
// of m, all if it need not have any.
func (p steps) before(m charset.Mask) charset.Mask {
	if m&p.adds != 0 {
		return ^charset.Mask(0)
	}
	if p.lower && m&charset.Lower != 0 {
		m |= charset.Upper
	}
	if p.upper && m&charset.Upper != 0 {
		m |= charset.Lower
	}
	return m
}

// findRequirements fills the requirements of the nodes of a plan.
func (b *gateBuilder) findRequirements(pl *plan) {
	for i := 1; i < len(pl.nodes); i++ {
		var list []requirement
		all := make([]steps, len(pl.nodes))
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

// maxRequirements bounds what is checked before a transformation.
const maxRequirements = 24

func (b *gateBuilder) addRequirements(list []requirement, n *planNode, p steps) []requirement {
	for id := range n.links {
		c := &b.g.tiers[tierCount-1].conditions[id]
		if c.never {
			continue
		}
		r := requirement{acts: p.acts, word: -1}
		for _, m := range c.bytes {
			if m = p.before(m); m != ^charset.Mask(0) && !slices.Contains(r.bytes, m) {
				r.bytes = append(r.bytes, m)
			}
		}
		slices.Sort(r.bytes)
		if c.hasWords && !p.other {
			r.word, r.cmd = id, p.cmd
		}
		if !slices.ContainsFunc(list, func(o requirement) bool {
			return o.acts == r.acts && o.word == r.word && slices.Equal(o.bytes, r.bytes)
		}) {
			list = append(list, r)
		}
	}
	return list
}

// mayLead reports whether what the transformation of n, and those below it, make of
// an entry may match a pattern.
func (g *gate) mayLead(s *scratch, n *planNode, entry int32) bool {
	if len(n.requires) > maxRequirements {
		return true
	}
	e := &s.entries[entry]
	plain := -1 // whether cmdLine changes no more than the case; not known yet
	for i := range n.requires {
		r := &n.requires[i]
		if e.mask&r.acts != 0 {
			return true
		}
		if !e.fulfils(r.bytes) {
			continue
		}
		if r.word < 0 || !e.ready && entry != 0 || e.mask&charset.High != 0 || g.find(s, entry).Has(r.word) {
			return true
		}
		if !r.cmd {
			continue
		}
		if plain < 0 {
			plain = 0
			if transform.PlainCommand(e.text, e.mask) {
				plain = 1
			}
		}
		if plain == 0 {
			return true
		}
	}
	return false
}

// findSieves gives sieves to the nodes that decode base64 or remove white space, if
// they can follow all that comes after. All that decode base64 share one, so that a
// value is sifted once.
func (b *gateBuilder) findSieves(pl *plan) {
	var coded []string
	var nodes []*planNode
	for i := 1; i < len(pl.nodes); i++ {
		n := &pl.nodes[i]
		switch n.t.Name {
		case "base64Decode":
			if words, ok := b.decodedWords(pl, int32(i), 0); ok {
				coded, nodes = append(coded, words...), append(nodes, n)
			}
		case "removeWhitespace":
			b.findSpaced(pl, i)
		}
	}
	for _, n := range nodes {
		n.sieve = b.sieve(coded)
	}
}

// findSpaced gives a sieve to a node that removes white space.
func (b *gateBuilder) findSpaced(pl *plan, i int) {
	n := &pl.nodes[i]
	words, ok := b.wordsOf(n)
	for j := i + 1; j < len(pl.nodes); j++ {
		c := &pl.nodes[j]
		if c.parent != int32(i) {
			continue
		}
		var more []string
		good := false
		switch {
		case c.t.Name == "base64Decode":
			more, good = b.decodedWords(pl, int32(j), 0)
			n.decodes = true
		case c.t.CaseOnly && !slices.ContainsFunc(pl.nodes, func(o planNode) bool { return o.parent == int32(j) && o.t != nil }):
			more, good = b.wordsOf(c)
			n.spaced, n.cases = true, true
		}
		words, ok = append(words, more...), ok && good
	}
	n.spaced = n.spaced || len(n.links) > 0
	if ok {
		n.sieve = b.sieve(words)
	}
}

// sieve returns a sieve, one for equal words, nil if there can be none.
func (b *gateBuilder) sieve(words []string) *sieve.Sieve {
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

// decodedOrder are the steps after base64Decode that a sieve follows, in this order.
var decodedOrder = []string{"base64Decode", "urlDecode", "urlDecodeUni", "jsDecode", "removeWhitespace", "replaceComments"}

// decodedWords returns the words that the patterns at a node and below want.
// It is not ok if a sieve cannot follow. order is the number of the step before.
func (b *gateBuilder) decodedWords(pl *plan, node int32, order int) (words []string, ok bool) {
	n := &pl.nodes[node]
	at := slices.Index(decodedOrder, n.t.Name)
	if at < order {
		return nil, false
	}
	words, ok = b.wordsOf(n)
	for j := node + 1; int(j) < len(pl.nodes) && ok; j++ {
		if pl.nodes[j].parent == node {
			more, good := b.decodedWords(pl, j, at+1)
			words, ok = append(words, more...), good
		}
	}
	return words, ok
}

// wordsOf returns words of which a value needs one for any pattern of n to match.
func (b *gateBuilder) wordsOf(n *planNode) (words []string, ok bool) {
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

// need returns what any value needs to match a pattern.
func (b *gateBuilder) need(id int32) rx.Need {
	n, ok := b.needs[id]
	if !ok {
		n = b.g.patterns[id].need(charset.Set{})
		b.needs[id] = n
	}
	return n
}

// sift reports whether the sieve of n finds it possible that what comes of e at n and
// below has a word.
func (n *planNode) sift(e *gateEntry) bool {
	if n.t.Name == "base64Decode" {
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
