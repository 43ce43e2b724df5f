package manager_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/policy"
)

// fakeEvents stands for the lake.
type fakeEvents struct {
	mu      sync.Mutex
	queries []event.Query

	matched    []event.Event // what Matched gives
	matchQuery event.MatchQuery

	err     error
	stats   event.Stats
	block   chan struct{} // when set, List waits for ctx to end and closes it
	asking  chan struct{} // closed by List before it waits
	subs    []chan event.Summary
	dropped int64
}

func (f *fakeEvents) ask(q event.Query) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, q)
	return f.err
}

func (f *fakeEvents) asked() event.Query {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queries[len(f.queries)-1]
}

func (f *fakeEvents) List(ctx context.Context, q event.Query) (event.Page, error) {
	if f.block != nil {
		close(f.asking)
		<-ctx.Done()
		close(f.block)
		return event.Page{}, ctx.Err()
	}
	if q.Filter == "bad:" {
		return event.Page{}, &event.FilterError{Pos: 4, Text: "bad:", Msg: "a value is missing"}
	}
	return event.Page{Events: []event.Summary{{ID: "e1", Attacks: []string{}, RuleIDs: []int{}}}}, f.ask(q)
}

func (f *fakeEvents) Get(_ context.Context, id string) (event.Event, error) {
	if id != "e1" {
		return event.Event{}, fs.ErrNotExist
	}
	return event.Event{ID: id, Schema: event.SchemaVersion}, nil
}

func (f *fakeEvents) Facets(_ context.Context, q event.Query) (event.Facets, error) {
	return event.Facets{}, f.ask(q)
}

func (f *fakeEvents) Histogram(_ context.Context, q event.Query) (event.Histogram, error) {
	return event.Histogram{}, f.ask(q)
}

func (f *fakeEvents) Matched(_ context.Context, q event.MatchQuery, fn func(*event.Event)) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.matchQuery = q
	for i := range f.matched {
		fn(&f.matched[i])
	}
	return len(f.matched) > 2, f.err
}

func (f *fakeEvents) Stats(_ context.Context, q event.Query) (event.Stats, error) {
	return f.stats, f.ask(q)
}

func (f *fakeEvents) SQL(_ context.Context, statement string, limit int) (event.Table, error) {
	if statement != "SELECT 1" {
		return event.Table{}, errors.New("parser error: syntax error at or near \"" + statement + "\"")
	}
	return event.Table{Columns: []string{"1"}, Rows: [][]any{{int64(limit)}}}, nil
}

func (f *fakeEvents) Size(context.Context) (int64, int64, error) { return 7, 4096, nil }

func (f *fakeEvents) Subscribe(ctx context.Context, filter string) (<-chan event.Summary, func() int64, error) {
	if filter == "bad:" {
		return nil, nil, &event.FilterError{Pos: 4, Text: "bad:", Msg: "a value is missing"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan event.Summary)
	f.subs = append(f.subs, c)
	return c, func() int64 { f.mu.Lock(); defer f.mu.Unlock(); return f.dropped }, nil
}

// fakeGateways stands for the data plane.
type fakeGateways struct {
	mu      sync.Mutex
	applied []policy.Policy // published
	refuse  error
	onCheck func(context.Context, policy.Policy)
	status  []asset.GatewayStatus
}

func (f *fakeGateways) Status() []asset.GatewayStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *fakeGateways) Check(ctx context.Context, p policy.Policy) error {
	if f.onCheck != nil {
		f.onCheck(ctx, p)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse
	}
	return ctx.Err()
}

func (f *fakeGateways) Publish(p policy.Policy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = append(f.applied, p)
}

// Rule knows one rule.
func (f *fakeGateways) Rule(id int) (policy.Rule, bool) {
	return policy.Rule{ID: id, LooksFor: "Matches if any parameter is SQL injection."}, id == 942100
}

func (f *fakeGateways) TestAttack(_ context.Context, serviceID string) (string, int, error) {
	return "attack-on-" + serviceID, 403, nil
}

func (f *fakeGateways) running(t testing.TB) policy.Policy {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.applied) == 0 {
		t.Fatal("no policy was applied")
	}
	return f.applied[len(f.applied)-1]
}

func (f *fakeGateways) set(status ...asset.GatewayStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
}

// clock is a clock that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bed is a manager on real files behind a real TLS server.
type bed struct {
	*manager.Manager
	t        testing.TB
	dir      string
	events   *fakeEvents
	gateways *fakeGateways
	clock    *clock
	server   *httptest.Server
	password string        // of admin
	timeout  time.Duration // of changes, zero for that of the product
}

func start(t testing.TB) *bed {
	t.Helper()
	b := &bed{
		t: t, dir: t.TempDir(), events: &fakeEvents{}, gateways: &fakeGateways{},
		clock: &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)},
	}
	b.open()
	password, created, err := b.EnsureAdmin(t.Context())
	if err != nil || !created {
		t.Fatalf("EnsureAdmin: created %v, err %v", created, err)
	}
	b.password = password
	return b
}

func (b *bed) open() {
	b.t.Helper()
	log := slog.New(slog.NewTextHandler(b.t.Output(), nil))
	m, err := manager.OpenImpatient(b.t.Context(), manager.Config{Dir: b.dir}, b.events, b.gateways, log, cmp.Or(b.timeout, 30*time.Second))
	if err != nil {
		b.t.Fatal(err)
	}
	m.SetNow(b.clock.Now)
	b.Manager = m
	b.server = httptest.NewTLSServer(m.Handler())
	b.t.Cleanup(b.stop)
}

func (b *bed) stop() {
	if b.server == nil {
		return
	}
	if err := b.Close(); err != nil {
		b.t.Errorf("close: %v", err)
	}
	b.server.Close()
	b.server = nil
}

// client is a typed client with a cookie jar and the CSRF token of its session.
type client struct {
	*apiclient.ClientWithResponses
	http *http.Client
	csrf string
	auth string
}

func (b *bed) client() *client {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c := &client{http: b.server.Client()}
	hc := *c.http
	hc.Jar = jar
	c.http = &hc
	c.ClientWithResponses, err = apiclient.NewClientWithResponses(b.server.URL+"/api/v1", apiclient.WithHTTPClient(c.http),
		apiclient.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			if c.csrf != "" {
				r.Header.Set("X-CSRF-Token", c.csrf)
			}
			if c.auth != "" {
				r.Header.Set("Authorization", "Bearer "+c.auth)
			}
			return nil
		}))
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// login returns a client with a session.
func (b *bed) login(name, password string) *client {
	b.t.Helper()
	c := b.client()
	r, err := c.LoginWithResponse(b.t.Context(), apigen.Credentials{Username: name, Password: password})
	if err != nil || r.JSON200 == nil {
		b.t.Fatalf("login as %s: %v, %s", name, err, body(r))
	}
	c.csrf = r.JSON200.CsrfToken
	return c
}

func (b *bed) admin() *client { b.t.Helper(); return b.login("admin", b.password) }

const goodPassword = "four random words here"

// user makes a user of a role and returns a client with a session.
func (b *bed) user(name string, role apigen.Role) *client {
	b.t.Helper()
	r, err := b.admin().CreateUserWithResponse(b.t.Context(), apigen.UserCreate{Name: name, Password: goodPassword, Role: role})
	if err != nil || r.JSON201 == nil {
		b.t.Fatalf("create user: %v, %s", err, body(r))
	}
	return b.login(name, goodPassword)
}

// token makes an API token and returns a client that uses it.
func (b *bed) token(c *client, role apigen.Role) *client {
	b.t.Helper()
	r, err := c.CreateTokenWithResponse(b.t.Context(), apigen.TokenCreate{Name: "test", Role: role})
	if err != nil || r.JSON201 == nil {
		b.t.Fatalf("create token: %v, %s", err, body(r))
	}
	t := b.client()
	t.auth = r.JSON201.Secret
	return t
}

func body(r interface{ GetBody() []byte }) string { return string(r.GetBody()) }

func (b *bed) url() *url.URL {
	b.t.Helper()
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// do sends a raw request and returns status and body.
func (b *bed) do(r *http.Request) (*http.Response, string) {
	b.t.Helper()
	u := b.url()
	r.URL.Scheme, r.URL.Host = u.Scheme, u.Host
	resp, err := b.server.Client().Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(text)
}
