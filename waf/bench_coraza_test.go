package waf_test

import (
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"

	"github.com/ringwall/ringwall/waf/replay"
)

// BenchmarkCoraza inspects the requests of BenchmarkRequest with Coraza, to be run
// beside it.
func BenchmarkCoraza(b *testing.B) {
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(`
Include @coraza.conf-recommended
SecRuleEngine On
SecAuditEngine Off
SecRequestBodyLimit 1048576
SecRequestBodyInMemoryLimit 1048576
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`))
	if err != nil {
		b.Fatal(err)
	}
	header := map[string][]string{"Content-Type": {"text/html"}, "Content-Length": {"1024"}}
	for _, name := range benchFiles {
		x := request(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				corazaInspect(b, w, x, header)
			}
		})
	}
}

func corazaInspect(b *testing.B, w coraza.WAF, x replay.Exchange, header map[string][]string) {
	tx := w.NewTransactionWithID("bench")
	tx.ProcessConnection("203.0.113.9", 40000, "192.0.2.1", 80)
	tx.ProcessURI(x.URI, x.Method, x.Protocol)
	tx.AddRequestHeader("Host", x.Host)
	for name, values := range x.Header {
		for _, v := range values {
			tx.AddRequestHeader(name, v)
		}
	}
	tx.ProcessRequestHeaders()
	if _, _, err := tx.WriteRequestBody(x.Body); err != nil {
		b.Fatal(err)
	}
	if _, err := tx.ProcessRequestBody(); err != nil {
		b.Fatal(err)
	}
	for name, values := range header {
		tx.AddResponseHeader(name, values[0])
	}
	tx.ProcessResponseHeaders(200, "HTTP/1.1")
	if err := tx.Close(); err != nil {
		b.Fatal(err)
	}
}
