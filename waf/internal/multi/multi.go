// Package multi finds many words in one pass over a value.
//
// It is an Aho-Corasick automaton with one row of transitions a state, for words
// of bytes whose ASCII letters are compared in any case.
package multi

import "slices"

// Automaton is a compiled set of words. It is immutable.
type Automaton struct {
	class  [256]uint8 // column of each byte; 0 for bytes in no word
	stride uint32
	// next holds rows of stride entries. An entry is the index of the next row,
	// with hasOutput set if words end in that state.
	next  []uint32
	outAt []uint32 // by row number: where its outputs begin in outs
	outs  []int32
}

const hasOutput = 1 << 31

// Set is a bit set over word groups.
type Set []uint64

// Has reports whether group i is in s.
func (s Set) Has(i int32) bool { return s[i>>6]>>(uint(i)&63)&1 != 0 }

// Add puts group i into s.
func (s Set) Add(i int32) { s[i>>6] |= 1 << (uint(i) & 63) }

// Words of a set have a group each: several words may share one, and one word may
// stand in several groups.
type Words struct {
	list []word
}

type word struct {
	text  string
	group int32
}

// Add adds a word, which must not be empty, to a group.
func (w *Words) Add(text string, group int32) {
	w.list = append(w.list, word{lower(text), group})
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// Compile builds the automaton. Its memory is about the number of distinct
// prefixes times the number of distinct bytes times four bytes.
func (w *Words) Compile() *Automaton {
	a := &Automaton{}
	classes := 1
	for _, x := range w.list {
		for i := range len(x.text) {
			if c := x.text[i]; a.class[c] == 0 {
				a.class[c] = uint8(classes)
				classes++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[c+'a'-'A']
	}
	a.stride = uint32(classes)
	// The trie, rows in order of creation; order of breadth keeps the few rows that
	// benign text visits close together, so the trie is built level by level.
	slices.SortFunc(w.list, func(x, y word) int {
		return slices.Compare([]byte(x.text), []byte(y.text))
	})
	type node struct {
		lo, hi int // words of the list that have this prefix
		depth  int
	}
	nodes := []node{{0, len(w.list), 0}}
	trie := make([]uint32, classes) // 0 means no child
	outputs := [][]int32{nil}
	for n := 0; n < len(nodes); n++ {
		cur := nodes[n]
		for i := cur.lo; i < cur.hi; {
			text := w.list[i].text
			if len(text) == cur.depth {
				outputs[n] = append(outputs[n], w.list[i].group)
				i++
				continue
			}
			j := i + 1
			for j < cur.hi && w.list[j].text[cur.depth] == text[cur.depth] {
				j++
			}
			trie[n*classes+int(a.class[text[cur.depth]])] = uint32(len(nodes))
			nodes = append(nodes, node{i, j, cur.depth + 1})
			trie = append(trie, make([]uint32, classes)...)
			outputs = append(outputs, nil)
			i = j
		}
	}
	// Failure links in order of breadth; missing children become transitions.
	fail := make([]uint32, len(nodes))
	for n := range nodes {
		row := trie[n*classes : (n+1)*classes]
		for c := range row {
			child := row[c]
			viaFail := uint32(0)
			if n != 0 {
				viaFail = trie[int(fail[n])*classes+c]
			}
			if child == 0 {
				row[c] = viaFail
				continue
			}
			fail[child] = viaFail
			outputs[child] = append(outputs[child], outputs[viaFail]...)
		}
	}
	a.next = trie
	a.outAt = make([]uint32, len(nodes)+1)
	for n := range nodes {
		slices.Sort(outputs[n])
		a.outAt[n] = uint32(len(a.outs))
		a.outs = append(a.outs, slices.Compact(outputs[n])...)
	}
	a.outAt[len(nodes)] = uint32(len(a.outs))
	for i, n := range a.next {
		entry := n * a.stride
		if a.outAt[n+1] > a.outAt[n] {
			entry |= hasOutput
		}
		a.next[i] = entry
	}
	return a
}

// Bytes returns how much memory the automaton takes.
func (a *Automaton) Bytes() int { return 4 * (len(a.next) + len(a.outAt) + len(a.outs)) }

// Scan adds to found the groups of all words that s contains.
func (a *Automaton) Scan(s string, found Set) {
	if len(a.next) == 0 {
		return
	}
	row := uint32(0)
	next, class := a.next, &a.class
	for i := range len(s) {
		row = next[row+uint32(class[s[i]])]
		if row&hasOutput != 0 {
			row &^= hasOutput
			n := row / a.stride
			for _, g := range a.outs[a.outAt[n]:a.outAt[n+1]] {
				found.Add(g)
			}
		}
	}
}
