package object

import (
	"context"
	"strconv"
	"time"

	"github.com/ringwall/ringwall/api/apigen/tuningapi"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
	"github.com/ringwall/ringwall/policy"
)

var exceptions = kind[policy.Exception]{
	kind:   store.Exceptions,
	fields: func(x *policy.Exception) (*string, *int64) { return &x.ID, &x.Revision },
	name:   policy.Exception.String,
	parent: func(ctx context.Context, tx *store.Tx, x policy.Exception) error {
		_, err := tx.Service(ctx, x.ServiceID)
		return missingParent(err, "service_id", x.ServiceID)
	},
	children: func(context.Context, *Objects, *store.Tx, store.Actor, policy.Exception) error { return nil },
	get:      store.Reader.Exception, create: (*store.Tx).CreateException, update: (*store.Tx).UpdateException,
}

// tidyException makes an exception as it is when read again.
func tidyException(ctx context.Context, x policy.Exception) policy.Exception {
	x.Methods, x.Sources = web.Filled(x.Methods), web.Filled(x.Sources)
	if !x.Expires.IsZero() {
		x.Expires = x.Expires.UTC().Truncate(time.Millisecond)
	}
	if x.Owner == "" {
		x.Owner = web.IdentityFrom(ctx).User.Name
	}
	return x
}

// ListExceptions implements the generated server interface.
func (s server) ListExceptions(
	ctx context.Context, r tuningapi.ListExceptionsRequestObject,
) (tuningapi.ListExceptionsResponseObject, error) {
	list, err := s.store.Exceptions(ctx, web.Deref(r.Params.ServiceId))
	if err != nil {
		return nil, err
	}
	key := func(x policy.Exception) string { return web.Key(web.Ascending(x.Created.UnixMilli()), x.ID) }
	page, link, err := web.Paged(ctx, list, key, r.Params.Limit, r.Params.Cursor)
	return tuningapi.ListExceptions200JSONResponse{Body: page, Headers: tuningapi.ListExceptions200ResponseHeaders{Link: link}}, err
}

// CreateException implements the generated server interface.
func (s server) CreateException(
	ctx context.Context, r tuningapi.CreateExceptionRequestObject,
) (tuningapi.CreateExceptionResponseObject, error) {
	x := tidyException(ctx, *r.Body)
	x.Created = s.now()
	x, err := exceptions.created(ctx, s.Objects, x)
	return tuningapi.CreateException201JSONResponse(x), err
}

// GetException implements the generated server interface.
func (s server) GetException(ctx context.Context, r tuningapi.GetExceptionRequestObject) (tuningapi.GetExceptionResponseObject, error) {
	x, err := exceptions.find(ctx, s.store.Reader, r.Id)
	return tuningapi.GetException200JSONResponse(x), err
}

// UpdateException implements the generated server interface.
func (s server) UpdateException(
	ctx context.Context, r tuningapi.UpdateExceptionRequestObject,
) (tuningapi.UpdateExceptionResponseObject, error) {
	x, err := exceptions.replaced(ctx, s.Objects, r.Id, tidyException(ctx, *r.Body))
	return tuningapi.UpdateException200JSONResponse(x), err
}

// DeleteException implements the generated server interface.
func (s server) DeleteException(
	ctx context.Context, r tuningapi.DeleteExceptionRequestObject,
) (tuningapi.DeleteExceptionResponseObject, error) {
	return tuningapi.DeleteException204Response{}, exceptions.deleted(ctx, s.Objects, r.Id)
}

const (
	// previewRange is how far back a preview looks, and the longest range it takes.
	previewRange = 7 * 24 * time.Hour
	// previewEvents bounds how many events are read for one.
	previewEvents = 20_000
)

// PreviewException implements the generated server interface.
func (s server) PreviewException(
	ctx context.Context, r tuningapi.PreviewExceptionRequestObject,
) (tuningapi.PreviewExceptionResponseObject, error) {
	x := r.Body.Exception
	if x.Comment == "" {
		x.Comment = "preview" // one decides what to write after having seen it
	}
	if err := x.Validate(); err != nil {
		return nil, web.Invalid(err)
	}
	to := s.now()
	if r.Body.To != nil {
		to = *r.Body.To
	}
	from := to.Add(-previewRange)
	if r.Body.From != nil {
		from = *r.Body.From
	}
	from, to, err := web.TimeRange(s.now().UTC(), &from, &to)
	if err != nil {
		return nil, err
	}
	if to.Sub(from) > previewRange {
		return nil, web.BadRequest("from, to: at most 7 days")
	}
	p, err := policy.NewPreviewer(x)
	if err != nil {
		return nil, web.Invalid(err)
	}
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	q := event.MatchQuery{
		From: from, To: to, ServiceID: x.ServiceID, RuleID: x.RuleID, RuleIDLast: x.RuleIDLast, Tag: x.Tag, Limit: previewEvents,
	}
	more, err := s.events.Matched(ctx, q, p.Add)
	sum := p.Preview()
	sum.Truncated = more
	return tuningapi.PreviewException200JSONResponse(sum), err
}

// GetRule implements the generated server interface.
func (s server) GetRule(_ context.Context, r tuningapi.GetRuleRequestObject) (tuningapi.GetRuleResponseObject, error) {
	rule, ok := s.gateways.Rule(r.Id)
	if !ok {
		return nil, web.NotFound("rule", strconv.Itoa(r.Id))
	}
	rule.Tags = web.Filled(rule.Tags)
	return tuningapi.GetRule200JSONResponse(rule), nil
}

// GetRuleActions implements the generated server interface.
func (s server) GetRuleActions(
	ctx context.Context, r tuningapi.GetRuleActionsRequestObject,
) (tuningapi.GetRuleActionsResponseObject, error) {
	if _, err := services.find(ctx, s.store.Reader, r.Id); err != nil {
		return nil, err
	}
	a, err := s.store.ServiceActions(ctx, r.Id)
	return tuningapi.GetRuleActions200JSONResponse(a), err
}

// SetRuleActions implements the generated server interface.
func (s server) SetRuleActions(
	ctx context.Context, r tuningapi.SetRuleActionsRequestObject,
) (tuningapi.SetRuleActionsResponseObject, error) {
	a := *r.Body
	if a.ServiceID != "" && a.ServiceID != r.Id {
		return nil, web.BadRequest("service_id: the path says %q, the body %q", r.Id, a.ServiceID)
	}
	a.ServiceID, a.Actions = r.Id, web.Filled(a.Actions)
	if err := a.Validate(); err != nil {
		return nil, web.Invalid(err)
	}
	var out policy.RuleActions
	err := s.change(ctx, func(tx *store.Tx) error {
		svc, err := services.find(ctx, tx.Reader, r.Id)
		if err != nil {
			return err
		}
		before, err := tx.ServiceActions(ctx, r.Id)
		if err != nil {
			return err
		}
		if out, err = tx.PutServiceActions(ctx, a); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: s.now(), By: web.IdentityFrom(ctx).Actor(), Verb: "update", Object: "rule_actions", ID: r.Id, Name: svc.Name, Before: before,
			After: out,
		})
	})
	return tuningapi.SetRuleActions200JSONResponse(out), err
}
