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
package sieve

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
)

// Sieve looks for words, letters of ASCII in any case. It is immutable.
type Sieve struct {
	step         [256]bits
	start, final bits
}

// bits has a bit for each letter of all words: those that the bytes so far may be up to.
type bits [2]uint64

const maxBits = 128

// New returns a sieve for words, nil if there is none: words must be plain ASCII of
// at least four bytes without the bytes that escapes begin with.
func New(words []string) *Sieve {
	lower := make([]string, 0, len(words))
	for _, w := range words {
		w = strings.ToLower(w)
		if len(w) < minCore {
			return nil
		}
		for i := range len(w) {
			if c := w[i]; c <= ' ' || c >= 0x7f || c == '%' || c == '\\' || c == '+' {
				return nil
			}
		}
		lower = append(lower, w)
	}
	for n := maxCore; n >= minCore; n-- {
		if list := cores(lower, n); len(strings.Join(list, "")) <= maxBits {
			return build(list)
		}
	}
	return nil
}

// Only a piece of each word is followed, its core, so that all fit into the bits. One of
// fewer than four bytes would be found in noise.
const minCore, maxCore = 4, 6

// cores returns pieces of at most n bytes such that every word has one of them,
// few by greed.
func cores(words []string, n int) []string {
	// The piece that most words have comes first. Rare ones are preferred, and the choice does
	// not depend on the order of the map, so that equal rules have equal sieves.
	var list []string
	left := append([]string(nil), words...)
	for len(left) > 0 {
		count := map[string]int{}
		for _, w := range left {
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

// build makes the masks of Shift-And: step has, for each byte, the letters that it may be.
func build(list []string) *Sieve {
	// Letters of all pieces in a row: a shift that carries the last letter of one piece into
	// the next is harmless, since every first letter is set anyway (start).
	s := &Sieve{}
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
// of which Unicode's spaces are made.
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
// of ASCII when case is ignored.
func Folds(s string) bool { return strings.Contains(s, "\u017f") || strings.Contains(s, "\u212a") }

// Spaced reports whether s may have a word once white space is removed.
func (s *Sieve) Spaced(text string, mask charset.Mask) bool {
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
		d0, d1 = (d0<<1|s.start[0])&m[0], (d1<<1|d0>>63|s.start[1])&m[1]
		if d0&s.final[0]|d1&s.final[1] != 0 {
			return true
		}
	}
	return false
}

// Base64 reports whether what base64 decoding makes of text may have a word, or may
// have one after escapes of URLs and of JavaScript are undone and white space is
// removed. With spaced, white space is removed from text before.
func (s *Sieve) Base64(text string, spaced bool) bool {
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
		if have++; have == 4 {
			if f.feed(byte(acc>>16)) || f.feed(byte(acc>>8)) || f.feed(byte(acc)) {
				return true
			}
			acc, have = 0, 0
		}
	}
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
	s    *Sieve
	d    bits
	last [2]byte // the bytes before
}

// feed takes a byte and reports whether a word is complete or may become anything.
func (f *follower) feed(c byte) bool {
	s := f.s
	m := &s.step[c]
	d0, d1 := (f.d[0]<<1|s.start[0])&m[0], (f.d[1]<<1|f.d[0]>>63|s.start[1])&m[1]
	if d0&s.final[0]|d1&s.final[1] != 0 {
		return true
	}
	a, b := f.last[0], f.last[1]
	f.last[0], f.last[1] = b, c
	if fleeting[c] || b == '\\' && spaces[c] {
		d0, d1 = d0|f.d[0], d1|f.d[1]
	}
	f.d[0], f.d[1] = d0, d1
	if !leads[a] && !leads[b] {
		return false
	}
	return b == '\\' && c-'0' < 8 || a == '\\' && (b == 'x' || b == 'u') && (ascii.IsHex(c) || c == '{') || // escapes of JavaScript
		b == '%' && c|0x20 == 'u' || a == '%' && ascii.IsHex(b) && ascii.IsHex(c) || // of URLs
		c == 0xbf && b == 0xc5 || c == 0xaa && a == 0xe2 // perhaps a rune that equals s or k
}

// leads are the bytes that feed looks closer at when they came just before.
var leads = func() (t [256]bool) {
	t['\\'], t['%'], t[0xc5], t[0xe2] = true, true, true, true
	return t
}()

// fleeting are the decoded bytes that later steps may take away: white space, + that
// becomes a space, and backslashes.
var fleeting = func() (t [256]bool) {
	t = removable
	t['\\'], t['+'] = true, true
	return t
}()

// spaces are the letters that after a backslash mean white space.
var spaces = func() (t [256]bool) {
	for _, c := range []byte("fnrtv") {
		t[c] = true
	}
	return t
}()

// invalid is the value of bytes that are not of the alphabet.
const invalid = 0xff

// value is the number of each character of the standard alphabet of base64.
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
