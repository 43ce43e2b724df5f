package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ringwall/ringwall/event"
)

func open(t *testing.T, cfg Config) *Spool {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t *testing.T, s *Spool, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Put(&event.Event{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// ids reads n records after seq and returns "number:id" for each.
func ids(t *testing.T, s *Spool, seq uint64, n int) []string {
	t.Helper()
	r := s.Reader(seq)
	defer r.Close()
	var got []string
	for len(got) < n {
		records, err := r.Next(t.Context(), n-len(got))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			var e event.Event
			if err := json.Unmarshal(rec.JSON, &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d:%s", rec.Seq, e.ID))
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
	if err := s.Release(6); err != nil {
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
		err = s.Put(&event.Event{ID: fmt.Sprint(n)})
	}
	if !errors.Is(err, ErrFull) || s.Stats().Dropped != 1 {
		t.Fatalf("after %d events: err %v, dropped %d", n, err, s.Stats().Dropped)
	}
	if err := s.Release(s.Last()); err != nil {
		t.Fatal(err)
	}
	put(t, s, "fits again")
}

func TestSkipToNeverReusesNumbers(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	if err := s.SkipTo(41); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a")
	if got := fmt.Sprint(ids(t, s, 41, 1)); got != "[42:a]" {
		t.Fatalf("got %s", got)
	}
}

func TestDamageOnDiskCostsOneSegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, SegmentBytes: 1500})
	put(t, s, "a", "b", "c", "d", "e", "f")
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-3] ^= 1 // within the last record of the first segment
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.Reader(0)
	defer r.Close()
	var got []uint64
	failed := 0
	for len(got) == 0 || got[len(got)-1] < 6 {
		records, err := r.Next(t.Context(), 10)
		if err != nil {
			failed++
			if failed > 1 {
				t.Fatal(err)
			}
		}
		for _, rec := range records {
			got = append(got, rec.Seq)
		}
	}
	if failed != 1 || len(got) != 5 {
		t.Fatalf("got %v with %d errors", got, failed)
	}
}

func TestConcurrentWritersAndAReader(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), SegmentBytes: 4000})
	const writers, each = 4, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.Put(&event.Event{ID: fmt.Sprintf("%d/%d", w, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := map[string]bool{}
	r := s.Reader(0)
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
			var e event.Event
			if err := json.Unmarshal(rec.JSON, &e); err != nil {
				t.Fatal(err)
			}
			seen[e.ID] = true
		}
		if err := s.Release(want - 1); err != nil {
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
	r := s.Reader(0)
	defer r.Close()
	if records, err := r.Next(context.Background(), 9); err != nil || len(records) != 1 {
		t.Fatalf("got %d records, %v", len(records), err)
	}
	if _, err := r.Next(context.Background(), 9); !errors.Is(err, fs.ErrClosed) {
		t.Fatalf("got %v, want fs.ErrClosed", err)
	}
	if err := s.Put(&event.Event{}); err == nil {
		t.Fatal("put into a closed spool succeeded")
	}
}

// FuzzOpen proves that no content of a segment makes Open fail or read garbage.
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
	})
}
