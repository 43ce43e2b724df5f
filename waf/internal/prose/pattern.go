package prose

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern describes a regular expression: itself if it is short, else what texts it has
// in it. The patterns of the Core Rule Set are made by a program out of lists of words
// and have thousands of characters; nobody reads them, but the words tell what they are
// for.
func pattern(p string) string {
	// The only flag at the beginning that rules use, and one that words say better.
	text, anyCase := strings.CutPrefix(p, "(?i)")
	how := ""
	if anyCase {
		how = ", in any case"
	}
	// A pattern that fits into the sentence is more exact than any words for it.
	if utf8.RuneCountInString(text) <= maxQuote {
		return "the pattern " + quote(text) + how
	}
	words := vocabulary(p)
	if len(words) == 0 {
		return "the pattern " + quote(text) + how
	}
	return fmt.Sprintf("a pattern of %d characters%s, with texts such as %s", len(p), how, quotes(spread(words, 5)))
}

// maxWords bounds the texts that are read off a pattern; a sentence shows five.
const maxWords = 400

// vocabulary returns texts of three and more letters that matches of a pattern have in
// them, without repetition, in the order of the pattern, in lower case. It is empty for a
// pattern that does not compile. They are examples: it is not said that a match has one
// of them, so nothing is proved by them, unlike by rx.Need.
func vocabulary(p string) []string {
	// The parser writes alternatives with their common beginnings in front, so that it
	// does not matter whether the author of the rule did.
	re, err := syntax.Parse(p, syntax.Perl)
	if err != nil {
		return nil
	}
	var v reader
	// What is left at the end is the list of all texts of a small pattern.
	if list, exact := v.read(re, false); exact {
		v.note(list, false)
	}
	return v.words
}

// reader collects texts from a pattern, on one walk over its syntax tree. Patterns that a
// program made share beginnings: s(?:elect|leep) is select and sleep. So texts are put
// together as long as they are few, and noted where that ends.
// The words are in lower case, each once, maxWords at most.
//
// An example, (?:union|s(?:elect|leep))[^a-z]+into, read from left to right:
//
//   - "s" times the branches "elect" and "leep" is "select" and "sleep";
//   - with "union" these are the three texts of the outer group, which is exact;
//   - [^a-z]+ has too many texts to follow. That is a gap: the three are noted, since no
//     letter as such goes on after them;
//   - "into" begins a new list, which the end of the pattern notes.
//
// In s[^q]elect the class matches letters as well, which is not looked at: "elect" is
// noted although it is the rest of a word.
type reader struct{ words []string }

// note keeps texts of a list. With cut, those that begin with a letter are the rest of a
// word and go. A text needs three letters: fewer are no word that tells anything.
func (v *reader) note(list []string, cut bool) {
	for _, s := range list {
		if cut && s != "" && letter(s[0]) {
			continue
		}
		// Under (?i) the parser writes letters in capitals.
		s = strings.ToLower(strings.TrimSpace(s))
		letters := 0
		for i := range len(s) {
			if letter(s[i]) {
				letters++
			}
		}
		if letters >= 3 && len(v.words) < maxWords && !slices.Contains(v.words, s) {
			v.words = append(v.words, s)
		}
	}
}

// letter reports whether c is a letter of ASCII. The bit 0x20 makes it lower case; what
// is below 'a' wraps around and is large.
func letter(c byte) bool { return (c|0x20)-'a' < 26 }

// read returns all texts that an expression matches if they are few, or notes what is in
// it and says false. cut tells that a letter stands before it. It walks the tree once,
// whose depth package regexp/syntax bounds.
func (v *reader) read(re *syntax.Regexp, cut bool) (list []string, exact bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, true
	// What matches a place and no text adds nothing to a word.
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}, true
	// Whether a group captures makes no difference to its words.
	case syntax.OpCapture:
		return v.read(re.Sub[0], cut)
	case syntax.OpQuest:
		sub, ok := v.read(re.Sub[0], cut)
		if !ok {
			return nil, false
		}
		// With or without it: both are texts of the pattern.
		return append(slices.Clone(sub), ""), true
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpAlternate:
		exact = true
		// Branches are alternatives at one place, so each has the same letter before it.
		for _, sub := range re.Sub {
			s, ok := v.read(sub, cut)
			if !ok {
				exact = false
			}
			list = append(list, s...)
		}
		if !exact {
			// One branch that is endless or too large makes the whole list incomplete;
			// the others are words all the same.
			v.note(list, cut)
			return nil, false
		}
		return list, true
	case syntax.OpConcat:
		return v.concat(re.Sub, cut)
	// How often it comes is not followed; one time is enough for a word.
	case syntax.OpPlus, syntax.OpRepeat, syntax.OpStar:
		if s, ok := v.read(re.Sub[0], cut); ok {
			v.note(s, cut)
		}
	}
	return nil, false
}

// class returns the characters of a small class, such as [sz]. ranges are pairs of first
// and last, as package regexp/syntax has them. A large one, [^a-z], says nothing of
// words.
func class(ranges []rune) (list []string, ok bool) {
	for i := 0; i+1 < len(ranges); i += 2 {
		// A few characters multiply the texts by as many; a class of more stands for
		// "anything but".
		if len(list) > 8 || ranges[i+1]-ranges[i] > 3 {
			return nil, false
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			list = append(list, string(r))
		}
	}
	return list, true
}

// concat is read for expressions one after another. Texts that a word is cut off from on
// either side are no words and are left out.
//
// list has the texts since the last gap, a gap being what has too many texts to follow.
// cut is of list: whether a letter stands before it.
//
// What comes before sub is noted at a gap unless sub continues the word: before a letter
// and a group with words in it (in(?:sert|to) with too many branches) "in" alone is none.
func (v *reader) concat(subs []*syntax.Regexp, cut bool) (list []string, exact bool) {
	const few = 512
	list, exact = []string{""}, true
	for _, sub := range subs {
		// after tells whether a letter stands before sub: the last one of what came
		// before. The first text that is not empty speaks for the list; for examples that
		// is good enough.
		after := cut
		for _, s := range list {
			if s != "" {
				after = letter(s[len(s)-1])
				break
			}
		}
		s, ok := v.read(sub, after)
		// The product would grow with each expression, so few bounds it.
		if ok && len(list)*len(s) <= few {
			list = product(list, s)
			continue
		}
		exact = false
		// If letters go on in sub, the texts so far are the beginnings of longer words.
		if !after || !ok && !worded(sub) {
			v.note(list, cut)
		}
		// sub itself was few, but not together with the list: it begins a new one.
		if list, cut = []string{""}, false; ok {
			list, cut = s, after
		}
	}
	if !exact {
		v.note(list, cut)
		return nil, false
	}
	return list, true
}

// worded reports whether an expression has letters as such in it: a literal anywhere
// below.
func worded(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral || slices.ContainsFunc(re.Sub, worded)
}

// product joins each of a with each of b, in their order. concat bounds its length.
func product(a, b []string) []string {
	list := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			list = append(list, x+y)
		}
	}
	return list
}
