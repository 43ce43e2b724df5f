package access

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/sessionapi"
	"github.com/ringwall/ringwall/manager/access/internal/password"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// maxSessions is how many sessions a user may have; the oldest end first.
const maxSessions = 50

// Login implements the generated server interface.
func (c server) Login(ctx context.Context, r sessionapi.LoginRequestObject) (sessionapi.LoginResponseObject, error) {
	id := web.IdentityFrom(ctx)
	if len(r.Body.Username) > 200 || len(r.Body.Password) > password.MaxBytes {
		return nil, web.BadRequest("username or password is too long")
	}
	try, err := c.try(ctx, id.Source, r.Body.Username, r.Body.Password)
	if err != nil {
		return nil, err
	}
	user := try.user
	if !try.right {
		err := c.store.Write(ctx, func(tx *store.Tx) error {
			return c.auditFailedLogin(ctx, tx, id.Source, user)
		})
		if err != nil {
			return nil, err
		}
		return nil, web.Fail(http.StatusUnauthorized, apigen.Unauthenticated, "user name or password is wrong")
	}
	secret := newSecret()
	now := c.now()
	user.LastLogin = now
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		// Read again: an administrator may have acted while the password was hashed.
		fresh, err := tx.User(ctx, user.ID)
		if err != nil || fresh.Disabled {
			return web.Fail(http.StatusUnauthorized, apigen.Unauthenticated, "user name or password is wrong")
		}
		if err := c.guesses.right(ctx, tx, try.guess); err != nil {
			return err
		}
		fresh.LastLogin = now
		if err := tx.UpdateUser(ctx, fresh); err != nil {
			return err
		}
		if id.Cookie != "" { // a login ends the session it was made from
			if err := tx.DeleteSession(ctx, digest(id.Cookie)); err != nil {
				return err
			}
		}
		if err := tx.CreateSession(ctx, store.Session{Hash: digest(secret), UserID: user.ID, Created: now, LastSeen: now}); err != nil {
			return err
		}
		if err := tx.TrimSessions(ctx, user.ID, maxSessions); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: now, By: store.Actor{Name: user.Name, Source: id.Source}, Verb: "login", Object: "session", ID: user.ID, Name: user.Name,
		})
	})
	if err != nil {
		return nil, err
	}
	return sessionapi.Login200JSONResponse{
		Body:    apigen.Session{User: apiUser(user), CsrfToken: csrfToken(secret), Version: c.cfg.Version},
		Headers: sessionapi.Login200ResponseHeaders{SetCookie: sessionCookie(secret, c.cfg.SessionMax)},
	}, nil
}

// attempt is one attempt to log in.
type attempt struct {
	guess
	user  store.User // without id when there is no such user
	right bool       // the password, and the user may log in
}

// try counts and makes one attempt to log in. Whoever goes on with a right one calls
// guesses.right in its transaction.
func (c *Control) try(ctx context.Context, source, name, pass string) (attempt, error) {
	user, err := c.store.UserByName(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return attempt{}, err
	}
	try := attempt{guess: newGuess(source, name, user), user: user}
	wait, err := c.guesses.take(ctx, c.store, try.guess, c.now())
	if err != nil {
		return attempt{}, err
	}
	if wait > 0 {
		return attempt{}, throttled(wait)
	}
	// An unknown user has an empty hash, which costs the same as a wrong password.
	ok, renew, err := c.passwords.Verify(ctx, user.Password, pass)
	if err != nil {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		return attempt{}, errors.Join(busy(err), c.guesses.undo(back, c.store, try.guess))
	}
	try.right = ok && !user.Disabled
	if try.right && renew {
		c.renewHash(ctx, user, pass)
	}
	return try, nil
}

// hash is the hash of a new password.
func (c *Control) hash(ctx context.Context, pass string) (string, error) {
	hash, err := c.passwords.Hash(ctx, pass)
	return hash, busy(err)
}

// busy is the answer when too many passwords are being checked.
func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return &web.Error{
			Status: http.StatusTooManyRequests, Code: apigen.Throttled, RetryAfter: time.Second,
			Message: "too many logins at once, try again in a second", Cause: err,
		}
	}
	return err
}

// renewHash stores the hash of a right password with today's parameters.
func (c *Control) renewHash(ctx context.Context, user store.User, pass string) {
	hash, err := c.hash(ctx, pass)
	if err == nil {
		err = c.store.Write(ctx, func(tx *store.Tx) error {
			fresh, err := tx.User(ctx, user.ID)
			if err != nil || fresh.Password != user.Password {
				return err
			}
			fresh.Password = hash
			return tx.UpdateUser(ctx, fresh)
		})
	}
	if err != nil {
		c.log.Warn("password hash not renewed, trying again at the next login", "user", user.Name, "err", err)
	}
}

func throttled(wait time.Duration) error {
	return &web.Error{
		Status: http.StatusTooManyRequests, Code: apigen.Throttled, RetryAfter: wait,
		Message: "too many attempts; try again in " + wait.Round(time.Second).String(),
	}
}

// auditFailedLogin names only users that exist: what people type into the wrong
// field is often a password.
func (c *Control) auditFailedLogin(ctx context.Context, tx *store.Tx, source string, user store.User) error {
	name := user.Name
	if user.ID == "" {
		name = "(unknown user)"
	}
	return tx.Record(ctx, store.Change{
		Time: c.now(), By: store.Actor{Name: name, Source: source}, Verb: "login-failed", Object: "session", ID: user.ID, Name: name,
	})
}

func sessionCookie(secret string, age time.Duration) *string {
	c := http.Cookie{
		Name: cookieName, Value: secret, Path: "/", MaxAge: int(age.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if secret == "" {
		c.MaxAge = -1
	}
	text := c.String()
	return &text
}

// Logout implements the generated server interface.
func (c server) Logout(ctx context.Context, _ sessionapi.LogoutRequestObject) (sessionapi.LogoutResponseObject, error) {
	id := web.IdentityFrom(ctx)
	if id.Cookie == "" {
		return nil, web.BadRequest("an API token is no session; end it with DELETE %s/tokens/%s", web.Base, id.Token)
	}
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		if err := errors.Join(tx.DeleteSession(ctx, digest(id.Cookie)), tx.LoseRights(ctx)); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: c.now(), By: id.Actor(), Verb: "logout", Object: "session", ID: id.User.ID, Name: id.User.Name,
		})
	})
	if err != nil {
		return nil, err
	}
	c.lost()
	return sessionapi.Logout204Response{Headers: sessionapi.Logout204ResponseHeaders{SetCookie: sessionCookie("", 0)}}, nil
}

// GetSession implements the generated server interface.
func (c server) GetSession(ctx context.Context, _ sessionapi.GetSessionRequestObject) (sessionapi.GetSessionResponseObject, error) {
	id := web.IdentityFrom(ctx)
	out := sessionapi.GetSession200JSONResponse{User: apiUser(id.User), Version: c.cfg.Version}
	out.User.Role = id.Role // of the token, where that is less
	if id.Cookie != "" {
		out.CsrfToken = csrfToken(id.Cookie)
	}
	return out, nil
}

// ChangePassword implements the generated server interface.
func (c server) ChangePassword(
	ctx context.Context, r sessionapi.ChangePasswordRequestObject,
) (sessionapi.ChangePasswordResponseObject, error) {
	id := web.IdentityFrom(ctx)
	if id.Cookie == "" {
		return nil, web.Fail(http.StatusForbidden, apigen.Forbidden, "an API token cannot change the password; log in")
	}
	if err := password.Check(id.User.Name, r.Body.New); err != nil {
		return nil, web.Invalid(err)
	}
	if len(r.Body.Current) > password.MaxBytes {
		return nil, web.BadRequest("current: is too long")
	}
	try, err := c.try(ctx, id.Source, id.User.Name, r.Body.Current)
	if err != nil {
		return nil, err
	}
	if !try.right {
		err := c.store.Write(ctx, func(tx *store.Tx) error { return c.auditFailedLogin(ctx, tx, id.Source, try.user) })
		if err != nil {
			return nil, err
		}
		return nil, web.Invalid(errors.New("current: is not your password"))
	}
	hash, err := c.hash(ctx, r.Body.New)
	if err != nil {
		return nil, err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		if err := c.guesses.right(ctx, tx, try.guess); err != nil {
			return err
		}
		return c.putPassword(ctx, tx, id.Actor(), try.user.ID, hash, digest(id.Cookie))
	})
	if err != nil {
		return nil, err
	}
	c.lost()
	return sessionapi.ChangePassword204Response{}, nil
}

// putPassword stores a new hash and ends the user's sessions but one.
func (c *Control) putPassword(ctx context.Context, tx *store.Tx, by store.Actor, userID, hash, session string) error {
	user, err := tx.User(ctx, userID)
	if err != nil {
		return err
	}
	user.Password = hash
	if err := tx.UpdateUser(ctx, user); err != nil {
		return err
	}
	if err := errors.Join(tx.DeleteSessions(ctx, userID, session), tx.LoseRights(ctx)); err != nil {
		return err
	}
	return tx.Record(ctx, store.Change{Time: c.now(), By: by, Verb: "password", Object: "user", ID: user.ID, Name: user.Name})
}
