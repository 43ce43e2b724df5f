package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
)

// object describes one kind of object, so that creating, replacing and deleting are
// written once.
type object[T interface{ Validate() error }] struct {
	kind store.Kind
	// fields returns pointers to what every object has.
	fields func(*T) (id *string, revision *int64)
	name   func(T) string
	// parent checks that the object hangs on something that exists.
	parent func(context.Context, *store.Tx, T) error
	// children checks before a deletion that nothing hangs on it, or deletes it.
	children func(context.Context, *Manager, *store.Tx, actor, T) error
	get      func(store.Reader, context.Context, string) (T, error)
	create   func(*store.Tx, context.Context, T) (T, error)
	update   func(*store.Tx, context.Context, T) (T, error)
}

var sites = object[asset.Site]{
	kind:   store.Sites,
	fields: func(s *asset.Site) (*string, *int64) { return &s.ID, &s.Revision },
	name:   func(s asset.Site) string { return s.Name },
	parent: func(context.Context, *store.Tx, asset.Site) error { return nil },
	children: func(ctx context.Context, _ *Manager, tx *store.Tx, _ actor, s asset.Site) error {
		groups, err := tx.ServerGroups(ctx, s.ID)
		if err == nil && len(groups) > 0 {
			err = conflict("site %q has %d server groups; delete or move them first", s.Name, len(groups))
		}
		return err
	},
	get: store.Reader.Site, create: (*store.Tx).CreateSite, update: (*store.Tx).UpdateSite,
}

var serverGroups = object[asset.ServerGroup]{
	kind:   store.ServerGroups,
	fields: func(g *asset.ServerGroup) (*string, *int64) { return &g.ID, &g.Revision },
	name:   func(g asset.ServerGroup) string { return g.Name },
	parent: func(ctx context.Context, tx *store.Tx, g asset.ServerGroup) error {
		_, err := tx.Site(ctx, g.SiteID)
		return missingParent(err, "site_id", g.SiteID)
	},
	children: func(ctx context.Context, _ *Manager, tx *store.Tx, _ actor, g asset.ServerGroup) error {
		services, err := tx.Services(ctx, g.ID)
		if err == nil && len(services) > 0 {
			err = conflict("server group %q has %d services; delete or move them first", g.Name, len(services))
		}
		return err
	},
	get: store.Reader.ServerGroup, create: (*store.Tx).CreateServerGroup, update: (*store.Tx).UpdateServerGroup,
}

var services = object[asset.Service]{
	kind:   store.Services,
	fields: func(s *asset.Service) (*string, *int64) { return &s.ID, &s.Revision },
	name:   func(s asset.Service) string { return s.Name },
	parent: func(ctx context.Context, tx *store.Tx, s asset.Service) error {
		_, err := tx.ServerGroup(ctx, s.ServerGroupID)
		return missingParent(err, "server_group_id", s.ServerGroupID)
	},
	children: func(ctx context.Context, m *Manager, tx *store.Tx, by actor, s asset.Service) error {
		list, err := tx.Routes(ctx, s.ID)
		for _, r := range list {
			err = errors.Join(err, routes.remove(ctx, m, tx, by, r.ID))
		}
		if err != nil {
			return err
		}
		xs, err := tx.Exceptions(ctx, s.ID)
		for _, x := range xs {
			err = errors.Join(err, exceptions.remove(ctx, m, tx, by, x.ID))
		}
		return errors.Join(err, tx.DeleteServiceActions(ctx, s.ID))
	},
	get: store.Reader.Service, create: (*store.Tx).CreateService, update: (*store.Tx).UpdateService,
}

var routes = object[asset.Route]{
	kind:   store.Routes,
	fields: func(r *asset.Route) (*string, *int64) { return &r.ID, &r.Revision },
	name:   func(r asset.Route) string { return r.Host + r.PathPrefix },
	parent: func(ctx context.Context, tx *store.Tx, r asset.Route) error {
		_, err := tx.Service(ctx, r.ServiceID)
		return missingParent(err, "service_id", r.ServiceID)
	},
	children: func(context.Context, *Manager, *store.Tx, actor, asset.Route) error { return nil },
	get:      store.Reader.Route, create: (*store.Tx).CreateRoute, update: (*store.Tx).UpdateRoute,
}

func missingParent(err error, field, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return invalid(fmt.Errorf("%s: %q does not exist", field, id))
	}
	return err
}

// add writes a new object under the id that it carries, or a random one.
func (o object[T]) add(ctx context.Context, m *Manager, tx *store.Tx, by actor, v T) (T, error) {
	if id, _ := o.fields(&v); *id == "" {
		*id = newID()
	}
	if err := v.Validate(); err != nil {
		return v, invalid(err)
	}
	if err := o.parent(ctx, tx, v); err != nil {
		return v, err
	}
	v, err := o.create(tx, ctx, v)
	if err != nil {
		return v, o.taken(err, v)
	}
	id, _ := o.fields(&v)
	return v, m.audit(ctx, tx, by, record{verb: "create", object: string(o.kind), id: *id, name: o.name(v), after: v})
}

// replace writes v over what is stored under its id.
func (o object[T]) replace(ctx context.Context, m *Manager, tx *store.Tx, by actor, verb string, v T) (T, error) {
	id, _ := o.fields(&v)
	before, err := o.find(ctx, tx.Reader, *id)
	if err != nil {
		return v, err
	}
	if err := v.Validate(); err != nil {
		return v, invalid(err)
	}
	if err := o.parent(ctx, tx, v); err != nil {
		return v, err
	}
	if v, err = o.update(tx, ctx, v); err != nil {
		return v, o.taken(err, v)
	}
	return v, m.audit(ctx, tx, by, record{verb: verb, object: string(o.kind), id: *id, name: o.name(v), before: before, after: v})
}

// remove deletes the object with its children where it may.
func (o object[T]) remove(ctx context.Context, m *Manager, tx *store.Tx, by actor, id string) error {
	before, err := o.find(ctx, tx.Reader, id)
	if err != nil {
		return err
	}
	if err := o.children(ctx, m, tx, by, before); err != nil {
		return err
	}
	if err := tx.Delete(ctx, o.kind, id); err != nil {
		return err
	}
	return m.audit(ctx, tx, by, record{verb: "delete", object: string(o.kind), id: id, name: o.name(before), before: before})
}

func (o object[T]) find(ctx context.Context, r store.Reader, id string) (T, error) {
	v, err := o.get(r, ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound(o.words(), id)
	}
	return v, err
}

func (o object[T]) taken(err error, v T) error {
	if errors.Is(err, store.ErrTaken) {
		return invalid(fmt.Errorf("name: there is a %s %q already", o.words(), o.name(v)))
	}
	return err
}

func (o object[T]) words() string {
	if o.kind == store.ServerGroups {
		return "server group"
	}
	return string(o.kind)
}

// created, replaced and deleted are add, replace and remove as one change asked for
// by the API.
func (o object[T]) created(ctx context.Context, m *Manager, v T) (T, error) {
	id, _ := o.fields(&v)
	*id = "" // the manager chooses it
	err := m.change(ctx, func(tx *store.Tx) (err error) {
		v, err = o.add(ctx, m, tx, identityFrom(ctx).actor(), v)
		return err
	})
	return v, err
}

func (o object[T]) replaced(ctx context.Context, m *Manager, id string, v T) (T, error) {
	has, _ := o.fields(&v)
	if *has != "" && *has != id {
		return v, badRequest("id: the path says %q, the body %q", id, *has)
	}
	*has = id
	err := m.change(ctx, func(tx *store.Tx) (err error) {
		v, err = o.replace(ctx, m, tx, identityFrom(ctx).actor(), "update", v)
		return err
	})
	return v, err
}

func (o object[T]) deleted(ctx context.Context, m *Manager, id string) error {
	return m.change(ctx, func(tx *store.Tx) error {
		return o.remove(ctx, m, tx, identityFrom(ctx).actor(), id)
	})
}

// What follows implements apigen.StrictServerInterface.

func (s server) ListSites(ctx context.Context, _ apigen.ListSitesRequestObject) (apigen.ListSitesResponseObject, error) {
	list, err := s.store.Sites(ctx)
	return apigen.ListSites200JSONResponse(list), err
}

func (s server) CreateSite(ctx context.Context, r apigen.CreateSiteRequestObject) (apigen.CreateSiteResponseObject, error) {
	v, err := sites.created(ctx, s.Manager, *r.Body)
	return apigen.CreateSite201JSONResponse(v), err
}

func (s server) GetSite(ctx context.Context, r apigen.GetSiteRequestObject) (apigen.GetSiteResponseObject, error) {
	v, err := sites.find(ctx, s.store.Reader, r.Id)
	return apigen.GetSite200JSONResponse(v), err
}

func (s server) UpdateSite(ctx context.Context, r apigen.UpdateSiteRequestObject) (apigen.UpdateSiteResponseObject, error) {
	v, err := sites.replaced(ctx, s.Manager, r.Id, *r.Body)
	return apigen.UpdateSite200JSONResponse(v), err
}

func (s server) DeleteSite(ctx context.Context, r apigen.DeleteSiteRequestObject) (apigen.DeleteSiteResponseObject, error) {
	return apigen.DeleteSite204Response{}, sites.deleted(ctx, s.Manager, r.Id)
}

func (s server) ListServerGroups(ctx context.Context, r apigen.ListServerGroupsRequestObject) (apigen.ListServerGroupsResponseObject, error) {
	list, err := s.store.ServerGroups(ctx, value(r.Params.SiteId))
	return apigen.ListServerGroups200JSONResponse(list), err
}

func (s server) CreateServerGroup(ctx context.Context, r apigen.CreateServerGroupRequestObject) (apigen.CreateServerGroupResponseObject, error) {
	v, err := serverGroups.created(ctx, s.Manager, *r.Body)
	return apigen.CreateServerGroup201JSONResponse(v), err
}

func (s server) GetServerGroup(ctx context.Context, r apigen.GetServerGroupRequestObject) (apigen.GetServerGroupResponseObject, error) {
	v, err := serverGroups.find(ctx, s.store.Reader, r.Id)
	return apigen.GetServerGroup200JSONResponse(v), err
}

func (s server) UpdateServerGroup(ctx context.Context, r apigen.UpdateServerGroupRequestObject) (apigen.UpdateServerGroupResponseObject, error) {
	v, err := serverGroups.replaced(ctx, s.Manager, r.Id, *r.Body)
	return apigen.UpdateServerGroup200JSONResponse(v), err
}

func (s server) DeleteServerGroup(ctx context.Context, r apigen.DeleteServerGroupRequestObject) (apigen.DeleteServerGroupResponseObject, error) {
	return apigen.DeleteServerGroup204Response{}, serverGroups.deleted(ctx, s.Manager, r.Id)
}

// errSame ends a transaction in which there was nothing to change.
var errSame = errors.New("nothing to change")

func (s server) SetMode(ctx context.Context, r apigen.SetModeRequestObject) (apigen.SetModeResponseObject, error) {
	var g asset.ServerGroup
	err := s.change(ctx, func(tx *store.Tx) (err error) {
		if g, err = serverGroups.find(ctx, tx.Reader, r.Id); err != nil {
			return err
		}
		if g.Mode == r.Body.Mode {
			return errSame
		}
		g.Mode = r.Body.Mode
		g, err = serverGroups.replace(ctx, s.Manager, tx, identityFrom(ctx).actor(), "mode", g)
		return err
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return apigen.SetMode200JSONResponse(g), err
}

func (s server) ListServices(ctx context.Context, r apigen.ListServicesRequestObject) (apigen.ListServicesResponseObject, error) {
	list, err := s.store.Services(ctx, value(r.Params.ServerGroupId))
	return apigen.ListServices200JSONResponse(list), err
}

func (s server) CreateService(ctx context.Context, r apigen.CreateServiceRequestObject) (apigen.CreateServiceResponseObject, error) {
	v, err := services.created(ctx, s.Manager, tidy(*r.Body))
	return apigen.CreateService201JSONResponse(v), err
}

func (s server) GetService(ctx context.Context, r apigen.GetServiceRequestObject) (apigen.GetServiceResponseObject, error) {
	v, err := services.find(ctx, s.store.Reader, r.Id)
	return apigen.GetService200JSONResponse(v), err
}

func (s server) UpdateService(ctx context.Context, r apigen.UpdateServiceRequestObject) (apigen.UpdateServiceResponseObject, error) {
	v, err := services.replaced(ctx, s.Manager, r.Id, tidy(*r.Body))
	return apigen.UpdateService200JSONResponse(v), err
}

func (s server) DeleteService(ctx context.Context, r apigen.DeleteServiceRequestObject) (apigen.DeleteServiceResponseObject, error) {
	return apigen.DeleteService204Response{}, services.deleted(ctx, s.Manager, r.Id)
}

// tidy makes an absent list an empty one, as it is when read again.
func tidy(s asset.Service) asset.Service {
	if s.TrustedProxies == nil {
		s.TrustedProxies = []string{}
	}
	return s
}

func (s server) SendTestAttack(ctx context.Context, r apigen.SendTestAttackRequestObject) (apigen.SendTestAttackResponseObject, error) {
	svc, err := services.find(ctx, s.store.Reader, r.Id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.changeTimeout)
	defer cancel()
	id, status, err := s.gateways.TestAttack(ctx, svc.ID)
	if err != nil {
		return nil, fail(http.StatusServiceUnavailable, apigen.Unavailable, "the test request did not get through the gateway: %v", err)
	}
	by := identityFrom(ctx).actor()
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		return s.audit(ctx, tx, by, record{verb: "test-attack", object: string(store.Services), id: svc.ID, name: svc.Name})
	})
	return apigen.SendTestAttack200JSONResponse{Id: id, Status: status}, err
}

func (s server) ListRoutes(ctx context.Context, r apigen.ListRoutesRequestObject) (apigen.ListRoutesResponseObject, error) {
	list, err := s.store.Routes(ctx, value(r.Params.ServiceId))
	return apigen.ListRoutes200JSONResponse(list), err
}

func (s server) CreateRoute(ctx context.Context, r apigen.CreateRouteRequestObject) (apigen.CreateRouteResponseObject, error) {
	v, err := routes.created(ctx, s.Manager, *r.Body)
	return apigen.CreateRoute201JSONResponse(v), err
}

func (s server) GetRoute(ctx context.Context, r apigen.GetRouteRequestObject) (apigen.GetRouteResponseObject, error) {
	v, err := routes.find(ctx, s.store.Reader, r.Id)
	return apigen.GetRoute200JSONResponse(v), err
}

func (s server) UpdateRoute(ctx context.Context, r apigen.UpdateRouteRequestObject) (apigen.UpdateRouteResponseObject, error) {
	v, err := routes.replaced(ctx, s.Manager, r.Id, *r.Body)
	return apigen.UpdateRoute200JSONResponse(v), err
}

func (s server) DeleteRoute(ctx context.Context, r apigen.DeleteRouteRequestObject) (apigen.DeleteRouteResponseObject, error) {
	return apigen.DeleteRoute204Response{}, routes.deleted(ctx, s.Manager, r.Id)
}
