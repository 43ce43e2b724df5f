package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/policy"
)

// runProcess runs a program until the test ends and returns an error of it then.
func runProcess(t *testing.T, pr *process) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pr.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, pr.stop()); err != nil {
			t.Error(err)
		}
	})
}

func get(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// A program that is only a gateway: it blocks, and its events wait in the spool.
func TestADataPlaneRunsAlone(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer upstream.Close()
	pr := &process{log: slog.New(slog.DiscardHandler)}
	data, err := openDataPlane(pr, t.TempDir(), config.Gateway{}, config.Spool{}, "test")
	if err != nil {
		t.Fatal(err)
	}
	p := policy.Policy{Version: 1, Services: []policy.Service{{
		Site:        asset.Site{ID: "s", Name: "shop"},
		ServerGroup: asset.ServerGroup{ID: "g", SiteID: "s", Name: "web", Mode: asset.Active},
		Service:     asset.Service{ID: "v", ServerGroupID: "g", Name: "web", Ports: []asset.Port{{Address: "127.0.0.1:0"}}},
		Routes:      []asset.Route{{ID: "r", ServiceID: "v", Upstreams: []string{upstream.URL}}},
	}}}
	if err := data.gateway.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	runProcess(t, pr)
	url := data.urls()[0]
	if status, body := get(t, http.DefaultClient, url+"/"); status != 200 || body != "hello" {
		t.Errorf("got %d %q", status, body)
	}
	if status, _ := get(t, http.DefaultClient, url+"/?q=%3Cscript%3Ealert(1)%3C/script%3E"); status != 403 {
		t.Errorf("an attack was answered with %d", status)
	}
	until(t, "the event", func() bool { return data.spool.Stats().Waiting >= 1 })
}

// noGateways are the gateways of a manager that has none yet.
type noGateways struct{}

func (noGateways) Status() []asset.GatewayStatus              { return nil }
func (noGateways) Check(context.Context, policy.Policy) error { return nil }
func (noGateways) Publish(policy.Policy)                      {}
func (noGateways) Rule(int) (policy.Rule, bool)               { return policy.Rule{}, false }
func (noGateways) TestAttack(context.Context, string) (string, int, error) {
	return "", 0, errors.New("no gateway")
}

// A program that is only a manager with its lake: console and API, no gateway.
func TestAControlPlaneRunsAlone(t *testing.T) {
	dir := t.TempDir()
	pr := &process{log: slog.New(slog.DiscardHandler)}
	l, err := openLake(pr, dir, config.Lake{})
	if err != nil {
		t.Fatal(err)
	}
	control, err := openControlPlane(t.Context(), pr, dir, config.Manager{Console: "127.0.0.1:0"}, l.Lake, noGateways{}, "test")
	if err != nil {
		t.Fatal(err)
	}
	control.serve(pr, "test", l)
	runProcess(t, pr)
	pem, err := os.ReadFile(control.caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	if status, body := get(t, client, control.url()+"/health/ready"); status != 200 || body != `{"status":"ok"}`+"\n" {
		t.Errorf("health: %d %q", status, body)
	}
	if status, body := get(t, client, control.url()+"/api/v1/sites"); status != 401 || !strings.Contains(body, "log in first") {
		t.Errorf("API: %d %q", status, body)
	}
	if status, _ := get(t, client, control.url()+"/metrics"); status != 401 {
		t.Errorf("metrics without a login: %d", status)
	}
}

func TestAStartThatFailsHalfwayFreesEverything(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	address := strings.TrimPrefix(taken.URL, "http://")
	cfg, err := config.Load("", nil, map[string][]string{"data": {t.TempDir()}, "console": {address}, "listen": {"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one finds no lock of the first
		err = AllInOne(t.Context(), cfg, "test", slog.New(slog.DiscardHandler), func(Ready) { t.Error("ready") })
		if want := "console address " + address + ": address already in use; stop what uses it or choose another port with --console"; err == nil ||
			err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
