package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/usersapi"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// ListTokens implements the generated server interface.
func (c server) ListTokens(ctx context.Context, r usersapi.ListTokensRequestObject) (usersapi.ListTokensResponseObject, error) {
	id := web.IdentityFrom(ctx)
	owner := id.User.ID
	if web.May(id.Role, web.Admin) {
		owner = ""
	}
	tokens, err := c.store.Tokens(ctx, owner)
	if err != nil {
		return nil, err
	}
	key := func(t store.Token) string { return web.Key(web.Descending(t.Created.UnixMilli()), t.ID) }
	page, link, err := web.Paged(ctx, tokens, key, r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	users, err := c.store.Users(ctx)
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
		Id: t.ID, Name: t.Name, Role: web.Role(t.Role), User: owner,
		Created: t.Created, Expires: web.Optional(t.Expires), LastUsed: web.Optional(t.LastUsed),
	}
}

// maxTokens is how many API tokens a user may have.
const maxTokens = 100

// CreateToken implements the generated server interface.
func (c server) CreateToken(ctx context.Context, r usersapi.CreateTokenRequestObject) (usersapi.CreateTokenResponseObject, error) {
	id := web.IdentityFrom(ctx)
	if id.Cookie == "" {
		// Otherwise whoever holds a token for a day could keep it for ever.
		return nil, web.Fail(http.StatusForbidden, apigen.Forbidden, "an API token cannot make another one; log in")
	}
	now := c.now()
	var errs []error
	control := func(c rune) bool { return c < ' ' || c == 0x7f }
	if name := strings.TrimSpace(r.Body.Name); name == "" || len(name) > 100 || strings.ContainsFunc(name, control) {
		errs = append(errs, errors.New("name: want 1 to 100 bytes without control characters"))
	}
	if err := validRole(r.Body.Role); err != nil {
		errs = append(errs, err)
	} else if !web.May(id.Role, r.Body.Role) {
		errs = append(errs, fmt.Errorf("role %q: is more than your own, %s", r.Body.Role, id.Role))
	}
	if r.Body.Expires != nil && !r.Body.Expires.After(now) {
		errs = append(errs, errors.New("expires: is in the past"))
	}
	if err := web.Invalid(errors.Join(errs...)); err != nil {
		return nil, err
	}
	secret := tokenPrefix + newSecret()
	t := store.Token{
		ID: store.NewID(), Hash: digest(secret), UserID: id.User.ID, Name: r.Body.Name, Role: string(r.Body.Role), Created: now,
		Expires: web.Deref(r.Body.Expires).UTC().Truncate(time.Millisecond),
	}
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		has, err := tx.Tokens(ctx, id.User.ID)
		if err != nil {
			return err
		}
		if len(has) >= maxTokens {
			return web.Conflict("you have %d API tokens already; delete one first", len(has))
		}
		if err := tx.CreateToken(ctx, t); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: now, By: id.Actor(), Verb: "create", Object: "token", ID: t.ID, Name: t.Name, After: apiToken(t, id.User.Name),
		})
	})
	if err != nil {
		return nil, err
	}
	return usersapi.CreateToken201JSONResponse{Token: apiToken(t, id.User.Name), Secret: secret}, nil
}

// DeleteToken implements the generated server interface.
func (c server) DeleteToken(ctx context.Context, r usersapi.DeleteTokenRequestObject) (usersapi.DeleteTokenResponseObject, error) {
	id := web.IdentityFrom(ctx)
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.Token(ctx, r.Id)
		// Somebody else's token looks like none.
		if errors.Is(err, store.ErrNotFound) || err == nil && t.UserID != id.User.ID && !web.May(id.Role, web.Admin) {
			return web.NotFound("token", r.Id)
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
		if err := tx.LoseRights(ctx); err != nil {
			return err
		}
		return tx.Record(ctx, store.Change{
			Time: c.now(), By: id.Actor(), Verb: "delete", Object: "token", ID: t.ID, Name: t.Name, Before: apiToken(t, owner.Name),
		})
	})
	if err != nil {
		return nil, err
	}
	c.lost()
	return usersapi.DeleteToken204Response{}, nil
}
