// Package gateway is the data plane: it listens, inspects each request and
// response with waf, sends what passes to the upstreams and reports what happened
// to an event.Sink.
//
// A running policy is immutable. Apply compiles the next one beside it and swaps
// it in without dropping a connection; if it cannot, the old one stays.
//
// The package keeps nothing on disk (its subpackage spool does) and never decides
// what is an attack (waf does).
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
	"github.com/ringwall/ringwall/waf"
)

// Config is a gateway's own configuration; what it protects comes by Apply.
type Config struct {
	// Name appears in events and in the console. Empty means the host name.
	Name    string
	Version string
	// Account and Region are where the gateway runs. Events carry them; empty is fine.
	Account, Region string
	// HeaderTimeout is how long a client may take for TLS handshake and request
	// head. Zero means 10 s.
	HeaderTimeout time.Duration
	// BodyTimeout is how long a client may take for the inspected part of a body,
	// and how long the rest may stand still. Zero means 30 s.
	BodyTimeout time.Duration
	// WriteTimeout is how long a client may take no byte of the answer. Zero means 60 s.
	WriteTimeout time.Duration
	// IdleTimeout is how long an idle client connection stays open. Zero means 75 s.
	IdleTimeout time.Duration
	// DialTimeout, ResponseTimeout and StallTimeout bound an upstream: connecting,
	// the wait for its response head, and a standstill within a response body.
	// Zero means 5 s, 60 s and 5 min. Upgraded connections may stand still.
	DialTimeout     time.Duration
	ResponseTimeout time.Duration
	StallTimeout    time.Duration
	// MaxHeaderBytes bounds a request head. Zero means 64 KiB.
	MaxHeaderBytes int
	// MaxConnections bounds the open connections of a port; more wait to be
	// accepted. Zero means 16384.
	MaxConnections int
	// RulesBefore and RulesAfter are SecLang before and after the Core Rule Set, in
	// every service: settings of the rule set and exceptions that rules make at run
	// time belong before it, further rules after it. Apply returns their errors;
	// SetRules replaces them.
	RulesBefore, RulesAfter string
}

// Validate returns every problem of c, joined.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"header timeout", c.HeaderTimeout},
		{"body timeout", c.BodyTimeout},
		{"write timeout", c.WriteTimeout},
		{"idle timeout", c.IdleTimeout},
		{"dial timeout", c.DialTimeout},
		{"response timeout", c.ResponseTimeout},
		{"stall timeout", c.StallTimeout},
	} {
		if d.v < 0 {
			errs = append(errs, fmt.Errorf("gateway: %s must not be negative", d.name))
		}
	}
	if c.MaxHeaderBytes < 0 || c.MaxConnections < 0 {
		errs = append(errs, errors.New("gateway: limits must not be negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name, _ = os.Hostname() // empty is fine
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&c.HeaderTimeout, 10 * time.Second},
		{&c.BodyTimeout, 30 * time.Second},
		{&c.WriteTimeout, 60 * time.Second},
		{&c.IdleTimeout, 75 * time.Second},
		{&c.DialTimeout, 5 * time.Second},
		{&c.ResponseTimeout, 60 * time.Second},
		{&c.StallTimeout, 5 * time.Minute},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if c.MaxHeaderBytes == 0 {
		c.MaxHeaderBytes = 64 << 10
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 16384
	}
	return c
}

// Gateway is a running data plane. Its methods are safe for use by several
// goroutines.
type Gateway struct {
	cfg     Config
	sink    event.Sink
	log     *slog.Logger
	started time.Time
	proxy   *proxy

	requests, blocked, inFlight atomic.Int64
	warned                      atomic.Int64 // second in which a dropped event was last logged

	mu        sync.Mutex // held while a policy is applied
	version   int64
	policy    policy.Policy        // the running one
	listeners map[string]*listener // by policy address
	services  []*service
	engines   map[waf.Config]*waf.Engine
	// collections is what rules remember of clients, kept across policies.
	collections *waf.Collections
	counters    map[string]*counters // by service id, kept across policies
	serving     sync.WaitGroup
	closed      bool
}

// New returns a gateway without a policy: it listens nowhere.
func New(cfg Config, sink event.Sink, log *slog.Logger) *Gateway {
	cfg = cfg.withDefaults()
	g := &Gateway{
		cfg: cfg, sink: sink, log: log, started: time.Now(),
		listeners: map[string]*listener{}, engines: map[waf.Config]*waf.Engine{}, counters: map[string]*counters{},
		collections: waf.NewCollections(0),
	}
	g.proxy = newProxy(g)
	return g
}

// Apply makes p the running policy. On error the old policy runs on unchanged;
// the error names the service or port. Connections stay open: requests that began
// under the old policy end under it. Ports that p no longer has drain in the
// background.
func (g *Gateway) Apply(ctx context.Context, p policy.Policy) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return http.ErrServerClosed
	}
	return g.apply(ctx, p)
}

// apply is Apply for those who hold the mutex.
func (g *Gateway) apply(ctx context.Context, p policy.Policy) error {
	services, engines, err := g.compile(p)
	if err != nil {
		return err
	}
	var opened []*listener
	next := map[string]*listener{}
	certs := map[*listener]*portConfig{}
	for _, s := range services {
		for _, port := range s.Service.Ports {
			pc, err := newPortConfig(s, port)
			l := g.listeners[port.Address]
			if err == nil && l == nil {
				l, err = g.listen(ctx, port.Address)
				if err == nil {
					opened = append(opened, l)
				}
			}
			if err != nil {
				for _, o := range opened {
					err = errors.Join(err, o.ln.Close())
				}
				return fmt.Errorf("service %q: %w", s.Service.Name, err)
			}
			next[port.Address], certs[l] = l, pc
		}
	}
	// Nothing can fail from here on.
	for l, pc := range certs {
		l.port.Store(pc)
	}
	for _, l := range opened {
		g.serving.Go(l.serve)
	}
	for address, l := range g.listeners {
		if next[address] == nil {
			g.serving.Go(func() { l.drain(30 * time.Second) })
		}
	}
	g.listeners, g.services, g.engines, g.version, g.policy = next, services, engines, p.Version, p
	g.proxy.keep(services)
	g.log.Info("policy applied", "version", p.Version, "services", len(services), "ports", len(next))
	return nil
}

// Shutdown stops accepting, lets running requests finish until ctx ends, then
// closes what is left. It waits for everything the gateway started.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	listeners := g.listeners
	g.listeners = map[string]*listener{}
	g.mu.Unlock()
	var wg sync.WaitGroup
	for _, l := range listeners {
		wg.Go(func() { l.shutdown(ctx) })
	}
	wg.Wait()
	g.serving.Wait()
	g.proxy.close()
	return ctx.Err()
}

// Status tells how the gateway is. The spool's numbers are not known here.
func (g *Gateway) Status() asset.GatewayStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := asset.GatewayStatus{
		ID: g.cfg.Name, Name: g.cfg.Name, Version: g.cfg.Version, Started: g.started.UTC(), PolicyVersion: g.version,
		MemoryBytes: residentBytes(), Goroutines: runtime.NumGoroutine(),
		Requests: g.requests.Load(), Blocked: g.blocked.Load(), InFlight: g.inFlight.Load(),
		Listeners: []asset.ListenerStatus{}, Upstreams: []asset.UpstreamStatus{}, Traffic: []asset.Traffic{},
	}
	for _, s := range g.services {
		for _, port := range s.Service.Ports {
			l := g.listeners[port.Address]
			if l == nil {
				continue
			}
			st.Listeners = append(st.Listeners, asset.ListenerStatus{
				Service: s.Service.Name, Address: l.ln.Addr().String(), TLS: port.TLS(), Connections: l.connections.Load(),
			})
		}
		seen := map[*upstream]bool{}
		for _, r := range s.routes {
			for _, u := range r.upstreams {
				if !seen[u] {
					seen[u] = true
					st.Upstreams = append(st.Upstreams, u.status(s.Service.Name))
				}
			}
		}
		st.Traffic = append(st.Traffic, s.counters.traffic(s))
	}
	return st
}

// CollectionStats tells how full the collections are in which rules remember clients.
func (g *Gateway) CollectionStats() waf.CollectionStats { return g.collections.Stats() }

// Address returns the real address of a service's first port, "" if it has none.
func (g *Gateway) Address(serviceID string) (address string, tls bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.services {
		for _, port := range s.Service.Ports {
			if l := g.listeners[port.Address]; l != nil && s.Service.ID == serviceID {
				return l.ln.Addr().String(), port.TLS()
			}
		}
	}
	return "", false
}

// Services lists what the running policy protects.
func (g *Gateway) Services() []asset.Service {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]asset.Service, len(g.services))
	for i, s := range g.services {
		list[i] = s.Service
	}
	return list
}

// counters count a service's requests across policies.
type counters struct{ requests, blocked, alerted, errors atomic.Int64 }

func (c *counters) traffic(s *service) asset.Traffic {
	return asset.Traffic{
		ServiceID: s.Service.ID, ServerGroupID: s.ServerGroup.ID,
		Requests: c.requests.Load(), Blocked: c.blocked.Load(), Alerted: c.alerted.Load(), Errors: c.errors.Load(),
	}
}

// residentBytes is the process's resident memory where the system tells it, else
// what the Go runtime took from the system.
func residentBytes() int64 {
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// listen opens a port without serving it yet.
func (g *Gateway) listen(ctx context.Context, address string) (*listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, listenError(address, err)
	}
	return newListener(g, ln), nil
}

func listenError(address string, err error) error {
	msg := err.Error()
	if i := strings.LastIndex(msg, ": "); i >= 0 {
		msg = msg[i+2:]
	}
	hint := ""
	switch {
	case strings.Contains(msg, "in use"):
		hint = "; stop what uses it or choose another port"
	case strings.Contains(msg, "permission denied"):
		hint = "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
	}
	return fmt.Errorf("port %s: %s%s", address, msg, hint)
}

// isTimeout reports whether an upstream or a client was too slow.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func sortedKeys(h http.Header) []string {
	keys := make([]string, 0, len(h))
	for k := range h {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
