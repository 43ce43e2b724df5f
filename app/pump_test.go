package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/lake"
	"github.com/ringwall/ringwall/spool"
)

// startPump fills a spool with records and carries them into a lake until the test
// ends.
func startPump(t *testing.T, records ...string) (*pump, *lake.Lake) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	pr := &process{log: log}
	l, err := openLake(pr, t.TempDir(), config.Lake{})
	if err != nil {
		t.Fatal(err)
	}
	sp, err := spool.Open(spool.Config{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	pr.onStop(sp.Close)
	for _, r := range records {
		if err := sp.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	drained := make(chan struct{})
	p, err := openPump(pr, sp, l.Lake, drained)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- pr.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		close(drained)
		if err := errors.Join(<-done, pr.stop()); err != nil {
			t.Error(err)
		}
	})
	return p, l.Lake
}

// until waits for a condition, at most ten seconds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !holds() {
		if !sleep(ctx, 5*time.Millisecond) {
			t.Fatal("waited in vain for", what)
		}
	}
}

func TestEventsThatCannotBeReadAreCountedAndTheOthersStored(t *testing.T) {
	p, l := startPump(t, `{"id":"1","schema":1,"action":"pass","time":"2026-11-22T12:00:00Z"}`, `{"id":`,
		`{"id":"2","schema":2,"action":"pass","time":"2026-11-22T12:00:01Z"}`)
	until(t, "three records", func() bool { return p.taken.Load() == 3 })
	if n, _, err := l.Size(t.Context()); err != nil || n != 2 || p.unreadable.Load() != 1 {
		t.Errorf("%d events stored, %d unreadable; want 2 and 1", n, p.unreadable.Load())
	}
}

func TestEventsOfALaterVersionWaitInTheSpool(t *testing.T) {
	p, l := startPump(t, fmt.Sprintf(`{"id":"1","schema":%d}`, event.SchemaVersion+1))
	until(t, "the failure", func() bool { return p.failing() != nil })
	if !strings.Contains(p.failing().Error(), "newer ringwall") {
		t.Errorf("failing with %v", p.failing())
	}
	if n, _, _ := l.Size(t.Context()); n != 0 || p.taken.Load() != 0 || p.spool.Stats().Waiting != 1 {
		t.Errorf("stored %d, taken %d, %+v", n, p.taken.Load(), p.spool.Stats())
	}
}
