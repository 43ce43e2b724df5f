package waf_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestCorazaIsOnlyTheOracle holds that the engine does not depend on what tests
// compare it with.
func TestCorazaIsOnlyTheOracle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for p := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(p, "github.com/corazawaf/coraza/") {
			t.Errorf("waf depends on %s", p)
		}
	}
	// The brotli library has a helper for HTTP servers in the same package, which
	// nobody here calls: what it imports does not count.
	const brotli = "github.com/andybalholm/brotli"
	out, err = exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	var root string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		root = f[0] // dependencies come first
		imports[root] = f[1:]
	}
	seen := map[string]bool{}
	for todo := []string{root}; len(todo) > 0; {
		p := todo[0]
		todo = todo[1:]
		if seen[p] || p == brotli {
			continue
		}
		seen[p] = true
		if p == "net" || p == "os/exec" || p == "log/slog" {
			t.Errorf("the engine depends on %s", p)
		}
		todo = append(todo, imports[p]...)
	}
	if len(seen) < 50 {
		t.Errorf("only %d dependencies of %s", len(seen), root)
	}
}

// banned are packages that no package of the engine imports itself: it has no disk,
// network, clock or log of its own.
var banned = map[string]string{
	"os": "files", "net": "the network", "log": "a log", "log/slog": "a log", "os/exec": "programs",
}

func TestTheEngineTouchesNothing(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}} {{end}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for file := range strings.FieldsSeq(string(out)) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			if why, bad := banned[path]; bad {
				t.Errorf("%s imports %s: the engine does not touch %s", file, path, why)
			}
		}
		if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "time.Now()") && !strings.Contains(file, "/middleware/") {
			t.Errorf("%s reads the clock: time comes with the request (%v)", file, err)
		}
		for _, d := range f.Scope.Objects {
			if d.Name == "init" {
				t.Errorf("%s has an init function", file)
			}
		}
	}
}
