package activity

import (
	"context"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/eventsapi"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// GetOverview implements the generated server interface.
func (s server) GetOverview(ctx context.Context, r eventsapi.GetOverviewRequestObject) (eventsapi.GetOverviewResponseObject, error) {
	now := s.now().UTC()
	from, to, err := web.TimeRange(now, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	buckets, err := web.Within("buckets", r.Params.Buckets, 60, 500)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, web.QueryTimeout)
	defer cancel()
	gateways := s.status()
	s.traffic.sample(now, gateways) // what Run would see only some seconds later
	stats, err := s.events.Stats(ctx, event.Query{From: from, To: to, Buckets: buckets})
	if err != nil {
		return nil, err
	}
	if len(stats.Times) == 0 {
		stats.Times = bucketTimes(from, to, buckets)
	}
	minutes, err := s.traffic.between(ctx, s.store.Reader, from, to)
	if err != nil {
		return nil, err
	}
	out := apigen.Overview{
		From: from, To: to,
		Attacks: web.Filled(stats.Attacks), Times: stats.Times, AttacksOverTime: web.Filled(stats.AttacksOverTime),
		TopSources: web.Filled(stats.TopSources), TopTargets: web.Filled(stats.TopTargets), TopRules: web.Filled(stats.TopRules),
		Traffic: spread(minutes, stats.Times, from, to, now), Gateways: gateways,
	}
	groups := map[string]asset.Traffic{}
	for _, m := range clip(minutes, from, to, now) {
		c := asset.Traffic{Requests: m.Requests, Blocked: m.Blocked, Alerted: m.Alerted, Errors: m.Errors}
		groups[m.ServerGroupID] = sum(groups[m.ServerGroupID], c)
		out.Requests += m.Requests
		out.Blocked += m.Blocked
		out.Alerted += m.Alerted
		out.Errors += m.Errors
	}
	err = s.store.View(ctx, func(r store.Reader) error {
		out.Sites, err = siteStates(ctx, r, groups)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.EventsStored, out.LakeBytes, err = s.events.Size(ctx)
	return eventsapi.GetOverview200JSONResponse(out), err
}

// bucketTimes divides [from, to) into equal parts.
func bucketTimes(from, to time.Time, n int) []time.Time {
	times := make([]time.Time, n)
	step := to.Sub(from) / time.Duration(n)
	for i := range times {
		times[i] = from.Add(time.Duration(i) * step)
	}
	return times
}

// siteStates lists every server group with its counts, by site and name.
func siteStates(ctx context.Context, r store.Reader, counts map[string]asset.Traffic) ([]apigen.SiteState, error) {
	sites, err := r.Sites(ctx)
	if err != nil {
		return nil, err
	}
	out := []apigen.SiteState{}
	for _, site := range sites {
		groups, err := r.ServerGroups(ctx, site.ID)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			services, err := r.Services(ctx, g.ID)
			if err != nil {
				return nil, err
			}
			names := []string{}
			for _, svc := range services {
				names = append(names, svc.Name)
			}
			c := counts[g.ID]
			out = append(out, apigen.SiteState{
				SiteId: site.ID, Site: site.Name, ServerGroupId: g.ID, ServerGroup: g.Name, Mode: g.Mode,
				Requests: c.Requests, Blocked: c.Blocked, Alerted: c.Alerted, Services: names,
			})
		}
	}
	return out, nil
}
