package waf

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func inspect(t *testing.T, e *Engine, r Request, body string) Verdict {
	t.Helper()
	r.Client, r.Server = netip.MustParseAddrPort("203.0.113.9:40000"), netip.MustParseAddrPort("192.0.2.1:80")
	r.Time, r.ID = time.Unix(1700000000, 0), "test"
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.Header == nil {
		r.Header = map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}}
	}
	r.Protocol, r.Host = "HTTP/1.1", "shop.example.com"
	tx := e.Begin(r)
	defer tx.Close()
	tx.RequestHeaders()
	tx.RequestBody([]byte(body))
	tx.EndRequest()
	return tx.Verdict()
}

func TestSQLInjectionBlocks(t *testing.T) {
	e, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, detect := range []bool{false, true} {
		v := inspect(t, e, Request{URI: "/search?q=1'+UNION+SELECT+username,password+FROM+users--+-", DetectOnly: detect}, "")
		if !v.Block || v.Status != 403 || v.Score < 5 {
			t.Fatalf("detect=%v: got %+v", detect, v)
		}
		for _, m := range v.Matches {
			t.Logf("%d %s %q in %s=%q at %d", m.RuleID, m.Severity, m.Matched, m.Variable, m.Value, m.Offset)
		}
	}
	if v := inspect(t, e, Request{URI: "/search?q=blue+jacket"}, ""); v.Block || v.Score != 0 || len(v.Matches) != 0 {
		t.Fatalf("benign: got %+v", v)
	}
}

func TestBodyBeyondTheLimitIsTruncated(t *testing.T) {
	e, err := Compile(Config{MaxRequestBodyBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	h := map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	v := inspect(t, e, Request{Method: "POST", URI: "/", Header: h}, "a="+strings.Repeat("x", 2000))
	if !v.Truncated || v.Err != nil {
		t.Fatalf("got %+v", v)
	}
}
