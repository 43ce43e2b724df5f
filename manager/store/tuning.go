package store

import (
	"context"
	"errors"

	"github.com/ringwall/ringwall/policy"
)

const exceptionColumns = `id, revision, service_id, rule_id, rule_id_last, tag, target, path_prefix,
	methods, sources, expires, owner, comment, enabled, created`

func scanException(row scanner) (x policy.Exception, err error) {
	return x, row.Scan(&x.ID, &x.Revision, &x.ServiceID, &x.RuleID, &x.RuleIDLast, &x.Tag, &x.Target, &x.PathPrefix,
		jsonList[string]{&x.Methods}, jsonList[string]{&x.Sources}, when{&x.Expires}, &x.Owner, &x.Comment, &x.Enabled, when{&x.Created})
}

func scanRuleActions(row scanner) (a policy.RuleActions, err error) {
	return a, row.Scan(&a.ServiceID, &a.Revision, jsonList[policy.RuleAction]{&a.Actions})
}

// Exceptions lists the exceptions of a service, the oldest first, all for serviceID "".
func (r Reader) Exceptions(ctx context.Context, serviceID string) ([]policy.Exception, error) {
	return all(ctx, r, scanException, `SELECT `+exceptionColumns+` FROM exceptions
		WHERE $1 = '' OR service_id = $1 ORDER BY created, id`, serviceID)
}

// Exception returns one exception or ErrNotFound.
func (r Reader) Exception(ctx context.Context, id string) (policy.Exception, error) {
	return one(ctx, r, scanException, `SELECT `+exceptionColumns+` FROM exceptions WHERE id = $1`, id)
}

// RuleActions lists what every service makes of single rules.
func (r Reader) RuleActions(ctx context.Context) ([]policy.RuleActions, error) {
	return all(ctx, r, scanRuleActions, `SELECT service_id, revision, actions FROM rule_actions ORDER BY service_id`)
}

// ServiceActions returns what one service makes of single rules: revision 0 and
// nothing if nothing was set.
func (r Reader) ServiceActions(ctx context.Context, serviceID string) (policy.RuleActions, error) {
	a, err := one(ctx, r, scanRuleActions, `SELECT service_id, revision, actions FROM rule_actions WHERE service_id = $1`, serviceID)
	if errors.Is(err, ErrNotFound) {
		return policy.RuleActions{ServiceID: serviceID, Actions: []policy.RuleAction{}}, nil
	}
	return a, err
}

// CreateException writes a new exception as revision 1.
func (t *Tx) CreateException(ctx context.Context, x policy.Exception) (policy.Exception, error) {
	x.Revision = 1
	_, err := t.exec(ctx, `INSERT INTO exceptions (`+exceptionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		x.ID, x.Revision, x.ServiceID, x.RuleID, x.RuleIDLast, x.Tag, x.Target, x.PathPrefix,
		encode(x.Methods), encode(x.Sources), millis(x.Expires), x.Owner, x.Comment, x.Enabled, millis(x.Created))
	return x, err
}

// UpdateException is like UpdateSite. It keeps when the exception was created.
func (t *Tx) UpdateException(ctx context.Context, x policy.Exception) (policy.Exception, error) {
	err := t.change(ctx, ErrStale, `UPDATE exceptions
		SET revision = revision + 1, service_id = $3, rule_id = $4, rule_id_last = $5, tag = $6, target = $7, path_prefix = $8,
		methods = $9, sources = $10, expires = $11, owner = $12, comment = $13, enabled = $14 WHERE id = $1 AND revision = $2`,
		x.ID, x.Revision, x.ServiceID, x.RuleID, x.RuleIDLast, x.Tag, x.Target, x.PathPrefix,
		encode(x.Methods), encode(x.Sources), millis(x.Expires), x.Owner, x.Comment, x.Enabled)
	if err != nil {
		return x, err
	}
	return t.Exception(ctx, x.ID)
}

// PutServiceActions replaces what a service makes of single rules. It returns
// ErrStale unless a.Revision is the stored one, 0 if nothing was set.
func (t *Tx) PutServiceActions(ctx context.Context, a policy.RuleActions) (policy.RuleActions, error) {
	err := t.change(ctx, ErrStale, `INSERT INTO rule_actions (service_id, revision, actions) SELECT $1, 1, $3 WHERE $2 = 0
		OR EXISTS (SELECT 1 FROM rule_actions WHERE service_id = $1)
		ON CONFLICT (service_id) DO UPDATE SET revision = rule_actions.revision + 1, actions = excluded.actions WHERE rule_actions.revision = $2`,
		a.ServiceID, a.Revision, encode(a.Actions))
	a.Revision++
	return a, err
}

// DeleteServiceActions removes what a service makes of single rules, if there is
// anything.
func (t *Tx) DeleteServiceActions(ctx context.Context, serviceID string) error {
	_, err := t.exec(ctx, `DELETE FROM rule_actions WHERE service_id = $1`, serviceID)
	return err
}
