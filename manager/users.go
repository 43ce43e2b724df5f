package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/usersapi"
	"github.com/ringwall/ringwall/manager/internal/password"
	"github.com/ringwall/ringwall/manager/store"
)

var userName = regexp.MustCompile(`^[a-zA-Z0-9._@-]{1,64}$`)

func apiUser(u store.User) apigen.User {
	return apigen.User{Id: u.ID, Name: u.Name, Role: Role(u.Role), Disabled: u.Disabled, Created: u.Created, LastLogin: optional(u.LastLogin)}
}

// auditUser is a user as the audit trail shows it.
type auditUser struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Disabled bool   `json:"disabled"`
	// Password says that it was changed, not what it is.
	Password string `json:"password,omitempty"`
}

func checkRole(r Role) error {
	if rank(r) == 0 {
		return fmt.Errorf("role %q: must be admin, operator or viewer", r)
	}
	return nil
}

// ListUsers implements the generated server interface.
func (s server) ListUsers(ctx context.Context, r usersapi.ListUsersRequestObject) (usersapi.ListUsersResponseObject, error) {
	users, err := s.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	page, link, err := paged(ctx, users, func(u store.User) string { return strings.ToLower(u.Name) }, r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	out := make([]apigen.User, len(page))
	for i, u := range page {
		out[i] = apiUser(u)
	}
	return usersapi.ListUsers200JSONResponse{Body: out, Headers: usersapi.ListUsers200ResponseHeaders{Link: link}}, nil
}

// CreateUser implements the generated server interface.
func (s server) CreateUser(ctx context.Context, r usersapi.CreateUserRequestObject) (usersapi.CreateUserResponseObject, error) {
	u, err := s.createUser(ctx, identityFrom(ctx).actor(), r.Body.Name, r.Body.Password, r.Body.Role)
	return usersapi.CreateUser201JSONResponse(apiUser(u)), err
}

func (m *Manager) createUser(ctx context.Context, by actor, name, pass string, role Role) (store.User, error) {
	var problem error
	if !userName.MatchString(name) {
		problem = errors.New("name: want 1 to 64 of a-z, A-Z, 0-9, and . _ - @")
	}
	if err := errors.Join(problem, password.Check(name, pass), checkRole(role)); err != nil {
		return store.User{}, invalid(err)
	}
	hash, err := m.passwords.Hash(ctx, pass)
	if err != nil {
		return store.User{}, err
	}
	u := store.User{ID: newID(), Name: name, Role: string(role), Password: hash, Created: m.now()}
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateUser(ctx, u); err != nil {
			if errors.Is(err, store.ErrTaken) {
				err = invalid(fmt.Errorf("name: there is a user %q already", name))
			}
			return err
		}
		return m.audit(ctx, tx, by, record{verb: "create", object: "user", id: u.ID, name: u.Name, after: auditUser{Name: u.Name, Role: u.Role}})
	})
	return u, err
}

// UpdateUser implements the generated server interface.
func (s server) UpdateUser(ctx context.Context, r usersapi.UpdateUserRequestObject) (usersapi.UpdateUserResponseObject, error) {
	id := identityFrom(ctx)
	u, err := s.findUser(ctx, s.store.Reader, r.Id)
	if err != nil {
		return nil, err
	}
	var errs []error
	if r.Body.Role != nil {
		errs = append(errs, checkRole(*r.Body.Role))
	}
	if r.Body.Password != nil {
		errs = append(errs, password.Check(u.Name, *r.Body.Password))
	}
	if err := invalid(errors.Join(errs...)); err != nil {
		return nil, err
	}
	hash := ""
	if r.Body.Password != nil {
		if hash, err = s.passwords.Hash(ctx, *r.Body.Password); err != nil {
			return nil, err
		}
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		if u, err = s.findUser(ctx, tx.Reader, r.Id); err != nil {
			return err
		}
		before := auditUser{Name: u.Name, Role: u.Role, Disabled: u.Disabled}
		if r.Body.Role != nil {
			u.Role = string(*r.Body.Role)
		}
		if r.Body.Disabled != nil {
			u.Disabled = *r.Body.Disabled
		}
		after := auditUser{Name: u.Name, Role: u.Role, Disabled: u.Disabled}
		if hash != "" {
			u.Password, after.Password = hash, "changed"
		}
		if before == after {
			return nil
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		if err := keepAdmin(ctx, tx); err != nil {
			return err
		}
		if u.Disabled || hash != "" {
			keep := "" // the session in use, when one changes one's own password
			if !u.Disabled && u.ID == id.user.ID && id.cookie != "" {
				keep = digest(id.cookie)
			}
			if err := tx.DeleteSessions(ctx, u.ID, keep); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, id.actor(), record{verb: "update", object: "user", id: u.ID, name: u.Name, before: before, after: after})
	})
	if err != nil {
		return nil, err
	}
	s.streams.check()
	return usersapi.UpdateUser200JSONResponse(apiUser(u)), nil
}

// DeleteUser implements the generated server interface.
func (s server) DeleteUser(ctx context.Context, r usersapi.DeleteUserRequestObject) (usersapi.DeleteUserResponseObject, error) {
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		u, err := s.findUser(ctx, tx.Reader, r.Id)
		if err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		if err := keepAdmin(ctx, tx); err != nil {
			return err
		}
		return s.audit(ctx, tx, identityFrom(ctx).actor(), record{
			verb: "delete", object: "user", id: u.ID, name: u.Name, before: auditUser{Name: u.Name, Role: u.Role, Disabled: u.Disabled},
		})
	})
	if err != nil {
		return nil, err
	}
	s.streams.check()
	return usersapi.DeleteUser204Response{}, nil
}

func (m *Manager) findUser(ctx context.Context, r store.Reader, id string) (store.User, error) {
	u, err := r.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("user", id)
	}
	return u, err
}

// keepAdmin refuses a change after which nobody could undo it.
func keepAdmin(ctx context.Context, tx *store.Tx) error {
	users, err := tx.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if Role(u.Role) == Admin && !u.Disabled {
			return nil
		}
	}
	return conflict("this is the last administrator who can log in; make another one first")
}

// ListTokens implements the generated server interface.
func (s server) ListTokens(ctx context.Context, r usersapi.ListTokensRequestObject) (usersapi.ListTokensResponseObject, error) {
	id := identityFrom(ctx)
	owner := id.user.ID
	if may(id.role, Admin) {
		owner = ""
	}
	tokens, err := s.store.Tokens(ctx, owner)
	if err != nil {
		return nil, err
	}
	key := func(t store.Token) string { return keyed(descending(t.Created.UnixMilli()), t.ID) }
	page, link, err := paged(ctx, tokens, key, r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	users, err := s.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name
	}
	out := make([]apigen.Token, len(page))
	for i, t := range page {
		out[i] = apiToken(t, names[t.UserID])
	}
	return usersapi.ListTokens200JSONResponse{Body: out, Headers: usersapi.ListTokens200ResponseHeaders{Link: link}}, nil
}

func apiToken(t store.Token, owner string) apigen.Token {
	return apigen.Token{
		Id: t.ID, Name: t.Name, Role: Role(t.Role), User: owner,
		Created: t.Created, Expires: optional(t.Expires), LastUsed: optional(t.LastUsed),
	}
}

// maxTokens is how many API tokens a user may have.
const maxTokens = 100

// CreateToken implements the generated server interface.
func (s server) CreateToken(ctx context.Context, r usersapi.CreateTokenRequestObject) (usersapi.CreateTokenResponseObject, error) {
	id := identityFrom(ctx)
	if id.cookie == "" {
		// Otherwise whoever holds a token for a day could keep it for ever.
		return nil, fail(http.StatusForbidden, apigen.Forbidden, "an API token cannot make another one; log in")
	}
	now := s.now()
	var errs []error
	if name := strings.TrimSpace(r.Body.Name); name == "" || len(name) > 100 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		errs = append(errs, errors.New("name: want 1 to 100 bytes without control characters"))
	}
	if err := checkRole(r.Body.Role); err != nil {
		errs = append(errs, err)
	} else if !may(id.role, r.Body.Role) {
		errs = append(errs, fmt.Errorf("role %q: is more than your own, %s", r.Body.Role, id.role))
	}
	if r.Body.Expires != nil && !r.Body.Expires.After(now) {
		errs = append(errs, errors.New("expires: is in the past"))
	}
	if err := invalid(errors.Join(errs...)); err != nil {
		return nil, err
	}
	secret := tokenPrefix + newSecret()
	t := store.Token{ID: newID(), Hash: digest(secret), UserID: id.user.ID, Name: r.Body.Name, Role: string(r.Body.Role), Created: now, Expires: value(r.Body.Expires).UTC().Truncate(time.Millisecond)}
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		has, err := tx.Tokens(ctx, id.user.ID)
		if err != nil {
			return err
		}
		if len(has) >= maxTokens {
			return conflict("you have %d API tokens already; delete one first", len(has))
		}
		if err := tx.CreateToken(ctx, t); err != nil {
			return err
		}
		return s.audit(ctx, tx, id.actor(), record{verb: "create", object: "token", id: t.ID, name: t.Name, after: apiToken(t, id.user.Name)})
	})
	if err != nil {
		return nil, err
	}
	return usersapi.CreateToken201JSONResponse{Token: apiToken(t, id.user.Name), Secret: secret}, nil
}

// DeleteToken implements the generated server interface.
func (s server) DeleteToken(ctx context.Context, r usersapi.DeleteTokenRequestObject) (usersapi.DeleteTokenResponseObject, error) {
	id := identityFrom(ctx)
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.Token(ctx, r.Id)
		// Somebody else's token looks like none.
		if errors.Is(err, store.ErrNotFound) || err == nil && t.UserID != id.user.ID && !may(id.role, Admin) {
			return notFound("token", r.Id)
		}
		if err != nil {
			return err
		}
		if err := tx.DeleteToken(ctx, t.ID); err != nil {
			return err
		}
		owner, err := tx.User(ctx, t.UserID)
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, id.actor(), record{verb: "delete", object: "token", id: t.ID, name: t.Name, before: apiToken(t, owner.Name)})
	})
	if err != nil {
		return nil, err
	}
	s.streams.check()
	return usersapi.DeleteToken204Response{}, nil
}
