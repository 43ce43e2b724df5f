package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ringwall/ringwall/lake"
)

type lakeCmd struct {
	Query lakeQueryCmd `cmd:"" help:"Run one read-only SQL statement over the view events."`
}

// data is the flag of commands that look at stored data.
type data struct {
	Data string `help:"Folder of the ringwall up that stored it." default:"./ringwall-data" env:"RINGWALL_DATA" placeholder:"DIR"`
}

// open opens the lake for reading, also beside a running ringwall up.
func (d data) open() (*lake.Lake, error) {
	return lake.OpenReader(lake.Config{Dir: filepath.Join(d.Data, "lake")})
}

type lakeQueryCmd struct {
	SQL string `arg:"" help:"DuckDB SQL, for example: SELECT action, count(*) FROM events GROUP BY action" name:"sql"`
	data
	Output string `help:"table, json or csv" default:"table" enum:"table,json,csv" short:"o"`
	Limit  int    `help:"Print at most so many rows." default:"10000"`
}

// Run runs the statement.
func (c lakeQueryCmd) Run(e *env) error {
	l, err := c.open()
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // only read from
	got, err := l.SQL(e.ctx, c.SQL, c.Limit)
	if err != nil {
		var mistake *lake.QueryError
		if errors.As(err, &mistake) || errors.Is(err, lake.ErrNotReadOnly) {
			return usageError{err}
		}
		return err
	}
	if got.Truncated {
		fmt.Fprintf(e.errOut, "ringwall: more than %d rows, the rest is left out; raise --limit or narrow the statement\n", c.Limit)
	}
	return table{columns: got.Columns, rows: got.Rows}.print(e.out, c.Output)
}
