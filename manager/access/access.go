// Package access decides who may use the manager: users, their sessions and API
// tokens, the slowing down of guesses, and the guard in front of every operation. No
// switch turns it off.
//
// All that it knows is in the store, so that several managers on one database agree:
// sessions and their last use, attempts to log in, and a counter that tells the
// others when somebody lost a right.
//
// Stability: internal to the manager.
package access

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/sessionapi"
	"github.com/ringwall/ringwall/api/apigen/usersapi"
	"github.com/ringwall/ringwall/manager/access/internal/password"
	"github.com/ringwall/ringwall/manager/access/internal/throttle"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// Config is what a Control needs.
type Config struct {
	Store *store.Store
	Log   *slog.Logger
	Now   func() time.Time
	// Version is the manager's, as shown to users.
	Version string
	// SessionIdle and SessionMax end a session that was not used for so long, and so
	// long after the login. Both are positive.
	SessionIdle, SessionMax time.Duration
	// Lost is called after somebody lost a right, with no transaction open.
	Lost func()
}

// Control decides who may use the manager. Use New. It is safe for use by several
// goroutines.
type Control struct {
	store     *store.Store
	log       *slog.Logger
	now       func() time.Time
	cfg       Config
	passwords *password.Hasher
	guesses   guesses
	touching  sync.Map // of the keys that touch writes now
	lost      func()
}

// New returns a Control.
func New(cfg Config) *Control {
	return &Control{
		store: cfg.Store, log: cfg.Log, now: cfg.Now, cfg: cfg, lost: cfg.Lost,
		passwords: password.New(2, 32),
		guesses: guesses{
			byUser:    throttle.Rule{Free: 5, First: time.Second, Longest: 15 * time.Minute},
			byAddress: throttle.Rule{Free: 30, First: time.Second, Longest: 5 * time.Minute},
		},
	}
}

// Operations is who may call what of this room.
func Operations() []web.Operation {
	return []web.Operation{
		{ID: "login", Pattern: "POST /login", Role: web.Public, Body: web.Body[apigen.Credentials]},
		{ID: "logout", Pattern: "POST /logout", Role: web.Viewer},
		{ID: "getSession", Pattern: "GET /session", Role: web.Viewer},
		{ID: "changePassword", Pattern: "POST /session/password", Role: web.Viewer, Body: web.Body[apigen.PasswordChange]},

		{ID: "listUsers", Pattern: "GET /users", Role: web.Admin},
		{ID: "createUser", Pattern: "POST /users", Role: web.Admin, Body: web.Body[apigen.UserCreate]},
		{ID: "updateUser", Pattern: "PATCH /users/{id}", Role: web.Admin, Body: web.Body[apigen.UserUpdate]},
		{ID: "deleteUser", Pattern: "DELETE /users/{id}", Role: web.Admin},
		{ID: "listTokens", Pattern: "GET /tokens", Role: web.Viewer},                                       // one's own; all for an admin
		{ID: "createToken", Pattern: "POST /tokens", Role: web.Viewer, Body: web.Body[apigen.TokenCreate]}, // at most the own role
		{ID: "deleteToken", Pattern: "DELETE /tokens/{id}", Role: web.Viewer},
	}
}

// server implements the generated interfaces of the tags session and users.
type server struct{ *Control }

// Mount registers the operations.
func (c *Control) Mount(rt *web.Router) {
	sessionapi.HandlerWithOptions(
		sessionapi.NewStrictHandlerWithOptions(server{c}, nil, sessionapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		sessionapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
	usersapi.HandlerWithOptions(
		usersapi.NewStrictHandlerWithOptions(server{c}, nil, usersapi.StrictHTTPServerOptions{
			RequestErrorHandlerFunc: rt.BadRequest, ResponseErrorHandlerFunc: rt.Error,
		}),
		usersapi.StdHTTPServerOptions{BaseURL: web.Base, BaseRouter: rt, ErrorHandlerFunc: rt.BadRequest},
	)
}

// Expire removes sessions that have ended and attempts to log in that no longer count.
func (c *Control) Expire(ctx context.Context, tx *store.Tx, now time.Time) error {
	return errors.Join(
		tx.ExpireSessions(ctx, now.Add(-c.cfg.SessionIdle), now.Add(-c.cfg.SessionMax)),
		tx.TrimAttempts(ctx, now.Add(-c.guesses.memory()), maxGuesses),
	)
}
