package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/sitesapi"
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

// add writes a new object under the id that it carries.
func (o object[T]) add(ctx context.Context, m *Manager, tx *store.Tx, by actor, v T) (T, error) {
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
	*id = newID() // whatever the client says
	var out T
	err := m.change(ctx, func(tx *store.Tx) (err error) {
		out, err = o.add(ctx, m, tx, identityFrom(ctx).actor(), v)
		return err
	})
	return out, err
}

func (o object[T]) replaced(ctx context.Context, m *Manager, id string, v T) (T, error) {
	has, _ := o.fields(&v)
	if *has != "" && *has != id {
		return v, badRequest("id: the path says %q, the body %q", id, *has)
	}
	*has = id
	var out T
	err := m.change(ctx, func(tx *store.Tx) (err error) {
		out, err = o.replace(ctx, m, tx, identityFrom(ctx).actor(), "update", v)
		return err
	})
	return out, err
}

func (o object[T]) deleted(ctx context.Context, m *Manager, id string) error {
	return m.change(ctx, func(tx *store.Tx) error {
		return o.remove(ctx, m, tx, identityFrom(ctx).actor(), id)
	})
}

// What follows implements the generated server interface.

func (s server) ListSites(ctx context.Context, r sitesapi.ListSitesRequestObject) (sitesapi.ListSitesResponseObject, error) {
	list, err := s.store.Sites(ctx)
	if err != nil {
		return nil, err
	}
	page, link, err := paged(ctx, list, func(v asset.Site) string { return keyed(v.Name, v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListSites200JSONResponse{Body: page, Headers: sitesapi.ListSites200ResponseHeaders{Link: link}}, err
}

func (s server) CreateSite(ctx context.Context, r sitesapi.CreateSiteRequestObject) (sitesapi.CreateSiteResponseObject, error) {
	v, err := sites.created(ctx, s.Manager, *r.Body)
	return sitesapi.CreateSite201JSONResponse(v), err
}

func (s server) GetSite(ctx context.Context, r sitesapi.GetSiteRequestObject) (sitesapi.GetSiteResponseObject, error) {
	v, err := sites.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetSite200JSONResponse(v), err
}

func (s server) UpdateSite(ctx context.Context, r sitesapi.UpdateSiteRequestObject) (sitesapi.UpdateSiteResponseObject, error) {
	v, err := sites.replaced(ctx, s.Manager, r.Id, *r.Body)
	return sitesapi.UpdateSite200JSONResponse(v), err
}

func (s server) DeleteSite(ctx context.Context, r sitesapi.DeleteSiteRequestObject) (sitesapi.DeleteSiteResponseObject, error) {
	return sitesapi.DeleteSite204Response{}, sites.deleted(ctx, s.Manager, r.Id)
}

func (s server) ListServerGroups(ctx context.Context, r sitesapi.ListServerGroupsRequestObject) (sitesapi.ListServerGroupsResponseObject, error) {
	list, err := s.store.ServerGroups(ctx, value(r.Params.SiteId))
	if err != nil {
		return nil, err
	}
	page, link, err := paged(ctx, list, func(v asset.ServerGroup) string { return keyed(v.Name, v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListServerGroups200JSONResponse{Body: page, Headers: sitesapi.ListServerGroups200ResponseHeaders{Link: link}}, err
}

func (s server) CreateServerGroup(ctx context.Context, r sitesapi.CreateServerGroupRequestObject) (sitesapi.CreateServerGroupResponseObject, error) {
	v, err := serverGroups.created(ctx, s.Manager, *r.Body)
	return sitesapi.CreateServerGroup201JSONResponse(v), err
}

func (s server) GetServerGroup(ctx context.Context, r sitesapi.GetServerGroupRequestObject) (sitesapi.GetServerGroupResponseObject, error) {
	v, err := serverGroups.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetServerGroup200JSONResponse(v), err
}

func (s server) UpdateServerGroup(ctx context.Context, r sitesapi.UpdateServerGroupRequestObject) (sitesapi.UpdateServerGroupResponseObject, error) {
	v, err := serverGroups.replaced(ctx, s.Manager, r.Id, *r.Body)
	return sitesapi.UpdateServerGroup200JSONResponse(v), err
}

func (s server) DeleteServerGroup(ctx context.Context, r sitesapi.DeleteServerGroupRequestObject) (sitesapi.DeleteServerGroupResponseObject, error) {
	return sitesapi.DeleteServerGroup204Response{}, serverGroups.deleted(ctx, s.Manager, r.Id)
}

// errSame ends a transaction in which there was nothing to change.
var errSame = errors.New("nothing to change")

func (s server) SetMode(ctx context.Context, r sitesapi.SetModeRequestObject) (sitesapi.SetModeResponseObject, error) {
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
	return sitesapi.SetMode200JSONResponse(g), err
}

func (s server) ListServices(ctx context.Context, r sitesapi.ListServicesRequestObject) (sitesapi.ListServicesResponseObject, error) {
	list, err := s.store.Services(ctx, value(r.Params.ServerGroupId))
	if err != nil {
		return nil, err
	}
	page, link, err := paged(ctx, list, func(v asset.Service) string { return keyed(v.Name, v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListServices200JSONResponse{Body: page, Headers: sitesapi.ListServices200ResponseHeaders{Link: link}}, err
}

func (s server) CreateService(ctx context.Context, r sitesapi.CreateServiceRequestObject) (sitesapi.CreateServiceResponseObject, error) {
	v, err := services.created(ctx, s.Manager, tidy(*r.Body))
	return sitesapi.CreateService201JSONResponse(v), err
}

func (s server) GetService(ctx context.Context, r sitesapi.GetServiceRequestObject) (sitesapi.GetServiceResponseObject, error) {
	v, err := services.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetService200JSONResponse(v), err
}

func (s server) UpdateService(ctx context.Context, r sitesapi.UpdateServiceRequestObject) (sitesapi.UpdateServiceResponseObject, error) {
	v, err := services.replaced(ctx, s.Manager, r.Id, tidy(*r.Body))
	return sitesapi.UpdateService200JSONResponse(v), err
}

func (s server) DeleteService(ctx context.Context, r sitesapi.DeleteServiceRequestObject) (sitesapi.DeleteServiceResponseObject, error) {
	return sitesapi.DeleteService204Response{}, services.deleted(ctx, s.Manager, r.Id)
}

// tidy makes an absent list an empty one, as it is when read again.
func tidy(s asset.Service) asset.Service {
	if s.TrustedProxies == nil {
		s.TrustedProxies = []string{}
	}
	return s
}

func (s server) SendTestAttack(ctx context.Context, r sitesapi.SendTestAttackRequestObject) (sitesapi.SendTestAttackResponseObject, error) {
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
	return sitesapi.SendTestAttack200JSONResponse{Id: id, Status: status}, err
}

func (s server) ListRoutes(ctx context.Context, r sitesapi.ListRoutesRequestObject) (sitesapi.ListRoutesResponseObject, error) {
	list, err := s.store.Routes(ctx, value(r.Params.ServiceId))
	if err != nil {
		return nil, err
	}
	page, link, err := paged(ctx, list, func(v asset.Route) string { return keyed(ascending(int64(v.Priority)), v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListRoutes200JSONResponse{Body: page, Headers: sitesapi.ListRoutes200ResponseHeaders{Link: link}}, err
}

func (s server) CreateRoute(ctx context.Context, r sitesapi.CreateRouteRequestObject) (sitesapi.CreateRouteResponseObject, error) {
	v, err := routes.created(ctx, s.Manager, *r.Body)
	return sitesapi.CreateRoute201JSONResponse(v), err
}

func (s server) GetRoute(ctx context.Context, r sitesapi.GetRouteRequestObject) (sitesapi.GetRouteResponseObject, error) {
	v, err := routes.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetRoute200JSONResponse(v), err
}

func (s server) UpdateRoute(ctx context.Context, r sitesapi.UpdateRouteRequestObject) (sitesapi.UpdateRouteResponseObject, error) {
	v, err := routes.replaced(ctx, s.Manager, r.Id, *r.Body)
	return sitesapi.UpdateRoute200JSONResponse(v), err
}

func (s server) DeleteRoute(ctx context.Context, r sitesapi.DeleteRouteRequestObject) (sitesapi.DeleteRouteResponseObject, error) {
	return sitesapi.DeleteRoute204Response{}, routes.deleted(ctx, s.Manager, r.Id)
}
