package build

import (
	"fmt"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/run"
)

const relayRules = `
SecAction "id:1,phase:1,pass,nolog,setvar:'tx.restricted=/proxy/ /x-evil/'"
SecRule REQUEST_HEADERS_NAMES "@rx ^.*$" "id:2,phase:1,pass,capture,t:lowercase,setvar:'tx.header_%{tx.0}=/%{tx.0}/',chain"
    SecRule TX:/^header_/ "@within %{tx.restricted}" "setvar:tx.found=+1"
`

// TestRelay compares a chain that writes header names to TX and tests them there with
// what it says when it runs on everything.
func TestRelay(t *testing.T) {
	for _, c := range []struct {
		name, more string
		relay      bool
	}{
		{"alone", "", true},
		{"another rule reads the variables", `SecRule TX:/evil/ "@rx harmless" "id:3,phase:1,pass"`, true},
		{"another rule names one", `SecRule TX:header_accept "@rx ." "id:3,phase:1,pass"`, false},
		{"another rule writes them", `SecRule REQUEST_METHOD "@rx (.*)" "id:3,phase:1,pass,capture,setvar:'tx.%{tx.1}=1'"`, false},
		{"another rule sees what matched last", `SecRule MATCHED_VAR "@rx ." "id:3,phase:1,pass"`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compileRules(t, relayRules+c.more)
			relays := 0
			for i := range p.Rules {
				if p.Rules[i].Links[0].GuardOnly {
					relays++
				}
			}
			if (relays == 1) != c.relay {
				t.Fatalf("%d relays, want one: %v", relays, c.relay)
			}
			tx := p.NewTx()
			for range 3 { // the third time the values are known
				for _, h := range []struct{ name, want string }{
					{"Accept", "0"}, {"X-Evil", "1"}, {"Proxy", "1"}, {"X-Evi", "0"}, {"Evil-Harmless", "0"},
				} {
					got := matching(p, tx, h.name, "v")
					if found := fmt.Sprint(tx.TX("found")); found != h.want {
						t.Errorf("%s: found %s, want %s; rules %s", h.name, found, h.want, got)
					}
					if h.name == "Evil-Harmless" && c.name == "another rule reads the variables" && got != "[1 3]" && got != "[3]" {
						t.Errorf("the other rule did not see the variable: %s", got)
					}
				}
			}
		})
	}
}

// TestChainsAskForEachLink: a chain of which a later link has no value to match does
// not run, one that has does.
func TestChainsAskForEachLink(t *testing.T) {
	p := compileRules(t, `
SecRule REQUEST_METHOD "@streq GET" "id:1,phase:1,pass,chain"
    SecRule REQUEST_HEADERS:User-Agent "@rx scanner" "chain"
    SecRule REQUEST_HEADERS "@rx scan(n)er" "setvar:tx.scanners=+1"
SecRule REQUEST_METHOD "@streq GET" "id:2,phase:1,pass,setvar:tx.gets=+1,chain"
    SecRule REQUEST_HEADERS:User-Agent "@rx scanner" ""
`)
	tx := p.NewTx()
	for range 3 {
		if got := matching(p, tx, "User-Agent", "Mozilla"); got != "[]" || tx.TX("gets") != 1 {
			t.Errorf("a browser matches %s, gets %d", got, tx.TX("gets"))
		}
		if got := matching(p, tx, "User-Agent", "a scanner"); got != "[1 2]" || tx.TX("scanners") != 1 {
			t.Errorf("a scanner matches %s, scanners %d", got, tx.TX("scanners"))
		}
		if got := matching(p, tx, "Referer", "a scanner"); got != "[]" {
			t.Errorf("another header matches %s", got)
		}
	}
	if n := len(p.Rules[0].Requires); n != 2 {
		t.Errorf("the chain asks for %d links", n)
	}
	if n := len(p.Rules[1].Requires); n != 0 {
		t.Errorf("a chain whose first link does something asks for %d links", n)
	}
}

// TestSettledTexts: what no transaction changes is written into the texts, what an
// application or a rule changes is not.
func TestSettledTexts(t *testing.T) {
	p := compileRules(t, `
SecAction "id:1,phase:1,pass,nolog,setvar:'tx.allowed=GET HEAD',setvar:tx.inbound_anomaly_score_threshold=5"
SecRule REQUEST_METHOD "!@within %{tx.allowed}" "id:2,phase:1,pass,setvar:tx.seen=+1"
SecRule TX:SEEN "@ge %{tx.inbound_anomaly_score_threshold}" "id:3,phase:1,pass"
SecRule REQUEST_PROTOCOL "@contains %{tx.seen}" "id:4,phase:1,pass"
`)
	constant := map[int]bool{}
	for i := range p.Rules {
		if m := run.Argument(p.Rules[i].Links[0].Operator); m != nil {
			_, constant[p.Rules[i].ID] = m.Constant()
		}
	}
	if !constant[2] || constant[3] || constant[4] {
		t.Errorf("constant arguments of rules: %v", constant)
	}
}
