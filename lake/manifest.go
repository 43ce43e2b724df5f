package lake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
	eventsDir       = "events"
	schemaName      = "schema.parquet" // no rows, all columns
)

// manifest says which files make up the lake. A value is immutable once stored.
type manifest struct {
	Version int    `json:"version"`
	Files   []file `json:"files"`
	// Offsets is the number of the last event of each source.
	Offsets map[string]uint64 `json:"offsets"`
	// Dropped are files that are not part of the lake any more but may still be
	// read by a query that began before.
	Dropped []dropped `json:"dropped,omitempty"`
}

// file is one Parquet file.
type file struct {
	Path  string `json:"path"` // relative to the lake's folder
	Day   string `json:"day"`  // 2026-11-22, UTC
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	// MinTime and MaxTime bound the events' times, Unix microseconds.
	MinTime int64 `json:"min_time"`
	MaxTime int64 `json:"max_time"`
	// Columns is the number of columns that the file was written with; the first
	// version, which had 42, did not note it.
	Columns int `json:"columns,omitempty"`
}

type dropped struct {
	Path string    `json:"path"`
	At   time.Time `json:"at"`
}

// grace is how long a dropped file stays for the queries that read it.
const grace = 5 * time.Minute

func readManifest(dir string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	m := new(manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", manifestName, err)
	}
	if m.Version > manifestVersion {
		return nil, fmt.Errorf("%s has version %d and this program knows up to %d: use a newer ringwall",
			manifestName, m.Version, manifestVersion)
	}
	if m.Offsets == nil {
		m.Offsets = map[string]uint64{}
	}
	return m, nil
}

// change makes the next manifest from the current one and puts it on disk.
func (l *Lake) change(f func(*manifest)) error {
	l.write.Lock()
	defer l.write.Unlock()
	old := l.manifest.Load()
	m := &manifest{
		Version: manifestVersion,
		Files:   slices.Clone(old.Files), Offsets: maps.Clone(old.Offsets), Dropped: slices.Clone(old.Dropped),
	}
	f(m)
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(l.cfg.Dir, manifestName), b); err != nil {
		return err
	}
	l.manifest.Store(m)
	return nil
}

// replaceFile puts b in place of a file in one step that survives a power failure.
func replaceFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
