package program

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// The leftmost, longest phrase is found, in any case, as by trying all of them
// everywhere.
func TestPhrasesAreFoundAsByTryingAll(t *testing.T) {
	lists := [][]string{{"ab", "abc", "b", "Ä"}, {"<script", "<s", "://"}, {"x"}, {"Zz", "zzz"}, {"%00", "\x00a"}}
	r := rand.New(rand.NewPCG(1, 2))
	const alphabet = "aAbBcCxXzZ<sScript:/%0\x00\xc3\xa4\xc3\x84 "
	for _, list := range lists {
		op, err := (&compileContext{phrases: map[string]*phraseOperator{}}).phraseList(list, strings.Join(list, " "))
		if err != nil {
			t.Fatal(err)
		}
		o := op.(*phraseOperator)
		for range 20_000 {
			b := make([]byte, r.IntN(12))
			for i := range b {
				b[i] = alphabet[r.IntN(len(alphabet))]
			}
			s := string(b)
			start, end := o.find(s, 0)
			if ws, we := tryAll(o.phrases, s); start != ws || end != we {
				t.Fatalf("%q in %q: %d-%d, want %d-%d", list, s, start, end, ws, we)
			}
		}
	}
}

func tryAll(phrases []string, s string) (int, int) {
	for i := range len(s) {
		longest := -1
		for _, p := range phrases {
			if strings.HasPrefix(lowerASCII(s[i:]), p) {
				longest = max(longest, len(p))
			}
		}
		if longest >= 0 {
			return i, i + longest
		}
	}
	return -1, -1
}

func BenchmarkPhrasesInAPage(b *testing.B) {
	op, err := (&compileContext{phrases: map[string]*phraseOperator{}}).phraseList([]string{"<title>webshell", "you have an error in your sql syntax", "ora-00001"}, "x")
	if err != nil {
		b.Fatal(err)
	}
	o := op.(*phraseOperator)
	page := strings.Repeat("<p>All is well in the summer shop today.</p>\n", 23)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		o.find(page, 0)
	}
}
