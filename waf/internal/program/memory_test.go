package program

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/seclang"
)

func compileRules(t testing.TB, text string) *Program {
	t.Helper()
	list, err := seclang.Parse("test.conf", "SecRuleEngine On\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(Options{Directives: list})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// matching sends a request with one header and returns the ids of the rules that matched.
func matching(p *Program, tx *Tx, name, value string) string {
	tx.Reset(p)
	tx.SetHead(&Head{Method: "GET", URI: "/", Protocol: "HTTP/1.1", Header: map[string][]string{name: {value}}})
	tx.Run(RequestHeaders)
	return fmt.Sprint(tx.RuleIDs())
}

// kept returns the values that are remembered.
func (m *memory) kept() (values []string) {
	for i := range m.sets {
		for k := range m.sets[i].memos {
			if memo := m.sets[i].memos[k].Load(); memo != nil {
				values = append(values, memo.value)
			}
		}
	}
	return values
}

const memoryRules = `
SecRule REQUEST_HEADERS "@rx attack" "id:1,phase:1,pass"
SecRule REQUEST_HEADERS "@rx att(ack)" "id:2,phase:1,pass,capture,chain"
    SecRule TX:1 "@streq ack" ""
SecRule REQUEST_HEADERS:Accept "!@rx ^[a-z*/]+$" "id:3,phase:1,pass"
SecRule REQUEST_HEADERS "@rx evil" "id:4,phase:1,pass,multiMatch,t:urlDecode,t:lowercase"
`

func TestWhatIsRememberedIsWhatTheRulesSay(t *testing.T) {
	p := compileRules(t, memoryRules)
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
	if n := len(p.memory.kept()); n < 6 {
		t.Errorf("only %d values are remembered", n)
	}
}

// TestEqualHashesProveNothing puts what is known of one value where another one looks.
func TestEqualHashesProveNothing(t *testing.T) {
	p := compileRules(t, memoryRules)
	pl := p.phases[RequestHeaders].gate.sources[0].base
	m := p.memory
	hash := m.hash(pl, "an attack")
	m.put(hash, &memo{plan: pl, value: "harmless"})
	if m.find(hash, pl, "an attack") != nil {
		t.Error("what is known of one value was found for another")
	}
	other := *pl
	m.put(hash, &memo{plan: &other, value: "an attack"})
	if m.find(hash, pl, "an attack") != nil {
		t.Error("what is known under one plan was found for another")
	}
	tx := p.NewTx()
	for range 4 {
		if got := matching(p, tx, "User-Agent", "an attack"); got != "[1 2]" {
			t.Errorf("matches %s", got)
		}
	}
}

func TestSecretsAndLongValuesAreNotRemembered(t *testing.T) {
	p := compileRules(t, memoryRules+`
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
		tx.SetHead(&Head{Method: "GET", URI: "/?password=hunter2", Protocol: "HTTP/1.1"})
		tx.Run(RequestHeaders)
		matching(p, tx, "User-Agent", "Mozilla/5.0")
	}
	seen := false
	for _, v := range p.memory.kept() {
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
	p := compileRules(t, memoryRules)
	tx := p.NewTx()
	for i := range 20_000 {
		for range 3 {
			matching(p, tx, "User-Agent", fmt.Sprintf("agent %d", i))
		}
	}
	if n := len(p.memory.kept()); n > memorySets*ways {
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
	kept := p.memory.kept()
	if !slices.Contains(kept, short) || slices.Contains(kept, long) {
		t.Errorf("%d values are remembered; want the short one and not the long one", len(kept))
	}
}
