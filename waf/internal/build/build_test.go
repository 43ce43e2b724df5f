package build

import (
	"fmt"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

func compileRules(t testing.TB, text string) *run.Program {
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
func matching(p *run.Program, tx *run.Tx, name, value string) string {
	tx.Reset(p)
	tx.SetHead(&run.Head{Method: "GET", URI: "/", Protocol: "HTTP/1.1", Header: map[string][]string{name: {value}}})
	tx.Run(run.RequestHeaders)
	return fmt.Sprint(tx.RuleIDs())
}
