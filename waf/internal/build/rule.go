package build

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// rule compiles a SecRule or SecAction: a rule of its own, or the next link of a chain. Mistakes
// are noted and the rule is kept with what is left of it, so that later directives that refer to it
// do not fail as well.
//
//	SecRule ARGS|!ARGS:note "@rx x" "id:1,phase:2,t:lowercase,deny,chain"    a rule of two links
//	    SecRule REQUEST_METHOD "@streq POST" "t:none"
//
// Targets, operator, transformations, captures, messages and setvar are a link's own; id, phase,
// severity, tags and what happens in the end are the chain's.
func (c *compiler) rule(d seclang.Directive) {
	src := d.Rule
	parent := c.open
	r := parent
	if r == nil {
		// The defaults of ModSecurity: phase 2, reported, no severity.
		r = &run.Rule{Pos: d.Pos, Severity: -1, Phase: run.RequestBody, Log: true}
	}
	r.Directives = append(r.Directives, d)
	l := run.Link{}
	// Data files stand beside the file that names them.
	if d.Pos.File != "" {
		c.context.dir = path.Dir(d.Pos.File)
	}
	// A SecAction has neither targets nor an operator and always matches.
	if !src.Unconditional() {
		if err := c.targets(&l, src.Targets); err != nil {
			c.failErr(src.Pos, err)
		}
		op, err := newOperator(&c.context, src.Operator.Name, src.Operator.Arg)
		if err != nil {
			c.failErr(src.Operator.Pos, err)
		}
		l.Operator, l.Negated = op, src.Operator.Negated
	}
	hasChain := c.actions(r, &l, src.Actions, parent != nil)
	r.Links = append(r.Links, l)
	// The id is that of the chain as a whole.
	if parent == nil {
		if r.ID == 0 {
			c.fail(d.Pos, "rule has no id", "", "add id:NUMBER; 1 to 99999 are for your own rules")
		} else if c.ids[r.ID] != nil {
			c.fail(d.Pos, "rule id is already used", strconv.Itoa(r.ID), "its other rule stands at "+c.ids[r.ID].Pos.String())
		}
		if c.ids == nil {
			c.ids = map[int]*run.Rule{}
		}
		c.ids[r.ID] = r
		c.rules = append(c.rules, r)
	}
	// The action chain says that the next SecRule belongs to this rule.
	if hasChain {
		c.open = r
	} else {
		c.open = nil
	}
}

// targets adds targets to a link; negated ones become exceptions of the targets before
// them with the same variable. An exception holds for targets that stand before it in this list or
// in the rule already, since updates call this as well.
//
//	ARGS|!ARGS:note|REQUEST_COOKIES  ->  ARGS without note, REQUEST_COOKIES
//	!ARGS:note|ARGS                  ->  ARGS with note: the exception stands before it
func (c *compiler) targets(l *run.Link, list []seclang.Target) error {
	for _, t := range list {
		s, err := target.NewSelector(t)
		if err != nil {
			return &seclang.Error{Pos: t.Pos, Msg: "selector is no regular expression", Text: t.Key, Hint: err.Error()}
		}
		if t.Negated {
			for i := range l.Targets {
				if l.Targets[i].Variable == t.Variable {
					// Clipped, since rules may share the list of an update.
					l.Targets[i].Except = append(slices.Clip(l.Targets[i].Except), s)
				}
			}
			continue
		}
		// A variable that is only read needs a slot, too.
		if t.Variable == seclang.TX && s.Pattern == nil && s.Name != "" {
			c.slot(s.Name)
		}
		l.Targets = append(l.Targets, target.Target{Variable: t.Variable, Count: t.Count, Key: s})
	}
	if len(l.Targets) == 0 {
		return errors.New("rule looks at nothing; name a variable that is not negated")
	}
	return nil
}

// disruptives are the actions of which a rule has one: the last one counts. proxy is refused by the
// table of constructs and stands here for the check of chains.
var disruptives = []string{"pass", "deny", "drop", "block", "allow", "redirect", "proxy"}

// actions applies actions to a rule and its newest link, and reports whether the chain
// goes on. The phase comes first, for it chooses the default actions. chained tells that the link
// is not the first of its rule. Actions are applied in the order written, after those of
// SecDefaultAction.
func (c *compiler) actions(r *run.Rule, l *run.Link, list []seclang.Action, chained bool) (hasChain bool) {
	if !chained {
		for _, a := range list {
			if a.Name == "phase" {
				if r.Phase = phaseNumber(a.Arg); r.Phase == 0 {
					c.fail(a.Pos, "there is no such phase", a.Arg, "choose 1 to 5")
					return false
				}
			}
		}
		// Links of a chain have no defaults of their own.
		list = c.withDefaults(r.Phase, list)
	}
	// What concerns the chain as a whole stands in its first rule; ModSecurity ignores it
	// elsewhere, which is never what was meant.
	for _, a := range list {
		k := construct(seclang.ActionKind, a.Name)
		if k.Status == seclang.Refused {
			c.fail(a.Pos, "action "+k.Name+" is not supported", "", k.Note)
			continue
		}
		if chained && slices.Contains(append(disruptives, "skip", "skipafter", "id", "phase"), a.Name) {
			c.fail(a.Pos, "action "+k.Name+" stands in a chained rule", "", "move it to the first rule of the chain")
			continue
		}
		if a.Name == "chain" {
			hasChain = true
			continue
		}
		if err := c.action(r, l, a); err != nil {
			c.failErr(a.Pos, err)
		}
	}
	return hasChain
}

// withDefaults puts the default actions of the phase before those of a rule. A disruptive
// action of the rule replaces the default one, but block, which stands for it. The order makes the
// rule's own actions win: of those that exclude each other the last one counts.
func (c *compiler) withDefaults(phase int, list []seclang.Action) []seclang.Action {
	own := ""
	for _, a := range list {
		if slices.Contains(disruptives, a.Name) {
			own = a.Name
		}
	}
	var merged []seclang.Action
	for _, a := range c.defaults[phase] {
		// block means: do what SecDefaultAction says, so that its disruptive action stays.
		if slices.Contains(disruptives, a.Name) && own != "" && own != "block" {
			continue
		}
		merged = append(merged, a)
	}
	return append(merged, list...)
}

// action applies one action to a rule or to its link. The name is in lower case. Actions that only
// describe the rule, such as rev, are accepted without a notice.
func (c *compiler) action(r *run.Rule, l *run.Link, a seclang.Action) error {
	var err error
	switch a.Name {
	case "id":
		if r.ID, err = strconv.Atoi(a.Arg); err != nil || r.ID <= 0 {
			return fmt.Errorf("rule id is not a positive number: %q; write id:NUMBER", a.Arg)
		}
	// phase is read before. block adds nothing to the default action, which stands before it in the
	// list.
	case "phase", "pass", "block":
		if a.Name == "pass" {
			r.Disruption = run.Pass
		}
	// drop, which closes the connection in ModSecurity, refuses like deny.
	case "deny", "drop", "redirect":
		r.Disruption = run.Deny
		if a.Name == "redirect" && r.Status == 0 {
			r.Status = 302
		}
	// allow alone ends both request and response, allow:phase the phase, allow:request the request.
	case "allow":
		r.Disruption = run.Allow
		switch a.Arg {
		case "":
			r.AllowScope = run.AllowAll
		case "phase":
			r.AllowScope = run.AllowPhase
		case "request":
			r.AllowScope = run.AllowRequest
		default:
			return fmt.Errorf("allow has no such scope: %q; write allow, allow:phase or allow:request", a.Arg)
		}
	// It is used if the rule refuses; the number must be one that HTTP can send.
	case "status":
		if r.Status, err = strconv.Atoi(a.Arg); err != nil || r.Status < 100 || r.Status > 999 {
			return fmt.Errorf("status is no HTTP status: %q; write 403", a.Arg)
		}
	case "severity":
		if r.Severity = severityNumber(a.Arg); r.Severity < 0 {
			return fmt.Errorf("severity does not exist: %q; write CRITICAL, ERROR, WARNING, NOTICE or 0 to 7", a.Arg)
		}
	// Tags add up, also over the links of a chain.
	case "tag":
		r.Tags = append(r.Tags, a.Arg)
	// The first link's message is also the name by which ruleRemoveByMsg finds the rule.
	case "msg":
		if len(r.Links) == 0 && r.Message == "" {
			r.Message = a.Arg
		}
		l.Message, err = run.ParseMacro(a.Arg, c.slot)
	case "logdata":
		l.LogData, err = run.ParseMacro(a.Arg, c.slot)
	// log and nolog say whether a match is an event; anomaly rules that only count say nolog.
	case "log":
		r.Log = true
	case "nolog":
		r.Log = false
	case "capture":
		l.Capture = true
	// The operator is asked of the value itself and after each transformation that follows.
	case "multimatch":
		l.MultiMatch = true
	case "t":
		return c.transformation(l, a.Arg)
	case "setvar":
		var act run.Action
		if setsTX(a.Arg) {
			act, err = parseSetVar(a.Arg, c.slot)
		} else {
			act, err = c.collectionAction(a.Name, a.Arg)
		}
		if err == nil {
			l.Actions = append(l.Actions, act)
		}
	case "initcol", "setsid", "setuid", "setrsc", "expirevar", "deprecatevar":
		var act run.Action
		if act, err = c.collectionAction(a.Name, a.Arg); act != nil && err == nil {
			l.Actions = append(l.Actions, act)
		}
	case "ctl":
		act, e := c.ctlAction(a.Arg)
		if act != nil && e == nil {
			l.Actions = append(l.Actions, act)
		}
		err = e
	case "skipafter":
		r.SkipMarker = a.Arg
	// Where it leads is found by resolve, when all rules are known.
	case "skip":
		if r.SkipCount, err = strconv.Atoi(a.Arg); err != nil || r.SkipCount <= 0 {
			return fmt.Errorf("skip is not a positive number: %q; write skip:1", a.Arg)
		}
	case "rev", "ver", "auditlog", "noauditlog", "accuracy", "maturity":
	default: // accepted without an effect
		k := construct(seclang.ActionKind, a.Name)
		c.notice(a.Pos.String() + ": action " + k.Name + " has no effect: " + k.Note)
	}
	return err
}

// severityNumber reads a severity by name or number (RFC 5424, section 6.2.1), -1 if there
// is no such.
func severityNumber(s string) int {
	names := []string{"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}
	if i := slices.Index(names, strings.ToUpper(s)); i >= 0 {
		return i
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n < len(names) {
		return n
	}
	return -1
}

// transformation adds a transformation to a link; none takes those before away.
//
//	t:none,t:urlDecodeUni,t:lowercase  ->  urlDecodeUni, then lowercase
func (c *compiler) transformation(l *run.Link, name string) error {
	if strings.EqualFold(name, "none") {
		l.Transforms = nil
		return nil
	}
	t, ok := transform.Find(name)
	if !ok {
		if k := construct(seclang.TransformationKind, name); k.Status == seclang.Refused {
			return fmt.Errorf("transformation %s is not supported; %s", k.Name, k.Note)
		}
		return fmt.Errorf("unknown transformation: %q; see the table of constructs in docs/guide/seclang.md", name)
	}
	// Clipped, so that no two links write to one array.
	l.Transforms = append(slices.Clip(l.Transforms), t)
	return nil
}
