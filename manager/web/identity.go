package web

import (
	"context"
	"net/url"

	"github.com/ringwall/ringwall/manager/store"
)

// Identity is who a request comes from. It is in the context of every operation; in
// that of a public one it has no user.
type Identity struct {
	User   store.User
	Role   Role   // of the session or token
	Source string // address, without port
	Cookie string // the session's secret, "" with a token
	Token  string // the API token's id, "" with a session
}

// Actor is the identity as the audit trail names it.
func (id Identity) Actor() store.Actor { return store.Actor{Name: id.User.Name, Source: id.Source} }

// request is what the context of an operation carries.
type request struct {
	identity Identity
	url      *url.URL
}

type requestKey struct{}

func withRequest(ctx context.Context, id Identity, u *url.URL) context.Context {
	return context.WithValue(ctx, requestKey{}, request{id, u})
}

// IdentityFrom returns who called the operation that ctx belongs to.
func IdentityFrom(ctx context.Context) Identity {
	r, _ := ctx.Value(requestKey{}).(request)
	return r.identity
}

// urlFrom returns the address that was asked for, never nil.
func urlFrom(ctx context.Context) *url.URL {
	if r, ok := ctx.Value(requestKey{}).(request); ok && r.url != nil {
		return r.url
	}
	return new(url.URL)
}
