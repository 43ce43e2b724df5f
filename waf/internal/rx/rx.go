// Package rx matches regular expressions in linear time and bounded memory, and
// tells beforehand which values cannot match.
//
// The syntax is RE2's, as in package regexp, with the flags s and m set: a dot
// matches a newline, ^ and $ match at lines, as the rule set's tests expect of the
// Go engines. A pattern with \x escapes that are no UTF-8 is matched byte by byte.
//
// Whether a value matches is decided by a lazily built automaton over bytes, which
// takes any valid or invalid rune beyond ASCII for any other. Where that could
// make a difference, and for captures, package regexp has the last word. So the
// automaton is itself a prefilter: its no is final, its yes is for ASCII and bytes.
//
// What a pattern requires of a value (Need) is computed from its syntax tree, as the
// search engines for source code do (Cox, "Regular Expression Matching with a Trigram
// Index", 2012): each part of a pattern is a set of exact strings, or a condition on
// words and bytes, and operators of the syntax combine these.
//
// Files: rx.go chooses between automaton and package regexp, dfa.go has the automaton, need.go what
// is required. The package knows nothing of rules, does not replace, and finds the leftmost match
// only: whoever wants the next one asks for the rest of the value.
package rx

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ringwall/ringwall/waf/internal/charset"
)

// Regexp is a compiled pattern. It is safe for use by several goroutines.
type Regexp struct {
	// source is the pattern as written, without the flags that Compile adds.
	source string
	binary bool // values are bytes, not UTF-8
	// dfa is shared by all users of the Regexp; its states are made under a lock of its own.
	dfa *dfa
	// groups does not count the match as a whole.
	groups int
	// whole tells that every value matches from its beginning to its end.
	whole bool

	once    sync.Once
	precise *regexp.Regexp // compiled when first needed: most patterns never match
	text    string         // what precise is compiled from, flags included
}

// Compile parses a pattern and prepares its automaton, whose states are made when values
// first need them. An error is that of package regexp/syntax. Look-around and backreferences are
// errors, since they have no automaton: PCRE, by which ModSecurity matches, tries alternatives by
// backtracking and takes exponential time for some patterns and values (ReDoS). Patterns are
// trusted; their size is bounded by package regexp/syntax only.
func Compile(pattern string) (*Regexp, error) {
	r := &Regexp{source: pattern, binary: hasBinaryEscape(pattern)}
	flags := "(?sm)"
	r.text = flags + pattern
	if r.binary {
		// Coraza matches such patterns without flags.
		r.text = escapeHigh(pattern)
	}
	tree, err := syntax.Parse(r.text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	// The few patterns that only capture; to run an automaton for them would be a waste.
	r.whole = !r.binary && (pattern == "^.*$" || pattern == "^.*" || pattern == ".*")
	r.groups = tree.MaxCap()
	// Simplify writes out counted repetitions, which the program has no instruction for.
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	r.dfa = newDFA(prog, r.binary)
	return r, nil
}

// String returns the pattern.
func (r *Regexp) String() string { return r.source }

// Groups returns the number of capturing groups.
func (r *Regexp) Groups() int { return r.groups }

// Whole reports whether every value matches from its beginning to its end.
func (r *Regexp) Whole() bool { return r.whole }

// Need returns what a value that has no byte of absent must have to match. It is
// costly; ask once. absent are bytes that the value is known to lack. The pattern is parsed again:
// trees are not kept, since only the set-up needs them.
func (r *Regexp) Need(absent charset.Set) Need {
	tree, err := syntax.Parse(r.text, syntax.Perl)
	// Cannot happen, since Compile has parsed it. Nothing is required then, which is sound.
	if err != nil {
		return Need{}
	}
	return needOf(tree, r.binary, absent)
}

// Match reports whether s has a match. Its time is linear in the length of s. It does not allocate
// unless the automaton makes states or package regexp is asked.
func (r *Regexp) Match(s string) bool {
	if r.whole {
		return true
	}
	switch a, _ := r.dfa.match(s); a {
	case no:
		return false
	case yes:
		// Beyond ASCII the automaton took any rune for the one that the pattern names.
		if r.binary || isASCII(s) {
			return true
		}
	}
	// The automaton was unsure, or its yes may be due to a rune that it took for another one.
	return r.MatchPrecisely(s)
}

// MatchPrecisely is Match by package regexp alone: slow, and right by definition. Tests compare
// Match with it, and the reference engine uses nothing else.
func (r *Regexp) MatchPrecisely(s string) bool {
	if r.binary {
		s, _ = widen(s)
	}
	return r.compiled().MatchString(s)
}

// Find returns the places of the leftmost match and of its groups as regexp does,
// or nil. Package regexp takes some hundred nanoseconds a byte, so that of a value
// longer than maxFind only the part around the first match that ends is looked at;
// if that has none, it is all that Find returns. A body of 1 MiB would otherwise take some tenths
// of a second. Places are offsets in bytes of s, in pairs, -1 for groups without a match.
func (r *Regexp) Find(s string) []int {
	if r.whole {
		return []int{0, len(s)}
	}
	if len(s) > maxFind {
		return r.findNear(s)
	}
	return r.find(s)
}

// maxFind is the length in bytes of the part of a value in which Find looks.
const maxFind = 64 << 10

// findNear is Find for long values.
func (r *Regexp) findNear(s string) []int {
	a, end := r.dfa.match(s)
	switch a {
	case no:
		return nil
	case unsure:
		return r.find(s)
	}
	// The match ends at end or before, and where it begins is not known: half of the part is before
	// it.
	from := max(0, end-maxFind/2)
	// The part after it leaves room for a greedy match, whose end is later than the first possible
	// one.
	to := min(len(s), end+maxFind/2)
	loc := r.find(s[from:to])
	// Groups without a match are -1 and stay so.
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += from
		}
	}
	// The match may be longer than the part, or an assertion may hold at its edge only.
	if loc == nil && r.Match(s) {
		return []int{end, end}
	}
	return loc
}

// find is Find for values of any length.
func (r *Regexp) find(s string) []int {
	if !r.binary {
		return r.compiled().FindStringSubmatchIndex(s)
	}
	wide, offsets := widen(s)
	loc := r.compiled().FindStringSubmatchIndex(wide)
	// widen gave the second byte of a rune the offset of the byte of s that it stands for, so that
	// each boundary of a rune is mapped to a boundary of bytes.
	for i, at := range loc {
		if at >= 0 && offsets != nil {
			loc[i] = offsets[at]
		}
	}
	return loc
}

// compiled returns the expression of package regexp, which takes much more memory than
// the automaton does until it has seen values. It cannot panic: Compile has parsed the same text.
func (r *Regexp) compiled() *regexp.Regexp {
	r.once.Do(func() { r.precise = regexp.MustCompile(r.text) })
	return r.precise
}

// isASCII reports whether all bytes of s are of ASCII.
func isASCII(s string) bool { return charset.MaskOf(s)&charset.High == 0 }

// widen writes each byte of s as the rune of that number, since package regexp matches
// runes and would take bytes that are no UTF-8 for U+FFFD. offsets maps places in
// the result to places in s, nil if they are the same. This is Latin-1 read as Unicode: byte 0xE9
// becomes U+00E9, which the pattern names as \x{e9}.
func widen(s string) (wide string, offsets []int) {
	if isASCII(s) {
		return s, nil
	}
	var b strings.Builder
	offsets = make([]int, 0, 2*len(s)+1)
	for i := range len(s) {
		n, _ := b.WriteRune(rune(s[i]))
		for range n {
			offsets = append(offsets, i)
		}
	}
	// A match may end where the value does.
	return b.String(), append(offsets, len(s))
}

// hasBinaryEscape reports whether the bytes that the \x escapes of the pattern
// stand for make it something else than UTF-8. Such patterns look for bytes that are no text, as
// rules against malformed UTF-8 or magic numbers of files do. \xc3\xa9 is valid UTF-8 and does not
// make a pattern binary, as in Coraza.
func hasBinaryEscape(pattern string) bool {
	decoded := make([]byte, 0, len(pattern))
	for i := 0; i < len(pattern); {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			if v, n := hexEscape(pattern[i:]); n > 0 && v < 0x100 {
				decoded = append(decoded, byte(v))
				i += n
				continue
			}
			if pattern[i+1] != 'x' {
				// The escaped character is looked at again, on its own: it may be the
				// backslash of the next escape. This is what the Go engines do.
				decoded = append(decoded, pattern[i])
				i++
				continue
			}
		}
		decoded = append(decoded, pattern[i])
		i++
	}
	return !utf8.Valid(decoded)
}

// hexEscape reads \xHH or \x{H…} at the start of s and returns its length. n is 0 if there is none.
// s begins with a backslash.
func hexEscape(s string) (v uint64, n int) {
	if len(s) < 4 || s[1] != 'x' {
		return 0, 0
	}
	digits, n := s[2:4], 4
	if s[2] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return 0, 0
		}
		digits, n = s[3:end], end+1
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return 0, 0
	}
	return v, n
}

// escapeHigh writes each byte beyond ASCII of a pattern as an escape, so that it
// stands for itself in a pattern that is matched byte by byte. The braces end the number: a digit
// that follows in the pattern is not a part of it.
func escapeHigh(pattern string) string {
	var b strings.Builder
	for i := range len(pattern) {
		if c := pattern[i]; c >= utf8.RuneSelf {
			fmt.Fprintf(&b, `\x{%02x}`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
