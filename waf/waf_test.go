package waf

import (
	"compress/gzip"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
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

func TestCompressedBodiesAreInspected(t *testing.T) {
	e, err := Compile(Config{MaxRequestBodyBytes: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	pack := func(text string) string {
		var b strings.Builder
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return b.String()
	}
	h := map[string][]string{
		"User-Agent":       {"Mozilla/5.0"},
		"Accept":           {"*/*"},
		"Content-Type":     {"application/x-www-form-urlencoded"},
		"Content-Encoding": {"gzip"},
	}
	v := inspect(
		t,
		e,
		Request{Method: "POST", URI: "/", Header: h, DetectOnly: true},
		pack("q=1'+UNION+SELECT+username,password+FROM+users--+-"),
	)
	found := false
	for _, m := range v.Matches {
		found = found || m.RuleID == 942100
	}
	if !found {
		t.Errorf("got %+v", v)
	}
	if v := inspect(
		t,
		e,
		Request{Method: "POST", URI: "/", Header: h, DetectOnly: true},
		pack("q="+strings.Repeat("x", 1<<20)),
	); !v.Truncated {
		t.Errorf("a bomb is not truncated: %+v", v)
	}
	// Two fields are one list (RFC 9110, section 5.3).
	h["Content-Encoding"] = []string{"gzip", "br"}
	var packed strings.Builder
	br := brotli.NewWriter(&packed)
	_, _ = br.Write([]byte(pack("q=1'+UNION+SELECT+username,password+FROM+users--+-")))
	_ = br.Close()
	if v := inspect(
		t,
		e,
		Request{Method: "POST", URI: "/", Header: h},
		packed.String(),
	); !v.Block ||
		!slices.ContainsFunc(v.Matches, func(m Match) bool { return m.RuleID == 942100 }) {
		t.Errorf("two codings: %+v", v)
	}
	h["Content-Encoding"] = []string{"compress"}
	if v := inspect(t, e, Request{Method: "POST", URI: "/", Header: h}, "x"); !v.Block || v.RuleID != 200002 && v.RuleID != 949110 {
		t.Errorf("what cannot be inspected passes: %+v", v)
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
