package transform

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestBareEntitiesAreThoseOfTheDecoder reads the decoder's own table from its source.
func TestBareEntitiesAreThoseOfTheDecoder(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/net").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "html", "entity.go"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\t"([A-Za-z0-9]+)":`).FindAllSubmatch(source, -1) {
		want = append(want, string(m[1]))
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(strings.Fields(bareEntities))); !slices.Equal(got, want) {
		t.Errorf("bareEntities has %d names, the decoder %d", len(got), len(want))
	}
}

func TestMayHaveEntityMissesNone(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := append(strings.Fields(bareEntities), "&", "&", "&", "&", "#", "#x", "3c", ";", ";", "a", "x1", "=", " ", "é", "hellip", "AMP", "field_1", "&&", "lt", "NotAnEntity")
	decoded := 0
	for range 200_000 {
		var b strings.Builder
		for range rnd.IntN(5) + 1 {
			p := pieces[rnd.IntN(len(pieces))]
			b.WriteString(p[:rnd.IntN(len(p))+1])
		}
		s := b.String()
		if html.UnescapeString(s) != s {
			decoded++
			if !mayHaveEntity(s) {
				t.Fatalf("%q has an entity", s)
			}
		}
	}
	if decoded < 1000 {
		t.Errorf("only %d texts had an entity", decoded)
	}
	if mayHaveEntity("a=1&field_01=2&page=3&sort=x&") {
		t.Error("the arguments of a form have an entity")
	}
}
