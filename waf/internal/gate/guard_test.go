package gate

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
// source, since the package does not export them. Weak words mean nothing alone: the
// table has them as barewords, or only as a part of several words in a row.
func keywordTable(t *testing.T) (strong, weak, fingerprints []string) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/corazawaf/libinjection-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "sqli_data.go"))
	if err != nil {
		t.Fatal(err)
	}
	isStrong := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s*"((?:[^"\\]|\\.)*)":\s*'(.)',`).FindAllStringSubmatch(string(text), -1) {
		if m[2] == "F" {
			fingerprints = append(fingerprints, strings.ReplaceAll(m[1], `\\`, `\`)[1:])
			continue
		}
		list := regexp.MustCompile(`[A-Z0-9_]+`).FindAllString(m[1], -1)
		for _, w := range list {
			// Words in a row are joined by blanks; anything else joins them in one token.
			isStrong[w] = isStrong[w] || m[2] != "n" && (len(list) == 1 || strings.Join(list, " ") != m[1])
		}
	}
	for w, yes := range isStrong {
		if yes {
			strong = append(strong, w)
		} else {
			weak = append(weak, w)
		}
	}
	slices.Sort(strong)
	slices.Sort(weak)
	return strong, weak, fingerprints
}

func TestGuardKnowsTheKeywordTable(t *testing.T) {
	strong, weak, fingerprints := keywordTable(t)
	if len(strong) < 800 || len(weak) < 30 || len(fingerprints) < 8000 {
		t.Fatalf("%d strong words, %d weak ones, %d fingerprints", len(strong), len(weak), len(fingerprints))
	}
	for _, f := range fingerprints {
		if strings.Trim(f, "N1O.,:;?") == "" {
			t.Errorf("fingerprint %s is made of what the guard takes for safe", f)
		}
	}
	if *update {
		var b bytes.Buffer
		b.WriteString("package gate\n")
		write := func(comment, name string, words []string) {
			fmt.Fprintf(&b, "\n%svar %s = []uint32{\n", comment, name)
			for i, w := range words {
				fmt.Fprintf(&b, "%#08x,", wordHash(w))
				if i%10 == 9 {
					b.WriteByte('\n')
				}
			}
			b.WriteString("\n}\n")
		}
		write("// sqliStrongHashes are the hashes (wordHash) of the words in the keyword table of\n// libinjection-go v0.3.3 that mean something alone. Made by: go test -run GuardKnows -update\n", "sqliStrongHashes", strong)
		write("// sqliWeakHashes are those of its other words.\n", "sqliWeakHashes", weak)
		if err := os.WriteFile("sqliwords.go", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, w := range strong {
		if len(w) >= maxKeyword || !sqliStrong.has(w) || !sqliStrong.has(strings.ToLower(w)) {
			t.Errorf("the filter lacks %s", w)
		}
	}
	for _, w := range weak {
		if len(w) >= maxKeyword || !sqliWeak.has(w) || !sqliWeak.has(strings.ToLower(w)) {
			t.Errorf("the filter lacks %s", w)
		}
	}
	for _, s := range []string{"kitchen garden paper bottle, delivery: evening 17.5", "a table near the garden", "in which order, please"[9:]} {
		if MayBeSQLi(s) {
			t.Errorf("%q is possible", s)
		}
	}
	if !MayBeSQLi("a order by 1") {
		t.Error("two weak words are impossible")
	}
}

func TestGuardIsSound(t *testing.T) {
	strong, weak, _ := keywordTable(t)
	words := append(strong, weak...)
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := append([]string{"1", "2.5", "1e5", "1.e", "0x41", "5d", "9f", " ", " ", "  ", "\t", "\n", ",", ".", ":", "::", ";", "-", "+", "*", "/", "=", "<", ">", "!", "!=", "<=>", "~", "^", "%", "?", "a", "b", "foo", "_x", "x1", "1f", "1e"}, words...)
	for range 300_000 {
		var b strings.Builder
		for range rnd.IntN(7) + 1 {
			switch rnd.IntN(6) {
			case 0:
				b.WriteString(pieces[rnd.IntN(len(pieces))])
			case 1:
				b.WriteString(" " + weak[rnd.IntN(len(weak))] + " ")
			default:
				b.WriteString(pieces[rnd.IntN(38)])
			}
		}
		checkGuards(t, b.String())
	}
}

func checkGuards(t *testing.T, s string) {
	t.Helper()
	if found, fp := libinjection.IsSQLi(s); found && !MayBeSQLi(s) {
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
			MayBeSQLi(s)
		}
	})
	b.Run("libinjection", func(b *testing.B) {
		for b.Loop() {
			libinjection.IsSQLi(s)
		}
	})
}
