// Package gateway is the data plane: it listens, inspects each request and
// response with waf, sends what passes to the upstreams and reports what happened
// to an event.Sink.
//
// A running policy is immutable. Apply compiles the next one beside it and swaps
// it in without dropping a connection; if it cannot, the old one stays. Check tells
// beforehand what Apply would refuse.
//
// The package keeps nothing on disk (that is for the sink) and never decides
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
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/internal/neterr"
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

	// changing is held while a policy or rules are compiled and put in force, which
	// takes seconds. It guards what nothing else needs.
	changing sync.Mutex
	policy   policy.Policy // the running one
	engines  map[waf.Config]*waf.Engine
	counters map[string]*counters // by service id, kept across policies
	prepared *prepared            // by Check, nil if Apply has to compile
	// generation counts what compiled policies depend on: policies put in force and
	// changes of the rules.
	generation int64

	// mu is held for moments only, so that Status never waits for a compilation.
	mu        sync.Mutex
	version   int64
	given     asset.PolicyStatus
	listeners map[string]*listener // by policy address; written with changing held too
	services  []*service
	closed    bool

	// collections is what rules remember of clients, kept across policies.
	collections *waf.Collections
	serving     sync.WaitGroup
}

// New returns a gateway without a policy: it listens nowhere.
func New(cfg Config, sink event.Sink, log *slog.Logger) *Gateway {
	cfg = cfg.withDefaults()
	g := &Gateway{
		cfg: cfg, sink: sink, log: log, started: time.Now(),
		listeners: map[string]*listener{}, engines: map[waf.Config]*waf.Engine{}, counters: map[string]*counters{},
		collections: waf.NewCollections(0), given: asset.PolicyStatus{State: asset.PolicyPending},
	}
	g.proxy = newProxy(g)
	return g
}

// Check finds out whether Apply would make p the running policy, and changes
// nothing. The error has everything that is wrong, each with its service: rules and
// exceptions that do not compile, certificates that cannot be read, ports that cannot
// be opened. What it compiled is kept, so that an Apply of the same policy is quick.
func (g *Gateway) Check(ctx context.Context, p policy.Policy) error {
	g.changing.Lock()
	defer g.changing.Unlock()
	g.prepared = nil
	listeners, err := g.ports()
	if err != nil {
		return err
	}
	next, err := g.compile(ctx, p)
	errs := []error{err}
	for _, s := range p.Services {
		for _, port := range s.Service.Ports {
			if listeners[port.Address] != nil {
				continue
			}
			// Nobody knows whether a port can be opened but the system; it is closed again
			// at once.
			ln, err := listen(ctx, port.Address)
			if err != nil {
				errs = append(errs, fmt.Errorf("service %q: %w", s.Service.Name, err))
				continue
			}
			if err := ln.Close(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return unwrapOne(err)
	}
	g.prepared = next
	return nil
}

// Apply makes p the running policy. On error the old policy runs on unchanged;
// the error names the service or port, and Status tells it too. Connections stay
// open: requests that began under the old policy end under it. Ports that p no longer
// has drain in the background.
func (g *Gateway) Apply(ctx context.Context, p policy.Policy) error {
	g.changing.Lock()
	defer g.changing.Unlock()
	g.note(asset.PolicyStatus{Version: p.Version, State: asset.PolicyPending})
	err := g.apply(ctx, p)
	if err != nil {
		g.note(asset.PolicyStatus{Version: p.Version, State: asset.PolicyRefused, Error: err.Error()})
		return err
	}
	g.note(asset.PolicyStatus{Version: p.Version, State: asset.PolicyApplied})
	return nil
}

func (g *Gateway) note(st asset.PolicyStatus) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.given = st
}

// ports returns the open ports by their addresses in the policy, or
// http.ErrServerClosed.
func (g *Gateway) ports() (map[string]*listener, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, http.ErrServerClosed
	}
	return g.listeners, nil
}

// apply is Apply for those who hold changing.
func (g *Gateway) apply(ctx context.Context, p policy.Policy) error {
	listeners, err := g.ports()
	if err != nil {
		return err
	}
	next := g.prepared
	if g.prepared = nil; next == nil || next.generation != g.generation || !reflect.DeepEqual(next.policy, p) {
		if next, err = g.compile(ctx, p); err != nil {
			return err
		}
	}
	var opened []*listener
	open := map[string]*listener{}
	var errs []error
	for _, s := range next.services {
		for _, port := range s.Service.Ports {
			l := listeners[port.Address]
			if l == nil {
				ln, err := listen(ctx, port.Address)
				if err != nil {
					errs = append(errs, fmt.Errorf("service %q: %w", s.Service.Name, err))
					continue
				}
				l = newListener(g, ln)
				opened = append(opened, l)
			}
			open[port.Address] = l
		}
	}
	if len(errs) > 0 {
		return unwrapOne(errors.Join(append(errs, closeAll(opened))...))
	}
	for _, s := range next.services {
		if g.counters[s.Service.ID] == nil {
			g.counters[s.Service.ID] = new(counters)
		}
		s.counters = g.counters[s.Service.ID]
	}
	g.mu.Lock()
	if g.closed { // while it was compiled
		g.mu.Unlock()
		return errors.Join(http.ErrServerClosed, closeAll(opened))
	}
	// Nothing can fail from here on.
	for address, l := range open {
		l.port.Store(next.ports[address])
	}
	for _, l := range opened {
		g.serving.Go(l.serve)
	}
	for address, l := range listeners {
		if open[address] == nil {
			g.serving.Go(func() { l.drain(30 * time.Second) })
		}
	}
	g.listeners, g.services, g.version = open, next.services, p.Version
	g.mu.Unlock()
	g.engines, g.policy = next.engines, p
	g.generation++
	g.proxy.keep(next.services)
	g.log.Info("policy applied", "version", p.Version, "services", len(next.services), "ports", len(open))
	return nil
}

func closeAll(list []*listener) error {
	var errs []error
	for _, l := range list {
		errs = append(errs, l.ln.Close())
	}
	return errors.Join(errs...)
}

// unwrapOne is err without the joining where it joins a single error.
func unwrapOne(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) == 1 {
		return joined.Unwrap()[0]
	}
	return err
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
		ID: g.cfg.Name, Name: g.cfg.Name, Version: g.cfg.Version, Started: g.started.UTC(), PolicyVersion: g.version, Policy: g.given,
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
func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, neterr.Listen("port "+address, err, "")
	}
	return ln, nil
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
