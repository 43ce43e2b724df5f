package build

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Options are what a program is compiled from.
type Options struct {
	Directives []seclang.Directive
	// Files has the data files of rules, beside the files that name them. May be nil.
	Files fs.FS
	// Reference compiles without constant folding, gate and automata: every rule runs on
	// every value, by the standard library's regular expressions. It is slow, and what
	// tests compare an optimised program with.
	Reference bool
}

// Compile builds a program. Mistakes are joined; each is a *seclang.Error.
func Compile(o Options) (*run.Program, error) {
	c := compiler{
		p: &run.Program{
			Settings: run.Settings{
				Engine: "on", JSONDepth: 1024, Arguments: 1000,
				ResponseTypes:     []string{"text/plain", "text/html", "text/xml"},
				CollectionTimeout: time.Hour,
			},
			ByID:  map[int]int32{},
			Slots: map[string]int32{},
		},
		files:    o.Files,
		defaults: map[int][]seclang.Action{},
		markers:  map[string][]int32{},
	}
	c.p.Reference = o.Reference
	c.context = compileContext{files: o.Files, slot: c.slot, regexps: map[string]*rx.Regexp{}, phrases: map[string]run.Operator{}}
	for i := range 10 {
		c.p.WellKnown.Captures[i] = c.slot(strconv.Itoa(i))
	}
	for _, d := range o.Directives {
		c.directive(d)
	}
	if c.open != nil {
		c.fail(c.open.Pos, "chain has no next rule", "", "add a SecRule after it or remove the action chain")
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.link()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.noticeUnopened()
	c.finish(o.Reference)
	return c.p, nil
}

type compiler struct {
	p        *run.Program
	files    fs.FS
	context  compileContext
	errs     []error
	defaults map[int][]seclang.Action
	rules    []*run.Rule
	open     *run.Rule // a chain that waits for its next link
	// markers has, for each name, the numbers of rules before which it stands.
	markers map[string][]int32
	ids     map[int]*run.Rule
	removed map[int]bool
	notices map[string]bool
	opens   [len(run.Persistent)]bool // collections that actions open
	gates   gate.Compiler
	// selections are filled once all rules are known.
	selections []selection
}

func (c *compiler) fail(pos seclang.Pos, msg, text, hint string) {
	c.errs = append(c.errs, &seclang.Error{Pos: pos, Msg: msg, Text: text, Hint: hint})
}

func (c *compiler) failErr(pos seclang.Pos, err error) {
	if e := new(seclang.Error); errors.As(err, &e) && e.Pos.File != "ctl" {
		c.errs = append(c.errs, err)
		return
	}
	msg, hint, _ := strings.Cut(err.Error(), "; ")
	c.fail(pos, msg, "", hint)
}

// slot returns the number of a TX variable, a new one for a new name.
func (c *compiler) slot(name string) int32 {
	if s, ok := c.p.Slots[name]; ok {
		return s
	}
	s := int32(len(c.p.SlotNames))
	c.p.Slots[name] = s
	c.p.SlotNames = append(c.p.SlotNames, name)
	c.p.Initial = append(c.p.Initial, run.SlotValue{})
	return s
}

func (c *compiler) notice(text string) {
	if c.notices == nil {
		c.notices = map[string]bool{}
	}
	if !c.notices[text] {
		c.notices[text] = true
		c.p.Settings.Notices = append(c.p.Settings.Notices, text)
	}
}

func construct(kind seclang.Kind, name string) seclang.Construct {
	k, _ := seclang.Lookup(kind, name)
	return k
}

func (c *compiler) directive(d seclang.Directive) {
	if d.Rule != nil {
		c.rule(d)
		return
	}
	if c.open != nil && d.Name != "SecMarker" {
		c.fail(d.Pos, "chain is interrupted by "+d.Name, "", "move it before or after the chain")
		return
	}
	k := construct(seclang.DirectiveKind, d.Name)
	switch k.Status {
	case seclang.Refused:
		c.fail(d.Pos, d.Name+" is not supported", "", k.Note)
		return
	case seclang.Accepted:
		c.notice(d.Pos.String() + ": " + d.Name + " has no effect: " + k.Note)
		return
	}
	want := func(n int) bool {
		if len(d.Args) < n {
			c.fail(d.Pos, fmt.Sprintf("%s needs %d argument(s)", d.Name, n), "", "see the ModSecurity manual for "+d.Name)
			return false
		}
		return true
	}
	s := &c.p.Settings
	switch d.Name {
	case "Include":
		c.fail(d.Pos, "Include is left over", "", "read rules with seclang.Load")
	case "SecMarker":
		if want(1) {
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
	case "SecArgumentsLimit":
		if want(1) {
			s.Arguments = c.positive(d)
		}
	case "SecCollectionTimeout":
		if want(1) {
			s.CollectionTimeout = time.Duration(c.positive(d)) * time.Second
		}
	case "SecResponseBodyMimeTypesClear":
		s.ResponseTypes = nil
	case "SecResponseBodyMimeType":
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
	case "SecRuleUpdateTargetById", "SecRuleUpdateTargetByTag", "SecRuleUpdateTargetByMsg":
		if want(2) {
			c.updateTargets(d)
		}
	case "SecRuleUpdateActionById":
		if want(2) {
			c.updateActions(d)
		}
	default:
		c.fail(d.Pos, d.Name+" is not implemented", "", "remove it")
	}
}

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

func (c *compiler) positive(d seclang.Directive) int {
	n, err := strconv.Atoi(d.Args[0])
	if err != nil || n <= 0 {
		c.fail(d.Pos, d.Name+" is not a positive number", d.Args[0], "write a number")
	}
	return n
}

func (c *compiler) defaultAction(d seclang.Directive) {
	actions, err := seclang.ParseActions(d.Pos, d.Args[0])
	if err != nil {
		c.failErr(d.Pos, err)
		return
	}
	n, disruptive := 0, false
	var kept []seclang.Action
	for _, a := range actions {
		switch a.Name {
		case "phase":
			if n = phaseNumber(a.Arg); n == 0 {
				c.fail(a.Pos, "there is no such phase", a.Arg, "choose 1 to 5")
			}
			continue
		case "t", "id", "msg", "tag", "severity", "logdata", "ver", "rev", "chain":
			c.fail(a.Pos, "SecDefaultAction may not have the action "+a.Name, "", "write it in the rules")
		case "pass", "deny", "drop", "allow", "redirect":
			disruptive = true
		case "block":
			c.fail(a.Pos, "SecDefaultAction decides what block means", "", "write pass or deny")
		}
		kept = append(kept, a)
	}
	if n == 0 || !disruptive {
		c.fail(d.Pos, "SecDefaultAction needs a phase and pass, deny, drop, allow or redirect", d.Args[0], `write "phase:2,log,pass"`)
		return
	}
	c.defaults[n] = kept
}

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

// rule compiles a SecRule or SecAction.
func (c *compiler) rule(d seclang.Directive) {
	src := d.Rule
	parent := c.open
	r := parent
	if r == nil {
		r = &run.Rule{Pos: d.Pos, Severity: -1, Phase: run.RequestBody, Log: true}
	}
	r.Directives = append(r.Directives, d)
	l := run.Link{}
	if d.Pos.File != "" {
		c.context.dir = path.Dir(d.Pos.File)
	}
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
	if hasChain {
		c.open = r
	} else {
		c.open = nil
	}
}

// targets adds targets to a link; negated ones become exceptions.
func (c *compiler) targets(l *run.Link, list []seclang.Target) error {
	for _, t := range list {
		s, err := target.NewSelector(t)
		if err != nil {
			return &seclang.Error{Pos: t.Pos, Msg: "selector is no regular expression", Text: t.Key, Hint: err.Error()}
		}
		if t.Negated {
			for i := range l.Targets {
				if l.Targets[i].Variable == t.Variable {
					l.Targets[i].Except = append(slices.Clip(l.Targets[i].Except), s)
				}
			}
			continue
		}
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

var disruptives = []string{"pass", "deny", "drop", "block", "allow", "redirect", "proxy"}

// actions applies actions to a rule and its newest link.
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
		list = c.withDefaults(r.Phase, list)
	}
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

// withDefaults puts the default actions of the phase before those of a rule.
func (c *compiler) withDefaults(phase int, list []seclang.Action) []seclang.Action {
	own := ""
	for _, a := range list {
		if slices.Contains(disruptives, a.Name) {
			own = a.Name
		}
	}
	var merged []seclang.Action
	for _, a := range c.defaults[phase] {
		if slices.Contains(disruptives, a.Name) && own != "" && own != "block" {
			continue
		}
		merged = append(merged, a)
	}
	return append(merged, list...)
}

func (c *compiler) action(r *run.Rule, l *run.Link, a seclang.Action) error {
	var err error
	switch a.Name {
	case "id":
		if r.ID, err = strconv.Atoi(a.Arg); err != nil || r.ID <= 0 {
			return fmt.Errorf("rule id is not a positive number: %q; write id:NUMBER", a.Arg)
		}
	case "phase", "pass", "block":
		if a.Name == "pass" {
			r.Disruption = run.Pass
		}
	case "deny", "drop", "redirect":
		r.Disruption = run.Deny
		if a.Name == "redirect" && r.Status == 0 {
			r.Status = 302
		}
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
	case "status":
		if r.Status, err = strconv.Atoi(a.Arg); err != nil || r.Status < 100 || r.Status > 999 {
			return fmt.Errorf("status is no HTTP status: %q; write 403", a.Arg)
		}
	case "severity":
		if r.Severity = severityNumber(a.Arg); r.Severity < 0 {
			return fmt.Errorf("severity does not exist: %q; write CRITICAL, ERROR, WARNING, NOTICE or 0 to 7", a.Arg)
		}
	case "tag":
		r.Tags = append(r.Tags, a.Arg)
	case "msg":
		if len(r.Links) == 0 && r.Message == "" {
			r.Message = a.Arg
		}
		l.Message, err = run.ParseMacro(a.Arg, c.slot)
	case "logdata":
		l.LogData, err = run.ParseMacro(a.Arg, c.slot)
	case "log":
		r.Log = true
	case "nolog":
		r.Log = false
	case "capture":
		l.Capture = true
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
	l.Transforms = append(slices.Clip(l.Transforms), t)
	return nil
}

// selected returns the rules so far that s chooses.
func (c *compiler) selected(s ruleSelector) []*run.Rule {
	var list []*run.Rule
	for _, r := range c.rules {
		if s.matches(r) {
			list = append(list, r)
		}
	}
	return list
}

func (c *compiler) selectors(d seclang.Directive, args []string) []ruleSelector {
	var list []ruleSelector
	by := strings.ToLower(d.Name[strings.LastIndex(d.Name, "By")+2:])
	for _, a := range args {
		words := []string{a}
		if by == "id" {
			words = strings.Fields(strings.ReplaceAll(a, ",", " "))
		}
		for _, w := range words {
			s, err := selectorFor(by, w)
			if err != nil {
				c.failErr(d.Pos, err)
				continue
			}
			list = append(list, s)
		}
	}
	return list
}

func (c *compiler) removeRules(d seclang.Directive) {
	for _, s := range c.selectors(d, d.Args) {
		for _, r := range c.selected(s) {
			if c.removed == nil {
				c.removed = map[int]bool{}
			}
			c.removed[r.ID] = true
			delete(c.ids, r.ID)
		}
	}
}

func (c *compiler) updateTargets(d seclang.Directive) {
	targets, err := seclang.ParseTargets(d.Pos, d.Args[len(d.Args)-1])
	if err != nil {
		c.failErr(d.Pos, err)
		return
	}
	for _, s := range c.selectors(d, d.Args[:len(d.Args)-1]) {
		found := c.selected(s)
		if len(found) == 0 {
			c.fail(d.Pos, d.Name+" names no rule", strings.TrimSpace(strings.Join(d.Args[:len(d.Args)-1], " ")), "it must follow the rule; check the id or tag")
		}
		for _, r := range found {
			if len(r.Links[0].Targets) == 0 {
				continue // a SecAction looks at nothing
			}
			if err := c.targets(&r.Links[0], targets); err != nil {
				c.failErr(d.Pos, err)
				return
			}
			rewrite(r, func(src *seclang.Rule) { src.Targets = append(slices.Clip(src.Targets), targets...) })
		}
	}
}

func (c *compiler) updateActions(d seclang.Directive) {
	actions, err := seclang.ParseActions(d.Pos, d.Args[len(d.Args)-1])
	if err != nil {
		c.failErr(d.Pos, err)
		return
	}
	for _, s := range c.selectors(d, d.Args[:len(d.Args)-1]) {
		found := c.selected(s)
		if len(found) == 0 {
			c.fail(d.Pos, d.Name+" names no rule", strings.TrimSpace(strings.Join(d.Args[:len(d.Args)-1], " ")), "it must follow the rule; check the id")
		}
		for _, r := range found {
			for _, a := range actions {
				if slices.Contains([]string{"id", "phase", "chain"}, a.Name) {
					c.fail(d.Pos, d.Name+" cannot change "+a.Name, "", "write a rule of your own")
					return
				}
				if a.Name == "t" && strings.EqualFold(a.Arg, "none") {
					r.Links[0].Transforms = nil
					continue
				}
				if err := c.action(r, &r.Links[0], a); err != nil {
					c.failErr(d.Pos, err)
				}
			}
			rewrite(r, func(src *seclang.Rule) { src.Actions = append(slices.Clip(src.Actions), actions...) })
		}
	}
}

// link turns the rules into the program's tables.
func (c *compiler) link() {
	p := c.p
	// Removed rules go; markers move to the next rule that stays.
	index := make([]int32, len(c.rules)+1)
	for i, r := range c.rules {
		index[i] = int32(len(p.Rules))
		if !c.removed[r.ID] || c.ids[r.ID] == r {
			r.Index = index[i]
			p.Rules = append(p.Rules, *r)
		}
	}
	index[len(c.rules)] = int32(len(p.Rules))
	for i := range p.Rules {
		r := &p.Rules[i]
		p.ByID[r.ID] = int32(i)
		switch {
		case r.SkipMarker != "":
			places, ok := c.markers[r.SkipMarker]
			if !ok {
				c.fail(r.Pos, "skipAfter names no marker", r.SkipMarker, "add SecMarker "+r.SkipMarker+" after the rule")
				continue
			}
			r.SkipTo = -1
			for _, at := range places {
				if index[at] > r.Index {
					r.SkipTo = index[at]
					break
				}
			}
			if r.SkipTo < 0 {
				c.fail(r.Pos, "the marker of skipAfter stands before the rule", r.SkipMarker, "skipping goes forward only; move the marker")
			}
		case r.SkipCount > 0:
			r.SkipTo = int32(len(p.Rules))
			left := r.SkipCount
			for j := i + 1; j < len(p.Rules); j++ {
				if p.Rules[j].Phase != r.Phase {
					continue
				}
				if left == 0 {
					r.SkipTo = int32(j)
					break
				}
				left--
			}
		}
		for j := range r.Links {
			l := &r.Links[j]
			l.Number = int32(p.LinkCount)
			p.LinkCount++
		}
	}
	for _, s := range c.selections {
		*s.rules = s.selector.rules(p)
	}
	p.WellKnown.BlockingInbound = c.slot("blocking_inbound_anomaly_score")
	p.WellKnown.BlockingOutbound = c.slot("blocking_outbound_anomaly_score")
	for i := 1; i <= 4; i++ {
		p.WellKnown.Inbound[i] = c.slot(fmt.Sprintf("inbound_anomaly_score_pl%d", i))
		p.WellKnown.Outbound[i] = c.slot(fmt.Sprintf("outbound_anomaly_score_pl%d", i))
	}
	p.Scores = append(slices.Clone(p.WellKnown.Inbound[1:]), p.WellKnown.Outbound[1:]...)
	for _, s := range p.WellKnown.Captures {
		p.Initial[s] = run.SlotValue{Set: true}
	}
}

// finish orders the rules by phase, folds and builds the gates.
func (c *compiler) finish(reference bool) {
	p := c.p
	kept := bitset.New(len(p.Rules))
	for i := range p.Rules {
		kept.Add(int32(i))
	}
	if !reference {
		kept = fold(p)
		settle(p, kept)
	}
	for n := 1; n < run.PhaseCount; n++ {
		ph := &p.Phases[n]
		for i := range p.Rules {
			if p.Rules[i].Phase == n && kept.Has(int32(i)) {
				ph.Rules = append(ph.Rules, int32(i))
			}
		}
		ph.Always = bitset.New(len(ph.Rules))
		if reference {
			for i := range ph.Rules {
				ph.Always.Add(int32(i))
			}
		} else {
			c.buildGate(ph, kept)
		}
	}
	findNeeded(p)
	findScalars(p)
	findSlots(p)
	p.InitCache()
}

// findSlots finds the variables of TX that targets select.
func findSlots(p *run.Program) {
	for i := range p.Rules {
		for j := range p.Rules[i].Links {
			for k := range p.Rules[i].Links[j].Targets {
				t := &p.Rules[i].Links[j].Targets[k]
				if t.Variable != seclang.TX {
					continue
				}
				if t.Key.Pattern == nil && !t.Key.All() {
					t.Slots = []int32{p.Slots[t.Key.Name]}
					continue
				}
				for slot, name := range p.SlotNames {
					if t.Key.Matches(name) {
						t.Slots = append(t.Slots, int32(slot))
					}
				}
			}
		}
	}
}

// findNeeded notes which variables the rules that can run refer to.
func findNeeded(p *run.Program) {
	note := func(m *run.Macro) {
		if m != nil {
			for _, part := range m.Parts {
				p.Needed[part.Variable] = true
			}
		}
	}
	for n := range p.Phases {
		for _, i := range p.Phases[n].Rules {
			for j := range p.Rules[i].Links {
				l := &p.Rules[i].Links[j]
				for _, t := range l.Targets {
					for _, v := range target.Collections(t.Variable) {
						p.Needed[v] = true
					}
				}
				note(l.Message)
				note(l.LogData)
				note(run.Argument(l.Operator))
				for _, a := range l.Actions {
					if s, ok := a.(*run.SetVar); ok {
						note(s.Key)
						note(s.Value)
					}
					if s, ok := a.(run.Referring); ok {
						for _, m := range s.Macros() {
							note(m)
						}
					}
				}
			}
		}
	}
}

// findScalars lists the needed variables that always have a value.
func findScalars(p *run.Program) {
	for v := seclang.Variable(1); v < seclang.VariableCount; v++ {
		if p.Needed[v] && !v.Keyed() {
			p.Scalars = append(p.Scalars, v)
		}
	}
}

// noticeUnopened tells of collections that rules use and none opens.
func (c *compiler) noticeUnopened() {
	for i := range c.p.Rules {
		r := &c.p.Rules[i]
		for j := range r.Links {
			for _, t := range r.Links[j].Targets {
				c.unopened(r, t.Variable)
			}
			for _, a := range r.Links[j].Actions {
				switch a := a.(type) {
				case *run.SetMember:
					c.unopened(r, a.Variable)
				case *run.ExpireMember:
					c.unopened(r, a.Variable)
				case *run.DeprecateMember:
					c.unopened(r, a.Variable)
				}
			}
		}
	}
}

func (c *compiler) unopened(r *run.Rule, v seclang.Variable) {
	if i := run.PersistentIndex(v); i >= 0 && !c.opens[i] {
		c.notice(fmt.Sprintf("%s: %s has no effect: no rule opens the collection; write initcol:%s=KEY", r.Pos, v, strings.ToLower(v.String())))
	}
}

// rewrite changes what explanations say of a rule's first link, after a directive
// changed the rule. The directive as written stays as it is.
func rewrite(r *run.Rule, change func(*seclang.Rule)) {
	src := *r.Directives[0].Rule
	change(&src)
	r.Directives = slices.Clone(r.Directives)
	r.Directives[0].Rule = &src
}
