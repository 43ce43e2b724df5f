// Package asset holds the nouns for what Ringwall protects: sites, server
// groups, HTTP services and routes. They are plain values with a JSON form; the
// package does no I/O and starts no goroutine.
//
// The hierarchy is the one operators of SecureSphere know:
//
//	Site > ServerGroup (operation mode) > Service (ports) > Route (upstreams)
//
// Revision grows with each stored change of an object. It is zero for an object
// that is not stored yet; an update must carry the revision it was made from.
//
// Stability: the JSON names are part of the API and of policy files.
package asset

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Mode is what the gateways do with a violation in a server group.
type Mode string

// The operation modes.
const (
	// Active reports and blocks.
	Active Mode = "active"
	// Simulation reports what active would have blocked and blocks nothing. It is
	// the default for everything new.
	Simulation Mode = "simulation"
	// Disabled inspects nothing. No traffic reaches the servers, unless
	// ServerGroup.PassWhenDisabled says that it passes uninspected.
	Disabled Mode = "disabled"
)

// Valid reports whether m is an operation mode.
func (m Mode) Valid() bool { return m == Active || m == Simulation || m == Disabled }

// Site is one data centre, cloud account or customer: the top of the tree.
type Site struct {
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	Name     string `json:"name"`
}

// ServerGroup is a set of servers that play the same part and share an operation
// mode.
type ServerGroup struct {
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	SiteID   string `json:"site_id"`
	Name     string `json:"name"`
	Mode     Mode   `json:"mode"`
	// PassWhenDisabled lets traffic through uninspected in mode Disabled, where it
	// would otherwise be answered with 503.
	PassWhenDisabled bool `json:"pass_when_disabled"`
}

// Service is one HTTP service of a server group: the ports it is reached at, how
// much it accepts and how it is inspected.
type Service struct {
	ID            string `json:"id"`
	Revision      int64  `json:"revision"`
	ServerGroupID string `json:"server_group_id"`
	Name          string `json:"name"`
	Ports         []Port `json:"ports"`
	// TrustedProxies are the networks (CIDR or single address) whose
	// X-Forwarded-For header is believed. Empty believes nobody.
	TrustedProxies []string `json:"trusted_proxies"`
	// AccessEvents records an event for every request, not only for those that
	// matched a rule.
	AccessEvents bool `json:"access_events"`
	// Paranoia is the CRS paranoia level, 1 to 4. Zero means 1.
	Paranoia int `json:"paranoia"`
	// InboundThreshold is the anomaly score at which a request is blocked. Zero
	// means 5, the score of one critical rule.
	InboundThreshold int `json:"inbound_threshold"`
	// OutboundThreshold is the same for responses. Zero means 4.
	OutboundThreshold int `json:"outbound_threshold"`
	// MaxBodyBytes is how large a request body may be before it is refused with
	// 413. Zero means 100 MiB.
	MaxBodyBytes int64 `json:"max_body_bytes"`
	// FailClosed blocks a request whose inspection failed inside the engine. The
	// default is to let it pass and to report the failure.
	FailClosed bool `json:"fail_closed"`
}

// Port is a TCP address that a service is reached at.
type Port struct {
	// Address is host:port; an empty host listens on all interfaces.
	Address string `json:"address"`
	// CertFile and KeyFile are PEM files on the gateway. Both or neither; with
	// them the port speaks TLS with HTTP/2 and HTTP/1.1, without them plain
	// HTTP/1.1 and HTTP/2 with prior knowledge.
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
}

// TLS reports whether the port speaks TLS.
func (p Port) TLS() bool { return p.CertFile != "" }

// Route sends part of a service's traffic to its servers. The route with the
// lowest Priority that matches wins; ties go to the longer path prefix.
type Route struct {
	ID        string `json:"id"`
	Revision  int64  `json:"revision"`
	ServiceID string `json:"service_id"`
	Priority  int    `json:"priority"`
	// Host is an exact host name, "*.example.com" for its subdomains, or empty for
	// any. Case and port do not matter.
	Host string `json:"host"`
	// PathPrefix matches whole segments: "/shop" matches "/shop" and "/shop/x" but
	// not "/shopping". Empty and "/" match everything.
	PathPrefix string `json:"path_prefix"`
	// Upstreams are base URLs, http or https; a request goes to the next one that
	// answers, in turn.
	Upstreams []string `json:"upstreams"`
	// PreserveHost sends the client's Host header on. Otherwise the upstream's own
	// host is sent.
	PreserveHost bool `json:"preserve_host"`
	// InsecureSkipVerify accepts any certificate from https upstreams.
	InsecureSkipVerify bool `json:"insecure_skip_verify"`
}

// Validate returns every problem of the site, joined.
func (s Site) Validate() error { return checkName("site", s.Name) }

// Validate returns every problem of the server group, joined.
func (g ServerGroup) Validate() error {
	var mode error
	if !g.Mode.Valid() {
		mode = fmt.Errorf("mode %q: must be active, simulation or disabled", g.Mode)
	}
	return errors.Join(checkName("server group", g.Name), mode)
}

// Validate returns every problem of the service, joined.
func (s Service) Validate() error {
	errs := []error{checkName("service", s.Name)}
	if len(s.Ports) == 0 {
		errs = append(errs, errors.New("ports: at least one is needed, for example 0.0.0.0:8080"))
	}
	seen := map[string]bool{}
	for i, p := range s.Ports {
		if err := p.validate(); err != nil {
			errs = append(errs, fmt.Errorf("ports[%d]: %w", i, err))
		}
		if seen[p.Address] {
			errs = append(errs, fmt.Errorf("ports[%d]: %s is listed twice", i, p.Address))
		}
		seen[p.Address] = true
	}
	for i, n := range s.TrustedProxies {
		if _, err := ParseNetwork(n); err != nil {
			errs = append(errs, fmt.Errorf("trusted_proxies[%d]: %w", i, err))
		}
	}
	if s.Paranoia < 0 || s.Paranoia > 4 {
		errs = append(errs, fmt.Errorf("paranoia %d: must be 1 to 4", s.Paranoia))
	}
	if s.InboundThreshold < 0 || s.OutboundThreshold < 0 {
		errs = append(errs, errors.New("thresholds: must not be negative"))
	}
	if s.MaxBodyBytes < 0 {
		errs = append(errs, errors.New("max_body_bytes: must not be negative"))
	}
	return errors.Join(errs...)
}

func (p Port) validate() error {
	_, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		return fmt.Errorf("address %q: want host:port, for example 0.0.0.0:8080", p.Address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("address %q: port must be a number from 0 to 65535", p.Address)
	}
	if (p.CertFile == "") != (p.KeyFile == "") {
		return errors.New("cert_file and key_file: give both or neither")
	}
	return nil
}

// Validate returns every problem of the route, joined.
func (r Route) Validate() error {
	var errs []error
	if len(r.Upstreams) == 0 {
		errs = append(errs, errors.New("upstreams: at least one URL is needed, for example http://127.0.0.1:3000"))
	}
	for i, u := range r.Upstreams {
		if _, err := ParseUpstream(u); err != nil {
			errs = append(errs, fmt.Errorf("upstreams[%d]: %w", i, err))
		}
	}
	if h := strings.TrimPrefix(r.Host, "*."); strings.ContainsAny(h, "*/ @") {
		errs = append(errs, fmt.Errorf("host %q: want a name such as shop.example.com or *.example.com", r.Host))
	}
	clean := r.PathPrefix == "/" || path.Clean(r.PathPrefix) == strings.TrimSuffix(r.PathPrefix, "/")
	if r.PathPrefix != "" && (!strings.HasPrefix(r.PathPrefix, "/") || !clean) {
		errs = append(errs, fmt.Errorf("path_prefix %q: must start with / and contain no empty, . or .. segment", r.PathPrefix))
	}
	return errors.Join(errs...)
}

// ParseUpstream reads the base URL of a server. It must be absolute, http or
// https, without user, query or fragment.
func ParseUpstream(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: not a URL, want for example http://127.0.0.1:3000", s)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("upstream %q: want http://host:port or https://host:port", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("upstream %q: user, query and fragment are not allowed here", s)
	}
	return u, nil
}

// ParseNetwork reads a CIDR prefix or a single address.
func ParseNetwork(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("network %q: want an address or CIDR, for example 10.0.0.0/8", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

func checkName(what, name string) error {
	if strings.TrimSpace(name) == "" || len(name) > 200 {
		return fmt.Errorf("name: a %s needs a name of 1 to 200 bytes", what)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return errors.New("name: control characters are not allowed")
		}
	}
	return nil
}
