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
package run

import (
	"time"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/target"
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
	PhaseCount      = 6
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
	Settings  Settings
	Rules     []Rule
	ByID      map[int]int32
	LinkCount int // number of links of all rules
	Phases    [PhaseCount]Phase
	Slots     map[string]int32 // names of TX variables
	SlotNames []string         // by slot
	Initial   []SlotValue      // values of TX at the start of a transaction
	Scores    []int32          // slots that hold anomaly scores by paranoia level
	Needed    [seclang.VariableCount]bool
	Scalars   []seclang.Variable // needed ones that are no collections
	WellKnown WellKnown
	Reference bool
	cache     *resultCache
}

// wellKnown are the slots that the engine itself reads.
type WellKnown struct {
	BlockingInbound, BlockingOutbound int32
	Inbound, Outbound                 [5]int32 // by paranoia level
	Captures                          [10]int32
}

// slotValue is a variable of TX.
type SlotValue struct {
	Set  bool
	Text string
}

// rule is a chain of one or more links with what happens when all match.
type Rule struct {
	ID       int
	Index    int32
	Phase    int
	Pos      seclang.Pos
	Tags     []string
	Severity int // 0 emergency to 7 debug, -1 none
	Message  string
	Links    []Link
	Requires []int32 // numbers of links that the gate must have found a value for
	Log      bool
	// text is the directive as written, for explanations.
	Directives []seclang.Directive

	Disruption Disruption
	Status     int
	AllowScope AllowScope
	// skipTo is the index of the rule to go on with, 0 if the rule skips nothing.
	SkipTo     int32
	SkipMarker string
	SkipCount  int
}

type Disruption uint8

const (
	Pass Disruption = iota
	Deny
	Allow
)

type AllowScope uint8

const (
	allowNothing AllowScope = iota
	AllowPhase
	AllowRequest
	AllowAll
)

// link is one SecRule or SecAction of a chain.
type Link struct {
	Number     int32 // among all links of the program
	Targets    []target.Target
	Operator   Operator // nil matches without a look at anything
	Negated    bool
	Capture    bool
	MultiMatch bool
	Transforms []*transform.Transformation
	Actions    []Action
	Message    *Macro
	LogData    *Macro
	Gated      bool // the gate finds the values that may match
	GuardOnly  bool // the gate only finds whether the rule may match; all its values are tested then
}

// phase is what runs in one phase.
type Phase struct {
	Rules  []int32    // in order
	Always bitset.Set // rules that the gate says nothing about, by place in rules
	Gate   *gate.Gate
}

// Rules returns the number of rules that can run, over all phases.
func (p *Program) RuleCount() int {
	n := 0
	for i := range p.Phases {
		n += len(p.Phases[i].Rules)
	}
	return n
}
