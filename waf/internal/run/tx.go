package run

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/internal/collection"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Tx is one transaction on its way through a program. It is not safe for use by several
// goroutines. Strings that it hands out are valid until Reset.
//
// The calls come in this order, of which the later ones may be left out: Reset,
// SetOverlay, DetectOnly, StartTrace, SetHead, Run(1), SetBody, Run(2), SetResponseHead,
// Run(3), SetResponseBody, Run(4), Run(5).
//
// It is made to be pooled: what it allocates it keeps for the next transaction, so that
// most requests allocate next to nothing.
type Tx struct {
	// p is the program that Reset was called with; it is never nil.
	p *Program
	// arena has the strings that the transaction makes: decoded values, results of
	// transformations, expanded texts. They all end together at Reset.
	arena arena.Arena
	// cols are the collections by variable, slots the variables of TX by slot, extra those
	// whose names rules computed. A variable with one value has it under the empty key.
	// Values are as the parsers gave them, in the order of the request; nothing is taken
	// out again, so that the gate may keep their places. extra is searched one by one;
	// maxExtra bounds it.
	cols  [seclang.VariableCount][]body.Pair
	slots []SlotValue
	extra []extraVar

	// phase is the one that runs, 0 before the first. It stays after the last rule of it.
	phase int
	// decision is that of the first rule that refused; later ones do not change it.
	decision Decision
	// skipTo is the index below which rules are skipped. It holds for the phase that
	// runs.
	skipTo int32
	// allow is the scope of the rule that ended the inspection. Run forgets it where the
	// scope ends.
	allow AllowScope
	// removed are rules that ctl or the application took away, by index, nil if none.
	removed bitset.Set
	// exclusions are targets that ctl took away. Each is asked about each value of the
	// rules that it names, so ctl adds none twice.
	exclusions []*RemoveTarget

	// What ctl and the settings say: off stops all rules, detectOnly only notes what they
	// ask for. Reset gives them the values of the program's settings; ctl changes them
	// for this transaction only.
	off, detectOnly                     bool
	forceRequestBody, forceResponseBody bool
	noRequestBody, noResponseBody       bool

	// charsets are claimed by the head and by parts of a form, so they grow while the
	// body is read.
	charsets charsetList
	// fields and order are those of the header that was read last, see inOrder.
	fields []headerField
	order  []fieldKey

	// What outlives the transaction: records is nil until one is opened. store outlives
	// Reset, since all transactions of a pool have the same one. now is the time of the
	// request's arrival: the package asks no clock, so that a replay of a request says
	// what the request said.
	store   *collection.Store
	records *records
	now     time.Time

	// What the last match was, for MATCHED_VAR and its like. matched are those of the
	// rule that runs, in order; last is kept beyond it, as MATCHED_VAR is.
	matched []matchedVar
	last    matchedVar // of any rule
	// highest is the worst severity of the rules that matched, 255 if none had one: that
	// is what HIGHEST_SEVERITY says then in ModSecurity.
	highest int
	// They answer for RULE while a macro is expanded, nil before the first rule.
	currentRule *Rule
	currentLink *Link

	// span is where the operator that is asked matched. Operators set it; test clears it
	// before each question, so that it never tells of another value.
	span span
	// added is what the rule that runs added to the anomaly scores so far.
	added int
	// mute tells that what the rule adds does not count, since an application only alerts
	// on it or counts it.
	mute bool

	// gate has the candidates of the phase. Its strings are in the arena or in the
	// request.
	gate gate.State

	// hits are the matches that are reported, at most maxHits.
	hits []Hit
	// omitted counts the matches beyond maxHits.
	omitted int
	// ruleIDs are the ids of all rules that matched, reported or not, in order.
	ruleIDs []int

	// trace notes what becomes of every rule, nil if nobody asks.
	trace   *trace
	overlay *Overlay // what an application changes of the program, nil for nothing
}

// extraVar is a variable of TX that has no slot.
type extraVar struct {
	// name is in lower case and in the arena.
	name  string
	value SlotValue
}

// matchedVar is a value that the current rule matched. Its text is what the link's
// transformations made of the value.
type matchedVar struct {
	variable seclang.Variable
	key      string
	text     string
	none     bool // a SecAction matched, which looks at nothing
}

// Decision is what the rules ask for. The zero value lets the transaction pass.
type Decision struct {
	// Block tells that the rule with RuleID asked in Phase to refuse the transaction with
	// Status. It tells nothing of whether the transaction is stopped: in detection only,
	// the decision is noted and rules go on.
	Block  bool
	Status int
	RuleID int
	Phase  int
}

// Hit is a match of a rule that is reported. Its strings are valid until Reset of the
// transaction.
type Hit struct {
	// rule and link are what matched; of a chain link is the first one.
	rule *Rule
	link *Link
	// Variable and Key name the member that matched, NoVariable for a SecAction. Value is
	// what the link's transformations made of it.
	Variable seclang.Variable
	Key      string
	Value    string
	// Message and Data are the rule's msg and logdata, expanded.
	Message string
	Data    string
	// Score is what the match added to the anomaly scores; of a chain it is the sum of
	// all its matches.
	Score int
	span  span
}

// span is where in a value an operator matched, from byte start up to end, if it said so
// while it ran. That spares a second search when the match is reported. The zero value
// says nothing.
type span struct {
	known      bool
	start, end int
}

// RuleID returns the id of the rule.
func (h *Hit) RuleID() int { return h.rule.ID }

// Phase returns the phase of the rule.
func (h *Hit) Phase() int { return h.rule.Phase }

// Tags returns the tags of the rule, which must not be changed.
func (h *Hit) Tags() []string { return h.rule.Tags }

// Severity returns 0 (emergency) to 7 (debug), -1 if the rule has none.
func (h *Hit) Severity() int { return h.rule.Severity }

// Locate returns which bytes of Value made the rule match, -1 if none in particular. It
// may search the value once more; a negated link matched because there is nothing to
// find.
func (h *Hit) Locate() (start, end int) {
	if h.link == nil || h.link.Negated {
		return -1, -1
	}
	if h.span.known {
		return h.span.start, h.span.end
	}
	if op, ok := h.link.Operator.(locator); ok {
		return op.locate(h.Value)
	}
	return -1, -1
}

// NewTx returns a transaction for p. It has no store, so that persistent collections stay
// empty until SetStore.
func (p *Program) NewTx() *Tx {
	tx := &Tx{}
	tx.Reset(p)
	return tx
}

// NewProbe returns a transaction on which operators can be tested that refer to nothing
// but variables of TX, which have these values. The compiler folds with it: what an
// operator says of a constant it says by its own code. Nothing else may be done with a
// probe.
func NewProbe(p *Program, values []SlotValue) *Tx { return &Tx{p: p, slots: values} }

// Reset forgets everything and makes tx a new transaction of p. It clears what refers to
// the last request, since a transaction in a pool would keep that in memory, and drops
// lists that one large request made long. It costs as much as there are collections,
// slots and values of the last request.
func (tx *Tx) Reset(p *Program) {
	// From here on no string of the last transaction may be read. What follows clears,
	// and does not look.
	tx.arena.Reset()
	if tx.p != p {
		// Sizes depend on the program, so nothing else is worth keeping.
		*tx = Tx{p: p, arena: tx.arena, store: tx.store}
		tx.slots = make([]SlotValue, len(p.Initial))
		tx.gate.Init(p.LinkCount, &tx.arena)
	}
	copy(tx.slots, p.Initial)
	clear(tx.extra)
	tx.extra = tx.extra[:0]
	// Most of the hundred-odd collections are empty in any one request; a test of the
	// length spares clearing them.
	for i := range tx.cols {
		c := tx.cols[i]
		if len(c) == 0 {
			continue
		}
		if cap(c) > keepPairs {
			tx.cols[i] = nil
			continue
		}
		clear(c)
		tx.cols[i] = c[:0]
	}
	tx.phase, tx.decision, tx.skipTo, tx.allow = 0, Decision{}, 0, allowNothing
	tx.removed, tx.exclusions, tx.overlay = nil, tx.exclusions[:0], nil
	tx.off, tx.detectOnly = p.Settings.Engine == "off", p.Settings.Engine == "detectiononly"
	tx.forceRequestBody, tx.forceResponseBody = false, false
	tx.noRequestBody, tx.noResponseBody = !p.Settings.RequestBody, !p.Settings.ResponseBody
	// The lists were cut while rules ran, and what lies beyond their length still has
	// strings of the request: they are cleared up to the capacity.
	clear(tx.matched[:cap(tx.matched)])
	tx.matched = tx.matched[:0]
	tx.last = matchedVar{}
	tx.highest, tx.omitted = 255, 0
	tx.currentRule, tx.currentLink, tx.mute = nil, nil, false
	clear(tx.hits[:cap(tx.hits)])
	tx.hits, tx.ruleIDs = tx.hits[:0], tx.ruleIDs[:0]
	tx.trace = nil
	tx.charsets = charsetList{}
	clear(tx.fields[:cap(tx.fields)]) // they refer to the request
	if tx.fields = tx.fields[:0]; cap(tx.fields) > keepPairs {
		tx.fields, tx.order = nil, nil
	}
	if tx.records != nil {
		*tx.records = records{}
	}
	tx.gate.Reset()
}

// keepPairs is how many members a collection of a transaction in the pool keeps room for:
// 16 KiB of pairs.
const keepPairs = 512

// DetectOnly makes the transaction run all rules and only note what they ask for. A Deny
// is in Decision all the same. ctl:ruleEngine=On turns it off again.
func (tx *Tx) DetectOnly() { tx.detectOnly = true }

// Decision returns what the rules ask for so far.
func (tx *Tx) Decision() Decision { return tx.decision }

// Hits returns where rules with a message matched so far.
func (tx *Tx) Hits() []Hit { return tx.hits }

// Omitted returns how many matches are not among Hits, since they are too many. Their
// rules are in RuleIDs, and what they added is in the scores.
func (tx *Tx) Omitted() int { return tx.omitted }

// RuleIDs returns the ids of all rules that matched so far, in order. The slice is the
// transaction's own and valid until Reset.
func (tx *Tx) RuleIDs() []int { return tx.ruleIDs }

// TX returns a variable of TX as a number, 0 if it is none. name is in lower case;
// variables whose names rules computed are not looked at.
func (tx *Tx) TX(name string) int {
	if s, ok := tx.p.Slots[name]; ok {
		return Number(tx.slots[s].Text)
	}
	return 0
}

// Scores returns the anomaly scores of the request and the response: what 949 and 959
// added up, or what the levels up to paranoia have before that. Of the
// response it is only the former.
func (tx *Tx) Scores(paranoia int) (inbound, outbound int) {
	k := &tx.p.WellKnown
	inbound, outbound = Number(tx.slots[k.BlockingInbound].Text), Number(tx.slots[k.BlockingOutbound].Text)
	if inbound == 0 {
		for i := 1; i <= paranoia && i <= 4; i++ {
			inbound += Number(tx.slots[k.Inbound[i]].Text)
		}
	}
	return inbound, outbound
}

// setCapture fills TX:i, i from 0 to 9. text is not copied: it is a part of the value
// that matched.
func (tx *Tx) setCapture(i int, text string) {
	tx.slots[tx.p.WellKnown.Captures[i]] = SlotValue{true, text}
}

// add appends a value to a collection. Strings are kept as they are and must live until
// Reset.
func (tx *Tx) add(v seclang.Variable, key, value string) {
	tx.cols[v] = append(tx.cols[v], body.Pair{Key: key, Value: value})
}

// setScalar makes value the only one of a variable. It reuses the memory of the one
// before.
func (tx *Tx) setScalar(v seclang.Variable, value string) {
	tx.cols[v] = append(tx.cols[v][:0], body.Pair{Value: value})
}

// scalar returns the value of a variable that has one, "" if it has none.
func (tx *Tx) scalar(v seclang.Variable) string {
	if c := tx.cols[v]; len(c) > 0 {
		return c[0].Value
	}
	return ""
}

// isScore reports whether a slot holds the anomaly score of a paranoia level. There are
// eight, which to compare with costs less than a map. It is asked for each match of each
// rule that sets a variable.
func (p *Program) isScore(slot int32) bool {
	return slices.Contains(p.Scores, slot)
}

// remove takes rules away for the rest of the transaction. The set is made anew, since
// the one there may be that of an exception, which all transactions share. Rules of the
// phase that runs are asked about when their turn comes, so removal works within a phase,
// too.
func (tx *Tx) remove(rules bitset.Set) {
	own := bitset.New(len(tx.p.Rules))
	copy(own, tx.removed)
	own.Or(rules)
	tx.removed = own
}

// lookup returns the value of a macro's reference other than a slot of TX. It is not ok
// for a member that is not there. Of several members with the key it is the first. It
// costs one comparison for each member.
func (tx *Tx) lookup(v seclang.Variable, key string) (string, bool) {
	switch v {
	case seclang.TX:
		for i := range tx.extra {
			if tx.extra[i].name == key && tx.extra[i].value.Set {
				return tx.extra[i].value.Text, true
			}
		}
		return "", false
	case seclang.RuleVariable:
		return tx.ruleMember(key)
	case seclang.MatchedVar:
		return tx.last.text, true
	case seclang.MatchedVarName:
		return tx.last.name(tx), true
	// A reference has one value, so it is the first of them, as for other collections.
	case seclang.MatchedVars, seclang.MatchedVarsNames:
		if len(tx.matched) == 0 {
			return "", false
		}
		if v == seclang.MatchedVars {
			return tx.matched[0].text, true
		}
		return tx.matched[0].name(tx), true
	case seclang.HighestSeverity:
		return strconv.Itoa(tx.highest), true
	case seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User:
		return tx.member(v, key)
	}
	for _, src := range target.Collections(v) {
		for i := range tx.cols[src] {
			p := &tx.cols[src][i]
			if key == "" || strings.EqualFold(p.Key, key) {
				return p.Value, true
			}
		}
	}
	// A variable that has at most one value is empty when nothing set it; only a member
	// of a collection can be absent.
	return "", !v.Keyed()
}

// ruleMember returns a member of RULE, which is the rule that runs. The members are id,
// severity, msg and logdata.
func (tx *Tx) ruleMember(key string) (string, bool) {
	r, l := tx.currentRule, tx.currentLink
	if r == nil {
		return "", false
	}
	switch key {
	case "id":
		return strconv.Itoa(r.ID), true
	case "severity":
		if r.Severity >= 0 {
			return strconv.Itoa(r.Severity), true
		}
	case "msg":
		if l.Message != nil && !selfReferring(l.Message) {
			return l.Message.expand(tx), true
		}
	case "logdata":
		if l.LogData != nil && !selfReferring(l.LogData) {
			return l.LogData.expand(tx), true
		}
	}
	return "", false
}

// selfReferring reports whether a text refers to RULE: to expand %{rule.msg} in a msg
// would never end. A text without such a reference cannot lead to one, since no variable
// is expanded a second time.
func selfReferring(m *Macro) bool {
	for _, p := range m.Parts {
		if p.Variable == seclang.RuleVariable {
			return true
		}
	}
	return false
}

// name returns VARIABLE or VARIABLE:key, as MATCHED_VAR_NAME has it.
func (m *matchedVar) name(tx *Tx) string {
	if m.none {
		return "UNKNOWN" // what a SecAction matched is called so
	}
	if m.key == "" {
		return m.variable.String()
	}
	return tx.arena.Concat(m.variable.String(), ":", m.key)
}
