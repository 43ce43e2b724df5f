package lake

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/ringwall/ringwall/event"
)

// day is the part of a batch that belongs to one UTC day, by time.
type day struct {
	date     string // 2026-11-22
	rows     []parquet.Row
	min, max time.Time
}

// days sorts a batch into days. An event that cannot be encoded is left out and
// returned as an error; it cannot have come through a spool, which encodes it the
// same way.
func days(batch []*event.Event) (list []*day, failed []error) {
	// One array for the values of all rows: a batch has a hundred thousand of them.
	values := make([]parquet.Value, 0, len(batch)*(len(columns)+8))
	sorted := slices.SortedStableFunc(slices.Values(batch), func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range sorted {
		whole, err := json.Marshal(e)
		if err != nil {
			failed = append(failed, fmt.Errorf("event %q: %w", e.ID, err))
			continue
		}
		date := e.Time.UTC().Format(time.DateOnly)
		if len(list) == 0 || list[len(list)-1].date != date {
			list = append(list, &day{date: date, min: e.Time})
		}
		d := list[len(list)-1]
		start := len(values)
		values = appendRow(values, e, whole)
		d.rows = append(d.rows, values[start:len(values):len(values)])
		d.max = e.Time
	}
	return list, failed
}

// writeParquet writes rows to a new file and returns its size. The file is on disk
// when it returns.
func writeParquet(path string, rows []parquet.Row) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	w := parquet.NewGenericWriter[any](f, schema,
		parquet.CreatedBy("ringwall", "1", ""),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.MaxRowsPerRowGroup(100_000))
	_, err = w.WriteRows(rows)
	err = errors.Join(err, w.Close())
	var size int64
	if info, statErr := f.Stat(); statErr == nil {
		size = info.Size()
	}
	if err := errors.Join(err, f.Sync(), f.Close(), syncDir(filepath.Dir(path))); err != nil {
		return 0, errors.Join(err, os.Remove(path))
	}
	return size, nil
}
