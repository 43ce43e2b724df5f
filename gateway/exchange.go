package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/waf"
)

// exchange is one request and its answer on their way through the gateway.
type exchange struct {
	gateway *Gateway
	service *service
	w       *responseWriter
	r       *http.Request
	tx      *waf.Transaction // nil when the mode is disabled
	route   *route

	id      string
	start   time.Time
	client  netip.Addr
	peer    netip.AddrPort
	body    *bytes.Buffer // inspected part of the request body, nil if there is none
	sent    *countingBody // the request body, nil if there is none
	verdict waf.Verdict

	inspected    time.Duration // time spent in the engine
	decided      time.Duration // since start, when the request was let through
	upstream     *upstream
	upstreamAt   time.Duration // since start, when the request went to the upstream
	responseAt   time.Duration // since start, when its head came
	block        bool          // Ringwall answered because of the rules
	reason       string
	recorded     bool  // the event is in the sink
	failedStatus int   // the answer is ours because something failed
	cause        error // what the upstream did, for the event
	stall        context.CancelCauseFunc
}

// ServeHTTP handles a request under the policy that is current when it begins.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := l.gateway
	x := &exchange{
		gateway: g, service: l.port.Load().service, r: r, start: time.Now(),
		w: &responseWriter{ResponseWriter: w, timeout: g.cfg.WriteTimeout},
	}
	x.id = newID()
	x.w.extend()
	x.peer, _ = netip.ParseAddrPort(r.RemoteAddr) // the zero address is nobody's
	x.peer = netip.AddrPortFrom(x.peer.Addr().Unmap(), x.peer.Port())
	x.client = x.service.client(x.peer.Addr(), r.Header["X-Forwarded-For"])
	g.requests.Add(1)
	g.inFlight.Add(1)
	x.service.counters.requests.Add(1)
	defer x.finish()
	x.serve()
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		// The system has no randomness: time and address still tell requests apart.
		id = uuid.NewSHA1(uuid.NameSpaceOID, strconv.AppendInt(nil, time.Now().UnixNano(), 10))
	}
	return id.String()
}

func (x *exchange) serve() {
	header := x.w.Header()
	header["X-Request-Id"] = []string{x.id}
	r, s := x.r, x.service
	// RFC 9112, section 6.3: after a message with both Transfer-Encoding and
	// Content-Length the connection must be closed, and after an HTTP/1.0 message
	// with Transfer-Encoding too (section 6.1). net/http no longer shows whether
	// the second field was there, so no connection is used again after such a
	// message; what we send on is framed anew in any case.
	if r.ProtoMajor == 1 && (len(r.TransferEncoding) > 0 || r.ProtoMinor == 0) {
		header.Set("Connection", "close")
	}
	if s.ServerGroup.Mode == asset.Disabled && !s.ServerGroup.PassWhenDisabled {
		x.fail(http.StatusServiceUnavailable, "the server group is disabled")
		return
	}
	if r.Method == http.MethodConnect || r.URL.Host != "" && !strings.EqualFold(r.URL.Host, r.Host) {
		x.fail(http.StatusBadRequest, "this is a gateway, not a forward proxy")
		return
	}
	if viaUs(r.Header["Via"]) {
		x.fail(http.StatusLoopDetected, "the upstream leads back to this gateway")
		return
	}
	if !x.readable() {
		return
	}
	if s.ServerGroup.Mode != asset.Disabled && !x.inspectRequest() {
		return
	}
	if reason := malformed(r); reason != "" {
		x.fail(http.StatusBadRequest, reason)
		return
	}
	x.route = s.find(r.Host, r.URL.Path)
	if x.route == nil {
		x.fail(http.StatusNotFound, "no route leads to a server for this host and path")
		return
	}
	x.decided = time.Since(x.start)
	x.gateway.proxy.serve(x)
}

// malformed tells what is wrong with a request that net/http lets through and that
// servers read differently, "" if nothing. It is asked after the rules, so that the
// event also has what they found.
func malformed(r *http.Request) string {
	switch {
	case strings.Contains(r.RequestURI, "#"):
		return "the request target has a fragment" // RFC 9112, section 3.2
	case r.Host == "" && r.ProtoMajor == 1 && r.ProtoMinor >= 1:
		return "the request names no host" // RFC 9110, section 4.2.1
	case encodedControl(r.Host):
		return "the host has an encoded control character"
	}
	return ""
}

// encodedControl reports whether s has a percent-encoded control character.
func encodedControl(s string) bool {
	for {
		_, after, ok := strings.Cut(s, "%")
		if !ok || len(after) < 2 {
			return false
		}
		if n, err := strconv.ParseUint(after[:2], 16, 8); err == nil && (n < ' ' || n == 0x7f) {
			return true
		}
		s = after
	}
}

// readable bounds the request body in size and time.
func (x *exchange) readable() bool {
	limit := x.service.Service.MaxBodyBytes
	if limit == 0 {
		limit = 100 << 20
	}
	if x.r.ContentLength > limit {
		x.sent = &countingBody{body: x.r.Body, control: http.NewResponseController(x.w.ResponseWriter)}
		x.fail(http.StatusRequestEntityTooLarge, "the body is larger than the service allows")
		return false
	}
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return true
	}
	x.sent = &countingBody{
		body: http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, limit), control: http.NewResponseController(x.w.ResponseWriter),
		timeout: x.gateway.cfg.BodyTimeout,
	}
	x.r.Body = x.sent
	return true
}

// inspectRequest runs the request phases. It reports whether the request may go
// on; if not, the answer has been written.
func (x *exchange) inspectRequest() bool {
	active := x.service.ServerGroup.Mode == asset.Active
	x.tx = x.service.engine.Begin(waf.Request{
		ID: x.id, Time: x.start, Client: netip.AddrPortFrom(x.client, x.peer.Port()), Server: x.localAddr(),
		Method: x.r.Method, URI: x.r.RequestURI, Protocol: x.r.Proto, Host: x.r.Host, Header: x.headerForRules(), DetectOnly: !active,
	})
	decision := x.inspect(x.tx.RequestHeaders)
	if decision.Block && active {
		x.refuse()
		return false
	}
	if x.sent != nil {
		limit, _ := x.service.engine.Limits()
		x.body = bodyBuffers.Get().(*bytes.Buffer)
		// One byte more than the engine looks at tells it that there is more.
		x.sent.absolute(x.start.Add(x.gateway.cfg.BodyTimeout))
		_, err := x.body.ReadFrom(io.LimitReader(x.sent, int64(limit)+1))
		x.sent.absolute(time.Time{})
		if err != nil {
			x.failBody(err)
			return false
		}
		x.inspect(func() waf.Decision { x.tx.RequestBody(x.body.Bytes()); return waf.Decision{} })
		x.r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(x.body.Bytes()), x.sent), x.sent}
	}
	decision = x.inspect(x.tx.EndRequest)
	if decision.Block && active {
		x.refuse()
		return false
	}
	if _, err := x.tx.Decided(); err != nil && x.failClosed() {
		return false
	}
	return true
}

// failClosed answers after a failure of the engine when the service wants that.
func (x *exchange) failClosed() bool {
	if x.service.Service.FailClosed && x.service.ServerGroup.Mode == asset.Active {
		x.fail(http.StatusServiceUnavailable, "inspection failed and the service is set to fail closed")
		return true
	}
	if x.reason == "" {
		x.reason = "inspection failed and the service is set to fail open"
	}
	return false
}

// headerForRules adds what net/http takes out of the header map and rules look at.
func (x *exchange) headerForRules() http.Header {
	te, trailer := x.r.TransferEncoding, x.r.Trailer
	if len(te) == 0 && len(trailer) == 0 {
		return x.r.Header
	}
	h := x.r.Header.Clone()
	if len(te) > 0 {
		h["Transfer-Encoding"] = te
	}
	if len(trailer) > 0 {
		h["Trailer"] = []string{strings.Join(sortedKeys(trailer), ", ")}
	}
	return h
}

func (x *exchange) localAddr() netip.AddrPort {
	if a, ok := x.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

func (x *exchange) inspect(phase func() waf.Decision) waf.Decision {
	begin := time.Now()
	defer func() { x.inspected += time.Since(begin) }()
	return phase()
}

// askedFor says why the rules ask for blocking.
func (x *exchange) askedFor() string {
	in, out := x.service.engine.Thresholds()
	switch {
	case x.verdict.Phase > 2:
		return fmt.Sprintf("response score %d reached the threshold of %d", x.verdict.OutboundScore, out)
	case x.verdict.Score >= in:
		return fmt.Sprintf("request score %d reached the threshold of %d", x.verdict.Score, in)
	}
	return fmt.Sprintf("rule %d blocks at once", x.verdict.RuleID)
}

// refuse answers instead of the server because the rules say so.
func (x *exchange) refuse() {
	x.verdict = x.tx.Verdict()
	x.block = true
	x.reason = x.askedFor()
	x.abandonBody()
	x.gateway.blocked.Add(1)
	x.service.counters.blocked.Add(1)
	p := blockPage(x.r, x.verdict.Status, x.id)
	x.w.status, x.w.bytes = x.verdict.Status, int64(len(p.body))
	x.record() // on disk before the client hears of it
	p.write(x.w, x.r)
}

// fail answers instead of the server because something is wrong.
func (x *exchange) fail(status int, reason string) {
	if x.w.wrote {
		panic(http.ErrAbortHandler) // too late for an answer: cut the connection
	}
	x.reason, x.failedStatus = reason, status
	x.abandonBody()
	if status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		x.service.counters.errors.Add(1)
	}
	errorPage(x.r, status, x.id, reason).write(x.w, x.r)
}

// abandonBody gives up the unread rest of the request body, which ends an HTTP/1
// connection. net/http reads a little of it so that the client sees the answer
// instead of a reset; it must not wait for it.
func (x *exchange) abandonBody() {
	if x.sent == nil || x.sent.done {
		return
	}
	if x.r.ProtoMajor == 1 {
		x.w.Header().Set("Connection", "close")
	}
	_ = x.sent.control.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) // not every reader has one
}

// failBody answers after the client's body could not be read.
func (x *exchange) failBody(err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		x.fail(http.StatusRequestEntityTooLarge, "the body is larger than the service allows")
	case isTimeout(err):
		x.fail(http.StatusRequestTimeout, "the body came too slowly")
	default:
		x.fail(http.StatusBadRequest, "the body could not be read")
	}
}

// finish runs when the answer is complete or the connection is gone.
func (x *exchange) finish() {
	p := recover()
	if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		x.gateway.log.Error("request handler panicked", "id", x.id, "panic", p, "stack", string(debug.Stack()))
	}
	if x.tx != nil {
		if !x.block {
			x.verdict = x.tx.Verdict()
		}
		x.record()
		x.tx.Close()
	} else {
		x.record()
	}
	if x.body != nil && x.body.Cap() <= 2<<20 {
		x.body.Reset()
		bodyBuffers.Put(x.body)
	}
	x.gateway.inFlight.Add(-1)
	if p != nil {
		panic(http.ErrAbortHandler)
	}
}

// record hands the event to the sink, once, if there is something to tell.
func (x *exchange) record() {
	if x.recorded {
		return
	}
	matched := len(x.verdict.Matches) > 0
	if !matched && !x.block && x.verdict.Err == nil && !x.service.Service.AccessEvents {
		return
	}
	x.recorded = true
	if matched && !x.block {
		x.service.counters.alerted.Add(1)
	}
	if err := x.gateway.sink.Put(x.event()); err != nil {
		// The sink counts every drop; a line for each would fill the disk once more.
		now := time.Now().Unix()
		if last := x.gateway.warned.Swap(now); last != now {
			x.gateway.log.Warn("event dropped", "id", x.id, "err", err)
		}
	}
}

var bodyBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// responseWriter notes what was answered and gives the client a deadline for
// taking each part.
type responseWriter struct {
	http.ResponseWriter
	timeout  time.Duration
	extended time.Time
	status   int
	bytes    int64
	wrote    bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// extend moves the deadline for taking bytes, at most once a second.
func (w *responseWriter) extend() {
	if now := time.Now(); now.Sub(w.extended) > time.Second {
		w.extended = now
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(now.Add(w.timeout)) // not every writer has one
	}
}

// countingBody is a request body that must keep coming.
type countingBody struct {
	body     io.ReadCloser
	control  *http.ResponseController
	timeout  time.Duration
	deadline time.Time // absolute, zero if each read has its own
	bytes    int64
	done     bool
}

// absolute sets one deadline for all reads to come, or gives each its own again.
func (b *countingBody) absolute(t time.Time) { b.deadline = t }

func (b *countingBody) Read(p []byte) (int, error) {
	deadline := b.deadline
	if deadline.IsZero() {
		deadline = time.Now().Add(b.timeout)
	}
	_ = b.control.SetReadDeadline(deadline) // not every reader has one
	n, err := b.body.Read(p)
	b.bytes += int64(n)
	if err != nil {
		b.done = errors.Is(err, io.EOF)
	}
	if b.done {
		// Without this the deadline would hit net/http's watch for the client going
		// away, and cancel a request whose answer takes long.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *countingBody) Close() error { return b.body.Close() }
