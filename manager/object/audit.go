package object

import (
	"context"
	"math"
	"strconv"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/auditapi"
	"github.com/ringwall/ringwall/manager/web"
)

// ListAudit implements the generated server interface.
func (s server) ListAudit(ctx context.Context, r auditapi.ListAuditRequestObject) (auditapi.ListAuditResponseObject, error) {
	limit, err := web.Within("limit", r.Params.Limit, 100, 1000)
	if err != nil {
		return nil, err
	}
	before := int64(math.MaxInt64)
	if r.Params.Before != nil {
		before = *r.Params.Before
	}
	if r.Params.Cursor != nil {
		if before, err = auditCursor(*r.Params.Cursor); err != nil {
			return nil, err
		}
	}
	entries, err := s.store.Audit(ctx, max(before, 1), limit+1)
	if err != nil {
		return nil, err
	}
	var headers auditapi.ListAudit200ResponseHeaders
	if len(entries) > limit {
		entries = entries[:limit]
		headers.Link = web.Next(ctx, strconv.FormatInt(entries[limit-1].ID, 10))
	}
	out := make([]apigen.AuditEntry, len(entries))
	for i, e := range entries {
		out[i] = apigen.AuditEntry{
			Id: e.ID, Time: e.Time, Actor: e.Actor, Source: e.Source, Verb: e.Verb, Object: e.Object, ObjectId: web.Optional(e.ObjectID),
			Name: e.Name, Before: web.Optional(e.Before), After: web.Optional(e.After),
		}
	}
	return auditapi.ListAudit200JSONResponse{Body: out, Headers: headers}, nil
}

// auditCursor is the id below which a page begins. Unlike the other lists, the audit
// trail is read by pages from the database too, because it grows with every change.
func auditCursor(cursor string) (int64, error) {
	key, err := web.After(cursor)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return 0, web.BadRequest("cursor: %q is not one that this list gave", cursor)
	}
	return id, nil
}
