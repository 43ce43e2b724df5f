package app

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/policy"
)

var _ manager.Gateways = (*dataPlane)(nil)

// A port that was free when the policy was checked and is taken when it is published.
func TestAPolicyThatIsRefusedAfterItsCheckIsToldInTheStatus(t *testing.T) {
	var log bytes.Buffer
	pr := &process{log: slog.New(slog.NewTextHandler(&log, nil))}
	plane, err := openDataPlane(pr, t.TempDir(), config.Gateway{}, config.Spool{}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := pr.stop(); err != nil {
			t.Error(err)
		}
	}()

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	p := policy.Policy{Version: 7, Services: []policy.Service{{
		Service: asset.Service{ID: "v", Name: "shop", Ports: []asset.Port{{Address: address}}},
	}}}
	if err := plane.Check(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	plane.Publish(p)
	st := plane.Status()[0]
	if st.Policy.Version != 7 || st.Policy.State != asset.PolicyRefused || st.PolicyVersion != 0 {
		t.Errorf("status: %+v, running %d", st.Policy, st.PolicyVersion)
	}
	if !strings.HasPrefix(st.Policy.Error, `service "shop": port `+address+": address already in use") {
		t.Errorf("error: %s", st.Policy.Error)
	}
	if !strings.Contains(log.String(), "policy refused") || !strings.Contains(log.String(), "version=7") {
		t.Errorf("log: %s", log.String())
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	plane.Publish(p)
	if st := plane.Status()[0]; st.Policy != (asset.PolicyStatus{Version: 7, State: asset.PolicyApplied}) || st.PolicyVersion != 7 {
		t.Errorf("status when the port is free again: %+v, running %d", st.Policy, st.PolicyVersion)
	}
}
