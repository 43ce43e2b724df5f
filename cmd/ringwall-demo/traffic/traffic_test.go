package traffic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringwall/ringwall/cmd/ringwall-demo/shop"
	"github.com/ringwall/ringwall/waf"
)

// inspected is the shop behind the engine, as a gateway in simulation mode would
// have it: everything passes, and each verdict is kept.
type inspected struct {
	engine *waf.Engine
	shop   http.Handler

	mu       sync.Mutex
	verdicts []verdict
}

type verdict struct {
	request string
	status  int
	waf.Verdict
}

func (i *inspected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	tx := i.engine.Begin(waf.Request{
		ID: "test", Time: time.Unix(1700000000, 0), Client: netip.AddrPortFrom(netip.MustParseAddr(r.Header.Get("X-Forwarded-For")), 40000),
		Server: netip.MustParseAddrPort("127.0.0.1:80"), Method: r.Method, URI: r.RequestURI, Protocol: r.Proto, Host: r.Host, Header: r.Header.Clone(), DetectOnly: true,
	})
	defer tx.Close()
	tx.RequestHeaders()
	tx.RequestBody(body)
	tx.EndRequest()
	rec := httptest.NewRecorder()
	i.shop.ServeHTTP(rec, r)
	tx.ResponseHeaders(rec.Code, r.Proto, rec.Header())
	tx.ResponseBody(rec.Body.Bytes())
	tx.EndResponse()
	i.mu.Lock()
	i.verdicts = append(i.verdicts, verdict{fmt.Sprintf("%s %s %.300s", r.Method, r.RequestURI, body), rec.Code, tx.Verdict()})
	i.mu.Unlock()
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// taken returns the verdicts since the last call.
func (i *inspected) taken() []verdict {
	i.mu.Lock()
	defer i.mu.Unlock()
	v := i.verdicts
	i.verdicts = nil
	return v
}

// open starts the shop behind the engine and returns a visit to it.
func open(t *testing.T) (*inspected, *visit) {
	t.Helper()
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := shop.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := &inspected{engine: engine, shop: s.Handler()}
	srv := httptest.NewServer(i)
	t.Cleanup(func() {
		srv.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return i, &visit{base: base, opt: Options{transport: srv.Client().Transport}.withDefaults()}
}

// TestShoppersMatchNothing walks every journey with every browser and looks at
// requests and answers: a demo whose shoppers are accused shows nothing.
func TestShoppersMatchNothing(t *testing.T) {
	i, v := open(t)
	rounds := 2
	if testing.Short() || underRace {
		rounds = 1
	}
	total := 0
	for n, s := range shoppers() {
		for k, j := range journeys() {
			if underRace && k != n {
				continue
			}
			for round := range rounds {
				session := newSession(v, s.browser.header, s.addr)
				for _, st := range j.steps(rand.New(rand.NewPCG(uint64(round), uint64(n))), s) {
					if err := session.send(t.Context(), st); err != nil {
						t.Fatalf("%s: %s: %v", j.name, st.target, err)
					}
				}
				for _, got := range i.taken() {
					total++
					if len(got.Matches) > 0 || got.Score > 0 || got.OutboundScore > 0 || got.Err != nil {
						t.Fatalf("%s, %s: %s\n%+v", s.browser.name, j.name, got.request, got.Verdict)
					}
					if got.status >= 400 && (got.status != http.StatusUnauthorized || !strings.Contains(got.request, "/login")) {
						t.Fatalf("%s: %s: status %d", j.name, got.request, got.status)
					}
				}
			}
		}
	}
	t.Logf("%d requests, no match", total)
}

// TestEveryAttackerIsNoticed sends each attacker's visit and wants a score that
// blocks, whatever the seed.
func TestEveryAttackerIsNoticed(t *testing.T) {
	i, v := open(t)
	for _, a := range attackers() {
		t.Run(a.name, func(t *testing.T) {
			seeds := uint64(3)
			if underRace {
				seeds = 1
			}
			for seed := range seeds {
				session := newSession(v, a.header, a.addrs...)
				steps := a.steps(rand.New(rand.NewPCG(seed, 7)))
				for _, st := range steps {
					if err := session.send(t.Context(), st); err != nil {
						t.Fatalf("%s: %v", st.target, err)
					}
				}
				noticed := 0
				for _, got := range i.taken() {
					if got.Score >= 5 {
						noticed++
					}
				}
				t.Logf("seed %d: %d of %d requests noticed", seed, noticed, len(steps))
				if noticed == 0 {
					t.Errorf("seed %d: not noticed", seed)
				}
			}
		})
	}
}

// TestAttacksWorkOnTheShop keeps the traffic and the holes in step.
func TestAttacksWorkOnTheShop(t *testing.T) {
	s, err := shop.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	answers := map[string]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		target, _ := url.QueryUnescape(r.RequestURI)
		answers[target] = rec.Body.String()
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}))
	defer srv.Close()
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	session := newSession(&visit{base: base, opt: Options{transport: srv.Client().Transport}.withDefaults()}, nil, "198.51.100.7")
	for _, st := range intruder(rand.New(rand.NewPCG(1, 1))) {
		if err := session.send(t.Context(), st); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]string{
		"/product?id=0 UNION SELECT 1,group_concat(username||':'||password),3,4,5,6,7,8 FROM users": "tom:fieldnotes",
		"/account":                              "Ida Keeper",
		"/download?file=../secrets/payment.key": "BEGIN DEMO KEY",
		"/preview?url=http://169.254.169.254/latest/meta-data/iam/security-credentials/lantern-shop-role": "DEMOKEYNOTREAL",
		"/tools/ping?host=x;id;uname -a;cat /etc/passwd":                                                  "uid=33(shop)",
	} {
		if !strings.Contains(answers[target], want) {
			t.Errorf("%s: %q not in %.2000s", target, want, answers[target])
		}
	}
}

// recorder answers everything and remembers who asked what, and when.
type recorder struct {
	mu    sync.Mutex
	times []time.Time
	by    map[string][]string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string][]string{}
	}
	body := ""
	if req.Body != nil {
		b, _ := io.ReadAll(req.Body)
		body = string(b)
	}
	from := req.Header.Get("X-Forwarded-For")
	r.times = append(r.times, time.Now())
	r.by[from] = append(r.by[from], req.Method+" "+req.URL.RequestURI()+" "+body)
	return &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}}, nil
}

func record(t *testing.T, opt Options) *recorder {
	rec := &recorder{}
	opt.transport = rec
	if err := Run(t.Context(), "http://127.0.0.1:1", opt); err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestTheFirstFiveSecondsAreAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := record(t, Options{Duration: 5 * time.Second})
		seen := 0
		for _, a := range attackers() {
			if len(rec.by[a.addrs[0]]) > 0 {
				seen++
			}
		}
		if len(rec.times) < 60 || seen < 4 {
			t.Fatalf("%d requests, %d attackers", len(rec.times), seen)
		}
	})
}

func TestTheRateIsBoundedAndEverybodyComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		rec := record(t, Options{})
		if d := time.Since(start); d != 5*time.Minute {
			t.Errorf("took %v", d)
		}
		for i := range rec.times { // no 10 seconds hold more than a burst and ten seconds' worth
			end, _ := slices.BinarySearchFunc(rec.times, rec.times[i].Add(10*time.Second), time.Time.Compare)
			if end-i > 15*12+1 {
				t.Fatalf("%d requests within 10 s", end-i)
			}
		}
		for _, a := range attackers() {
			for _, addr := range a.addrs {
				if len(rec.by[addr]) == 0 {
					t.Errorf("%s never came from %s", a.name, addr)
				}
			}
		}
		for _, s := range shoppers() {
			if len(rec.by[s.addr]) < 20 {
				t.Errorf("shopper %s asked %d times", s.addr, len(rec.by[s.addr]))
			}
		}
		t.Logf("%d requests in 5 minutes", len(rec.times))
	})
}

// TestTheSeedDecides compares what each client asks. Where two goroutines wake at
// the same instant either may go first, so the last requests may be missing.
func TestTheSeedDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := Options{Duration: time.Minute, Seed: 7}
		a, b := record(t, opt), record(t, opt)
		opt.Seed = 8
		c := record(t, opt)
		differs := false
		for _, from := range slices.Sorted(maps.Keys(a.by)) {
			n := min(len(a.by[from]), len(b.by[from]))
			if abs := len(a.by[from]) + len(b.by[from]) - 2*n; abs > 3 || !slices.Equal(a.by[from][:n], b.by[from][:n]) {
				t.Errorf("%s asked otherwise the second time:\n%q\n%q", from, a.by[from], b.by[from])
			}
			differs = differs || !slices.Equal(a.by[from], c.by[from])
		}
		if !differs {
			t.Error("another seed changed nothing")
		}
	})
}

type silence struct{}

func (silence) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestADeadGatewayEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Run(t.Context(), "http://127.0.0.1:1", Options{transport: silence{}})
		if !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "connection refused") || time.Since(start) > time.Minute {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestTheContextEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := Run(ctx, "http://127.0.0.1:1", Options{Duration: -1, transport: &recorder{}}); err != nil || time.Since(start) != 3*time.Second {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestTheTargetMustBeAURL(t *testing.T) {
	for _, target := range []string{"", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://%"} {
		if err := Run(t.Context(), target, Options{}); err == nil {
			t.Errorf("%q: no error", target)
		}
	}
}
