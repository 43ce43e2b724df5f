package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/seclang"
)

// parseSetVar reads setvar on TX.
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

// ctlAction returns nil without an error for what has no effect here.
func (c *compiler) ctlAction(arg string) (action, error) {
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
		return c.removeTargetAction(lower, value)
	case strings.HasPrefix(lower, "ruleremove"):
		s, err := selectorFor(strings.TrimPrefix(lower, "ruleremoveby"), value)
		a := &removeRules{}
		c.selections = append(c.selections, selection{s, &a.rules})
		return a, err
	}
	return switchAction(lower, value)
}

func ctlStatus(name string) (seclang.Status, string) {
	k, _ := seclang.Lookup(seclang.CtlKind, name)
	return k.Status, k.Note
}

func (c *compiler) removeTargetAction(name, value string) (action, error) {
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
	a := &removeTarget{variable: targets[0].Variable, key: key}
	c.selections = append(c.selections, selection{s, &a.rules})
	return a, err
}

func switchAction(name, value string) (action, error) {
	on := strings.EqualFold(value, "on")
	onOff := func(s setting) (action, error) {
		if !on && !strings.EqualFold(value, "off") {
			return nil, fmt.Errorf("ctl:%s is on or off, not %q", name, value)
		}
		return &setSwitch{s, on}, nil
	}
	switch name {
	case "forcerequestbodyvariable":
		return onOff(setForceRequestBody)
	case "forceresponsebodyvariable":
		return onOff(setForceResponseBody)
	case "requestbodyaccess":
		return onOff(setRequestBody)
	case "responsebodyaccess":
		return onOff(setResponseBody)
	case "requestbodyprocessor":
		processor := strings.ToUpper(value)
		if !slices.Contains([]string{"URLENCODED", "MULTIPART", "JSON", "XML", "RAW", "GRAPHQL"}, processor) {
			return nil, fmt.Errorf("ctl:requestBodyProcessor=%s does not exist; choose URLENCODED, MULTIPART, JSON, XML, GRAPHQL or RAW", value)
		}
		return &setProcessor{processor}, nil
	case "ruleengine":
		switch strings.ToLower(value) {
		case "on", "off":
			return &setSwitch{setEngine, on}, nil
		case "detectiononly":
			return &setSwitch{setDetectOnly, true}, nil
		}
		return nil, fmt.Errorf("ctl:ruleEngine is On, Off or DetectionOnly, not %q", value)
	}
	return nil, fmt.Errorf("ctl:%s is not implemented", name)
}

// lastingNamed returns the collection of that name.
func lastingNamed(name string) (seclang.Variable, bool) {
	v, ok := seclang.ParseVariable(strings.TrimSpace(name))
	return v, ok && lastingIndex(v) >= 0
}

// memberOfLasting splits collection.member.
func memberOfLasting(action, s string) (v seclang.Variable, name string, err error) {
	col, name, _ := strings.Cut(s, ".")
	v, ok := lastingNamed(col)
	if !ok || strings.TrimSpace(name) == "" {
		return v, "", fmt.Errorf("%s names no variable of a collection: %q; write ip.name, session.name, user.name, global.name or resource.name", action, s)
	}
	if slices.Contains(readOnly, strings.ToLower(name)) {
		return v, "", fmt.Errorf("%s changes %s: the engine keeps it; choose another name", action, s)
	}
	return v, name, nil
}

// collectionAction reads an action on collections that last. It is nil without an error
// for what has no effect: variables of TX end with their transaction anyway.
func (c *compiler) collectionAction(name, arg string) (act action, err error) {
	parse := func(text string) *macro {
		m, e := parseMacro(text, c.slot)
		if err == nil {
			err = e
		}
		return m
	}
	switch name {
	case "initcol":
		col, key, _ := strings.Cut(arg, "=")
		v, ok := lastingNamed(col)
		if !ok || key == "" {
			return nil, fmt.Errorf("initcol opens no collection: %q; write initcol:ip=%%{REMOTE_ADDR}, or session, user, global or resource", arg)
		}
		c.opens[lastingIndex(v)] = true
		act = &openCollection{variable: v, key: parse(key)}
	case "setsid":
		c.opens[lastingIndex(seclang.Session)] = true
		act = &openCollection{variable: seclang.Session, id: seclang.SessionID, key: parse(arg)}
	case "setuid":
		c.opens[lastingIndex(seclang.User)] = true
		act = &openCollection{variable: seclang.User, id: seclang.UserID, key: parse(arg)}
	case "setrsc":
		c.opens[lastingIndex(seclang.Resource)] = true
		act = &openCollection{variable: seclang.Resource, key: parse(arg)}
	case "setvar":
		target, remove := strings.CutPrefix(arg, "!")
		target, value, _ := strings.Cut(target, "=")
		v, member, e := memberOfLasting(name, target)
		if e != nil {
			return nil, e
		}
		act = &setMember{variable: v, name: parse(member), value: parse(value), remove: remove}
	case "expirevar":
		target, seconds, ok := strings.Cut(arg, "=")
		if col, _, _ := strings.Cut(target, "."); strings.EqualFold(strings.TrimSpace(col), "tx") {
			return nil, nil
		}
		v, member, e := memberOfLasting(name, target)
		if e != nil {
			return nil, e
		}
		m := parse(seconds)
		if text, constant := m.constant(); !ok || err == nil && constant && number(text) <= 0 {
			return nil, fmt.Errorf("expirevar has no time: %q; write expirevar:ip.name=SECONDS", arg)
		}
		act = &expireMember{variable: v, name: parse(member), seconds: m}
	case "deprecatevar":
		target, rate, _ := strings.Cut(arg, "=")
		v, member, e := memberOfLasting(name, target)
		if e != nil {
			return nil, e
		}
		amount, period, _ := strings.Cut(rate, "/")
		n, err1 := strconv.Atoi(amount)
		seconds, err2 := strconv.Atoi(period)
		if err1 != nil || err2 != nil || n <= 0 || seconds <= 0 {
			return nil, fmt.Errorf("deprecatevar has no rate: %q; write deprecatevar:ip.name=AMOUNT/SECONDS", arg)
		}
		act = &deprecateMember{variable: v, name: parse(member), amount: n, period: time.Duration(seconds) * time.Second}
	}
	return act, err
}

// setsTX reports whether a setvar is one of TX, or of nothing that is known.
func setsTX(arg string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(arg, "!"), ".")
	_, other := lastingNamed(name)
	return !other
}
