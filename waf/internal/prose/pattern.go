package prose

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern describes a regular expression: itself if it is short, else what texts it
// has in it.
func pattern(p string) string {
	text, anyCase := strings.CutPrefix(p, "(?i)")
	how := ""
	if anyCase {
		how = ", in any case"
	}
	if utf8.RuneCountInString(text) <= maxQuote {
		return "the pattern " + quote(text) + how
	}
	words := vocabulary(p)
	if len(words) == 0 {
		return "the pattern " + quote(text) + how
	}
	return fmt.Sprintf("a pattern of %d characters%s, with texts such as %s", len(p), how, quotes(spread(words, 5)))
}

// maxWords bounds the texts that are read off a pattern.
const maxWords = 400

// vocabulary returns texts of three and more characters that matches of a pattern
// have in them, without repetition, in the order of the pattern.
func vocabulary(p string) []string {
	re, err := syntax.Parse(p, syntax.Perl)
	if err != nil {
		return nil
	}
	var v reader
	if list, exact := v.read(re, false); exact {
		v.note(list, false)
	}
	return v.words
}

// reader collects texts from a pattern.
type reader struct{ words []string }

// note keeps texts of a list. With cut, those that begin with a letter are the rest
// of a word and go.
func (v *reader) note(list []string, cut bool) {
	for _, s := range list {
		if cut && s != "" && letter(s[0]) {
			continue
		}
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

// letter reports whether c is a letter of ASCII.
func letter(c byte) bool { return (c|0x20)-'a' < 26 }

// read returns all texts that an expression matches if they are few, or notes what
// is in it and says false. cut tells that a letter stands before it.
func (v *reader) read(re *syntax.Regexp, cut bool) (list []string, exact bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, true
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}, true
	case syntax.OpCapture:
		return v.read(re.Sub[0], cut)
	case syntax.OpQuest:
		sub, ok := v.read(re.Sub[0], cut)
		if !ok {
			return nil, false
		}
		return append(slices.Clone(sub), ""), true
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpAlternate:
		exact = true
		for _, sub := range re.Sub {
			s, ok := v.read(sub, cut)
			if !ok {
				exact = false
			}
			list = append(list, s...)
		}
		if !exact {
			v.note(list, cut)
			return nil, false
		}
		return list, true
	case syntax.OpConcat:
		return v.concat(re.Sub, cut)
	case syntax.OpPlus, syntax.OpRepeat, syntax.OpStar:
		if s, ok := v.read(re.Sub[0], cut); ok {
			v.note(s, cut)
		}
	}
	return nil, false
}

// class returns the characters of a small class.
func class(ranges []rune) (list []string, ok bool) {
	for i := 0; i+1 < len(ranges); i += 2 {
		if len(list) > 8 || ranges[i+1]-ranges[i] > 3 {
			return nil, false
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			list = append(list, string(r))
		}
	}
	return list, true
}

// concat is read for expressions one after another. Texts that a word is cut off
// from on either side are no words and are left out.
func (v *reader) concat(subs []*syntax.Regexp, cut bool) (list []string, exact bool) {
	const few = 512
	list, exact = []string{""}, true
	for _, sub := range subs {
		after := cut
		for _, s := range list {
			if s != "" {
				after = letter(s[len(s)-1])
				break
			}
		}
		s, ok := v.read(sub, after)
		if ok && len(list)*len(s) <= few {
			list = product(list, s)
			continue
		}
		exact = false
		if !after || !ok && !worded(sub) {
			v.note(list, cut)
		}
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

// worded reports whether an expression has letters as such in it.
func worded(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral || slices.ContainsFunc(re.Sub, worded)
}

// product joins each of a with each of b.
func product(a, b []string) []string {
	list := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			list = append(list, x+y)
		}
	}
	return list
}
