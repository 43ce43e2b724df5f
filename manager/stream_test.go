package manager

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/store"
)

func TestQuietStreamIsKeptAwakeAndEndsWithItsSession(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m, err := Open(t.Context(), Config{Dir: dir}, nil, nil, "v", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		now := time.Now()
		err = m.store.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(
				tx.CreateUser(t.Context(), store.User{ID: "u", Name: "u", Role: "viewer"}),
				tx.CreateSession(t.Context(), store.Session{Hash: digest("secret"), UserID: "u", Created: now, LastSeen: now}),
			)
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(withIdentity(t.Context(), identity{cookie: "secret"}))
		check, _ := m.streams.open()
		s := &stream{m: m, ctx: ctx, cancel: cancel, check: check, events: make(chan event.Summary), dropped: func() int64 { return 4 }}
		w := httptest.NewRecorder()
		done := make(chan error)
		go func() { done <- s.VisitStreamEventsResponse(w) }()
		time.Sleep(31 * time.Second) // of the bubble's clock
		if err := m.store.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteSession(t.Context(), digest("secret")) }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(now); took != 45*time.Second {
			t.Errorf("ended after %v", took)
		}
		want := ": here they come\n\nevent: dropped\ndata: {\"count\": 4}\n\n: still here\n\n: still here\n\n"
		if got := w.Body.String(); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
		if ctx.Err() == nil || len(m.streams.checks) != 0 {
			t.Error("the subscription goes on")
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	var s streams
	for range maxStreams {
		if _, ok := s.open(); !ok {
			t.Fatal("refused too early")
		}
	}
	if _, ok := s.open(); ok {
		t.Error("one stream too many")
	}
	for c := range s.checks {
		s.close(c)
		break
	}
	if _, ok := s.open(); !ok {
		t.Error("a stream that ended still counts")
	}
	s.check()
	s.check() // does not wait for those that have not looked yet
}

func TestTimeRangeHasDefaults(t *testing.T) {
	from, to, err := timeRange(noon, nil, nil)
	if err != nil || !from.Equal(noon.Add(-time.Hour)) || !to.Equal(noon) {
		t.Errorf("%v to %v, %v", from, to, err)
	}
	past := noon.Add(-48 * time.Hour)
	if from, to, err := timeRange(noon, nil, &past); err != nil || !from.Equal(past.Add(-time.Hour)) || !to.Equal(past) {
		t.Errorf("%v to %v, %v", from, to, err)
	}
	if _, _, err := timeRange(noon, &time.Time{}, nil); err == nil || !strings.Contains(err.Error(), "from: want a time") {
		t.Error(err)
	}
}
