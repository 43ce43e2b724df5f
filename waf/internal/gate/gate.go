// Package gate proves which links of rules cannot match a value, so that only the others
// need be tested one by one. It is the prefilter of the engine.
//
// A rule set has hundreds of rules and a request dozens of values, and nearly no rule
// matches nearly any of them. The gate reads each value about once instead of once a
// rule. It may err on one side only: a link that it passes need not match, one that it
// holds back must not. Tests compare an engine with the gate to one without.
//
// What happens to a value, in the order of cost:
//
//   - Its bytes are put into classes (package charset) by one table look-up each. A
//     pattern that requires a byte of a class that the value lacks is out.
//   - Its words are searched for by one automaton for the words of all patterns
//     (package multi). A pattern whose required literals are not among them is out.
//   - A guard, where a pattern has one, looks at the whole value.
//   - What transformations make of it goes the same way, if it is made at all: what a
//     transformation cannot bring to light is not made (requirements, sieves).
//
// What remains are candidates: pairs of a link and a value that it may match.
//
// # Glossary
//
//   - Prefilter: a cheap test that may pass what the real one refuses, never the reverse.
//   - Required literals: words of which a value must have one for a regular expression
//     to match (rx.Need.Words); a pattern may have several such lists, and needs a word
//     of each.
//   - Required bytes: the same with classes of single bytes (rx.Need.Bytes).
//   - Aho-Corasick: the automaton that finds all words of all lists in one pass (Aho and
//     Corasick, "Efficient String Matching", 1975).
//   - Shift-And: bit-parallel search for words in a stream that need not be written down,
//     by which a sieve follows words through base64 (Baeza-Yates and Gonnet, 1992).
//   - Pattern: the test of a link. Links that do the same test share one.
//   - Condition: what a pattern requires of the values of a tier.
//   - Tier: values that lack the same bytes. A value without quotes and backslashes cannot
//     hide a command behind them, so its conditions are stricter.
//   - Plan: the tree of transformations that the links ask for on the members of one
//     collection, with the patterns that look at each node.
//   - Guard: a proof for one pattern, written by hand, where literals prove nothing: for
//     libinjection, for comparisons.
//   - Candidate: a value that a link may match, after the link's transformations.
//
// The gate knows neither programs nor transactions: it is built from links (Compiler)
// and keeps what it needs for one transaction in a State that its owner provides. A Gate
// is immutable and safe for use by several goroutines, a State is neither.
//
// Files: gate.go has the types, compile.go builds them from links, filter.go runs them; require.go,
// sieves.go and guard.go are the proofs about transformations, about decoders and about
// libinjection; sqliwords.go is made from the source of libinjection.
package gate

import (
	"slices"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/multi"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/sieve"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Gate finds candidates among the values of a phase.
//
// Patterns, conditions and transformations have numbers, which are places in its tables:
// sets of them are sets of bits.
type Gate struct {
	// Collections are those that links look at, in the order in which links name them.
	Collections []CollectionPlan
	// patterns are those of all links, each identity once.
	patterns []Pattern
	guards   []Guarded // by pattern, nil for most
	tiers    [tierCount]tier
	// setWords counts a bit for each pattern and one for each further condition on words, rounded
	// up.
	setWords int // length of sets of conditions, in words of 64 bits
	// transforms are all transformations of the plans, by number.
	transforms []*transform.Transformation
}

// Three tiers are enough: nearly all values of benign requests belong to the first two,
// and each costs the tables of an automaton.
const tierCount = 3

// tierAbsent has the bytes that the values of each tier lack: those of tier 0 are
// one word, those of tier 1 plain text, those of tier 2 anything.
var tierAbsent = buildTierAbsent()

// tierMask are the classes of these bytes.
var tierMask = [tierCount]charset.Mask{charset.Cover(tierAbsent[0]), charset.Cover(tierAbsent[1]), 0}

// buildTierAbsent returns tierAbsent.
func buildTierAbsent() (absent [tierCount]charset.Set) {
	var word charset.Set
	word.AddRange('a', 'z')
	word.AddRange('A', 'Z')
	word.AddRange('0', '9')
	word.Add('_')
	// No byte of tier 0 is white space, a quote or an operator: most names of parameters, tokens
	// and numbers.
	absent[0] = word.Not()
	// The seven punctuation marks are those of prose, dates, paths and addresses. With them a value
	// can be a sentence or a URL and still hides nothing from a search for words: no quote, no
	// backslash, no bracket.
	absent[1] = word.Or(charset.Of(" -.,/:+")).Not()
	return absent
}

// tierOf returns the first tier to which a value with these classes of bytes belongs.
// Classes have no byte inside and another one outside of what a tier lacks, so that
// this is exact. It costs two comparisons, since the mask is known anyway.
func tierOf(m charset.Mask) int8 {
	switch {
	case m&tierMask[0] == 0:
		return 0
	case m&tierMask[1] == 0:
		return 1
	}
	return 2
}

// tier has what patterns require of the values of a tier.
type tier struct {
	conditions []condition // by pattern
	words      *multi.Automaton
	single     []singleBytes
}

// singleBytes is a condition on words that some single byte fulfils as well. The
// automaton would report it all the time, so it is looked up in the classes, which is
// not exact for letters and errs on the side of yes.
type singleBytes struct {
	mask charset.Mask
	bit  int32
}

// condition is what a pattern requires. Its first condition on words has the number of
// the pattern as its bit, so that the words that were found are, as they are, a set of
// patterns that may match. A value fulfils it if it has a word of the first list and of each
// further one, and a byte for each mask. The zero value holds for every value.
type condition struct {
	never    bool // no value of the tier matches
	hasWords bool
	more     []int32        // bits of further conditions on words
	bytes    []charset.Mask // conditions on bytes
	shortest int            // length of the shortest word of the first condition on words
}

// CollectionPlan has the plans for the members of one collection. Rules that look at
// ARGS:q do not look at ARGS:p, so members have different plans by their keys.
type CollectionPlan struct {
	// Collection holds the members, which have keys unless it is a scalar.
	Collection seclang.Variable
	base       *Plan // for members whose keys no rule names
	// patterns are the keys that rules give as regular expressions, matching the plan
	// for members whose keys match one of them: all of them, since a plan for each
	// combination would be too many.
	patterns []target.Selector
	matching *Plan
	keyed    map[string]*Plan // by key in lower case, for keys that rules name
	// lengths has bit n if a key of keyed has n bytes, bit 63 for longer ones. Most names
	// of parameters have another length than the few that rules name, which spares them
	// the map.
	lengths uint64
}

// Plan is what is done with a value: the transformations that links ask for, as a tree,
// so that what two links have in common is done once. A Plan is a trie over lists of
// transformations: rules that begin with the same ones share their results. It is immutable.
type Plan struct {
	// Number is odd and another one for each plan of a program. The program's
	// memory of values mixes it into its hashes: what is known of a value holds for one plan only.
	Number uint64
	nodes  []planNode
	// negated are links that match what their operators do not. No required literal helps
	// there, so they are tested; they look at few values.
	negated []negatedLink
	// live are the nodes that a value of each tier must visit, in order: the others
	// want nothing of it, nor do their children.
	live [tierCount][]int32
	// touch are the bytes of which a value must have one for any transformation to
	// change it; always tells that one changes everything.
	touch  charset.Mask
	always bool
	// all answers for every node at once whether a value that no transformation changes can be
	// dropped.
	all [tierCount]wanted // the patterns of all nodes
}

// wanted are patterns that want to see a value.
type wanted struct {
	words bitset.Set // with conditions on words
	bytes []int32    // without
}

// planNode is the result of a list of transformations. Node 0 is the value itself;
// parents come before children, so that one pass in order makes all.
type planNode struct {
	parent int32
	t      *transform.Transformation // that makes it of the parent, nil for node 0
	number int32                     // of t in the gate
	need   charset.Mask              // classes of the bytes of which t needs one to change anything
	wanted [tierCount]wanted
	// links is nil for nodes at which no pattern looks, which are only on the way to others.
	links map[int32][]LinkRef // by pattern
	// requires are requirements of the patterns here and below: one must be fulfilled.
	requires []requirement
	sieve    *sieve.Sieve // of the words of the patterns here and below, nil for most
	// spaced tells that the sieve asks for words after white space is removed, cases
	// that the case of letters changes then, decodes that it asks for words in base64.
	spaced, cases, decodes bool
	// enough is the length that the result must have for any pattern here or at a
	// child to match, 0 if that is not known.
	enough int
}

// negatedLink is a link that matches the values that its pattern does not match. It is tested at
// once, so that its candidates are sure.
type negatedLink struct {
	LinkRef
	transforms []*transform.Transformation
	pattern    int32
}

// LinkRef names a link that wants to see values that may match.
type LinkRef struct {
	Link int32 // number among all links of the program
	// Position is that of its rule in the phase, NotFirst if it is a further link.
	Position int32
}

// Pattern is the test of a link as the gate sees it: one whose answer depends on the
// value alone. Implementations are safe for use by several goroutines.
type Pattern interface {
	// Identity is equal for patterns that match the same values, which then share what
	// is proved.
	Identity() string
	// Need returns what a value that has no byte of absent must have to match. The zero
	// Need says that nothing is known.
	Need(absent charset.Set) rx.Need
	// Matches tests a value. It is asked by the gate for negated links only.
	Matches(s string) bool
}

// Guarded is a Pattern that can prove by a look at a value that it does not match it, at
// less cost than by a test.
type Guarded interface {
	Pattern
	// Possible may err on the side of true.
	Possible(s string) bool
}

// Static reports whether the values of the targets stay as they are while a phase runs,
// so that the gate can read them before any rule has run. Counts are not static, since the gate
// looks at members, not at how many there are.
func Static(targets []target.Target) bool {
	return !slices.ContainsFunc(targets, func(t target.Target) bool { return t.Count || dynamic(t.Variable) })
}

// dynamic reports whether rules change a variable while a phase runs. The collections that outlive
// a transaction are among them: initcol opens them while a rule runs.
func dynamic(v seclang.Variable) bool {
	switch v {
	case seclang.TX, seclang.MatchedVar, seclang.MatchedVarName, seclang.MatchedVars, seclang.MatchedVarsNames,
		seclang.RuleVariable, seclang.HighestSeverity, seclang.ReqbodyProcessor,
		seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User, seclang.SessionID, seclang.UserID:
		return true
	}
	return false
}
