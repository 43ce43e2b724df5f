package build

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// parseSetVar reads setvar on TX. The forms are name=value, name=+1, name=-1, name (which is empty
// then) and !name; name and value may have references. slot returns the slot of a variable, a new
// one for a new name. An error says how to write it.
//
//	tx.score=+%{tx.critical_anomaly_score}   adds
//	tx.name_%{rule.id}=%{matched_var}        has a computed name
//	!tx.score                                removes
func parseSetVar(arg string, slot func(string) int32) (*run.SetVar, error) {
	// -1 stands for a name that is known only when the rule matches.
	a := &run.SetVar{Slot: -1}
	if strings.HasPrefix(arg, "!") {
		a.Remove, arg = true, arg[1:]
	}
	key, value, _ := strings.Cut(arg, "=")
	// The first dot ends the collection: names have dots themselves.
	collection, name, ok := strings.Cut(key, ".")
	if !ok || strings.TrimSpace(name) == "" {
		return nil, fmt.Errorf("setvar names no variable: %q; write tx.name=value", arg)
	}
	if !strings.EqualFold(strings.TrimSpace(collection), "tx") {
		return nil, fmt.Errorf("setvar on %s is not possible; use tx, ip, session, user, global or resource", strings.ToUpper(collection))
	}
	var err error
	if a.Key, err = run.ParseMacro(name, slot); err != nil {
		return nil, err
	}
	// Names of TX are compared in any case, so that the slot is that of the name in lower case.
	if text, ok := a.Key.Constant(); ok {
		a.Slot = slot(strings.ToLower(text))
	}
	a.Value, err = run.ParseMacro(value, slot)
	return a, err
}

// ctlAction reads ctl:name=value. It is nil without an error for what has no effect here. Which
// names exist is the language's table, what they do is here: a name that the table supports and no
// case knows is an error of switchAction.
//
//	ruleRemoveById=942100        takes a rule away from this transaction
//	ruleRemoveTargetByTag=attack-sqli;ARGS:note
//	requestBodyProcessor=JSON
func (c *compiler) ctlAction(arg string) (run.Action, error) {
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
	// Auditing and the like: the table says why there is nothing to do.
	case seclang.Accepted:
		return nil, nil
	}
	lower := strings.ToLower(name)
	switch {
	// Before ruleremove, of which it is a longer form.
	case strings.HasPrefix(lower, "ruleremovetarget"):
		return c.removeTargetAction(lower, value)
	case strings.HasPrefix(lower, "ruleremove"):
		s, err := selectorFor(strings.TrimPrefix(lower, "ruleremoveby"), value)
		a := &run.RemoveRules{}
		// The set is filled by resolve; until then the action removes nothing.
		c.selections = append(c.selections, selection{s, &a.Rules})
		return a, err
	}
	return switchAction(lower, value)
}

// ctlStatus returns what the language's table says of a ctl, an empty status for none.
func ctlStatus(name string) (seclang.Status, string) {
	k, _ := seclang.Lookup(seclang.CtlKind, name)
	return k.Status, k.Note
}

// removeTargetAction reads the value of ctl:ruleRemoveTargetBy…, which;variable. name is in lower
// case.
func (c *compiler) removeTargetAction(name, value string) (run.Action, error) {
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
	key, err := target.NewSelector(targets[0])
	a := &run.RemoveTarget{Variable: targets[0].Variable, Key: key}
	c.selections = append(c.selections, selection{s, &a.Rules})
	return a, err
}

// switchAction reads the value of a ctl that changes a setting. name is in lower case. It changes
// settings of one transaction, from the place of the rule on.
func switchAction(name, value string) (run.Action, error) {
	on := strings.EqualFold(value, "on")
	onOff := func(s run.Setting) (run.Action, error) {
		if !on && !strings.EqualFold(value, "off") {
			return nil, fmt.Errorf("ctl:%s is on or off, not %q", name, value)
		}
		return &run.ChangeSetting{Setting: s, On: on}, nil
	}
	switch name {
	case "forcerequestbodyvariable":
		return onOff(run.SettingForceRequestBody)
	case "forceresponsebodyvariable":
		return onOff(run.SettingForceResponseBody)
	case "requestbodyaccess":
		return onOff(run.SettingRequestBody)
	case "responsebodyaccess":
		return onOff(run.SettingResponseBody)
	// A rule in phase 1 chooses how the body is taken apart, by its type (200000 and 200001
	// of the recommended configuration). RAW is none.
	case "requestbodyprocessor":
		processor := strings.ToUpper(value)
		if !slices.Contains([]string{"URLENCODED", "MULTIPART", "JSON", "XML", "RAW", "GRAPHQL"}, processor) {
			return nil, fmt.Errorf("ctl:requestBodyProcessor=%s does not exist; choose URLENCODED, MULTIPART, JSON, XML, GRAPHQL or RAW", value)
		}
		return &run.SetProcessor{Name: processor}, nil
	case "ruleengine":
		switch strings.ToLower(value) {
		case "on", "off":
			return &run.ChangeSetting{Setting: run.SettingEngine, On: on}, nil
		case "detectiononly":
			return &run.ChangeSetting{Setting: run.SettingDetectOnly, On: true}, nil
		}
		return nil, fmt.Errorf("ctl:ruleEngine is On, Off or DetectionOnly, not %q", value)
	}
	return nil, fmt.Errorf("ctl:%s is not implemented", name)
}

// persistentNamed returns the collection of that name. It is not ok for any other variable. Case
// does not matter.
func persistentNamed(name string) (seclang.Variable, bool) {
	v, ok := seclang.ParseVariable(strings.TrimSpace(name))
	return v, ok && run.PersistentIndex(v) >= 0
}

// persistentMember splits collection.member of an action. Members that the engine keeps
// itself are refused. action is the name for errors.
func persistentMember(action, s string) (v seclang.Variable, name string, err error) {
	col, name, _ := strings.Cut(s, ".")
	v, ok := persistentNamed(col)
	if !ok || strings.TrimSpace(name) == "" {
		return v, "", fmt.Errorf(
			"%s names no variable of a collection: %q; write ip.name, session.name, user.name, global.name or resource.name", action, s)
	}
	// The record's key, whether it is new, when and how often it changed.
	if slices.Contains(run.ReadOnlyMembers, strings.ToLower(name)) {
		return v, "", fmt.Errorf("%s changes %s: the engine keeps it; choose another name", action, s)
	}
	return v, name, nil
}

// collectionAction reads an action on persistent collections. It is nil without an error
// for what has no effect: variables of TX end with their transaction anyway.
//
// name is in lower case, one of the cases below; the error is nil or says how to write the action.
// That a collection is opened is noted in c.opens, whether the rule ever matches or not.
//
//	initcol:ip=%{REMOTE_ADDR}
//	setvar:ip.failed=+1
//	expirevar:ip.failed=600           goes after ten minutes
//	deprecatevar:ip.failed=1/60       one less each minute
func (c *compiler) collectionAction(name, arg string) (act run.Action, err error) {
	// The first error of a macro counts; what is made of a bad one is dropped with it.
	parse := func(text string) *run.Macro {
		m, e := run.ParseMacro(text, c.slot)
		if err == nil {
			err = e
		}
		return m
	}
	switch name {
	// The key chooses the record: initcol:ip=%{REMOTE_ADDR} has one for each address.
	case "initcol":
		col, key, _ := strings.Cut(arg, "=")
		v, ok := persistentNamed(col)
		if !ok || key == "" {
			return nil, fmt.Errorf("initcol opens no collection: %q; write initcol:ip=%%{REMOTE_ADDR}, or session, user, global or resource", arg)
		}
		c.opens[run.PersistentIndex(v)] = true
		act = &run.OpenCollection{Variable: v, Key: parse(key)}
	// It opens a collection and gives SESSIONID its value, as setuid does with USERID.
	case "setsid":
		c.opens[run.PersistentIndex(seclang.Session)] = true
		act = &run.OpenCollection{Variable: seclang.Session, ID: seclang.SessionID, Key: parse(arg)}
	case "setuid":
		c.opens[run.PersistentIndex(seclang.User)] = true
		act = &run.OpenCollection{Variable: seclang.User, ID: seclang.UserID, Key: parse(arg)}
	case "setrsc":
		c.opens[run.PersistentIndex(seclang.Resource)] = true
		act = &run.OpenCollection{Variable: seclang.Resource, Key: parse(arg)}
	case "setvar":
		target, remove := strings.CutPrefix(arg, "!")
		target, value, _ := strings.Cut(target, "=")
		v, member, e := persistentMember(name, target)
		if e != nil {
			return nil, e
		}
		act = &run.SetMember{Variable: v, Name: parse(member), Value: parse(value), Remove: remove}
	// The seconds may be a reference; a constant is checked here.
	case "expirevar":
		target, seconds, ok := strings.Cut(arg, "=")
		if col, _, _ := strings.Cut(target, "."); strings.EqualFold(strings.TrimSpace(col), "tx") {
			return nil, nil
		}
		v, member, e := persistentMember(name, target)
		if e != nil {
			return nil, e
		}
		m := parse(seconds)
		if text, constant := m.Constant(); !ok || err == nil && constant && run.Number(text) <= 0 {
			return nil, fmt.Errorf("expirevar has no time: %q; write expirevar:ip.name=SECONDS", arg)
		}
		act = &run.ExpireMember{Variable: v, Name: parse(member), Seconds: m}
	// The member goes down by an amount in each period, not below zero: a counter that forgets.
	case "deprecatevar":
		target, rate, _ := strings.Cut(arg, "=")
		v, member, e := persistentMember(name, target)
		if e != nil {
			return nil, e
		}
		amount, period, _ := strings.Cut(rate, "/")
		n, err1 := strconv.Atoi(amount)
		seconds, err2 := strconv.Atoi(period)
		if err1 != nil || err2 != nil || n <= 0 || seconds <= 0 {
			return nil, fmt.Errorf("deprecatevar has no rate: %q; write deprecatevar:ip.name=AMOUNT/SECONDS", arg)
		}
		act = &run.DeprecateMember{Variable: v, Name: parse(member), Amount: n, Period: time.Duration(seconds) * time.Second}
	}
	return act, err
}

// setsTX reports whether a setvar is one of TX, or of nothing that is known. The second is for
// parseSetVar to refuse with a hint.
func setsTX(arg string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(arg, "!"), ".")
	_, other := persistentNamed(name)
	return !other
}
