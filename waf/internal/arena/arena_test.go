package arena

import (
	"strings"
	"testing"
)

func TestStringsStayApart(t *testing.T) {
	var a Arena
	var got []string
	for i := range 2000 {
		got = append(got, a.Copy(strings.Repeat(string(rune('a'+i%26)), i%300)))
		b := a.Alloc(100)
		copy(b, "xyz")
		got = append(got, a.Shrink(b, 3))
	}
	for i := range 2000 {
		if want := strings.Repeat(string(rune('a'+i%26)), i%300); got[2*i] != want || got[2*i+1] != "xyz" {
			t.Fatalf("%d: %q %q", i, got[2*i], got[2*i+1])
		}
	}
	if s := a.Concat("a", "", "bc"); s != "abc" {
		t.Fatal(s)
	}
}

func TestResetReturnsWhatOneLargeBodyTook(t *testing.T) {
	var a Arena
	a.Alloc(10 << 20)
	a.Reset()
	if a.Held() > keep {
		t.Fatalf("holds %d bytes", a.Held())
	}
}
