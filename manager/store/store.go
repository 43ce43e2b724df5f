// Package store keeps what the management server knows: sites, server groups,
// services, routes, exceptions, users, sessions, API tokens, the audit trail and traffic
// counts. It knows how to write and read them and nothing of what they mean:
// rules such as "the last administrator stays" belong to package manager.
//
// It runs on SQLite; the SQL is kept to what PostgreSQL understands as well.
//
// Stability: internal to the management server. The schema changes by numbered
// migrations only.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"modernc.org/sqlite" // also registers the driver
)

// The errors that callers ask for.
var (
	ErrNotFound = errors.New("not found")
	// ErrStale tells that the object changed since the revision given was read.
	ErrStale = errors.New("revision is not the current one")
	// ErrTaken tells that a name is in use.
	ErrTaken = errors.New("name is already in use")
)

// NewID returns a random id of 80 bits.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }

// Store is an open database. Its methods are safe for use by several goroutines.
// The reading methods of Reader see the last committed state.
type Store struct {
	Reader
	write *sql.DB
	read  *sql.DB
}

// Open opens the SQLite database at path, makes it (mode 0600) if it is absent and
// brings its schema up to date. It returns ErrNewer for a database of a later
// version. The caller calls Close.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	// SQLite would make the file with the umask's mode; its -wal and -shm files
	// take the mode of this one.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err // the path is in the message already
		}
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// synchronous=FULL: a change that was confirmed and its audit entry survive a
	// power cut. NORMAL would be quicker, but there are only a few writes a second.
	// One connection writes, so writers queue in Go and never meet SQLITE_BUSY
	// among themselves; the timeout is for a command line beside the server.
	write, err := connect(path, 1, "foreign_keys(1)", "journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := connect(path, 4, "query_only(1)", "busy_timeout(10000)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return &Store{Reader: Reader{read}, write: write, read: read}, nil
}

func connect(path string, conns int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	if conns > 1 {
		q.Del("_txlock") // readers must not ask for the write lock
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Close ends all work and closes the database.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Write runs fn in one transaction: all of what it wrote becomes visible and
// durable when Write returns nil, and none of it otherwise. One Write runs at a
// time; fn must not call Write.
func (s *Store) Write(ctx context.Context, fn func(tx *Tx) error) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	if err := fn(&Tx{Reader: Reader{tx}, tx: tx}); err != nil {
		return err
	}
	err = tx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // database/sql rolled back by itself
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Try runs fn like Write and then takes back what it wrote. It tells what Write would
// do.
func (s *Store) Try(ctx context.Context, fn func(tx *Tx) error) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	return fn(&Tx{Reader: Reader{tx}, tx: tx})
}

// View runs fn on one consistent state of the database.
func (s *Store) View(ctx context.Context, fn func(r Reader) error) (err error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	return fn(Reader{tx})
}

// Reader reads. It is part of Store, of every transaction and of View.
type Reader struct{ db queryer }

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx is a transaction that writes. It is valid until the function given to Write
// returns and for one goroutine.
type Tx struct {
	Reader
	tx *sql.Tx
}

// exec runs one statement and returns the number of rows that it changed.
func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, explain(err)
	}
	return res.RowsAffected()
}

// change runs a statement that must change one row, else it returns missing.
func (t *Tx) change(ctx context.Context, missing error, query string, args ...any) error {
	n, err := t.exec(ctx, query, args...)
	if err == nil && n == 0 {
		err = missing
	}
	return err
}

// next counts one up and returns the new value.
func (t *Tx) next(ctx context.Context, counter string) (n int64, err error) {
	err = t.tx.QueryRowContext(ctx, `UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value`, counter).Scan(&n)
	return n, err
}

// explain turns the driver's error for a unique index into ErrTaken.
func explain(err error) error {
	const constraintUnique = 2067 // SQLITE_CONSTRAINT_UNIQUE
	var se *sqlite.Error
	if errors.As(err, &se) && se.Code() == constraintUnique {
		return fmt.Errorf("%w (%v)", ErrTaken, err)
	}
	return err
}

// scanner is *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// all reads every row of a query. The list is never nil.
func all[T any](ctx context.Context, r Reader, scan func(scanner) (T, error), query string, args ...any) (list []T, err error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	list = []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// one reads the first row of a query, or returns ErrNotFound.
func one[T any](ctx context.Context, r Reader, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(r.db.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return v, err
}

// jsonList is a []T in a text column as JSON; it is never nil after a Scan.
type jsonList[T any] struct{ p *[]T }

// Scan implements sql.Scanner.
func (l jsonList[T]) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("want text, got %T", src)
	}
	*l.p = []T{}
	return json.Unmarshal([]byte(s), l.p)
}

// encode is v as a jsonList column has it.
func encode[T any](v []T) string {
	if v == nil {
		v = []T{}
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, ports and rule actions always encode
	}
	return string(b)
}

// when is a time.Time in a column of milliseconds; zero stays zero.
type when struct{ p *time.Time }

// Scan implements sql.Scanner.
func (w when) Scan(src any) error {
	ms, ok := src.(int64)
	if !ok {
		return fmt.Errorf("want milliseconds, got %T", src)
	}
	*w.p = time.Time{}
	if ms != 0 {
		*w.p = time.UnixMilli(ms).UTC()
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
