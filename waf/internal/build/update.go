package build

import (
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

// selected returns the rules so far that s chooses. Rules that were removed are among them; changes
// to these have no effect.
func (c *compiler) selected(s ruleSelector) []*run.Rule {
	var list []*run.Rule
	for _, r := range c.rules {
		if s.matches(r) {
			list = append(list, r)
		}
	}
	return list
}

// selectors reads the arguments of a directive that chooses rules by what its name ends
// with. Mistakes are noted; the selectors that could be read are returned.
func (c *compiler) selectors(d seclang.Directive, args []string) []ruleSelector {
	var list []ruleSelector
	// The names of these directives end with ById, ByTag or ByMsg.
	by := strings.ToLower(d.Name[strings.LastIndex(d.Name, "By")+2:])
	for _, a := range args {
		words := []string{a}
		// Ids are separated by blanks or commas; tags and messages are whole arguments, for they
		// contain blanks.
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

// removeRules removes rules that stand before the directive; an id may be used again
// after it. A selector that chooses no rule is no mistake: lists of ids are made for several
// versions of a rule set.
//
//	SecRuleRemoveById 942100 942200-942299
//	SecRuleRemoveByTag attack-sqli
func (c *compiler) removeRules(d seclang.Directive) {
	for _, s := range c.selectors(d, d.Args) {
		for _, r := range c.selected(s) {
			if c.removed == nil {
				c.removed = map[int]bool{}
			}
			// The rule stays in c.rules, since markers are places in it; resolve drops it.
			c.removed[r.ID] = true
			delete(c.ids, r.ID)
		}
	}
}

// noRule fails since a directive, whose last argument is the update, chooses no rule.
func (c *compiler) noRule(d seclang.Directive, hint string) {
	c.fail(d.Pos, d.Name+" names no rule", strings.TrimSpace(strings.Join(d.Args[:len(d.Args)-1], " ")), hint)
}

// updateTargets adds targets to the first links of rules that stand before the directive. Other
// links of a chain stay as they are, as in ModSecurity.
//
//	SecRuleUpdateTargetById 942100 "!ARGS:note"            one target less
//	SecRuleUpdateTargetByTag attack-sqli "REQUEST_BODY"    one target more
func (c *compiler) updateTargets(d seclang.Directive) {
	targets, err := seclang.ParseTargets(d.Pos, d.Args[len(d.Args)-1])
	if err != nil {
		c.failErr(d.Pos, err)
		return
	}
	for _, s := range c.selectors(d, d.Args[:len(d.Args)-1]) {
		found := c.selected(s)
		if len(found) == 0 {
			c.noRule(d, "it must follow the rule; check the id or tag")
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

// updateActions adds actions to rules that stand before the directive. Unlike removal, an update
// that finds no rule is a mistake: what it was to tighten stays loose.
//
//	SecRuleUpdateActionById 942100 "pass,nolog"
//
// The new actions stand after those of the rule, so that they win where only one holds.
func (c *compiler) updateActions(d seclang.Directive) {
	actions, err := seclang.ParseActions(d.Pos, d.Args[len(d.Args)-1])
	if err != nil {
		c.failErr(d.Pos, err)
		return
	}
	for _, s := range c.selectors(d, d.Args[:len(d.Args)-1]) {
		found := c.selected(s)
		if len(found) == 0 {
			c.noRule(d, "it must follow the rule; check the id")
		}
		for _, r := range found {
			for _, a := range actions {
				// These decide what the rule is and which rules belong to it.
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

// rewrite changes what explanations say of a rule's first link, after a directive
// changed the rule. The directive as written stays as it is. The rule is copied before: other rules
// and the caller may share it.
func rewrite(r *run.Rule, change func(*seclang.Rule)) {
	src := *r.Directives[0].Rule
	change(&src)
	r.Directives = slices.Clone(r.Directives)
	r.Directives[0].Rule = &src
}
