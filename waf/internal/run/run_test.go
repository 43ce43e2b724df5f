package run_test

import (
	"fmt"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/build"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

func compileRules(t testing.TB, text string) *run.Program {
	t.Helper()
	list, err := seclang.Parse("test.conf", "SecRuleEngine On\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := build.Compile(build.Options{Directives: list})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// matching sends a request with one header and returns the ids of the rules that matched.
func matching(p *run.Program, tx *run.Tx, name, value string) string {
	tx.Reset(p)
	tx.SetHead(&run.Head{Method: "GET", URI: "/", Protocol: "HTTP/1.1", Header: map[string][]string{name: {value}}})
	tx.Run(run.RequestHeaders)
	return fmt.Sprint(tx.RuleIDs())
}

// TestIdentityOperators: the first number that passes counts, wherever it stands.
func TestIdentityOperators(t *testing.T) {
	p := compileRules(t, `
SecRule REQUEST_HEADERS:X-Text "@verifyCPF \d{3}\.\d{3}\.\d{3}-\d\d" "id:1,phase:1,pass,capture,msg:'%{tx.0}'"
SecRule REQUEST_HEADERS:X-Text "@validateNid cl \d{7,8}-[\dkK]" "id:2,phase:1,pass"
`)
	tx := p.NewTx()
	if got := matching(p, tx, "X-Text", "529.982.247-24 and 529.982.247-25"); got != "[1]" {
		t.Errorf("matches %s", got)
	}
	if got := tx.Hits()[0].Message; got != "529.982.247-25" {
		t.Errorf("captured %q", got)
	}
	if got := matching(p, tx, "X-Text", "rut 12345678-5"); got != "[2]" {
		t.Errorf("matches %s", got)
	}
	if got := matching(p, tx, "X-Text", "529.982.247-24, 12345678-4"); got != "[]" {
		t.Errorf("matches %s", got)
	}
}
