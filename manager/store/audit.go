package store

import (
	"context"
	"time"
)

// AuditEntry is one change or login. Before and After are JSON or empty.
type AuditEntry struct {
	ID                                    int64
	Time                                  time.Time
	Actor, Source, Verb                   string
	Object, ObjectID, Name, Before, After string
}

const auditColumns = `id, time, actor, source, verb, object, object_id, name, before_json, after_json`

func scanAudit(row scanner) (e AuditEntry, err error) {
	return e, row.Scan(&e.ID, when{&e.Time}, &e.Actor, &e.Source, &e.Verb, &e.Object, &e.ObjectID, &e.Name, &e.Before, &e.After)
}

// Audit lists at most limit entries with an id below before, newest first; before
// 0 starts with the newest.
func (r Reader) Audit(ctx context.Context, before int64, limit int) ([]AuditEntry, error) {
	return all(ctx, r, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
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
	_, err := t.exec(ctx, `DELETE FROM audit WHERE verb = $1 AND id <= (SELECT id FROM audit WHERE verb = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, verb, keep)
	return err
}
