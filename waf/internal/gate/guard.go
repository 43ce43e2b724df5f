package gate

import (
	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/charset"
)

// libinjection judges a value as a whole and takes some hundred nanoseconds for it.
// What follows proves for most values that it says no; tests try to prove it wrong.

// xssText are the bytes that libinjection needs to find a script: it reports tags, comments
// and doctypes, which begin with <, and values of attributes, which follow =.
const xssText = "<="

// XSSBytes are the classes of bytes of which a value has one if libinjection finds a script
// in it. It is what @detectXSS needs of a value.
var XSSBytes = charset.Cover(charset.Of(xssText))

// sqliSafe are the bytes that alone make no token but barewords, numbers, operators,
// dots, commas, colons and semicolons. None of libinjection's fingerprints is made
// of these only. In the notation of libinjection these tokens are n, 1, o, the marks . , : ;
// and ? for what it does not know. TestGuardKnowsTheKeywordTable holds this against all
// fingerprints.
var sqliSafe = buildSQLiSafe()

func buildSQLiSafe() charset.Set {
	s := charset.Of(" \t\n\r_.,:;?-+*/=<>!~^%")
	s.AddRange('a', 'z')
	s.AddRange('A', 'Z')
	s.AddRange('0', '9')
	return s
}

// sqliUnsafe are the classes of all other bytes.
var sqliUnsafe = charset.Cover(sqliSafe.Not())

// MayBeSQLi reports whether libinjection may find SQL in s. It says no if s has
// only safe bytes, no comment, no strong word and at most one weak word: alone that is
// a bareword like any other, only two of them can make a keyword such as ORDER BY.
//
// It takes one pass over s, does not allocate (BenchmarkGuard compares it with libinjection) and
// errs on the side of yes.
func MayBeSQLi(s string) bool {
	// Quotes, brackets, backslashes, @, #, $, &, | and bytes beyond ASCII begin tokens that
	// fingerprints are made of: strings, variables, functions, comments.
	if charset.MaskOf(s)&sqliUnsafe != 0 {
		return true
	}
	// Tokens as libinjection splits them: runs of word bytes, and single bytes between.
	weak := 0
	for i := 0; i < len(s); {
		c := s[i]
		if !ascii.IsWord(c) {
			// Comments of SQL: a fingerprint may end in one, and what precedes it means more then.
			if c == '-' && i+1 < len(s) && s[i+1] == '-' || c == '/' && i+1 < len(s) && s[i+1] == '*' {
				return true
			}
			i++
			continue
		}
		start := i
		for i < len(s) && ascii.IsWord(s[i]) {
			i++
		}
		run := s[start:i]
		// A number may be followed by a word without a blank, 1union.
		if c-'0' < 10 {
			if numberHasKeyword(run) {
				return true
			}
			continue
		}
		// A word that is too long for the table is a bareword.
		h, ok := filterHash(run)
		if !ok {
			continue
		}
		// The table has it as a keyword, a function or an operator: libinjection must judge.
		if sqliStrong.hasHash(h) {
			return true
		}
		if sqliWeak.hasHash(h) {
			if weak++; weak > 1 {
				return true
			}
		}
	}
	return false
}

// numberHasKeyword looks at a run of letters, digits and underscores that begins with
// a digit: a number, perhaps with an exponent and a suffix, before a word. libinjection ends a
// number where its syntax ends and goes on with the rest as a token: in 1union it sees a number and
// UNION.
func numberHasKeyword(run string) bool {
	if len(run) > 1 && run[0] == '0' && (run[1]|0x20 == 'x' || run[1]|0x20 == 'b') {
		return true // a number in another base: where it ends is not simple
	}
	// digits returns the first place from i on that has no digit.
	digits := func(i int) int {
		for i < len(run) && run[i]-'0' < 10 {
			i++
		}
		return i
	}
	end := digits(0)
	if wordAt(run, end) {
		return true
	}
	// An exponent has digits or none, and a word may follow either.
	if end < len(run) && run[end]|0x20 == 'e' {
		return wordAt(run, digits(end+1))
	}
	return false
}

// wordAt reports whether a keyword begins at i, or after the suffix of a number. d and f are
// suffixes of numbers in Oracle (1d, 1f).
func wordAt(run string, i int) bool {
	if i >= len(run) {
		return false
	}
	if sqliKnown(run[i:]) {
		return true
	}
	if c := run[i] | 0x20; c == 'd' || c == 'f' {
		return i+1 < len(run) && sqliKnown(run[i+1:])
	}
	return false
}

// sqliKnown reports whether a word may be one of the keyword table. Weak words count here, since
// the number is a second token beside them.
func sqliKnown(word string) bool { return sqliStrong.has(word) || sqliWeak.has(word) }

// wordFilter is a set of words that may have more than it was given: a Bloom filter with
// one hash. Its 8 KiB have some thousand bits set, so that one word in fifty or so is taken
// for one of them, and libinjection is asked in vain. It is 8 KiB rather than a map so that a
// look-up is one load from memory that stays in the first cache.
type wordFilter [1 << 10]uint64

// wordHash is FNV-1a of the word in upper case. sqliwords.go has its results, so that it must not
// change without them.
func wordHash(w string) uint32 {
	h := uint32(2166136261)
	for i := range len(w) {
		h = (h ^ uint32(ascii.Upper(w[i]))) * 16777619
	}
	return h
}

// has reports whether a word may be in the set.
func (f *wordFilter) has(w string) bool {
	h, ok := filterHash(w)
	return ok && f.hasHash(h)
}

// filterHash is not ok for what no keyword can be. The upper half is mixed into the lower, of which
// hasHash uses 16 bits.
func filterHash(w string) (h uint32, ok bool) {
	if w == "" || len(w) >= maxKeyword {
		return 0, false
	}
	h = wordHash(w)
	return h ^ h>>16, true
}

// hasHash is has for the hash of a word. Ten bits choose the word, six the bit in it.
func (f *wordFilter) hasHash(h uint32) bool { return f[h>>6&(1<<10-1)]>>(h&63)&1 != 0 }

// maxKeyword is more than the length of the longest keyword. Longer runs need no hash. The test
// compares it with the table.
const maxKeyword = 48

var (
	sqliStrong = buildWordFilter(sqliStrongHashes)
	sqliWeak   = buildWordFilter(sqliWeakHashes)
)

func buildWordFilter(hashes []uint32) *wordFilter {
	f := new(wordFilter)
	for _, h := range hashes {
		h ^= h >> 16
		f[h>>6&(1<<10-1)] |= 1 << (h & 63)
	}
	return f
}
