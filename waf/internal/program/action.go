package program

import (
	"fmt"
	"regexp"
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

func parseSetVar(arg string, slot func(string) int32) (*setVar, error) {
	a := &setVar{slot: -1}
	if strings.HasPrefix(arg, "!") {
		a.remove, arg = true, arg[1:]
	}
	key, value, _ := strings.Cut(arg, "=")
	collection, name, ok := strings.Cut(key, ".")
	if !ok || strings.TrimSpace(name) == "" {
		return nil, fmt.Errorf("setvar names no variable: %q; write tx.name=value", arg)
	}
	if !strings.EqualFold(strings.TrimSpace(collection), "tx") {
		return nil, fmt.Errorf("setvar on %s is not possible; use tx, ip, session, user, global or resource", strings.ToUpper(collection))
	}
	var err error
	if a.key, err = parseMacro(name, slot); err != nil {
		return nil, err
	}
	if text, ok := a.key.constant(); ok {
		a.slot = slot(strings.ToLower(text))
	}
	a.value, err = parseMacro(value, slot)
	return a, err
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
	selects ruleSelector
	rules   set // found once all rules are known
}

func (a *removeRules) do(tx *Tx) { tx.remove(a.rules) }

// removeTarget is ctl:ruleRemoveTargetBy….
type removeTarget struct {
	selects  ruleSelector
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
	change func(tx *Tx)
}

func (a *setSwitch) do(tx *Tx) { a.change(tx) }

// ruleSelector chooses rules by id, tag or message.
type ruleSelector struct {
	first, last int // ids, if last is not 0
	tag, msg    string
}

func (s ruleSelector) matches(r *rule) bool {
	switch {
	case s.last != 0:
		return r.id >= s.first && r.id <= s.last
	case s.tag != "":
		return slices.Contains(r.tags, s.tag)
	}
	return r.msg != "" && r.msg == s.msg
}

func parseIDs(s string) (ruleSelector, error) {
	lo, hi, isRange := strings.Cut(strings.TrimSpace(s), "-")
	if !isRange {
		hi = lo
	}
	first, err1 := strconv.Atoi(lo)
	last, err2 := strconv.Atoi(hi)
	if err1 != nil || err2 != nil || first <= 0 || first > last {
		return ruleSelector{}, fmt.Errorf("%q is neither a rule id nor a range; write 942100 or 942000-942999", s)
	}
	return ruleSelector{first: first, last: last}, nil
}

// ctlAction returns nil without an error for what has no effect here.
func ctlAction(arg string) (action, error) {
	name, value, ok := strings.Cut(arg, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok {
		return nil, fmt.Errorf("ctl has no value: %q; write ctl:name=value", arg)
	}
	status, note := ctlStatus(name)
	switch status {
	case "":
		return nil, fmt.Errorf("unknown ctl: %q; see the table of constructs in docs/guide/seclang.md", name)
	case seclang.Refused:
		return nil, fmt.Errorf("ctl:%s is not supported: %s", name, note)
	case seclang.Accepted:
		return nil, nil
	}
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(lower, "ruleremovetarget"):
		return removeTargetAction(lower, value)
	case strings.HasPrefix(lower, "ruleremove"):
		s, err := selectorFor(strings.TrimPrefix(lower, "ruleremoveby"), value)
		return &removeRules{selects: s}, err
	}
	return switchAction(lower, value)
}

func ctlStatus(name string) (seclang.Status, string) {
	k, _ := seclang.Lookup(seclang.CtlKind, name)
	return k.Status, k.Note
}

func selectorFor(by, value string) (ruleSelector, error) {
	switch by {
	case "id":
		return parseIDs(value)
	case "tag":
		return ruleSelector{tag: value}, nil
	}
	return ruleSelector{msg: value}, nil
}

func removeTargetAction(name, value string) (action, error) {
	which, what, ok := strings.Cut(value, ";")
	if !ok {
		return nil, fmt.Errorf("ctl:%s names no variable: %q; write id;ARGS:name", name, value)
	}
	s, err := selectorFor(strings.TrimPrefix(name, "ruleremovetargetby"), which)
	if err != nil {
		return nil, err
	}
	targets, err := seclang.ParseTargets(seclang.Pos{File: "ctl", Line: 1, Col: 1}, strings.TrimSpace(what))
	if err != nil {
		return nil, err
	}
	if len(targets) != 1 {
		return nil, fmt.Errorf("ctl:%s takes one variable; write one ctl for each", name)
	}
	key, err := newSelector(targets[0])
	return &removeTarget{selects: s, variable: targets[0].Variable, key: key}, err
}

func switchAction(name, value string) (action, error) {
	on := strings.EqualFold(value, "on")
	onOff := func(change func(tx *Tx)) (action, error) {
		if !on && !strings.EqualFold(value, "off") {
			return nil, fmt.Errorf("ctl:%s is on or off, not %q", name, value)
		}
		return &setSwitch{change}, nil
	}
	switch name {
	case "forcerequestbodyvariable":
		return onOff(func(tx *Tx) { tx.forceRequestBody = on })
	case "forceresponsebodyvariable":
		return onOff(func(tx *Tx) { tx.forceResponseBody = on })
	case "requestbodyaccess":
		return onOff(func(tx *Tx) { tx.noRequestBody = !on })
	case "responsebodyaccess":
		return onOff(func(tx *Tx) { tx.noResponseBody = !on })
	case "requestbodyprocessor":
		processor := strings.ToUpper(value)
		if !slices.Contains([]string{"URLENCODED", "MULTIPART", "JSON", "XML", "RAW", "GRAPHQL"}, processor) {
			return nil, fmt.Errorf("ctl:requestBodyProcessor=%s does not exist; choose URLENCODED, MULTIPART, JSON, XML, GRAPHQL or RAW", value)
		}
		return &setSwitch{func(tx *Tx) {
			if tx.phase <= RequestHeaders {
				tx.setScalar(seclang.ReqbodyProcessor, processor)
			}
		}}, nil
	case "ruleengine":
		switch strings.ToLower(value) {
		case "on":
			return &setSwitch{func(tx *Tx) { tx.off = false }}, nil
		case "off":
			return &setSwitch{func(tx *Tx) { tx.off = true }}, nil
		case "detectiononly":
			return &setSwitch{func(tx *Tx) { tx.detectOnly = true }}, nil
		}
		return nil, fmt.Errorf("ctl:ruleEngine is On, Off or DetectionOnly, not %q", value)
	}
	return nil, fmt.Errorf("ctl:%s is not implemented", name)
}

var scoreName = regexp.MustCompile(`^(in|out)bound_anomaly_score_pl([1-4])$`)
