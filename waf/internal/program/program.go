// Package program compiles rules into a program and runs transactions through it.
//
// A program is a list of rules for each phase. What the compiler knows already is
// done already: settings that no transaction changes are folded, rules that can
// never run are dropped. For the rest there is a gate: every value is read once for
// the bytes and once for the words that it has, and that proves, for nearly all
// rules, that they cannot match it. Only the others run, one by one, exactly.
//
// Programs are shared and do not change but for their memory of values that come
// again, which is safe for concurrent use; a Tx belongs to one transaction.
package program

import (
	"time"

	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Phases of a transaction.
const (
	RequestHeaders  = 1
	RequestBody     = 2
	ResponseHeaders = 3
	ResponseBody    = 4
	Logging         = 5
	phaseCount      = 6
)

// Settings are what directives other than rules say.
type Settings struct {
	// Engine is "on", "detectiononly" or "off".
	Engine string
	// RequestBody and ResponseBody tell that bodies are inspected.
	RequestBody, ResponseBody bool
	// Limits in bytes, 0 if the rules set none.
	RequestBodyLimit, ResponseBodyLimit int
	JSONDepth, Arguments                int
	// CollectionTimeout is how long a record of a collection stays after its last update.
	CollectionTimeout time.Duration
	// ResponseTypes are the media types of response bodies that are inspected.
	ResponseTypes []string
	// Notices are directives and actions that were read and have no effect here,
	// with the reason.
	Notices []string
}

// Program is a compiled rule set.
type Program struct {
	Settings Settings
	rules    []rule
	byID     map[int]int32
	links    int // number of links of all rules
	phases   [phaseCount]phase
	slots    map[string]int32 // names of TX variables
	names    []string         // by slot
	initial  []slotValue      // values of TX at the start of a transaction
	scores   []int32          // slots that hold anomaly scores by paranoia level
	needed   [seclang.VariableCount]bool
	scalars  []seclang.Variable // needed ones that are no collections
	known    wellKnown
	noGate   bool
	memory   *memory
}

// wellKnown are the slots that the engine itself reads.
type wellKnown struct {
	blockingInbound, blockingOutbound int32
	inbound, outbound                 [5]int32 // by paranoia level
	captures                          [10]int32
}

// slotValue is a variable of TX.
type slotValue struct {
	set  bool
	text string
}

// rule is a chain of one or more links with what happens when all match.
type rule struct {
	id       int
	index    int32
	phase    int
	pos      seclang.Pos
	tags     []string
	severity int // 0 emergency to 7 debug, -1 none
	msg      string
	links    []link
	requires []int32 // numbers of links that the gate must have found a value for
	log      bool
	// text is the directive as written, for explanations.
	source []seclang.Directive

	disruptive disruptive
	status     int
	allow      allowKind
	// skipTo is the index of the rule to go on with, 0 if the rule skips nothing.
	skipTo   int32
	skipMark string
	skipN    int
}

type disruptive uint8

const (
	doPass disruptive = iota
	doDeny
	doAllow
)

type allowKind uint8

const (
	allowNothing allowKind = iota
	allowPhase
	allowRequest
	allowAll
)

// link is one SecRule or SecAction of a chain.
type link struct {
	number     int32 // among all links of the program
	targets    []target
	op         operator // nil matches without a look at anything
	negated    bool
	capture    bool
	multiMatch bool
	transforms []*transform.Transformation
	actions    []action
	msg        *macro
	logdata    *macro
	gated      bool // the gate finds the values that may match
	relay      bool // the gate only finds whether the rule may match; all its values are tested then
}

// phase is what runs in one phase.
type phase struct {
	rules  []int32 // in order
	always set     // rules that the gate says nothing about, by place in rules
	gate   *gate
}

// Rules returns the number of rules that can run, over all phases.
func (p *Program) Rules() int {
	n := 0
	for i := range p.phases {
		n += len(p.phases[i].rules)
	}
	return n
}
