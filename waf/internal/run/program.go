// Package run executes a compiled rule set over transactions.
//
// A program is a list of rules for each phase. Package build makes it of the directives
// and has done by then what can be done before any request: settings that no transaction
// changes are folded into the rules, rules that can never run are gone. Package gate
// tells for each phase which of the rest may match which values. What remains runs here,
// one by one, exactly.
//
// # Glossary
//
//   - Transaction (Tx): a request with its response, on its way through the phases.
//   - Phase: a point of a transaction at which rules run, 1 to 5 as in ModSecurity.
//   - Rule: a chain of links. It matches if each link does.
//   - Link: one SecRule or SecAction: targets, transformations, an operator, actions.
//   - Operator: the test of a link (@rx, @pm). Match of a link: its operator holds for a
//     value, or does not if it is negated.
//   - Action: what a link does with each match; a rule's disruption, what it asks for once
//     it matched.
//   - Collection: named values of a transaction (ARGS). Persistent collections (IP,
//     SESSION) outlive it; their records are in package collection.
//   - TX: the variables that rules set. Those that the rules name have numbers, slots.
//   - Macro: text with references to variables, %{tx.score}.
//   - Anomaly score: the variables of TX to which rules of each paranoia level add; rules
//     at the end of a phase compare their sum with a threshold.
//   - Hit: a match that is reported. Fate: what became of a rule, for explanations.
//   - Cache: results of values that clients send over and over.
//
// A Program is shared and does not change but for its cache, which is safe for use by
// several goroutines. A Tx belongs to one transaction and one goroutine. The package does
// no I/O, starts no goroutine and asks no clock.
package run

import (
	"time"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Phases of a transaction, as the rule language counts them.
const (
	RequestHeaders  = 1
	RequestBody     = 2
	ResponseHeaders = 3
	ResponseBody    = 4
	Logging         = 5
	// PhaseCount is the length of tables by phase.
	PhaseCount = 6
)

// Settings are what directives other than rules say.
type Settings struct {
	// Engine is "on", "detectiononly" or "off".
	Engine string
	// RequestBody and ResponseBody tell that bodies are inspected.
	RequestBody, ResponseBody bool
	// RequestBodyLimit and ResponseBodyLimit are in bytes, 0 if the rules set none.
	RequestBodyLimit, ResponseBodyLimit int
	// JSONDepth is how deep JSON may be nested, Arguments how many arguments are read.
	JSONDepth, Arguments int
	// CollectionTimeout is how long a record of a collection stays after its last update.
	CollectionTimeout time.Duration
	// ResponseTypes are the media types of response bodies that are inspected.
	ResponseTypes []string
	// Notices are directives and actions that were read and have no effect here,
	// with the reason.
	Notices []string
}

// Program is a compiled rule set. Package build fills the fields; from then on they must
// not be changed. Rules, links and variables of TX go by numbers, which are places in
// tables, so that nothing is looked up by name while rules run.
type Program struct {
	Settings Settings
	// Rules are all rules, those that cannot run included, in the order of the directives.
	Rules []Rule
	ByID  map[int]int32 // index in Rules by id
	// LinkCount is the number of links of all rules, which are numbered from 0.
	LinkCount int
	Phases    [PhaseCount]Phase // what runs in each phase; 0 is none
	// Slots are the numbers of the variables of TX that rules name, by name in lower case.
	// SlotNames are the names, Initial the values at the start of a transaction, by slot.
	Slots     map[string]int32
	SlotNames []string
	Initial   []SlotValue
	// Scores are the slots of WellKnown.Inbound and Outbound.
	Scores []int32
	// Needed are the variables that rules refer to: others need not be filled. Scalars are
	// those of them that always have one value, which is empty until it is known.
	Needed  [seclang.VariableCount]bool
	Scalars []seclang.Variable
	// WellKnown are the slots that the engine itself reads.
	WellKnown WellKnown
	// Reference makes operators use the standard library's regular expressions and links
	// test every value, without the gate.
	Reference bool
	cache     *resultCache
}

// WellKnown are the slots that the engine itself reads, by the names that the Core Rule
// Set gives them.
type WellKnown struct {
	// BlockingInbound and BlockingOutbound are what rules 949 and 959 compare with the
	// thresholds.
	BlockingInbound, BlockingOutbound int32
	// Inbound and Outbound are the anomaly scores by paranoia level, 1 to 4.
	Inbound, Outbound [5]int32
	// Captures are TX:0 to TX:9.
	Captures [10]int32
}

// SlotValue is the value of a variable of TX. The zero value is that of one that is not
// set, which differs from an empty one for rules that count it.
type SlotValue struct {
	Set  bool
	Text string
}

// Rule is a chain of one or more links with what happens when all match.
type Rule struct {
	ID       int
	Index    int32 // in Program.Rules
	Phase    int
	Pos      seclang.Pos // where it is written
	Tags     []string
	Severity int    // 0 emergency to 7 debug, -1 none
	Message  string // of the first link, with macros as written
	Links    []Link
	Requires []int32 // numbers of links for which the gate must have found a candidate
	Log      bool    // matches are to be reported
	// Directives are those of the links as written, for explanations.
	Directives []seclang.Directive

	// Disruption is what the rule asks for when it matched, Status the status of a
	// response that refuses, 0 for the default, AllowScope how far Allow reaches.
	Disruption Disruption
	Status     int
	AllowScope AllowScope
	// SkipTo is the index of the rule to go on with, 0 if the rule skips nothing. It comes
	// of SkipMarker (skipAfter) or SkipCount (skip), as written.
	SkipTo     int32
	SkipMarker string
	SkipCount  int
}

// Disruption is what a rule asks for when it matched: its disruptive action.
type Disruption uint8

const (
	// Pass goes on with the next rule.
	Pass Disruption = iota
	// Deny refuses the transaction.
	Deny
	// Allow ends the inspection, as far as the rule's AllowScope says.
	Allow
)

// AllowScope is how far Allow reaches. The zero value is that of rules without it.
type AllowScope uint8

const (
	allowNothing AllowScope = iota
	// AllowPhase lets pass what is left of the phase.
	AllowPhase
	// AllowRequest lets the request pass; rules of the response run.
	AllowRequest
	// AllowAll lets request and response pass; the logging phase runs.
	AllowAll
)

// Link is one SecRule or SecAction of a chain.
type Link struct {
	Number     int32           // among all links of the program
	Targets    []target.Target // what it looks at
	Operator   Operator        // nil matches without a look at anything
	Negated    bool            // it matches what Operator does not
	Capture    bool            // matches fill TX:0 to TX:9
	MultiMatch bool            // values are tested before and after each transformation
	Transforms []*transform.Transformation
	Actions    []Action // what each match does, in order
	// Message and LogData are what a match is reported with, nil for none.
	Message, LogData *Macro
	// Gated tells that the gate finds the values that may match, so that only these are
	// tested. GuardOnly tells that it finds no more than whether the rule may match: if
	// it does, all values are tested.
	Gated, GuardOnly bool
}

// Phase is what runs in one phase.
type Phase struct {
	// Rules are indexes of rules in order. The position of a rule is its place here.
	Rules []int32
	// Always are the positions of rules that the gate says nothing about.
	Always bitset.Set
	// Gate finds the candidates of the other rules, nil if there are none.
	Gate *gate.Gate
}
