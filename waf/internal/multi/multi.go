// Package multi finds many words in one pass over a value.
//
// It is an Aho-Corasick automaton for words of bytes whose ASCII letters are compared
// in any case (Aho and Corasick, "Efficient String Matching: An Aid to Bibliographic
// Search", 1975). The few states near the root, in which benign text stays, have one row
// of transitions each, small enough for the first cache; the many deep ones have
// their few edges and a failure link, from which to go on for other bytes. A full table
// for the words of the Core Rule Set would have some megabytes, and miss the caches of a
// processor with every byte.
//
// It tells which groups of words a value contains, not where nor how often: the gate needs a set of
// conditions. Case folding beyond ASCII is left to the caller. Words are fixed when the automaton
// is compiled; it is for few automata and many values, and its states are never changed while they
// are read.
package multi

import (
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/bitset"
)

// Automaton is a compiled set of words. It is immutable. Any number of goroutines may scan with it.
// The zero value finds nothing.
type Automaton struct {
	class [256]uint8 // column of each byte; 0 for bytes in no word
	// stride is one more than the number of different bytes in words, column 0 included.
	stride uint32 // entries of a row
	// rows are those of the shallow states, in order of breadth. States are named by
	// an entry: the index of their row, or their number in deep with isDeep set, and
	// hasOutput if words end in them.
	rows []uint32
	deep []deepState
	// edges are those of all deep states in order of the states. A state deeper than rowDepth has
	// one or two as a rule, so that they are searched one by one.
	edges []edge
	// outAt has one entry more than there are states, so that the outputs of the last one end, too.
	outAt []uint32 // by number of the state: where its outputs begin in outs
	outs  []int32
}

// deepState is a state without a row. Its edges end where those of the next begin.
type deepState struct {
	fail  uint32 // failure link: entry of the state to go on from for other bytes
	edges uint32 // index in Automaton.edges of the first
}

// edge is a transition of a deep state.
type edge struct {
	to    uint32 // entry
	class uint8
}

const (
	// Entries have 30 bits for an index, far more than the words of a rule set need. Two flags in
	// the entry itself spare a load of the state for nearly all bytes.
	hasOutput = 1 << 31
	isDeep    = 1 << 30
	// rowDepth is the length of the longest prefixes that have rows. Measured: rows for every state
	// were no faster and took ten times the memory.
	rowDepth = 3
)

// Words of a set have a group each: several words may share one, and one word may
// stand in several groups. The zero value is ready for use, by one goroutine.
type Words struct {
	list []word
}

// word is a word in lower case with its group.
type word struct {
	text  string
	group int32
}

// Add adds a word, which must not be empty, to a group. Letters of ASCII are compared in any case,
// others byte by byte. group is the number that Scan adds to found, from 0 on.
func (w *Words) Add(text string, group int32) {
	w.list = append(w.list, word{ascii.ToLower(text), group})
}

// common are bytes in the order in which text has them: their columns come first, so
// that benign text uses little of each row.
const common = " etaoinsrhldcumfpgwybvkxjqz0123456789-_./:,=&()"

// Compile builds the automaton. Of no words it is one that finds nothing. It takes time linear in
// the bytes of all words, but for sorting them, and keeps nothing of w, which may be compiled
// again. The order in which words were added does not matter.
func (w *Words) Compile() *Automaton {
	a := &Automaton{}
	if len(w.list) == 0 {
		return a
	}
	a.stride = uint32(a.classes(w.list))
	// Words with a common prefix are neighbours then: a node of the trie is a range of the list.
	slices.SortFunc(w.list, func(x, y word) int { return strings.Compare(x.text, y.text) })
	// The trie in order of breadth, which keeps the states that benign text visits
	// close together. States have numbers here.
	type node struct {
		lo, hi int // words of the list that have this prefix
		depth  int
		edges  []edge
		fail   uint32
	}
	// The list of nodes is the queue of the search in breadth as well.
	nodes := []node{{hi: len(w.list)}}
	outputs := [][]int32{nil}
	for n := 0; n < len(nodes); n++ {
		cur := nodes[n]
		for i := cur.lo; i < cur.hi; {
			text := w.list[i].text
			// The word ends here. It sorts before the longer ones of its range.
			if len(text) == cur.depth {
				outputs[n] = append(outputs[n], w.list[i].group)
				i++
				continue
			}
			j := i + 1
			for j < cur.hi && w.list[j].text[cur.depth] == text[cur.depth] {
				j++
			}
			// nodes moves when it grows, so that the node is named by its index and cur is a copy.
			nodes[n].edges = append(nodes[n].edges, edge{uint32(len(nodes)), a.class[text[cur.depth]]})
			nodes = append(nodes, node{lo: i, hi: j, depth: cur.depth + 1})
			outputs = append(outputs, nil)
			i = j
		}
	}
	// In order of breadth the shallow states are the first, and their numbers times the stride are
	// their rows.
	shallow := uint32(0)
	for int(shallow) < len(nodes) && nodes[shallow].depth <= rowDepth {
		shallow++
	}
	// Failure links, and rows for the shallow states; both need those of shorter prefixes
	// only. A row has the transitions of the state it fails to where it has none itself, so
	// that shallow states need no failure links when they run.
	a.rows = make([]uint32, shallow*a.stride)
	// It walks down failure links until a state has an edge for the class. Each link leads to a
	// shorter prefix, and the root has a row, so that the walk ends.
	follow := func(s uint32, class uint8) uint32 {
		for s >= shallow {
			for _, e := range nodes[s].edges {
				if e.class == class {
					return e.to
				}
			}
			s = nodes[s].fail
		}
		return a.rows[s*a.stride+uint32(class)]
	}
	for n := range nodes {
		cur := &nodes[n]
		row := uint32(n) * a.stride
		if uint32(n) < shallow {
			copy(a.rows[row:row+a.stride], a.rows[cur.fail*a.stride:]) // the root's own is empty still
		}
		if n != 0 {
			outputs[n] = append(outputs[n], outputs[cur.fail]...)
		}
		for _, e := range cur.edges {
			if n != 0 {
				nodes[e.to].fail = follow(cur.fail, e.class)
			}
			if uint32(n) < shallow {
				a.rows[row+uint32(e.class)] = e.to
			}
		}
	}
	// What a state reports has what the states that it fails to report: shorter words that
	// end at the same place.
	a.outAt = make([]uint32, len(nodes)+1)
	for n := range nodes {
		slices.Sort(outputs[n])
		a.outAt[n] = uint32(len(a.outs))
		a.outs = append(a.outs, slices.Compact(outputs[n])...)
	}
	a.outAt[len(nodes)] = uint32(len(a.outs))
	// From numbers to entries, which spare a multiplication and a look-up for each byte.
	entry := func(n uint32) uint32 {
		e := n * a.stride
		if n >= shallow {
			e = n - shallow | isDeep
		}
		if a.outAt[n+1] > a.outAt[n] {
			e |= hasOutput
		}
		return e
	}
	for i, n := range a.rows {
		a.rows[i] = entry(n)
	}
	for n := shallow; int(n) < len(nodes); n++ {
		// A failure link is followed, not entered: the outputs of the state that it leads to were
		// reported with those of the state that fails.
		a.deep = append(a.deep, deepState{entry(nodes[n].fail) &^ hasOutput, uint32(len(a.edges))})
		for _, e := range nodes[n].edges {
			a.edges = append(a.edges, edge{entry(e.to), e.class})
		}
	}
	// A sentinel, at which the edges of the last state end.
	a.deep = append(a.deep, deepState{edges: uint32(len(a.edges))})
	return a
}

// classes numbers the bytes that occur in words, from 1 on, and returns how many columns
// that makes. All others share column 0, from which every state goes back to the root. It fills
// a.class. At most 230 bytes have a column, since words have no upper-case letters: a uint8 holds
// its number.
func (a *Automaton) classes(list []word) int {
	var used [256]bool
	for _, x := range list {
		for i := range len(x.text) {
			used[x.text[i]] = true
		}
	}
	classes := 1
	number := func(c byte) {
		if used[c] && a.class[c] == 0 {
			a.class[c] = uint8(classes)
			classes++
		}
	}
	// Bytes that are common in text first, the others in order of their value.
	for i := range len(common) {
		number(common[i])
	}
	for c := range 256 {
		number(byte(c))
	}
	// Words are in lower case, so an upper-case letter has no column of its own and takes that of
	// its lower case.
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[c+'a'-'A']
	}
	return classes
}

// Bytes returns how much memory the automaton takes. It counts tables, not the few words of the
// struct.
func (a *Automaton) Bytes() int {
	return 4*len(a.rows) + 8*len(a.deep) + 8*len(a.edges) + 4*(len(a.outAt)+len(a.outs))
}

// Scan adds to found the groups of all words that s contains, in time linear in the length
// of s: each byte either goes down an edge or follows failure links, of which there are no
// more than edges that went down before. found must have room for all groups. It does not allocate
// and never clears found, so that several automata may add to one set.
func (a *Automaton) Scan(s string, found bitset.Set) {
	if len(a.rows) == 0 {
		return
	}
	rows, class := a.rows, &a.class
	state := uint32(0)
	for i := 0; i < len(s); i++ {
		// For nearly all bytes of benign text this is all that happens. state has no flags here:
		// the inner loop ends only without them.
		state = rows[state+uint32(class[s[i]])]
		// Outputs are reported once a state, then a deep state takes the next byte by descend,
		// which may lead to any kind of state.
		for state&(hasOutput|isDeep) != 0 {
			if state&hasOutput != 0 {
				state &^= hasOutput
				a.report(state, found)
				continue
			}
			if i++; i == len(s) {
				return
			}
			state = a.descend(state, class[s[i]])
		}
	}
}

// descend returns the entry of the state after a deep one. state may have no outputs set. The
// root's row takes bytes that no state on the way has an edge for.
func (a *Automaton) descend(state uint32, c uint8) uint32 {
	for state&isDeep != 0 {
		d := &a.deep[state&^isDeep]
		for k := d.edges; k < a.deep[state&^isDeep+1].edges; k++ {
			if a.edges[k].class == c {
				return a.edges[k].to
			}
		}
		state = d.fail
	}
	return a.rows[state+uint32(c)]
}

// report adds the groups of the words that end in a state. state is an entry without hasOutput.
// Groups that were reported before are added again, which costs less than to ask.
func (a *Automaton) report(state uint32, found bitset.Set) {
	// The number of the state: entries of shallow ones are multiples of the stride.
	n := state / a.stride
	if state&isDeep != 0 {
		n = uint32(len(a.rows))/a.stride + state&^isDeep
	}
	for _, g := range a.outs[a.outAt[n]:a.outAt[n+1]] {
		found.Add(g)
	}
}
