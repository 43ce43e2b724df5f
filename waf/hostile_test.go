package waf

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var hostileHeader = func(contentType string) map[string][]string {
	return map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}, "Content-Type": {contentType}}
}

// TestHostileInputsAreInspected sends what has stopped other engines: nothing may
// panic, and the verdict must be one. Time and memory are bounded by construction;
// a regression would show as a test that never ends.
func TestHostileInputsAreInspected(t *testing.T) {
	e, err := Compile(Config{Paranoia: 4})
	if err != nil {
		t.Fatal(err)
	}
	const form, json = "application/x-www-form-urlencoded", "application/json"
	deep := 200_000
	rnd := rand.New(rand.NewPCG(9, 9))
	var flood strings.Builder
	for range 60_000 {
		fmt.Fprintf(&flood, "%c%c%c=1&", 'a'+rnd.IntN(26), 'A'+rnd.IntN(26), '0'+rnd.IntN(10))
	}
	attack := "'+union+select+1,2,3+from+users--+<script>alert(1)</script>;cat+/etc/passwd&"
	for name, c := range map[string]struct{ contentType, body string }{
		"deep arrays":         {json, strings.Repeat("[", deep)},
		"deep objects":        {json, strings.Repeat(`{"a":`, deep)},
		"wide object":         {json, `{` + strings.Repeat(`"a":1,`, 100_000) + `"b":2}`},
		"long key":            {json, `{"` + strings.Repeat("k", 500_000) + `":[1,[2,[3]]]}`},
		"many arguments":      {form, flood.String()},
		"same argument":       {form, strings.Repeat("a=1&", 200_000)},
		"many attacks":        {form, "a=" + strings.Repeat("x"+attack+"a=", 4000)},
		"one long attack":     {form, "a=" + strings.Repeat("'+or+1=1+", 100_000)},
		"nested quantifiers":  {form, "a=" + strings.Repeat("a", 100_000) + "!"},
		"spaces":              {form, "a=" + strings.Repeat("+", 900_000)},
		"backslashes":         {form, "a=" + strings.Repeat("\\", 900_000)},
		"entities":            {form, "a=" + strings.Repeat("&amp;", 180_000)},
		"percent signs":       {form, "a=" + strings.Repeat("%25", 300_000)},
		"comments":            {form, "a=" + strings.Repeat("/*", 400_000)},
		"html":                {form, "a=" + strings.Repeat("<a+href=", 100_000)},
		"many parts":          {"multipart/form-data; boundary=x", strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", 15_000)},
		"many part headers":   {"multipart/form-data; boundary=x", "--x\r\n" + strings.Repeat("A: b\r\n", 100_000)},
		"many parameters":     {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data" + strings.Repeat("; a=b", 100_000) + "\r\n\r\n1\r\n--x--\r\n"},
		"boundary everywhere": {"multipart/form-data; boundary=-", strings.Repeat("-", 900_000)},
		"xml bomb":            {"text/xml", `<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("c", 1000) + `">]>` + strings.Repeat("<a>&b;", 50_000)},
		"xml attributes":      {"text/xml", "<a " + strings.Repeat(`b="c" `, 100_000) + ">"},
		"octet stream":        {"application/octet-stream", strings.Repeat("\x00\xff\xfe", 4<<20)},
		"escapes in ebcdic":   {form + "; charset=ibm037", strings.Repeat("%81%82=%7d&", 90_000)},
		"ebcdic":              {form + "; charset=ibm500", strings.Repeat("\x81\x7e\x6c\xf2\xf7\x50", 170_000)},
		"two charsets":        {form + "; charset=utf-16; charset=utf-32", strings.Repeat("a\x00%\x002\x007\x00", 120_000)},
		"stateful charset":    {form + "; charset=iso-2022-jp", strings.Repeat("\x1b$B\x1b(B%1b", 100_000)},
		"utf-16 json":         {json + "; charset=utf-16", strings.Repeat("[\x00", 300_000)},
		"xml in two charsets": {"text/xml; charset=gbk", "<?xml encoding='big5'?>" + strings.Repeat("<a>\xa4\xa4</a>", 80_000)},
		"charsets of parts":   {"multipart/form-data; boundary=x", strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n\x81\x30\r\n", 10_000)},
		"many claims":         {form + strings.Repeat(";charset=ibm037;charset=utf-7", 1000), "a=1"},
		"deep graphql":        {"application/graphql", strings.Repeat("{a", 400_000)},
		"wide graphql":        {"application/graphql", "{" + strings.Repeat("a(b:[1,\"\\u0041\"]) ", 50_000) + "}"},
		"long ways":           {"application/graphql", strings.Repeat("{"+strings.Repeat("x", 19), 90) + "{" + strings.Repeat("a ", 500_000) + "}" + strings.Repeat("}", 90)},
		"block strings":       {"application/graphql", "{a(b:" + strings.Repeat(`"""`+"\n  x\n "+`\"""`, 60_000)},
		"graphql batch":       {json, "[" + strings.Repeat(`{"query":"{a}"},`, 60_000) + "1]"},
		"not utf-8":           {form, "a=" + strings.Repeat("%ff%fe%c3", 80_000)},
	} {
		t.Run(name, func(t *testing.T) {
			v := inspect(t, e, Request{Method: "POST", URI: "/?" + c.body[:min(len(c.body), 4000)], Header: hostileHeader(c.contentType)}, c.body)
			if v.Err != nil {
				t.Fatal(v.Err)
			}
			if len(v.Matches) > 400 {
				t.Errorf("%d matches", len(v.Matches))
			}
			for _, m := range v.Matches {
				if len(m.Value) > maxValue || m.Offset >= 0 && m.Value[m.Offset:m.Offset+len(m.Matched)] != m.Matched {
					t.Fatalf("match of rule %d shows %d bytes, %d at %d", m.RuleID, len(m.Value), len(m.Matched), m.Offset)
				}
			}
		})
	}
}

// TestMemoryReturnsAfterLargeBodies holds that a large body does not stay in the pool.
func TestMemoryReturnsAfterLargeBodies(t *testing.T) {
	e, err := Compile(Config{MaxRequestBodyBytes: 12 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	body := `{"a":"` + strings.Repeat("kitchen garden ", 700_000) + `"}`
	for range 5 {
		if v := inspect(t, e, Request{Method: "POST", URI: "/", Header: hostileHeader("application/json")}, body); v.Err != nil {
			t.Fatal(v.Err)
		}
	}
	tx := e.Begin(Request{}) // what the pool holds
	tx.Close()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 14<<20 {
		t.Errorf("%d KB stay after large bodies", grown>>10)
	}
	runtime.KeepAlive(body)
}

// TestEnginesSwapUnderLoad swaps what requests run on, which must be free of races
// and leaks.
func TestEnginesSwapUnderLoad(t *testing.T) {
	base, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	engines := make(chan *Engine, 1)
	engines <- base
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				e := <-engines
				engines <- e
				if v := inspect(t, e, Request{URI: attack}, ""); !v.Block || v.Err != nil {
					t.Errorf("block %v, %v", v.Block, v.Err)
					return
				}
			}
		})
	}
	for i := range 2000 {
		next, err := base.With(Tuning{InboundThreshold: 5, Exceptions: []Exception{{RuleID: 942100, PathPrefix: fmt.Sprintf("/%d", i)}}})
		if err != nil {
			t.Fatal(err)
		}
		<-engines
		engines <- next
	}
	close(stop)
	wg.Wait()
}
