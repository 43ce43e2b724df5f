package program

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Options are what a program is compiled from.
type Options struct {
	Directives []seclang.Directive
	// Files has the data files of rules, beside the files that name them. May be nil.
	Files fs.FS
	// Plain compiles without folding, gate and automata: every rule runs on every
	// value, as slow as it is. Tests compare both.
	Plain bool
}

// Compile builds a program. Mistakes are joined; each is a *seclang.Error.
func Compile(o Options) (*Program, error) {
	c := compiler{
		p: &Program{
			Settings: Settings{
				Engine: "on", JSONDepth: 1024, Arguments: 1000,
				ResponseTypes:     []string{"text/plain", "text/html", "text/xml"},
				CollectionTimeout: time.Hour,
			},
			byID:  map[int]int32{},
			slots: map[string]int32{},
		},
		files:    o.Files,
		defaults: map[int][]seclang.Action{},
		markers:  map[string][]int32{},
	}
	c.p.noGate = o.Plain
	c.context = compileContext{files: o.Files, slot: c.slot, regexps: map[string]*rx.Regexp{}, phrases: map[string]operator{}}
	for i := range 10 {
		c.p.known.captures[i] = c.slot(strconv.Itoa(i))
	}
	for _, d := range o.Directives {
		c.directive(d)
	}
	if c.open != nil {
		c.fail(c.open.pos, "chain has no next rule", "", "add a SecRule after it or remove the action chain")
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.link()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.noticeUnopened()
	c.finish(o.Plain)
	return c.p, nil
}

type compiler struct {
	p        *Program
	files    fs.FS
	context  compileContext
	errs     []error
	defaults map[int][]seclang.Action
	rules    []*rule
	open     *rule // a chain that waits for its next link
	// markers has, for each name, the numbers of rules before which it stands.
	markers map[string][]int32
	ids     map[int]*rule
	removed map[int]bool
	notices map[string]bool
	opens   [len(lasting)]bool // collections that actions open
	gates   gateCompiler
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
	if s, ok := c.p.slots[name]; ok {
		return s
	}
	s := int32(len(c.p.names))
	c.p.slots[name] = s
	c.p.names = append(c.p.names, name)
	c.p.initial = append(c.p.initial, slotValue{})
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
		return RequestBody
	case "response":
		return ResponseBody
	case "logging":
		return Logging
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
		r = &rule{pos: d.Pos, severity: -1, phase: RequestBody, log: true}
	}
	r.source = append(r.source, d)
	l := link{}
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
		l.op, l.negated = op, src.Operator.Negated
	}
	hasChain := c.actions(r, &l, src.Actions, parent != nil)
	r.links = append(r.links, l)
	if parent == nil {
		if r.id == 0 {
			c.fail(d.Pos, "rule has no id", "", "add id:NUMBER; 1 to 99999 are for your own rules")
		} else if c.ids[r.id] != nil {
			c.fail(d.Pos, "rule id is already used", strconv.Itoa(r.id), "its other rule stands at "+c.ids[r.id].pos.String())
		}
		if c.ids == nil {
			c.ids = map[int]*rule{}
		}
		c.ids[r.id] = r
		c.rules = append(c.rules, r)
	}
	if hasChain {
		c.open = r
	} else {
		c.open = nil
	}
}

// targets adds targets to a link; negated ones become exceptions.
func (c *compiler) targets(l *link, list []seclang.Target) error {
	for _, t := range list {
		s, err := newSelector(t)
		if err != nil {
			return &seclang.Error{Pos: t.Pos, Msg: "selector is no regular expression", Text: t.Key, Hint: err.Error()}
		}
		if t.Negated {
			for i := range l.targets {
				if l.targets[i].variable == t.Variable {
					l.targets[i].except = append(slices.Clip(l.targets[i].except), s)
				}
			}
			continue
		}
		if t.Variable == seclang.TX && s.re == nil && s.key != "" {
			c.slot(s.key)
		}
		l.targets = append(l.targets, target{variable: t.Variable, count: t.Count, key: s})
	}
	if len(l.targets) == 0 {
		return errors.New("rule looks at nothing; name a variable that is not negated")
	}
	return nil
}

var disruptives = []string{"pass", "deny", "drop", "block", "allow", "redirect", "proxy"}

// actions applies actions to a rule and its newest link.
func (c *compiler) actions(r *rule, l *link, list []seclang.Action, chained bool) (hasChain bool) {
	if !chained {
		for _, a := range list {
			if a.Name == "phase" {
				if r.phase = phaseNumber(a.Arg); r.phase == 0 {
					c.fail(a.Pos, "there is no such phase", a.Arg, "choose 1 to 5")
					return false
				}
			}
		}
		list = c.withDefaults(r.phase, list)
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

func (c *compiler) action(r *rule, l *link, a seclang.Action) error {
	var err error
	switch a.Name {
	case "id":
		if r.id, err = strconv.Atoi(a.Arg); err != nil || r.id <= 0 {
			return fmt.Errorf("rule id is not a positive number: %q; write id:NUMBER", a.Arg)
		}
	case "phase", "pass", "block":
		if a.Name == "pass" {
			r.disruptive = doPass
		}
	case "deny", "drop", "redirect":
		r.disruptive = doDeny
		if a.Name == "redirect" && r.status == 0 {
			r.status = 302
		}
	case "allow":
		r.disruptive = doAllow
		switch a.Arg {
		case "":
			r.allow = allowAll
		case "phase":
			r.allow = allowPhase
		case "request":
			r.allow = allowRequest
		default:
			return fmt.Errorf("allow has no such scope: %q; write allow, allow:phase or allow:request", a.Arg)
		}
	case "status":
		if r.status, err = strconv.Atoi(a.Arg); err != nil || r.status < 100 || r.status > 999 {
			return fmt.Errorf("status is no HTTP status: %q; write 403", a.Arg)
		}
	case "severity":
		if r.severity = severityNumber(a.Arg); r.severity < 0 {
			return fmt.Errorf("severity does not exist: %q; write CRITICAL, ERROR, WARNING, NOTICE or 0 to 7", a.Arg)
		}
	case "tag":
		r.tags = append(r.tags, a.Arg)
	case "msg":
		if len(r.links) == 0 && r.msg == "" {
			r.msg = a.Arg
		}
		l.msg, err = parseMacro(a.Arg, c.slot)
	case "logdata":
		l.logdata, err = parseMacro(a.Arg, c.slot)
	case "log":
		r.log = true
	case "nolog":
		r.log = false
	case "capture":
		l.capture = true
	case "multimatch":
		l.multiMatch = true
	case "t":
		return c.transformation(l, a.Arg)
	case "setvar":
		var act action
		if setsTX(a.Arg) {
			act, err = parseSetVar(a.Arg, c.slot)
		} else {
			act, err = c.collectionAction(a.Name, a.Arg)
		}
		if err == nil {
			l.actions = append(l.actions, act)
		}
	case "initcol", "setsid", "setuid", "setrsc", "expirevar", "deprecatevar":
		var act action
		if act, err = c.collectionAction(a.Name, a.Arg); act != nil && err == nil {
			l.actions = append(l.actions, act)
		}
	case "ctl":
		act, e := c.ctlAction(a.Arg)
		if act != nil && e == nil {
			l.actions = append(l.actions, act)
		}
		err = e
	case "skipafter":
		r.skipMark = a.Arg
	case "skip":
		if r.skipN, err = strconv.Atoi(a.Arg); err != nil || r.skipN <= 0 {
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

func (c *compiler) transformation(l *link, name string) error {
	if strings.EqualFold(name, "none") {
		l.transforms = nil
		return nil
	}
	t, ok := transform.Find(name)
	if !ok {
		if k := construct(seclang.TransformationKind, name); k.Status == seclang.Refused {
			return fmt.Errorf("transformation %s is not supported; %s", k.Name, k.Note)
		}
		return fmt.Errorf("unknown transformation: %q; see the table of constructs in docs/guide/seclang.md", name)
	}
	l.transforms = append(slices.Clip(l.transforms), t)
	return nil
}

// selected returns the rules so far that s chooses.
func (c *compiler) selected(s ruleSelector) []*rule {
	var list []*rule
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
			c.removed[r.id] = true
			delete(c.ids, r.id)
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
			if len(r.links[0].targets) == 0 {
				continue // a SecAction looks at nothing
			}
			if err := c.targets(&r.links[0], targets); err != nil {
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
					r.links[0].transforms = nil
					continue
				}
				if err := c.action(r, &r.links[0], a); err != nil {
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
		index[i] = int32(len(p.rules))
		if !c.removed[r.id] || c.ids[r.id] == r {
			r.index = index[i]
			p.rules = append(p.rules, *r)
		}
	}
	index[len(c.rules)] = int32(len(p.rules))
	for i := range p.rules {
		r := &p.rules[i]
		p.byID[r.id] = int32(i)
		switch {
		case r.skipMark != "":
			places, ok := c.markers[r.skipMark]
			if !ok {
				c.fail(r.pos, "skipAfter names no marker", r.skipMark, "add SecMarker "+r.skipMark+" after the rule")
				continue
			}
			r.skipTo = -1
			for _, at := range places {
				if index[at] > r.index {
					r.skipTo = index[at]
					break
				}
			}
			if r.skipTo < 0 {
				c.fail(r.pos, "the marker of skipAfter stands before the rule", r.skipMark, "skipping goes forward only; move the marker")
			}
		case r.skipN > 0:
			r.skipTo = int32(len(p.rules))
			left := r.skipN
			for j := i + 1; j < len(p.rules); j++ {
				if p.rules[j].phase != r.phase {
					continue
				}
				if left == 0 {
					r.skipTo = int32(j)
					break
				}
				left--
			}
		}
		for j := range r.links {
			l := &r.links[j]
			l.number = int32(p.links)
			p.links++
		}
	}
	for _, s := range c.selections {
		*s.rules = s.selector.rules(p)
	}
	p.known.blockingInbound = c.slot("blocking_inbound_anomaly_score")
	p.known.blockingOutbound = c.slot("blocking_outbound_anomaly_score")
	for i := 1; i <= 4; i++ {
		p.known.inbound[i] = c.slot(fmt.Sprintf("inbound_anomaly_score_pl%d", i))
		p.known.outbound[i] = c.slot(fmt.Sprintf("outbound_anomaly_score_pl%d", i))
	}
	p.scores = append(slices.Clone(p.known.inbound[1:]), p.known.outbound[1:]...)
	for _, s := range p.known.captures {
		p.initial[s] = slotValue{set: true}
	}
}

// finish orders the rules by phase, folds and builds the gates.
func (c *compiler) finish(plain bool) {
	p := c.p
	kept := newSet(len(p.rules))
	for i := range p.rules {
		kept.add(int32(i))
	}
	if !plain {
		kept = fold(p)
		settle(p, kept)
	}
	for n := 1; n < phaseCount; n++ {
		ph := &p.phases[n]
		for i := range p.rules {
			if p.rules[i].phase == n && kept.has(int32(i)) {
				ph.rules = append(ph.rules, int32(i))
			}
		}
		ph.always = newSet(len(ph.rules))
		if plain {
			for i := range ph.rules {
				ph.always.add(int32(i))
			}
		} else {
			c.buildGate(ph, kept)
		}
	}
	findNeeded(p)
	findScalars(p)
	findSlots(p)
	p.initCache()
}

// findSlots finds the variables of TX that targets select.
func findSlots(p *Program) {
	for i := range p.rules {
		for j := range p.rules[i].links {
			for k := range p.rules[i].links[j].targets {
				t := &p.rules[i].links[j].targets[k]
				if t.variable != seclang.TX {
					continue
				}
				if t.key.re == nil && !t.key.all() {
					t.slots = []int32{p.slots[t.key.key]}
					continue
				}
				for slot, name := range p.names {
					if t.key.matches(name) {
						t.slots = append(t.slots, int32(slot))
					}
				}
			}
		}
	}
}

// findNeeded notes which variables the rules that can run refer to.
func findNeeded(p *Program) {
	note := func(m *macro) {
		if m != nil {
			for _, part := range m.parts {
				p.needed[part.variable] = true
			}
		}
	}
	for n := range p.phases {
		for _, i := range p.phases[n].rules {
			for j := range p.rules[i].links {
				l := &p.rules[i].links[j]
				for _, t := range l.targets {
					for _, v := range sources(t.variable) {
						p.needed[v] = true
					}
				}
				note(l.msg)
				note(l.logdata)
				note(argument(l.op))
				for _, a := range l.actions {
					if s, ok := a.(*setVar); ok {
						note(s.key)
						note(s.value)
					}
					if s, ok := a.(referring); ok {
						for _, m := range s.macros() {
							note(m)
						}
					}
				}
			}
		}
	}
}

// findScalars lists the needed variables that always have a value.
func findScalars(p *Program) {
	for v := seclang.Variable(1); v < seclang.VariableCount; v++ {
		if p.needed[v] && !v.Keyed() {
			p.scalars = append(p.scalars, v)
		}
	}
}

// noticeUnopened tells of collections that rules use and none opens.
func (c *compiler) noticeUnopened() {
	for i := range c.p.rules {
		r := &c.p.rules[i]
		for j := range r.links {
			for _, t := range r.links[j].targets {
				c.unopened(r, t.variable)
			}
			for _, a := range r.links[j].actions {
				switch a := a.(type) {
				case *setMember:
					c.unopened(r, a.variable)
				case *expireMember:
					c.unopened(r, a.variable)
				case *deprecateMember:
					c.unopened(r, a.variable)
				}
			}
		}
	}
}

func (c *compiler) unopened(r *rule, v seclang.Variable) {
	if i := lastingIndex(v); i >= 0 && !c.opens[i] {
		c.notice(fmt.Sprintf("%s: %s has no effect: no rule opens the collection; write initcol:%s=KEY", r.pos, v, strings.ToLower(v.String())))
	}
}

// rewrite changes what explanations say of a rule's first link, after a directive
// changed the rule. The directive as written stays as it is.
func rewrite(r *rule, change func(*seclang.Rule)) {
	src := *r.source[0].Rule
	change(&src)
	r.source = slices.Clone(r.source)
	r.source[0].Rule = &src
}
