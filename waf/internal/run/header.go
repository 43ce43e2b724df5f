package run

import (
	"cmp"
	"slices"
	"strings"
)

// headerField is a field of a header with all its values. It refers to the caller's map
// and must not outlive the request.
type headerField struct {
	name   string
	values []string
}

// fieldKey orders a field without its name: prefix has the first bytes of that, so that
// most names are compared as numbers, and at is its index in the list of fields. Keys have
// no pointers, so that sorting moves little and the garbage collector need not know.
type fieldKey struct {
	prefix uint64
	at     int32
}

// namePrefix returns the first eight bytes of a name, the first one highest, with zeros
// after a shorter one. Numbers are in the order of the names that they differ for; a name
// may have zeros of its own, so equal numbers say nothing.
func namePrefix(name string) uint64 {
	if len(name) >= 8 { // one load
		return uint64(name[0])<<56 | uint64(name[1])<<48 | uint64(name[2])<<40 | uint64(name[3])<<32 |
			uint64(name[4])<<24 | uint64(name[5])<<16 | uint64(name[6])<<8 | uint64(name[7])
	}
	var p uint64
	for i := range len(name) {
		p |= uint64(name[i]) << (56 - 8*i)
	}
	return p
}

// fewFields is up to how many fields an insertion sort beats slices.SortFunc, whose
// comparisons are calls. Clients send a dozen; beyond that the square of their number
// would be work that they can ask for.
const fewFields = 32

// inOrder returns the fields of a header, and the order of their names as indexes into
// these. A map has no order, but what rules say depends on it: a chain tells of the first
// field that matched. Equal requests must have equal verdicts. The results are valid until
// the next call.
func (tx *Tx) inOrder(header map[string][]string) (fields []headerField, order []fieldKey) {
	// Both keep their memory from request to request.
	fields, order = tx.fields[:0], tx.order[:0]
	for name, values := range header {
		k := fieldKey{namePrefix(name), int32(len(fields))}
		// The index is that of the field, which stays where it is; only keys are moved.
		fields = append(fields, headerField{name, values})
		order = append(order, k)
		if len(header) > fewFields {
			continue
		}
		at := len(order) - 1
		for at > 0 && (order[at-1].prefix > k.prefix || order[at-1].prefix == k.prefix && fields[order[at-1].at].name > name) {
			order[at] = order[at-1]
			at--
		}
		order[at] = k
	}
	// Few were put in place as they came.
	if len(header) > fewFields {
		slices.SortFunc(order, func(a, b fieldKey) int {
			if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
				return c
			}
			return strings.Compare(fields[a.at].name, fields[b.at].name)
		})
	}
	tx.fields, tx.order = fields, order
	return fields, order
}
