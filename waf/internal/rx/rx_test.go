package rx

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/seclang"
)

// crsPatterns returns every pattern of the Core Rule Set.
func crsPatterns(t testing.TB) []string {
	var list []string
	names, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		text, err := fs.ReadFile(coreruleset.FS, n)
		if err != nil {
			t.Fatal(err)
		}
		ds, err := seclang.Parse(n, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			if d.Rule != nil && d.Rule.Operator.Name == "rx" {
				list = append(list, d.Rule.Operator.Arg)
			}
		}
	}
	return list
}

// tiers are the sets of absent bytes that tests ask for.
var tiers = buildTiers()

func buildTiers() []charset.Set {
	var word, plain charset.Set
	word.AddRange('a', 'z')
	word.AddRange('A', 'Z')
	word.AddRange('0', '9')
	word.Add('_')
	plain = word.Or(charset.Of(" -.,/:+"))
	return []charset.Set{{}, plain.Not(), word.Not()}
}

// satisfies is the plain meaning of Need, to check the filter with.
func satisfies(n Need, s string) bool {
	if strings.Contains(s, "\u017f") || strings.Contains(s, "\u212a") {
		return true
	}
	lower := []byte(s)
	for i, c := range lower {
		if c-'A' < 26 {
			lower[i] = c + 'a' - 'A'
		}
	}
	for _, words := range n.Words {
		found := false
		for _, w := range words {
			found = found || strings.Contains(string(lower), w)
		}
		if !found {
			return false
		}
	}
	m := charset.MaskOf(s)
	for _, b := range n.Bytes {
		if m&b == 0 {
			return false
		}
	}
	return true
}

type needKey struct {
	re   *Regexp
	tier int
}

var needs = map[needKey]Need{} // of patterns in tests, which run one by one

func check(t *testing.T, r *Regexp, s string) {
	t.Helper()
	want := r.MatchPrecisely(s)
	if got := r.Match(s); got != want {
		t.Errorf("%q on %q: got %v, want %v", r, s, got, want)
	}
	for i, absent := range tiers {
		if charset.MaskOf(s)&charset.Cover(absent) != 0 {
			continue
		}
		need, ok := needs[needKey{r, i}]
		if !ok {
			need = r.Need(absent)
			needs[needKey{r, i}] = need
		}
		if want && (need.Never || !satisfies(need, s)) {
			t.Errorf("%q matches %q, which lacks what it needs in tier %d: %v", r, s, i, need)
		}
	}
	loc := r.Find(s)
	if (loc != nil) != want {
		t.Errorf("%q on %q: Find says %v", r, s, loc)
	}
	if !r.binary && !slices.Equal(loc, r.compiled().FindStringSubmatchIndex(s)) {
		t.Errorf("%q on %q: Find says %v", r, s, loc)
	}
}

var patterns = []string{
	`^.*$`, `.*`, `^.*`,
	`a`, `^a$`, `^$`, ``, `a|b`, `(?i)sk`, `\bor\b`, `\Bor\B`, `[^a]`, `[^\x21-\x7E]`, `.`, `a.c`, `^a.b$`, `(a+)+$`, `x{2,4}y`, `(?i)select.*?from`,
	`[^\xbe]\xbc`, `\xbc[^\xbe>]*[\xbe>]|<[^\xbe]*\xbe`, `é+`, `(?i)É`, `[à-ü]x`, `\w+\s*=`, `(?:a|b|)c`, `\Aab`, `ab\z`, `(?-m)^ab$`, `[\s\x0b]+x`,
	`(?i)(?:union|select)[^a]{3}x`, `\d{1,3}`, `(?i)k[s]t`, `a\b`, `\b`, `\B`, `^\s*$`, `(?i)[k-s]+!`, `\x{212a}`, `(foo|bar)+baz|q`,
}

var values = []string{
	"", "a", "b", "abc", "ab", "A", "or", "color", "a or b", "or\n", "x\na\ny", "\n", "aaaaaaaab", "xxy", "xxxxxy", "SELECT a FROM b", "é", "\xe9", "\xc3", "É",
	"\xbc\x41\xbe", "<\xbe", "\u017fk", "s\u212a", "unionéééx", "union\xff\xff\xffx", "foobarbaz", "q", " \v x", "12", "k\u017ft!", "\u212a", "ab\n", "\nab", "a=b", "_a b_", "üx",
}

func TestMatchAgreesWithPackageRegexp(t *testing.T) {
	for _, p := range patterns {
		r, err := Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range values {
			check(t, r, s)
			check(t, r, s+s)
			check(t, r, "x"+s+" ")
		}
	}
}

func TestCoreRuleSetPatternsAgreeOnMutatedText(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		"select", " union ", "'", "\"", "or 1=1", "<script", "on", "=", "(", ")", ";", "|", "cat", "/etc/", "passwd", "..", "/", "\\", "%", "é", "\xff", "\u017f", "\u212a",
		"\n", "\r", "0x41", "--", "/*", "*/", "#", "@@", "`", "$", "{", "}", "[", "]", "&", "javascript:", "data:", "http://", "1", "23", "php", "<?", "exec", "eval", "a", "B", " ", "\t", ":", ",", ".", "-", "_",
	}
	for _, p := range crsPatterns(t) {
		r, err := Compile(p)
		if err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		// A string from the pattern's own words is more likely to come near a match.
		own := regexp.MustCompile(`[a-z0-9_]{2,}|[^\w\s]`).FindAllString(p, 400)
		for range 60 {
			var b strings.Builder
			for range rnd.IntN(8) + 1 {
				if rnd.IntN(2) == 0 && len(own) > 0 {
					b.WriteString(own[rnd.IntN(len(own))])
				} else {
					b.WriteString(pieces[rnd.IntN(len(pieces))])
				}
			}
			check(t, r, b.String())
		}
	}
}

func TestFindInLongValuesLooksAroundTheMatch(t *testing.T) {
	r, err := Compile(`(?i)un(i)on`)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Repeat("x", 5*maxFind) + "UNION" + strings.Repeat("y", 5*maxFind)
	if loc := r.Find(s); !slices.Equal(loc, []int{5 * maxFind, 5*maxFind + 5, 5*maxFind + 2, 5*maxFind + 3}) {
		t.Fatalf("got %v", loc)
	}
	r, err = Compile(`a.*b`) // the match is longer than the window
	if err != nil {
		t.Fatal(err)
	}
	if loc := r.Find("a" + s + "b"); loc == nil {
		t.Fatal("a match vanished")
	}
}

func TestSeveralGoroutinesShareOnePattern(t *testing.T) {
	r, err := Compile(`(?i)(?:a|b|c){3,}[^x]*x\b`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for range 300 {
				b := make([]byte, rnd.IntN(40))
				for i := range b {
					b[i] = "abcxyz \n"[rnd.IntN(8)]
				}
				if s := string(b); r.Match(s) != r.MatchPrecisely(s) {
					t.Errorf("%q", s)
				}
			}
		})
	}
	wg.Wait()
}

func TestMemoryIsBoundedOnHostilePatterns(t *testing.T) {
	r, err := Compile(`(?:a|b)*a(?:a|b){14}c`) // 2^14 states
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 200_000)
	for i := range b {
		b[i] = "ab"[rnd.IntN(2)]
	}
	if r.Match(string(b)) {
		t.Fatal("no c, no match")
	}
	if c := r.dfa.cache.Load(); c.bytes > 2*maxBytes {
		t.Fatalf("%d bytes of states", c.bytes)
	}
}

func FuzzMatch(f *testing.F) {
	for i, p := range patterns {
		f.Add(p, values[i%len(values)])
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 100 || strings.Contains(p, "{") && len(p) > 40 {
			return
		}
		r, err := Compile(p)
		if err != nil {
			return
		}
		check(t, r, s)
	})
}

func TestReport(t *testing.T) {
	if !testing.Verbose() {
		t.Skip("a report on the conditions of the rule set's patterns; run with -v")
	}
	weak := 0
	for _, p := range crsPatterns(t) {
		r, err := Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Need(tiers[1]); len(n.Words) == 0 && !n.Never {
			weak++
			short := p
			if len(short) > 100 {
				short = short[:100]
			}
			fmt.Printf("no words, %d byte conditions: %s\n", len(r.Need(tiers[1]).Bytes), short)
		}
	}
	fmt.Println("without words:", weak)
}

func BenchmarkMatch(b *testing.B) {
	s := strings.Repeat("question window number weather ", 4)
	for _, p := range []string{`(?i)\bselect\b.*\bfrom\b`, `[\n\r;` + "`" + `\{]`} {
		r, err := Compile(p)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(p, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				r.Match(s)
			}
		})
	}
}
