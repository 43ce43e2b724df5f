package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/policy"
)

func TestCheckFindsEveryRefusalAndChangesNothing(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo), mode(asset.Active))
	before := r.gateway.Status()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	service := func(id string, change func(*policy.Service)) policy.Service {
		s := policy.Service{
			ServerGroup: asset.ServerGroup{ID: "g"},
			Service:     asset.Service{ID: id, Name: id, Ports: []asset.Port{{Address: "127.0.0.1:0"}}},
			Routes:      []asset.Route{{ID: "r" + id, Upstreams: []string{"http://127.0.0.1:1"}}},
		}
		change(&s)
		return s
	}
	p := policy.Policy{Version: 2, Services: []policy.Service{
		r.policy.Services[0],
		service("busy", func(s *policy.Service) { s.Service.Ports = []asset.Port{{Address: taken.Addr().String()}} }),
		service("cert", func(s *policy.Service) {
			s.Service.Ports = []asset.Port{{Address: "127.0.0.1:0", CertFile: "absent.pem", KeyFile: "absent.pem"}}
		}),
		service("tuned", func(s *policy.Service) {
			s.Exceptions = []policy.Exception{{RuleID: 1, Comment: "there is no such rule", Enabled: true}}
		}),
	}}
	err = r.gateway.Check(t.Context(), p)
	for _, want := range []string{
		`service "busy": port ` + taken.Addr().String(), "in use",
		`service "cert": port 127.0.0.1:0: certificate`, `service "tuned": exception for`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want …%s…, got %v", want, err)
		}
	}
	after := r.gateway.Status()
	before.MemoryBytes, before.Goroutines, after.MemoryBytes, after.Goroutines = 0, 0, 0, 0
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after the check (-before +after)\n%s", diff)
	}
	if len(r.gateway.counters) != 1 || len(r.gateway.proxy.upstreams) != 1 {
		t.Errorf("the check left %d counters and %d upstreams", len(r.gateway.counters), len(r.gateway.proxy.upstreams))
	}
	if err := r.gateway.Apply(t.Context(), p); err == nil {
		t.Error("Apply took what Check refused")
	}
	st := r.gateway.Status().Policy
	if st.Version != 2 || st.State != asset.PolicyRefused || !strings.Contains(st.Error, `service "tuned": exception`) {
		t.Errorf("status: %+v", st)
	}
}

func TestApplyTakesWhatCheckCompiled(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo), mode(asset.Active))
	next := policy.Policy{Version: 2, Services: slices.Clone(r.policy.Services)}
	next.Services[0].Service.InboundThreshold = 7
	if err := r.gateway.Check(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	compiled := r.gateway.prepared.services[0]
	if err := r.gateway.Apply(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if r.gateway.services[0] != compiled {
		t.Error("the same policy was compiled again")
	}
	if st := r.gateway.Status(); st.PolicyVersion != 2 || st.Policy != (asset.PolicyStatus{Version: 2, State: asset.PolicyApplied}) {
		t.Errorf("status: %+v", st)
	}
	// Another policy, or other rules, must be compiled for themselves.
	checked := policy.Policy{Version: 3, Services: next.Services}
	if err := r.gateway.Check(t.Context(), checked); err != nil {
		t.Fatal(err)
	}
	other := policy.Policy{Version: 3, Services: slices.Clone(next.Services)}
	other.Services[0].Service.InboundThreshold = 9
	if err := r.gateway.Apply(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if got := r.gateway.services[0].Service.InboundThreshold; got != 9 {
		t.Errorf("threshold in force: %d", got)
	}
	checked.Version = 4
	if err := r.gateway.Check(t.Context(), checked); err != nil {
		t.Fatal(err)
	}
	if err := r.gateway.SetRules(t.Context(), "", `SecRule ARGS "@streq no" "id:1000,phase:2,deny,log"`); err != nil {
		t.Fatal(err)
	}
	if err := r.gateway.Apply(t.Context(), checked); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.gateway.Rule(1000); !ok {
		t.Error("a policy that was checked under the rules before took the new ones away")
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.gateway.Check(ctx, r.policy); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
