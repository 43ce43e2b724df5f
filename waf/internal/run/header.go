package run

import (
	"cmp"
	"slices"
	"strings"
)

// headerField is a field of a header with all its values.
type headerField struct {
	// prefix has the first bytes of the name, so that most names are compared as numbers.
	prefix uint64
	name   string
	values []string
}

// namePrefix returns the first eight bytes of a name, the first one highest, with zeros
// after a shorter one. Numbers are in the order of the names that they differ for.
func namePrefix(name string) uint64 {
	var p uint64
	for i := range min(len(name), 8) {
		p |= uint64(name[i]) << (56 - 8*i)
	}
	return p
}

// compareFields compares the names of two fields byte by byte.
func compareFields(a, b headerField) int {
	if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	return strings.Compare(a.name, b.name)
}

// fewFields is up to how many fields an insertion sort beats slices.SortFunc, whose
// comparisons are calls. Clients send a dozen; beyond that the square of their number
// would be work that they can ask for.
const fewFields = 32

// inOrder returns the fields of a header in order of their names. A map has none, but
// what rules say depends on it: a chain tells of the first field that matched. Equal
// requests must have equal verdicts. The result is valid until the next call.
func (tx *Tx) inOrder(header map[string][]string) []headerField {
	list := tx.fields[:0]
	for name, values := range header {
		f := headerField{namePrefix(name), name, values}
		list = append(list, f)
		if len(header) > fewFields {
			continue
		}
		at := len(list) - 1
		for at > 0 && compareFields(f, list[at-1]) < 0 {
			list[at] = list[at-1]
			at--
		}
		list[at] = f
	}
	if len(header) > fewFields {
		slices.SortFunc(list, compareFields)
	}
	tx.fields = list
	return list
}
