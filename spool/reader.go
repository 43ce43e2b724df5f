package spool

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// Reader reads records in order. It is not safe for use by several goroutines, but
// several readers read a spool side by side.
type Reader struct {
	spool   *Spool
	next    uint64 // number of the record to be read
	segment uint64 // first record of the open segment
	file    *os.File
	buf     *bufio.Reader
	offset  int64
}

// Reader returns a reader that begins after record after, or at the oldest record
// that is still there. Until the reader is closed, the spool keeps what it has not
// released. A reader may know higher numbers than the spool, whose folder was deleted
// for example: the next record then gets a number above them, since one with a number
// that was used before would be taken for known.
func (s *Spool) Reader(after uint64) (*Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next <= after {
		s.next = after + 1
		if err := s.rotate(); err != nil {
			return nil, fmt.Errorf("spool %s: continue at record %d: %w", s.cfg.Dir, s.next, err)
		}
	}
	r := &Reader{spool: s, next: after + 1}
	s.readers[r] = after
	return r, nil
}

// A DamageError tells that records are lost because they could not be read.
type DamageError struct {
	First, Last uint64 // the records
	Err         error  // why
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("spool records %d to %d are lost: %v", e.First, e.Last, e.Err)
}

// Unwrap returns the cause.
func (e *DamageError) Unwrap() error { return e.Err }

// Next returns up to limit records. It waits for the first one until ctx ends or
// the spool is closed (fs.ErrClosed, after the last record was read). A *DamageError
// tells of records that are lost; the call after it goes on behind them. Any other
// error is trouble with the disk, and the call after it tries again.
func (r *Reader) Next(ctx context.Context, limit int) ([]Record, error) {
	for {
		first, last, changed, closed := r.spool.find(r.next)
		r.next = max(r.next, first)
		if r.next <= last {
			records, err := r.read(first, min(last, r.next+uint64(limit)-1))
			if len(records) > 0 || err != nil {
				return records, err
			}
			continue // only placeholders
		}
		if closed {
			return nil, fs.ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Release tells that the reader is done with the records up to seq, which must be
// safe elsewhere. It never goes back.
func (r *Reader) Release(seq uint64) error { return r.spool.release(r, seq) }

// Close closes the reader; the spool keeps nothing for it any more.
func (r *Reader) Close() error {
	r.spool.mu.Lock()
	delete(r.spool.readers, r)
	r.spool.mu.Unlock()
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// read reads records of one segment up to last.
func (r *Reader) read(segment, last uint64) ([]Record, error) {
	if r.file == nil || r.segment != segment {
		if err := r.open(segment); err != nil {
			return nil, err
		}
	}
	var records []Record
	for r.next <= last {
		from := r.offset
		data, err := r.record()
		switch {
		case err == nil:
			records = append(records, Record{Seq: r.next, Data: data})
		case errors.Is(err, errLost): // told when it was found
		case len(records) > 0:
			r.close() // the next call comes back to this
			return records, nil
		case errors.Is(err, errChecksum) && r.continues(last):
			r.spool.damage(r.segment, span{from, r.offset})
			lost := &DamageError{First: r.next, Last: r.next, Err: err}
			r.next++
			return nil, lost
		default:
			return nil, r.skip(from, err)
		}
		r.next++
		if next, _, _, _ := r.spool.find(r.next); next != r.segment {
			break
		}
	}
	return records, nil
}

// continues reports whether something that can be a record, or the end of the segment,
// follows at the reader's position, so that the length of the record before it can be
// trusted. The position stays.
func (r *Reader) continues(last uint64) bool {
	if next, _, _, _ := r.spool.find(r.next + 1); r.next == last || next != r.segment {
		info, err := r.file.Stat()
		return err == nil && info.Size() == r.offset
	}
	at := r.offset
	probe := &Reader{file: r.file, offset: at}
	_, err := r.file.Seek(at, io.SeekStart)
	if err == nil {
		_, err = probe.record()
	}
	r.buf = nil // the file's position has moved
	if _, seekErr := r.file.Seek(at, io.SeekStart); seekErr != nil {
		return false
	}
	return err == nil || errors.Is(err, errChecksum) || errors.Is(err, errLost)
}

// skip gives up the rest of a segment from an offset on.
func (r *Reader) skip(from int64, cause error) error {
	size := from
	if info, err := r.file.Stat(); err == nil {
		size = max(size, info.Size())
	}
	r.close()
	if errors.Is(cause, io.EOF) {
		cause = errTorn
		if size == from {
			cause = errMissing
		}
	}
	lost := &DamageError{First: r.next, Err: cause}
	r.next = r.spool.damage(r.segment, span{from, size})
	lost.Last = r.next - 1
	return lost
}

// open opens a segment and goes to the record that is to be read.
func (r *Reader) open(segment uint64) error {
	r.close()
	f, err := os.Open(r.spool.path(segment))
	if err != nil {
		return err
	}
	r.file, r.buf, r.segment, r.offset = f, nil, segment, 0
	for seq := segment; seq < r.next; seq++ {
		from := r.offset
		if _, err := r.record(); err != nil && !errors.Is(err, errLost) && !errors.Is(err, errChecksum) {
			return r.skip(from, err)
		}
	}
	return nil
}

func (r *Reader) close() {
	if r.file != nil {
		_ = r.file.Close() // only read from
		r.file = nil
	}
}

// What can be wrong with a record.
var (
	errChecksum = errors.New("wrong checksum")         // its length may be right
	errLength   = errors.New("impossible length")      // nothing behind it can be found
	errTorn     = errors.New("incomplete record")      // at the end
	errMissing  = errors.New("not in the spool")       // the segment ends before
	errLost     = errors.New("lost to earlier damage") // a placeholder
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record reads the record at the reader's position. At the end of the file, also
// within a record, it returns io.EOF and the position stays.
func (r *Reader) record() ([]byte, error) {
	if r.buf == nil {
		r.buf = bufio.NewReaderSize(r.file, 64<<10)
	}
	var head [headerBytes]byte
	if n, err := io.ReadFull(r.buf, head[:]); err != nil {
		return nil, r.rewind(err, n)
	}
	size := binary.LittleEndian.Uint32(head[:])
	if head == [headerBytes]byte{} {
		r.offset += headerBytes
		return nil, errLost
	}
	if size == 0 || size > MaxRecordBytes {
		return nil, errLength
	}
	payload := make([]byte, size)
	if n, err := io.ReadFull(r.buf, payload); err != nil {
		return nil, r.rewind(err, headerBytes+n)
	}
	r.offset += headerBytes + int64(size)
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errChecksum
	}
	return payload, nil
}

// rewind goes back to the start of a record that is not complete yet.
func (r *Reader) rewind(cause error, read int) error {
	if read > 0 {
		if _, err := r.file.Seek(r.offset, io.SeekStart); err != nil {
			return err
		}
	}
	r.buf = nil
	if errors.Is(cause, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return cause
}
