package activity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/eventsapi"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/web"
)

const (
	maxStreams     = 200 // in all
	keepAliveEvery = 15 * time.Second
	// sendTimeout is how long a client may refuse to read before its stream ends.
	sendTimeout = 30 * time.Second
)

// StreamEvents implements the generated server interface.
func (s server) StreamEvents(ctx context.Context, r eventsapi.StreamEventsRequestObject) (eventsapi.StreamEventsResponseObject, error) {
	f, err := filterParam(r.Params.Q)
	if err != nil {
		return nil, err
	}
	recheck, ok := s.streams.open()
	if !ok {
		return nil, &web.Error{
			Status: http.StatusServiceUnavailable, Code: apigen.Unavailable, Message: "too many event streams are open", RetryAfter: keepAliveEvery,
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	events, dropped, err := s.events.Subscribe(ctx, f)
	if err != nil {
		cancel()
		s.streams.close(recheck)
		return nil, err
	}
	return &stream{a: s.Monitor, ctx: ctx, cancel: cancel, recheck: recheck, events: events, dropped: dropped}, nil
}

// stream sends events to one client. Its context is that of the request: the type
// is a request that the generated code hands over half-way.
type stream struct {
	a       *Monitor
	ctx     context.Context
	cancel  func()
	recheck chan struct{} // gets a value when somebody lost a right
	events  <-chan event.Summary
	dropped func() int64
	told    int64 // how many dropped events the client knows of
}

// VisitStreamEventsResponse implements eventsapi.StreamEventsResponseObject.
func (s *stream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	defer s.a.streams.close(s.recheck)
	defer s.cancel()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx in front must not wait for more
	w.WriteHeader(http.StatusOK)
	s.run(w)
	return nil
}

func (s *stream) run(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	send := func(text string) bool {
		control.SetWriteDeadline(time.Now().Add(sendTimeout)) //nolint:errcheck // not every ResponseWriter can
		_, err := w.Write([]byte(text))
		return err == nil && control.Flush() == nil
	}
	// The connection may serve other requests afterwards.
	defer control.SetWriteDeadline(time.Time{}) //nolint:errcheck // not every ResponseWriter can
	keepAlive := time.NewTicker(keepAliveEvery)
	defer keepAlive.Stop()
	if !send(": connected\n\n") {
		return
	}
	for {
		text := ""
		select {
		case e, ok := <-s.events:
			if !ok {
				return
			}
			text = message(e) + s.lost()
		case <-keepAlive.C:
			if !s.a.rights.Still(s.ctx, web.IdentityFrom(s.ctx)) {
				return
			}
			text = s.lost() + ": keep-alive\n\n"
		case <-s.recheck:
			if !s.a.rights.Still(s.ctx, web.IdentityFrom(s.ctx)) {
				return
			}
		case <-s.ctx.Done():
			return
		case <-s.a.stopped:
			return
		}
		if text != "" && !send(text) {
			return
		}
	}
}

func message(e event.Summary) string {
	e.Attacks, e.RuleIDs = web.Filled(e.Attacks), web.Filled(e.RuleIDs)
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // a Summary always encodes
	}
	return fmt.Sprintf("id: %s\ndata: %s\n\n", oneLine(e.ID), data)
}

// oneLine keeps an id from starting a field of its own.
func oneLine(s string) string { return strings.NewReplacer("\n", "", "\r", "", "\x00", "").Replace(s) }

// lost tells the client how many events it missed since it was told last.
func (s *stream) lost() string {
	n := s.dropped() - s.told
	if n <= 0 {
		return ""
	}
	s.told += n
	return fmt.Sprintf("event: dropped\ndata: {\"count\": %d}\n\n", n)
}

// streams are the open event streams.
type streams struct {
	mu  sync.Mutex
	all map[chan struct{}]struct{} // by the channel that makes one ask again
}

func (s *streams) open() (recheck chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= maxStreams {
		return nil, false
	}
	if s.all == nil {
		s.all = map[chan struct{}]struct{}{}
	}
	recheck = make(chan struct{}, 1)
	s.all[recheck] = struct{}{}
	return recheck, true
}

func (s *streams) close(recheck chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, recheck)
}

// recheck makes every stream ask whether it may go on.
func (s *streams) recheck() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		select {
		case c <- struct{}{}:
		default: // it will ask anyway
		}
	}
}
