// Package app joins the rooms by hand: it is the only one that knows all of them.
// Everything here is order: what is opened before what, which interface is met by
// whom, and how it all stops again.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/console"
	"github.com/ringwall/ringwall/gateway"
	"github.com/ringwall/ringwall/lake"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/spool"
)

// Ready tells what a started process is reached by.
type Ready struct {
	// Gateways are the URLs of the gateway's ports.
	Gateways []string
	Console  string // URL
	CAFile   string
	// AdminPassword is set at the first start and never known again.
	AdminPassword string
}

// drainTime and closeTime bound a shutdown: requests may finish in the first, the
// rest of it takes at most the second.
const (
	drainTime = 3 * time.Second
	closeTime = 1500 * time.Millisecond
)

// AllInOne runs manager, gateway and lake in one process on the stores below
// cfg.Data until ctx ends, then drains and stops within 5 s. It calls ready once,
// when all ports are open. Whatever it finds on disk from an earlier run, however
// that ended, it goes on from there.
func AllInOne(ctx context.Context, cfg config.Config, version string, log *slog.Logger, ready func(Ready)) (err error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w; choose another one with --data", err)
	}
	l, err := lake.Open(lake.Config{
		Dir: filepath.Join(cfg.Data, "lake"), RetentionDays: cfg.Lake.RetentionDays, MaxBytes: cfg.Lake.MaxBytes,
	}, log)
	if errors.Is(err, lake.ErrLocked) {
		return fmt.Errorf("data folder %s is in use by another ringwall; stop it or choose another folder with --data", cfg.Data)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()

	sp, err := spool.Open(spool.Config{Dir: filepath.Join(cfg.Data, "spool"), MaxBytes: cfg.Spool.MaxBytes}, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sp.Close()) }()
	pump, err := openPump(sp, l, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pump.reader.Close()) }()

	reloader := &ruleReloader{path: cfg.Gateway.Rules, log: log}
	rules, err := reloader.read()
	if err != nil {
		return err
	}
	gw := gateway.New(gateway.Config{
		Version: version, Account: cfg.Gateway.Account, Region: cfg.Gateway.Region,
		RulesBefore: rules.Before, RulesAfter: rules.After}, sink{sp}, log)
	reloader.set = gw.SetRules
	reloader.note(len(rules.Files), nil)
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	plane := &dataPlane{gateway: gw, spool: sp, log: log}
	m, err := manager.Open(ctx, manager.Config{Dir: cfg.Data}, l, plane, version, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	defer func() { // before the spool closes: what is under way still reports
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if stop := gw.Shutdown(drain); stop != nil {
			log.Warn("requests were cut off", "after", drainTime)
		}
	}()

	certs, err := openCertificates(filepath.Join(cfg.Data, "tls"), cfg.Manager.Console)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.Manager.Console)
	if err != nil {
		return portError("console", cfg.Manager.Console, err)
	}
	defer ln.Close() //nolint:errcheck // closed by the server in the normal course

	if err := setup(ctx, m, cfg); err != nil {
		return err
	}
	p, err := m.Policy(ctx)
	if err != nil {
		return err
	}
	if gw.Status().PolicyVersion != p.Version { // setup applied what it changed
		if err := gw.Apply(ctx, p); err != nil {
			return err
		}
	}
	password, _, err := m.EnsureAdmin(ctx)
	if err != nil {
		return err
	}

	server := &http.Server{
		Handler:           handler(m, gw, sp, l, pump, reloader, version),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certs.server}},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ready(Ready{Gateways: plane.urls(), Console: url("https", ln.Addr().String()), CAFile: certs.caFile, AdminPassword: password})

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.Run(ctx) })
	group.Go(func() error { return l.Run(ctx) })
	group.Go(func() error { return reloader.run(ctx, hangUp) })
	group.Go(func() error {
		if err := server.ServeTLS(ln, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("console: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		if server.Shutdown(stop) != nil {
			return server.Close()
		}
		return nil
	})
	group.Go(func() error {
		// The pump outlives the other rooms: it takes what the drained gateway still
		// wrote, and leaves to the next start what it cannot take in time.
		pumping, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			pump.run(pumping)
		}()
		<-ctx.Done()
		drain, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer stop()
		if gw.Shutdown(drain) != nil {
			log.Warn("requests were cut off", "after", drainTime)
		}
		time.AfterFunc(closeTime, cancel)
		pump.finish(pumping, sp.Last())
		cancel()
		<-done
		return nil
	})
	return group.Wait()
}

// setup seeds or changes the first site as the flags say. A server that is asked
// for by flag and not known yet must answer, because it is most likely mistyped.
func setup(ctx context.Context, m *manager.Manager, cfg config.Config) error {
	p, err := m.Policy(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, s := range p.Services {
		for _, r := range s.Routes {
			for _, u := range r.Upstreams {
				known[u] = true
			}
		}
	}
	for _, u := range cfg.Site.Upstreams {
		if known[u] {
			continue
		}
		if err := dial(ctx, u); err != nil {
			return err
		}
	}
	s := manager.Setup{Upstreams: cfg.Site.Upstreams, CertFile: cfg.Site.TLSCert, KeyFile: cfg.Site.TLSKey}
	first := len(p.Services) == 0
	if first && len(cfg.Site.Upstreams) > 0 || cfg.Given("listen") {
		s.Listen = cfg.Site.Listen
	}
	if cfg.Given("mode") {
		mode := asset.Mode(cfg.Site.Mode)
		s.Mode = &mode
	}
	if cfg.Given("trusted-proxy") {
		s.TrustedProxies = cfg.Site.TrustedProxies
	}
	if cfg.Given("access-events") {
		s.AccessEvents = &cfg.Site.AccessEvents
	}
	return m.ApplySetup(ctx, s)
}

func dial(ctx context.Context, upstream string) error {
	u, err := asset.ParseUpstream(upstream)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // "http" and "https" are service names
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("upstream %s cannot be reached (%s); start it first or correct the address", upstream, cause(err))
	}
	return conn.Close()
}

func portError(what, address string, err error) error {
	hint := ""
	if strings.Contains(err.Error(), "in use") {
		hint = "; stop what uses it or choose another port with --" + what
	}
	return fmt.Errorf("%s address %s: %s%s", what, address, cause(err), hint)
}

// cause is the last part of a network error, without the addresses around it.
func cause(err error) string {
	msg := err.Error()
	if i := strings.LastIndex(msg, ": "); i >= 0 {
		return msg[i+2:]
	}
	return msg
}

// url makes a URL that can be clicked: a listener on all interfaces is reached by
// the loopback name. The name rather than the address, because the Core Rule Set
// finds requests to bare addresses suspicious.
func url(scheme, address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (ip.IsUnspecified() || scheme != "https" && ip.IsLoopback()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// handler is everything on the console's port.
func handler(m *manager.Manager, gw *gateway.Gateway, sp *spool.Spool, l *lake.Lake, p *pump, rules *ruleReloader, version string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", m.Handler())
	mux.Handle("/openapi.yaml", m.Handler())
	mux.Handle("GET /metrics", m.Require(manager.Viewer, metrics(gw, sp, l, p, rules, version)))
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { health(w, nil, nil) })
	mux.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) {
		_, _, stale := rules.status()
		health(w, p.failing(), stale)
	})
	mux.Handle("/", console.Handler())
	return mux
}

// health answers 503 if err is not nil. With stale the process does its work, under
// older rules than the operator wants.
func health(w http.ResponseWriter, err, stale error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"failing","reason":"events do not reach the lake"}` + "\n"))
		return
	}
	if stale != nil { // what is wrong stands in the log; this page needs no login
		_, _ = w.Write([]byte(`{"status":"ok","warning":"the rule files were not reloaded, the rules before are in force"}` + "\n"))
		return
	}
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

// spoolName is the gateway's spool in the lake's offsets.
const spoolName = "local"
