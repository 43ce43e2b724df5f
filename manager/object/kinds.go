package object

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// object describes one kind of object, so that creating, replacing and deleting are
// written once.
type kind[T interface{ Validate() error }] struct {
	kind store.Kind
	// fields returns pointers to what every object has.
	fields func(*T) (id *string, revision *int64)
	name   func(T) string
	// parent checks that the object hangs on something that exists.
	parent func(context.Context, *store.Tx, T) error
	// children checks before a deletion that nothing hangs on it, or deletes it.
	children func(context.Context, *Objects, *store.Tx, store.Actor, T) error
	get      func(store.Reader, context.Context, string) (T, error)
	create   func(*store.Tx, context.Context, T) (T, error)
	update   func(*store.Tx, context.Context, T) (T, error)
}

var sites = kind[asset.Site]{
	kind:   store.Sites,
	fields: func(s *asset.Site) (*string, *int64) { return &s.ID, &s.Revision },
	name:   func(s asset.Site) string { return s.Name },
	parent: func(context.Context, *store.Tx, asset.Site) error { return nil },
	children: func(ctx context.Context, _ *Objects, tx *store.Tx, _ store.Actor, s asset.Site) error {
		groups, err := tx.ServerGroups(ctx, s.ID)
		if err == nil && len(groups) > 0 {
			err = web.Conflict("site %q has %d server groups; delete or move them first", s.Name, len(groups))
		}
		return err
	},
	get: store.Reader.Site, create: (*store.Tx).CreateSite, update: (*store.Tx).UpdateSite,
}

var serverGroups = kind[asset.ServerGroup]{
	kind:   store.ServerGroups,
	fields: func(g *asset.ServerGroup) (*string, *int64) { return &g.ID, &g.Revision },
	name:   func(g asset.ServerGroup) string { return g.Name },
	parent: func(ctx context.Context, tx *store.Tx, g asset.ServerGroup) error {
		_, err := tx.Site(ctx, g.SiteID)
		return missingParent(err, "site_id", g.SiteID)
	},
	children: func(ctx context.Context, _ *Objects, tx *store.Tx, _ store.Actor, g asset.ServerGroup) error {
		services, err := tx.Services(ctx, g.ID)
		if err == nil && len(services) > 0 {
			err = web.Conflict("server group %q has %d services; delete or move them first", g.Name, len(services))
		}
		return err
	},
	get: store.Reader.ServerGroup, create: (*store.Tx).CreateServerGroup, update: (*store.Tx).UpdateServerGroup,
}

var services = kind[asset.Service]{
	kind:   store.Services,
	fields: func(s *asset.Service) (*string, *int64) { return &s.ID, &s.Revision },
	name:   func(s asset.Service) string { return s.Name },
	parent: func(ctx context.Context, tx *store.Tx, s asset.Service) error {
		_, err := tx.ServerGroup(ctx, s.ServerGroupID)
		return missingParent(err, "server_group_id", s.ServerGroupID)
	},
	children: func(ctx context.Context, o *Objects, tx *store.Tx, by store.Actor, s asset.Service) error {
		list, err := tx.Routes(ctx, s.ID)
		for _, r := range list {
			err = errors.Join(err, routes.remove(ctx, o, tx, by, r.ID))
		}
		if err != nil {
			return err
		}
		xs, err := tx.Exceptions(ctx, s.ID)
		for _, x := range xs {
			err = errors.Join(err, exceptions.remove(ctx, o, tx, by, x.ID))
		}
		return errors.Join(err, tx.DeleteServiceActions(ctx, s.ID))
	},
	get: store.Reader.Service, create: (*store.Tx).CreateService, update: (*store.Tx).UpdateService,
}

var routes = kind[asset.Route]{
	kind:   store.Routes,
	fields: func(r *asset.Route) (*string, *int64) { return &r.ID, &r.Revision },
	name:   func(r asset.Route) string { return r.Host + r.PathPrefix },
	parent: func(ctx context.Context, tx *store.Tx, r asset.Route) error {
		_, err := tx.Service(ctx, r.ServiceID)
		return missingParent(err, "service_id", r.ServiceID)
	},
	children: func(context.Context, *Objects, *store.Tx, store.Actor, asset.Route) error { return nil },
	get:      store.Reader.Route, create: (*store.Tx).CreateRoute, update: (*store.Tx).UpdateRoute,
}

func missingParent(err error, field, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return web.Invalid(fmt.Errorf("%s: %q does not exist", field, id))
	}
	return err
}

// add writes a new object under the id that it carries.
func (k kind[T]) add(ctx context.Context, o *Objects, tx *store.Tx, by store.Actor, v T) (T, error) {
	if err := v.Validate(); err != nil {
		return v, web.Invalid(err)
	}
	if err := k.parent(ctx, tx, v); err != nil {
		return v, err
	}
	v, err := k.create(tx, ctx, v)
	if err != nil {
		return v, k.taken(err, v)
	}
	id, _ := k.fields(&v)
	return v, tx.Record(ctx, store.Change{Time: o.now(), By: by, Verb: "create", Object: string(k.kind), ID: *id, Name: k.name(v), After: v})
}

// replace writes v over what is stored under its id.
func (k kind[T]) replace(ctx context.Context, o *Objects, tx *store.Tx, by store.Actor, verb string, v T) (T, error) {
	id, _ := k.fields(&v)
	before, err := k.find(ctx, tx.Reader, *id)
	if err != nil {
		return v, err
	}
	if err := v.Validate(); err != nil {
		return v, web.Invalid(err)
	}
	if err := k.parent(ctx, tx, v); err != nil {
		return v, err
	}
	if v, err = k.update(tx, ctx, v); err != nil {
		return v, k.taken(err, v)
	}
	return v, tx.Record(ctx, store.Change{
		Time: o.now(), By: by, Verb: verb, Object: string(k.kind), ID: *id, Name: k.name(v), Before: before, After: v,
	})
}

// remove deletes the object with its children where it may.
func (k kind[T]) remove(ctx context.Context, o *Objects, tx *store.Tx, by store.Actor, id string) error {
	before, err := k.find(ctx, tx.Reader, id)
	if err != nil {
		return err
	}
	if err := k.children(ctx, o, tx, by, before); err != nil {
		return err
	}
	if err := tx.Delete(ctx, k.kind, id); err != nil {
		return err
	}
	return tx.Record(ctx, store.Change{
		Time: o.now(), By: by, Verb: "delete", Object: string(k.kind), ID: id, Name: k.name(before), Before: before,
	})
}

func (k kind[T]) find(ctx context.Context, r store.Reader, id string) (T, error) {
	v, err := k.get(r, ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = web.NotFound(k.words(), id)
	}
	return v, err
}

func (k kind[T]) taken(err error, v T) error {
	if errors.Is(err, store.ErrTaken) {
		return web.Invalid(fmt.Errorf("name: there is a %s %q already", k.words(), k.name(v)))
	}
	return err
}

func (k kind[T]) words() string {
	if k.kind == store.ServerGroups {
		return "server group"
	}
	return string(k.kind)
}

// created, replaced and deleted are add, replace and remove as one change asked for
// by the API.
func (k kind[T]) created(ctx context.Context, o *Objects, v T) (T, error) {
	id, _ := k.fields(&v)
	*id = store.NewID() // whatever the client says
	var out T
	err := o.change(ctx, func(tx *store.Tx) (err error) {
		out, err = k.add(ctx, o, tx, web.IdentityFrom(ctx).Actor(), v)
		return err
	})
	return out, err
}

func (k kind[T]) replaced(ctx context.Context, o *Objects, id string, v T) (T, error) {
	has, _ := k.fields(&v)
	if *has != "" && *has != id {
		return v, web.BadRequest("id: the path says %q, the body %q", id, *has)
	}
	*has = id
	var out T
	err := o.change(ctx, func(tx *store.Tx) (err error) {
		out, err = k.replace(ctx, o, tx, web.IdentityFrom(ctx).Actor(), "update", v)
		return err
	})
	return out, err
}

func (k kind[T]) deleted(ctx context.Context, o *Objects, id string) error {
	return o.change(ctx, func(tx *store.Tx) error {
		return k.remove(ctx, o, tx, web.IdentityFrom(ctx).Actor(), id)
	})
}
