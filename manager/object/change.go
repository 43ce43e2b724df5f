package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
	"github.com/ringwall/ringwall/policy"
)

// change runs fn in one transaction, and has the gateways take the policy that comes
// of it. Nothing is changed when fn fails or a gateway would refuse the policy. It goes
// on when the client goes away, so that a change is never left half made.
//
// Compiling rules takes seconds, and a gateway may be far away, so no transaction is
// open while gateways are asked: everybody else, logins included, would wait for it.
// Instead fn runs twice. The first time in a transaction that is taken back: what it
// leaves behind is the policy that the gateways check. The second time for good, if
// the policy's version is still the one that the check was about; otherwise somebody
// else made a change in between and everything begins again. The version is counted
// in the database, so this holds between several managers too; turn only keeps the
// changes of this one from disturbing each other.
//
// So fn must be repeatable: it depends on nothing but the transaction and on values
// that it does not change, and makes no ids.
func (o *Objects) change(ctx context.Context, fn func(tx *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.timeout)
	defer cancel()
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for range maxTries {
		p, err := o.draft(ctx, fn)
		if err != nil {
			return err
		}
		if err := o.gateways.Check(ctx, p); err != nil {
			return refused(err)
		}
		err = o.store.Write(ctx, func(tx *store.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			version, err := tx.NextPolicyVersion(ctx)
			if err == nil && version != p.Version {
				err = errOvertaken
			}
			return err
		})
		switch {
		case err == nil:
			o.publish(p)
			return nil
		case !o.overtaken(ctx, p):
			return err
		}
	}
	return web.Conflict("other changes keep coming; try again")
}

// maxTries is how often a change begins again because others were quicker.
const maxTries = 10

// errOvertaken ends a change because the objects are not those that were checked.
var errOvertaken = errors.New("somebody else changed the policy")

// overtaken reports whether the stored policy is no longer the one that p was made
// from. What fn says then, such as that an object is gone, may have changed too.
func (o *Objects) overtaken(ctx context.Context, p policy.Policy) bool {
	version, err := o.store.PolicyVersion(ctx)
	return err == nil && version != p.Version-1
}

// draft returns the policy as it would be after fn.
func (o *Objects) draft(ctx context.Context, fn func(tx *store.Tx) error) (p policy.Policy, err error) {
	err = o.store.Try(ctx, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if _, err := tx.NextPolicyVersion(ctx); err != nil {
			return err
		}
		p, err = compile(ctx, tx.Reader)
		return err
	})
	return p, err
}

// publish hands a committed policy to the gateways.
func (o *Objects) publish(p policy.Policy) {
	o.published.Store(p.Version)
	o.gateways.Publish(p)
	o.log.Debug("policy changed", "version", p.Version) // the gateways say so at info
}

// refused is the answer when the gateways do not take a policy.
func refused(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("check policy: %w", err)
	}
	return &web.Error{
		Status: http.StatusUnprocessableEntity, Code: apigen.Invalid, Message: "the gateway refused the change",
		Problems: web.Problems(err), Cause: err,
	}
}
