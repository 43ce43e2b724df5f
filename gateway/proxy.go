package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/asset"
)

// proxy sends requests to upstreams. Framing, hop-by-hop fields, upgrades and
// trailers are httputil.ReverseProxy's; choosing servers, the forwarding fields and
// the inspection of the response are ours.
type proxy struct {
	gateway *Gateway
	reverse *httputil.ReverseProxy

	mu        sync.Mutex
	upstreams map[upstreamKey]*upstream
}

type upstreamKey struct {
	serviceID, url string
	insecure       bool
}

// upstream is one server with its connection pool. It lives across policies.
type upstream struct {
	key       upstreamKey
	base      *url.URL
	transport *http.Transport

	requests, failures atomic.Int64
	// failedAt is when the last connection failed (Unix ns), 0 after a success.
	failedAt  atomic.Int64
	lastError atomic.Pointer[string]
}

// retryAfter is how long a server that refused a connection is left out while
// others are there.
const retryAfter = 5 * time.Second

func newProxy(g *Gateway) *proxy {
	p := &proxy{gateway: g, upstreams: map[upstreamKey]*upstream{}}
	p.reverse = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      roundTripper{},
		ModifyResponse: func(res *http.Response) error { return exchangeOf(res.Request).response(res) },
		ErrorHandler:   func(_ http.ResponseWriter, r *http.Request, err error) { exchangeOf(r).proxyError(err) },
		BufferPool:     copyBuffers{},
		ErrorLog:       slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	return p
}

// upstream returns the server for a base URL: that of the running policy with its
// pool, or one of fresh, where it adds it if it is new.
func (p *proxy) upstream(serviceID, raw string, insecure bool, fresh map[upstreamKey]*upstream) (*upstream, error) {
	base, err := asset.ParseUpstream(raw)
	if err != nil {
		return nil, err
	}
	key := upstreamKey{serviceID, base.String(), insecure}
	p.mu.Lock()
	u := p.upstreams[key]
	p.mu.Unlock()
	if u == nil {
		u = fresh[key]
	}
	if u != nil {
		return u, nil
	}
	cfg := p.gateway.cfg
	dialer := &net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: 30 * time.Second}
	u = &upstream{key: key, base: base, transport: &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   cfg.DialTimeout,
		ResponseHeaderTimeout: cfg.ResponseTimeout,
		MaxIdleConns:          0, // bounded by host
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       60 * time.Second,
		DisableCompression:    true, // what the server sends is what the client gets
		ForceAttemptHTTP2:     true,
		// Not verifying is the operator's choice, for https upstreams with certificates of their own.
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}, //nolint:gosec // see above
		WriteBufferSize: 16 << 10,
		ReadBufferSize:  16 << 10,
	}}
	fresh[key] = u
	return u, nil
}

// keep makes the servers of services the known ones and forgets all others.
func (p *proxy) keep(services []*service) {
	used := map[upstreamKey]*upstream{}
	for _, s := range services {
		for _, r := range s.routes {
			for _, u := range r.upstreams {
				used[u.key] = u
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, u := range p.upstreams {
		if used[key] != u {
			u.transport.CloseIdleConnections()
		}
	}
	p.upstreams = used
}

func (p *proxy) close() { p.keep(nil) }

func (u *upstream) failed(err error) {
	msg := err.Error()
	u.lastError.Store(&msg)
	u.failures.Add(1)
	u.failedAt.Store(time.Now().UnixNano())
}

func (u *upstream) status(service string) asset.UpstreamStatus {
	st := asset.UpstreamStatus{
		Service: service, URL: u.base.String(), Healthy: u.failedAt.Load() == 0,
		Requests: u.requests.Load(), Failures: u.failures.Load(),
	}
	if msg := u.lastError.Load(); msg != nil && !st.Healthy {
		st.LastError = *msg
	}
	return st
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// serve sends the request on and the answer back.
func (p *proxy) serve(x *exchange) {
	// The stall timer cancels a response that stands still.
	ctx, cancel := context.WithCancelCause(context.WithValue(x.r.Context(), exchangeKey{}, x))
	defer cancel(nil)
	x.stall = cancel
	p.reverse.ServeHTTP(x.w, x.r.WithContext(ctx))
}

// rewrite makes the request that the upstream gets. ReverseProxy has removed the
// hop-by-hop fields and the client's forwarding fields.
func rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In)
	out, in := pr.Out, pr.In
	out.URL.RawQuery = in.URL.RawQuery // as inspected; ReverseProxy drops what it cannot parse
	if !x.route.PreserveHost {
		out.Host = "" // the upstream's own, from the URL
	}
	trusted := x.service.trusts(x.peer.Addr())
	h := out.Header
	var chain []string
	if trusted {
		chain = in.Header["X-Forwarded-For"]
	}
	h["X-Forwarded-For"] = []string{strings.Join(append(slices.Clone(chain), x.peer.Addr().String()), ", ")}
	scheme := "http"
	if in.TLS != nil {
		scheme = "https"
	}
	forward(h, in.Header, "X-Forwarded-Proto", scheme, trusted)
	forward(h, in.Header, "X-Forwarded-Host", in.Host, trusted)
	if !trusted {
		h.Del("X-Forwarded-Port")
	}
	dropLookalikes(h)
	h["X-Real-Ip"] = []string{x.client.String()}
	h["X-Request-Id"] = []string{x.id}
	h["Via"] = append(slices.Clone(in.Header["Via"]), via(in.ProtoMajor, in.ProtoMinor)) // RFC 9110, section 7.6.3
	if kind := h.Get("Upgrade"); kind != "" && !strings.EqualFold(kind, "websocket") {
		// An upgrade to anything else, h2c above all, would carry requests past the
		// rules.
		h.Del("Upgrade")
		h.Del("Connection")
		h.Del("Http2-Settings")
	}
	if x.tx != nil {
		acceptReadable(h)
	}
}

// ours are the fields that a server may believe because a gateway sets them.
var ours = map[string]bool{
	"X-Forwarded-For": true, "X-Forwarded-Proto": true, "X-Forwarded-Host": true, "X-Forwarded-Port": true, "X-Real-Ip": true,
	"X-Request-Id": true, "Forwarded": true, "Via": true, "Content-Length": true, "Transfer-Encoding": true, "Host": true,
}

// dropLookalikes removes fields such as X_Forwarded_For: application servers that
// hand fields on as environment variables (RFC 3875, section 4.1.18) cannot tell
// them from the real ones.
func dropLookalikes(h http.Header) {
	for name := range h {
		if strings.Contains(name, "_") && ours[http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))] {
			delete(h, name)
		}
	}
}

// forward sets a forwarding field, or keeps what a trusted proxy said.
func forward(out, in http.Header, name, value string, trusted bool) {
	if v := in[name]; trusted && len(v) > 0 {
		out[name] = v[len(v)-1:]
		return
	}
	out[name] = []string{value}
}

const viaName = "ringwall"

func via(major, minor int) string {
	if major >= 2 {
		return fmt.Sprintf("%d %s", major, viaName)
	}
	return fmt.Sprintf("%d.%d %s", major, minor, viaName)
}

// viaUs reports whether a request has been through Ringwall often enough to be in
// a loop. A chain of two gateways is legitimate.
func viaUs(values []string) bool {
	n := 0
	for _, v := range values {
		n += strings.Count(v, " "+viaName)
	}
	return n >= 5
}

// roundTripper picks the upstream of a request.
type roundTripper struct{}

// RoundTrip tries the route's servers in turn. A server that cannot be connected
// to has got nothing of the request, so the next one may have it.
func (roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req)
	servers := x.route.upstreams
	turn := int(x.route.turn.Add(1))
	var lastErr error
	for _, resting := range []bool{false, true} {
		for i := range servers {
			u := servers[(turn+i)%len(servers)]
			failedAt := u.failedAt.Load()
			if rests := failedAt != 0 && time.Since(time.Unix(0, failedAt)) < retryAfter && len(servers) > 1; rests != resting {
				continue
			}
			res, err := x.try(u, req)
			if err == nil {
				return res, nil
			}
			lastErr = err
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" {
				return nil, err
			}
		}
	}
	return nil, lastErr
}

func (x *exchange) try(u *upstream, req *http.Request) (*http.Response, error) {
	out := new(http.Request)
	*out = *req
	out.URL = u.resolve(req.URL)
	x.upstream, x.upstreamAt = u, time.Since(x.start)
	u.requests.Add(1)
	res, err := u.transport.RoundTrip(out)
	x.responseAt = time.Since(x.start)
	if err != nil {
		if req.Context().Err() == nil {
			u.failed(err)
		}
		return nil, err
	}
	u.failedAt.Store(0)
	res.Request = req
	return res, nil
}

// resolve puts a request's path below the base URL, byte for byte as it came.
func (u *upstream) resolve(target *url.URL) *url.URL {
	out := *target
	out.Scheme, out.Host = u.base.Scheme, u.base.Host
	if base := strings.TrimSuffix(u.base.Path, "/"); base != "" {
		out.RawPath = strings.TrimSuffix(u.base.EscapedPath(), "/") + target.EscapedPath()
		out.Path = base + target.Path
	}
	return &out
}

// proxyError answers when the upstream did not.
func (x *exchange) proxyError(err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errRefused):
		x.refuse()
	case errors.Is(err, errFailClosed): // answered
	case errors.As(err, &tooLarge):
		x.fail(http.StatusRequestEntityTooLarge, "the body is larger than the service allows")
	case x.r.Context().Err() != nil:
		x.reason = "the client went away before the server answered"
		x.w.status = statusClientGone
		panic(http.ErrAbortHandler)
	case isTimeout(err):
		x.cause = err
		x.fail(http.StatusGatewayTimeout, "the server did not answer in time")
	default:
		x.cause = err
		x.fail(http.StatusBadGateway, "the server could not be reached or broke off")
	}
}

// statusClientGone is what nginx calls "client closed request"; it is only in
// events.
const statusClientGone = 499

// copyBuffers recycles ReverseProxy's buffers.
type copyBuffers struct{}

var copyBufferPool = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

func (copyBuffers) Get() []byte  { return *copyBufferPool.Get().(*[]byte) }
func (copyBuffers) Put(b []byte) { copyBufferPool.Put(&b) }

// stallBody cancels the exchange when no byte comes for too long.
type stallBody struct {
	io.ReadCloser
	timer *time.Timer
	limit time.Duration
}

var errStalled = errors.New("the server's answer stood still")

func (x *exchange) watch(body io.ReadCloser) io.ReadCloser {
	limit := x.gateway.cfg.StallTimeout
	return &stallBody{ReadCloser: body, limit: limit, timer: time.AfterFunc(limit, func() { x.stall(errStalled) })}
}

func (b *stallBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		b.timer.Reset(b.limit)
	}
	return n, err
}

func (b *stallBody) Close() error {
	b.timer.Stop()
	return b.ReadCloser.Close()
}
