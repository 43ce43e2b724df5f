package manager

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/sessionapi"
	"github.com/ringwall/ringwall/manager/internal/password"
	"github.com/ringwall/ringwall/manager/store"
)

// maxSessions is how many sessions a user may have; the oldest end first.
const maxSessions = 50

// Login implements the generated server interface.
func (s server) Login(ctx context.Context, r sessionapi.LoginRequestObject) (sessionapi.LoginResponseObject, error) {
	id := identityFrom(ctx)
	if len(r.Body.Username) > 200 || len(r.Body.Password) > password.MaxBytes {
		return nil, badRequest("username or password is too long")
	}
	user, ok, err := s.checkPassword(ctx, id.source, r.Body.Username, r.Body.Password)
	if err != nil {
		return nil, err
	}
	if !ok {
		err := s.store.Write(ctx, func(tx *store.Tx) error {
			return s.auditFailedLogin(ctx, tx, id.source, user)
		})
		if err != nil {
			return nil, err
		}
		return nil, fail(http.StatusUnauthorized, apigen.Unauthenticated, "user name or password is wrong")
	}
	secret := newSecret()
	now := s.now()
	user.LastLogin = now
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		// Read again: an administrator may have acted while the password was hashed.
		fresh, err := tx.User(ctx, user.ID)
		if err != nil || fresh.Disabled {
			return fail(http.StatusUnauthorized, apigen.Unauthenticated, "user name or password is wrong")
		}
		fresh.LastLogin = now
		if err := tx.UpdateUser(ctx, fresh); err != nil {
			return err
		}
		if id.cookie != "" { // a login ends the session it was made from
			if err := tx.DeleteSession(ctx, digest(id.cookie)); err != nil {
				return err
			}
		}
		if err := tx.CreateSession(ctx, store.Session{Hash: digest(secret), UserID: user.ID, Created: now, LastSeen: now}); err != nil {
			return err
		}
		if err := tx.TrimSessions(ctx, user.ID, maxSessions); err != nil {
			return err
		}
		return s.audit(ctx, tx, actor{user.Name, id.source}, record{verb: "login", object: "session", id: user.ID, name: user.Name})
	})
	if err != nil {
		return nil, err
	}
	return sessionapi.Login200JSONResponse{
		Body:    apigen.Session{User: apiUser(user), CsrfToken: csrfToken(secret), Version: s.version},
		Headers: sessionapi.Login200ResponseHeaders{SetCookie: sessionCookie(secret, s.cfg.SessionMax)},
	}, nil
}

// checkPassword counts and makes one attempt to log in. It returns the user also
// when the password is wrong, and one without id when there is no such user.
func (m *Manager) checkPassword(ctx context.Context, source, name, pass string) (user store.User, ok bool, err error) {
	now := m.now()
	byAddress, byUser := network(source), strings.ToLower(name)+"\n"+network(source)
	if wait := m.byAddress.Take(byAddress, now); wait > 0 {
		return user, false, throttled(wait)
	}
	if wait := m.byUser.Take(byUser, now); wait > 0 {
		m.byAddress.Return(byAddress)
		return user, false, throttled(wait)
	}
	user, err = m.store.UserByName(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return user, false, err
	}
	// An unknown user has an empty hash, which costs the same as a wrong password.
	ok, renew, err := m.passwords.Verify(ctx, user.Password, pass)
	if err != nil {
		m.byAddress.Return(byAddress)
		m.byUser.Return(byUser)
		return user, false, err
	}
	if !ok || user.Disabled {
		return user, false, nil
	}
	m.byAddress.Return(byAddress)
	m.byUser.Reset(byUser)
	if renew {
		m.renewHash(ctx, user, pass)
	}
	return user, true, nil
}

// renewHash stores the hash of a right password with today's parameters.
func (m *Manager) renewHash(ctx context.Context, user store.User, pass string) {
	hash, err := m.passwords.Hash(ctx, pass)
	if err == nil {
		err = m.store.Write(ctx, func(tx *store.Tx) error {
			fresh, err := tx.User(ctx, user.ID)
			if err != nil || fresh.Password != user.Password {
				return err
			}
			fresh.Password = hash
			return tx.UpdateUser(ctx, fresh)
		})
	}
	if err != nil {
		m.log.Warn("password hash not renewed, trying again at the next login", "user", user.Name, "err", err)
	}
}

func throttled(wait time.Duration) error {
	return &apiError{
		status: http.StatusTooManyRequests, code: apigen.Throttled, retryAfter: wait,
		message: "too many attempts; try again in " + wait.Round(time.Second).String(),
	}
}

// auditFailedLogin names only users that exist: what people type into the wrong
// field is often a password.
func (m *Manager) auditFailedLogin(ctx context.Context, tx *store.Tx, source string, user store.User) error {
	name := user.Name
	if user.ID == "" {
		name = "(unknown user)"
	}
	return m.audit(ctx, tx, actor{name, source}, record{verb: "login-failed", object: "session", id: user.ID, name: name})
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
func (s server) Logout(ctx context.Context, _ sessionapi.LogoutRequestObject) (sessionapi.LogoutResponseObject, error) {
	id := identityFrom(ctx)
	if id.cookie == "" {
		return nil, badRequest("an API token is no session; end it with DELETE %s/tokens/%s", base, id.token)
	}
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteSession(ctx, digest(id.cookie)); err != nil {
			return err
		}
		return s.audit(ctx, tx, id.actor(), record{verb: "logout", object: "session", id: id.user.ID, name: id.user.Name})
	})
	if err != nil {
		return nil, err
	}
	s.streams.check()
	return sessionapi.Logout204Response{Headers: sessionapi.Logout204ResponseHeaders{SetCookie: sessionCookie("", 0)}}, nil
}

// GetSession implements the generated server interface.
func (s server) GetSession(ctx context.Context, _ sessionapi.GetSessionRequestObject) (sessionapi.GetSessionResponseObject, error) {
	id := identityFrom(ctx)
	out := sessionapi.GetSession200JSONResponse{User: apiUser(id.user), Version: s.version}
	out.User.Role = id.role // of the token, where that is less
	if id.cookie != "" {
		out.CsrfToken = csrfToken(id.cookie)
	}
	return out, nil
}

// ChangePassword implements the generated server interface.
func (s server) ChangePassword(ctx context.Context, r sessionapi.ChangePasswordRequestObject) (sessionapi.ChangePasswordResponseObject, error) {
	id := identityFrom(ctx)
	if id.cookie == "" {
		return nil, fail(http.StatusForbidden, apigen.Forbidden, "an API token cannot change the password; log in")
	}
	if err := password.Check(id.user.Name, r.Body.New); err != nil {
		return nil, invalid(err)
	}
	if len(r.Body.Current) > password.MaxBytes {
		return nil, badRequest("current: is too long")
	}
	user, ok, err := s.checkPassword(ctx, id.source, id.user.Name, r.Body.Current)
	if err != nil {
		return nil, err
	}
	if !ok {
		err := s.store.Write(ctx, func(tx *store.Tx) error { return s.auditFailedLogin(ctx, tx, id.source, user) })
		if err != nil {
			return nil, err
		}
		return nil, &apiError{status: http.StatusUnprocessableEntity, code: apigen.Invalid, message: "not valid", problems: []string{"current: is not your password"}}
	}
	hash, err := s.passwords.Hash(ctx, r.Body.New)
	if err != nil {
		return nil, err
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		return s.putPassword(ctx, tx, id.actor(), user.ID, hash, digest(id.cookie))
	})
	if err != nil {
		return nil, err
	}
	s.streams.check()
	return sessionapi.ChangePassword204Response{}, nil
}

// putPassword stores a new hash and ends the user's sessions but one.
func (m *Manager) putPassword(ctx context.Context, tx *store.Tx, by actor, userID, hash, session string) error {
	user, err := tx.User(ctx, userID)
	if err != nil {
		return err
	}
	user.Password = hash
	if err := tx.UpdateUser(ctx, user); err != nil {
		return err
	}
	if err := tx.DeleteSessions(ctx, userID, session); err != nil {
		return err
	}
	return m.audit(ctx, tx, by, record{verb: "password", object: "user", id: user.ID, name: user.Name})
}
