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

// Reader reads records in order. It is not safe for use by several goroutines.
type Reader struct {
	spool   *Spool
	next    uint64 // number of the record to be read
	segment uint64 // first record of the open segment
	file    *os.File
	buf     *bufio.Reader
	offset  int64
}

// Reader returns a reader that begins after record seq, or at the oldest record
// that is still there.
func (s *Spool) Reader(seq uint64) *Reader { return &Reader{spool: s, next: seq + 1} }

// Next returns up to limit records. It waits for the first one until ctx ends or
// the spool is closed (fs.ErrClosed, after the last record was read). Any other
// error is trouble with the disk; the call after it goes on behind the damage.
func (r *Reader) Next(ctx context.Context, limit int) ([]Record, error) {
	for {
		first, last, changed, closed := r.spool.find(r.next)
		r.next = max(r.next, first)
		if r.next <= last {
			return r.read(first, min(last, r.next+uint64(limit)-1))
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

func (r *Reader) read(segment, last uint64) ([]Record, error) {
	if r.file == nil || r.segment != segment {
		if err := r.open(segment); err != nil {
			return nil, err
		}
	}
	var records []Record
	for r.next <= last {
		payload, err := r.record()
		if errors.Is(err, io.EOF) {
			if len(records) > 0 {
				return records, nil // the rest is in the next segment
			}
			return nil, fmt.Errorf("spool segment %s ends before record %d", r.spool.path(segment), r.next)
		}
		if err != nil {
			_ = r.file.Close() // only read from
			r.file = nil
			if len(records) > 0 {
				return records, nil // the next call comes back to this
			}
			return nil, r.skip(err)
		}
		records = append(records, Record{Seq: r.next, JSON: payload})
		r.next++
		if next, _, _, _ := r.spool.find(r.next); next != r.segment {
			break
		}
	}
	return records, nil
}

// skip goes on behind damage on disk, at the next segment.
func (r *Reader) skip(cause error) error {
	bad := r.next
	r.next = r.spool.after(r.segment)
	return fmt.Errorf("spool records %d to %d are lost: %w", bad, r.next-1, cause)
}

func (r *Reader) open(segment uint64) error {
	if r.file != nil {
		_ = r.file.Close() // only read from
	}
	f, err := os.Open(r.spool.path(segment))
	if err != nil {
		r.file = nil
		return err
	}
	r.file, r.buf, r.segment, r.offset = f, nil, segment, 0
	for seq := segment; seq < r.next; seq++ {
		if _, err := r.record(); err != nil {
			_ = f.Close() // only read from
			r.file = nil
			return r.skip(err)
		}
	}
	return nil
}

// errCorrupt marks a record whose checksum or length is wrong.
var errCorrupt = errors.New("corrupt record")

// record reads the record at the reader's position.
func (r *Reader) record() ([]byte, error) {
	if r.buf == nil {
		r.buf = bufio.NewReaderSize(r.file, 64<<10)
	}
	var head [headerBytes]byte
	if n, err := io.ReadFull(r.buf, head[:]); err != nil {
		return nil, r.rewind(err, n)
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size == 0 || size > maxRecordBytes {
		return nil, errCorrupt
	}
	payload := make([]byte, size)
	if n, err := io.ReadFull(r.buf, payload); err != nil {
		return nil, r.rewind(err, headerBytes+n)
	}
	if crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errCorrupt
	}
	r.offset += headerBytes + int64(size)
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

// Close closes the reader's file.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
