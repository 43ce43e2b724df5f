package gateway

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/event"
)

func TestEventsSayWhereTheyComeFrom(t *testing.T) {
	r := start(t, Config{Account: "111122223333", Region: "eu-west-1"}, http.NotFoundHandler(), accessEvents)
	r.get("/", "Host", "shop.example")
	r.get(attack)
	type origin struct {
		Schema                                                             int
		Kind                                                               event.Kind
		Gateway, Account, Region                                           string
		Site, SiteID, ServerGroup, ServerGroupID, Service, ServiceID, Mode string
	}
	want := origin{
		event.SchemaVersion, event.Access, "gw-1", "111122223333", "eu-west-1",
		"shop", "s", "web servers", "g", "web", "v", "active",
	}
	for i, kind := range []event.Kind{event.Access, event.Detection} {
		want.Kind = kind
		e := r.sink.wait(t, i)
		got := origin{
			e.Schema, e.Kind, e.Gateway, e.Account, e.Region,
			e.Site, e.SiteID, e.ServerGroup, e.ServerGroupID, e.Service, e.ServiceID, e.Mode,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event %d (-want +got)\n%s", i, diff)
		}
	}
}
