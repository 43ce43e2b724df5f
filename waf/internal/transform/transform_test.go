package transform

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/charset"
)

// oracle transforms with Coraza: a rule that always matches shows what it saw.
func oracle(t testing.TB) func(name, s string) string {
	var b strings.Builder
	b.WriteString("SecRuleEngine On\n")
	for i, tr := range all {
		if tr.Name == "sqlHexDecode" {
			continue // Coraza does not have it
		}
		fmt.Fprintf(&b, "SecRule REQUEST_HEADERS:x \"@unconditionalMatch\" \"id:%d,phase:1,pass,log,t:%s,msg:'%s'\"\n", i+1, tr.Name, tr.Name)
	}
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	last, results := "", map[string]string{}
	return func(name, s string) string {
		if len(results) == 0 || last != s {
			tx := w.NewTransaction()
			tx.AddRequestHeader("x", s)
			tx.ProcessRequestHeaders()
			last, results = s, map[string]string{}
			for _, m := range tx.MatchedRules() {
				results[m.Message()] = strings.Clone(m.MatchedDatas()[0].Value())
			}
			_ = tx.Close()
		}
		return results[name]
	}
}

// compare checks all transformations on one value: equal to the oracle's, and the
// value itself where Needs says that nothing can change.
func compare(t *testing.T, want func(name, s string) string, s string) {
	var a arena.Arena
	for _, tr := range all {
		got := tr.Apply(&a, s)
		if !tr.Always && charset.MaskOf(s)&charset.Cover(tr.Needs) == 0 && got != s {
			t.Errorf("%s changed %q to %q, which has no byte of Needs", tr.Name, s, got)
		}
		if tr.Bound != nil && tr.Bound(s) < len(got) {
			t.Errorf("%s(%q) has %d bytes, the bound is %d", tr.Name, s, len(got), tr.Bound(s))
		}
		if tr.CaseOnly && charset.MaskOf(s)&charset.High == 0 && !strings.EqualFold(got, s) {
			t.Errorf("%s(%q) = %q is more than a change of case", tr.Name, s, got)
		}
		if tr.Name == "sqlHexDecode" {
			continue
		}
		w := want(tr.Name, s)
		if w == "//" && got == "/" && strings.HasPrefix(tr.Name, "normali") {
			continue // Coraza doubles the slash of the root, ModSecurity does not
		}
		if got != w {
			t.Errorf("%s(%q) = %q, want %q", tr.Name, s, got, w)
		}
	}
}

var samples = []string{
	"", "a", "hello world", "Hello  World", "a/./b/../c//", "./", ".", "..", "/", "a\\b\\..\\c.txt::$DATA", "c:\\x\\y. .\\z ", "a/.. /b:c/",
	"%41%u0041%uff41%zz%", "a+b%2", "%u00", "\\u0041\\x41\\101\\777\\400\\n\\q\\", "\\u{41}\\u{0ff41}\\u{}\\u{1234567}", "\\", "\\u{",
	"\\41 \\000041x\\0\\ff21\n\\\n\\d800", "&lt;&#60;&#x3c;&amp;lt&nbsp;&notit;&", "/*a*/b--c#d", "a/*b", "x<!--y-->z", "a*/b/*c*/d", "--", "a#b", "/**/--", "/*x*/",
	"a\x00b\x00", "\u00a0 \u0085x\xa0y", "é\xe9Ünïcödé ſK", "QUJD", "QUJ", "Q U-_J=D", "414243", "41424", "0x4142 0X43zz 0x4", "C:\\\"W'in^dows ,;/ (x", "  trim \t",
	"\xff\xfe", "\u2126\u2019", "SELECT/**/1", "a ( b", " /", ",,;;  (", "\t\n\v\f\r",
}

func TestTransformationsDoWhatTheOracleDoes(t *testing.T) {
	want := oracle(t)
	for _, s := range samples {
		compare(t, want, s)
	}
}

func TestSQLHexDecode(t *testing.T) {
	var a arena.Arena
	for in, want := range map[string]string{"0x414243": "ABC", "x=0X41 or 0x4": "x=A or 0x4", "0x414": "A4", "0xzz": "0xzz", "": ""} {
		if got := sqlHexDecode(&a, in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestNothingToDoIsNoCopy(t *testing.T) {
	var a arena.Arena
	s := "plain-text_without_anything"
	for _, tr := range all {
		if tr.Always || tr.Name == "urlEncode" || tr.Name == "uppercase" {
			continue
		}
		if n := testing.AllocsPerRun(10, func() { tr.Apply(&a, s) }); n != 0 || a.Held() != 0 {
			t.Errorf("%s took memory for a value that it does not change", tr.Name)
		}
	}
}

func FuzzAgainstOracle(f *testing.F) {
	for _, s := range samples {
		f.Add(s)
	}
	want := oracle(f)
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) && strings.ContainsAny(s, "\x00") {
			return
		}
		compare(t, want, s)
	})
}

func BenchmarkBenign(b *testing.B) {
	var a arena.Arena
	s := "question window number weather"
	for _, tr := range all {
		if tr.Always {
			continue
		}
		b.Run(tr.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tr.Apply(&a, s)
				a.Reset()
			}
		})
	}
}

// TestEffectsHold holds what Effect says against what transformations make of random
// values: no byte that the value lacks, but for those named, and no more than a change
// of case where nothing is rewritten.
func TestEffectsHold(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	const alphabet = "aAkKzZ09_ .,/:+-%&;\\\"'^(*<!#=\t\n\v\x00\x7f\x85\xa0\xc2\xe2\xff"
	changed := map[string]bool{}
	for _, tr := range all {
		e := tr.Effect
		if e == nil {
			continue
		}
		for range 20_000 {
			b := make([]byte, rnd.IntN(16))
			for i := range b {
				b[i] = alphabet[rnd.IntN(len(alphabet))]
			}
			s := string(b)
			mask := charset.MaskOf(s)
			if mask&e.Unless != 0 {
				continue
			}
			var a arena.Arena
			got := tr.Apply(&a, s)
			changed[tr.Name] = changed[tr.Name] || got != s
			may := mask | e.Adds
			if e.Lower && mask&charset.Upper != 0 {
				may |= charset.Lower
			}
			if e.Upper && mask&charset.Lower != 0 {
				may |= charset.Upper
			}
			if extra := charset.MaskOf(got) &^ may; extra != 0 {
				t.Fatalf("%s makes %q of %q, which has none of the classes %x", tr.Name, got, s, extra)
			}
			onlyCase := !e.Rewrites && (e.OnlyCase == nil || e.OnlyCase(s, mask))
			if onlyCase && !strings.EqualFold(got, s) {
				t.Fatalf("%s makes %q of %q, which is more than a change of case", tr.Name, got, s)
			}
		}
		if !changed[tr.Name] {
			t.Errorf("%s changed no value, so that nothing is shown", tr.Name)
		}
	}
	if len(changed) < 11 {
		t.Errorf("only %d transformations tell their effect", len(changed))
	}
}
