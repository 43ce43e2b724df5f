package rx

import (
	"cmp"
	"math/bits"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/charset"
)

// Need is what a value must have for a pattern to match. The zero value asks for
// nothing. A Need is a necessary condition, never a sufficient one: whoever drops a condition from
// it makes a filter weaker and no less sound. It is computed once for each pattern and tier and not
// changed.
type Need struct {
	// Never tells that no value matches. That is so if each way to match takes a byte of those that
	// are said to be absent.
	Never bool
	// Words is a list of conditions, all of which hold: the value contains one of
	// the words of each, letters of ASCII in any case. Words are in lower case. A
	// value that has U+017F or U+212A may match without, since these two equal s
	// and k.
	Words [][]string
	// Bytes is a list of conditions, all of which hold: the value has a byte of
	// one of the classes of each.
	Bytes []charset.Mask
}

// Bounds, beyond which a condition is dropped: it only ever makes the filter pass more.
const (
	// As a class of n letters multiplies the words by n, this stops a pattern such as [a-f]{8} from
	// being spelled out.
	maxWords      = 120  // words that one part of a pattern may spell out
	maxClause     = 4000 // words of one condition
	maxConditions = 3    // on words; each costs a look for its words in every value
)

// needOf returns what values need that have no byte of absent. Of the conditions that
// hold it keeps those that benign values fulfil least. absent are bytes of which the values have
// none for certain: a larger set gives a stronger condition. Its cost is linear in the tree but for
// the words, whose number is bounded.
func needOf(tree *syntax.Regexp, binary bool, absent charset.Set) Need {
	a := analysis{binary: binary, absent: absent}
	p := a.walk(tree)
	if p.never() {
		return Need{Never: true}
	}
	// A pattern that is one exact string, or a choice among few, has no condition yet.
	p.spell()
	var n Need
	slices.SortStableFunc(p.words, func(x, y clause) int { return cmp.Compare(x.cost, y.cost) })
	// The costs are sums of estimates. From 1 on, every benign value is expected to fulfil the
	// condition, so that to look for it costs more than it saves.
	for _, c := range p.words {
		if len(n.Words) < maxConditions && c.cost < 1 {
			n.Words = append(n.Words, c.words)
		}
	}
	// To have a word, a value must have the bytes of that word. This finds the words' rarest bytes,
	// which the classes of a value answer without a search.
	for _, words := range n.Words {
		if m, ok := WordMask(words); ok {
			p.masks = append(p.masks, m)
		}
	}
	// The cheapest in benign traffic first, so that the four that are kept are those that hold back
	// most values.
	slices.SortFunc(p.masks, func(x, y charset.Mask) int { return cmp.Compare(maskCost(x), maskCost(y)) })
	p.masks = slices.Compact(p.masks)
	for _, m := range p.masks {
		if len(n.Bytes) == 4 || maskCost(m) > 0.9 {
			break
		}
		// A condition that a stricter one implies costs and tells nothing: whoever has a byte of a
		// subset of m has one of m.
		implied := false
		for _, have := range n.Bytes {
			implied = implied || have&^m == 0
		}
		if !implied {
			n.Bytes = append(n.Bytes, m)
		}
	}
	return n
}

// WordMask returns classes of which a value must have one to contain one of the
// words. It is not ok if one of the words has letters only, which tell little. The classes of a
// word are those of its byte that benign values have least. A letter is passed over, since most
// values have a letter of any class.
func WordMask(words []string) (m charset.Mask, ok bool) {
	for _, w := range words {
		best, cost := charset.Mask(0), 2.0
		for i := range len(w) {
			if c := w[i]; c-'a' < 26 || c-'A' < 26 || c >= 0x80 {
				continue
			}
			class := charset.MaskOf(w[i : i+1])
			if c := maskCost(class); c < cost {
				best, cost = class, c
			}
		}
		// A value may contain this word and have none of the bytes of the others.
		if best == 0 {
			return 0, false
		}
		m |= best
	}
	return m, m != 0
}

// analysis computes what parts of a pattern require. It does not change while it walks.
type analysis struct {
	binary bool
	absent charset.Set
}

// clause is a set of words one of which must occur; cost estimates how often a
// benign value of some thirty bytes has one.
type clause struct {
	words []string
	cost  float64
}

// part is what is known of a part of a pattern.
//
// A part without any of them matches anything, as far as is known: the zero value is always sound.
// That is the abstract domain of Cox's analysis without his prefixes and suffixes.
type part struct {
	// exact are all strings that the part matches, in lower case; nil if they are
	// too many, empty but not nil if there are none. Case is ignored.
	exact []string
	// words and masks are conditions that hold for every string that the part matches, all of them.
	words []clause
	masks []charset.Mask
}

// never reports whether the part matches nothing.
func (p *part) never() bool { return p.exact != nil && len(p.exact) == 0 }

// nothing is a part that no string matches.
func nothing() part { return part{exact: []string{}} }

// spell turns the exact strings of p into a condition. The empty string among them, or no string at
// all, gives no condition.
func (p *part) spell() {
	if c, ok := clauseOf(p.exact); ok {
		p.words = append(p.words, c)
	}
	p.exact = nil
}

// clauseOf makes a condition of words. It is not ok if it would hold for every value or
// has too many words. It keeps no reference to words. The cost of the clause is the sum over the
// words, which overestimates it for words that occur together: a union bound.
func clauseOf(words []string) (clause, bool) {
	if len(words) == 0 || len(words) > maxClause {
		return clause{}, false
	}
	words = slices.Clone(words)
	slices.Sort(words)
	words = slices.Compact(words)
	var cost float64
	for _, w := range words {
		if w == "" {
			return clause{}, false
		}
		cost += Commonness(w)
	}
	return clause{words, cost}, true
}

// Commonness estimates how often a benign value of thirty bytes contains w, 0 to 1. It takes bytes
// for independent of each other and of their place, which is crude and sufficient: it only ranks
// words. A common letter alone is at 1, four rare ones in a row are near 0.00001. w is in lower
// case.
func Commonness(w string) float64 {
	// Thirty places at which w may begin.
	f := 30.0
	for i := range len(w) {
		f *= byteFrequency(w[i])
	}
	return min(f, 1)
}

// Rarest returns the part of w, of at most n bytes, that benign values contain least. A word
// contains each of its parts, so that a search for the part misses nothing. n is at least 1.
func Rarest(w string, n int) string {
	if len(w) <= n {
		return w
	}
	best, cost := w[:n], Commonness(w[:n])
	for i := 1; i+n <= len(w); i++ {
		if c := Commonness(w[i : i+n]); c < cost {
			best, cost = w[i:i+n], c
		}
	}
	return best
}

// byteFrequency is about the share of a byte in the values of benign requests: query
// strings, forms, headers. Only the order of words by it matters. Letters are those of lower case;
// classCost has the others. A wrong estimate makes a filter slower, never unsound.
func byteFrequency(b byte) float64 {
	switch {
	case strings.IndexByte("etaoinsrhl", b) >= 0:
		return 0.07
	case b >= 'a' && b <= 'z':
		return 0.025
	case b == ' ':
		return 0.12
	case b >= '0' && b <= '9':
		return 0.02
	case strings.IndexByte("-_.,/:=", b) >= 0:
		return 0.01
	case b == '%' || b == '&' || b == ';' || b == '(' || b == ')' || b == '"' || b == '+' || b == '\'' || b == '\n':
		return 0.002
	}
	return 0.001
}

// maskCost estimates how often a benign value has a byte of the mask.
func maskCost(m charset.Mask) float64 {
	var f float64
	for i := range classCost {
		if m>>i&1 != 0 {
			f += classCost[i]
		}
	}
	return min(1, f*10)
}

// classCost has the frequency of each class of bytes.
var classCost = buildClassCost()

// buildClassCost adds up the frequencies of the bytes of each class.
func buildClassCost() (cost [64]float64) {
	for b := range 256 {
		c := byte(b)
		f := byteFrequency(c)
		switch {
		// byteFrequency counts these as rare punctuation, since words are in lower case.
		case c >= 'A' && c <= 'Z':
			f = 0.01
		case c >= 0x80:
			f = 0.0005
		}
		cost[bits.TrailingZeros64(uint64(charset.MaskOf(string([]byte{c}))))] += f
	}
	return cost
}

// walk returns what a node of the syntax tree requires. Assertions match the empty string
// wherever they hold, which only ever makes the condition weaker. The recursion follows the tree,
// whose height package regexp/syntax bounds by 1000. Lazy and greedy operators match the same
// strings and differ in which they prefer, which does not matter here.
func (a analysis) walk(re *syntax.Regexp) part {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return part{exact: []string{""}}
	case syntax.OpLiteral:
		return a.literal(re)
	case syntax.OpCharClass:
		return a.class(re)
	case syntax.OpCapture:
		return a.walk(re.Sub[0])
	case syntax.OpNoMatch:
		return nothing()
	// No repetition at all is a match, so that nothing is required; one of nothing can only be the
	// empty string.
	case syntax.OpStar:
		if p := a.walk(re.Sub[0]); p.never() {
			return part{exact: []string{""}}
		}
		return part{}
	case syntax.OpQuest: // the empty string or the part
		p := a.walk(re.Sub[0])
		if p.exact == nil || len(p.exact) >= maxWords {
			return part{}
		}
		return part{exact: append([]string{""}, p.exact...)}
	case syntax.OpPlus: // one occurrence is sure, how many follow is not
		p := a.walk(re.Sub[0])
		if p.never() {
			return p
		}
		p.spell()
		return p
	case syntax.OpRepeat:
		return a.repeat(re)
	case syntax.OpConcat:
		return a.concat(re.Sub)
	case syntax.OpAlternate:
		return a.alternate(re.Sub)
	}
	return part{} // any character: nothing is known
}

// literal is the part that matches runes one after the other.
func (a analysis) literal(re *syntax.Regexp) part {
	var subs []part
	fold := re.Flags&syntax.FoldCase != 0
	for _, r := range re.Rune {
		subs = append(subs, a.runes([]rune{r, r}, fold))
	}
	return join(subs)
}

// class is the part that matches one rune of a class.
func (a analysis) class(re *syntax.Regexp) part { return a.runes(re.Rune, false) }

// runes is the part that matches one rune of the ranges. ranges are pairs of first and last rune,
// as in syntax.Regexp.Rune. With fold a rune stands for all that equal it when case is ignored.
func (a analysis) runes(ranges []rune, fold bool) part {
	var set charset.Set
	// beyond tells that the part takes a rune that is not one byte, or in a binary pattern one that
	// is no ASCII.
	beyond := false
	add := func(r rune) {
		switch {
		case r < 0x80, a.binary && r < 0x100:
			set.Add(byte(r))
			beyond = beyond || r >= 0x80
		case !a.binary:
			beyond = true
		}
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		// Runes from 0x100 on need no loop: they are beyond in any case. Up to there a class has at
		// most 256 of them, however large its ranges.
		for r := ranges[i]; r <= ranges[i+1] && r < 0x100; r++ {
			add(r)
			if fold {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					add(f)
				}
			}
		}
		if ranges[i+1] >= 0x80 && !a.binary {
			beyond = true
		}
	}
	for i, w := range a.absent {
		set[i] &^= w
	}
	// Tiers lack all bytes beyond ASCII or none. These three stand for all: the first bytes of the
	// two runes that fold to letters of ASCII, and one that UTF-8 never has.
	if beyond && a.absent.Has(0xC5) && a.absent.Has(0xE2) && a.absent.Has(0xFF) {
		beyond = false // nothing beyond ASCII
	}
	if set == (charset.Set{}) && !beyond {
		return nothing()
	}
	mask := charset.Cover(set)
	// The two runes that equal s and k stand outside the exact strings; Need says so.
	onlyFolds := true
	for i := 0; i+1 < len(ranges); i += 2 {
		// The first rune of a range that is another one ends the loop, so that it is short for any
		// range.
		for r := max(ranges[i], 0x80); r <= ranges[i+1]; r++ {
			if r != 0x17f && r != 0x212a {
				onlyFolds = false
				break
			}
		}
	}
	// Fold are the first bytes of these two runes, High all bytes beyond ASCII: a rune there begins
	// with one of them.
	if beyond && !a.binary {
		if onlyFolds {
			mask |= charset.Fold
		} else {
			mask |= charset.High
		}
	}
	p := part{masks: []charset.Mask{mask}}
	// Exact strings are ASCII. For a part with other runes only the condition on bytes is known.
	if beyond && (a.binary || !onlyFolds) {
		return p
	}
	// Exact strings ignore case, so a class of both cases of a letter is one string.
	var seen charset.Set
	for b := range 128 {
		c := byte(b)
		if !set.Has(c) {
			continue
		}
		c = ascii.Lower(c)
		if !seen.Has(c) {
			seen.Add(c)
			p.exact = append(p.exact, string([]byte{c}))
		}
	}
	// A class such as \w or [^"] would multiply the strings of its neighbours to the bound and
	// leave no room for those that tell something. Letters count once: \w has 37.
	if len(p.exact) > 16 {
		p.exact = nil
	}
	return p
}

// repeat is the part that matches another one several times, of which the first few are
// written out.
func (a analysis) repeat(re *syntax.Regexp) part {
	sub := a.walk(re.Sub[0])
	// Without a minimum nothing is required, as for *. Only ? leaves few exact strings.
	if re.Min == 0 {
		if sub.never() || re.Max == 0 {
			return part{exact: []string{""}}
		}
		if re.Max != 1 || sub.exact == nil {
			return part{}
		}
		return part{exact: append([]string{""}, sub.exact...)}
	}
	if sub.never() {
		return sub
	}
	// More copies make longer words, of which the gate looks for 24 bytes at most, and a{1000}
	// would be copied a thousand times at each level of nesting.
	n := min(re.Min, 8)
	subs := make([]part, n, n+1)
	for i := range subs {
		subs[i] = sub
	}
	// What follows is not known: the exact strings end here and become conditions.
	if re.Min != re.Max || n != re.Min {
		subs = append(subs, part{})
	}
	return join(subs)
}

// concat is the part that matches parts one after the other.
func (a analysis) concat(list []*syntax.Regexp) part {
	subs := make([]part, len(list))
	for i, re := range list {
		subs[i] = a.walk(re)
	}
	return join(subs)
}

// join is the part that matches its parts one after the other. The exact strings of
// neighbours are multiplied out as long as they are few: cur are those of the parts since
// the last one of which the strings are not known, and become a condition before the next. A
// condition may not cross a part that is not known: of union.*select both words are required, of
// un(ion|)\s one of ten strings: union or un with one of five white spaces.
func join(subs []part) part {
	// whole tells that cur still has all strings of all parts so far.
	whole := true
	cur := []string{""}
	var p part
	flush := func() {
		whole = false
		if c, ok := clauseOf(cur); ok {
			p.words = append(p.words, c)
		}
		cur = []string{""}
	}
	// A sequence with a part that never matches never matches.
	for i := range subs {
		if subs[i].never() {
			return nothing()
		}
	}
	for _, s := range subs {
		// All parts must match, so that all their conditions hold: a conjunction.
		p.words = append(p.words, s.words...)
		p.masks = append(p.masks, s.masks...)
		if s.exact == nil {
			flush()
			continue
		}
		// The product is bounded before it is made. Both factors are required on their own, and the
		// strings go on from the second one.
		if len(cur)*len(s.exact) > maxWords {
			flush()
			cur = s.exact
			continue
		}
		product := make([]string, 0, len(cur)*len(s.exact))
		for _, x := range cur {
			for _, y := range s.exact {
				product = append(product, x+y)
			}
		}
		cur = product
	}
	if whole {
		p.exact = cur
		return p
	}
	flush()
	return p
}

// alternate is the part that matches one of its parts. Each may require several things, of
// which the rarest goes into the condition of the whole: a value must have what one of the
// parts requires. If one part requires nothing, neither does the whole. Syntax trees factor common
// prefixes out, so that union|unit is uni(?:on|t) and its words are spelled by join.
func (a analysis) alternate(list []*syntax.Regexp) part {
	var (
		p     part
		exact []string
		all   = true
		words []string
		have  = true
		mask  charset.Mask
		masks = true
		some  = false
	)
	for _, re := range list {
		s := a.walk(re)
		// An alternative that cannot match any value of the tier requires nothing of the others:
		// that is what makes the conditions of the strict tiers strict.
		if s.never() {
			continue
		}
		some = true
		// A disjunction of conjunctions: one conjunct of each alternative is kept, and their union
		// is required of the whole.
		if m, ok := rarest(s); ok {
			mask |= m
		} else {
			masks = false
		}
		if s.exact != nil {
			exact = append(exact, s.exact...)
		} else {
			all = false
		}
		s.spell()
		// Clauses that cost 2 or more hold for any benign value and are as good as none.
		best := clause{cost: 2}
		for _, c := range s.words {
			if c.cost < best.cost {
				best = c
			}
		}
		if best.cost < 2 {
			words = append(words, best.words...)
		} else {
			have = false
		}
	}
	if !some {
		return nothing()
	}
	// Exact strings say more than a condition: join may multiply them with those of neighbours.
	if all && len(exact) <= maxWords {
		slices.Sort(exact)
		p.exact = slices.Compact(exact)
	} else if have {
		if c, ok := clauseOf(words); ok {
			p.words = append(p.words, c)
		}
	}
	if masks {
		p.masks = append(p.masks, mask)
	}
	return p
}

// rarest returns the condition on bytes of p that benign values fulfil least.
func rarest(p part) (charset.Mask, bool) {
	best, cost := charset.Mask(0), 2.0
	for _, m := range p.masks {
		if c := maskCost(m); c < cost {
			best, cost = m, c
		}
	}
	return best, cost < 2
}
