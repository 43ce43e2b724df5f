package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/ringwall/ringwall/event"
)

// openEngine starts a DuckDB in memory.
func openEngine(cfg Config) (*sql.DB, error) {
	memory := cfg.MemoryBytes
	if memory == 0 {
		memory = 512 << 20
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8) // more queries at once only wait for each other
	spill := filepath.Join(cfg.Dir, "spill")
	for _, s := range []string{
		"SET memory_limit = " + quote(fmt.Sprintf("%dKiB", memory>>10)),
		fmt.Sprintf("SET threads = %d", max(1, min(4, runtime.GOMAXPROCS(0)))),
		"SET temp_directory = " + quote(spill),
		"SET TimeZone = 'UTC'",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET enable_object_cache = true", // keeps Parquet footers
		"SET preserve_insertion_order = false",
	} {
		if _, err := db.Exec(s); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s, err), db.Close())
		}
	}
	return db, nil
}

// ErrNotReadOnly is returned by SQL for a statement that is no query.
var ErrNotReadOnly = errors.New("only a single SELECT, DESCRIBE, SUMMARIZE or EXPLAIN can be run: the lake is read-only")

// SQL runs one read-only statement over the view events and returns at most limit
// rows. The statement runs in an engine of its own that can read the lake's files
// and nothing else, cannot be reconfigured and ends with ctx.
func (l *Lake) SQL(ctx context.Context, statement string, limit int) (event.Table, error) {
	m, err := l.current()
	if err != nil {
		return event.Table{}, err
	}
	db, err := openEngine(l.cfg)
	if err != nil {
		return event.Table{}, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return event.Table{}, err
	}
	defer conn.Close()
	dir, err := filepath.Abs(l.cfg.Dir)
	if err != nil {
		return event.Table{}, err
	}
	for _, s := range []string{
		"CREATE VIEW events AS SELECT * FROM " + l.source(m.Files),
		"SET allowed_directories = [" + quote(dir+"/") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return event.Table{}, fmt.Errorf("prepare query: %w", err)
		}
	}
	if err := checkReadOnly(conn, statement); err != nil {
		return event.Table{}, err
	}
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return event.Table{}, queryError(err)
	}
	defer rows.Close()
	return readTable(rows, limit)
}

func checkReadOnly(conn *sql.Conn, statement string) error {
	return conn.Raw(func(dc any) error {
		c, ok := dc.(*duckdb.Conn)
		if !ok {
			return fmt.Errorf("unexpected driver %T", dc)
		}
		var stmt driver.Stmt
		stmt, err := c.Prepare(statement)
		if err != nil {
			if strings.Contains(err.Error(), "PrepareContext") { // its word for several statements
				return ErrNotReadOnly
			}
			return queryError(err)
		}
		defer stmt.Close()
		kind, err := stmt.(*duckdb.Stmt).StatementType()
		if err != nil {
			return err
		}
		switch kind {
		case duckdb.STATEMENT_TYPE_SELECT, duckdb.STATEMENT_TYPE_EXPLAIN:
			return nil
		}
		return ErrNotReadOnly
	})
}

// queryError keeps DuckDB's message, which names the place, without the driver's
// words around it.
func queryError(err error) error {
	var de *duckdb.Error
	if errors.As(err, &de) {
		return &QueryError{Msg: strings.TrimSpace(de.Msg)}
	}
	return err
}

// QueryError is a mistake in a statement, in the engine's words.
type QueryError struct{ Msg string }

func (e *QueryError) Error() string { return e.Msg }

func readTable(rows *sql.Rows, limit int) (event.Table, error) {
	columns, err := rows.Columns()
	if err != nil {
		return event.Table{}, err
	}
	t := event.Table{Columns: columns, Rows: [][]any{}}
	for rows.Next() {
		if len(t.Rows) == limit {
			t.Truncated = true
			break
		}
		cells := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return event.Table{}, err
		}
		for i, c := range cells {
			cells[i] = cell(c)
		}
		t.Rows = append(t.Rows, cells)
	}
	if err := rows.Err(); err != nil {
		return event.Table{}, queryError(err)
	}
	return t, nil
}

// cell turns the driver's types into those of event.Table.
func cell(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case int:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case float32:
		return float64(v)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return v.String()
	case time.Time:
		return v.UTC()
	case duckdb.Decimal:
		return v.Float64()
	case []byte:
		return string(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = cell(e)
		}
		return out
	}
	return fmt.Sprint(v)
}
