// Package policy holds what the operator wants from the gateways: one immutable,
// versioned value with every site, server group, service and route resolved. The
// manager compiles it from its objects, the gateway compiles it once more into
// listeners and engines and swaps the whole in one step.
//
// The package does no I/O. Stability: the JSON form is the file that a gateway
// keeps as its last known good policy.
package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/asset"
)

// Policy is everything a gateway needs to know. Treat it as immutable.
type Policy struct {
	// Version grows with every change; the gateway reports which one it runs.
	Version int64 `json:"version"`
	// Services are ordered by name.
	Services []Service `json:"services"`
}

// Service is an HTTP service with its place in the tree and its routes.
type Service struct {
	Site        asset.Site        `json:"site"`
	ServerGroup asset.ServerGroup `json:"server_group"`
	Service     asset.Service     `json:"service"`
	// Routes are in the order in which they are tried.
	Routes []asset.Route `json:"routes"`
	// Exceptions are those that are enabled, the oldest first. The gateway knows when
	// they expire.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Actions override what rules do, ordered by rule.
	Actions []RuleAction `json:"actions,omitempty"`
}

// Objects is everything that a policy is compiled from.
type Objects struct {
	Sites        []asset.Site
	ServerGroups []asset.ServerGroup
	Services     []asset.Service
	Routes       []asset.Route
	Exceptions   []Exception
	RuleActions  []RuleActions
}

// Compile resolves a flat set of objects into a policy. It returns every problem
// it finds, joined; each names the object. Two services may not share a port.
func Compile(version int64, o Objects) (Policy, error) {
	var errs []error
	siteByID := byID(o.Sites, func(s asset.Site) string { return s.ID })
	groupByID := byID(o.ServerGroups, func(g asset.ServerGroup) string { return g.ID })
	routes := byService(o.Routes, func(r asset.Route) string { return r.ServiceID })
	exceptions := byService(o.Exceptions, func(x Exception) string { return x.ServiceID })
	actions := byID(o.RuleActions, func(a RuleActions) string { return a.ServiceID })
	p := Policy{Version: version}
	ports := map[string]string{}
	for _, svc := range o.Services {
		group, ok := groupByID[svc.ServerGroupID]
		if !ok {
			errs = append(errs, fmt.Errorf("service %q: its server group %q does not exist", svc.Name, svc.ServerGroupID))
			continue
		}
		site, ok := siteByID[group.SiteID]
		if !ok {
			errs = append(errs, fmt.Errorf("server group %q: its site %q does not exist", group.Name, group.SiteID))
			continue
		}
		for _, err := range []error{site.Validate(), group.Validate(), svc.Validate()} {
			if err != nil {
				errs = append(errs, fmt.Errorf("service %q: %w", svc.Name, err))
			}
		}
		for _, port := range svc.Ports {
			if other, taken := ports[port.Address]; taken && !strings.HasSuffix(port.Address, ":0") {
				errs = append(errs, fmt.Errorf("service %q: port %s is already used by service %q", svc.Name, port.Address, other))
			}
			ports[port.Address] = svc.Name
		}
		s := Service{Site: site, ServerGroup: group, Service: svc}
		for _, r := range routes[svc.ID] {
			if err := r.Validate(); err != nil {
				errs = append(errs, fmt.Errorf("service %q: route %q: %w", svc.Name, r.ID, err))
			}
			s.Routes = append(s.Routes, r)
		}
		slices.SortStableFunc(s.Routes, func(a, b asset.Route) int {
			return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(len(b.PathPrefix), len(a.PathPrefix)), cmp.Compare(a.ID, b.ID))
		})
		for _, x := range exceptions[svc.ID] {
			if err := x.Validate(); err != nil {
				errs = append(errs, fmt.Errorf("service %q: exception for %s: %w", svc.Name, x, err))
			}
			if x.Enabled {
				s.Exceptions = append(s.Exceptions, x)
			}
		}
		slices.SortStableFunc(s.Exceptions, func(a, b Exception) int {
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
		})
		if a := actions[svc.ID]; len(a.Actions) > 0 {
			if err := a.Validate(); err != nil {
				errs = append(errs, fmt.Errorf("service %q: %w", svc.Name, err))
			}
			s.Actions = slices.SortedFunc(slices.Values(a.Actions), func(a, b RuleAction) int { return cmp.Compare(a.RuleID, b.RuleID) })
		}
		p.Services = append(p.Services, s)
	}
	slices.SortStableFunc(p.Services, func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Service.Name, b.Service.Name), cmp.Compare(a.Service.ID, b.Service.ID))
	})
	return p, errors.Join(errs...)
}

func byID[T any](list []T, id func(T) string) map[string]T {
	m := make(map[string]T, len(list))
	for _, v := range list {
		m[id(v)] = v
	}
	return m
}

func byService[T any](list []T, service func(T) string) map[string][]T {
	m := map[string][]T{}
	for _, v := range list {
		m[service(v)] = append(m[service(v)], v)
	}
	return m
}
