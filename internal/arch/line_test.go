package arch

import (
	"go/ast"
	"go/token"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// Lines end at 140 columns (a tab counts as one), unless a string that is better whole
// makes them longer.
func TestLinesEndAt140Columns(t *testing.T) {
	const columns, whole = 140, 60
	files(t, func(path string, fset *token.FileSet, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "cmd/ringwall-demo/") {
			return // tables of cases and of requests are easier to compare with one a line
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		long := map[int]bool{} // lines with a long string
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) >= whole {
				for line := fset.Position(lit.Pos()).Line; line <= fset.Position(lit.End()).Line; line++ {
					long[line] = true
				}
			}
			return true
		})
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > columns && !long[n] {
				t.Errorf("%s:%d: longer than %d columns", path, n, columns)
			}
		}
	})
}
