package activity

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/web"
)

// right is whether everybody still has one.
type right struct{ lost atomic.Bool }

func (r *right) Still(context.Context, web.Identity) bool { return !r.lost.Load() }

func TestQuietStreamIsKeptAwakeAndEndsWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rights := new(right)
		a := New(Config{Rights: rights, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		now := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		recheck, _ := a.streams.open()
		s := &stream{a: a, ctx: ctx, cancel: cancel, recheck: recheck, events: make(chan event.Summary), dropped: func() int64 { return 4 }}
		w := httptest.NewRecorder()
		done := make(chan error)
		go func() { done <- s.VisitStreamEventsResponse(w) }()
		time.Sleep(31 * time.Second) // of the bubble's clock
		rights.lost.Store(true)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(now); took != 45*time.Second {
			t.Errorf("ended after %v", took)
		}
		want := ": connected\n\nevent: dropped\ndata: {\"count\": 4}\n\n: keep-alive\n\n: keep-alive\n\n"
		if got := w.Body.String(); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
		if ctx.Err() == nil || len(a.streams.all) != 0 {
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
	for c := range s.all {
		s.close(c)
		break
	}
	if _, ok := s.open(); !ok {
		t.Error("a stream that ended still counts")
	}
	s.recheck()
	s.recheck() // does not wait for those that have not looked yet
}
