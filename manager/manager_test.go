package manager_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager"
)

func TestFirstStartServesTheWholeWay(t *testing.T) {
	b := start(t)
	setup := manager.Setup{Upstreams: []string{"http://127.0.0.1:3000"}, Listen: "127.0.0.1:8080"}
	if err := b.ApplySetup(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	p := b.gateways.running(t)
	if len(p.Services) != 1 || p.Services[0].ServerGroup.Mode != asset.Simulation ||
		p.Services[0].Routes[0].Upstreams[0] != "http://127.0.0.1:3000" {
		t.Fatalf("policy: %+v", p)
	}
	c := b.admin()
	sites, err := c.ListSitesWithResponse(t.Context(), nil)
	if err != nil || sites.JSON200 == nil || len(*sites.JSON200) != 1 {
		t.Fatalf("sites: %v %s", err, body(sites))
	}
	groups, err := c.ListServerGroupsWithResponse(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	mode, err := c.SetModeWithResponse(t.Context(), (*groups.JSON200)[0].ID, apigen.ModeChange{Mode: asset.Active})
	if err != nil || mode.JSON200 == nil || mode.JSON200.Mode != asset.Active {
		t.Fatalf("mode: %v %s", err, body(mode))
	}
	if got := b.gateways.running(t); got.Version != p.Version+1 || got.Services[0].ServerGroup.Mode != asset.Active {
		t.Fatalf("running policy: %+v", got)
	}
	page, err := c.ListEventsWithResponse(t.Context(), nil)
	if err != nil || page.JSON200 == nil || len(page.JSON200.Events) != 1 {
		t.Fatalf("events: %v %s", err, body(page))
	}
	o, err := c.GetOverviewWithResponse(t.Context(), nil)
	if err != nil || o.JSON200 == nil || len(o.JSON200.Times) != 60 || len(o.JSON200.Traffic) != 60 {
		t.Fatalf("overview: %v %s", err, body(o))
	}
	audit, err := c.ListAuditWithResponse(t.Context(), nil)
	if err != nil || audit.JSON200 == nil || len(*audit.JSON200) != 7 { // user, site, group, service, route, login, mode
		t.Fatalf("audit: %v %s", err, body(audit))
	}
}

func TestConfigTellsEveryProblem(t *testing.T) {
	err := manager.Config{SessionIdle: -1, SessionMax: time.Minute}.Validate()
	for _, want := range []string{"dir:", "must not be negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want …%s…, got %v", want, err)
		}
	}
	if err := (manager.Config{Dir: "x", SessionMax: time.Hour}).Validate(); err == nil || !strings.Contains(err.Error(), "session_idle 12h") {
		t.Errorf("idle longer than max: %v", err)
	}
	if err := (manager.Config{Dir: "x"}).Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	_, err = manager.Open(t.Context(), manager.Config{Dir: filepath.Join(t.TempDir(), "absent")}, nil, nil, "", nil)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "ringwall.db: no such file") {
		t.Errorf("absent folder: %v", err)
	}
}
