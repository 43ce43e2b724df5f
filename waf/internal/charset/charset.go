// Package charset sorts the 256 bytes into at most 64 classes, so that one pass over a
// value gives a word that tells which bytes it has. Most rules and most transformations
// need some byte that a benign value lacks; comparing two words proves it.
//
// A class may have several bytes; answers err on the side of "may be there". A Set names
// bytes exactly, a Mask names classes; Cover leads from one to the other. It knows
// nothing of encodings of text: character sets of bodies are in package body.
//
// Masks are meant for one process: the numbers of classes may change with any version and
// are not to be stored. All functions are safe for use by several goroutines.
package charset

// Set is a set of bytes, one bit each. The zero value is empty. It is a value: methods
// other than Add and AddRange leave it as it is, and == compares sets.
type Set [4]uint64

// Add puts b into s.
func (s *Set) Add(b byte) { s[b>>6] |= 1 << (b & 63) }

// AddRange puts lo to hi, both included, into s. It adds nothing if lo is greater.
func (s *Set) AddRange(lo, hi byte) {
	// A byte would wrap around at 255 and never be greater than hi.
	for b := int(lo); b <= int(hi); b++ {
		s.Add(byte(b))
	}
}

// Has reports whether b is in s.
func (s *Set) Has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

// Of returns the set of the bytes of str, each byte of a rune beyond ASCII included.
func Of(str string) Set {
	var s Set
	for i := range len(str) {
		s.Add(str[i])
	}
	return s
}

// Not returns the bytes that are not in s.
func (s Set) Not() Set {
	for i := range s {
		s[i] = ^s[i]
	}
	return s
}

// Or returns the bytes that are in s or o.
func (s Set) Or(o Set) Set {
	for i := range s {
		s[i] |= o[i]
	}
	return s
}

// Mask is a set of classes. The zero value has none: that of the empty value.
type Mask uint64

const (
	// Fold are the classes of bytes with which U+017F and U+212A start in UTF-8 (C5 BF
	// and E2 84 AA). These two runes, the long s and the sign of Kelvin, are equal to s
	// and k when case is ignored, as package regexp does for (?i): a value that has them
	// may match a word of ASCII without having its letters.
	Fold Mask = 1<<classC5 | 1<<classE2
	// Upper are the letters A to Z, Lower a to z. A change of case takes one to the
	// other.
	Upper Mask = 1<<classUpperHex | 1<<classUpper
	Lower Mask = 1<<classLowerHex | 1<<classLower
	// Digits are 0 to 9.
	Digits Mask = 1<<classOctal | 1<<classDigit
	// High are all bytes from 0x80. A value without them is ASCII, where a byte is a
	// character and case has two forms.
	High Mask = 1<<classHigh | 1<<classC5 | 1<<classE2 | 1<<classNEL | 1<<classNBSP | 1<<classC2
)

const (
	// Digits and letters are cut where bases end, since escapes are asked for by them:
	// octal digits, decimal ones, and letters of hexadecimal numbers.
	classOctal = iota
	classDigit
	classUpperHex
	classUpper
	classLowerHex
	classLower
	// Control characters that no rule asks for by themselves.
	classControl
	// What is white space differs among the transformations, so most of it has classes of
	// its own.
	classNUL
	classTab
	classLF
	classCR
	classVTFF
	classSpace
	classDEL
	// NEL (0x85) and NBSP (0xA0) are white space in Latin-1, which ModSecurity's
	// transformations take away; C2 is the byte before either in UTF-8.
	classNEL
	classNBSP
	classC2
	classC5
	classE2
	classHigh
	// The first of 32: each printable character of ASCII that is neither letter, digit
	// nor blank has a class of its own, as these are what tells an attack from a word.
	classPunct
)

// bit has the class of each byte as a mask with one bit.
var bit = buildBits()

// buildBits gives each byte its class. Bytes that rules ask for by themselves have a
// class of their own, the others share one. Every byte has exactly one, of 52 in all, so
// a mask has room for twelve more.
func buildBits() (t [256]Mask) {
	punct := classPunct
	for i := range t {
		b := byte(i)
		c := 0
		switch {
		case b >= '0' && b <= '7':
			c = classOctal
		case b == '8' || b == '9':
			c = classDigit
		case b >= 'A' && b <= 'F':
			c = classUpperHex
		case b >= 'G' && b <= 'Z':
			c = classUpper
		case b >= 'a' && b <= 'f':
			c = classLowerHex
		case b >= 'g' && b <= 'z':
			c = classLower
		case b == 0:
			c = classNUL
		case b == '\t':
			c = classTab
		case b == '\n':
			c = classLF
		case b == '\r':
			c = classCR
		case b == '\v' || b == '\f':
			c = classVTFF
		case b == ' ':
			c = classSpace
		case b == 0x7f:
			c = classDEL
		case b < ' ':
			c = classControl
		case b == 0x85:
			c = classNEL
		case b == 0xA0:
			c = classNBSP
		case b == 0xC2:
			c = classC2
		case b == 0xC5:
			c = classC5
		case b == 0xE2:
			c = classE2
		case b >= 0x80:
			c = classHigh
		default:
			c = punct
			punct++
		}
		t[i] = 1 << c
	}
	return t
}

// MaskOf returns the classes of the bytes of s in one pass: a look-up in a table of 2 KiB
// for each byte, without a branch on what the byte is. It does not allocate.
func MaskOf(s string) Mask {
	// Four words instead of one: an OR need not wait for the one before, so the processor
	// does several look-ups at a time.
	var a, b, c, d Mask
	for len(s) >= 4 {
		a |= bit[s[0]]
		b |= bit[s[1]]
		c |= bit[s[2]]
		d |= bit[s[3]]
		s = s[4:]
	}
	for i := range len(s) {
		a |= bit[s[i]]
	}
	return a | b | c | d
}

// Cover returns the classes that have a byte of s. If MaskOf(v)&Cover(s) is zero, then v
// has no byte of s. The reverse does not hold: a class may have bytes beside those of s.
// It is made for tables, not for each value.
func Cover(s Set) Mask {
	var m Mask
	for i := range 256 {
		if s.Has(byte(i)) {
			m |= bit[i]
		}
	}
	return m
}
