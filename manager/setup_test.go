package manager_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/policy"
)

func (b *bed) setup(s manager.Setup) policy.Policy {
	b.t.Helper()
	if err := b.ApplySetup(b.t.Context(), s); err != nil {
		b.t.Fatal(err)
	}
	p, err := b.Policy(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func TestSetupFirstAndLaterStarts(t *testing.T) {
	b := start(t)
	first := b.setup(manager.Setup{
		Upstreams: []string{"http://127.0.0.1:3000", "http://127.0.0.1:3001"}, Listen: "127.0.0.1:8080",
	})
	want := policy.Policy{Version: 1, Services: []policy.Service{{
		Site:        asset.Site{ID: "default", Revision: 1, Name: "default"},
		ServerGroup: asset.ServerGroup{ID: "default", Revision: 1, SiteID: "default", Name: "default", Mode: asset.Simulation},
		Service: asset.Service{
			ID: "default", Revision: 1, ServerGroupID: "default", Name: "web", Ports: []asset.Port{{Address: "127.0.0.1:8080"}},
			TrustedProxies: []string{},
		},
		Routes: []asset.Route{{
			ID: "default", Revision: 1, ServiceID: "default", Upstreams: []string{"http://127.0.0.1:3000", "http://127.0.0.1:3001"},
			PreserveHost: true,
		}},
	}}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatalf("first start (-want +got)\n%s", diff)
	}
	for name, s := range map[string]manager.Setup{
		"no flags": {},
		"the same flags": {
			Upstreams: []string{"http://127.0.0.1:3000", "http://127.0.0.1:3001"}, Listen: "127.0.0.1:8080",
			Mode: new(asset.Simulation), AccessEvents: new(false), TrustedProxies: []string{},
		},
	} {
		if diff := cmp.Diff(first, b.setup(s)); diff != "" {
			t.Errorf("%s changed something (-want +got)\n%s", name, diff)
		}
	}
	// An operator renames and switches; flags that are not given leave it alone.
	c := b.admin()
	answered(
		t, ok[*apiclient.SetModeResponse](t)(c.SetModeWithResponse(t.Context(), "default", apigen.ModeChange{Mode: asset.Active})), 200, "",
	)
	second := b.setup(manager.Setup{
		Upstreams: []string{"http://127.0.0.1:4000"}, TrustedProxies: []string{"10.0.0.0/8"}, AccessEvents: new(true), CertFile: "/c.pem",
		KeyFile: "/k.pem",
	})
	s := second.Services[0]
	if s.ServerGroup.Mode != asset.Active || s.ServerGroup.Revision != 2 || s.Site.Revision != 1 || s.Service.Revision != 2 ||
		s.Routes[0].Revision != 2 {
		t.Errorf("second start: %+v", s)
	}
	if diff := cmp.Diff([]asset.Port{{Address: "127.0.0.1:8080", CertFile: "/c.pem", KeyFile: "/k.pem"}}, s.Service.Ports); diff != "" ||
		!s.Service.AccessEvents || s.Routes[0].Upstreams[0] != "http://127.0.0.1:4000" {
		t.Errorf("second start: %+v", s)
	}
	if got := b.gateways.running(t); got.Version != second.Version {
		t.Errorf("running version %d, stored %d", got.Version, second.Version)
	}
	entries := *ok[*apiclient.ListAuditResponse](t)(c.ListAuditWithResponse(t.Context(), nil)).JSON200
	if len(entries) != 9 { // user, four objects, login, mode, service, route
		t.Errorf("%d audit entries", len(entries))
	}
	for _, e := range entries[:2] {
		if e.Actor != "command line" || e.Verb != "update" {
			t.Errorf("audit: %+v", e)
		}
	}
}

func TestSetupWithoutUpstreamsMakesAPlaceForThem(t *testing.T) {
	b := start(t)
	if p := b.setup(manager.Setup{}); len(p.Services) != 0 || p.Version != 1 {
		t.Errorf("policy: %+v", p)
	}
	if l := *ok[*apiclient.ListServerGroupsResponse](t)(b.admin().ListServerGroupsWithResponse(t.Context(), nil)).JSON200; len(l) != 1 {
		t.Errorf("server groups: %v", l)
	}
	if p := b.setup(manager.Setup{Listen: ":9000"}); len(p.Services) != 0 || p.Version != 1 {
		t.Errorf("policy with a port only: %+v", p)
	}
	if p := b.setup(
		manager.Setup{Upstreams: []string{"http://a"}},
	); len(p.Services) != 1 || p.Services[0].Service.Ports[0].Address != "0.0.0.0:8080" {
		t.Errorf("policy: %+v", p)
	}
}

func TestSetupDoesNotBringBackWhatWasDeleted(t *testing.T) {
	b := start(t)
	b.setup(manager.Setup{Upstreams: []string{"http://a"}})
	c := b.admin()
	answered(t, ok[*apiclient.DeleteServiceResponse](t)(c.DeleteServiceWithResponse(t.Context(), "default")), 204, "")
	answered(t, ok[*apiclient.DeleteServerGroupResponse](t)(c.DeleteServerGroupWithResponse(t.Context(), "default")), 204, "")
	answered(t, ok[*apiclient.DeleteSiteResponse](t)(c.DeleteSiteWithResponse(t.Context(), "default")), 204, "")
	b.setup(manager.Setup{})
	if l := *ok[*apiclient.ListSitesResponse](t)(c.ListSitesWithResponse(t.Context(), nil)).JSON200; len(l) != 0 {
		t.Errorf("sites: %v", l)
	}
	if p := b.setup(manager.Setup{Upstreams: []string{"http://b"}}); len(p.Services) != 1 { // asked for again
		t.Errorf("policy: %+v", p)
	}
}

func TestSetupMistakesAreOneClearLine(t *testing.T) {
	b := start(t)
	for want, s := range map[string]manager.Setup{
		`upstream "shop:3000"`: {Upstreams: []string{"shop:3000"}},
		`address "8080"`:       {Upstreams: []string{"http://a"}, Listen: "8080"},
		`mode "on"`:            {Mode: new(asset.Mode("on"))},
		`network "x"`:          {Upstreams: []string{"http://a"}, TrustedProxies: []string{"x"}},
		`give both or neither`: {Upstreams: []string{"http://a"}, CertFile: "c"},
	} {
		err := b.ApplySetup(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one line with %s, got %v", want, err)
		}
	}
	taken := errors.New("listen 0.0.0.0:8080: address already in use")
	b.gateways.refuse = taken
	if err := b.ApplySetup(t.Context(), manager.Setup{Upstreams: []string{"http://a"}}); !errors.Is(err, taken) {
		t.Errorf("the gateway's error: %v", err)
	}
	if p, err := b.Policy(t.Context()); err != nil || p.Version != 0 {
		t.Errorf("something was stored: %+v, %v", p, err)
	}
}
