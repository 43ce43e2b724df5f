package lake

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ringwall/ringwall/event"
)

// tailBuffer is how many events wait for a slow subscriber before more are left
// out.
const tailBuffer = 256

// tails are the subscriptions to new events.
type tails struct {
	mu     sync.Mutex
	list   map[*tail]struct{}
	closed bool
}

type tail struct {
	filter  event.Filter
	events  chan event.Summary
	dropped atomic.Int64
}

// Subscribe returns a channel of the events that match a filter from now on. It is
// closed when ctx ends or the lake is closed. dropped returns how many events were
// left out so far because the reader was too slow.
func (l *Lake) Subscribe(ctx context.Context, filterText string) (events <-chan event.Summary, dropped func() int64, err error) {
	f, err := event.ParseFilter(filterText)
	if err != nil {
		return nil, nil, err
	}
	t := &tail{filter: f, events: make(chan event.Summary, tailBuffer)}
	l.tails.mu.Lock()
	defer l.tails.mu.Unlock()
	if l.tails.closed {
		close(t.events)
		return t.events, func() int64 { return 0 }, nil
	}
	if l.tails.list == nil {
		l.tails.list = map[*tail]struct{}{}
	}
	l.tails.list[t] = struct{}{}
	context.AfterFunc(ctx, func() { l.tails.remove(t) })
	return t.events, func() int64 { return t.dropped.Load() }, nil
}

func (ts *tails) remove(t *tail) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if _, ok := ts.list[t]; ok {
		delete(ts.list, t)
		close(t.events)
	}
}

func (ts *tails) send(batch []*event.Event) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.list) == 0 {
		return
	}
	for _, e := range batch {
		s := e.Summary()
		for t := range ts.list {
			if !t.filter.Match(e) {
				continue
			}
			select {
			case t.events <- s:
			default:
				t.dropped.Add(1)
			}
		}
	}
}

func (ts *tails) close() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.closed = true
	for t := range ts.list {
		delete(ts.list, t)
		close(t.events)
	}
}
