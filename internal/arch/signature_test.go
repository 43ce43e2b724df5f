package arch

import (
	"go/ast"
	"go/token"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A room can change its libraries without its neighbours noticing: no third-party
// type stands in what another room can call.
func TestSignaturesHaveNoThirdPartyTypes(t *testing.T) {
	exported := 0
	files(t, func(file string, fset *token.FileSet, f *ast.File) {
		rel, err := filepath.Rel(filepath.Join("..", ".."), file)
		if err != nil {
			t.Fatal(err)
		}
		rel = filepath.ToSlash(rel)
		if strings.HasSuffix(rel, "_test.go") || f.Name.Name == "main" || strings.HasPrefix(rel, "test/") || strings.Contains(rel, "internal/") {
			return // nobody else calls it
		}
		third := map[string]string{} // by the name that the file uses
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			domain, _, _ := strings.Cut(p, "/")
			if !strings.Contains(domain, ".") || strings.HasPrefix(p, module) {
				continue
			}
			name := path.Base(p)
			if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
				name = path.Base(path.Dir(p))
			}
			if imp.Name != nil {
				name = imp.Name.Name
			}
			third[strings.TrimSuffix(name, "-go")] = p
		}
		look := func(what string, n ast.Node) {
			exported++
			ast.Inspect(n, func(n ast.Node) bool {
				if _, body := n.(*ast.BlockStmt); body {
					return false
				}
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok && third[x.Name] != "" {
						t.Errorf("%s: %s has %s.%s of %s: declare a type or interface of the room instead",
							fset.Position(n.Pos()), what, x.Name, sel.Sel.Name, third[x.Name])
					}
				}
				return true
			})
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
					look(d.Name.Name, d.Type)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
						for _, part := range visible(ts.Type) {
							look(ts.Name.Name, part)
						}
					}
					if vs, ok := s.(*ast.ValueSpec); ok && vs.Names[0].IsExported() && vs.Type != nil {
						look(vs.Names[0].Name, vs.Type)
					}
				}
			}
		}
	})
	if exported < 500 {
		t.Fatalf("only %d exported declarations were looked at", exported)
	}
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// visible lists what another package sees of a type: of a struct, the exported and
// embedded fields.
func visible(typ ast.Expr) []ast.Node {
	s, ok := typ.(*ast.StructType)
	if !ok {
		return []ast.Node{typ}
	}
	var parts []ast.Node
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 || f.Names[0].IsExported() {
			parts = append(parts, f.Type)
		}
	}
	return parts
}
