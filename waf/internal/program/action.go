package program

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/seclang"
)

// action is done whenever a link matches a value.
type action interface{ do(tx *Tx) }

// setVar is setvar on TX.
type setVar struct {
	key    *macro
	slot   int32 // of a key without references, else -1
	value  *macro
	remove bool
}

func (a *setVar) do(tx *Tx) {
	v := a.place(tx)
	if v == nil {
		return
	}
	if a.remove {
		*v = slotValue{}
		return
	}
	text, ok := apply(*v, a.value.expand(tx))
	if !ok {
		return
	}
	if a.slot >= 0 && tx.p.isScore(a.slot) {
		if tx.mute {
			return
		}
		tx.added += number(text) - number(v.text)
	}
	*v = slotValue{true, text}
}

// apply computes the new text of a variable: +n and -n change a number, other
// values replace it. It is not ok if there is nothing to change.
func apply(v slotValue, value string) (string, bool) {
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
	if v.text != "" {
		var err error
		if old, err = strconv.Atoi(v.text); err != nil {
			return "", false
		}
	}
	if value[0] == '-' {
		n = -n
	}
	return strconv.Itoa(old + n), true
}

// place returns the variable that a sets, nil for one to remove that is not there.
func (a *setVar) place(tx *Tx) *slotValue {
	if a.slot >= 0 {
		return &tx.slots[a.slot]
	}
	name := strings.ToLower(a.key.expand(tx))
	if s, ok := tx.p.slots[name]; ok {
		return &tx.slots[s]
	}
	for i := range tx.extra {
		if tx.extra[i].name == name {
			return &tx.extra[i].value
		}
	}
	if a.remove || len(tx.extra) >= maxExtra {
		return nil
	}
	tx.extra = append(tx.extra, extraVar{name: tx.arena.Copy(name)})
	return &tx.extra[len(tx.extra)-1].value
}

// maxExtra bounds the variables whose names rules compute from requests.
const maxExtra = 2000

// removeRules is ctl:ruleRemoveBy….
type removeRules struct {
	rules set
}

func (a *removeRules) do(tx *Tx) { tx.remove(a.rules) }

// removeTarget is ctl:ruleRemoveTargetBy….
type removeTarget struct {
	variable seclang.Variable
	key      selector
	rules    set
}

func (a *removeTarget) do(tx *Tx) {
	if slices.Contains(tx.exclusions, a) {
		return
	}
	tx.exclusions = append(tx.exclusions, a)
}

// setSwitch is a ctl that changes a setting of the transaction.
type setSwitch struct {
	setting setting
	on      bool
}

// setting is what a setSwitch changes.
type setting uint8

const (
	// setEngine stops the rules, or lets them run again.
	setEngine setting = iota
	// setDetectOnly makes the rest of the transaction only note what rules ask for.
	setDetectOnly
	// setForceRequestBody and setForceResponseBody make bodies of any type a variable.
	setForceRequestBody
	setForceResponseBody
	// setRequestBody and setResponseBody tell whether bodies are inspected.
	setRequestBody
	setResponseBody
)

func (a *setSwitch) do(tx *Tx) {
	switch a.setting {
	case setEngine:
		tx.off = !a.on
	case setDetectOnly:
		tx.detectOnly = a.on
	case setForceRequestBody:
		tx.forceRequestBody = a.on
	case setForceResponseBody:
		tx.forceResponseBody = a.on
	case setRequestBody:
		tx.noRequestBody = !a.on
	case setResponseBody:
		tx.noResponseBody = !a.on
	}
}

// setProcessor is ctl:requestBodyProcessor. It has an effect only in the first phase,
// after which the body has been parsed.
type setProcessor struct{ name string }

func (a *setProcessor) do(tx *Tx) {
	if tx.phase <= RequestHeaders {
		tx.setScalar(seclang.ReqbodyProcessor, a.name)
	}
}
