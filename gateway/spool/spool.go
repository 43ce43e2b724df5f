// Package spool keeps a gateway's events on disk until the lake has them: a
// segmented, append-only log with one writer and any number of readers.
//
// Put returns once the event has been handed to the operating system, so a
// killed process loses nothing that was acknowledged. The log is not synced to
// the device for each event: after a power failure the newest events may be
// missing, as many as the lake had not yet taken (normally under a second).
//
// Records are numbered without gaps from 1. The lake stores the number of the
// last record it took together with the data, so nothing is lost or doubled
// when either side dies in between.
package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ringwall/ringwall/event"
)

// Config says where a spool lives and how large it may get.
type Config struct {
	// Dir is created with mode 0700 if it does not exist.
	Dir string
	// MaxBytes is how much the spool may hold before it drops new events. Zero
	// means 1 GiB.
	MaxBytes int64
	// SegmentBytes is the size at which a segment is closed and the next begun.
	// Zero means 16 MiB.
	SegmentBytes int64
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = 1 << 30
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = 16 << 20
	}
	return c
}

// ErrFull is returned by Put while the spool holds MaxBytes.
var ErrFull = errors.New("spool is full")

// maxRecordBytes bounds what a reader believes of a length field.
const maxRecordBytes = 16 << 20

// headerBytes precede each record: length and CRC-32C of the payload.
const headerBytes = 8

const segmentSuffix = ".seg"

// Spool is the log. It is safe for use by several goroutines.
type Spool struct {
	cfg Config

	mu       sync.Mutex
	segments []segment // ascending; the last one is written to
	file     *os.File  // last segment
	next     uint64    // number of the next record
	released uint64    // records up to this one are not needed any more
	bytes    int64
	dropped  int64
	changed  chan struct{} // closed and replaced when a record was added
	closed   bool
}

// segment is one file; first is the number of its first record.
type segment struct {
	first uint64
	bytes int64
}

// Record is one event with its number.
type Record struct {
	Seq  uint64
	JSON []byte
}

// Open opens or creates the spool in cfg.Dir and repairs what a crash left: a torn
// record at the end, which nobody was told is safe, is cut off.
func Open(cfg Config) (*Spool, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{cfg: cfg, next: 1, changed: make(chan struct{})}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open spool %s: %w", cfg.Dir, err)
	}
	return s, nil
}

func (s *Spool) load() error {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		first, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), segmentSuffix), 10, 64)
		if err != nil || !strings.HasSuffix(e.Name(), segmentSuffix) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s.segments = append(s.segments, segment{first: first, bytes: info.Size()})
		s.bytes += info.Size()
	}
	slices.SortFunc(s.segments, func(a, b segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	if len(s.segments) == 0 {
		return s.rotate()
	}
	last := &s.segments[len(s.segments)-1]
	f, err := os.OpenFile(s.path(last.first), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	good, records := int64(0), uint64(0)
	r := &Reader{file: f}
	for {
		if _, err := r.record(); err != nil {
			break
		}
		good = r.offset
		records++
	}
	if err := f.Truncate(good); err != nil {
		return errors.Join(err, f.Close())
	}
	if _, err := f.Seek(good, io.SeekStart); err != nil {
		return errors.Join(err, f.Close())
	}
	s.bytes += good - last.bytes
	last.bytes = good
	s.file, s.next = f, last.first+records
	s.released = s.segments[0].first - 1
	return nil
}

func (s *Spool) path(first uint64) string {
	return filepath.Join(s.cfg.Dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
}

// rotate begins a new segment at s.next.
func (s *Spool) rotate() error {
	f, err := os.OpenFile(s.path(s.next), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if s.file != nil {
		if err := errors.Join(s.file.Sync(), s.file.Close()); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	s.file = f
	s.segments = append(s.segments, segment{first: s.next})
	return nil
}

// Put appends e. A nil error means that e survives the end of the process. Any
// other means that e was dropped and counted.
func (s *Spool) Put(e *event.Event) error {
	payload, err := json.Marshal(e)
	if err != nil {
		s.drop()
		return fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	record := make([]byte, headerBytes, headerBytes+len(payload))
	binary.LittleEndian.PutUint32(record, uint32(len(payload)))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	record = append(record, payload...)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.append(record); err != nil {
		s.dropped++
		return fmt.Errorf("spool event %s: %w", e.ID, err)
	}
	return nil
}

func (s *Spool) append(record []byte) error {
	if s.closed {
		return fs.ErrClosed
	}
	if s.bytes+int64(len(record)) > s.cfg.MaxBytes || len(record) > maxRecordBytes {
		return ErrFull
	}
	last := &s.segments[len(s.segments)-1]
	if last.bytes > 0 && last.bytes+int64(len(record)) > s.cfg.SegmentBytes {
		if err := s.rotate(); err != nil {
			return err
		}
		last = &s.segments[len(s.segments)-1]
	}
	if _, err := s.file.Write(record); err != nil {
		// Take back a half-written record, or all that follow it would be lost.
		_, seekErr := s.file.Seek(last.bytes, io.SeekStart)
		return errors.Join(err, s.file.Truncate(last.bytes), seekErr)
	}
	last.bytes += int64(len(record))
	s.bytes += int64(len(record))
	s.next++
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *Spool) drop() {
	s.mu.Lock()
	s.dropped++
	s.mu.Unlock()
}

// Release tells that records up to seq are safe elsewhere. Segments that hold
// nothing newer are deleted.
func (s *Spool) Release(seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = max(s.released, min(seq, s.next-1))
	// When everything is taken, begin a new segment so that a quiet gateway does
	// not keep old events for ever.
	if last := s.segments[len(s.segments)-1]; s.released == s.next-1 && last.bytes >= min(s.cfg.SegmentBytes, s.cfg.MaxBytes)/4 && !s.closed {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	var errs []error
	for len(s.segments) > 1 && s.segments[1].first <= s.released+1 {
		errs = append(errs, os.Remove(s.path(s.segments[0].first)))
		s.bytes -= s.segments[0].bytes
		s.segments = s.segments[1:]
	}
	return errors.Join(errs...)
}

// Stats are a spool's numbers.
type Stats struct {
	Bytes   int64 // on disk
	Waiting int64 // events that were not released yet
	Dropped int64 // events dropped since Open
}

// Stats returns the current numbers.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Bytes: s.bytes, Waiting: int64(s.next - 1 - s.released), Dropped: s.dropped}
}

// Last returns the number of the newest record, 0 if there was never one.
func (s *Spool) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next - 1
}

// SkipTo makes the next record's number at least seq+1. The lake may know higher
// numbers than a spool whose folder was deleted; reusing them would lose events.
func (s *Spool) SkipTo(seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next > seq {
		return nil
	}
	s.next = seq + 1
	return s.rotate()
}

// Close closes the spool. Put fails afterwards.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.changed)
	return errors.Join(s.file.Sync(), s.file.Close())
}

// find returns the segment that holds record seq, how many records the spool has
// and a channel that is closed when there are more.
func (s *Spool) find(seq uint64) (first uint64, last uint64, changed <-chan struct{}, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = s.segments[0].first
	for _, seg := range s.segments {
		if seg.first <= seq {
			first = seg.first
		}
	}
	return first, s.next - 1, s.changed, s.closed
}

// after returns the first record of the segment that follows one, or the number of
// the next record to be written.
func (s *Spool) after(segment uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.segments {
		if seg.first > segment {
			return seg.first
		}
	}
	return s.next
}
