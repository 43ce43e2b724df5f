package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/eventsapi"
	"github.com/ringwall/ringwall/api/apigen/gatewaysapi"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
)

// queryTimeout is how long the lake may think about one question.
const queryTimeout = 60 * time.Second

const maxFilterBytes = 2000

// timeRange applies the defaults of from and to.
func timeRange(now time.Time, from, to *time.Time) (time.Time, time.Time, error) {
	for name, t := range map[string]*time.Time{"from": from, "to": to} {
		if t != nil && t.IsZero() { // what the generated code makes of "to="
			return now, now, badRequest("%s: want a time as in RFC 3339, for example %s", name, now.Format(time.RFC3339))
		}
	}
	end := now
	if to != nil {
		end = *to
	}
	start := end.Add(-time.Hour)
	if from != nil {
		start = *from
	}
	if !start.Before(end) {
		return start, end, badRequest("from (%s) must be before to (%s)", start.Format(time.RFC3339), end.Format(time.RFC3339))
	}
	return start, end, nil
}

// query reads what the event operations have in common.
func (m *Manager) query(from, to *time.Time, q *string) (event.Query, error) {
	start, end, err := timeRange(m.now().UTC(), from, to)
	if err != nil {
		return event.Query{}, err
	}
	filter, err := filter(q)
	return event.Query{From: start, To: end, Filter: filter}, err
}

func filter(q *string) (string, error) {
	if f := value(q); len(f) <= maxFilterBytes {
		return f, nil
	}
	return "", badRequest("q: must not be longer than %d bytes", maxFilterBytes)
}

// ListEvents implements the generated server interface.
func (s server) ListEvents(ctx context.Context, r eventsapi.ListEventsRequestObject) (eventsapi.ListEventsResponseObject, error) {
	q, err := s.query(r.Params.From, r.Params.To, r.Params.Q)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = within("limit", r.Params.Limit, 200, 2000); err != nil {
		return nil, err
	}
	q.Cursor = value(r.Params.Cursor)
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	page, err := s.events.List(ctx, q)
	page.Events = filled(page.Events)
	return eventsapi.ListEvents200JSONResponse(page), err
}

// EventFacets implements the generated server interface.
func (s server) EventFacets(ctx context.Context, r eventsapi.EventFacetsRequestObject) (eventsapi.EventFacetsResponseObject, error) {
	q, err := s.query(r.Params.From, r.Params.To, r.Params.Q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	facets, err := s.events.Facets(ctx, q)
	facets.Fields = filled(facets.Fields)
	return eventsapi.EventFacets200JSONResponse(facets), err
}

// EventHistogram implements the generated server interface.
func (s server) EventHistogram(ctx context.Context, r eventsapi.EventHistogramRequestObject) (eventsapi.EventHistogramResponseObject, error) {
	q, err := s.query(r.Params.From, r.Params.To, r.Params.Q)
	if err != nil {
		return nil, err
	}
	if q.Buckets, err = within("buckets", r.Params.Buckets, 60, 500); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	h, err := s.events.Histogram(ctx, q)
	h.Times, h.Block, h.Alert, h.Pass = filled(h.Times), filled(h.Block), filled(h.Alert), filled(h.Pass)
	return eventsapi.EventHistogram200JSONResponse(h), err
}

// GetEvent implements the generated server interface.
func (s server) GetEvent(ctx context.Context, r eventsapi.GetEventRequestObject) (eventsapi.GetEventResponseObject, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	e, err := s.events.Get(ctx, r.Id)
	return eventsapi.GetEvent200JSONResponse(e), eventError(err, r.Id)
}

// QueryLake implements the generated server interface.
func (s server) QueryLake(ctx context.Context, r eventsapi.QueryLakeRequestObject) (eventsapi.QueryLakeResponseObject, error) {
	limit, err := within("limit", r.Body.Limit, 1000, 10_000)
	if err != nil {
		return nil, err
	}
	if len(r.Body.Sql) > 20_000 || strings.TrimSpace(r.Body.Sql) == "" {
		return nil, badRequest("sql: want a statement of at most 20000 bytes")
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	table, err := s.events.SQL(ctx, r.Body.Sql, limit)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, badRequest("%v", err)
	}
	table.Columns, table.Rows = filled(table.Columns), filled(table.Rows)
	return eventsapi.QueryLake200JSONResponse(table), nil
}

// ListGateways implements the generated server interface.
func (s server) ListGateways(ctx context.Context, r gatewaysapi.ListGatewaysRequestObject) (gatewaysapi.ListGatewaysResponseObject, error) {
	page, link, err := paged(ctx, s.status(), func(g asset.GatewayStatus) string { return g.ID }, r.Params.Limit, r.Params.Cursor)
	return gatewaysapi.ListGateways200JSONResponse{Body: page, Headers: gatewaysapi.ListGateways200ResponseHeaders{Link: link}}, err
}

// status is the gateways' state by id, with empty lists instead of absent ones.
func (m *Manager) status() []asset.GatewayStatus {
	list := filled(m.gateways.Status())
	out := make([]asset.GatewayStatus, len(list))
	for i, g := range list {
		g.Listeners, g.Upstreams, g.Traffic = filled(g.Listeners), filled(g.Upstreams), filled(g.Traffic)
		out[i] = g
	}
	slices.SortStableFunc(out, func(a, b asset.GatewayStatus) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// filled is list, empty where it is nil, because JSON tells them apart.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

const (
	maxStreams     = 200 // in all
	keepAliveEvery = 15 * time.Second
	// sendTimeout is how long a client may refuse to read before its stream ends.
	sendTimeout = 30 * time.Second
)

// StreamEvents implements the generated server interface.
func (s server) StreamEvents(ctx context.Context, r eventsapi.StreamEventsRequestObject) (eventsapi.StreamEventsResponseObject, error) {
	f, err := filter(r.Params.Q)
	if err != nil {
		return nil, err
	}
	check, ok := s.streams.open()
	if !ok {
		return nil, &apiError{status: http.StatusServiceUnavailable, code: apigen.Unavailable, message: "too many event streams are open", retryAfter: keepAliveEvery}
	}
	ctx, cancel := context.WithCancel(ctx)
	events, dropped, err := s.events.Subscribe(ctx, f)
	if err != nil {
		cancel()
		s.streams.close(check)
		return nil, err
	}
	return &stream{m: s.Manager, ctx: ctx, cancel: cancel, check: check, events: events, dropped: dropped}, nil
}

// stream sends events to one client. Its context is that of the request: the type
// is a request that the generated code hands over half-way.
type stream struct {
	m       *Manager
	ctx     context.Context
	cancel  func()
	check   chan struct{} // gets a value when somebody lost a right
	events  <-chan event.Summary
	dropped func() int64
	told    int64 // how many dropped events the client knows of
}

// VisitStreamEventsResponse implements eventsapi.StreamEventsResponseObject.
func (s *stream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	defer s.m.streams.close(s.check)
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
	if !send(": here they come\n\n") {
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
			if !s.m.still(s.ctx, identityFrom(s.ctx)) {
				return
			}
			text = s.lost() + ": still here\n\n"
		case <-s.check:
			if !s.m.still(s.ctx, identityFrom(s.ctx)) {
				return
			}
		case <-s.ctx.Done():
			return
		case <-s.m.stopped:
			return
		}
		if text != "" && !send(text) {
			return
		}
	}
}

func message(e event.Summary) string {
	e.Attacks, e.RuleIDs = filled(e.Attacks), filled(e.RuleIDs)
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
	mu     sync.Mutex
	checks map[chan struct{}]struct{}
}

func (s *streams) open() (check chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.checks) >= maxStreams {
		return nil, false
	}
	if s.checks == nil {
		s.checks = map[chan struct{}]struct{}{}
	}
	check = make(chan struct{}, 1)
	s.checks[check] = struct{}{}
	return check, true
}

func (s *streams) close(check chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.checks, check)
}

// check makes every stream ask whether it may go on.
func (s *streams) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.checks {
		select {
		case c <- struct{}{}:
		default: // it will ask anyway
		}
	}
}
