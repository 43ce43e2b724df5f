package run_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/run"
)

const cacheRules = `
SecRule REQUEST_HEADERS "@rx attack" "id:1,phase:1,pass"
SecRule REQUEST_HEADERS "@rx att(ack)" "id:2,phase:1,pass,capture,chain"
    SecRule TX:1 "@streq ack" ""
SecRule REQUEST_HEADERS:Accept "!@rx ^[a-z*/]+$" "id:3,phase:1,pass"
SecRule REQUEST_HEADERS "@rx evil" "id:4,phase:1,pass,multiMatch,t:urlDecode,t:lowercase"
`

func TestWhatIsRememberedIsWhatTheRulesSay(t *testing.T) {
	p := compileRules(t, cacheRules)
	tx := p.NewTx()
	for _, c := range []struct{ name, value, want string }{
		{"User-Agent", "Mozilla/5.0", "[]"},
		{"User-Agent", "an attack", "[1 2]"},
		{"Accept", "text/html", "[]"},
		{"Accept", "a b", "[3]"},
		{"Referer", "a b", "[]"}, // the same value under another plan
		{"X-Name", "%45VIL", "[4]"},
		{"Accept", "attack %65vil", "[1 2 3 4]"},
	} {
		for range 4 {
			if got := matching(p, tx, c.name, c.value); got != c.want {
				t.Errorf("%s: %s matches %s, want %s", c.name, c.value, got, c.want)
			}
		}
	}
	if n := len(p.Cached()); n < 6 {
		t.Errorf("only %d values are remembered", n)
	}
}

func TestSecretsAndLongValuesAreNotRemembered(t *testing.T) {
	p := compileRules(t, cacheRules+`
SecRule ARGS|REQUEST_COOKIES|REQUEST_URI|REQUEST_LINE "@rx attack" "id:5,phase:1,pass"
`)
	tx := p.NewTx()
	for range 5 {
		for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-Csrf-Token"} {
			matching(p, tx, name, "sid=hunter2")
		}
		matching(p, tx, "User-Agent", strings.Repeat("hunter2", 100))
		matching(p, tx, "Referer", "https://shop.example.com/?token=hunter2")
		tx.Reset(p)
		tx.SetHead(&run.Head{Method: "GET", URI: "/?password=hunter2", Protocol: "HTTP/1.1"})
		tx.Run(run.RequestHeaders)
		matching(p, tx, "User-Agent", "Mozilla/5.0")
	}
	seen := false
	for _, v := range p.Cached() {
		if strings.Contains(v, "hunter2") {
			t.Errorf("%q is remembered", v)
		}
		seen = seen || v == "Mozilla/5.0"
	}
	if !seen {
		t.Error("the User-Agent is not remembered, so that the test shows nothing")
	}
}

// TestNewValuesDoNotGrowTheMemory floods it.
func TestNewValuesDoNotGrowTheMemory(t *testing.T) {
	p := compileRules(t, cacheRules)
	tx := p.NewTx()
	for i := range 20_000 {
		for range 3 {
			matching(p, tx, "User-Agent", fmt.Sprintf("agent %d", i))
		}
	}
	if n := len(p.Cached()); n > run.CacheSize {
		t.Errorf("%d values are remembered", n)
	}
	for range 4 {
		if got := matching(p, tx, "User-Agent", "an attack"); got != "[1 2]" {
			t.Errorf("after the flood it matches %s", got)
		}
	}
}

// TestWhatLinksMakeOfAValueIsBounded: a value of which links make more than fits is
// asked for anew each time, and answered rightly.
func TestWhatLinksMakeOfAValueIsBounded(t *testing.T) {
	p := compileRules(t, `
SecRule REQUEST_HEADERS:X-Text "@rx AB" "id:1,phase:1,pass,t:uppercase"
SecRule REQUEST_HEADERS:X-Text "@rx ab" "id:2,phase:1,pass,t:removeWhitespace"
`)
	tx := p.NewTx()
	short, long := strings.Repeat("a b ", 10)+"ab", strings.Repeat("a b ", 100)+"ab"
	for range 5 {
		for _, v := range []string{short, long} {
			if got := matching(p, tx, "X-Text", v); got != "[1 2]" {
				t.Errorf("%d bytes match %s", len(v), got)
			}
		}
	}
	kept := p.Cached()
	if !slices.Contains(kept, short) || slices.Contains(kept, long) {
		t.Errorf("%d values are remembered; want the short one and not the long one", len(kept))
	}
}

// TestEqualHashesProveNothing puts the result of one value where another one looks.
func TestEqualHashesProveNothing(t *testing.T) {
	p := compileRules(t, cacheRules)
	for _, wrong := range p.ForgeCached(run.RequestHeaders, "an attack", "harmless") {
		t.Error(wrong)
	}
	tx := p.NewTx()
	for range 4 {
		if got := matching(p, tx, "User-Agent", "an attack"); got != "[1 2]" {
			t.Errorf("matches %s", got)
		}
	}
}
