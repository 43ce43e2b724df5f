// Package object keeps what is protected and how: sites, server groups, services,
// routes, exceptions and rule actions. Each change is checked by the gateways before
// it is stored, written to the audit trail with it, and published after it.
//
// All that it knows is in the store. Several managers on one database may change
// objects at once: see change. Follow tells a manager of the changes of others.
//
// Stability: internal to the manager.
package object

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/auditapi"
	"github.com/ringwall/ringwall/api/apigen/sitesapi"
	"github.com/ringwall/ringwall/api/apigen/tuningapi"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
	"github.com/ringwall/ringwall/policy"
)

// Gateways is what this room needs of the data plane; see manager.Gateways.
type Gateways interface {
	Check(ctx context.Context, p policy.Policy) error
	Publish(p policy.Policy)
	TestAttack(ctx context.Context, serviceID string) (eventID string, status int, err error)
	Rule(id int) (policy.Rule, bool)
}

// Events is what this room needs of the lake; see manager.Events.
type Events interface {
	Matched(ctx context.Context, q event.MatchQuery, fn func(*event.Event)) (more bool, err error)
}

// Config is what Objects needs.
type Config struct {
	Store    *store.Store
	Gateways Gateways
	Events   Events
	Log      *slog.Logger
	Now      func() time.Time
	// Timeout bounds a change, the check by the gateways included. It is positive.
	Timeout time.Duration
	// Published is the version of the policy that the gateways have or are about to
	// get from elsewhere.
	Published int64
}

// Objects changes and lists objects. Use New. It is safe for use by several
// goroutines.
type Objects struct {
	store    *store.Store
	gateways Gateways
	events   Events
	log      *slog.Logger
	now      func() time.Time
	timeout  time.Duration

	// turn has room for the one change that is under way, so that gateways get policies
	// in the order of their versions.
	turn      chan struct{}
	published atomic.Int64 // version of the last policy handed to the gateways
}

// New returns Objects.
func New(cfg Config) *Objects {
	o := &Objects{
		store: cfg.Store, gateways: cfg.Gateways, events: cfg.Events, log: cfg.Log, now: cfg.Now, timeout: cfg.Timeout,
		turn: make(chan struct{}, 1),
	}
	o.published.Store(cfg.Published)
	return o
}

// Operations is who may call what of this room.
func Operations() []web.Operation {
	return []web.Operation{
		{ID: "listAudit", Pattern: "GET /audit", Role: web.Admin},

		{ID: "listSites", Pattern: "GET /sites", Role: web.Viewer},
		{ID: "createSite", Pattern: "POST /sites", Role: web.Operator, Body: web.Body[asset.Site]},
		{ID: "getSite", Pattern: "GET /sites/{id}", Role: web.Viewer},
		{ID: "updateSite", Pattern: "PUT /sites/{id}", Role: web.Operator, Body: web.Body[asset.Site]},
		{ID: "deleteSite", Pattern: "DELETE /sites/{id}", Role: web.Operator},
		{ID: "listServerGroups", Pattern: "GET /server-groups", Role: web.Viewer},
		{ID: "createServerGroup", Pattern: "POST /server-groups", Role: web.Operator, Body: web.Body[asset.ServerGroup]},
		{ID: "getServerGroup", Pattern: "GET /server-groups/{id}", Role: web.Viewer},
		{ID: "updateServerGroup", Pattern: "PUT /server-groups/{id}", Role: web.Operator, Body: web.Body[asset.ServerGroup]},
		{ID: "deleteServerGroup", Pattern: "DELETE /server-groups/{id}", Role: web.Operator},
		{ID: "setMode", Pattern: "PUT /server-groups/{id}/mode", Role: web.Operator, Body: web.Body[apigen.ModeChange]},
		{ID: "listServices", Pattern: "GET /services", Role: web.Viewer},
		{ID: "createService", Pattern: "POST /services", Role: web.Operator, Body: web.Body[asset.Service]},
		{ID: "getService", Pattern: "GET /services/{id}", Role: web.Viewer},
		{ID: "updateService", Pattern: "PUT /services/{id}", Role: web.Operator, Body: web.Body[asset.Service]},
		{ID: "deleteService", Pattern: "DELETE /services/{id}", Role: web.Operator},
		{ID: "sendTestAttack", Pattern: "POST /services/{id}/test-attack", Role: web.Operator},
		{ID: "listRoutes", Pattern: "GET /routes", Role: web.Viewer},
		{ID: "createRoute", Pattern: "POST /routes", Role: web.Operator, Body: web.Body[asset.Route]},
		{ID: "getRoute", Pattern: "GET /routes/{id}", Role: web.Viewer},
		{ID: "updateRoute", Pattern: "PUT /routes/{id}", Role: web.Operator, Body: web.Body[asset.Route]},
		{ID: "deleteRoute", Pattern: "DELETE /routes/{id}", Role: web.Operator},

		{ID: "getRule", Pattern: "GET /rules/{id}", Role: web.Viewer},
		{ID: "getRuleActions", Pattern: "GET /services/{id}/actions", Role: web.Viewer},
		{ID: "setRuleActions", Pattern: "PUT /services/{id}/actions", Role: web.Operator, Body: web.Body[policy.RuleActions]},
		{ID: "listExceptions", Pattern: "GET /exceptions", Role: web.Viewer},
		{ID: "createException", Pattern: "POST /exceptions", Role: web.Operator, Body: web.Body[policy.Exception]},
		{ID: "previewException", Pattern: "POST /exceptions/preview", Role: web.Operator, Body: web.Body[apigen.ExceptionPreview]},
		{ID: "getException", Pattern: "GET /exceptions/{id}", Role: web.Viewer},
		{ID: "updateException", Pattern: "PUT /exceptions/{id}", Role: web.Operator, Body: web.Body[policy.Exception]},
		{ID: "deleteException", Pattern: "DELETE /exceptions/{id}", Role: web.Operator},
	}
}

// server implements the generated interfaces of the tags audit, sites and tuning.
type server struct{ *Objects }

// Mount registers the operations.
func (o *Objects) Mount(rt *web.Router) {
	auditapi.HandlerWithOptions(
		auditapi.NewStrictHandlerWithOptions(server{o}, nil, auditapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		auditapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
	sitesapi.HandlerWithOptions(
		sitesapi.NewStrictHandlerWithOptions(server{o}, nil, sitesapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		sitesapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
	tuningapi.HandlerWithOptions(
		tuningapi.NewStrictHandlerWithOptions(server{o}, nil, tuningapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		tuningapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
}

// Policy compiles the stored objects.
func (o *Objects) Policy(ctx context.Context) (p policy.Policy, err error) {
	err = o.store.View(ctx, func(r store.Reader) error {
		p, err = compile(ctx, r)
		return err
	})
	if err != nil {
		return policy.Policy{}, fmt.Errorf("compile policy: %w", err)
	}
	return p, nil
}

// Follow publishes the stored policy if it is newer than the one published last:
// another manager on the same database made a change. version is that of the stored
// policy, from store.Reader.Versions.
func (o *Objects) Follow(ctx context.Context, version int64) error {
	if version <= o.published.Load() {
		return nil
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	default:
		return nil // a change is under way; the next call looks again
	}
	p, err := o.Policy(ctx)
	if err != nil || p.Version <= o.published.Load() {
		return err
	}
	o.publish(p)
	return nil
}

func compile(ctx context.Context, r store.Reader) (p policy.Policy, err error) {
	version, err := r.PolicyVersion(ctx)
	if err != nil {
		return p, err
	}
	var objects policy.Objects
	if objects.Sites, err = r.Sites(ctx); err != nil {
		return p, err
	}
	if objects.ServerGroups, err = r.ServerGroups(ctx, ""); err != nil {
		return p, err
	}
	if objects.Services, err = r.Services(ctx, ""); err != nil {
		return p, err
	}
	if objects.Routes, err = r.Routes(ctx, ""); err != nil {
		return p, err
	}
	if objects.Exceptions, err = r.Exceptions(ctx, ""); err != nil {
		return p, err
	}
	if objects.RuleActions, err = r.RuleActions(ctx); err != nil {
		return p, err
	}
	p, err = policy.Compile(version, objects)
	return p, web.Invalid(err)
}
