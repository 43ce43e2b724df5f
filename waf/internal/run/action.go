package run

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// action is done whenever a link matches a value.
type Action interface{ do(tx *Tx) }

// setVar is setvar on TX.
type SetVar struct {
	Key    *Macro
	Slot   int32 // of a key without references, else -1
	Value  *Macro
	Remove bool
}

func (a *SetVar) do(tx *Tx) {
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
	if a.Slot >= 0 && tx.p.isScore(a.Slot) {
		if tx.mute {
			return
		}
		tx.added += Number(text) - Number(v.Text)
	}
	*v = SlotValue{true, text}
}

// apply computes the new text of a variable: +n and -n change a number, other
// values replace it. It is not ok if there is nothing to change.
func Assign(v SlotValue, value string) (string, bool) {
	if value == "" || value[0] != '+' && value[0] != '-' {
		return value, true
	}
	n := 0
	if len(value) > 1 {
		var err error
		if n, err = strconv.Atoi(value[1:]); err != nil {
			// Not a number: a plain value, unless it is a variable that has none.
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

// place returns the variable that a sets, nil for one to remove that is not there.
func (a *SetVar) variable(tx *Tx) *SlotValue {
	if a.Slot >= 0 {
		return &tx.slots[a.Slot]
	}
	name := strings.ToLower(a.Key.expand(tx))
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

// maxExtra bounds the variables whose names rules compute from requests.
const maxExtra = 2000

// removeRules is ctl:ruleRemoveBy….
type RemoveRules struct {
	Rules bitset.Set
}

func (a *RemoveRules) do(tx *Tx) { tx.remove(a.Rules) }

// removeTarget is ctl:ruleRemoveTargetBy….
type RemoveTarget struct {
	Variable seclang.Variable
	Key      target.Selector
	Rules    bitset.Set
}

func (a *RemoveTarget) do(tx *Tx) {
	if slices.Contains(tx.exclusions, a) {
		return
	}
	tx.exclusions = append(tx.exclusions, a)
}

// setSwitch is a ctl that changes a setting of the transaction.
type ChangeSetting struct {
	Setting Setting
	On      bool
}

// setting is what a setSwitch changes.
type Setting uint8

const (
	// setEngine stops the rules, or lets them run again.
	SettingEngine Setting = iota
	// setDetectOnly makes the rest of the transaction only note what rules ask for.
	SettingDetectOnly
	// setForceRequestBody and setForceResponseBody make bodies of any type a variable.
	SettingForceRequestBody
	SettingForceResponseBody
	// setRequestBody and setResponseBody tell whether bodies are inspected.
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

// setProcessor is ctl:requestBodyProcessor. It has an effect only in the first phase,
// after which the body has been parsed.
type SetProcessor struct{ Name string }

func (a *SetProcessor) do(tx *Tx) {
	if tx.phase <= RequestHeaders {
		tx.setScalar(seclang.ReqbodyProcessor, a.Name)
	}
}
