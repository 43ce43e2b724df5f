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

// gate proves for the values of a phase which rules cannot match them.
//
// Rules that do the same test share a pattern. For each collection there is a
// plan: a tree of the transformations that rules ask for, with the patterns that
// want to see each result. A value walks the tree once; results that do not differ
// from what they were made of are not looked at again.
//
// What a pattern needs of a value depends on what else the value lacks: without
// quotes and backslashes a pattern against hidden commands is a list of words. So
// there are tiers of values by the bytes that they lack, each with the conditions
// that hold there and an automaton for their words.
type Gate struct {
	Collections []CollectionPlan
	patterns    []Pattern
	guards      []Guarded // by pattern, nil for most
	tiers       [tierCount]tier
	setWords    int // length of sets of conditions, in words of 64 bits
	// transforms are all transformations of the plans, by number.
	transforms []*transform.Transformation
}

const tierCount = 3

// tierAbsent has the bytes that the values of each tier lack: those of tier 0 are
// one word, those of tier 1 plain text, those of tier 2 anything.
var tierAbsent = buildTierAbsent()

// tierMask are the classes of these bytes.
var tierMask = [tierCount]charset.Mask{charset.Cover(tierAbsent[0]), charset.Cover(tierAbsent[1]), 0}

func buildTierAbsent() (absent [tierCount]charset.Set) {
	var word charset.Set
	word.AddRange('a', 'z')
	word.AddRange('A', 'Z')
	word.AddRange('0', '9')
	word.Add('_')
	absent[0] = word.Not()
	absent[1] = word.Or(charset.Of(" -.,/:+")).Not()
	return absent
}

func tierOf(m charset.Mask) int8 {
	switch {
	case m&tierMask[0] == 0:
		return 0
	case m&tierMask[1] == 0:
		return 1
	}
	return 2
}

// tier has what patterns need of the values of a tier.
type tier struct {
	conditions []condition // by pattern
	words      *multi.Automaton
	single     []singleBytes
}

// singleBytes is a condition on words that some single byte fulfils as well. It is
// looked up in the classes, which is not exact for letters.
type singleBytes struct {
	mask charset.Mask
	bit  int32
}

// condition is what a pattern needs. Its first condition on words has the number of
// the pattern as its bit.
type condition struct {
	never    bool
	hasWords bool
	more     []int32        // bits of further conditions on words
	bytes    []charset.Mask // conditions on bytes
	shortest int            // length of the shortest word of the first condition on words
}

// sourcePlan has the plans for the members of one collection.
type CollectionPlan struct {
	Collection seclang.Variable
	base       *Plan
	// patterns are the keys that rules give as regular expressions, matching the plan
	// for members whose keys match one of them.
	patterns []target.Selector
	matching *Plan
	keyed    map[string]*Plan // by key in lower case, for keys that rules name
	lengths  uint64           // has bit n if a key of keyed has n bytes; bit 63 for longer ones
}

type Plan struct {
	Number uint64 // odd, another for each plan
	nodes  []planNode
	// negated are links that match what their operators do not.
	negated []negatedLink
	// live are the nodes that a value of each tier must visit, in order: the others
	// want nothing of it, nor do their children.
	live [tierCount][]int32
	// touch are the bytes of which a value must have one for any transformation to
	// change it; always tells that one changes everything.
	touch  charset.Mask
	always bool
	all    [tierCount]wanted // the patterns of all nodes
}

// wanted are patterns that want to see a value.
type wanted struct {
	words bitset.Set // with conditions on words
	bytes []int32    // without
}

// planNode is the result of a list of transformations. Node 0 is the value itself;
// parents come before children.
type planNode struct {
	parent int32
	t      *transform.Transformation
	number int32 // of t in the gate
	need   charset.Mask
	wanted [tierCount]wanted
	links  map[int32][]LinkRef // by pattern
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

// negatedLink is a link that matches the values that its pattern does not match.
type negatedLink struct {
	LinkRef
	transforms []*transform.Transformation
	pattern    int32
}

// linkRef is a link that wants to see values that may match.
type LinkRef struct {
	Link     int32 // number
	Position int32 // of its rule in the phase, notFirst if it is a further link
}

// gateable operators need something of a value that the gate can look for. Their answer
// depends on the value alone.
type Pattern interface {
	// identity is equal for operators that do the same.
	Identity() string
	// need returns what a value that has no byte of absent must have.
	Need(absent charset.Set) rx.Need
	// matches tests a value.
	Matches(s string) bool
}

// guarded operators can prove by a look at a value that they do not match it, at
// less cost than by a test.
type Guarded interface {
	Possible(s string) bool
}

// constantTargets reports whether the gate can know the values of the targets.
func Static(targets []target.Target) bool {
	return !slices.ContainsFunc(targets, func(t target.Target) bool { return t.Count || dynamic(t.Variable) })
}

// dynamic variables change while a phase runs; the gate knows nothing about them.
func dynamic(v seclang.Variable) bool {
	switch v {
	case seclang.TX, seclang.MatchedVar, seclang.MatchedVarName, seclang.MatchedVars, seclang.MatchedVarsNames,
		seclang.RuleVariable, seclang.HighestSeverity, seclang.ReqbodyProcessor,
		seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User, seclang.SessionID, seclang.UserID:
		return true
	}
	return false
}
