package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
	"github.com/ringwall/ringwall/waf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const attack = "/search?q=1'+UNION+SELECT+username,password+FROM+users--+-"

// memory is a sink that keeps everything.
type memory struct {
	mu     sync.Mutex
	events []event.Event
	added  chan struct{}
}

func (m *memory) Put(e *event.Event) error {
	// Through JSON, as the spool does it.
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var back event.Event
	if err := json.Unmarshal(b, &back); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, back)
	close(m.added)
	m.added = make(chan struct{})
	return nil
}

// wait returns the n-th event, counting from 0, once it is there.
func (m *memory) wait(t *testing.T, n int) event.Event {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		m.mu.Lock()
		added := m.added
		if len(m.events) > n {
			defer m.mu.Unlock()
			return m.events[n]
		}
		m.mu.Unlock()
		select {
		case <-added:
		case <-timeout:
			t.Fatalf("event %d did not come", n)
		}
	}
}

func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.events)
}

var engine = sync.OnceValue(func() *waf.Engine {
	e, err := waf.Compile(waf.Config{})
	if err != nil {
		panic(err)
	}
	return e
})

// rig is a gateway in front of an upstream.
type rig struct {
	t       *testing.T
	gateway *Gateway
	sink    *memory
	policy  policy.Policy
	url     string
	client  *http.Client
}

func start(t *testing.T, cfg Config, upstream http.Handler, change ...func(*policy.Service)) *rig {
	t.Helper()
	up := httptest.NewServer(upstream)
	r := &rig{t: t, sink: &memory{added: make(chan struct{})}, client: &http.Client{Transport: &http.Transport{}}}
	cfg.Name = "gw-1"
	r.gateway = New(cfg, r.sink, slog.New(slog.DiscardHandler))
	r.gateway.engines[waf.Config{Paranoia: 1}] = engine() // compiled once for all tests
	s := policy.Service{
		Site:        asset.Site{ID: "s", Name: "shop"},
		ServerGroup: asset.ServerGroup{ID: "g", SiteID: "s", Name: "web servers", Mode: asset.Active},
		Service:     asset.Service{ID: "v", ServerGroupID: "g", Name: "web", Ports: []asset.Port{{Address: "127.0.0.1:0"}}},
		Routes:      []asset.Route{{ID: "r", ServiceID: "v", Upstreams: []string{up.URL}, PreserveHost: true}},
	}
	for _, c := range change {
		c(&s)
	}
	r.policy = policy.Policy{Version: 1, Services: []policy.Service{s}}
	if err := r.gateway.Apply(t.Context(), r.policy); err != nil {
		t.Fatal(err)
	}
	address, secure := r.gateway.Address("v")
	r.url = "http://" + address
	if secure {
		r.url = "https://" + address
	}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.gateway.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
		up.Close()
	})
	return r
}

func mode(m asset.Mode) func(*policy.Service) {
	return func(s *policy.Service) { s.ServerGroup.Mode = m }
}

func accessEvents(s *policy.Service) { s.Service.AccessEvents = true }

// apply makes a changed policy the running one.
func (r *rig) apply(change func(*policy.Service)) {
	r.t.Helper()
	services := slices.Clone(r.policy.Services)
	change(&services[0])
	r.policy = policy.Policy{Version: r.policy.Version + 1, Services: services}
	if err := r.gateway.Apply(r.t.Context(), r.policy); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) get(path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(req, header...)
}

func (r *rig) do(req *http.Request, header ...string) (*http.Response, string) {
	r.t.Helper()
	req.Header.Set("User-Agent", "Mozilla/5.0")
	req.Header.Set("Accept", "*/*")
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	if h := req.Header.Get("Host"); h != "" {
		req.Host = h
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(body)
}

// raw sends bytes and returns everything until the gateway closes the connection.
func (r *rig) raw(request string) string {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		r.t.Fatal(err)
	}
	return string(answer)
}

// echo answers with what it got.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	fmt.Fprintf(w, "%s %s host=%s te=%v cl=%d\n", r.Method, r.RequestURI, r.Host, r.TransferEncoding, r.ContentLength)
	for _, k := range sortedKeys(r.Header) {
		fmt.Fprintf(w, "%s: %s\n", k, strings.Join(r.Header[k], " | "))
	}
	fmt.Fprintf(w, "body=%s\n", body)
}

func TestModesDecideWhatHappensToAnAttack(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo))
	res, body := r.get(attack)
	id := res.Header.Get("X-Request-Id")
	if res.StatusCode != 403 || id == "" || !strings.Contains(body, id) {
		t.Fatalf("active: %d, id %q, body %s", res.StatusCode, id, body)
	}
	// The event was on disk before the client had its answer.
	if r.sink.len() != 1 {
		t.Fatal("no event when the block page arrived")
	}
	e := r.sink.wait(t, 0)
	if e.ID != id || e.Action != event.Block || e.Response.Status != 403 || e.Verdict.Score < 5 || !e.Verdict.Blocked ||
		e.Attacks()[0] != "sqli" {
		t.Fatalf("event %+v", e)
	}
	for _, m := range e.Verdict.Matches {
		if m.Offset >= 0 && m.Value[m.Offset:m.Offset+len(m.Matched)] != m.Matched {
			t.Errorf("rule %d: offset %d of %q is not %q", m.RuleID, m.Offset, m.Value, m.Matched)
		}
	}

	r.apply(mode(asset.Simulation))
	if res, body := r.get(attack); res.StatusCode != 200 || !strings.Contains(body, "UNION") {
		t.Fatalf("simulation: %d %s", res.StatusCode, body)
	}
	if e := r.sink.wait(t, 1); e.Action != event.Alert || !e.Verdict.Blocked || e.Response.Status != 200 || e.Response.Upstream == "" {
		t.Fatalf("simulation: event %+v", e)
	}

	r.apply(mode(asset.Disabled))
	if res, _ := r.get("/"); res.StatusCode != 503 {
		t.Fatalf("disabled: %d", res.StatusCode)
	}
	r.apply(func(s *policy.Service) { s.ServerGroup.PassWhenDisabled = true })
	if res, _ := r.get(attack); res.StatusCode != 200 {
		t.Fatalf("disabled, pass: %d", res.StatusCode)
	}
	if n := r.sink.len(); n != 2 {
		t.Fatalf("%d events, want 2: a disabled server group is not inspected", n)
	}
}

func TestModeSwitchKeepsConnections(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 1)
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-release
		}
		_, _ = io.WriteString(w, "ok")
	}), mode(asset.Simulation))
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	br := bufio.NewReader(conn)
	send := func(path string) {
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n", path)
	}
	receive := func() int {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	send("/slow")
	<-arrived
	r.apply(mode(asset.Active)) // while a request is under way
	close(release)
	if got := receive(); got != 200 {
		t.Fatalf("request from before the switch: %d", got)
	}
	send(strings.ReplaceAll(attack, " ", "+"))
	if got := receive(); got != 403 {
		t.Fatalf("attack after the switch on the same connection: %d", got)
	}
}

func TestRoutes(t *testing.T) {
	backend := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name+" "+r.RequestURI) }))
		t.Cleanup(s.Close)
		return s
	}
	a, b, c, d := backend("a"), backend("b"), backend("c"), backend("d")
	r := start(t, Config{}, nil, func(s *policy.Service) {
		s.Routes = []asset.Route{
			{ID: "1", Priority: 1, Host: "api.example.com", Upstreams: []string{a.URL}},
			{ID: "2", Priority: 2, Host: "*.example.com", PathPrefix: "/img", Upstreams: []string{b.URL}},
			{ID: "3", Priority: 3, PathPrefix: "/shop/", Upstreams: []string{c.URL + "/base/"}},
			{ID: "4", Priority: 4, Host: "[2001:db8::1]", Upstreams: []string{d.URL}},
		}
	})
	for _, tc := range []struct{ host, path, want string }{
		{"api.example.com", "/x", "a /x"},
		{"API.Example.Com:8080", "/x", "a /x"},
		{"www.example.com", "/img/1.png", "b /img/1.png"},
		{"www.example.com", "/img", "b /img"},
		{"www.example.com", "/imgs", ""},
		{"example.com", "/img", ""},
		{"any.where", "/shop/a%2Fb//c?x=%zz;y", "c /base/shop/a%2Fb//c?x=%zz;y"},
		{"any.where", "/shop", "c /base/shop"},
		{"any.where", "/shopping", ""},
		{"[2001:db8::1]:80", "/", "d /"},
	} {
		res, body := r.get(tc.path, "Host", tc.host)
		if tc.want == "" && res.StatusCode == 404 && strings.Contains(body, res.Header.Get("X-Request-Id")) {
			continue
		}
		if body != tc.want {
			t.Errorf("%s%s: got %d %q, want %q", tc.host, tc.path, res.StatusCode, body, tc.want)
		}
	}
}

func TestClientAddressComesFromTrustedProxiesOnly(t *testing.T) {
	for _, tc := range []struct {
		trusted   []string
		forwarded []string
		want      string
	}{
		{nil, []string{"203.0.113.1"}, "127.0.0.1"},
		{[]string{"10.0.0.0/8"}, []string{"203.0.113.1"}, "127.0.0.1"},
		{[]string{"127.0.0.1"}, []string{"203.0.113.1"}, "203.0.113.1"},
		{[]string{"127.0.0.1"}, []string{"6.6.6.6, 203.0.113.1"}, "203.0.113.1"},
		{[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"6.6.6.6, 203.0.113.1, 10.1.2.3"}, "203.0.113.1"},
		{[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"6.6.6.6", "203.0.113.1", "10.1.2.3"}, "203.0.113.1"},
		{[]string{"127.0.0.1", "10.0.0.0/8"}, []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
		{[]string{"127.0.0.1"}, []string{"203.0.113.1, garbage"}, "127.0.0.1"},
		{[]string{"127.0.0.1"}, []string{"203.0.113.1:4711"}, "203.0.113.1"},
		{[]string{"127.0.0.1"}, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{[]string{"127.0.0.1"}, []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		{[]string{"127.0.0.1"}, nil, "127.0.0.1"},
	} {
		r := start(t, Config{}, http.HandlerFunc(echo), accessEvents, func(s *policy.Service) { s.Service.TrustedProxies = tc.trusted })
		var h []string
		for _, f := range tc.forwarded {
			h = append(h, "X-Forwarded-For", f)
		}
		_, body := r.get("/", h...)
		if e := r.sink.wait(t, 0); e.Client != tc.want || e.Peer != "127.0.0.1" {
			t.Errorf("trusted %v, forwarded %v: got %s, want %s", tc.trusted, tc.forwarded, e.Client, tc.want)
		}
		if len(tc.trusted) == 0 && !strings.Contains(body, "X-Forwarded-For: 127.0.0.1\n") {
			t.Errorf("an untrusted client's X-Forwarded-For went on: %s", body)
		}
	}
}

func TestForwardedFieldsAndHopByHopFields(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo))
	_, body := r.get(
		"/",
		"Connection",
		"X-Private",
		"X-Private",
		"1",
		"Keep-Alive",
		"5",
		"Proxy-Authorization",
		"Basic eA==",
		"Te",
		"trailers, deflate",
		"Forwarded",
		"for=6.6.6.6",
		"X-Real-Ip",
		"6.6.6.6",
		"X_forwarded_for",
		"6.6.6.6",
		"X-Forwarded_For",
		"6.6.6.6",
		"X-Forwarded-Host",
		"evil",
		"X-Forwarded-Proto",
		"https",
		"X-Request-Id",
		"mine",
	)
	for _, gone := range []string{"X-Private", "Keep-Alive", "Proxy-Authorization", "deflate", "6.6.6.6", "evil", "https", "mine"} {
		if strings.Contains(body, gone) {
			t.Errorf("%q reached the upstream:\n%s", gone, body)
		}
	}
	for _, want := range []string{"Via: 1.1 ringwall\n", "X-Forwarded-Proto: http\n", "X-Forwarded-Host: 127.0.0.1:", "X-Forwarded-For: 127.0.0.1\n", "X-Real-Ip: 127.0.0.1\n", "Te: trailers\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q did not reach the upstream:\n%s", want, body)
		}
	}
	if res, _ := r.get(
		"/",
		"Via",
		"1.1 ringwall, 1.1 ringwall, 1.1 ringwall, 1.1 ringwall, 1.1 ringwall",
	); res.StatusCode != http.StatusLoopDetected {
		t.Errorf("loop: %d", res.StatusCode)
	}
}

// What differs between HTTP implementations is what smuggles requests. Each case
// must give one answer and end the connection, or be refused.
func TestAmbiguousFramingNeverSmuggles(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		seen = append(seen, req.URL.Path)
		mu.Unlock()
		echo(w, req)
	}), func(s *policy.Service) { s.ServerGroup.Mode = asset.Simulation })
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, tc := range []struct{ name, request, want string }{
		{"CL.TE", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1.1 200"},
		{"TE.CL", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1.1 200"},
		{"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 35\r\n\r\n" + smuggled, "HTTP/1.1 400"},
		{"signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" + smuggled, "HTTP/1.1 400"},
		{"space before colon", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\nContent-Length: 35\r\n\r\n" + smuggled, "HTTP/1.1 400"},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1.1 501"},
		{"two codings", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1.1 501"},
		{"HTTP/1.0 with coding", "POST / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1.0 200"},
		{"bare CR in a value", "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", "HTTP/1.1 400"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		{"bad chunk size", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + smuggled, "HTTP/1.1 400"},
		{"forward proxy", "GET http://other.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"},
		{"connect", "CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"},
	} {
		answer := r.raw(tc.request)
		if !strings.HasPrefix(answer, tc.want) && !(tc.want == "HTTP/1.0 200" && strings.HasPrefix(answer, "HTTP/1.")) {
			t.Errorf("%s: want %s, got %.200q", tc.name, tc.want, answer)
		}
		if n := strings.Count(answer, "HTTP/1."); strings.Contains(answer, "/smuggled") || n != 1 {
			t.Errorf("%s: %d answers, smuggled: %.400q", tc.name, n, answer)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if slices.Contains(seen, "/smuggled") {
		t.Error("the upstream got the smuggled request")
	}
}

func TestUpgradesOtherThanWebSocketAreNotForwarded(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo))
	_, body := r.get("/", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "Http2-Settings", "AAMAAABkAAQAAP__")
	if strings.Contains(body, "Upgrade") || strings.Contains(body, "Http2-Settings") {
		t.Fatalf("the upgrade reached the upstream:\n%s", body)
	}
}

func TestWebSocketPassesThrough(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n", req.Header.Get("Upgrade"))
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(rw, "echo %s", line)
		_ = rw.Flush()
	}), accessEvents)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(
		conn,
		"GET /ws HTTP/1.1\r\nHost: x.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	)
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := br.ReadString('\n'); line != "echo hello\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	conn.Close()
	if e := r.sink.wait(t, 0); e.Response.Status != 101 {
		t.Fatalf("event %+v", e)
	}
}

// Each part must arrive before the server sends the next.
func TestStreamsAreNotHeld(t *testing.T) {
	next := make(chan struct{})
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", strings.TrimPrefix(req.URL.Path, "/"))
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	// Event streams pass at once; HTML that comes slowly is held for a second at most.
	for _, kind := range []string{"text/event-stream", "video/mp4", "text/html"} {
		res, err := r.client.Get(r.url + "/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		br := bufio.NewReader(res.Body)
		for i := range 3 {
			line, err := br.ReadString('\n')
			if want := fmt.Sprintf("data: %d\n", i); line != want {
				t.Fatalf("%s: got %q, %v, want %q", kind, line, err, want)
			}
			if _, err := br.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			next <- struct{}{}
		}
		if rest, err := io.ReadAll(br); err != nil || len(rest) > 0 {
			t.Fatalf("%s: rest %q, %v", kind, rest, err)
		}
		res.Body.Close()
	}
}

func TestLargeDownloadAndUploadStream(t *testing.T) {
	const size = 64 << 20
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n, err := io.Copy(io.Discard, req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "video/mp4")
		w.Header().Set("X-Got", fmt.Sprint(n))
		_, _ = io.CopyN(w, zeros{}, size)
	}), accessEvents)
	head := "--frontier\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.mp4\"\r\nContent-Type: video/mp4\r\n\r\n"
	tail := "\r\n--frontier--\r\n"
	sent := int64(len(head) + size + len(tail))
	res, err := r.client.Post(
		r.url+"/",
		"multipart/form-data; boundary=frontier",
		io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader(tail)),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || n != size || res.Header.Get("X-Got") != fmt.Sprint(sent) {
		t.Fatalf("status %d, got %d bytes, upstream got %s of %d, %v", res.StatusCode, n, res.Header.Get("X-Got"), sent, err)
	}
	e := r.sink.wait(t, 0)
	if !e.Verdict.Truncated || e.Request.BodyBytes != sent || e.Response.BodyBytes != size {
		t.Fatalf("event %+v", e)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestBodiesAreInspectedAndSentOnUnchanged(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo))
	post := func(body, contentType string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/login", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r.do(req, "Content-Type", contentType)
	}
	if res, body := post(
		"user=ann&pass=blue+jacket",
		"application/x-www-form-urlencoded",
	); res.StatusCode != 200 || !strings.Contains(body, "body=user=ann&pass=blue+jacket\n") ||
		!strings.Contains(body, "cl=25") {
		t.Fatalf("benign: %d %s", res.StatusCode, body)
	}
	for _, tc := range []struct{ body, contentType string }{
		{"user=admin'+or+1=1--+-&pass=x", "application/x-www-form-urlencoded"},
		{`{"user":"1' UNION SELECT password FROM users-- -"}`, "application/json"},
	} {
		if res, _ := post(tc.body, tc.contentType); res.StatusCode != 403 {
			t.Errorf("%s: %d", tc.body, res.StatusCode)
		}
	}
}

func TestResponseLeaksAreStopped(t *testing.T) {
	leak := "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use"
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			zw := gzip.NewWriter(w)
			_, _ = io.WriteString(zw, leak)
			_ = zw.Close()
			return
		}
		_, _ = io.WriteString(w, leak)
	}))
	r.client.Transport.(*http.Transport).DisableCompression = true
	for _, h := range [][]string{nil, {"Accept-Encoding", "br, gzip;q=0.8"}} {
		res, body := r.get("/", h...)
		if res.StatusCode != 403 || strings.Contains(body, "MySQL") || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%v: %d %s", h, res.StatusCode, body)
		}
	}
	if e := r.sink.wait(t, 1); e.Action != event.Block || e.Verdict.OutboundScore < 4 || e.Attacks()[0] != "disclosure" {
		t.Errorf("event %+v", e)
	}
}

func TestUpstreamFailuresAnswerWithAnID(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	hang := make(chan struct{})
	r := start(t, Config{ResponseTimeout: 200 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/hang":
			select {
			case <-hang:
			case <-req.Context().Done():
			}
		case "/cut":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
		}
	}), accessEvents, func(s *policy.Service) {
		s.Routes = append([]asset.Route{
			{ID: "dead", PathPrefix: "/dead", Upstreams: []string{"http://" + dead.Addr().String()}},
			{ID: "pool", PathPrefix: "/pool", Upstreams: []string{"http://" + dead.Addr().String(), s.Routes[0].Upstreams[0]}},
		}, s.Routes...)
	})
	defer close(hang)
	for i, tc := range []struct {
		path string
		want int
	}{{"/dead", 502}, {"/cut", 502}, {"/hang", 504}} {
		res, body := r.get(tc.path, "Accept", "application/json")
		id := res.Header.Get("X-Request-Id")
		if res.StatusCode != tc.want || id == "" || !strings.Contains(body, id) || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", tc.path, res.StatusCode, body)
		}
		if e := r.sink.wait(t, i); e.ID != id || e.Response.Status != tc.want || e.Reason == "" {
			t.Errorf("%s: event %+v", tc.path, e)
		}
	}
	for range 6 {
		if res, _ := r.get("/pool/x"); res.StatusCode != 200 {
			t.Fatalf("with one server of two alive: %d", res.StatusCode)
		}
	}
	if got := r.gateway.Status().Traffic[0].Errors; got != 3 {
		t.Errorf("errors counted: %d, want 3", got)
	}
}

// What net/http lets through and servers read differently is refused in every mode,
// once the rules have seen it.
func TestMalformedRequestsAreRefusedAndReported(t *testing.T) {
	for _, m := range []asset.Mode{asset.Simulation, asset.Disabled} {
		r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			t.Errorf("the upstream got %s of host %q", req.RequestURI, req.Host)
		}), mode(m), accessEvents, func(s *policy.Service) { s.ServerGroup.PassWhenDisabled = true })
		for i, tc := range []struct{ request, reason string }{
			{"GET /#part HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "the request target has a fragment"},
			{"GET /a?b=c#part HTTP/1.0\r\nHost: x\r\n\r\n", "the request target has a fragment"},
			{"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "the request names no host"},
			{"GET / HTTP/1.1\r\nHost: x%00y\r\nConnection: close\r\n\r\n", "the host has an encoded control character"},
			{"GET / HTTP/1.1\r\nHost: %78%1Fx\r\nConnection: close\r\n\r\n", "the host has an encoded control character"},
		} {
			if answer := r.raw(tc.request); !strings.Contains(answer[:min(len(answer), 20)], " 400 ") {
				t.Errorf("%s: %q: got %.200q", m, tc.request, answer)
			}
			if e := r.sink.wait(t, i); e.Reason != tc.reason || e.Response.Status != 400 {
				t.Errorf("%s: %q: event %d %q", m, tc.request, e.Response.Status, e.Reason)
			}
		}
	}
}

func TestRulesOfTheConfigurationStandAroundTheRuleSet(t *testing.T) {
	r := start(t, Config{
		RulesBefore: `SecRule REQUEST_URI "@beginsWith /trusted" "id:1000,phase:1,pass,nolog,ctl:ruleEngine=Off"`,
		RulesAfter:  `SecRule REQUEST_URI "@beginsWith /closed" "id:1001,phase:1,deny,status:403,log,msg:'closed'"`,
	}, http.HandlerFunc(echo))
	for path, want := range map[string]int{attack: 403, "/trusted" + attack: 200, "/closed": 403, "/open": 200} {
		if res, body := r.get(path); res.StatusCode != want {
			t.Errorf("%s: %d instead of %d: %.200s", path, res.StatusCode, want, body)
		}
	}
	p := r.policy
	p.Version++
	if err := New(Config{RulesAfter: "SecRule"}, r.sink, slog.New(slog.DiscardHandler)).Apply(t.Context(), p); err == nil {
		t.Error("a broken rule was accepted")
	}
}

// TestRulesRememberClients runs the recipe against guessing of passwords in
// docs/guide/rules.md. Its counters outlive a policy, and services share them.
func TestRulesRememberClients(t *testing.T) {
	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	r := start(t, Config{RulesAfter: guideRules(t, "Remembering between requests")}, login, func(s *policy.Service) {
		s.Service.TrustedProxies = []string{"127.0.0.1"}
		s.Service.InboundThreshold = 100 // the host of these tests is an address, which scores
	})
	try := func(client, path, password string) int {
		res, _ := r.get(path+"?password="+password, "X-Forwarded-For", client)
		return res.StatusCode
	}
	for i := range 5 {
		if got := try("192.0.2.1", "/login", "wrong"); got != 401 {
			t.Fatalf("attempt %d: %d", i, got)
		}
		if i == 2 {
			r.apply(func(s *policy.Service) { s.Service.Paranoia = 2 }) // other rules, compiled anew
		}
	}
	for _, c := range []struct {
		client, path, password string
		want                   int
	}{
		{"192.0.2.1", "/login", "wrong", 429},
		{"192.0.2.1", "/login", "right", 429},
		{"192.0.2.1", "/", "right", 200},
		{"192.0.2.2", "/login", "wrong", 401},
		{"192.0.2.2", "/login", "right", 200},
	} {
		if got := try(c.client, c.path, c.password); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if !slices.ContainsFunc(r.sink.events, func(e event.Event) bool {
		return e.Action == event.Block && e.Client == "192.0.2.1" && e.Reason == "rule 1002 blocks at once"
	}) {
		t.Error("no event tells of it")
	}
	if st := r.gateway.CollectionStats(); st.Records != 2 || st.Evicted != 0 {
		t.Errorf("got %+v", st)
	}
}

// TestTheGuidesRulesCompile holds that what people copy from the guide works.
func TestTheGuidesRulesCompile(t *testing.T) {
	text, err := os.ReadFile("../docs/guide/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i, block := range strings.Split(string(text), "```") {
		if block = strings.TrimSpace(block); i%2 == 1 && strings.HasPrefix(block, "Sec") {
			found++
			if _, err := waf.Compile(waf.Config{Directives: block}); err != nil {
				t.Errorf("%s\n%v", block, err)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d blocks of rules", found)
	}
}

// guideRules returns the rules that stand first under a title of docs/guide/rules.md.
func guideRules(t *testing.T, title string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/guide/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok1 := strings.Cut(string(b), "## "+title+"\n")
	_, rest, ok2 := strings.Cut(rest, "```\n")
	rules, _, ok3 := strings.Cut(rest, "```")
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("no rules under %q", title)
	}
	return rules
}

func TestLimits(t *testing.T) {
	r := start(t, Config{HeaderTimeout: 200 * time.Millisecond, BodyTimeout: 200 * time.Millisecond, MaxHeaderBytes: 8 << 10},
		http.HandlerFunc(echo), func(s *policy.Service) { s.Service.MaxBodyBytes = 1000 })
	for _, tc := range []struct{ name, request, want string }{
		{"slow head", "GET / HTTP/1.1\r\nHost: x\r\nX-A", ""},
		{"slow body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab", "HTTP/1.1 408"},
		{"announced large body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413"},
		{"large chunked body", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat("a", 2000) + "\r\n0\r\n\r\n", "HTTP/1.1 413"},
		{"large head", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", "HTTP/1.1 431"},
	} {
		if answer := r.raw(tc.request); !strings.HasPrefix(answer, tc.want) {
			t.Errorf("%s: want %s, got %.200q", tc.name, tc.want, answer)
		}
	}
}

func TestHTTP2WithAndWithoutTLS(t *testing.T) {
	// httptest makes a certificate for 127.0.0.1; a gateway reads files.
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS()
	cert := ts.TLS.Certificates[0]
	ts.Close()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, secure := range []bool{true, false} {
		r := start(t, Config{}, http.HandlerFunc(echo), func(s *policy.Service) {
			if secure {
				s.Service.Ports[0].CertFile, s.Service.Ports[0].KeyFile = certFile, keyFile
			}
		})
		protocols := new(http.Protocols)
		protocols.SetHTTP2(secure)
		protocols.SetUnencryptedHTTP2(!secure)
		r.client.Transport = &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		res, body := r.get("/ok")
		if res.ProtoMajor != 2 || res.StatusCode != 200 || !strings.Contains(body, "Via: 2 ringwall") {
			t.Errorf("TLS %v: %s %d %s", secure, res.Proto, res.StatusCode, body)
		}
		if res, _ := r.get(attack); res.StatusCode != 403 {
			t.Errorf("TLS %v: attack %d", secure, res.StatusCode)
		}
		e := r.sink.wait(t, 0)
		if e.Request.Protocol != "HTTP/2.0" || (e.Request.TLS != "") != secure {
			t.Errorf("event %+v", e.Request)
		}
	}
}

func TestApplyThatFailsLeavesTheOldPolicy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := start(t, Config{}, http.HandlerFunc(echo))
	services := slices.Clone(r.policy.Services)
	services[0].ServerGroup.Mode = asset.Disabled
	services[0].Service.Ports = []asset.Port{{Address: "127.0.0.1:0"}, {Address: taken.Addr().String()}}
	err = r.gateway.Apply(t.Context(), policy.Policy{Version: 9, Services: services})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("got %v", err)
	}
	if res, _ := r.get("/"); res.StatusCode != 200 {
		t.Fatalf("old policy: %d", res.StatusCode)
	}
	if st := r.gateway.Status(); st.PolicyVersion != 1 || len(st.Listeners) != 1 {
		t.Fatalf("status %+v", st)
	}
}

func TestSecretsAreMaskedInEvents(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo), mode(asset.Simulation))
	req, err := http.NewRequestWithContext(
		t.Context(),
		http.MethodPost,
		r.url+"/login?token=hunter2&q=%3Cscript%3Ealert(1)%3C/script%3E",
		strings.NewReader(`{"user":"ann","password":"hunter2","nested":{"api_key":"hunter2","n":1}}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	r.do(
		req,
		"Content-Type",
		"application/json",
		"Authorization",
		"Bearer hunter2",
		"X-Api-Key",
		"hunter2",
		"Cookie",
		"session=hunter2; theme=hunter2",
		"Referer",
		"http://x/?password=hunter2",
	)
	e := r.sink.wait(t, 0)
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "hunter2") || bytes.Contains(e.Request.Body, []byte("hunter2")) {
		t.Errorf("a secret is in the event: %s\nbody: %s", b, e.Request.Body)
	}
	for _, want := range []string{`"user":"ann"`, `"password":"[secret]"`, `"n":1`} {
		if !bytes.Contains(e.Request.Body, []byte(want)) {
			t.Errorf("body has no %s: %s", want, e.Request.Body)
		}
	}
	if !strings.Contains(e.Request.Query, "script") || e.Header("Cookie") != "session=[secret]; theme=[secret]" {
		t.Errorf("query %q, cookie %q", e.Request.Query, e.Header("Cookie"))
	}
}

func TestSecretsInGraphQLAreMasked(t *testing.T) {
	none := newEvidence(nil)
	for _, c := range []struct{ contentType, body, want string }{
		{"application/graphql", `mutation{login(user:"ann",password : "hunter\"2",pin:"""4
2""") {id}}`, `mutation{login(user:"ann",password : "[secret]",pin:"[secret]") {id}}`},
		{"application/graphql", `{login(token:"cut of`, `{login(token:"[secret]"`},
		{
			"application/json", `{"query":"mutation{login(user:\"ann\",password:\n \"hunter\\\"2\\u0041\",pin:\"\"\"42\"\"\") {id}}","variables":{"token":"x"}}`,
			`{"query":"mutation{login(user:\"ann\",password:\n \"[secret]\",pin:\"[secret]\") {id}}","variables":{"token":"[secret]"}}`,
		},
		{"application/json", `{"query":"{a(token:\"cut of`, `{"query":"{a(token:\"[secret]\"`},
	} {
		if got := string(none.maskBody(c.contentType, []byte(c.body))); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	found := newEvidence([]waf.Match{{Variable: "ARGS:graphql.mutation.login.password"}})
	const attacked = `mutation{login(password:"1' or 1=1")}`
	if got := string(found.maskBody("application/graphql", []byte(attacked))); got != attacked {
		t.Errorf("the attack is masked: %s", got)
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	r := start(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "finished")
	}))
	got := make(chan string)
	go func() {
		res, err := r.client.Get(r.url + "/")
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		got <- fmt.Sprint(string(body), err)
	}()
	<-arrived
	done := make(chan error)
	go func() { done <- r.gateway.Shutdown(context.Background()) }()
	close(release)
	if g := <-got; g != "finished<nil>" {
		t.Fatalf("got %s", g)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// order notes what happens first: the event is stored or the client is answered.
type order struct {
	http.ResponseWriter
	steps []string
}

func (o *order) Put(*event.Event) error {
	o.steps = append(o.steps, "stored")
	return nil
}

func (o *order) WriteHeader(status int) {
	o.steps = append(o.steps, "answered")
	o.ResponseWriter.WriteHeader(status)
}

func TestABlockedRequestIsStoredBeforeItIsAnswered(t *testing.T) {
	r := start(t, Config{}, http.HandlerFunc(echo))
	o := &order{ResponseWriter: httptest.NewRecorder()}
	r.gateway.sink = o
	req := httptest.NewRequest(http.MethodGet, attack, nil)
	req.Header.Set("User-Agent", "Mozilla/5.0")
	r.gateway.listeners["127.0.0.1:0"].ServeHTTP(o, req)
	if !slices.Equal(o.steps, []string{"stored", "answered"}) {
		t.Fatalf("got %v", o.steps)
	}
}
