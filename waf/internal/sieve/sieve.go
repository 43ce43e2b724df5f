// Package sieve proves that decoders cannot bring some words to light in a value,
// without running them.
//
// Rules against hidden code remove white space, decode base64, then undo escapes of
// URLs and of JavaScript, and look at what each step leaves. Nearly every value is
// made of the characters of base64, so all would be decoded, to noise. A sieve reads
// the value once, decodes base64 on the fly and follows the words through it with
// one bit for each letter (Shift-And: Baeza-Yates and Gonnet, "A New Approach to Text
// Searching", 1992). What later steps may take away it lets count as there or not;
// where they may make other bytes, it gives up and says that anything is possible.
//
// Its no is final; its yes means no more than that the decoders must run. The rules that need it
// are those of the Core Rule Set against hidden code of Node.js and other languages (934100 and its
// like), which do base64Decode, urlDecodeUni, jsDecode and removeWhitespace in this order
// (transform.DecodeStep). It knows nothing of rules; package gate chooses the words and the nodes.
// Tests compare it with the transformations themselves.
package sieve

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
)

// Sieve looks for words, letters of ASCII in any case. It is immutable. Any number of goroutines
// may ask it; it keeps nothing of the values.
type Sieve struct {
	// step has, for each byte, the letters of words that it is. Of ASCII letters both cases have
	// the same.
	step [256]bits
	// start has the first letter of each word, final the last one.
	start, final bits
}

// bits has a bit for each letter of all words: those that the bytes so far may be up to.
type bits [2]uint64

// maxBits are two machine words, which feed and Spaced keep in registers.
const maxBits = 128

// New returns a sieve for words, nil if there is none: words must be plain ASCII of
// at least four bytes without the bytes that escapes begin with. It keeps nothing of words. It is
// costly and meant for set-up.
func New(words []string) *Sieve {
	lower := make([]string, 0, len(words))
	for _, w := range words {
		w = strings.ToLower(w)
		// Rules with a shorter word are left to the decoders: it would be found in noise too often.
		if len(w) < minCore {
			return nil
		}
		for i := range len(w) {
			// A byte that a later step takes away or makes of others could not be followed: white
			// space is removed, % \ and + begin or are escapes, and beyond ASCII case folds in
			// other ways.
			if c := w[i]; c <= ' ' || c >= 0x7f || c == '%' || c == '\\' || c == '+' {
				return nil
			}
		}
		lower = append(lower, w)
	}
	// Longer cores are rarer in noise, so the longest that fit are taken.
	for n := maxCore; n >= minCore; n-- {
		if list := cores(lower, n); len(strings.Join(list, "")) <= maxBits {
			return build(list)
		}
	}
	return nil
}

// Only a piece of each word is followed, its core, so that all fit into the bits. One of
// fewer than four bytes would be found in noise. Decoded noise is random bytes, of which one in 128
// is a given letter in either case: four letters are at one place in 2^28, six at one in 2^42.
const minCore, maxCore = 4, 6

// cores returns pieces of at most n bytes such that every word has one of them,
// few by greed. This is the greedy solution of a set cover: to find the least number of pieces is
// NP-hard, and one piece more costs a few bits only. Every word has one of the
// pieces, so that a value without any piece has no word.
func cores(words []string, n int) []string {
	// The piece that most words have comes first. Rare ones are preferred, and the choice does
	// not depend on the order of the map, so that equal rules have equal sieves.
	var list []string
	left := append([]string(nil), words...)
	for len(left) > 0 {
		count := map[string]int{}
		for _, w := range left {
			// A piece counts once for each word, however often the word has it.
			seen := map[string]bool{}
			k := min(n, len(w))
			for i := 0; i+k <= len(w); i++ {
				if !seen[w[i:i+k]] {
					seen[w[i:i+k]] = true
					count[w[i:i+k]]++
				}
			}
		}
		best := ""
		for p, n := range count {
			if best == "" || n > count[best] || n == count[best] && rarer(p, best) {
				best = p
			}
		}
		list = append(list, best)
		// In place: what is kept is never more than what was read.
		rest := left[:0]
		for _, w := range left {
			if !strings.Contains(w, best) {
				rest = append(rest, w)
			}
		}
		left = rest
	}
	return list
}

// rarer reports whether benign values have x less often than y.
func rarer(x, y string) bool {
	if a, b := rx.Commonness(x), rx.Commonness(y); a != b {
		return a < b
	}
	return x < y
}

// build makes the masks of Shift-And: step has, for each byte, the letters that it may be. The
// letters of list, in all, fit into maxBits.
func build(list []string) *Sieve {
	// Letters of all pieces in a row: a shift that carries the last letter of one piece into
	// the next is harmless, since every first letter is set anyway (start).
	s := &Sieve{}
	// at is the bit of the letter, counted over all pieces.
	at := 0
	for _, w := range list {
		s.start[at/64] |= 1 << (at % 64)
		for i := range len(w) {
			c := w[i]
			s.step[c][at/64] |= 1 << (at % 64)
			if c-'a' < 26 {
				s.step[c-'a'+'A'][at/64] |= 1 << (at % 64)
			}
			at++
		}
		s.final[(at-1)/64] |= 1 << ((at - 1) % 64)
	}
	return s
}

// removable are the bytes that removing white space may take away: ASCII's and those
// of which Unicode's spaces are made. A rune beyond ASCII that is no white space stays in fact; to
// skip its bytes only lets more pass. Between the characters of base64 that is so as well: a
// decoder stops at such a byte, and what it gave before it is the same.
var removable = func() (t [256]bool) {
	for _, c := range []byte("\t\n\v\f\r ") {
		t[c] = true
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] = true
	}
	return t
}()

// Folds reports whether s has one of the two runes beyond ASCII that equal a letter
// of ASCII when case is ignored. Such a value may spell a word without its letters: the steps are
// those of bytes.
func Folds(s string) bool { return strings.Contains(s, "\u017f") || strings.Contains(s, "\u212a") }

// Spaced reports whether s may have a word once white space is removed. mask has the classes of the
// bytes of text. Its time is linear in text; it does not allocate.
func (s *Sieve) Spaced(text string, mask charset.Mask) bool {
	// The search for the two runes is made only if the value has a byte that begins one.
	if mask&charset.Fold != 0 && Folds(text) {
		return true
	}
	var d0, d1 uint64
	for i := range len(text) {
		c := text[i]
		if removable[c] {
			continue
		}
		m := &s.step[c]
		// One step of Shift-And, on 128 bits: each letter so far moves on to the next one of its
		// word if the byte is that. The carry from the lower word goes into the upper one.
		d0, d1 = (d0<<1|s.start[0])&m[0], (d1<<1|d0>>63|s.start[1])&m[1]
		if d0&s.final[0]|d1&s.final[1] != 0 {
			return true
		}
	}
	return false
}

// Base64 reports whether what base64 decoding makes of text may have a word, or may
// have one after escapes of URLs and of JavaScript are undone and white space is
// removed. With spaced, white space is removed from text before. It decodes as
// transform.base64Decode does: the standard alphabet, CR and LF skipped, up to the first other byte
// or padding; what is left of a last group counts. Its time is linear in text; it does not
// allocate.
func (s *Sieve) Base64(text string, spaced bool) bool {
	// acc has six bits for each of the have characters of the group; older bits are shifted out and
	// never looked at.
	var acc uint32
	have := 0
	var f follower
	f.s = s
	for i := range len(text) {
		c := text[i]
		v := value[c]
		if v == invalid {
			if c == '\r' || c == '\n' || spaced && removable[c] {
				continue
			}
			break
		}
		acc = acc<<6 | uint32(v)
		// Three bytes of a group of four characters (RFC 4648, section 4).
		if have++; have == 4 {
			if f.feed(byte(acc>>16)) || f.feed(byte(acc>>8)) || f.feed(byte(acc)) {
				return true
			}
			acc, have = 0, 0
		}
	}
	// One character alone has six bits and gives no byte. Two give one byte and four bits more,
	// three give two bytes and two bits more.
	switch have {
	case 2:
		return f.feed(byte(acc >> 4))
	case 3:
		return f.feed(byte(acc>>10)) || f.feed(byte(acc>>2))
	}
	return false
}

// follower follows words through decoded bytes.
type follower struct {
	s *Sieve
	// d has the letters that the bytes so far may be up to, with and without the bytes that may go.
	d    bits
	last [2]byte // the bytes before
}

// feed takes a byte and reports whether a word is complete or may become anything. Bytes that a
// later step may remove keep the letters before them alive beside those that they lead on to, so
// that a word is found with and without them.
func (f *follower) feed(c byte) bool {
	s := f.s
	m := &s.step[c]
	d0, d1 := (f.d[0]<<1|s.start[0])&m[0], (f.d[1]<<1|f.d[0]>>63|s.start[1])&m[1]
	if d0&s.final[0]|d1&s.final[1] != 0 {
		return true
	}
	// a is the byte two places before c, b the one just before it.
	a, b := f.last[0], f.last[1]
	f.last[0], f.last[1] = b, c
	// After \n and its like, which become white space and go, the state is that before the letter;
	// the backslash has kept it.
	if fleeting[c] || b == '\\' && spaces[c] {
		d0, d1 = d0|f.d[0], d1|f.d[1]
	}
	f.d[0], f.d[1] = d0, d1
	// Nearly all bytes end here: none of the two before them can begin an escape.
	if !leads[a] && !leads[b] {
		return false
	}
	return b == '\\' && c-'0' < 8 || a == '\\' && (b == 'x' || b == 'u') && (ascii.IsHex(c) || c == '{') || // escapes of JavaScript
		b == '%' && c|0x20 == 'u' || a == '%' && ascii.IsHex(b) && ascii.IsHex(c) || // of URLs
		c == 0xbf && b == 0xc5 || c == 0xaa && a == 0xe2 // perhaps a rune that equals s or k
}

// leads are the bytes that feed looks closer at when they came just before. The last two begin the
// runes that Folds looks for, in UTF-8: C5 BF and E2 84 AA.
var leads = func() (t [256]bool) {
	t['\\'], t['%'], t[0xc5], t[0xe2] = true, true, true, true
	return t
}()

// fleeting are the decoded bytes that later steps may take away: white space, + that
// becomes a space, and backslashes. jsDecode drops the backslash of an escape that it does not
// know.
var fleeting = func() (t [256]bool) {
	t = removable
	t['\\'], t['+'] = true, true
	return t
}()

// spaces are the letters that after a backslash mean white space. \a and \b give control characters
// that stay and are in no word.
var spaces = func() (t [256]bool) {
	for _, c := range []byte("fnrtv") {
		t[c] = true
	}
	return t
}()

// invalid is the value of bytes that are not of the alphabet.
const invalid = 0xff

// value is the number of each character of the standard alphabet of base64. A table, since every
// byte of every argument is looked up in it.
var value = func() (t [256]uint8) {
	for i := range t {
		t[i] = invalid
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	return t
}()
