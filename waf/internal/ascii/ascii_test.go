package ascii

import (
	"strings"
	"testing"
)

func TestClassesOfBytes(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		if got, want := IsHex(c), strings.IndexByte("0123456789abcdefABCDEF", c) >= 0; got != want {
			t.Errorf("IsHex(%q) = %v", c, got)
		}
		if got, want := IsDigit(c), c >= '0' && c <= '9'; got != want {
			t.Errorf("IsDigit(%q) = %v", c, got)
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if got, want := IsWord(c), letter || c >= '0' && c <= '9' || c == '_'; got != want {
			t.Errorf("IsWord(%q) = %v", c, got)
		}
		lower, upper := c, c
		if c >= 'A' && c <= 'Z' {
			lower += 'a' - 'A'
		}
		if c >= 'a' && c <= 'z' {
			upper -= 'a' - 'A'
		}
		if Lower(c) != lower || Upper(c) != upper {
			t.Errorf("%q is %q in lower, %q in upper case", c, Lower(c), Upper(c))
		}
	}
	for i := range 256 {
		if c := byte(i); IsHex(c) != (HexValue(c) < 16) {
			t.Errorf("HexValue(%q) = %d", c, HexValue(c))
		}
	}
	for i, c := range []byte("0123456789abcdef") {
		if HexValue(c) != byte(i) || HexValue(Upper(c)) != byte(i) {
			t.Errorf("HexValue(%q) = %d", c, HexValue(c))
		}
	}
}

func TestFoldingKeepsTheLength(t *testing.T) {
	for s, want := range map[string]string{"": "", "abc_1": "abc_1", "aBC": "abc", "\u212aA\xff": "\u212aa\xff"} {
		if got := ToLower(s); got != want {
			t.Errorf("ToLower(%q) = %q", s, got)
		}
	}
	if !EqualFold("uNioN", "union") || EqualFold("unioN1", "union2") || EqualFold("\u212a", "kkk") {
		t.Error("EqualFold")
	}
}
