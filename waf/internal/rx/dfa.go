package rx

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// answer is what the automaton says of a value.
type answer uint8

const (
	// no is final: neither the automaton nor package regexp would find a match.
	no answer = iota
	// yes is final for bytes and for ASCII. For other values it means that package regexp has to be
	// asked.
	yes
	unsure // the automaton outgrew its memory on this value
)

const (
	// maxBytes is how much memory the states of one pattern may take. The sizes are estimates (see
	// intern), and one state more than fits is made before the states are dropped, so that the
	// bound is soft by one state.
	maxBytes = 256 << 10
	// maxFlushes is how often one value may fill that memory before the automaton
	// gives up on it. Without this bound a value could make the automaton compute a new state for
	// each of its bytes, which is slower than to simulate the set of instructions as package regexp
	// does.
	maxFlushes = 4
)

// dfa is a deterministic automaton over bytes whose states are made when a value
// first needs them: the subset construction, done lazily (Thompson 1968; Cox, "Regular
// Expression Matching in the Wild", 2010). Several goroutines may run it: they read states
// without a lock, through atomic pointers, and take it to add one.
type dfa struct {
	// prog is never changed; its instructions are named by their index.
	prog *syntax.Prog
	// binary tells that runes of the pattern are byte values from 0 to 255, not Unicode.
	binary bool
	// class maps bytes that no instruction tells apart to one column of the states, which
	// makes these several times smaller.
	class [256]uint8
	reps  []byte // a byte of each class
	// accepts tells for each instruction which bytes it takes; wide ones take a run
	// of bytes from 0x80 as one rune.
	accepts []byteSet
	wide    []bool
	// word, line tell that the pattern has assertions about these.
	word, line bool
	anchored   bool // begins with \A

	mu    sync.Mutex // guards adding states
	cache atomic.Pointer[cache]
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(b int)       { s[b>>6] |= 1 << (b & 63) }
func (s *byteSet) has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

// cache is the states made so far. A full one is dropped as a whole: values that run on
// its states go on with them, and new ones begin with the next. So a value that is made to
// need many states costs memory up to a bound, and time. A state may have transitions to states of
// a newer cache, never the reverse: extend stores what it makes in the current one. Old states are
// freed by the garbage collector when no value runs on them any more.
type cache struct {
	// start is the state before the first byte. It never changes, so that match reads it without a
	// lock.
	start *state
	// states finds a state by its set of instructions, in the encoding of intern. It is guarded by
	// dfa.mu.
	states map[string]*state
	// bytes estimates the memory of the states, guarded by dfa.mu.
	bytes int
}

// state is a set of instructions from which the pattern goes on, before the
// assertions at this place are decided, and what is known of the byte before. Whether an assertion
// such as \b holds depends on the byte that follows as well, so it is decided one byte late, in
// extend or endMatches. All fields but next and end are set by intern and never change.
type state struct {
	// next has the state that follows for each class of bytes, nil if it was not made yet. Stores
	// are made under dfa.mu, loads without a lock.
	next []atomic.Pointer[state] // by class
	end  atomic.Uint32           // 0 not known, 1 no, 2 yes: matches if the value ends here
	// insts are sorted, so that equal sets have equal keys.
	insts []uint32 // i, or i+len(prog.Inst) in the middle of a wide rune
	prev  prevFlags
	// stop holds once there is a match, or if no instruction is left: match then returns without a
	// look at the rest of the value.
	stop    bool // nothing that follows changes the answer
	matched bool // a match was found on the way
}

// prevFlags is what assertions ask of the byte before. Flags that no assertion of the pattern asks
// for are never set: they would multiply the states for nothing. Only the start state has atStart.
type prevFlags uint8

const (
	atStart   prevFlags = 1 << iota // nothing before
	afterLine                       // a newline before
	afterWord                       // a word character before
)

// newDFA prepares the automaton of a program of package regexp/syntax. It keeps prog. It asks each
// instruction about each of the 256 bytes; the states are made by match.
func newDFA(prog *syntax.Prog, binary bool) *dfa {
	d := &dfa{prog: prog, binary: binary}
	d.accepts = make([]byteSet, len(prog.Inst))
	d.wide = make([]bool, len(prog.Inst))
	for i := range prog.Inst {
		inst := &prog.Inst[i]
		switch inst.Op {
		case syntax.InstEmptyWidth:
			e := syntax.EmptyOp(inst.Arg)
			// Both kinds of assertion need to know a neighbour byte, which then becomes a part of
			// the states and of the classes.
			if e&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
				d.word = true
			}
			if e&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0 {
				d.line = true
			}
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			// Of runes beyond ASCII only the bytes are seen: one instruction takes any run of
			// them, which is more than the pattern may say. A superset of what the pattern matches
			// is sound for a prefilter: Match asks package regexp again whenever a value beyond
			// ASCII gives a yes.
			limit := 0x80
			if binary {
				limit = 0x100
			}
			for b := range limit {
				if matchRune(inst, rune(b)) {
					d.accepts[i].add(b)
				}
			}
			if !binary && takesHigh(inst) {
				d.wide[i] = true
				for b := 0x80; b < 0x100; b++ {
					d.accepts[i].add(b)
				}
			}
		}
	}
	// StartCond has what must hold at the beginning of any match. ^ is an assertion about lines in
	// a pattern with the flag m, so that only \A anchors.
	d.anchored = prog.StartCond()&syntax.EmptyBeginText != 0
	d.buildClasses()
	d.cache.Store(d.newCache())
	return d
}

// matchRune reports whether an instruction takes a rune. MatchRune of package syntax covers the
// ranges of InstRune and InstRune1 with their fold flag, but not these two kinds.
func matchRune(inst *syntax.Inst, r rune) bool {
	switch inst.Op {
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	}
	return inst.MatchRune(r)
}

// takesHigh reports whether inst matches a rune beyond ASCII. It errs on the side of yes.
func takesHigh(inst *syntax.Inst) bool {
	switch inst.Op {
	case syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	// A single rune is not a range: with the flag i it stands for all runes that equal it when case
	// is ignored, such as U+212A (Kelvin sign) for k.
	if len(inst.Rune) == 1 {
		r := inst.Rune[0]
		if r >= 0x80 {
			return true
		}
		if syntax.Flags(inst.Arg)&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				if f >= 0x80 {
					return true
				}
			}
		}
		return false
	}
	// Otherwise runes come in pairs, the ends of sorted ranges: the last one is the highest.
	return len(inst.Rune) > 0 && inst.Rune[len(inst.Rune)-1] >= 0x80
}

// buildClasses puts bytes that no instruction tells apart into one class. A class is named by its
// signature: the instructions that take the byte, and what assertions and wide runes ask of it.
// Patterns of the rule set have between 5 and 60 classes in place of 256 columns.
func (d *dfa) buildClasses() {
	signatures := map[string]uint8{}
	var key []byte
	for b := range 256 {
		key = key[:0]
		for i := range d.accepts {
			// All signatures get the same length, so that bytes with and without a last instruction
			// do not share one by accident. InstRune is the first of the kinds that take a rune.
			if d.prog.Inst[i].Op >= syntax.InstRune && len(key) <= i/8 {
				for len(key) <= i/8 {
					key = append(key, 0)
				}
			}
			if d.accepts[i].has(byte(b)) {
				for len(key) <= i/8 {
					key = append(key, 0)
				}
				key[i/8] |= 1 << (i % 8)
			}
		}
		// Not only instructions tell bytes apart: extend computes assertions from the
		// representative of the class, so that all its bytes must agree on each property that is
		// asked for.
		flags := byte(0)
		if d.word && ascii.IsWord(byte(b)) {
			flags |= 1
		}
		if d.line && b == '\n' {
			flags |= 2
		}
		if b >= 0x80 {
			flags |= 4 // in the middle of a wide rune
		}
		key = append(key, flags)
		c, ok := signatures[string(key)]
		if !ok {
			c = uint8(len(d.reps))
			signatures[string(key)] = c
			d.reps = append(d.reps, byte(b))
		}
		d.class[b] = c
	}
}

// newCache returns a cache that has the start state only. The caller holds d.mu or is the only one
// who knows d.
func (d *dfa) newCache() *cache {
	c := &cache{states: map[string]*state{}}
	w := newWork(d)
	w.add(uint32(d.prog.Start), 0)
	c.start = d.intern(c, w, atStart)
	return c
}

// match runs the automaton over s. With yes it returns where the first match to end
// ends at the latest. It is safe for several goroutines, does not allocate once the states are
// made, and takes time linear in the length of s, apart from the making of at most maxFlushes
// caches of states.
func (d *dfa) match(s string) (answer, int) {
	// The loop is one load of the class and one of the next state for each byte, once the
	// states are made.
	c := d.cache.Load()
	st := c.start
	flushes := 0
	class := &d.class
	for i := 0; i < len(s); i++ {
		n := st.next[class[s[i]]].Load()
		if n == nil {
			var fresh *cache
			if n, fresh = d.extend(c, st, class[s[i]]); fresh != c {
				// A new cache is counted whoever made it: values that thrash the cache together
				// give up together, rather than each in its turn.
				if flushes++; flushes > maxFlushes {
					return unsure, 0
				}
				c = fresh
			}
		}
		st = n
		// The match ended at i or before: that it did was only seen with the byte at i, by which
		// assertions after its last byte are decided.
		if st.stop {
			if st.matched {
				return yes, i + 1
			}
			return no, 0
		}
	}
	if d.endMatches(st) {
		return yes, len(s)
	}
	return no, 0
}

// endMatches reports whether a value that ends in a state matches. It may need the
// assertions about the end, so that it is computed once for each state that is asked. Two
// goroutines may compute it at the same time; they store the same answer.
func (d *dfa) endMatches(st *state) bool {
	if st.matched {
		return true
	}
	if v := st.end.Load(); v != 0 {
		return v == 2
	}
	// The end of a value counts as a byte that is no word character, so \b holds exactly after a
	// word character.
	flags := syntax.EmptyEndText | syntax.EmptyEndLine | d.flagsBefore(st.prev)
	if st.prev&afterWord != 0 {
		flags |= syntax.EmptyWordBoundary
	} else {
		flags |= syntax.EmptyNoWordBoundary
	}
	w := newWork(d)
	v := uint32(1)
	for _, i := range st.insts {
		// What is in the middle of a wide rune cannot match here without another instruction, which
		// is in the set as well: extend adds what follows the rune with each byte of it.
		if int(i) < len(d.prog.Inst) {
			w.add(i, flags)
		}
	}
	if w.match {
		v = 2
	}
	st.end.Store(v)
	return v == 2
}

// flagsBefore returns the assertions that hold by what is before.
func (d *dfa) flagsBefore(p prevFlags) syntax.EmptyOp {
	var f syntax.EmptyOp
	if p&atStart != 0 {
		f |= syntax.EmptyBeginText | syntax.EmptyBeginLine
	}
	if p&afterLine != 0 {
		f |= syntax.EmptyBeginLine
	}
	return f
}

// extend makes the state that follows st on a byte of the class. It returns the
// cache that the state is in, a new one if c was full. This is one step of the subset construction.
// st may belong to an older cache than c, which does no harm.
func (d *dfa) extend(c *cache, st *state, class uint8) (*state, *cache) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Another goroutine made it between the load in match and the lock.
	if n := st.next[class].Load(); n != nil {
		return n, c
	}
	// Any byte of the class does: buildClasses keeps apart what the lines below ask.
	b := d.reps[class]
	flags := d.flagsBefore(st.prev)
	if b == '\n' {
		flags |= syntax.EmptyEndLine
	}
	// If the pattern has no \b, afterWord is never set and the flags of word boundaries are wrong,
	// but no instruction asks for them.
	if ascii.IsWord(b) != (st.prev&afterWord != 0) {
		flags |= syntax.EmptyWordBoundary
	} else {
		flags |= syntax.EmptyNoWordBoundary
	}
	// Decide the assertions of st, now that both neighbours are known.
	now := newWork(d)
	n := uint32(len(d.prog.Inst))
	for _, i := range st.insts {
		if i < n {
			now.add(i, flags)
		} else {
			now.mark(i)
		}
	}
	next := newWork(d)
	// A match before this byte stays a match: the automaton says whether there is one, not
	// which is the longest.
	if now.match {
		next.match = true
	} else {
		for _, i := range now.list {
			if i >= n { // in the middle of a wide rune
				if b >= 0x80 {
					next.mark(i)
					next.add(d.prog.Inst[i-n].Out, 0)
				}
				continue
			}
			if d.prog.Inst[i].Op >= syntax.InstRune && d.accepts[i].has(b) {
				if d.wide[i] && b >= 0x80 {
					next.mark(i + n)
				}
				next.add(d.prog.Inst[i].Out, 0)
			}
		}
		// A match may begin at each byte: the start is added everywhere, which is the pattern with
		// .* before it.
		if !d.anchored {
			next.add(uint32(d.prog.Start), 0)
		}
	}
	var prev prevFlags
	if d.line && b == '\n' {
		prev |= afterLine
	}
	if d.word && ascii.IsWord(b) {
		prev |= afterWord
	}
	if cur := d.cache.Load(); c != cur {
		c = cur // another goroutine dropped the one this value began with
	}
	// Of the old cache only the set of instructions goes on: the value continues in the new one.
	if c.bytes > maxBytes {
		c = d.newCache()
		d.cache.Store(c)
		return d.intern(c, next, prev), c
	}
	made := d.intern(c, next, prev)
	st.next[class].Store(made)
	return made, c
}

// intern returns the state of c for a set of instructions. It empties the list of w if w has
// matched. The caller holds d.mu, or nobody else knows c.
func (d *dfa) intern(c *cache, w *work, prev prevFlags) *state {
	// All states with a match are one: nothing that follows changes the answer.
	if w.match {
		w.list = w.list[:0]
		prev = 0
	}
	// Which instruction comes first does not matter for whether there is a match, so equal
	// sets are one state.
	slices.Sort(w.list)
	key := make([]byte, 0, 2*len(w.list)+2)
	for _, i := range w.list {
		key = binary.AppendUvarint(key, uint64(i))
	}
	// No varint ends with 0xff, since its last byte has the high bit clear: the list cannot run
	// into what follows it.
	key = append(key, 0xff, byte(prev))
	if w.match {
		key = append(key, 1)
	}
	if st, ok := c.states[string(key)]; ok {
		return st
	}
	st := &state{
		next:    make([]atomic.Pointer[state], len(d.reps)),
		insts:   slices.Clone(w.list),
		prev:    prev,
		matched: w.match,
		stop:    w.match || len(w.list) == 0,
	}
	c.states[string(key)] = st
	// A pointer for each class, four bytes for each instruction, the key, and about 160 bytes for
	// the state itself, its entry in the map and the headers of slices and strings.
	c.bytes += 8*len(d.reps) + 4*len(w.list) + len(key) + 160
	return st
}

// work is a set of instructions in the making. seen is made anew each time, which is fine:
// states are made once.
type work struct {
	d *dfa
	// list has the members in the order in which they were added; those that only lead on, such as
	// alternatives, are in seen and not in list.
	list []uint32
	// seen is a set of bits with room for each instruction twice: as itself and in the middle of a
	// rune.
	seen  []uint64
	match bool
}

// newWork returns an empty set.
func newWork(d *dfa) *work {
	return &work{d: d, seen: make([]uint64, (2*len(d.prog.Inst)+63)/64)}
}

// mark puts an instruction into the set and reports whether it is new.
func (w *work) mark(i uint32) bool {
	if w.seen[i>>6]>>(i&63)&1 != 0 {
		return false
	}
	w.seen[i>>6] |= 1 << (i & 63)
	w.list = append(w.list, i)
	return true
}

// add puts instruction i and all that follow without a byte into the set. An
// assertion is passed if flags has it, else it stays in the set. It is the closure under empty
// transitions of Thompson's construction. seen ends loops such as that of (a*)*; the depth of the
// recursion is bounded by the number of instructions: patterns come from rules, never from
// requests.
func (w *work) add(i uint32, flags syntax.EmptyOp) {
	if w.seen[i>>6]>>(i&63)&1 != 0 {
		return
	}
	inst := &w.d.prog.Inst[i]
	switch inst.Op {
	case syntax.InstFail:
		return
	case syntax.InstAlt, syntax.InstAltMatch:
		w.seen[i>>6] |= 1 << (i & 63)
		w.add(inst.Out, flags)
		w.add(inst.Arg, flags)
	case syntax.InstNop, syntax.InstCapture:
		w.seen[i>>6] |= 1 << (i & 63)
		w.add(inst.Out, flags)
	// With flags 0, as for a new state, no assertion is passed: it waits in the set until the byte
	// after it is known. In a set that is decided it has no effect any more, since it takes no
	// byte.
	case syntax.InstEmptyWidth:
		w.mark(i)
		if syntax.EmptyOp(inst.Arg)&^flags == 0 {
			w.add(inst.Out, flags)
		}
	case syntax.InstMatch:
		w.match = true
	default:
		w.mark(i)
	}
}
