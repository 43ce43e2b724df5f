// Package lake is the memory: it keeps every event in Parquet files partitioned by
// day and answers questions about them with an embedded DuckDB.
//
// One process writes a lake; any number read it at the same time, also from other
// processes, because files never change and manifest.json, replaced in one step,
// says which of them belong to it. A batch is in the lake when Append returns, and
// the manifest remembers the number of the last event of each source, so nothing is
// lost or doubled when the process is killed at any moment.
//
// Layout of the folder:
//
//	manifest.json
//	schema.parquet
//	lock
//	events/day=2026-11-22/<id>.parquet
package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/ringwall/ringwall/event"
)

// ErrLocked is returned by Open while another process writes the lake.
var ErrLocked = errors.New("another process writes this lake")

// ErrNotFound is returned by Get for an id that no event has. It matches
// fs.ErrNotExist.
var ErrNotFound = fmt.Errorf("no such event: %w", fs.ErrNotExist)

// Config says where a lake lives and how it is kept.
type Config struct {
	// Dir is created with mode 0700 by Open.
	Dir string
	// MemoryBytes is how much memory the query engine may use. Zero means 512 MiB.
	MemoryBytes int64
	// RetentionDays is how long days are kept, 0 for ever.
	RetentionDays int
	// MaxBytes deletes the oldest days, but never today, while the lake is larger.
	// Zero means no limit.
	MaxBytes int64
}

// Validate returns every problem of c, joined.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("lake: a folder is needed")
	}
	if c.MemoryBytes < 0 || c.RetentionDays < 0 || c.MaxBytes < 0 {
		return errors.New("lake: memory, retention and size must not be negative")
	}
	return nil
}

// Lake is an open lake. It is safe for use by several goroutines.
type Lake struct {
	cfg Config
	log *slog.Logger
	db  *sql.DB

	manifest atomic.Pointer[manifest] // writer only; readers load the file
	lock     *os.File                 // nil for a reader

	write sync.Mutex // held while the manifest changes
	work  sync.Mutex // held while files are merged or expired

	tails tails

	dropped atomic.Int64 // events that could not be encoded
}

// Open opens the lake for reading and writing. It takes a lock that ends with the
// process.
func Open(cfg Config, log *slog.Logger) (*Lake, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, eventsDir), 0o700); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(cfg.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("open lake %s: %w", cfg.Dir, ErrLocked), lock.Close())
	}
	l := &Lake{cfg: cfg, log: log, lock: lock}
	m, err := readManifest(cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		m, err = &manifest{Version: manifestVersion, Offsets: map[string]uint64{}}, nil
	}
	if err == nil {
		l.manifest.Store(m)
		err = errors.Join(l.sweep(), l.writeSchema(), l.change(func(*manifest) {}))
	}
	if err == nil {
		l.db, err = openEngine(cfg)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open lake %s: %w", cfg.Dir, err), lock.Close())
	}
	return l, nil
}

// writeSchema writes the file without rows, anew at each start because a new
// version may have more columns.
func (l *Lake) writeSchema() error {
	path := filepath.Join(l.cfg.Dir, schemaName)
	if err := removeIfThere(path + ".tmp"); err != nil {
		return err
	}
	if _, err := writeParquet(path+".tmp", nil); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// OpenReader opens the lake for reading, also while another process writes it.
func OpenReader(cfg Config) (*Lake, error) {
	if _, err := readManifest(cfg.Dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open lake: there is no lake in %s: start `ringwall up` with this --data first", cfg.Dir)
		}
		return nil, fmt.Errorf("open lake %s: %w", cfg.Dir, err)
	}
	db, err := openEngine(cfg)
	if err != nil {
		return nil, fmt.Errorf("open lake %s: %w", cfg.Dir, err)
	}
	return &Lake{cfg: cfg, log: slog.New(slog.DiscardHandler), db: db}, nil
}

// Close ends all subscriptions and frees the lock.
func (l *Lake) Close() error {
	l.tails.close()
	err := l.db.Close()
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
	}
	return err
}

// current returns the manifest as it is now.
func (l *Lake) current() (*manifest, error) {
	if l.lock != nil {
		return l.manifest.Load(), nil
	}
	return readManifest(l.cfg.Dir)
}

// Offset returns the number of the last event of a source that is in the lake, 0
// if there is none.
func (l *Lake) Offset(source string) (uint64, error) {
	m, err := l.current()
	if err != nil {
		return 0, err
	}
	return m.Offsets[source], nil
}

// Size returns how many events the lake holds and how large their files are in bytes.
func (l *Lake) Size(context.Context) (events, bytes int64, err error) {
	m, err := l.current()
	if err != nil {
		return 0, 0, err
	}
	for _, f := range m.Files {
		events += f.Rows
		bytes += f.Bytes
	}
	return events, bytes, nil
}

// Append adds a batch whose last event is number last of source. When it returns
// nil the batch is on disk and visible to queries. A batch that is already there
// is left out, so a caller that does not know whether it succeeded tries again.
func (l *Lake) Append(_ context.Context, source string, last uint64, batch []*event.Event) error {
	if len(batch) == 0 {
		return nil
	}
	if l.manifest.Load().Offsets[source] >= last {
		return nil
	}
	list, failed := days(batch)
	for _, err := range failed {
		l.dropped.Add(1)
		l.log.Error("event left out of the lake", "err", err)
	}
	var files []file
	for _, d := range list {
		f, err := l.writeFile(d)
		if err != nil {
			return fmt.Errorf("append to lake: %w", err)
		}
		files = append(files, f)
	}
	err := l.change(func(m *manifest) {
		m.Files = append(m.Files, files...)
		m.Offsets[source] = last
	})
	if err != nil {
		return fmt.Errorf("append to lake: %w", err)
	}
	l.tails.send(batch)
	return nil
}

// Dropped returns how many events Append left out since Open because they could not
// be encoded.
func (l *Lake) Dropped() int64 { return l.dropped.Load() }

// writeFile writes a day of a batch as a new file that no manifest names yet.
func (l *Lake) writeFile(d *day) (file, error) {
	name, err := l.newName(d.date)
	if err != nil {
		return file{}, err
	}
	f := file{
		Path: name, Day: d.date, Rows: int64(len(d.rows)), MinTime: d.min.UnixMicro(), MaxTime: d.max.UnixMicro(),
		Columns: len(columns),
	}
	f.Bytes, err = writeParquet(filepath.Join(l.cfg.Dir, name), d.rows)
	return f, err
}

func (l *Lake) newName(day string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(eventsDir, "day="+day)
	if err := os.MkdirAll(filepath.Join(l.cfg.Dir, dir), 0o700); err != nil {
		return "", err
	}
	return filepath.Join(dir, id.String()+".parquet"), nil
}

// Run merges small files and deletes old ones until ctx ends.
func (l *Lake) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := l.Maintain(ctx, now); err != nil && ctx.Err() == nil {
				l.log.Error("lake maintenance", "err", err)
			}
		}
	}
}

// Maintain merges what is worth merging, drops days past the retention and deletes
// files that no reader can need any more.
func (l *Lake) Maintain(ctx context.Context, now time.Time) error {
	l.work.Lock()
	defer l.work.Unlock()
	return errors.Join(l.compact(ctx, now), l.expire(now), l.deleteDropped(now))
}

// sweep deletes files that a killed process left behind: no manifest names them.
func (l *Lake) sweep() error {
	m := l.manifest.Load()
	known := map[string]bool{}
	for _, f := range m.Files {
		known[f.Path] = true
	}
	for _, d := range m.Dropped {
		known[d.Path] = true
	}
	return filepath.WalkDir(filepath.Join(l.cfg.Dir, eventsDir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(l.cfg.Dir, path)
		if err != nil || known[rel] || !strings.Contains(d.Name(), ".parquet") {
			return err
		}
		return os.Remove(path)
	})
}
