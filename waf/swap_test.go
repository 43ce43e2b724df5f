package waf

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/build"
	"github.com/ringwall/ringwall/waf/seclang"
)

// TestTenThousandSwapsLeaveNothingBehind swaps the engine 10,000 times while two
// goroutines send requests through whichever engine is there: 500 times a rule set
// of twelve rules that is compiled from its text, and 9,500 times a tuning of the whole
// Core Rule Set (thresholds, an exception, an action, as one application has).
//
// With -short it is a tenth of that. Every request must be inspected to its end and get the same verdict under each
// engine. Afterwards the heap is where it was: measured, it differs by some
// ten bytes; the margin of 1 MiB would be broken by 105 bytes that a swap leaves behind.
func TestTenThousandSwapsLeaveNothingBehind(t *testing.T) {
	const margin = 1 << 20
	swaps := 10_000
	if testing.Short() {
		swaps = 1000
	}
	whole, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	next := func(i int) *Engine {
		if i%20 == 0 {
			return small(t, i)
		}
		e, err := whole.With(Tuning{
			InboundThreshold: 3 + i%3,
			Exceptions:       []Exception{{Tag: "attack-sqli", Target: fmt.Sprintf("ARGS:p%d", i), PathPrefix: fmt.Sprintf("/app%d", i)}},
			Actions:          map[int]Action{920350: ActionCount},
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	var engine atomic.Pointer[Engine]
	engine.Store(next(0))
	var stop atomic.Bool
	var sent, wrong atomic.Int64
	load := func() {
		for i := 0; !stop.Load(); i++ {
			attack := i%2 == 0
			if !inspected(engine.Load(), attack) {
				wrong.Add(1)
			}
			sent.Add(1)
		}
	}
	swap := func(n int) {
		var senders sync.WaitGroup
		stop.Store(false)
		for range 2 {
			senders.Go(load)
		}
		for i := range n {
			engine.Store(next(i))
			if i%64 == 0 { // so that requests come in between, also on one core
				for at := sent.Load(); sent.Load() < at+4; {
					runtime.Gosched()
				}
			}
		}
		stop.Store(true)
		senders.Wait()
		engine.Store(next(1))
	}
	swap(500)
	heap, goroutines := inUse(), runtime.NumGoroutine()
	sent.Store(0)
	swap(swaps)
	grown := inUse() - heap
	t.Logf("%d swaps under %d requests: heap %+d bytes of %d, goroutines %d", swaps, sent.Load(), grown, heap, runtime.NumGoroutine())
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d requests were not inspected rightly", n, sent.Load())
	}
	if sent.Load() < int64(swaps/16) {
		t.Errorf("only %d requests came in between %d swaps", sent.Load(), swaps)
	}
	if grown > margin {
		t.Errorf("the heap grew by %d bytes, %d for each swap", grown, grown/int64(swaps))
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	runtime.KeepAlive(whole)
}

// small compiles twelve rules from text that no two calls share.
func small(t *testing.T, i int) *Engine {
	var text strings.Builder
	text.WriteString("SecRuleEngine On\nSecRequestBodyAccess On\n")
	for n := range 10 {
		text.WriteString(
			fmt.Sprintf(
				"SecRule ARGS|REQUEST_HEADERS:User-Agent \"@rx (?i)word%d_%d\\b\" \"id:%d,phase:2,pass,log,msg:'word',t:urlDecodeUni\"\n",
				i,
				n,
				100+n,
			),
		)
	}
	text.WriteString(`SecRule ARGS "@pm union select" "id:1,phase:2,pass,nolog,setvar:tx.seen=1"` + "\n")
	text.WriteString(`SecRule ARGS "@rx union\s+select" "id:2,phase:2,deny,status:403,log,msg:'sql',t:lowercase"` + "\n")
	list, err := seclang.Parse("small.conf", text.String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := build.Compile(build.Options{Directives: list})
	if err != nil {
		t.Fatal(err)
	}
	return newEngine(Config{}.withDefaults(), p)
}

// inspected sends a request through e and tells whether the verdict is right.
func inspected(e *Engine, attack bool) bool {
	req := Request{
		Method:   "GET",
		URI:      "/search?q=blue+shoes",
		Protocol: "HTTP/1.1",
		Host:     "shop.example.com",
		Client:   netip.MustParseAddrPort("192.0.2.1:1"),
		Header:   map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}},
	}
	if attack {
		req.URI = "/search?q=1'+union+select+a,b+from+users--+-"
	}
	tx := e.Begin(req)
	defer tx.Close()
	tx.RequestHeaders()
	d := tx.EndRequest()
	v := tx.Verdict()
	return v.Err == nil && d.Block == attack && (!attack || len(v.Matches) > 0)
}

// inUse is the heap in use after everything that is not reachable is gone. Pools
// let go of what they hold in the second collection.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
