package run

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/ascii"
)

func TestPhrasesAreFoundLeftmostLongest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 3))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abAB/\xff"[rnd.IntN(6)]
		}
		return string(b)
	}
	for i := range 500 {
		var list []string
		for range rnd.IntN(6) + 1 {
			list = append(list, letters(rnd.IntN(4)+1))
		}
		op, err := NewPhrases(string(rune('a'+i)), list)
		if err != nil {
			t.Fatal(err)
		}
		s := letters(rnd.IntN(30))
		start, end := op.(*phraseOperator).find(s, 0)
		wantStart, wantEnd := -1, -1
		for at := 0; at < len(s) && wantStart < 0; at++ {
			for _, p := range list {
				p = ascii.ToLower(strings.ToLower(p))
				if strings.HasPrefix(ascii.ToLower(s[at:]), p) && at+len(p) > wantEnd {
					wantStart, wantEnd = at, at+len(p)
				}
			}
		}
		if start != wantStart || end != wantEnd {
			t.Fatalf("%q in %q: got %d %d, want %d %d", list, s, start, end, wantStart, wantEnd)
		}
	}
}

func TestByteRangesAreChecked(t *testing.T) {
	for _, bad := range []string{"", "x", "1-300", "9-1", "-1"} {
		if _, err := NewByteRange(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	op, err := NewByteRange("9,10,32-126")
	if err != nil {
		t.Fatal(err)
	}
	if start, _ := op.(locator).locate("ab\x00c"); start != 2 {
		t.Errorf("found at %d", start)
	}
}

func TestCardNumbers(t *testing.T) {
	for s, want := range map[string]bool{"4111 1111 1111 1111": true, "4111111111111112": false, "": false} {
		if got := luhn(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
