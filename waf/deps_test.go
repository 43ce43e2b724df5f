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
	out, err = exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.FieldsSeq(string(out)) {
		if p == "net" || p == "os/exec" || p == "log/slog" {
			t.Errorf("the engine depends on %s", p)
		}
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
