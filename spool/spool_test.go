package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var quiet = slog.New(slog.DiscardHandler)

// record is a record with an id, about as long as an event.
func record(id string) []byte { return []byte(id + "|" + strings.Repeat("x", 500)) }

func id(data []byte) string {
	id, _, _ := strings.Cut(string(data), "|")
	return id
}

func reader(t *testing.T, s *Spool, after uint64) *Reader {
	t.Helper()
	r, err := s.Reader(after)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(t *testing.T, cfg Config) *Spool {
	t.Helper()
	s, err := Open(cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t *testing.T, s *Spool, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Append(record(id)); err != nil {
			t.Fatal(err)
		}
	}
}

// ids reads n records after seq and returns "number:id" for each.
func ids(t *testing.T, s *Spool, seq uint64, n int) []string {
	t.Helper()
	r := reader(t, s, seq)
	defer r.Close()
	var got []string
	for len(got) < n {
		records, err := r.Next(t.Context(), n-len(got))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			got = append(got, fmt.Sprintf("%d:%s", rec.Seq, id(rec.Data)))
		}
	}
	return got
}

func TestRecordsSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, "a", "b")
	// No Close: the process was killed.
	s = open(t, Config{Dir: dir})
	put(t, s, "c")
	if got := fmt.Sprint(ids(t, s, 0, 3)); got != "[1:a 2:b 3:c]" {
		t.Fatalf("got %s", got)
	}
	if got := fmt.Sprint(ids(t, s, 2, 1)); got != "[3:c]" {
		t.Fatalf("after 2: got %s", got)
	}
}

func TestTornRecordIsCutOffAndItsNumberUsedAgain(t *testing.T) {
	for cut := int64(1); cut < 40; cut += 7 {
		dir := t.TempDir()
		s := open(t, Config{Dir: dir})
		put(t, s, "a", "torn")
		files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(files[0], info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		s = open(t, Config{Dir: dir})
		put(t, s, "b")
		if got := fmt.Sprint(ids(t, s, 0, 2)); got != "[1:a 2:b]" {
			t.Fatalf("cut %d: got %s", cut, got)
		}
	}
}

func TestReleaseDeletesWholeSegments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, SegmentBytes: 1500}) // about two events each
	put(t, s, "a", "b", "c", "d", "e", "f", "g")
	before, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(before) < 3 {
		t.Fatalf("want several segments, got %d", len(before))
	}
	if got := fmt.Sprint(ids(t, s, 0, 7)); got != "[1:a 2:b 3:c 4:d 5:e 6:f 7:g]" {
		t.Fatalf("got %s", got)
	}
	r := reader(t, s, 0)
	defer r.Close()
	if err := r.Release(6); err != nil {
		t.Fatal(err)
	}
	after, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(after) >= len(before) {
		t.Fatalf("segments: %d before, %d after", len(before), len(after))
	}
	if got := fmt.Sprint(ids(t, s, 6, 1)); got != "[7:g]" {
		t.Fatalf("got %s", got)
	}
	if got := s.Stats().Waiting; got != 1 {
		t.Fatalf("waiting: got %d, want 1", got)
	}
}

func TestFullSpoolDropsAndCounts(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), MaxBytes: 2000})
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = s.Append(record(fmt.Sprint(n)))
	}
	if !errors.Is(err, ErrFull) || s.Stats().Dropped != 1 {
		t.Fatalf("after %d events: err %v, dropped %d", n, err, s.Stats().Dropped)
	}
	r := reader(t, s, 0)
	defer r.Close()
	if err := r.Release(s.Last()); err != nil {
		t.Fatal(err)
	}
	put(t, s, "fits again")
}

func TestAReaderThatKnowsHigherNumbersMovesTheSpoolOn(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	put(t, s, "old")
	r := reader(t, s, 41)
	defer r.Close()
	put(t, s, "a")
	if got := fmt.Sprint(ids(t, s, 41, 1)); got != "[42:a]" {
		t.Fatalf("got %s", got)
	}
	// Another reader finds that the numbers between do not exist.
	other := reader(t, s, 1)
	defer other.Close()
	_, err := other.Next(t.Context(), 9)
	if de, ok := errors.AsType[*DamageError](err); !ok || de.First != 2 || de.Last != 41 {
		t.Fatalf("got %v", err)
	}
	if records, err := other.Next(t.Context(), 9); err != nil || len(records) != 1 || records[0].Seq != 42 {
		t.Fatalf("got %v, %v", records, err)
	}
}

func TestSegmentsStayUntilEveryReaderIsDone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, SegmentBytes: 1500})
	quick, slow := reader(t, s, 0), reader(t, s, 0)
	defer quick.Close()
	put(t, s, "a", "b", "c", "d", "e", "f", "g")
	if err := quick.Release(7); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(ids(t, s, 0, 7)); got != "[1:a 2:b 3:c 4:d 5:e 6:f 7:g]" {
		t.Fatalf("got %s", got)
	}
	if got := s.Stats().Waiting; got != 7 {
		t.Errorf("waiting %d, want 7", got)
	}
	if err := slow.Release(4); err != nil {
		t.Fatal(err)
	}
	if err := slow.Close(); err != nil {
		t.Fatal(err)
	}
	if err := slow.Release(5); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("release of a closed reader: %v", err)
	}
	if err := quick.Release(7); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Waiting != 0 {
		t.Errorf("%+v", got)
	}
}

// damages are ways in which the file with the records a to f can be hurt. A record is
// size bytes long.
var damages = []struct {
	name   string
	damage func(b []byte, size int) []byte
	want   string // what can still be read
}{
	{"torn at the end", func(b []byte, size int) []byte { return b[:len(b)-3] }, "1:a 2:b 3:c 4:d 5:e"},
	{"only a head at the end", func(b []byte, size int) []byte { return b[:5*size+headerBytes] }, "1:a 2:b 3:c 4:d 5:e"},
	{"zeros at the end", func(b []byte, size int) []byte { return append(b, make([]byte, 4096)...) }, "1:a 2:b 3:c 4:d 5:e 6:f"},
	{"garbage at the end", func(b []byte, size int) []byte { return append(b, "garbage, garbage"...) }, "1:a 2:b 3:c 4:d 5:e 6:f"},
	{"payload of the first", func(b []byte, size int) []byte { b[20] ^= 1; return b }, "2:b 3:c 4:d 5:e 6:f"},
	{"payload in the middle", func(b []byte, size int) []byte { b[2*size+20] ^= 1; return b }, "1:a 2:b 4:d 5:e 6:f"},
	{"two payloads", func(b []byte, size int) []byte { b[2*size+20] ^= 1; b[3*size+20] ^= 1; return b }, "1:a 2:b 5:e 6:f"},
	{"payload of the last", func(b []byte, size int) []byte { b[5*size+20] ^= 1; return b }, "1:a 2:b 3:c 4:d 5:e"},
	{"checksum in the middle", func(b []byte, size int) []byte { b[2*size+5] ^= 1; return b }, "1:a 2:b 4:d 5:e 6:f"},
	{"length too large", func(b []byte, size int) []byte { b[2*size+3] = 0xff; return b }, "1:a 2:b"},
	{"length too small", func(b []byte, size int) []byte { b[2*size] ^= 8; return b }, "1:a 2:b"},
	{"everything", func(b []byte, size int) []byte { return []byte(strings.Repeat("\xff", len(b))) }, ""},
}

// hurt writes a spool with the records a to f, behind them g if it has a second segment,
// and damages the first segment.
func hurt(t *testing.T, dir string, damage func([]byte, int) []byte, more ...string) (path string, damaged []byte) {
	t.Helper()
	size := headerBytes + len(record("a"))
	s := open(t, Config{Dir: dir, SegmentBytes: int64(6 * size)})
	put(t, s, "a", "b", "c", "d", "e", "f")
	put(t, s, more...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path = s.path(1)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged = damage(b, size)
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, damaged
}

// rest reads to the end and returns what could be read and what is told to be lost.
func rest(t *testing.T, s *Spool, r *Reader) (got string, lost int) {
	t.Helper()
	var list []string
	for r.next <= s.Last() {
		records, err := r.Next(t.Context(), 4)
		if de, ok := errors.AsType[*DamageError](err); ok {
			lost += int(de.Last - de.First + 1)
		} else if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			list = append(list, fmt.Sprintf("%d:%s", rec.Seq, id(rec.Data)))
		}
	}
	return strings.Join(list, " "), lost
}

func TestDamageAtTheEndCostsOnlyWhatCannotBeRead(t *testing.T) {
	for _, tc := range damages {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path, damaged := hurt(t, dir, tc.damage)
			var log strings.Builder
			s, err := Open(Config{Dir: dir}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Stats().Damaged == 0 || !strings.Contains(log.String(), "set aside") {
				t.Errorf("not said: %+v, log %q", s.Stats(), log.String())
			}
			if aside, err := os.ReadFile(path + damagedSuffix); err != nil || string(aside) != string(damaged) {
				t.Errorf("the damaged file is not set aside as it was: %v", err)
			}
			put(t, s, "new")
			r := reader(t, s, 0)
			defer r.Close()
			want := strings.TrimSpace(fmt.Sprintf("%s %d:new", tc.want, s.Last()))
			if got, _ := rest(t, s, r); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			again := open(t, Config{Dir: dir})
			if got := again.Stats().Damaged; got != 0 {
				t.Errorf("opened again: %d bytes damaged", got)
			}
			if again.Last() != s.Last() {
				t.Errorf("opened again: last record %d, before %d", again.Last(), s.Last())
			}
		})
	}
}

func TestDamageInTheMiddleCostsOnlyWhatCannotBeRead(t *testing.T) {
	for _, tc := range damages {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path, damaged := hurt(t, dir, tc.damage, "g")
			s := open(t, Config{Dir: dir})
			r, other := reader(t, s, 0), reader(t, s, 3)
			defer r.Close()
			defer other.Close()
			got, lost := rest(t, s, r)
			if want := strings.TrimSpace(tc.want + " 7:g"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if want := 7 - len(strings.Fields(got)); lost != want {
				t.Errorf("%d records told to be lost, want %d", lost, want)
			}
			counted := s.Stats().Damaged
			if lost > 0 && counted == 0 {
				t.Error("nothing counted")
			}
			rest(t, s, other)
			if n := s.Stats().Damaged; n != counted {
				t.Errorf("the second reader counted again: %d after %d", n, counted)
			}
			if err := errors.Join(other.Close(), r.Release(7)); err != nil {
				t.Fatal(err)
			}
			put(t, s, "h")
			aside, err := os.ReadFile(path + damagedSuffix)
			if lost > 0 && (err != nil || string(aside) != string(damaged)) {
				t.Errorf("the damaged segment was not set aside: %v", err)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the segment is still there: %v", err)
			}
		})
	}
}

func TestDamagedSegmentsAreBounded(t *testing.T) {
	dir := t.TempDir()
	for range maxDamaged + 3 {
		s := open(t, Config{Dir: dir})
		put(t, s, "a", "b")
		path := s.path(s.segments[len(s.segments)-1].first)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()-1); err != nil {
			t.Fatal(err)
		}
	}
	if list, _ := filepath.Glob(filepath.Join(dir, "*"+damagedSuffix)); len(list) != maxDamaged {
		t.Errorf("%d damaged segments are kept: %v", len(list), list)
	}
}

func TestConcurrentWritersAndAReader(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), SegmentBytes: 4000})
	const writers, each = 4, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.Append(record(fmt.Sprintf("%d/%d", w, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := map[string]bool{}
	r := reader(t, s, 0)
	defer r.Close()
	want := uint64(1)
	for len(seen) < writers*each {
		records, err := r.Next(t.Context(), 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			if rec.Seq != want {
				t.Fatalf("got record %d, want %d", rec.Seq, want)
			}
			want++
			seen[id(rec.Data)] = true
		}
		if err := r.Release(want - 1); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func TestClosedSpoolEndsReaders(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	put(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := reader(t, s, 0)
	defer r.Close()
	if records, err := r.Next(context.Background(), 9); err != nil || len(records) != 1 {
		t.Fatalf("got %d records, %v", len(records), err)
	}
	if _, err := r.Next(context.Background(), 9); !errors.Is(err, fs.ErrClosed) {
		t.Fatalf("got %v, want fs.ErrClosed", err)
	}
	if err := s.Append(record("")); err == nil {
		t.Fatal("put into a closed spool succeeded")
	}
}

// FuzzOpen proves that no content of a segment makes Open fail, or hides what is
// written behind it.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%020d.seg", 1)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Config{Dir: dir})
		put(t, s, "a")
		last := s.Last()
		if got := fmt.Sprint(ids(t, s, last-1, 1)); got != fmt.Sprintf("[%d:a]", last) {
			t.Fatalf("got %s", got)
		}
		r := reader(t, s, 0)
		defer r.Close()
		if got, _ := rest(t, s, r); !strings.HasSuffix(got, fmt.Sprintf("%d:a", last)) {
			t.Fatalf("from the start: got %s", got)
		}
	})
}
