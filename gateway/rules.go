package gateway

import (
	"context"
	"net/http"
)

// SetRules replaces Config.RulesBefore and RulesAfter and compiles the running policy
// anew beside it. On error the old rules stay in force; the error names file, line
// and column or the exception that does not fit. No connection is dropped, and a
// request that began under the old rules ends under them.
func (g *Gateway) SetRules(ctx context.Context, before, after string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return http.ErrServerClosed
	}
	old := g.cfg
	g.cfg.RulesBefore, g.cfg.RulesAfter = before, after
	if len(g.services) == 0 {
		return nil
	}
	if err := g.apply(ctx, g.policy); err != nil {
		g.cfg.RulesBefore, g.cfg.RulesAfter = old.RulesBefore, old.RulesAfter
		return err
	}
	return nil
}
