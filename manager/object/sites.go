package object

import (
	"context"
	"errors"
	"net/http"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/sitesapi"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// What follows implements the generated server interface.

func (s server) ListSites(ctx context.Context, r sitesapi.ListSitesRequestObject) (sitesapi.ListSitesResponseObject, error) {
	list, err := s.store.Sites(ctx)
	if err != nil {
		return nil, err
	}
	page, link, err := web.Paged(ctx, list, func(v asset.Site) string { return web.Key(v.Name, v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListSites200JSONResponse{Body: page, Headers: sitesapi.ListSites200ResponseHeaders{Link: link}}, err
}

func (s server) CreateSite(ctx context.Context, r sitesapi.CreateSiteRequestObject) (sitesapi.CreateSiteResponseObject, error) {
	v, err := sites.created(ctx, s.Objects, *r.Body)
	return sitesapi.CreateSite201JSONResponse(v), err
}

func (s server) GetSite(ctx context.Context, r sitesapi.GetSiteRequestObject) (sitesapi.GetSiteResponseObject, error) {
	v, err := sites.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetSite200JSONResponse(v), err
}

func (s server) UpdateSite(ctx context.Context, r sitesapi.UpdateSiteRequestObject) (sitesapi.UpdateSiteResponseObject, error) {
	v, err := sites.replaced(ctx, s.Objects, r.Id, *r.Body)
	return sitesapi.UpdateSite200JSONResponse(v), err
}

func (s server) DeleteSite(ctx context.Context, r sitesapi.DeleteSiteRequestObject) (sitesapi.DeleteSiteResponseObject, error) {
	return sitesapi.DeleteSite204Response{}, sites.deleted(ctx, s.Objects, r.Id)
}

func (s server) ListServerGroups(
	ctx context.Context, r sitesapi.ListServerGroupsRequestObject,
) (sitesapi.ListServerGroupsResponseObject, error) {
	list, err := s.store.ServerGroups(ctx, web.Deref(r.Params.SiteId))
	if err != nil {
		return nil, err
	}
	page, link, err := web.Paged(ctx, list, func(v asset.ServerGroup) string { return web.Key(v.Name, v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListServerGroups200JSONResponse{Body: page, Headers: sitesapi.ListServerGroups200ResponseHeaders{Link: link}}, err
}

func (s server) CreateServerGroup(
	ctx context.Context, r sitesapi.CreateServerGroupRequestObject,
) (sitesapi.CreateServerGroupResponseObject, error) {
	v, err := serverGroups.created(ctx, s.Objects, *r.Body)
	return sitesapi.CreateServerGroup201JSONResponse(v), err
}

func (s server) GetServerGroup(ctx context.Context, r sitesapi.GetServerGroupRequestObject) (sitesapi.GetServerGroupResponseObject, error) {
	v, err := serverGroups.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetServerGroup200JSONResponse(v), err
}

func (s server) UpdateServerGroup(
	ctx context.Context, r sitesapi.UpdateServerGroupRequestObject,
) (sitesapi.UpdateServerGroupResponseObject, error) {
	v, err := serverGroups.replaced(ctx, s.Objects, r.Id, *r.Body)
	return sitesapi.UpdateServerGroup200JSONResponse(v), err
}

func (s server) DeleteServerGroup(
	ctx context.Context, r sitesapi.DeleteServerGroupRequestObject,
) (sitesapi.DeleteServerGroupResponseObject, error) {
	return sitesapi.DeleteServerGroup204Response{}, serverGroups.deleted(ctx, s.Objects, r.Id)
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
		g, err = serverGroups.replace(ctx, s.Objects, tx, web.IdentityFrom(ctx).Actor(), "mode", g)
		return err
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return sitesapi.SetMode200JSONResponse(g), err
}

func (s server) ListServices(ctx context.Context, r sitesapi.ListServicesRequestObject) (sitesapi.ListServicesResponseObject, error) {
	list, err := s.store.Services(ctx, web.Deref(r.Params.ServerGroupId))
	if err != nil {
		return nil, err
	}
	page, link, err := web.Paged(ctx, list, func(v asset.Service) string { return web.Key(v.Name, v.ID) }, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListServices200JSONResponse{Body: page, Headers: sitesapi.ListServices200ResponseHeaders{Link: link}}, err
}

func (s server) CreateService(ctx context.Context, r sitesapi.CreateServiceRequestObject) (sitesapi.CreateServiceResponseObject, error) {
	v, err := services.created(ctx, s.Objects, tidy(*r.Body))
	return sitesapi.CreateService201JSONResponse(v), err
}

func (s server) GetService(ctx context.Context, r sitesapi.GetServiceRequestObject) (sitesapi.GetServiceResponseObject, error) {
	v, err := services.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetService200JSONResponse(v), err
}

func (s server) UpdateService(ctx context.Context, r sitesapi.UpdateServiceRequestObject) (sitesapi.UpdateServiceResponseObject, error) {
	v, err := services.replaced(ctx, s.Objects, r.Id, tidy(*r.Body))
	return sitesapi.UpdateService200JSONResponse(v), err
}

func (s server) DeleteService(ctx context.Context, r sitesapi.DeleteServiceRequestObject) (sitesapi.DeleteServiceResponseObject, error) {
	return sitesapi.DeleteService204Response{}, services.deleted(ctx, s.Objects, r.Id)
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
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	id, status, err := s.gateways.TestAttack(ctx, svc.ID)
	if err != nil {
		return nil, web.Fail(http.StatusServiceUnavailable, apigen.Unavailable, "the test request did not get through the gateway: %v", err)
	}
	by := web.IdentityFrom(ctx).Actor()
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		return tx.Record(ctx, store.Change{
			Time: s.now(), By: by, Verb: "test-attack", Object: string(store.Services), ID: svc.ID, Name: svc.Name,
		})
	})
	return sitesapi.SendTestAttack200JSONResponse{Id: id, Status: status}, err
}

func (s server) ListRoutes(ctx context.Context, r sitesapi.ListRoutesRequestObject) (sitesapi.ListRoutesResponseObject, error) {
	list, err := s.store.Routes(ctx, web.Deref(r.Params.ServiceId))
	if err != nil {
		return nil, err
	}
	key := func(v asset.Route) string { return web.Key(web.Ascending(int64(v.Priority)), v.ID) }
	page, link, err := web.Paged(ctx, list, key, r.Params.Limit, r.Params.Cursor)
	return sitesapi.ListRoutes200JSONResponse{Body: page, Headers: sitesapi.ListRoutes200ResponseHeaders{Link: link}}, err
}

func (s server) CreateRoute(ctx context.Context, r sitesapi.CreateRouteRequestObject) (sitesapi.CreateRouteResponseObject, error) {
	v, err := routes.created(ctx, s.Objects, *r.Body)
	return sitesapi.CreateRoute201JSONResponse(v), err
}

func (s server) GetRoute(ctx context.Context, r sitesapi.GetRouteRequestObject) (sitesapi.GetRouteResponseObject, error) {
	v, err := routes.find(ctx, s.store.Reader, r.Id)
	return sitesapi.GetRoute200JSONResponse(v), err
}

func (s server) UpdateRoute(ctx context.Context, r sitesapi.UpdateRouteRequestObject) (sitesapi.UpdateRouteResponseObject, error) {
	v, err := routes.replaced(ctx, s.Objects, r.Id, *r.Body)
	return sitesapi.UpdateRoute200JSONResponse(v), err
}

func (s server) DeleteRoute(ctx context.Context, r sitesapi.DeleteRouteRequestObject) (sitesapi.DeleteRouteResponseObject, error) {
	return sitesapi.DeleteRoute204Response{}, routes.deleted(ctx, s.Objects, r.Id)
}
