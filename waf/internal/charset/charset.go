// Package charset sorts the 256 bytes into at most 64 classes, so that one pass
// over a value gives a word that tells which bytes it has. Most rules and most
// transformations need some byte that a benign value lacks; comparing two words
// proves it.
//
// A class may have several bytes; answers err on the side of "may be there".
package charset

// Set is a set of bytes.
type Set [4]uint64

// Add puts b into s.
func (s *Set) Add(b byte) { s[b>>6] |= 1 << (b & 63) }

// AddRange puts lo to hi, both included, into s.
func (s *Set) AddRange(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		s.Add(byte(b))
	}
}

// Has reports whether b is in s.
func (s *Set) Has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

// Of returns the set of the bytes of str.
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

// Mask is a set of classes.
type Mask uint64

const (
	// Fold are the classes of bytes with which U+017F and U+212A start. These two
	// runes are equal to s and k when case is ignored.
	Fold Mask = 1<<classC5 | 1<<classE2
	// Upper are the letters A to Z, Lower a to z.
	Upper Mask = 1<<classUpperHex | 1<<classUpper
	Lower Mask = 1<<classLowerHex | 1<<classLower
	// Digits are 0 to 9.
	Digits Mask = 1<<classOctal | 1<<classDigit
	// High are all bytes from 0x80.
	High Mask = 1<<classHigh | 1<<classC5 | 1<<classE2 | 1<<classNEL | 1<<classNBSP | 1<<classC2
)

const (
	classOctal = iota
	classDigit
	classUpperHex
	classUpper
	classLowerHex
	classLower
	classControl
	classNUL
	classTab
	classLF
	classCR
	classVTFF
	classSpace
	classDEL
	classNEL
	classNBSP
	classC2
	classC5
	classE2
	classHigh
	classPunct // the first of 32
)

// bit has the class of each byte as a mask with one bit.
var bit = buildBits()

// buildBits gives each byte its class. Bytes that rules ask for by themselves have a class
// of their own, the others share one.
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

// MaskOf returns the classes of the bytes of s in one pass.
func MaskOf(s string) Mask {
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

// Cover returns the classes that have a byte of s. If MaskOf(v)&Cover(s) is zero,
// then v has no byte of s.
func Cover(s Set) Mask {
	var m Mask
	for i := range 256 {
		if s.Has(byte(i)) {
			m |= bit[i]
		}
	}
	return m
}
