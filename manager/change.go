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
)

// change runs fn in one transaction, compiles what it left behind, makes it the
// running policy of the gateways and commits. When any of it fails, nothing changed.
// It goes on when the client goes away, because half a change helps nobody.
func (m *Manager) change(ctx context.Context, fn func(tx *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.changeTimeout)
	defer cancel()
	m.changes.Lock()
	defer m.changes.Unlock()
	applied := false
	var version int64
	err := m.store.Write(ctx, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if _, err := tx.NextPolicyVersion(ctx); err != nil {
			return err
		}
		p, err := compile(ctx, tx.Reader)
		if err != nil {
			return err
		}
		if err := m.gateways.Apply(ctx, p); err != nil {
			return refused(err)
		}
		applied, version = true, p.Version
		return nil
	})
	if err == nil {
		m.log.Debug("policy changed", "version", version) // the gateways say so at info
		return nil
	}
	if applied { // the commit failed: the gateways must not run what is not stored
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.changeTimeout)
		defer cancel()
		old, perr := m.Policy(back)
		if perr == nil {
			perr = m.gateways.Apply(back, old)
		}
		if perr != nil {
			m.log.Error("gateways run a policy that could not be stored; restart Ringwall", "version", version, "err", perr)
		}
		return errors.Join(err, perr)
	}
	return err
}

// refused is the answer when the gateways do not take a policy.
func refused(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("apply policy: %w", err)
	}
	return &apiError{status: http.StatusUnprocessableEntity, code: apigen.Invalid, message: "the gateway refused the change", problems: problems(err), cause: err}
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
