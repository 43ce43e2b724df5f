package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// AuditEntry is one change or login. Before and After are JSON or empty.
type AuditEntry struct {
	ID                                    int64
	Time                                  time.Time
	Actor, Source, Verb                   string
	Object, ObjectID, Name, Before, After string
}

// Actor is who changes something: a user's name and the address they came from.
type Actor struct{ Name, Source string }

// CommandLine is the actor of changes asked for on the machine itself.
var CommandLine = Actor{"command line", "local"}

// Change is an entry of the audit trail to be written. Before and After are written as
// JSON, nil as nothing; they must hold no secret.
type Change struct {
	Time                   time.Time
	By                     Actor
	Verb, Object, ID, Name string
	Before, After          any
}

// Record appends c to the audit trail.
func (t *Tx) Record(ctx context.Context, c Change) error {
	before, err := AuditJSON(c.Before)
	if err != nil {
		return err
	}
	after, err := AuditJSON(c.After)
	if err != nil {
		return err
	}
	return t.AppendAudit(ctx, AuditEntry{
		Time: c.Time, Actor: c.By.Name, Source: c.By.Source, Verb: c.Verb,
		Object: c.Object, ObjectID: c.ID, Name: c.Name, Before: before, After: after,
	})
}

// AuditJSON is v as the audit trail has it, "" for nil.
func AuditJSON(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

const auditColumns = `id, time, actor, source, verb, object, object_id, name, before_json, after_json`

func scanAudit(row scanner) (e AuditEntry, err error) {
	return e, row.Scan(&e.ID, when{&e.Time}, &e.Actor, &e.Source, &e.Verb, &e.Object, &e.ObjectID, &e.Name, &e.Before, &e.After)
}

// Audit lists at most limit entries with an id below before, newest first; before
// 0 starts with the newest.
func (r Reader) Audit(ctx context.Context, before int64, limit int) ([]AuditEntry, error) {
	return all(ctx, r, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE $1 = 0 OR id < $1
		ORDER BY id DESC LIMIT $2`, before, limit)
}

// AppendAudit writes e under the next id.
func (t *Tx) AppendAudit(ctx context.Context, e AuditEntry) error {
	id, err := t.next(ctx, "audit")
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		id, millis(e.Time), e.Actor, e.Source, e.Verb, e.Object, e.ObjectID, e.Name, e.Before, e.After)
	return err
}

// ExpireAudit removes the entries older than before, and of those with the given
// verb all but the newest keep.
func (t *Tx) ExpireAudit(ctx context.Context, before time.Time, verb string, keep int) error {
	if _, err := t.exec(ctx, `DELETE FROM audit WHERE time < $1`, millis(before)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM audit WHERE verb = $1 AND id <=
		(SELECT id FROM audit WHERE verb = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, verb, keep)
	return err
}
