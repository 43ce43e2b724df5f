package multi

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/bitset"
)

func scan(a *Automaton, s string, groups int) bitset.Set {
	set := bitset.New(groups)
	a.Scan(s, set)
	return set
}

// compare checks the automaton against a search for each word.
func compare(t *testing.T, words []string, s string) {
	t.Helper()
	var w Words
	for i, x := range words {
		w.Add(x, int32(i))
	}
	a := w.Compile()
	found := scan(a, s, len(words))
	for i, x := range words {
		if want := strings.Contains(ascii.ToLower(s), ascii.ToLower(x)); found.Has(int32(i)) != want {
			t.Errorf("%q in %q: got %v, want %v", x, s, !want, want)
		}
	}
}

func TestScanFindsEveryWord(t *testing.T) {
	compare(t, []string{"he", "she", "his", "hers", "e", "HERS"}, "uSHErs")
	compare(t, []string{"a", "aa", "aaa", "b"}, "aa")
	compare(t, []string{"\xff\xfe", "é", "É"}, "x\xff\xfeé")
	compare(t, nil, "abc")
	rnd := rand.New(rand.NewPCG(3, 4))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abAB/"[rnd.IntN(5)]
		}
		return string(b)
	}
	for range 300 {
		var words []string
		for range rnd.IntN(12) + 1 {
			words = append(words, letters(rnd.IntN(5)+1))
		}
		compare(t, words, letters(rnd.IntN(40)))
	}
}

func FuzzScan(f *testing.F) {
	f.Add("he she hers", "ushers")
	f.Fuzz(func(t *testing.T, words, s string) {
		if len(words) > 200 {
			return
		}
		compare(t, strings.Fields(words), s)
	})
}

func BenchmarkScan(b *testing.B) {
	var w Words
	rnd := rand.New(rand.NewPCG(5, 6))
	for i := range 3000 {
		n := rnd.IntN(10) + 3
		x := make([]byte, n)
		for j := range x {
			x[j] = byte('a' + rnd.IntN(26))
		}
		w.Add(string(x), int32(i))
	}
	a := w.Compile()
	set := bitset.New(3000)
	s := strings.Repeat("question window number weather ", 30)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		a.Scan(s, set)
	}
}
