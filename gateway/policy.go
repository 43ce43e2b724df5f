package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/policy"
	"github.com/ringwall/ringwall/waf"
)

// service is a compiled policy.Service. It is immutable but for its counters.
type service struct {
	Site        asset.Site
	ServerGroup asset.ServerGroup
	Service     asset.Service

	version  int64
	engine   *waf.Engine
	trusted  []netip.Prefix
	routes   []*route
	counters *counters
}

// route is a compiled asset.Route.
type route struct {
	asset.Route
	host      string // lower case, without port; "" for any
	suffix    string // ".example.com" for "*.example.com"
	prefix    string // without a slash at the end; "" for any
	upstreams []*upstream
	turn      atomic.Uint32
}

// prepared is a compiled policy that is not in force.
type prepared struct {
	policy     policy.Policy
	generation int64
	services   []*service             // without counters
	ports      map[string]*portConfig // by policy address
	engines    map[waf.Config]*waf.Engine
}

// compile builds the services of p and changes nothing in g. Services of one paranoia
// level share the compiled rules, also with the running policy. The error has the
// mistakes of all services.
func (g *Gateway) compile(ctx context.Context, p policy.Policy) (*prepared, error) {
	next := &prepared{policy: p, generation: g.generation, ports: map[string]*portConfig{}, engines: map[waf.Config]*waf.Engine{}}
	fresh := map[upstreamKey]*upstream{}
	var errs []error
	for _, ps := range p.Services {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, err := g.compileService(ps, p.Version, next.engines, fresh)
		if err == nil {
			err = next.addPorts(s)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", ps.Service.Name, err))
			continue
		}
		next.services = append(next.services, s)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, unwrapOne(err)
	}
	return next, nil
}

func (n *prepared) addPorts(s *service) error {
	for _, port := range s.Service.Ports {
		pc, err := newPortConfig(s, port)
		if err != nil {
			return err
		}
		n.ports[port.Address] = pc
	}
	return nil
}

// compileService builds one service. It adds what it compiles to engines, and servers
// that the running policy does not have to fresh.
func (g *Gateway) compileService(
	ps policy.Service, version int64, engines map[waf.Config]*waf.Engine, fresh map[upstreamKey]*upstream,
) (*service, error) {
	s := &service{Site: ps.Site, ServerGroup: ps.ServerGroup, Service: ps.Service, version: version}
	for _, n := range ps.Service.TrustedProxies {
		prefix, err := asset.ParseNetwork(n)
		if err != nil {
			return nil, err
		}
		s.trusted = append(s.trusted, prefix)
	}
	for _, r := range ps.Routes {
		cr := &route{Route: r, prefix: strings.TrimSuffix(r.PathPrefix, "/")}
		cr.host = strings.ToLower(r.Host)
		if suffix, ok := strings.CutPrefix(cr.host, "*"); ok {
			cr.host, cr.suffix = "", suffix
		}
		for _, raw := range r.Upstreams {
			u, err := g.proxy.upstream(ps.Service.ID, raw, r.InsecureSkipVerify, fresh)
			if err != nil {
				return nil, fmt.Errorf("route %q: %w", r.ID, err)
			}
			cr.upstreams = append(cr.upstreams, u)
		}
		s.routes = append(s.routes, cr)
	}
	base, err := g.engineFor(ps.Service, engines)
	if err != nil {
		return nil, err
	}
	s.engine, err = tune(base, ps)
	return s, err
}

// engineFor returns the compiled rule set that a service shares with all others of
// its settings; thresholds, exceptions and actions are no part of it. It adds it to
// engines.
func (g *Gateway) engineFor(s asset.Service, engines map[waf.Config]*waf.Engine) (*waf.Engine, error) {
	cfg := waf.Config{Paranoia: max(1, s.Paranoia), Before: g.cfg.RulesBefore, Directives: g.cfg.RulesAfter} // paranoia 0 means 1
	engine := engines[cfg]
	if engine == nil {
		engine = g.engines[cfg]
	}
	if engine == nil {
		var err error
		own := cfg
		own.Collections = g.collections
		if engine, err = waf.Compile(own); err != nil {
			return nil, err
		}
	}
	engines[cfg] = engine
	return engine, nil
}

// tune makes the engine of one service. An error names the exception or rule.
func tune(base *waf.Engine, s policy.Service) (*waf.Engine, error) {
	t := waf.Tuning{InboundThreshold: s.Service.InboundThreshold, OutboundThreshold: s.Service.OutboundThreshold}
	for _, x := range s.Exceptions {
		e, err := exception(x)
		if err != nil {
			return nil, fmt.Errorf("exception for %s: %w", x, err)
		}
		t.Exceptions = append(t.Exceptions, e)
	}
	for _, a := range s.Actions {
		if t.Actions == nil {
			t.Actions = map[int]waf.Action{}
		}
		t.Actions[a.RuleID] = waf.Action(a.Action)
	}
	engine, err := base.With(t)
	if err == nil {
		return engine, nil
	}
	// One by one, so that each mistake is told with the exception that has it.
	var errs []error
	for i, e := range t.Exceptions {
		if _, err := base.With(waf.Tuning{Exceptions: []waf.Exception{e}}); err != nil {
			errs = append(errs, fmt.Errorf("exception for %s: %w", s.Exceptions[i], err))
		}
	}
	if len(errs) > 0 {
		err = errors.Join(errs...)
	}
	return nil, err
}

// exception is x as the engine takes it.
func exception(x policy.Exception) (waf.Exception, error) {
	sources, err := x.Networks()
	return waf.Exception{
		RuleID: x.RuleID, RuleIDLast: x.RuleIDLast, Tag: x.Tag, Target: x.Target,
		PathPrefix: x.PathPrefix, Methods: x.Methods, Sources: sources, Expires: x.Expires,
		Owner: x.Owner, Comment: x.Comment,
	}, err
}

// find returns the route for a host header and an undecoded path, nil if there is
// none.
func (s *service) find(host, path string) *route {
	host = strings.ToLower(strings.TrimSuffix(stripPort(host), "."))
	for _, r := range s.routes {
		if r.host != "" && r.host != host || r.suffix != "" && !strings.HasSuffix(host, r.suffix) {
			continue
		}
		if rest, ok := strings.CutPrefix(path, r.prefix); ok && (rest == "" || rest[0] == '/' || r.prefix == "") {
			return r
		}
	}
	return nil
}

// stripPort takes the port off a Host header, which may be an IPv6 literal.
func stripPort(host string) string {
	if end := strings.IndexByte(host, ']'); end >= 0 {
		return host[:end+1]
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// client is the address that a request came from: the peer, or, as long as the
// hop is a trusted proxy, what its X-Forwarded-For says, read from right to left.
// An entry that is no address ends the walk, because nothing left of it can be
// trusted to have been written by a proxy.
func (s *service) client(peer netip.Addr, forwarded []string) netip.Addr {
	client := peer
	for i := len(forwarded) - 1; i >= 0; i-- {
		hops := strings.Split(forwarded[i], ",")
		for j := len(hops) - 1; j >= 0; j-- {
			if !s.trusts(client) {
				return client
			}
			hop, err := parseHop(hops[j])
			if err != nil {
				return client
			}
			client = hop
		}
	}
	return client
}

func (s *service) trusts(a netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parseHop reads one entry of X-Forwarded-For: an address, which some proxies
// write with a port or in brackets.
func parseHop(s string) (netip.Addr, error) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), nil
	}
	ap, err := netip.ParseAddrPort(s)
	return ap.Addr().Unmap().WithZone(""), err
}
