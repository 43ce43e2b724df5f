package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/gateway"
	"github.com/ringwall/ringwall/policy"
	"github.com/ringwall/ringwall/spool"
)

// dataPlane is one gateway with its rules and the spool that its events wait in. To
// the manager it is all gateways.
type dataPlane struct {
	gateway *gateway.Gateway
	spool   *spool.Spool
	rules   *ruleReloader
	log     *slog.Logger
	// drained is closed when the gateway has stopped and no more events come.
	drained chan struct{}
}

// openDataPlane opens the spool and makes a gateway that has no policy yet. The rules
// are read anew for each SIGHUP.
func openDataPlane(pr *process, dir string, cfg config.Gateway, spoolCfg config.Spool, version string) (*dataPlane, error) {
	sp, err := spool.Open(spool.Config{Dir: filepath.Join(dir, "spool"), MaxBytes: spoolCfg.MaxBytes}, pr.log)
	if err != nil {
		return nil, err
	}
	pr.onStop(sp.Close)
	d := &dataPlane{spool: sp, rules: &ruleReloader{path: cfg.Rules, log: pr.log}, log: pr.log, drained: make(chan struct{})}
	rules, err := d.rules.read()
	if err != nil {
		return nil, err
	}
	gatewayCfg := gateway.Config{
		Version: version, Account: cfg.Account, Region: cfg.Region, RulesBefore: rules.Before, RulesAfter: rules.After,
	}
	if err := gatewayCfg.Validate(); err != nil {
		return nil, err
	}
	d.gateway = gateway.New(gatewayCfg, sink{sp}, pr.log)
	d.rules.set = d.gateway.SetRules
	d.rules.note(len(rules.Files), nil)
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	pr.onStop(func() error {
		signal.Stop(hangUp)
		return nil
	})
	pr.task(func(ctx context.Context) error { return d.rules.run(ctx, hangUp) })
	drain := sync.OnceFunc(d.drain)
	pr.onStop(func() error { // before the spool closes: what is under way still reports
		drain()
		return nil
	})
	pr.task(func(ctx context.Context) error {
		<-ctx.Done()
		drain()
		return nil
	})
	return d, nil
}

// drain lets requests that are under way finish, for at most drainTime.
func (d *dataPlane) drain() {
	defer close(d.drained)
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if d.gateway.Shutdown(ctx) != nil {
		d.log.Warn("requests were cut off", "after", drainTime)
	}
}

// health implements plane.
func (d *dataPlane) health() (failing, warning string) {
	if _, _, stale := d.rules.status(); stale != nil {
		warning = "the rule files were not reloaded, the rules before are in force"
	}
	return "", warning
}

// Status implements manager.Gateways.
func (d *dataPlane) Status() []asset.GatewayStatus {
	st := d.gateway.Status()
	s := d.spool.Stats()
	st.SpoolBytes, st.SpoolEvents, st.EventsDropped = s.Bytes, s.Waiting, s.Dropped
	return []asset.GatewayStatus{st}
}

// Check implements manager.Gateways.
func (d *dataPlane) Check(ctx context.Context, p policy.Policy) error { return d.gateway.Check(ctx, p) }

// Publish implements manager.Gateways. The policy is in force when it returns: the
// gateway compiled it when it checked it, so this takes no time.
func (d *dataPlane) Publish(p policy.Policy) {
	if err := d.gateway.Apply(context.Background(), p); err != nil {
		d.log.Error("policy refused, the one before stays in force", "version", p.Version, "err", err)
	}
}

// Rule implements manager.Gateways.
func (d *dataPlane) Rule(id int) (policy.Rule, bool) { return d.gateway.Rule(id) }

// TestAttack implements manager.Gateways. The request is harmless to any server:
// a script tag in a parameter that nobody reads.
func (d *dataPlane) TestAttack(ctx context.Context, serviceID string) (string, int, error) {
	address, secure := d.gateway.Address(serviceID)
	if address == "" {
		return "", 0, errors.New("the service has no open port")
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(
		ctx, http.MethodGet, url(scheme, address)+"/?ringwall-test=%3Cscript%3Ealert(1)%3C%2Fscript%3E", nil,
	)
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("User-Agent", "Ringwall test attack")
	req.Header.Set("Accept", "*/*")
	// The certificate is for the site's name, not for this address, and nothing
	// secret is sent.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return "", 0, fmt.Errorf("the gateway did not answer: %w", err)
	}
	defer res.Body.Close()                                      //nolint:errcheck // read to the end
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // the event is made when the answer is complete
	return res.Header.Get("X-Request-Id"), res.StatusCode, nil
}

// urls lists where the gateway is reached.
func (d *dataPlane) urls() []string {
	var list []string
	for _, l := range d.gateway.Status().Listeners {
		scheme := "http"
		if l.TLS {
			scheme = "https"
		}
		list = append(list, url(scheme, l.Address))
	}
	return list
}
