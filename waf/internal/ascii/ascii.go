// Package ascii classifies and folds single bytes of ASCII.
//
// The engine compares words of rules with bytes of requests in any case of ASCII
// letters and in no other: strings.ToLower would turn the Kelvin sign into k and
// thereby change the length of a value. Bytes from 0x80 on are never letters here.
package ascii

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return c-'0' < 10 }

// IsHex reports whether c is a hexadecimal digit, in either case.
func IsHex(c byte) bool { return c-'0' < 10 || (c|0x20)-'a' < 6 }

// HexValue returns the value of a hexadecimal digit, in either case, and more than 15
// for any other byte.
func HexValue(c byte) byte {
	switch {
	case c-'0' < 10:
		return c - '0'
	case (c|0x20)-'a' < 6:
		return (c | 0x20) - 'a' + 10
	}
	return 0xff
}

// IsWord reports whether c is a letter, a digit or an underscore: \w of RE2.
func IsWord(c byte) bool { return word[c] }

// word is a table since guards ask for every byte of every argument.
var word = func() (t [256]bool) {
	for i := range t {
		c := byte(i)
		t[i] = c-'a' < 26 || c-'A' < 26 || c-'0' < 10 || c == '_'
	}
	return t
}()

// Lower returns c in lower case if it is an upper-case letter, else c.
func Lower(c byte) byte {
	if c-'A' < 26 {
		c += 'a' - 'A'
	}
	return c
}

// Upper returns c in upper case if it is a lower-case letter, else c.
func Upper(c byte) byte {
	if c-'a' < 26 {
		c -= 'a' - 'A'
	}
	return c
}

// ToLower returns s with upper-case letters in lower case. The result has the length
// of s, which holds for invalid UTF-8 as well.
func ToLower(s string) string {
	for i := range len(s) {
		if s[i]-'A' < 26 {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = Lower(b[i])
			}
			return string(b)
		}
	}
	return s
}

// EqualFold reports whether s equals lower in any case of its letters. lower has no
// upper-case letters and the length of s.
func EqualFold(s, lower string) bool {
	for i := range len(s) {
		if Lower(s[i]) != lower[i] {
			return false
		}
	}
	return true
}
