package access

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/usersapi"
	"github.com/ringwall/ringwall/manager/access/internal/password"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

var userName = regexp.MustCompile(`^[a-zA-Z0-9._@-]{1,64}$`)

func apiUser(u store.User) apigen.User {
	return apigen.User{
		Id: u.ID, Name: u.Name, Role: web.Role(u.Role), Disabled: u.Disabled, Created: u.Created, LastLogin: web.Optional(u.LastLogin),
	}
}

// auditUser is a user as the audit trail shows it.
type auditUser struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Disabled bool   `json:"disabled"`
	// Password says that it was changed, not what it is.
	Password string `json:"password,omitempty"`
}

func validRole(r web.Role) error {
	if !web.Known(r) {
		return fmt.Errorf("role %q: must be admin, operator or viewer", r)
	}
	return nil
}

// ListUsers implements the generated server interface.
func (c server) ListUsers(ctx context.Context, r usersapi.ListUsersRequestObject) (usersapi.ListUsersResponseObject, error) {
	users, err := c.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	page, link, err := web.Paged(ctx, users, func(u store.User) string { return strings.ToLower(u.Name) }, r.Params.Limit, r.Params.Cursor)
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
func (c server) CreateUser(ctx context.Context, r usersapi.CreateUserRequestObject) (usersapi.CreateUserResponseObject, error) {
	u, err := c.createUser(ctx, web.IdentityFrom(ctx).Actor(), r.Body.Name, r.Body.Password, r.Body.Role)
	return usersapi.CreateUser201JSONResponse(apiUser(u)), err
}

func (c *Control) createUser(ctx context.Context, by store.Actor, name, pass string, role web.Role) (store.User, error) {
	var problem error
	if !userName.MatchString(name) {
		problem = errors.New("name: want 1 to 64 of a-z, A-Z, 0-9, and . _ - @")
	}
	if err := errors.Join(problem, password.Check(name, pass), validRole(role)); err != nil {
		return store.User{}, web.Invalid(err)
	}
	hash, err := c.hash(ctx, pass)
	if err != nil {
		return store.User{}, err
	}
	u := store.User{ID: store.NewID(), Name: name, Role: string(role), Password: hash, Created: c.now()}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateUser(ctx, u); err != nil {
			if errors.Is(err, store.ErrTaken) {
				err = web.Invalid(fmt.Errorf("name: there is a user %q already", name))
			}
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: c.now(), By: by, Verb: "create", Object: "user", ID: u.ID, Name: u.Name, After: auditUser{Name: u.Name, Role: u.Role},
		})
	})
	return u, err
}

// UpdateUser implements the generated server interface.
func (c server) UpdateUser(ctx context.Context, r usersapi.UpdateUserRequestObject) (usersapi.UpdateUserResponseObject, error) {
	id := web.IdentityFrom(ctx)
	u, err := c.findUser(ctx, c.store.Reader, r.Id)
	if err != nil {
		return nil, err
	}
	var errs []error
	if r.Body.Role != nil {
		errs = append(errs, validRole(*r.Body.Role))
	}
	if r.Body.Password != nil {
		errs = append(errs, password.Check(u.Name, *r.Body.Password))
	}
	if err := web.Invalid(errors.Join(errs...)); err != nil {
		return nil, err
	}
	hash := ""
	if r.Body.Password != nil {
		if hash, err = c.hash(ctx, *r.Body.Password); err != nil {
			return nil, err
		}
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		if u, err = c.findUser(ctx, tx.Reader, r.Id); err != nil {
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
			if !u.Disabled && u.ID == id.User.ID && id.Cookie != "" {
				keep = digest(id.Cookie)
			}
			if err := tx.DeleteSessions(ctx, u.ID, keep); err != nil {
				return err
			}
		}
		if err := tx.LoseRights(ctx); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: c.now(), By: id.Actor(), Verb: "update", Object: "user", ID: u.ID, Name: u.Name, Before: before, After: after,
		})
	})
	if err != nil {
		return nil, err
	}
	c.lost()
	return usersapi.UpdateUser200JSONResponse(apiUser(u)), nil
}

// DeleteUser implements the generated server interface.
func (c server) DeleteUser(ctx context.Context, r usersapi.DeleteUserRequestObject) (usersapi.DeleteUserResponseObject, error) {
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		u, err := c.findUser(ctx, tx.Reader, r.Id)
		if err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		if err := keepAdmin(ctx, tx); err != nil {
			return err
		}
		if err := tx.LoseRights(ctx); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: c.now(), By: web.IdentityFrom(ctx).Actor(), Verb: "delete", Object: "user", ID: u.ID, Name: u.Name,
			Before: auditUser{Name: u.Name, Role: u.Role, Disabled: u.Disabled},
		})
	})
	if err != nil {
		return nil, err
	}
	c.lost()
	return usersapi.DeleteUser204Response{}, nil
}

func (c *Control) findUser(ctx context.Context, r store.Reader, id string) (store.User, error) {
	u, err := r.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = web.NotFound("user", id)
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
		if web.Role(u.Role) == web.Admin && !u.Disabled {
			return nil
		}
	}
	return web.Conflict("this is the last administrator who can log in; make another one first")
}
