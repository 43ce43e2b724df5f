package gateway

import (
	"context"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
)

// SetRules replaces Config.RulesBefore and RulesAfter and compiles the running policy
// anew beside it. On error the old rules stay in force; the error names file, line
// and column or the exception that does not fit. No connection is dropped, and a
// request that began under the old rules ends under them.
func (g *Gateway) SetRules(ctx context.Context, before, after string) error {
	g.changing.Lock()
	defer g.changing.Unlock()
	if _, err := g.ports(); err != nil {
		return err
	}
	old := g.cfg
	g.cfg.RulesBefore, g.cfg.RulesAfter = before, after
	g.generation++ // what Check prepared has the old rules
	if len(g.policy.Services) == 0 {
		return nil
	}
	if err := g.apply(ctx, g.policy); err != nil {
		g.cfg.RulesBefore, g.cfg.RulesAfter = old.RulesBefore, old.RulesAfter
		return err
	}
	return nil
}

// Rule returns a rule of the rule sets that are in force, in words, false if none has
// it.
func (g *Gateway) Rule(id int) (policy.Rule, bool) {
	g.mu.Lock()
	services := g.services
	g.mu.Unlock()
	for _, s := range services {
		if r, ok := s.engine.Rule(id); ok {
			family, _ := event.FamilyOf(r.Tags)
			return policy.Rule{
				ID: r.ID, Phase: r.Phase, Message: r.Message, Severity: r.Severity, Paranoia: r.Paranoia, Tags: r.Tags,
				Family: family.Name, About: family.About, LooksFor: r.LooksFor, Does: r.Does, Place: r.Place, Source: r.Source,
			}, true
		}
	}
	return policy.Rule{}, false
}
