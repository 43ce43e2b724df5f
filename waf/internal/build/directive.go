package build

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

// construct returns what is known of a word of the language; its zero value is that of
// an unknown one.
func construct(kind seclang.Kind, name string) seclang.Construct {
	k, _ := seclang.Lookup(kind, name)
	return k
}

// directive takes the effect of one directive. Mistakes are noted in c.errs. A directive holds from
// its place on: SecDefaultAction for the rules after it, SecRuleRemoveById for those before.
func (c *compiler) directive(d seclang.Directive) {
	if d.Rule != nil {
		c.rule(d)
		return
	}
	// A SecMarker within a chain stands after it, since the chain is in c.rules from its first rule
	// on. Any other directive there means that the next rule of the chain was forgotten.
	if c.open != nil && d.Name != "SecMarker" {
		c.fail(d.Pos, "chain is interrupted by "+d.Name, "", "move it before or after the chain")
		return
	}
	// What the language's table refuses or accepts without an effect needs no code here.
	k := construct(seclang.DirectiveKind, d.Name)
	switch k.Status {
	case seclang.Refused:
		c.fail(d.Pos, d.Name+" is not supported", "", k.Note)
		return
	case seclang.Accepted:
		c.notice(d.Pos.String() + ": " + d.Name + " has no effect: " + k.Note)
		return
	}
	// want notes a mistake if there are fewer than n arguments. More are for the directive to mind.
	want := func(n int) bool {
		if len(d.Args) < n {
			c.fail(d.Pos, fmt.Sprintf("%s needs %d argument(s)", d.Name, n), "", "see the ModSecurity manual for "+d.Name)
			return false
		}
		return true
	}
	s := &c.p.Settings
	switch d.Name {
	// The engine reads no files: whoever loads rules has resolved it.
	case "Include":
		c.fail(d.Pos, "Include is left over", "", "read rules with seclang.Load")
	case "SecMarker":
		// Where it stands is known by the rule that comes next, if that is not removed.
		if want(1) {
			// A marker may stand in several places; skipAfter leads to the next one.
			c.markers[d.Args[0]] = append(c.markers[d.Args[0]], int32(len(c.rules)))
		}
	case "SecDefaultAction":
		if want(1) {
			c.defaultAction(d)
		}
	case "SecRuleEngine":
		if want(1) {
			s.Engine = strings.ToLower(d.Args[0])
			if !slices.Contains([]string{"on", "off", "detectiononly"}, s.Engine) {
				c.fail(d.Pos, "SecRuleEngine has no such mode", d.Args[0], "choose On, Off or DetectionOnly")
			}
		}
	case "SecRequestBodyAccess":
		if want(1) {
			s.RequestBody = c.onOff(d)
		}
	case "SecResponseBodyAccess":
		if want(1) {
			s.ResponseBody = c.onOff(d)
		}
	// In bytes. The smaller of this and the gateway's own limit holds.
	case "SecRequestBodyLimit":
		if want(1) {
			s.RequestBodyLimit = c.positive(d)
		}
	case "SecResponseBodyLimit":
		if want(1) {
			s.ResponseBodyLimit = c.positive(d)
		}
	case "SecRequestBodyJsonDepthLimit":
		if want(1) {
			s.JSONDepth = c.positive(d)
		}
	// Arguments beyond it are not read and the transaction says so (ARGUMENTS_LIMIT_REACHED).
	case "SecArgumentsLimit":
		if want(1) {
			s.Arguments = c.positive(d)
		}
	// In seconds: how long a record lives after its last update.
	case "SecCollectionTimeout":
		if want(1) {
			s.CollectionTimeout = time.Duration(c.positive(d)) * time.Second
		}
	// An empty list: no response body is inspected.
	case "SecResponseBodyMimeTypesClear":
		s.ResponseTypes = nil
	case "SecResponseBodyMimeType": // replaces the list
		if want(1) {
			s.ResponseTypes = nil
			for _, a := range d.Args {
				s.ResponseTypes = append(s.ResponseTypes, strings.ToLower(a))
			}
		}
	case "SecRuleRemoveById", "SecRuleRemoveByTag", "SecRuleRemoveByMsg":
		if want(1) {
			c.removeRules(d)
		}
	// The last argument is the update, those before choose rules.
	case "SecRuleUpdateTargetById", "SecRuleUpdateTargetByTag", "SecRuleUpdateTargetByMsg":
		if want(2) {
			c.updateTargets(d)
		}
	case "SecRuleUpdateActionById":
		if want(2) {
			c.updateActions(d)
		}
	// The table of constructs says that it is supported and there is no case: a mistake of ours,
	// not of the operator.
	default:
		c.fail(d.Pos, d.Name+" is not implemented", "", "remove it")
	}
}

// onOff reads the argument of a directive that is On or Off. A value that is neither is a mistake
// and counts as off.
func (c *compiler) onOff(d seclang.Directive) bool {
	switch strings.ToLower(d.Args[0]) {
	case "on":
		return true
	case "off":
		return false
	}
	c.fail(d.Pos, d.Name+" is On or Off", d.Args[0], "write On or Off")
	return false
}

// positive reads the argument of a directive that is a number from 1 on.
func (c *compiler) positive(d seclang.Directive) int {
	n, err := strconv.Atoi(d.Args[0])
	if err != nil || n <= 0 {
		c.fail(d.Pos, d.Name+" is not a positive number", d.Args[0], "write a number")
	}
	return n
}

// defaultAction keeps the actions that later rules of a phase begin with. A later one of the same
// phase replaces it.
//
//	SecDefaultAction "phase:2,log,deny,status:403"    what block means in phase 2
func (c *compiler) defaultAction(d seclang.Directive) {
	actions, err := seclang.ParseActions(d.Pos, d.Args[0])
	if err != nil {
		c.failErr(d.Pos, err)
		return
	}
	// The phase chooses the rules and is not handed on to them.
	n, disruptive := 0, false
	var kept []seclang.Action
	for _, a := range actions {
		switch a.Name {
		case "phase":
			if n = phaseNumber(a.Arg); n == 0 {
				c.fail(a.Pos, "there is no such phase", a.Arg, "choose 1 to 5")
			}
			continue
		// Such an action would silently hold for all rules of the phase: a default transformation
		// even changes what they look at.
		case "t", "id", "msg", "tag", "severity", "logdata", "ver", "rev", "chain":
			c.fail(a.Pos, "SecDefaultAction may not have the action "+a.Name, "", "write it in the rules")
		case "pass", "deny", "drop", "allow", "redirect":
			disruptive = true
		case "block":
			c.fail(a.Pos, "SecDefaultAction decides what block means", "", "write pass or deny")
		}
		kept = append(kept, a)
	}
	// Without a disruptive action block would mean nothing.
	if n == 0 || !disruptive {
		c.fail(d.Pos, "SecDefaultAction needs a phase and pass, deny, drop, allow or redirect", d.Args[0], `write "phase:2,log,pass"`)
		return
	}
	c.defaults[n] = kept
}

// phaseNumber reads a phase by number or by name, 0 if there is no such. The names are those of
// ModSecurity: request is phase 2, response 4, logging 5.
func phaseNumber(s string) int {
	switch strings.ToLower(s) {
	case "request":
		return run.RequestBody
	case "response":
		return run.ResponseBody
	case "logging":
		return run.Logging
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= 5 {
		return n
	}
	return 0
}
