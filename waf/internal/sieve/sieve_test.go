package sieve

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/transform"
)

var words = []string{"eval(", "process[", "child_process", "__js_function", "_$$nd_func$$_", "while"}

func apply(t testing.TB, s string, names ...string) string {
	t.Helper()
	var a arena.Arena
	for _, name := range names {
		tr, ok := transform.Find(name)
		if !ok {
			t.Fatalf("there is no transformation %s", name)
		}
		s = strings.Clone(tr.Apply(&a, s))
	}
	return s
}

// hasWord is what the sieve must not miss: a word in any case, ſ and K included.
func hasWord(s string) bool {
	s = strings.ToLower(strings.ReplaceAll(s, "\u017f", "s"))
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// chains are the ways that follow base64Decode.
var chains = [][]string{
	{},
	{"urlDecodeUni"},
	{"urlDecodeUni", "jsDecode"},
	{"urlDecodeUni", "jsDecode", "removeWhitespace"},
	{"urlDecodeUni", "jsDecode", "replaceComments"},
	{"removeWhitespace"},
}

// check fails if the sieve misses a word.
func check(t *testing.T, s *Sieve, text string) {
	t.Helper()
	if hasWord(apply(t, text, "removeWhitespace")) && !s.Spaced(text, charset.MaskOf(text)) {
		t.Errorf("Spaced misses a word in %q", text)
	}
	for _, c := range chains {
		if hasWord(apply(t, text, append([]string{"base64Decode"}, c...)...)) && !s.Base64(text, false) {
			t.Errorf("Base64 misses a word that %v finds in %q", c, text)
		}
		if hasWord(apply(t, text, append([]string{"removeWhitespace", "base64Decode"}, c...)...)) && !s.Base64(text, true) {
			t.Errorf("Base64 with spaces misses a word that %v finds in %q", c, text)
		}
	}
}

// disguise hides some letters of a word in the ways that decoders undo.
func disguise(rnd *rand.Rand, word string) string {
	var b strings.Builder
	const hex = "0123456789abcdef"
	for i := range len(word) {
		c := word[i]
		switch rnd.IntN(14) {
		case 0:
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		case 1:
			b.WriteString(`\x` + string(hex[c>>4]) + string(hex[c&15]))
		case 2:
			b.WriteString("%u00" + string(hex[c>>4]) + string(hex[c&15]))
		case 3:
			b.WriteString(`\` + string(c))
		case 4:
			b.WriteString("+" + string(c))
		case 5:
			b.WriteString(" \t" + string(c))
		case 6:
			b.WriteString("\u00a0" + strings.ToUpper(string(c)))
		case 7:
			b.WriteString("%5cx" + string(hex[c>>4]) + string(hex[c&15]))
		case 8:
			b.WriteString(strings.NewReplacer("s", "\u017f", "k", "\u212a").Replace(string(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func TestTheSieveMissesNoWord(t *testing.T) {
	s := New(words)
	if s == nil {
		t.Fatal("the words do not fit")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 40000 {
		noise := make([]byte, rnd.IntN(9))
		for i := range noise {
			noise[i] = byte(rnd.IntN(256))
		}
		hidden := string(noise) + disguise(rnd, words[rnd.IntN(len(words))]) + string(noise)
		if rnd.IntN(4) == 0 {
			check(t, s, hidden)
		}
		coded := base64.StdEncoding.EncodeToString([]byte(hidden))
		if rnd.IntN(2) == 0 {
			i := rnd.IntN(len(coded))
			coded = coded[:i] + []string{" ", "\r\n", "\u2003", "\u00a0"}[rnd.IntN(4)] + coded[i:]
		}
		if hasWord(apply(t, coded, "removeWhitespace", "base64Decode", "urlDecodeUni", "jsDecode", "removeWhitespace")) {
			found++
		}
		check(t, s, coded)
	}
	if found < 5000 {
		t.Errorf("only %d values had a word in the end; the test tries too little", found)
	}
}

func TestProseIsSifted(t *testing.T) {
	s := New(words)
	for _, text := range []string{
		"Please leave the parcel with the neighbour on the second floor", strings.Repeat("QmVzdCB3aXNoZXMgZnJvbSB0aGUga2l0Y2hlbiBnYXJkZW4g", 20), "4111111111111111",
	} {
		if s.Spaced(text, charset.MaskOf(text)) || s.Base64(text, true) {
			t.Errorf("the sieve lets %q pass", text)
		}
	}
}

func TestWordsThatCannotBeFollowed(t *testing.T) {
	for _, list := range [][]string{{"abc"}, {"with space"}, {`back\slash`}, {"100%sure"}, {"caf\u00e9s"}} {
		if New(list) != nil {
			t.Errorf("there is a sieve for %q", list)
		}
	}
}

func FuzzSieve(f *testing.F) {
	f.Add("ZXZhbCg=", "eval(")
	f.Add("cHJvY2Vzc1s", "pro cess[")
	s := New(words)
	f.Fuzz(func(t *testing.T, coded, plain string) {
		check(t, s, coded)
		check(t, s, base64.StdEncoding.EncodeToString([]byte(plain)))
		check(t, s, plain)
	})
}

func BenchmarkBase64(b *testing.B) {
	s := New(words)
	text := strings.Repeat("leavetheparcelwiththeneighbour", 8)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if s.Base64(text, true) {
			b.Fatal("found a word")
		}
	}
}
