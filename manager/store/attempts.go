package store

import (
	"context"
	"errors"
	"time"
)

// Attempts is what was counted under one key to slow down guessing. Zero values mean
// that there were none.
type Attempts struct {
	Count int
	Next  time.Time // no attempt before
	Last  time.Time
}

func scanAttempts(row scanner) (a Attempts, err error) {
	return a, row.Scan(&a.Count, when{&a.Next}, when{&a.Last})
}

// Attempts returns what was counted under key.
func (r Reader) Attempts(ctx context.Context, key string) (Attempts, error) {
	a, err := one(ctx, r, scanAttempts, `SELECT tries, not_before, last_try FROM attempts WHERE name = $1`, key)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return a, err
}

// LockAttempts is Attempts for a transaction that changes them: until it ends, others
// that ask for the same key wait.
func (t *Tx) LockAttempts(ctx context.Context, key string) (Attempts, error) {
	return scanAttempts(t.tx.QueryRowContext(ctx, `INSERT INTO attempts (name, tries, not_before, last_try) VALUES ($1, 0, 0, 0)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING tries, not_before, last_try`, key))
}

// PutAttempts writes what LockAttempts returned back.
func (t *Tx) PutAttempts(ctx context.Context, key string, a Attempts) error {
	return t.change(ctx, ErrNotFound, `UPDATE attempts SET tries = $2, not_before = $3, last_try = $4 WHERE name = $1`,
		key, a.Count, millis(a.Next), millis(a.Last))
}

// DeleteAttempts forgets a key. One that is not known is no error.
func (t *Tx) DeleteAttempts(ctx context.Context, key string) error {
	_, err := t.exec(ctx, `DELETE FROM attempts WHERE name = $1`, key)
	return err
}

// TrimAttempts forgets the keys last used before before, and those beyond the keep
// that were used last.
func (t *Tx) TrimAttempts(ctx context.Context, before time.Time, keep int) error {
	if _, err := t.exec(ctx, `DELETE FROM attempts WHERE last_try < $1`, millis(before)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `DELETE FROM attempts WHERE last_try <=
		(SELECT last_try FROM attempts ORDER BY last_try DESC LIMIT 1 OFFSET $1)`, keep)
	return err
}
