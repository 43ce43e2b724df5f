package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
)

const schema = `
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, category TEXT, price INTEGER, blurb TEXT, story TEXT, stock INTEGER, discount INTEGER);
CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, password TEXT, name TEXT, email TEXT, city TEXT, role TEXT, card TEXT);
CREATE TABLE reviews (id INTEGER PRIMARY KEY, product INTEGER, author TEXT, stars INTEGER, text TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, number TEXT UNIQUE, username TEXT, status TEXT, placed TEXT, total INTEGER);
`

// SQLite's limit categories (sqlite3.h), which the driver takes as numbers.
const (
	limitLength   = 0
	limitAttached = 7
)

// openStore opens the database twice: rw for what the shop writes with bound
// parameters, raw for queries with holes. raw is read-only and sees this one file.
func openStore(file string) (rw, raw *sql.DB, err error) {
	rw, err = openSQLite(file, "_pragma=journal_mode(WAL)&_pragma=busy_timeout(3000)&_pragma=synchronous(off)")
	if err != nil {
		return nil, nil, err
	}
	rw.SetMaxOpenConns(1)
	if err := stock(rw); err != nil {
		return rw, nil, err
	}
	raw, err = openSQLite(file, "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(3000)&_pragma=temp_store(2)")
	if err != nil {
		return rw, nil, err
	}
	raw.SetMaxOpenConns(4)
	return rw, raw, nil
}

func openSQLite(file, options string) (*sql.DB, error) {
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: options}).String())
}

// stock fills an empty database; one that has products is left as it is.
func stock(db *sql.DB) error {
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_master WHERE name = 'products'`).Scan(&n); err != nil || n > 0 {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	do := func(query string, args ...any) {
		if err == nil {
			_, err = tx.Exec(query, args...)
		}
	}
	do(schema)
	for _, p := range products() {
		do(`INSERT INTO products VALUES (?,?,?,?,?,?,?,?)`, p.ID, p.Name, p.Category, p.Cents, p.Blurb, p.Story, p.Stock, p.discount)
	}
	for _, p := range people() {
		do(
			`INSERT INTO users (username, password, name, email, city, role, card) VALUES (?,?,?,?,?,?,?)`,
			p.Username,
			p.Password,
			p.Name,
			p.Email,
			p.City,
			p.Role,
			p.Card,
		)
	}
	for _, r := range reviews() {
		do(`INSERT INTO reviews (product, author, stars, text) VALUES (?,?,?,?)`, r.Product, r.Author, r.Stars, r.Text)
	}
	for _, o := range orders() {
		do(`INSERT INTO orders (number, username, status, placed, total) VALUES (?,?,?,?,?)`, o.Number, o.Username, o.Status, o.Placed, o.Cents)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

var errSecondStatement = errors.New("you can only execute one statement at a time")

// query runs a statement that holds bytes of the request and returns its rows as
// text. It is what makes the SQL holes real, and what keeps them in the house: one
// statement, read-only, no other file, two hundred rows, three seconds.
func (s *Shop) query(ctx context.Context, statement string) ([][]string, error) {
	if hasSecondStatement(statement) { // no ATTACH, PRAGMA or VACUUM INTO behind a semicolon
		return nil, errSecondStatement
	}
	return s.queryOne(ctx, statement)
}

// queryOne is query without the check for a second statement.
func (s *Shop) queryOne(ctx context.Context, statement string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := s.raw.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for id, n := range map[int]int{limitAttached: 0, limitLength: 4 << 20} {
		if _, err := sqlite.Limit(conn, id, n); err != nil {
			return nil, err
		}
	}
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]string
	for len(all) < 200 && rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = cell(*c.(*any))
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

// hasSecondStatement tells whether anything but white space and comments follows
// a semicolon that stands outside quotes.
func hasSecondStatement(q string) bool {
	ended := false
	for i := 0; i < len(q); i++ {
		c := q[i]
		switch {
		case c == '-' && i+1 < len(q) && q[i+1] == '-':
			for i < len(q) && q[i] != '\n' {
				i++
			}
			continue
		case c == '/' && i+1 < len(q) && q[i+1] == '*':
			for i += 2; i < len(q) && (q[i] != '/' || q[i-1] != '*'); i++ {
			}
			continue
		case c == ' ' || c >= '\t' && c <= '\r':
			continue
		case ended && c != ';':
			return true
		case c == ';':
			ended = true
		case c == '\'' || c == '"' || c == '`' || c == '[':
			end := c
			if c == '[' {
				end = ']'
			}
			for i++; i < len(q) && q[i] != end; i++ {
			}
		}
	}
	return false
}
