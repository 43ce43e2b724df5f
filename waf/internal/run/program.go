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
//   - Action: what a link does with each match; a rule's disruption, what it asks for
//     once it matched.
//   - Collection: named values of a transaction (ARGS). Persistent collections (IP,
//     SESSION) outlive it; their records are in package collection.
//   - TX: the variables that rules set. Those that the rules name have numbers, slots.
//   - Macro: text with references to variables, %{tx.score}.
//   - Anomaly score: the variables of TX to which rules of each paranoia level add; rules
//     at the end of a phase compare their sum with a threshold.
//   - Hit: a match that is reported. Fate: what became of a rule, for explanations.
//   - Cache: results of values that clients send over and over.
//
// # Files
//
//   - program.go: the tables that package build fills.
//   - tx.go: a transaction, its reuse and the look-up of variables.
//   - request.go, header.go, bodytype.go, graphql.go: what fills the variables from the
//     messages, and the readings of a body in the charsets that it claims.
//   - eval.go: the interpreter of phases, rules, links and values.
//   - operator.go, identity.go: the operators.
//   - action.go, macro.go, collection.go: the actions, the texts that they expand, and
//     those that change what outlives a transaction.
//   - overlay.go: what an application changes of a program that it shares with others.
//   - cache.go: what is kept of values that come again.
//   - trace.go, describe.go: explanations, which cost nothing unless somebody asks.
//
// The reference is the behaviour of ModSecurity v3; where Coraza differs it is that of
// Coraza, on which the regression tests of the Core Rule Set run.
//
// A Program is shared and does not change but for its cache, which is safe for use by
// several goroutines. A Tx belongs to one transaction and one goroutine. The package does
// no I/O, starts no goroutine and asks no clock.
//
// Stability: internal; it changes together with package build.
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
	// The numbers are part of the language (phase:2) and of what the engine reports, so
	// they must not change.
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
	// Engine is the argument of SecRuleEngine: "on", "detectiononly" or "off". Anything
	// else means on, so that a program without the directive protects.
	Engine string
	// RequestBody and ResponseBody tell that bodies are inspected. Without them phases 2
	// and 4 run all the same, on what the heads gave.
	RequestBody, ResponseBody bool
	// RequestBodyLimit and ResponseBodyLimit are in bytes, 0 if the rules set none. The
	// engine takes the smaller of these and its own configuration; nothing here enforces
	// them.
	RequestBodyLimit, ResponseBodyLimit int
	// JSONDepth is how deep JSON may be nested, Arguments how many arguments are read.
	// Both bound the work that a body can ask for. Arguments beyond the limit set
	// ARGUMENTS_LIMIT_REACHED, for rules that refuse what was not inspected.
	JSONDepth, Arguments int
	// CollectionTimeout is how long a record of a collection stays after its last update.
	// Rules change that of a record by the member TIMEOUT.
	CollectionTimeout time.Duration
	// ResponseTypes are the media types of response bodies that are inspected. They are
	// in lower case and without parameters; "text/html; charset=utf-8" is text/html.
	ResponseTypes []string
	// Notices are directives and actions that were read and have no effect here,
	// with the reason.
	Notices []string
}

// Program is a compiled rule set. Package build fills the fields; from then on they must
// not be changed. Rules, links and variables of TX go by numbers, which are places in
// tables, so that nothing is looked up by name while rules run.
//
// A rule has a place in two tables: its index in Rules, by which it is known everywhere,
// and its position in a phase, by which the gate knows it.
type Program struct {
	Settings Settings
	// Rules are all rules, those that cannot run included, in the order of the
	// directives. A rule goes by its index here in every set of rules: removed ones,
	// exceptions, traces.
	Rules []Rule
	// ByID is the index in Rules by id.
	ByID map[int]int32
	// LinkCount is the number of links of all rules, which are numbered from 0. It is the
	// size of the tables of a gate.State.
	LinkCount int
	// Phases is what runs in each phase, in the order of the directives; 0 is none.
	Phases [PhaseCount]Phase
	// Slots are the numbers of the variables of TX that rules name, by name in lower case.
	// SlotNames are the names, Initial the values at the start of a transaction, by slot.
	// The captures TX:0 to TX:9 come first. A slot is a place in Tx.slots, so that
	// reading a variable of TX is an index and not a look-up.
	Slots     map[string]int32
	SlotNames []string
	Initial   []SlotValue
	// Scores are the slots of WellKnown.Inbound and Outbound. A rule that adds to one of
	// them is one of detection; see SetVar.
	Scores []int32
	// Needed are the variables that rules refer to: others need not be filled. Scalars are
	// those of them that always have one value, which is empty until it is known.
	Needed  [seclang.VariableCount]bool
	Scalars []seclang.Variable
	// WellKnown are the slots that the engine itself reads.
	WellKnown WellKnown
	// Reference makes operators use the standard library's regular expressions and links
	// test every value, without the gate. It is what the tests of soundness compare the
	// engine with: the same requests must have the same verdicts. No product code sets
	// it.
	Reference bool
	// cache is made by InitCache. It is the only field that changes while requests run.
	cache *resultCache
}

// WellKnown are the slots that the engine itself reads, by the names that the Core Rule
// Set gives them.
type WellKnown struct {
	// BlockingInbound and BlockingOutbound are what rules 949 and 959 compare with the
	// thresholds. They are 0 until these rules ran, see Tx.Scores.
	BlockingInbound, BlockingOutbound int32
	// Inbound and Outbound are the anomaly scores by paranoia level, 1 to 4. The element
	// 0 is unused.
	Inbound, Outbound [5]int32
	// Captures are TX:0 to TX:9. A match overwrites those that it has groups for and
	// leaves the others, as in Coraza.
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
	// ID is unique in the program. The ranges of the Core Rule Set have meanings of their
	// own, which only package waf knows.
	ID int
	// Index is the place in Program.Rules.
	Index int32
	Phase int
	// Pos is where the first directive of the chain is written.
	Pos  seclang.Pos
	Tags []string
	// Severity is 0 (emergency) to 7 (debug), as in syslog, -1 if the rule has none.
	// Lower is worse.
	Severity int
	// Message is the msg of the first link with its macros as written, for lists of
	// rules. What a match reports is Link.Message.
	Message string
	Links   []Link
	// Requires are numbers of links for which the gate must have found a candidate. If
	// one has none the chain cannot match, and the rule does not run. Only links before
	// which nothing is done are among them, since actions of a link are done although a
	// later link fails.
	Requires []int32
	// Log tells that matches are to be reported: log without nolog.
	Log bool
	// Directives are those of the links as written, for explanations.
	Directives []seclang.Directive

	// Disruption is what the rule asks for when it matched, Status the status of a
	// response that refuses, 0 for the default, AllowScope how far Allow reaches.
	Disruption Disruption
	// A status is kept for every rule, also for those that do not refuse: an
	// application's Override may make a rule refuse that only counts.
	Status     int
	AllowScope AllowScope
	// SkipTo is the index of the rule to go on with, 0 if the rule skips nothing. It comes
	// of SkipMarker (skipAfter) or SkipCount (skip), as written. Skipping goes forward
	// only, so a phase ends after as many steps as it has rules.
	SkipTo     int32
	SkipMarker string
	SkipCount  int
}

// Disruption is what a rule asks for when it matched: its disruptive action.
type Disruption uint8

const (
	// Pass goes on with the next rule. It is what rules of anomaly scoring do: they add,
	// and others decide.
	Pass Disruption = iota
	// Deny refuses the transaction. Later rules of the phase do not run; the logging
	// phase does.
	Deny
	// Allow ends the inspection, as far as the rule's AllowScope says.
	Allow
)

// AllowScope is how far Allow reaches. The zero value is that of rules without it.
type AllowScope uint8

const (
	allowNothing AllowScope = iota
	// AllowPhase lets pass what is left of the phase. It is written allow:phase. The
	// phases that follow run.
	AllowPhase
	// AllowRequest lets the request pass; rules of the response run. It is written
	// allow:request.
	AllowRequest
	// AllowAll lets request and response pass; the logging phase runs. It is written
	// allow.
	AllowAll
)

// Link is one SecRule or SecAction of a chain. It is immutable once the program is built,
// and the texts, operators and transformations that it points at may be shared by links.
type Link struct {
	// Number is the place among all links of the program, by which the gate knows it.
	Number int32
	// Targets are what it looks at, in the order in which they are tested.
	Targets []target.Target
	// Operator is the test. Nil matches once, without a look at anything: that is a
	// SecAction.
	Operator Operator
	// Negated tells that the link matches what Operator does not: a "!" before the
	// operator.
	Negated bool
	// Capture tells that matches fill variables of TX, from TX:0 on. That takes a second,
	// slower search, so operators are told beforehand whether anybody wants it.
	Capture bool
	// MultiMatch tells that values are tested before and after each transformation that
	// changes them, and that each of these tests may match.
	MultiMatch bool
	// Transforms are applied in order; t:none has taken away the ones before it.
	Transforms []*transform.Transformation
	// Actions are what each match does, in order. They are done when the link matches,
	// before it is known whether the chain does, as in ModSecurity.
	Actions []Action
	// Message and LogData are what a match is reported with, nil for none. A value may be
	// in them (%{MATCHED_VAR}), so they are made for each match, and cut.
	Message, LogData *Macro
	// Gated tells that the gate finds the values that may match, so that only these are
	// tested. GuardOnly tells that it finds no more than whether the rule may match: if
	// it does, all values are tested. A rule whose links are all not gated is in
	// Phase.Always.
	Gated, GuardOnly bool
}

// Phase is what runs in one phase.
type Phase struct {
	// Rules are indexes of rules in order. The position of a rule is its place here. The
	// order is that of the directives: rules may rely on what rules before them set.
	Rules []int32
	// Always are the positions of rules that the gate says nothing about. It is shared by
	// all transactions, which copy it before they clear bits.
	Always bitset.Set
	// Gate finds the candidates of the other rules, nil if there are none. It is asked
	// once, before the first rule of the phase runs.
	Gate *gate.Gate
}
