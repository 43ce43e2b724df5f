// Package activity tells what happens: events as the lake has them, new ones as a
// stream, the overview, the state of the gateways and the traffic that they count.
//
// Event streams are connections of this process and traffic is counted in memory
// until Flush, at most for some seconds; everything else is asked for when it is
// needed.
//
// Stability: internal to the manager.
package activity

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/eventsapi"
	"github.com/ringwall/ringwall/api/apigen/gatewaysapi"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// Events is what this room needs of the lake; see manager.Events.
type Events interface {
	List(ctx context.Context, q event.Query) (event.Page, error)
	Get(ctx context.Context, id string) (event.Event, error)
	Facets(ctx context.Context, q event.Query) (event.Facets, error)
	Histogram(ctx context.Context, q event.Query) (event.Histogram, error)
	Stats(ctx context.Context, q event.Query) (event.Stats, error)
	SQL(ctx context.Context, statement string, limit int) (event.Table, error)
	Size(ctx context.Context) (events, bytes int64, err error)
	Subscribe(ctx context.Context, filter string) (events <-chan event.Summary, dropped func() int64, err error)
}

// Gateways is what this room needs of the data plane; see manager.Gateways.
type Gateways interface {
	Status() []asset.GatewayStatus
}

// Rights tells whether somebody who was admitted still would be.
type Rights interface {
	Still(ctx context.Context, id web.Identity) bool
}

// Config is what a Monitor needs.
type Config struct {
	Store    *store.Store
	Events   Events
	Gateways Gateways // nil in a program that runs none
	Rights   Rights
	Log      *slog.Logger
	Now      func() time.Time
	// Marks tell how far the traffic has been counted, from store.Reader.Marks.
	Marks []store.Mark
}

// Monitor tells what happens. Use New. It is safe for use by several goroutines.
type Monitor struct {
	store    *store.Store
	events   Events
	gateways Gateways
	rights   Rights
	log      *slog.Logger
	now      func() time.Time
	traffic  *traffic
	streams  streams

	stopped chan struct{} // closed when streams must end
	stop    func()        // closes it, once
}

// New returns a Monitor.
func New(cfg Config) *Monitor {
	stopped := make(chan struct{})
	return &Monitor{
		store: cfg.Store, events: cfg.Events, gateways: cfg.Gateways, rights: cfg.Rights, log: cfg.Log, now: cfg.Now,
		traffic: newTraffic(cfg.Marks),
		stopped: stopped, stop: sync.OnceFunc(func() { close(stopped) }),
	}
}

// Operations is who may call what of this room.
func Operations() []web.Operation {
	return []web.Operation{
		{ID: "listGateways", Pattern: "GET /gateways", Role: web.Viewer},

		{ID: "getOverview", Pattern: "GET /overview", Role: web.Viewer},
		{ID: "listEvents", Pattern: "GET /events", Role: web.Viewer},
		{ID: "eventFacets", Pattern: "GET /events/facets", Role: web.Viewer},
		{ID: "eventHistogram", Pattern: "GET /events/histogram", Role: web.Viewer},
		{ID: "streamEvents", Pattern: "GET /events/stream", Role: web.Viewer},
		{ID: "getEvent", Pattern: "GET /events/{id}", Role: web.Viewer},
		{ID: "queryLake", Pattern: "POST /lake/query", Role: web.Operator, Body: web.Body[apigen.LakeQuery]},
	}
}

// server implements the generated interfaces of the tags gateways and events.
type server struct{ *Monitor }

// Mount registers the operations.
func (a *Monitor) Mount(rt *web.Router) {
	gatewaysapi.HandlerWithOptions(
		gatewaysapi.NewStrictHandlerWithOptions(server{a}, nil, gatewaysapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		gatewaysapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
	eventsapi.HandlerWithOptions(
		eventsapi.NewStrictHandlerWithOptions(server{a}, nil, eventsapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		eventsapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
}

// Recheck makes every open event stream ask whether it may go on. Call it when
// somebody lost a right.
func (a *Monitor) Recheck() { a.streams.recheck() }

// Stop ends the event streams, those that are yet to come too.
func (a *Monitor) Stop() { a.stop() }

// Sample counts what the gateways did since the sample before.
func (a *Monitor) Sample() {
	if a.gateways != nil {
		a.traffic.sample(a.now(), a.gateways.Status())
	}
}

// Flush writes what was counted in memory. What cannot be written stays for the next
// time.
func (a *Monitor) Flush(ctx context.Context) {
	if err := a.traffic.flush(ctx, a.store); err != nil {
		a.log.Warn("traffic counts not written, trying again", "err", err)
	}
}

// trafficRetention is how far back the overview's counts reach.
const trafficRetention = 30 * 24 * time.Hour

// Expire removes traffic counts that are too old.
func (a *Monitor) Expire(ctx context.Context, tx *store.Tx, now time.Time) error {
	return tx.ExpireTraffic(ctx, now.Add(-trafficRetention))
}
