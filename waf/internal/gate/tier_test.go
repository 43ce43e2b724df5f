package gate

import (
	"math/rand/v2"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/transform"
)

// TestTransformationsKeepTheTier holds what findLive relies on: what is made of
// plain text is plain text, except by transformations that open it, and only those
// that grow make more bytes of ASCII.
func TestTransformationsKeepTheTier(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	alphabets := []string{"abzAZ019_x", "abzAZ019_x -.,/:+", "aA0x/*<!->#\\&;=%+ \x00'\"u{}QJ\n"}
	for _, tr := range transform.All() {
		for range 4000 {
			var a arena.Arena
			tier := rnd.IntN(len(alphabets))
			b := make([]byte, rnd.IntN(20))
			for i := range b {
				b[i] = alphabets[tier][rnd.IntN(len(alphabets[tier]))]
			}
			s := string(b)
			out := tr.Apply(&a, s)
			if was, is := tierOf(charset.MaskOf(s)), tierOf(charset.MaskOf(out)); is > was && !opens(&tr) {
				t.Fatalf("%s makes %q of %q", tr.Name, out, s)
			}
			if !tr.Grows && asciiBytes(out) > len(s) {
				t.Fatalf("%s makes %d bytes of ASCII of %q", tr.Name, asciiBytes(out), s)
			}
		}
	}
}

func asciiBytes(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] < 0x80 {
			n++
		}
	}
	return n
}
