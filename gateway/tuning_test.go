package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
	"github.com/ringwall/ringwall/waf"
)

// search is an exception for the attack of these tests.
func search(change func(*policy.Exception)) policy.Exception {
	x := policy.Exception{
		ID:         "x",
		ServiceID:  "v",
		Tag:        "attack-sqli",
		Target:     "ARGS:q",
		PathPrefix: "/search",
		Methods:    []string{"GET"},
		Comment:    "c",
		Enabled:    true,
	}
	change(&x)
	return x
}

func TestExceptionsHoldWhereTheySay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*policy.Service)
		target string
		status int
	}{
		"no exception":     {func(s *policy.Service) { s.Exceptions = nil }, attack, 403},
		"the request":      {func(*policy.Service) {}, attack, 200},
		"another variable": {func(*policy.Service) {}, strings.Replace(attack, "q=", "r=", 1), 403},
		"another path":     {func(*policy.Service) {}, strings.Replace(attack, "/search", "/other", 1), 403},
		"over":             {func(s *policy.Service) { s.Exceptions[0].Expires = time.Now().Add(-time.Second) }, attack, 403},
		"not yet over":     {func(s *policy.Service) { s.Exceptions[0].Expires = time.Now().Add(time.Hour) }, attack, 200},
		"high threshold":   {func(s *policy.Service) { s.Exceptions, s.Service.InboundThreshold = nil, 1000 }, attack, 200},
		"blocked at once": {func(s *policy.Service) {
			s.Service.InboundThreshold = 1000
			s.Exceptions, s.Actions = nil, []policy.RuleAction{{RuleID: 942100, Action: policy.Block}}
		}, attack, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, Config{}, http.NotFoundHandler(), func(s *policy.Service) {
				s.Exceptions = []policy.Exception{search(func(*policy.Exception) {})}
				s.Routes[0].Host = ""
				c.change(s)
			})
			resp, err := r.client.Get(r.url + c.target)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			blocked := resp.StatusCode == http.StatusForbidden
			if blocked != (c.status == 403) {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
}

func TestTuningMistakesNameTheException(t *testing.T) {
	r := start(t, Config{}, http.NotFoundHandler())
	good := search(func(*policy.Exception) {})
	r.policy.Services[0].Exceptions = []policy.Exception{
		good, search(func(x *policy.Exception) { x.Target = "ARGZ:q" }), search(func(x *policy.Exception) { x.Tag = "attack-nothing" }),
	}
	err := r.gateway.Apply(t.Context(), r.policy)
	for _, want := range []string{`service "web": exception for tag attack-sqli, ARGZ:q, GET /search: `, "did you mean ARGS", "exception for tag attack-nothing, ARGS:q", "names no rule"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	r.policy.Services[0].Exceptions = []policy.Exception{good}
	r.policy.Services[0].Actions = []policy.RuleAction{{RuleID: 7, Action: policy.Alert}}
	if err := r.gateway.Apply(
		t.Context(),
		r.policy,
	); err == nil ||
		!strings.Contains(err.Error(), "action for rule 7: there is no such rule") {
		t.Errorf("action: %v", err)
	}
}

// TestPreviewSaysWhatTheEngineDoes compares policy.Previewer, which reads events, with
// the engine, which reads requests, over many exceptions and requests: where the
// preview says that nothing is left of an attack, the engine finds none, and where it
// says that nothing is touched, the engine finds the same as before.
func TestPreviewSaysWhatTheEngineDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	touched := 0
	for range 400 {
		x := policy.Exception{
			ServiceID: "v",
			Comment:   "c",
			Tag:       "attack-sqli",
			Target:    pick("", "ARGS:q", "ARGS", "args:/^Q$/", "ARGS_GET:q", "ARGS_POST:q", "REQUEST_COOKIES:q", "REQUEST_HEADERS:x-y"),
		}
		x.PathPrefix = pick("", "/", "/search", "/search/", "/se")
		if r.IntN(2) == 0 {
			x.Methods = []string{pick("GET", "POST"), "PUT"}
		}
		if r.IntN(2) == 0 {
			x.Sources = []string{pick("192.0.2.0/24", "192.0.2.7", "2001:db8::/32")}
		}
		if err := x.Validate(); err != nil {
			t.Fatal(err)
		}
		tuned, err := tune(engine(), policy.Service{Exceptions: []policy.Exception{x}})
		if err != nil {
			t.Fatal(err)
		}
		client := netip.MustParseAddr(pick("192.0.2.7", "192.0.2.8", "::ffff:192.0.2.7", "2001:db8::1", "198.51.100.1"))
		path := pick("/search", "/search/", "/search/a", "/searching", "/%73earch", "/search/../search", "/search;x", "//search", "/")
		req := waf.Request{
			Time: time.Unix(
				1,
				0,
			),
			Client:     netip.AddrPortFrom(client, 1),
			Method:     pick("GET", "POST"),
			Protocol:   "HTTP/1.1",
			Host:       "shop.example",
			DetectOnly: true,
			URI: path + "?" + pick(
				"q",
				"Q",
				"r",
			) + "=1'+UNION+SELECT+a,b+FROM+users--+-",
			Header: map[string][]string{"Accept": {"*/*"}, "User-Agent": {"Mozilla/5.0"}},
		}
		inspect := func(e *waf.Engine) waf.Verdict {
			tx := e.Begin(req)
			defer tx.Close()
			tx.RequestHeaders()
			tx.EndRequest()
			return tx.Verdict()
		}
		before, after := inspect(engine()), inspect(tuned)
		e := &event.Event{
			ServiceID: "v",
			Client:    client.String(),
			Request:   event.Request{Method: req.Method, Path: path},
			Verdict:   event.Verdict{Blocked: before.Block, Score: before.Score, Threshold: 5, OutboundThreshold: 4},
		}
		for _, m := range before.Matches {
			e.Verdict.Matches = append(
				e.Verdict.Matches,
				event.Match{RuleID: m.RuleID, Phase: m.Phase, Score: m.Score, Tags: m.Tags, Variable: m.Variable},
			)
		}
		p, err := policy.NewPreviewer(x)
		if err != nil {
			t.Fatal(err)
		}
		p.Add(e)
		got := p.Preview()
		score := before.Score
		if got.Touched > 0 {
			touched++
			score = got.Samples[0].Score
		}
		if score != after.Score || (got.Passed > 0) != (before.Block && !after.Block) {
			t.Errorf(
				"%s on %s %s from %s: preview %d (%+v), engine %d, before %d",
				x,
				req.Method,
				req.URI,
				client,
				score,
				got.Passed,
				after.Score,
				before.Score,
			)
		}
	}
	if touched < 20 {
		t.Errorf("only %d of 400 exceptions touched their request", touched)
	}
}

func TestThresholdsDoNotCompileAgain(t *testing.T) {
	r := start(t, Config{}, http.NotFoundHandler())
	r.policy.Services[0].Service.InboundThreshold = 77
	if err := r.gateway.Apply(t.Context(), r.policy); err != nil {
		t.Fatal(err)
	}
	if n := len(r.gateway.engines); n != 1 {
		t.Errorf("%d rule sets for one paranoia level", n)
	}
	if in, _ := r.gateway.services[0].engine.Thresholds(); in != 77 {
		t.Errorf("threshold %d", in)
	}
}

// applications is a policy of n services, each with thresholds and ten exceptions of
// its own.
func applications(n int) policy.Policy {
	p := policy.Policy{Version: 1}
	for i := range n {
		id := fmt.Sprint("v", i)
		s := policy.Service{
			Site: asset.Site{ID: "s", Name: "s"}, ServerGroup: asset.ServerGroup{ID: "g", SiteID: "s", Name: "g", Mode: asset.Active},
			Service: asset.Service{ID: id, ServerGroupID: "g", Name: id, InboundThreshold: 5 + i%20, Ports: []asset.Port{{Address: "127.0.0.1:0"}}},
			Routes:  []asset.Route{{ID: "r" + id, ServiceID: id, Upstreams: []string{"http://127.0.0.1:3000"}}},
			Actions: []policy.RuleAction{{RuleID: 920350, Action: policy.Count}},
		}
		for j := range 10 {
			x := search(func(x *policy.Exception) {
				x.ServiceID, x.PathPrefix, x.Target = id, fmt.Sprintf("/app%d", i), fmt.Sprintf("ARGS:p%d", j)
			})
			if j%2 == 0 {
				x.Tag, x.RuleID = "", 942100
			}
			s.Exceptions = append(s.Exceptions, x)
		}
		p.Services = append(p.Services, s)
	}
	return p
}

// BenchmarkCompileApplications compiles 2,000 services with ten exceptions each over
// rules that are compiled already, as every change does. heap-MB is what they keep.
func BenchmarkCompileApplications(b *testing.B) {
	p := applications(2000)
	g := New(Config{}, nil, slog.New(slog.DiscardHandler))
	g.engines[waf.Config{Paranoia: 1}] = engine()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var next *prepared
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if next, err = g.compile(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "heap-MB")
	runtime.KeepAlive(next)
}
