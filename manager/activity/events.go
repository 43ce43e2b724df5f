package activity

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen/eventsapi"
	"github.com/ringwall/ringwall/api/apigen/gatewaysapi"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/web"
)

// maxFilterBytes bounds the parameter q.
const maxFilterBytes = 2000

// query reads what the event operations have in common.
func (a *Monitor) query(from, to *time.Time, q *string) (event.Query, error) {
	start, end, err := web.TimeRange(a.now().UTC(), from, to)
	if err != nil {
		return event.Query{}, err
	}
	filter, err := filterParam(q)
	return event.Query{From: start, To: end, Filter: filter}, err
}

func filterParam(q *string) (string, error) {
	if f := web.Deref(q); len(f) <= maxFilterBytes {
		return f, nil
	}
	return "", web.BadRequest("q: must not be longer than %d bytes", maxFilterBytes)
}

// ListEvents implements the generated server interface.
func (s server) ListEvents(ctx context.Context, r eventsapi.ListEventsRequestObject) (eventsapi.ListEventsResponseObject, error) {
	q, err := s.query(r.Params.From, r.Params.To, r.Params.Q)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = web.Within("limit", r.Params.Limit, 200, 2000); err != nil {
		return nil, err
	}
	q.Cursor = web.Deref(r.Params.Cursor)
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	page, err := s.events.List(ctx, q)
	page.Events = web.Filled(page.Events)
	return eventsapi.ListEvents200JSONResponse(page), err
}

// EventFacets implements the generated server interface.
func (s server) EventFacets(ctx context.Context, r eventsapi.EventFacetsRequestObject) (eventsapi.EventFacetsResponseObject, error) {
	q, err := s.query(r.Params.From, r.Params.To, r.Params.Q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	facets, err := s.events.Facets(ctx, q)
	facets.Fields = web.Filled(facets.Fields)
	return eventsapi.EventFacets200JSONResponse(facets), err
}

// EventHistogram implements the generated server interface.
func (s server) EventHistogram(
	ctx context.Context, r eventsapi.EventHistogramRequestObject,
) (eventsapi.EventHistogramResponseObject, error) {
	q, err := s.query(r.Params.From, r.Params.To, r.Params.Q)
	if err != nil {
		return nil, err
	}
	if q.Buckets, err = web.Within("buckets", r.Params.Buckets, 60, 500); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	h, err := s.events.Histogram(ctx, q)
	h.Times, h.Block, h.Alert, h.Pass = web.Filled(h.Times), web.Filled(h.Block), web.Filled(h.Alert), web.Filled(h.Pass)
	return eventsapi.EventHistogram200JSONResponse(h), err
}

// GetEvent implements the generated server interface.
func (s server) GetEvent(ctx context.Context, r eventsapi.GetEventRequestObject) (eventsapi.GetEventResponseObject, error) {
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	e, err := s.events.Get(ctx, r.Id)
	if errors.Is(err, fs.ErrNotExist) {
		err = web.NotFound("event", r.Id)
	}
	return eventsapi.GetEvent200JSONResponse(e), err
}

// QueryLake implements the generated server interface.
func (s server) QueryLake(ctx context.Context, r eventsapi.QueryLakeRequestObject) (eventsapi.QueryLakeResponseObject, error) {
	limit, err := web.Within("limit", r.Body.Limit, 1000, 10_000)
	if err != nil {
		return nil, err
	}
	if len(r.Body.Sql) > 20_000 || strings.TrimSpace(r.Body.Sql) == "" {
		return nil, web.BadRequest("sql: want a statement of at most 20000 bytes")
	}
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	table, err := s.events.SQL(ctx, r.Body.Sql, limit)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, web.BadRequest("%v", err)
	}
	table.Columns, table.Rows = web.Filled(table.Columns), web.Filled(table.Rows)
	return eventsapi.QueryLake200JSONResponse(table), nil
}

// ListGateways implements the generated server interface.
func (s server) ListGateways(ctx context.Context, r gatewaysapi.ListGatewaysRequestObject) (gatewaysapi.ListGatewaysResponseObject, error) {
	page, link, err := web.Paged(ctx, s.status(), func(g asset.GatewayStatus) string { return g.ID }, r.Params.Limit, r.Params.Cursor)
	return gatewaysapi.ListGateways200JSONResponse{Body: page, Headers: gatewaysapi.ListGateways200ResponseHeaders{Link: link}}, err
}

// status is the gateways' state by id, with empty lists instead of absent ones.
func (a *Monitor) status() []asset.GatewayStatus {
	gateways := a.gateways.Status()
	out := make([]asset.GatewayStatus, len(gateways))
	for i, g := range gateways {
		g.Listeners, g.Upstreams, g.Traffic = web.Filled(g.Listeners), web.Filled(g.Upstreams), web.Filled(g.Traffic)
		out[i] = g
	}
	slices.SortStableFunc(out, func(a, b asset.GatewayStatus) int { return strings.Compare(a.ID, b.ID) })
	return out
}
