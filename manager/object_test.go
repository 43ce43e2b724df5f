package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/policy"
)

// planted is a bed with one object of each kind, made over the API by an operator.
type planted struct {
	*bed
	c       *client
	site    asset.Site
	group   asset.ServerGroup
	service asset.Service
	route   asset.Route
}

func plant(t *testing.T) planted {
	t.Helper()
	p := planted{bed: start(t)}
	p.c = p.user("olga", manager.Operator)
	ctx := t.Context()
	site := ok[*apiclient.CreateSiteResponse](t)(p.c.CreateSiteWithResponse(ctx, asset.Site{ID: "ignored", Name: "Berlin"}))
	answered(t, site, 201, "")
	p.site = *site.JSON201
	group := ok[*apiclient.CreateServerGroupResponse](t)(p.c.CreateServerGroupWithResponse(
		ctx, asset.ServerGroup{SiteID: p.site.ID, Name: "shop", Mode: asset.Simulation},
	))
	answered(t, group, 201, "")
	p.group = *group.JSON201
	service := ok[*apiclient.CreateServiceResponse](t)(p.c.CreateServiceWithResponse(
		ctx, asset.Service{ServerGroupID: p.group.ID, Name: "web", Ports: []asset.Port{{Address: ":8080"}}},
	))
	answered(t, service, 201, "")
	p.service = *service.JSON201
	route := ok[*apiclient.CreateRouteResponse](t)(p.c.CreateRouteWithResponse(
		ctx, asset.Route{ServiceID: p.service.ID, Upstreams: []string{"http://127.0.0.1:3000"}},
	))
	answered(t, route, 201, "")
	p.route = *route.JSON201
	return p
}

func TestEveryChangeIsApplied(t *testing.T) {
	p := plant(t)
	want := policy.Policy{Version: 4, Services: []policy.Service{
		{Site: p.site, ServerGroup: p.group, Service: p.service, Routes: []asset.Route{p.route}},
	}}
	if diff := cmp.Diff(want, p.gateways.running(t)); diff != "" {
		t.Errorf("running policy (-want +got)\n%s", diff)
	}
	stored, err := p.Policy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("stored policy (-want +got)\n%s", diff)
	}
	if p.site.ID == "ignored" || p.site.Revision != 1 {
		t.Errorf("site: %+v", p.site)
	}
	got := ok[*apiclient.GetServiceResponse](t)(p.c.GetServiceWithResponse(t.Context(), p.service.ID))
	if diff := cmp.Diff(&p.service, got.JSON200); diff != "" || !strings.Contains(string(got.Body), `"trusted_proxies":[]`) {
		t.Errorf("service (-want +got)\n%s\n%s", diff, got.Body)
	}
}

func TestReplacingNeedsTheCurrentRevision(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	p.site.Name = "Hamburg"
	r := ok[*apiclient.UpdateSiteResponse](t)(p.c.UpdateSiteWithResponse(ctx, p.site.ID, p.site))
	answered(t, r, 200, "")
	if r.JSON200.Revision != 2 || r.JSON200.Name != "Hamburg" {
		t.Errorf("site: %s", r.Body)
	}
	version := p.gateways.running(t).Version
	answered(
		t, ok[*apiclient.UpdateSiteResponse](t)(p.c.UpdateSiteWithResponse(ctx, p.site.ID, p.site)), 409, apigen.Conflict, "changed meanwhile",
	)
	if got := p.gateways.running(t).Version; got != version {
		t.Errorf("a conflict was applied as version %d", got)
	}
	answered(t, ok[*apiclient.UpdateSiteResponse](t)(p.c.UpdateSiteWithResponse(ctx, "nobody", asset.Site{Name: "x"})), 404, apigen.NotFound)
	answered(
		t, ok[*apiclient.UpdateSiteResponse](t)(p.c.UpdateSiteWithResponse(ctx, "nobody", p.site)), 400, apigen.BadRequest, "the path says",
	)

	p.group.Name = "shops"
	answered(t, ok[*apiclient.UpdateServerGroupResponse](t)(p.c.UpdateServerGroupWithResponse(ctx, p.group.ID, p.group)), 200, "")
	p.service.AccessEvents = true
	answered(t, ok[*apiclient.UpdateServiceResponse](t)(p.c.UpdateServiceWithResponse(ctx, p.service.ID, p.service)), 200, "")
	p.route.PathPrefix = "/shop"
	answered(t, ok[*apiclient.UpdateRouteResponse](t)(p.c.UpdateRouteWithResponse(ctx, p.route.ID, p.route)), 200, "")
	s := p.gateways.running(t).Services[0]
	if s.Site.Name != "Hamburg" || s.ServerGroup.Name != "shops" || !s.Service.AccessEvents || s.Routes[0].PathPrefix != "/shop" {
		t.Errorf("running: %+v", s)
	}
}

func TestMistakesAreNamedAndChangeNothing(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	applied := len(p.gateways.applied)
	for name, r := range map[string]struct {
		answer interface {
			StatusCode() int
			GetBody() []byte
		}
		words []string
	}{
		"site without a name": {
			ok[*apiclient.CreateSiteResponse](t)(p.c.CreateSiteWithResponse(ctx, asset.Site{})), []string{"name: a site needs"},
		},
		"site with a taken name": {
			ok[*apiclient.CreateSiteResponse](t)(p.c.CreateSiteWithResponse(ctx, asset.Site{Name: "Berlin"})),
			[]string{`there is a site \"Berlin\" already`},
		},
		"group without a site": {
			ok[*apiclient.CreateServerGroupResponse](t)(p.c.CreateServerGroupWithResponse(
				ctx, asset.ServerGroup{SiteID: "nobody", Name: "x", Mode: asset.Active},
			)), []string{`site_id: \"nobody\" does not exist`},
		},
		"group with a wrong mode": {
			ok[*apiclient.CreateServerGroupResponse](t)(p.c.CreateServerGroupWithResponse(ctx, asset.ServerGroup{SiteID: p.site.ID, Mode: "off"})),
			[]string{"name:", `mode \"off\"`},
		},
		"service with two mistakes": {ok[*apiclient.CreateServiceResponse](t)(p.c.CreateServiceWithResponse(ctx, asset.Service{
			ServerGroupID: p.group.ID, Name: "x", Ports: []asset.Port{{Address: "8080"}}, TrustedProxies: []string{"x"},
		})), []string{`ports[0]: address \"8080\"`, "trusted_proxies[0]"}},
		"service on a port in use": {ok[*apiclient.CreateServiceResponse](t)(p.c.CreateServiceWithResponse(ctx, asset.Service{
			ServerGroupID: p.group.ID, Name: "x", Ports: []asset.Port{{Address: ":8080"}},
		})), []string{`service \"x\"`, "already used by"}},
		"route without upstreams": {
			ok[*apiclient.CreateRouteResponse](t)(p.c.CreateRouteWithResponse(ctx, asset.Route{ServiceID: p.service.ID, Upstreams: []string{}})),
			[]string{"upstreams: at least one"},
		},
		"wrong mode": {
			ok[*apiclient.SetModeResponse](t)(p.c.SetModeWithResponse(ctx, p.group.ID, apigen.ModeChange{Mode: "off"})), []string{`mode \"off\"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			answered(t, r.answer, 422, apigen.Invalid, r.words...)
			var e apigen.Error
			if err := json.Unmarshal(r.answer.GetBody(), &e); err != nil || e.Problems == nil || len(*e.Problems) != len(r.words) &&
				name != "service on a port in use" {
				t.Errorf("problems: %s (%v)", r.answer.GetBody(), err)
			}
		})
	}
	if got := len(p.gateways.applied); got != applied {
		t.Errorf("%d mistakes were applied", got-applied)
	}
	if stored, err := p.Policy(ctx); err != nil || stored.Version != 4 {
		t.Errorf("stored version %d, %v", stored.Version, err)
	}
}

func TestWhatTheGatewayRefusesIsNotStored(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	p.gateways.refuse = errors.Join(errors.New("listen :8080: address already in use"), errors.New("listen :8081: permission denied"))
	p.service.Ports = append(p.service.Ports, asset.Port{Address: ":8081"})
	r := ok[*apiclient.UpdateServiceResponse](t)(p.c.UpdateServiceWithResponse(ctx, p.service.ID, p.service))
	answered(t, r, 422, apigen.Invalid, "the gateway refused", "listen :8080: address already in use", "listen :8081: permission denied")
	if n := len(*r.JSONDefault.Problems); n != 2 {
		t.Errorf("%d problems", n)
	}
	got := ok[*apiclient.GetServiceResponse](t)(p.c.GetServiceWithResponse(ctx, p.service.ID))
	if got.JSON200.Revision != 1 || len(got.JSON200.Ports) != 1 {
		t.Errorf("stored: %s", got.Body)
	}
	for _, e := range *ok[*apiclient.ListAuditResponse](t)(p.admin().ListAuditWithResponse(ctx, nil)).JSON200 {
		if e.Verb == "update" {
			t.Errorf("audit tells of a change that was not made: %+v", e)
		}
	}
}

func TestNothingIsPublishedThatIsNotStored(t *testing.T) {
	p := plant(t)
	before := p.gateways.running(t)
	p.stop()
	p.timeout = 50 * time.Millisecond
	p.open()
	c := p.admin()
	p.gateways.onCheck = func(ctx context.Context, _ policy.Policy) { <-ctx.Done() } // too late to commit
	r := ok[*apiclient.SetModeResponse](t)(c.SetModeWithResponse(t.Context(), p.group.ID, apigen.ModeChange{Mode: asset.Active}))
	answered(t, r, 503, apigen.Unavailable)
	if diff := cmp.Diff(before, p.gateways.running(t)); diff != "" {
		t.Errorf("running (-want +got)\n%s", diff)
	}
	if n := len(p.gateways.applied); n != 4 {
		t.Errorf("%d policies published, want the four of before", n)
	}
	if stored, err := p.Policy(t.Context()); err != nil || stored.Version != before.Version {
		t.Errorf("stored version %d, %v", stored.Version, err)
	}
}

func TestALoginDoesNotWaitForACheck(t *testing.T) {
	p := plant(t)
	checking, release := make(chan struct{}), make(chan struct{})
	p.gateways.onCheck = func(context.Context, policy.Policy) {
		close(checking)
		<-release
	}
	changed := make(chan *apiclient.SetModeResponse)
	go func() {
		r, err := p.c.SetModeWithResponse(t.Context(), p.group.ID, apigen.ModeChange{Mode: asset.Active})
		if err != nil {
			t.Error(err)
		}
		changed <- r
	}()
	<-checking
	in := make(chan struct{})
	go func() {
		defer close(in)
		p.admin()
	}()
	select {
	case <-in:
	case <-time.After(20 * time.Second):
		t.Error("a login waits for the gateways")
	}
	close(release)
	<-in
	answered(t, <-changed, 200, "")
	if got := p.gateways.running(t).Services[0].ServerGroup.Mode; got != asset.Active {
		t.Errorf("mode %q runs", got)
	}
}

// Two managers on one database: what one has the gateways check is not what it stores
// when the other makes a change in between.
func TestAChangeThatWasOvertakenIsCheckedAgain(t *testing.T) {
	p := plant(t)
	other := &bed{t: t, dir: p.dir, events: p.events, gateways: &fakeGateways{}, clock: p.clock, password: p.password}
	other.open()
	c := other.admin()
	checks := 0
	p.gateways.onCheck = func(context.Context, policy.Policy) {
		if checks++; checks == 1 {
			r := ok[*apiclient.CreateSiteResponse](t)(c.CreateSiteWithResponse(t.Context(), asset.Site{Name: "other"}))
			answered(t, r, 201, "")
		}
	}
	before := p.gateways.running(t).Version
	r := ok[*apiclient.SetModeResponse](t)(p.c.SetModeWithResponse(t.Context(), p.group.ID, apigen.ModeChange{Mode: asset.Active}))
	answered(t, r, 200, "")
	if checks != 2 {
		t.Errorf("%d checks, want 2", checks)
	}
	stored, err := p.Policy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := p.gateways.running(t); got.Version != before+2 || cmp.Diff(stored, got) != "" {
		t.Errorf("published version %d, want %d as stored\n%s", got.Version, before+2, cmp.Diff(stored, got))
	}
	entries := *ok[*apiclient.ListAuditResponse](t)(p.admin().ListAuditWithResponse(t.Context(), nil)).JSON200
	modes := 0
	for _, e := range entries {
		if e.Verb == "mode" {
			modes++
		}
	}
	if modes != 1 {
		t.Errorf("%d entries of the audit trail for one change", modes)
	}
	// The same object, changed by both: the second is told, not overwritten.
	checks = 0
	p.gateways.onCheck = func(context.Context, policy.Policy) {
		if checks++; checks == 1 {
			site := p.site
			site.Name = "by the other"
			answered(t, ok[*apiclient.UpdateSiteResponse](t)(c.UpdateSiteWithResponse(t.Context(), site.ID, site)), 200, "")
		}
	}
	site := p.site
	site.Name = "by the first"
	answered(t, ok[*apiclient.UpdateSiteResponse](t)(p.c.UpdateSiteWithResponse(t.Context(), site.ID, site)), 409, apigen.Conflict)
}

func TestDeleting(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	answered(t, ok[*apiclient.DeleteSiteResponse](t)(p.c.DeleteSiteWithResponse(ctx, p.site.ID)), 409, apigen.Conflict, "1 server groups")
	answered(
		t, ok[*apiclient.DeleteServerGroupResponse](t)(p.c.DeleteServerGroupWithResponse(ctx, p.group.ID)), 409, apigen.Conflict, "1 services",
	)
	answered(t, ok[*apiclient.DeleteServiceResponse](t)(p.c.DeleteServiceWithResponse(ctx, p.service.ID)), 204, "")
	answered(t, ok[*apiclient.GetRouteResponse](t)(p.c.GetRouteWithResponse(ctx, p.route.ID)), 404, apigen.NotFound)
	if n := len(p.gateways.running(t).Services); n != 0 {
		t.Errorf("%d services still run", n)
	}
	answered(t, ok[*apiclient.DeleteServerGroupResponse](t)(p.c.DeleteServerGroupWithResponse(ctx, p.group.ID)), 204, "")
	answered(t, ok[*apiclient.DeleteSiteResponse](t)(p.c.DeleteSiteWithResponse(ctx, p.site.ID)), 204, "")
	answered(t, ok[*apiclient.DeleteSiteResponse](t)(p.c.DeleteSiteWithResponse(ctx, p.site.ID)), 404, apigen.NotFound)
	answered(t, ok[*apiclient.DeleteRouteResponse](t)(p.c.DeleteRouteWithResponse(ctx, p.route.ID)), 404, apigen.NotFound)
}

func TestAuditTellsWhoChangedWhat(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	answered(t, ok[*apiclient.SetModeResponse](t)(p.c.SetModeWithResponse(ctx, p.group.ID, apigen.ModeChange{Mode: asset.Active})), 200, "")
	again := ok[*apiclient.SetModeResponse](t)(p.c.SetModeWithResponse(ctx, p.group.ID, apigen.ModeChange{Mode: asset.Active}))
	answered(t, again, 200, "") // nothing to change
	answered(t, ok[*apiclient.SendTestAttackResponse](t)(p.c.SendTestAttackWithResponse(ctx, p.service.ID)), 200, "")
	answered(t, ok[*apiclient.DeleteServiceResponse](t)(p.c.DeleteServiceWithResponse(ctx, p.service.ID)), 204, "")
	admin := p.admin()
	var got []string
	entries := *ok[*apiclient.ListAuditResponse](t)(admin.ListAuditWithResponse(ctx, nil)).JSON200
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s from %s: %s %s %s", e.Actor, e.Source, e.Verb, e.Object, e.Name))
	}
	want := []string{
		"admin from 127.0.0.1: login session admin",
		"olga from 127.0.0.1: delete service web",
		"olga from 127.0.0.1: delete route ",
		"olga from 127.0.0.1: test-attack service web",
		"olga from 127.0.0.1: mode server_group shop",
		"olga from 127.0.0.1: create route ",
		"olga from 127.0.0.1: create service web",
		"olga from 127.0.0.1: create server_group shop",
		"olga from 127.0.0.1: create site Berlin",
		"olga from 127.0.0.1: login session olga",
		"admin from 127.0.0.1: create user olga",
		"admin from 127.0.0.1: login session admin",
		"command line from local: create user admin",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var before, after asset.ServerGroup
	if err := errors.Join(json.Unmarshal([]byte(*entries[4].Before), &before), json.Unmarshal([]byte(*entries[4].After), &after)); err != nil {
		t.Fatal(err)
	}
	if before != p.group || after.Mode != asset.Active || after.Revision != 2 || *entries[4].ObjectId != p.group.ID ||
		entries[8].Before != nil || entries[1].After != nil {
		t.Errorf("before %+v, after %+v", before, after)
	}
	page := *ok[*apiclient.ListAuditResponse](t)(admin.ListAuditWithResponse(
		ctx, &apiclient.ListAuditParams{Before: &entries[2].Id, Limit: new(2)},
	)).JSON200
	if diff := cmp.Diff(entries[3:5], page); diff != "" {
		t.Errorf("second page (-want +got)\n%s", diff)
	}
	answered(
		t, ok[*apiclient.ListAuditResponse](t)(admin.ListAuditWithResponse(ctx, &apiclient.ListAuditParams{Limit: new(1001)})), 400,
		apigen.BadRequest, "limit=1001",
	)
}

func TestListsCanBeNarrowed(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	if l := *ok[*apiclient.ListServerGroupsResponse](t)(p.c.ListServerGroupsWithResponse(
		ctx, &apiclient.ListServerGroupsParams{SiteId: &p.site.ID},
	)).JSON200; len(l) != 1 {
		t.Errorf("server groups: %v", l)
	}
	if l := *ok[*apiclient.ListServicesResponse](t)(p.c.ListServicesWithResponse(
		ctx, &apiclient.ListServicesParams{ServerGroupId: new("nobody")},
	)).JSON200; l == nil || len(l) != 0 {
		t.Errorf("services: %v", l)
	}
	if l := *ok[*apiclient.ListRoutesResponse](t)(p.c.ListRoutesWithResponse(
		ctx, &apiclient.ListRoutesParams{ServiceId: &p.service.ID},
	)).JSON200; len(l) != 1 {
		t.Errorf("routes: %v", l)
	}
}
