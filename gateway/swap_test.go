package gateway

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
	"github.com/ringwall/ringwall/waf/seclang"
)

// tally is a sink that only counts: events, and those of requests that were not
// inspected.
type tally struct{ events, uninspected atomic.Int64 }

func (s *tally) Put(e *event.Event) error {
	s.events.Add(1)
	if e.Verdict.Inspection <= 0 || e.Verdict.Error != "" {
		s.uninspected.Add(1)
	}
	return nil
}

// TestTenThousandPoliciesUnderLoad makes 10,000 policies the running one, each with
// other thresholds, exceptions and rule actions over the compiled Core Rule Set, and
// four times other rule files, which compiles all of it anew. Meanwhile four clients
// send requests and attacks.
//
// Each request must be answered as it should and be reported as inspected. Afterwards
// heap and goroutines are where they were: measured, the heap differs by less than
// 60 KiB; the margin of 1 MiB would be broken by 105 bytes that a swap leaves behind.
func TestTenThousandPoliciesUnderLoad(t *testing.T) {
	const swaps, margin = 10_000, 1 << 20
	r := start(t, Config{}, http.HandlerFunc(echo), accessEvents)
	sink := &tally{}
	r.gateway.sink = sink
	own := func(i int) string {
		return seclang.Join(
			[]seclang.File{{Name: "own.conf", Text: fmt.Sprintf(`SecRule ARGS "@streq own%d" "id:1000,phase:2,deny,log,msg:'own'"`, i)}},
		)
	}
	version := r.policy.Version
	change := func(i int) {
		version++
		services := slices.Clone(r.policy.Services)
		services[0].Service.InboundThreshold = 3 + i%3
		services[0].Actions = []policy.RuleAction{{RuleID: 920350, Action: policy.Count}}
		services[0].Exceptions = []policy.Exception{search(func(x *policy.Exception) {
			x.PathPrefix, x.Target = fmt.Sprintf("/app%d", i), fmt.Sprintf("ARGS:p%d", i)
		})}
		if err := r.gateway.Apply(t.Context(), policy.Policy{Version: version, Services: services}); err != nil {
			t.Fatal(err)
		}
	}
	rules := func(i int) {
		if err := r.gateway.SetRules(t.Context(), "", own(i)); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var sent, wrong atomic.Int64
	load := func() {
		for i := 0; !stop.Load(); i++ {
			target, want := "/products?page=2&q=blue+shoes", http.StatusOK
			if i%2 == 0 {
				target, want = attack, http.StatusForbidden
			}
			req, err := http.NewRequest(http.MethodGet, r.url+target, nil)
			if err != nil {
				panic(err) // the address is the gateway's own
			}
			req.Host = "shop.example"
			req.Header.Set("User-Agent", "Mozilla/5.0")
			req.Header.Set("Accept", "*/*")
			sent.Add(1)
			res, err := r.client.Do(req)
			if err != nil {
				wrong.Add(1)
				t.Log(err)
				continue
			}
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != want {
				wrong.Add(1)
			}
		}
	}
	run := func(n int) {
		var clients sync.WaitGroup
		stop.Store(false)
		for range 4 {
			clients.Go(load)
		}
		for i := range n {
			change(i)
			if i%2500 == 1250 {
				rules(i)
			}
			if i%32 == 0 { // so that requests come in between, also on one core
				for at := sent.Load(); sent.Load() < at+2; {
					runtime.Gosched()
				}
			}
		}
		stop.Store(true)
		clients.Wait()
		change(0)
		r.client.CloseIdleConnections()
		r.idle()
	}
	r.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 4
	rules(0)
	run(300)
	heap, goroutines := settled(), runtime.NumGoroutine()
	sent.Store(0)
	sink.events.Store(0)
	run(swaps)
	grown := settled() - heap
	t.Logf(
		"%d policies under %d requests: heap %+d bytes of %d, goroutines %d, before %d",
		swaps,
		sent.Load(),
		grown,
		heap,
		runtime.NumGoroutine(),
		goroutines,
	)
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d requests were answered wrongly", n, sent.Load())
	}
	if e, u := sink.events.Load(), sink.uninspected.Load(); e != sent.Load() || u > 0 {
		t.Errorf("%d events of %d requests, %d of them not inspected", e, sent.Load(), u)
	}
	if sent.Load() < swaps/16 {
		t.Errorf("only %d requests came in between", sent.Load())
	}
	if grown > margin {
		t.Errorf("the heap grew by %d bytes, %d for each swap", grown, grown/swaps)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
}

// idle waits until the gateway serves no client connection and no request.
func (r *rig) idle() {
	p := r.gateway.proxy
	p.mu.Lock()
	for _, u := range p.upstreams {
		u.transport.CloseIdleConnections()
	}
	p.mu.Unlock()
	for {
		st := r.gateway.Status()
		if open := slices.ContainsFunc(st.Listeners, func(l asset.ListenerStatus) bool { return l.Connections > 0 }); !open && st.InFlight == 0 {
			return
		}
		runtime.Gosched()
	}
}

// settled is the heap in use after everything that is not reachable is gone. Pools
// let go of what they hold in the second collection.
func settled() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
