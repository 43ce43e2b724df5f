// Package app joins the rooms by hand: it is the only one that knows all of them.
// Everything here is order: what is opened before what, which interface is met by
// whom, and how it all stops again.
//
// A program is a process with planes opened on it: the data plane (gateway, rules,
// spool), the memory (lake) with the pump that fills it, and the control plane
// (manager, console).
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/internal/neterr"
	"github.com/ringwall/ringwall/manager"
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

// AllInOne runs manager, gateway and lake in one process on the stores below
// cfg.Data until ctx ends, then drains and stops within 5 s. It calls ready once,
// when all ports are open. Whatever it finds on disk from an earlier run, however
// that ended, it goes on from there.
func AllInOne(ctx context.Context, cfg config.Config, version string, log *slog.Logger, ready func(Ready)) (err error) {
	pr := &process{log: log}
	defer func() { err = errors.Join(err, pr.stop()) }()
	if err := makeData(cfg.Data); err != nil {
		return err
	}
	lake, err := openLake(pr, cfg.Data, cfg.Lake)
	if err != nil {
		return err
	}
	data, err := openDataPlane(pr, cfg.Data, cfg.Gateway, cfg.Spool, version)
	if err != nil {
		return err
	}
	pump, err := openPump(pr, data.spool, lake.Lake, data.drained)
	if err != nil {
		return err
	}
	control, err := openControlPlane(ctx, pr, cfg.Data, cfg.Manager, lake.Lake, data, version)
	if err != nil {
		return err
	}
	if err := setup(ctx, control.manager, cfg); err != nil {
		return err
	}
	p, err := control.manager.Policy(ctx)
	if err != nil {
		return err
	}
	if data.gateway.Status().PolicyVersion != p.Version { // setup applied what it changed
		if err := data.gateway.Apply(ctx, p); err != nil {
			return err
		}
	}
	password, _, err := control.manager.EnsureAdmin(ctx)
	if err != nil {
		return err
	}
	control.serve(pr, version, data, lake, pump)
	ready(Ready{Gateways: data.urls(), Console: control.url(), CAFile: control.caFile, AdminPassword: password})
	return pr.run(ctx)
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
		return fmt.Errorf("upstream %s cannot be reached (%s); start it first or correct the address", upstream, neterr.Cause(err))
	}
	return conn.Close()
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
