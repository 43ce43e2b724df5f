package program

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/libinjection-go"
)

var update = flag.Bool("update", false, "write sqliwords.go again")

// keywordTable reads the words and fingerprints of libinjection's table from its
// source, since the package does not export them.
func keywordTable(t *testing.T) (words, fingerprints []string) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/corazawaf/libinjection-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "sqli_data.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s*"((?:[^"\\]|\\.)*)":\s*'(.)',`).FindAllStringSubmatch(string(text), -1) {
		if m[2] == "F" {
			fingerprints = append(fingerprints, strings.ReplaceAll(m[1], `\\`, `\`)[1:])
			continue
		}
		for _, w := range regexp.MustCompile(`[A-Z0-9_]+`).FindAllString(m[1], -1) {
			if !seen[w] {
				seen[w] = true
				words = append(words, w)
			}
		}
		// Words that merge across a blank are looked up one by one as well.
	}
	slices.Sort(words)
	return words, fingerprints
}

func TestGuardKnowsTheKeywordTable(t *testing.T) {
	words, fingerprints := keywordTable(t)
	if len(words) < 800 || len(fingerprints) < 8000 {
		t.Fatalf("%d words, %d fingerprints", len(words), len(fingerprints))
	}
	for _, f := range fingerprints {
		if strings.Trim(f, "N1O.,:;?") == "" {
			t.Errorf("fingerprint %s is made of what the guard takes for safe", f)
		}
	}
	if *update {
		var b bytes.Buffer
		b.WriteString("package program\n\n// sqliWordHashes are the hashes (wordHash) of the words in the keyword table of\n// libinjection-go v0.3.3. Made by: go test -run GuardKnows -update\nvar sqliWordHashes = []uint32{\n")
		for i, w := range words {
			fmt.Fprintf(&b, "%#08x,", wordHash(w))
			if i%10 == 9 {
				b.WriteByte('\n')
			}
		}
		b.WriteString("\n}\n")
		if err := os.WriteFile("sqliwords.go", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, w := range words {
		if len(w) >= maxKeyword || !sqliWords.has(w) || !sqliWords.has(strings.ToLower(w)) {
			t.Errorf("the filter lacks %s", w)
		}
	}
	if sqliPossible("kitchen garden paper bottle, delivery: evening 17.5") {
		t.Error("plain text is possible")
	}
}

func TestGuardIsSound(t *testing.T) {
	words, _ := keywordTable(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := append([]string{"1", "2.5", "1e5", "1.e", "0x41", "5d", "9f", " ", " ", "  ", "\t", "\n", ",", ".", ":", "::", ";", "-", "+", "*", "/", "=", "<", ">", "!", "!=", "<=>", "~", "^", "%", "?", "a", "b", "foo", "_x", "x1", "1f", "1e"}, words...)
	for range 300_000 {
		var b strings.Builder
		for range rnd.IntN(7) + 1 {
			n := len(pieces)
			if rnd.IntN(3) > 0 {
				n = 38
			}
			b.WriteString(pieces[rnd.IntN(n)])
		}
		checkGuards(t, b.String())
	}
}

func checkGuards(t *testing.T, s string) {
	t.Helper()
	if found, fp := libinjection.IsSQLi(s); found && !sqliPossible(s) {
		t.Errorf("%q is SQL with fingerprint %s, the guard says it cannot be", s, fp)
	}
	if libinjection.IsXSS(s) && !strings.ContainsAny(s, xssText) {
		t.Errorf("%q is a script, the guard says it cannot be", s)
	}
}

func FuzzGuards(f *testing.F) {
	for _, s := range []string{"1 or 1", "1union select 2", "a onload=b", "<x", "1e5union select", "select.1", "1 and 2", "x' or 1=1--", "SELECT\xa01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkGuards(t, s) })
}

func BenchmarkGuard(b *testing.B) {
	s := "kitchen garden paper bottle delivery evening"
	b.Run("guard", func(b *testing.B) {
		for b.Loop() {
			sqliPossible(s)
		}
	})
	b.Run("libinjection", func(b *testing.B) {
		for b.Loop() {
			libinjection.IsSQLi(s)
		}
	})
}
