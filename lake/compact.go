package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mergeAt is how many files of a size class a day may have before they become
// one. A class spans a factor of ten in rows, so an event is rewritten once a
// class: five times on its way to a file of a million.
const mergeAt = 12

// maxMergeRows ends merging; a file of that size is large enough for any query.
const maxMergeRows = 1_000_000

// compact merges the small files that frequent appends leave behind.
func (l *Lake) compact(ctx context.Context, now time.Time) error {
	for {
		group := mergeable(l.manifest.Load().Files)
		if group == nil {
			return nil
		}
		if err := l.merge(ctx, group, now); err != nil {
			return fmt.Errorf("merge %d files of %s: %w", len(group), group[0].Day, err)
		}
	}
}

// mergeable returns the first set of files that should become one.
func mergeable(files []file) []file {
	type class struct {
		day  string
		size int
	}
	groups := map[class][]file{}
	for _, f := range files {
		size := 0
		for n := f.Rows; n >= 100; n /= 10 {
			size++
		}
		if f.Rows >= maxMergeRows {
			continue
		}
		c := class{f.Day, size}
		groups[c] = append(groups[c], f)
		if len(groups[c]) == mergeAt {
			return groups[c]
		}
	}
	return nil
}

func (l *Lake) merge(ctx context.Context, group []file, now time.Time) error {
	day := group[0].Day
	name, err := l.newName(day)
	if err != nil {
		return err
	}
	merged := file{Path: name, Day: day, MinTime: group[0].MinTime, MaxTime: group[0].MaxTime, Columns: len(columns)}
	gone := map[string]bool{}
	for _, f := range group {
		merged.Rows += f.Rows
		merged.MinTime, merged.MaxTime = min(merged.MinTime, f.MinTime), max(merged.MaxTime, f.MaxTime)
		gone[f.Path] = true
	}
	path := filepath.Join(l.cfg.Dir, name)
	tmp := path + ".tmp"
	statement := fmt.Sprintf("COPY (SELECT * FROM %s ORDER BY time, id) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)",
		l.source(group), quote(tmp))
	if _, err := l.db.ExecContext(ctx, statement); err != nil {
		return errors.Join(err, removeIfThere(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Sync(), f.Close(), syncDir(filepath.Dir(path))); err != nil {
		return err
	}
	merged.Bytes = info.Size()
	return l.change(func(m *manifest) {
		m.Files = slices.DeleteFunc(m.Files, func(f file) bool { return gone[f.Path] })
		m.Files = append(m.Files, merged)
		for path := range gone {
			m.Dropped = append(m.Dropped, dropped{path, now.UTC()})
		}
	})
}

// expire drops whole days: those past the retention, and the oldest while the lake
// is too large.
func (l *Lake) expire(now time.Time) error {
	m := l.manifest.Load()
	today := now.UTC().Format(time.DateOnly)
	oldest := ""
	if l.cfg.RetentionDays > 0 {
		oldest = now.UTC().AddDate(0, 0, -l.cfg.RetentionDays).Format(time.DateOnly)
	}
	bytes := map[string]int64{}
	var total int64
	for _, f := range m.Files {
		bytes[f.Day] += f.Bytes
		total += f.Bytes
	}
	days := make([]string, 0, len(bytes))
	for d := range bytes {
		days = append(days, d)
	}
	slices.Sort(days)
	gone := map[string]bool{}
	for _, d := range days {
		if d < oldest || l.cfg.MaxBytes > 0 && total > l.cfg.MaxBytes && d < today {
			gone[d] = true
			total -= bytes[d]
		}
	}
	if len(gone) == 0 {
		return nil
	}
	l.log.Info("days expired", "days", len(gone), "oldest", days[0])
	return l.change(func(m *manifest) {
		m.Files = slices.DeleteFunc(m.Files, func(f file) bool {
			if gone[f.Day] {
				m.Dropped = append(m.Dropped, dropped{f.Path, now.UTC()})
			}
			return gone[f.Day]
		})
	})
}

// deleteDropped deletes files that were dropped long enough ago.
func (l *Lake) deleteDropped(now time.Time) error {
	old := func(d dropped) bool { return now.Sub(d.At) >= grace }
	m := l.manifest.Load()
	if !slices.ContainsFunc(m.Dropped, old) {
		return nil
	}
	var errs []error
	for _, d := range m.Dropped {
		if old(d) {
			errs = append(errs, removeIfThere(filepath.Join(l.cfg.Dir, d.Path)))
		}
	}
	errs = append(errs, l.change(func(m *manifest) { m.Dropped = slices.DeleteFunc(m.Dropped, old) }))
	return errors.Join(errs...)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// source is the FROM clause for a set of files. The empty file with today's
// columns comes first, so that files from before a column was added have it too, with
// the values that upgrades says.
func (l *Lake) source(files []file) string {
	paths := make([]string, len(files)+1)
	paths[0] = quote(filepath.Join(l.cfg.Dir, schemaName))
	for i, f := range files {
		paths[i+1] = quote(filepath.Join(l.cfg.Dir, f.Path))
	}
	from := "read_parquet([" + strings.Join(paths, ",") + "], union_by_name=true, hive_partitioning=false)"
	if slices.ContainsFunc(files, func(f file) bool { return f.Columns < len(columns) }) {
		return upgraded(from)
	}
	return from
}

// quote makes an SQL string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
