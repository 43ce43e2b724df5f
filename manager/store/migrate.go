package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer tells that a database was written by a newer version of Ringwall.
var ErrNewer = errors.New("database is from a newer version of Ringwall")

// migrate brings the schema up to date in one transaction. The runner is our own
// because the usual one (goose v3.29.0) pulls in drivers of databases that nobody
// here uses, one of which the module proxy refuses; what is needed of it are these
// lines. Migrations are never edited after a release, only followed by another.
func migrate(ctx context.Context, db *sql.DB) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL)`
	if _, err := tx.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	var have int
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&have); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	newest := 0
	for _, file := range files { // Glob sorts
		name := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".sql")
		newest, err = strconv.Atoi(name[:4])
		if err != nil {
			return fmt.Errorf("migrate: %s: want a name such as 0001_what.sql", file)
		}
		if newest <= have {
			continue
		}
		text, err := migrations.ReadFile(file)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("migrate: %s: %w", name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, name) VALUES ($1, $2)`, newest, name); err != nil {
			return fmt.Errorf("migrate: %s: %w", name, err)
		}
	}
	if have > newest {
		return fmt.Errorf("%w: it has schema %d, this program knows %d; upgrade Ringwall or restore the backup made before the upgrade",
			ErrNewer, have, newest)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// rollback ends tx and is quiet when it has ended already.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
