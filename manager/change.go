package manager

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/auditapi"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/policy"
)

// change runs fn in one transaction, and has the gateways take the policy that comes
// of it. Nothing is changed when fn fails or a gateway would refuse the policy. It goes
// on when the client goes away, because half a change helps nobody.
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
func (m *Manager) change(ctx context.Context, fn func(tx *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.changeTimeout)
	defer cancel()
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for range maxTries {
		p, err := m.draft(ctx, fn)
		if err != nil {
			return err
		}
		if err := m.gateways.Check(ctx, p); err != nil {
			return refused(err)
		}
		err = m.store.Write(ctx, func(tx *store.Tx) error {
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
			m.publish(p)
			return nil
		case !m.overtaken(ctx, p):
			return err
		}
	}
	return conflict("other changes keep coming; try again")
}

// maxTries is how often a change begins again because others were quicker.
const maxTries = 10

// errOvertaken ends a change because the objects are not those that were checked.
var errOvertaken = errors.New("somebody else changed the policy")

// overtaken reports whether the stored policy is no longer the one that p was made
// from. What fn says then, such as that an object is gone, may have changed too.
func (m *Manager) overtaken(ctx context.Context, p policy.Policy) bool {
	version, err := m.store.PolicyVersion(ctx)
	return err == nil && version != p.Version-1
}

// draft returns the policy as it would be after fn.
func (m *Manager) draft(ctx context.Context, fn func(tx *store.Tx) error) (p policy.Policy, err error) {
	err = m.store.Try(ctx, func(tx *store.Tx) error {
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
func (m *Manager) publish(p policy.Policy) {
	m.published.Store(p.Version)
	m.gateways.Publish(p)
	m.log.Debug("policy changed", "version", p.Version) // the gateways say so at info
}

// refused is the answer when the gateways do not take a policy.
func refused(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("check policy: %w", err)
	}
	return &apiError{
		status: http.StatusUnprocessableEntity, code: apigen.Invalid, message: "the gateway refused the change",
		problems: problems(err), cause: err,
	}
}

// actor is who changes something.
type actor struct{ name, source string }

// commandLine is the actor of changes asked for on the machine itself.
var commandLine = actor{"command line", "local"}

func (id identity) actor() actor { return actor{id.user.Name, id.source} }

// record is one entry of the audit trail. before and after are written as JSON, nil
// as nothing; they must hold no secret.
type record struct {
	verb, object, id, name string
	before, after          any
}

func (m *Manager) audit(ctx context.Context, tx *store.Tx, by actor, r record) error {
	before, err := auditJSON(r.before)
	if err != nil {
		return err
	}
	after, err := auditJSON(r.after)
	if err != nil {
		return err
	}
	return tx.AppendAudit(ctx, store.AuditEntry{
		Time: m.now(), Actor: by.name, Source: by.source, Verb: r.verb,
		Object: r.object, ObjectID: r.id, Name: r.name, Before: before, After: after,
	})
}

func auditJSON(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// ListAudit implements the generated server interface.
func (s server) ListAudit(ctx context.Context, r auditapi.ListAuditRequestObject) (auditapi.ListAuditResponseObject, error) {
	limit, err := within("limit", r.Params.Limit, 100, 1000)
	if err != nil {
		return nil, err
	}
	before := int64(math.MaxInt64)
	if r.Params.Before != nil {
		before = *r.Params.Before
	}
	if r.Params.Cursor != nil {
		if before, err = auditCursor(*r.Params.Cursor); err != nil {
			return nil, err
		}
	}
	entries, err := s.store.Audit(ctx, max(before, 1), limit+1)
	if err != nil {
		return nil, err
	}
	var headers auditapi.ListAudit200ResponseHeaders
	if len(entries) > limit {
		entries = entries[:limit]
		headers.Link = nextLink(ctx, cursorOf(strconv.FormatInt(entries[limit-1].ID, 10)))
	}
	out := make([]apigen.AuditEntry, len(entries))
	for i, e := range entries {
		out[i] = apigen.AuditEntry{
			Id: e.ID, Time: e.Time, Actor: e.Actor, Source: e.Source, Verb: e.Verb, Object: e.Object, ObjectId: optional(e.ObjectID),
			Name: e.Name, Before: optional(e.Before), After: optional(e.After),
		}
	}
	return auditapi.ListAudit200JSONResponse{Body: out, Headers: headers}, nil
}

// auditCursor is the id below which a page begins. Unlike the other lists, the audit
// trail is read by pages from the database too, because it grows with every change.
func auditCursor(cursor string) (int64, error) {
	key, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var id int64
		if id, err = strconv.ParseInt(string(key), 10, 64); err == nil {
			return id, nil
		}
	}
	return 0, badRequest("cursor: %q is not one that this list gave", cursor)
}

// within returns the value of a parameter from 1 to highest, or its default.
func within(name string, v *int, otherwise, highest int) (int, error) {
	if v == nil {
		return otherwise, nil
	}
	if *v < 1 || *v > highest {
		return 0, badRequest("%s=%d: must be 1 to %d", name, *v, highest)
	}
	return *v, nil
}

// optional is nil for a zero value: left out of the JSON.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// value is the way back.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
