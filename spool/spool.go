// Package spool is a bounded, segmented log of byte records on disk, with one
// writer and several readers. Whatever must not be lost between two parts of
// Ringwall waits in one: events on their way to the lake, for example.
//
// Append returns once the record has been handed to the operating system, so a
// killed process loses nothing that was acknowledged. The log is not synced to
// the device for each record: after a power failure the newest records may be
// missing, normally those of less than a second.
//
// Records are numbered without gaps from 1. A reader keeps the number of the last
// record that it is done with together with what it made of the records, so nothing
// is lost or doubled when either side dies in between. A segment is deleted when
// every reader has released all of its records.
//
// Damage on disk costs the records that cannot be read and no others. The segment
// that has it is set aside under the suffix .damaged, counted and logged, never
// deleted in silence.
//
// The package knows nothing of what the records mean. Stability: internal; segments
// of earlier versions are read.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Config says where a spool lives and how large it may get.
type Config struct {
	// Dir is created with mode 0700 if it does not exist.
	Dir string
	// MaxBytes is how much the spool may hold before it drops new records. Zero
	// means 1 GiB.
	MaxBytes int64
	// SegmentBytes is the size at which a segment is closed and the next begun.
	// Zero means 16 MiB.
	SegmentBytes int64
}

// Validate returns every problem of c, joined.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("spool: a folder is needed"))
	}
	if c.MaxBytes < 0 || c.SegmentBytes < 0 {
		errs = append(errs, errors.New("spool: sizes must not be negative"))
	}
	return errors.Join(errs...)
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

// The reasons for which Append drops a record.
var (
	// ErrFull: the spool holds MaxBytes.
	ErrFull = errors.New("spool is full")
	// ErrSize: the record is empty or larger than MaxRecordBytes.
	ErrSize = fmt.Errorf("record is empty or larger than %d bytes", MaxRecordBytes)
)

// MaxRecordBytes bounds a record.
const MaxRecordBytes = 16 << 20

const (
	// headerBytes precede each record: length and CRC-32C of the payload, little
	// endian. A length of zero stands for a record that was lost to damage; it keeps
	// the numbers of those behind it.
	headerBytes   = 8
	segmentSuffix = ".seg"
	damagedSuffix = ".damaged"
	// maxDamaged is how many damaged segments are kept; older ones make room.
	maxDamaged = 8
)

// Spool is the log. It is safe for use by several goroutines.
type Spool struct {
	cfg Config
	log *slog.Logger

	mu       sync.Mutex
	segments []segment // ascending; the last one is written to
	file     *os.File  // last segment
	next     uint64    // number of the next record
	bytes    int64
	dropped  int64
	damaged  int64
	readers  map[*Reader]uint64 // what each has released
	changed  chan struct{}      // closed and replaced when a record was added
	closed   bool
}

// segment is one file; first is the number of its first record.
type segment struct {
	first   uint64
	bytes   int64
	damaged []span // what could not be read
}

// Record is a record with its number.
type Record struct {
	Seq  uint64
	Data []byte
}

// Open opens or creates the spool in cfg.Dir. If the last segment does not end with
// a whole record, as after a power failure, its readable records are kept and the
// file is set aside.
func Open(cfg Config, log *slog.Logger) (*Spool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{cfg: cfg, log: log, next: 1, readers: map[*Reader]uint64{}, changed: make(chan struct{})}
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
	path := s.path(last.first)
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	scan := scanSegment(f)
	if scan.damaged > 0 {
		if f, err = s.salvage(f, scan); err != nil {
			return err
		}
		s.damaged += scan.damaged
		s.log.Error("the end of the spool could not be read; what could be was kept, the rest is set aside",
			"file", path+damagedSuffix, "records_kept", scan.kept, "bytes_damaged", scan.damaged, "cause", scan.cause)
	}
	if _, err := f.Seek(scan.size, io.SeekStart); err != nil {
		return errors.Join(err, f.Close())
	}
	s.bytes += scan.size - last.bytes
	last.bytes = scan.size
	s.file, s.next = f, last.first+scan.records
	return nil
}

// scanned is what a segment holds.
type scanned struct {
	records uint64 // with the lost ones, as far as their number is known
	kept    uint64 // that could be read
	lost    []span // records whose checksum is wrong
	end     int64  // where reading stopped
	size    int64  // of the segment once the lost records are replaced
	damaged int64  // bytes that could not be read
	cause   error  // why, the first one
}

// span is a part of a file.
type span struct{ from, to int64 }

// scanSegment reads a segment from its start. A record with a wrong checksum is lost
// if another one follows it where its length says; otherwise the length cannot be
// trusted and reading ends there.
func scanSegment(f *os.File) scanned {
	var s scanned
	r := &Reader{file: f}
	var doubt []span          // wrong checksums since the last good record
	placeholders := uint64(0) // since then; a power failure may leave zeros at the end
	for {
		from := r.offset
		_, err := r.record()
		switch {
		case err == nil:
			s.lost = append(s.lost, doubt...)
			s.records += uint64(len(doubt)) + placeholders + 1
			s.kept++
			s.end, doubt, placeholders = r.offset, nil, 0
			continue
		case errors.Is(err, errLost):
			placeholders++
			continue
		case errors.Is(err, errChecksum):
			if s.cause == nil {
				s.cause = err
			}
			doubt = append(doubt, span{from, r.offset})
			continue
		}
		size := s.end
		if info, statErr := f.Stat(); statErr == nil {
			size = max(size, info.Size())
		}
		for _, l := range s.lost {
			s.damaged += l.to - l.from
		}
		s.damaged += size - s.end
		s.size = s.end
		for _, l := range s.lost {
			s.size -= l.to - l.from - headerBytes
		}
		if s.cause == nil && !errors.Is(err, io.EOF) {
			s.cause = err
		} else if s.cause == nil && s.damaged > 0 {
			s.cause = errTorn
		}
		return s
	}
}

// salvage writes what scan found readable into a new segment, sets the old one aside
// and returns the new one. f is closed.
func (s *Spool) salvage(f *os.File, scan scanned) (salvaged *os.File, err error) {
	path := f.Name()
	tmp, err := os.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	from := int64(0)
	for _, l := range append(scan.lost, span{scan.end, scan.end}) {
		if _, err = io.Copy(tmp, io.NewSectionReader(f, from, l.from-from)); err != nil {
			break
		}
		if l.to > l.from {
			if _, err = tmp.Write(make([]byte, headerBytes)); err != nil {
				break
			}
		}
		from = l.to
	}
	if err := errors.Join(err, tmp.Sync(), f.Close()); err != nil {
		return nil, errors.Join(err, tmp.Close())
	}
	// A crash in between leaves the damaged file or the whole one, under its name or
	// with both beside each other.
	if err := errors.Join(s.setAside(path), os.Rename(path+".tmp", path), syncDir(s.cfg.Dir)); err != nil {
		return nil, errors.Join(err, tmp.Close())
	}
	return tmp, nil
}

// setAside keeps a damaged segment under another name, and at most maxDamaged of
// them.
func (s *Spool) setAside(path string) error {
	aside := path + damagedSuffix
	for n := 2; ; n++ { // a spool may reuse a number whose segment was set aside before
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s.%d%s", path, n, damagedSuffix)
	}
	if err := os.Link(path, aside); err != nil { // the old name stays until it is replaced or removed
		return err
	}
	list, err := filepath.Glob(filepath.Join(s.cfg.Dir, "*"+damagedSuffix))
	if err != nil {
		return err
	}
	for len(list) > maxDamaged {
		s.log.Warn("an old damaged spool segment was deleted to make room", "file", list[0])
		if err := os.Remove(list[0]); err != nil {
			return err
		}
		list = list[1:]
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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

// Append adds a record. A nil error means that it survives the end of the process.
// Any other means that it was dropped and counted.
func (s *Spool) Append(data []byte) error {
	record := make([]byte, headerBytes, headerBytes+len(data))
	binary.LittleEndian.PutUint32(record, uint32(len(data)))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(data, castagnoli))
	record = append(record, data...)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.append(record); err != nil {
		s.dropped++
		return err
	}
	return nil
}

func (s *Spool) append(record []byte) error {
	if s.closed {
		return fs.ErrClosed
	}
	if n := len(record) - headerBytes; n == 0 || n > MaxRecordBytes {
		return ErrSize
	}
	if s.bytes+int64(len(record)) > s.cfg.MaxBytes {
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

// release notes that a reader is done with the records up to seq. Segments that no
// reader needs any more are deleted.
func (s *Spool) release(r *Reader, seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.readers[r]; !ok {
		return fs.ErrClosed
	}
	s.readers[r] = max(s.readers[r], min(seq, s.next-1))
	released := s.released()
	// When everything is taken, begin a new segment so that a quiet writer does not
	// keep old records for ever.
	if last := s.segments[len(s.segments)-1]; released == s.next-1 && last.bytes >= min(s.cfg.SegmentBytes, s.cfg.MaxBytes)/4 && !s.closed {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	var errs []error
	for len(s.segments) > 1 && s.segments[1].first <= released+1 {
		path := s.path(s.segments[0].first)
		if len(s.segments[0].damaged) > 0 {
			errs = append(errs, s.setAside(path))
		}
		errs = append(errs, os.Remove(path))
		s.bytes -= s.segments[0].bytes
		s.segments = s.segments[1:]
	}
	return errors.Join(errs...)
}

// released is the record up to which all readers are done; without readers, none.
func (s *Spool) released() uint64 {
	none := s.segments[0].first - 1
	if len(s.readers) == 0 {
		return none
	}
	return max(none, slices.Min(slices.Collect(maps.Values(s.readers))))
}

// Stats are a spool's numbers.
type Stats struct {
	Bytes   int64 // on disk, without what is set aside
	Waiting int64 // records that not every reader has released
	Dropped int64 // records dropped since Open
	Damaged int64 // bytes found since Open that could not be read
}

// Stats returns the current numbers.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Bytes: s.bytes, Waiting: int64(s.next - 1 - s.released()), Dropped: s.dropped, Damaged: s.damaged}
}

// Last returns the number of the newest record, 0 if there was never one.
func (s *Spool) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next - 1
}

// Close closes the spool. Append fails afterwards.
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
func (s *Spool) find(seq uint64) (first, last uint64, changed <-chan struct{}, closed bool) {
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

// damage notes, once for all readers, that a part of a segment could not be read. It
// returns the first record of the segment that follows, or the number of the next
// record to be written.
func (s *Spool) damage(first uint64, part span) (next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.segments {
		seg := &s.segments[i]
		known := func(d span) bool { return d.from <= part.from && part.to <= d.to }
		if seg.first == first && !slices.ContainsFunc(seg.damaged, known) && part.to > part.from {
			seg.damaged = append(seg.damaged, part)
			s.damaged += part.to - part.from
		}
		if seg.first > first {
			return seg.first
		}
	}
	return s.next
}
