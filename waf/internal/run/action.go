package run

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Action is done whenever a link matches a value, in the order of the link's actions.
// Actions are immutable and shared by all transactions. They cannot fail: what is wrong
// with one is an error of package build, and what depends on the request does nothing.
type Action interface{ do(tx *Tx) }

// SetVar is setvar on TX. Most actions of a rule set are this one: scores are kept by it.
type SetVar struct {
	// Key is the name of the variable, Slot its number if Key has no references, else -1:
	// then the name is known only when the link matched.
	Key  *Macro
	Slot int32
	// Value replaces the value, or changes it if it begins with + or -, see Assign.
	Value *Macro
	// Remove unsets the variable; Value does not count.
	Remove bool
}

// do unsets, changes or replaces the variable. One that is not set has no value, which
// rules tell from an empty one (&TX:name).
func (a *SetVar) do(tx *Tx) {
	// Expanding the value makes no variable, so that v stays valid.
	v := a.variable(tx)
	if v == nil {
		return
	}
	if a.Remove {
		*v = SlotValue{}
		return
	}
	text, ok := Assign(*v, a.Value.expand(tx))
	if !ok {
		return
	}
	// What is added to a score is that of the match. A rule that an application only
	// alerts on adds nothing; its other variables are as the rule set expects.
	if a.Slot >= 0 && tx.p.isScore(a.Slot) {
		if tx.mute {
			return
		}
		tx.added += Number(text) - Number(v.Text)
	}
	*v = SlotValue{true, text}
}

// Assign computes the new text of a variable that has the value v: +n and -n change a
// number, other values replace it. It is not ok if the variable stays as it is. It does
// in each case what Coraza's setvar does. A variable that is not set counts as 0.
func Assign(v SlotValue, value string) (text string, ok bool) {
	if value == "" || value[0] != '+' && value[0] != '-' {
		return value, true
	}
	n := 0
	if len(value) > 1 {
		var err error
		// A sign alone adds 0.
		if n, err = strconv.Atoi(value[1:]); err != nil {
			// Not a number: a value like any other, unless it is a reference that led nowhere,
			// which expands to its own name.
			return value, !strings.HasPrefix(value[1:], "tx.")
		}
	}
	old := 0
	if v.Text != "" {
		var err error
		if old, err = strconv.Atoi(v.Text); err != nil {
			return "", false
		}
	}
	if value[0] == '-' {
		n = -n
	}
	return strconv.Itoa(old + n), true
}

// variable returns the variable that a sets, nil for one to remove that is not there, or
// if there are too many. The pointer is valid until the next variable is made.
func (a *SetVar) variable(tx *Tx) *SlotValue {
	if a.Slot >= 0 {
		return &tx.slots[a.Slot]
	}
	name := strings.ToLower(a.Key.expand(tx))
	// A computed name may be one that other rules refer to by its slot.
	if s, ok := tx.p.Slots[name]; ok {
		return &tx.slots[s]
	}
	for i := range tx.extra {
		if tx.extra[i].name == name {
			return &tx.extra[i].value
		}
	}
	if a.Remove || len(tx.extra) >= maxExtra {
		return nil
	}
	tx.extra = append(tx.extra, extraVar{name: tx.arena.Copy(name)})
	return &tx.extra[len(tx.extra)-1].value
}

// maxExtra bounds the variables whose names rules compute from requests, since whoever
// sends many names would fill memory with them. They are searched one by one, so it
// bounds that work as well: at most 2,000 comparisons for each use.
const maxExtra = 2000

// RemoveRules is ctl:ruleRemoveBy….
type RemoveRules struct {
	// Rules are indexes of rules that do not run for the rest of the transaction.
	Rules bitset.Set
}

// do undoes nothing of rules that ran already, so ctl goes before what it removes.
func (a *RemoveRules) do(tx *Tx) { tx.remove(a.Rules) }

// RemoveTarget is ctl:ruleRemoveTargetBy…, and what exceptions of applications do to
// targets. Two are equal if they are one, so that a list of them is searched quickly.
type RemoveTarget struct {
	// Variable and Key are what Rules, by index, do not look at for the rest of the
	// transaction.
	Variable seclang.Variable
	Key      target.Selector
	Rules    bitset.Set
}

// do excludes the target for rules that have not run yet, in this phase and later ones.
func (a *RemoveTarget) do(tx *Tx) {
	// A rule that matches many values would fill the list with the same exclusion.
	if slices.Contains(tx.exclusions, a) {
		return
	}
	tx.exclusions = append(tx.exclusions, a)
}

// ChangeSetting is a ctl that turns a setting of the transaction on or off: ruleEngine,
// requestBodyAccess and their like.
type ChangeSetting struct {
	Setting Setting
	On      bool // the new state
}

// Setting is what ChangeSetting changes.
type Setting uint8

const (
	// SettingEngine tells whether rules run.
	SettingEngine Setting = iota
	// SettingDetectOnly makes the rest of the transaction only note what rules ask for.
	SettingDetectOnly
	// SettingForceRequestBody and SettingForceResponseBody make bodies of any type a
	// variable.
	SettingForceRequestBody
	SettingForceResponseBody
	// SettingRequestBody and SettingResponseBody tell whether bodies are inspected.
	SettingRequestBody
	SettingResponseBody
)

func (a *ChangeSetting) do(tx *Tx) {
	switch a.Setting {
	case SettingEngine:
		tx.off = !a.On
	case SettingDetectOnly:
		tx.detectOnly = a.On
	case SettingForceRequestBody:
		tx.forceRequestBody = a.On
	case SettingForceResponseBody:
		tx.forceResponseBody = a.On
	case SettingRequestBody:
		tx.noRequestBody = !a.On
	case SettingResponseBody:
		tx.noResponseBody = !a.On
	}
}

// SetProcessor is ctl:requestBodyProcessor. It has an effect only in the first phase,
// after which the body has been parsed.
type SetProcessor struct {
	Name string // URLENCODED, MULTIPART, JSON, XML, GRAPHQL or RAW
}

func (a *SetProcessor) do(tx *Tx) {
	if tx.phase <= RequestHeaders {
		// A later phase would change what rules read of a body that was taken apart
		// otherwise.
		tx.setScalar(seclang.ReqbodyProcessor, a.Name)
	}
}
