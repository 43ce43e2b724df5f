package waf_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
)

var benchFiles = []string{"get_plain", "get_args", "post_form2k", "post_json10k", "post_json100k", "attack_sqli"}

func request(tb testing.TB, name string) replay.Exchange {
	raw, err := os.ReadFile("testdata/" + name + ".raw")
	if err != nil {
		tb.Fatal(err)
	}
	x, err := replay.ParseRequest(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func begin(e *waf.Engine, x replay.Exchange) *waf.Transaction {
	return e.Begin(waf.Request{
		ID:       "bench",
		Time:     time.Unix(1700000000, 0),
		Client:   netip.MustParseAddrPort("203.0.113.9:40000"),
		Server:   netip.MustParseAddrPort("192.0.2.1:80"),
		Method:   x.Method,
		URI:      x.URI,
		Protocol: x.Protocol,
		Host:     x.Host,
		Header:   x.Header,
	})
}

// reportCPU measures the time that the process spends on the CPU, garbage collection
// included: on a machine that others use, the time of the wall clock says little.
func reportCPU(b *testing.B) func() {
	start := cpuTime()
	return func() { b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op") }
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRequest inspects whole requests and the heads of their answers.
func BenchmarkRequest(b *testing.B) {
	e, err := waf.Compile(waf.Config{})
	if err != nil {
		b.Fatal(err)
	}
	header := map[string][]string{"Content-Type": {"text/html"}, "Content-Length": {"1024"}}
	for _, name := range append(benchFiles, "long_cookies") {
		x := benchRequest(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				tx := begin(e, x)
				tx.RequestHeaders()
				tx.RequestBody(x.Body)
				tx.EndRequest()
				tx.ResponseHeaders(200, "HTTP/1.1", header)
				tx.Close()
			}
		})
	}
}

// benchRequest returns a request of testdata, or one with 20 cookies of 300 bytes.
func benchRequest(b *testing.B, name string) replay.Exchange {
	if name != "long_cookies" {
		return request(b, name)
	}
	x := request(b, "get_plain")
	rnd := rand.New(rand.NewPCG(1, 1))
	const alphabet = "0123456789abcdef"
	var list []string
	for i := range 20 {
		value := make([]byte, 300)
		for k := range value {
			value[k] = alphabet[rnd.IntN(len(alphabet))]
		}
		list = append(list, fmt.Sprintf("cookie_%d=%s", i, value))
	}
	x.Header["Cookie"] = []string{strings.Join(list, "; ")}
	return x
}

// BenchmarkPhase inspects one phase of a request at a time.
func BenchmarkPhase(b *testing.B) {
	e, err := waf.Compile(waf.Config{})
	if err != nil {
		b.Fatal(err)
	}
	header := map[string][]string{"Content-Type": {"text/html"}, "Content-Length": {"1024"}}
	page := []byte(
		"<!doctype html><html><head><title>Shop</title></head><body>" + strings.Repeat(
			"<p>All is well in the summer shop today.</p>\n",
			21,
		) + "</body></html>",
	)
	x := request(b, "get_args")
	for _, phase := range []string{"1 request head", "2 request body", "3 response head", "4 response body of 1 KB"} {
		b.Run(phase, func(b *testing.B) {
			b.ReportAllocs()
			var spent time.Duration
			for b.Loop() {
				tx := begin(e, x)
				for i, run := range []func(){
					func() { tx.RequestHeaders() },
					func() { tx.RequestBody(x.Body); tx.EndRequest() },
					func() { tx.ResponseHeaders(200, "HTTP/1.1", header) },
					func() { tx.ResponseBody(page); tx.EndResponse() },
				} {
					if i != int(phase[0]-'1') {
						run()
						continue
					}
					start := time.Now()
					run()
					spent += time.Since(start)
				}
				tx.Close()
			}
			b.ReportMetric(float64(spent)/float64(b.N), "phase-ns/op")
		})
	}
}

// BenchmarkCompile compiles the rule set.
func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		if _, err := waf.Compile(waf.Config{}); err != nil {
			b.Fatal(err)
		}
	}
}
