package arch

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ringwall/ringwall/"

// rooms says which rooms a room may import. DO NOT CHANGE THIS TABLE TO MAKE A
// BUILD PASS: it is the architecture. Where a room needs another, it declares the
// small interface that it needs and app joins them; see ARCHITECTURE.md, "Who may
// import whom".
//
// Nouns import nouns above them. Rooms import nouns and what stands here. "std"
// alone means the standard library only, also no third party.
var rooms = map[string]string{
	// nouns
	"asset":  "std",
	"event":  "std",
	"policy": "std asset event",

	// traffic
	"spool":   "",
	"waf":     "internal",
	"gateway": "asset event internal policy waf",

	// memory
	"lake": "event",

	// control
	"api":     "asset event policy",
	"manager": "api asset event policy",
	"console": "",

	// joining
	"config": "asset internal",
	"app":    "api asset config console event gateway internal lake manager policy spool waf",
	// The CLI prints; it reads the lake's files and the manager's store directly for
	// the commands that work beside or without a running process.
	"cli": "api app asset config event lake manager policy waf",
	"cmd": "app asset cli event waf",

	"internal": "",
	"test":     "cmd api asset event gateway policy waf cli app config lake manager",
}

// parts says for folders that are made of several parts which of the parts may import
// which. "" is the package of the folder itself, which assembles. What was said of rooms
// holds here too: a part that needs another declares the interface it needs.
var parts = map[string]map[string]string{
	"manager": {
		"":         "access activity object store web",
		"access":   "store web",
		"activity": "store web",
		"object":   "store web",
		"web":      "store",
		"store":    "",
	},
	// seclang reads rules, gate proves what cannot match, build makes programs of rules,
	// run executes programs; the others are one idea each and know nothing of rules.
	"waf/internal": {
		"build":      "arena bitset charset gate run rx target transform",
		"run":        "arena ascii bitset body charset collection gate prose rx target transform",
		"gate":       "arena ascii bitset charset multi rx sieve target transform",
		"prose":      "",
		"target":     "charset rx",
		"sieve":      "ascii charset rx",
		"multi":      "ascii bitset",
		"rx":         "ascii charset",
		"transform":  "arena ascii charset",
		"body":       "arena ascii",
		"collection": "",
		"message":    "",
		"arena":      "",
		"ascii":      "",
		"bitset":     "",
		"charset":    "",
	},
}

// banned names packages that a room must not use even from the standard library,
// with the reason.
var banned = map[string]map[string]string{
	"waf": {
		"os":       "the engine does no I/O",
		"net":      "the engine does no I/O",
		"net/http": "the engine does no I/O",
		"log":      "the engine returns reasons and logs nothing",
		"log/slog": "the engine returns reasons and logs nothing",
	},
	"asset":  {"os": "nouns do no I/O", "net/http": "nouns do no I/O"},
	"event":  {"os": "nouns do no I/O", "net/http": "nouns do no I/O"},
	"policy": {"os": "nouns do no I/O", "net/http": "nouns do no I/O"},
}

type pkg struct {
	ImportPath, Dir, Name, Doc string
	Imports, GoFiles, CgoFiles []string
	Standard                   bool
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Doc,Imports,GoFiles,CgoFiles", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// room is the top folder of a package of this module, "" for others.
func room(path string) string {
	rest, ok := strings.CutPrefix(path, module)
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

func TestRoomsImportOnlyWhatTheTableAllows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		allowed, ok := rooms[from]
		if !ok {
			t.Errorf("%s: the room %q is not in the table of internal/arch", p.ImportPath, from)
			continue
		}
		seen[from] = true
		for _, imp := range p.Imports {
			to := room(imp)
			switch {
			case to == "" && slices.Contains(strings.Fields(allowed), "std") && strings.Contains(imp, "."):
				t.Errorf("%s imports %s: nouns use the standard library only", p.ImportPath, imp)
			case to != "" && to != from && !slices.Contains(strings.Fields(allowed), to):
				t.Errorf("%s imports %s: room %s may import only %q; declare the interface you need and let app join",
					p.ImportPath, imp, from, allowed)
			}
			if p.ImportPath == module+"waf/middleware" || p.ImportPath == module+"waf/replay" {
				continue // net/http around the engine: for programs of others, for messages in files
			}
			if reason, bad := banned[from][imp]; bad {
				t.Errorf("%s imports %s: %s", p.ImportPath, imp, reason)
			}
		}
	}
	for r := range rooms {
		if !seen[r] {
			t.Errorf("the table has a room %q that does not exist", r)
		}
	}
}

// ARCHITECTURE.md shows the table to people.
func TestArchitectureShowsTheTable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			shown[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	for room, allowed := range rooms {
		want := allowed
		if rest, ok := strings.CutPrefix(allowed, "std"); ok {
			want = strings.TrimRight("only the standard library,"+rest, ",")
		}
		if want == "" {
			want = "no other room"
		}
		if shown[room] != want {
			t.Errorf("ARCHITECTURE.md says that %s may import %q, the table %q", room, shown[room], want)
		}
	}
}

// part is the part of a folder that a package belongs to, "" for the folder's own
// package; ok tells whether the package is in the folder.
func part(folder, path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path+"/", module+folder+"/")
	name, _, _ = strings.Cut(rest, "/")
	return name, ok
}

func TestPartsImportOnlyWhatTheirTableAllows(t *testing.T) {
	list := packages(t)
	for folder, table := range parts {
		seen := map[string]bool{}
		for _, p := range list {
			from, ok := part(folder, p.ImportPath)
			if !ok {
				continue
			}
			allowed, ok := table[from]
			if !ok {
				t.Errorf("%s: the part %q of %s is not in the table of internal/arch", p.ImportPath, from, folder)
				continue
			}
			seen[from] = true
			for _, imp := range p.Imports {
				to, ok := part(folder, imp)
				if ok && to != from && !slices.Contains(strings.Fields(allowed), to) {
					t.Errorf("%s imports %s: part %q may import only %q; declare the interface you need", p.ImportPath, imp, from, allowed)
				}
			}
		}
		for name := range table {
			if !seen[name] {
				t.Errorf("the table has a part %q of %s that does not exist", name, folder)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles)+len(p.CgoFiles) == 0 || strings.Contains(p.ImportPath+"/", "/apigen/") {
			continue // tests only, or generated
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func TestNoPackageIsNamedAfterNothing(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "models", "misc", "shared", "base"}, p.Name) {
			t.Errorf("%s: name a package after what it provides", p.ImportPath)
		}
	}
}

// files calls f with each Go file of ours.
func files(t *testing.T, f func(path string, fset *token.FileSet, file *ast.File)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "node_modules", "apigen", "dist"}, d.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f(path, fset, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	n := 0
	files(t, func(_ string, fset *token.FileSet, file *ast.File) {
		n++
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: no init(): let app construct it", fset.Position(fn.Pos()))
			}
		}
	})
	if n < 20 {
		t.Fatalf("only %d files were looked at", n)
	}
}

// The engine gets its time with the request, so that verdicts can be repeated; only
// cmd ends the process and only cli prints.
func TestRoomsCallOnlyWhatIsTheirs(t *testing.T) {
	calls := []struct {
		pkg, name string
		where     func(path string) bool
		reason    string
	}{
		{"time", "Now", func(p string) bool {
			return strings.HasPrefix(p, "waf/") && !strings.HasPrefix(p, "waf/middleware/")
		}, "waf never asks for the time, Request.Time has it"},
		{"os", "Exit", func(p string) bool {
			return !strings.HasPrefix(p, "cmd/") && !strings.HasPrefix(p, "tools/") && !strings.HasPrefix(p, "test/peers/cmd/") &&
				!strings.HasPrefix(p, "api/generate/") // a program of the build
		}, "only cmd ends the process"},
		{"fmt", "Println", func(p string) bool { return !strings.HasPrefix(p, "cmd/") }, "only cli prints, to the writers it was given"},
		{"fmt", "Printf", func(p string) bool { return !strings.HasPrefix(p, "cmd/") }, "only cli prints, to the writers it was given"},
		{"log", "Fatal", func(string) bool { return true }, "return the error"},
	}
	files(t, func(path string, fset *token.FileSet, file *ast.File) {
		rel, err := filepath.Rel(filepath.Join("..", ".."), path)
		if err != nil || strings.HasSuffix(rel, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			for _, c := range calls {
				if ok && x.Name == c.pkg && sel.Sel.Name == c.name && c.where(filepath.ToSlash(rel)) {
					t.Errorf("%s: %s.%s: %s", fset.Position(n.Pos()), c.pkg, c.name, c.reason)
				}
			}
			return true
		})
	})
}
