package run

import (
	"fmt"
	"slices"
	"testing"
)

// TestFieldsComeInOrderOfTheirNames holds that equal headers are read in equal order,
// whether they have few fields or many.
func TestFieldsComeInOrderOfTheirNames(t *testing.T) {
	few := []string{"", "A", "AB", "Accept", "Accept-Encoding", "Accept-Language", "Content-Length", "Content-Type", "X", "\xff"}
	var many []string
	for i := range 4 * fewFields {
		many = append(many, fmt.Sprintf("X-Long-Prefix-%04d", i))
	}
	var tx Tx
	for _, want := range [][]string{few, many, few[:1], nil} {
		header := map[string][]string{}
		for _, name := range want {
			header[name] = []string{name + "=1", name + "=2"}
		}
		for range 20 {
			var names []string
			fields, order := tx.inOrder(header)
			for _, k := range order {
				f := fields[k.at]
				names = append(names, f.name)
				if !slices.Equal(f.values, header[f.name]) {
					t.Fatalf("%q has the values %q", f.name, f.values)
				}
			}
			if !slices.Equal(names, want) {
				t.Fatalf("got %q, want %q", names, want)
			}
		}
	}
}
