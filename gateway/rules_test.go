package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/waf/seclang"
)

func TestRulesAreReplacedWithoutARestart(t *testing.T) {
	deny := func(word string) string {
		return seclang.Join([]seclang.File{{Name: "own/block.conf", Text: `SecRule ARGS "@streq ` + word + `" "id:1000,phase:2,deny,log,msg:'own rule'"`}})
	}
	r := start(t, Config{RulesAfter: deny("one")}, http.HandlerFunc(echo), mode(asset.Active))
	status := func(path string) int {
		resp, _ := r.get(path)
		return resp.StatusCode
	}
	if status("/?a=one") != 403 || status("/?a=two") != 200 {
		t.Fatal("the first rules are not in force")
	}
	if rule, ok := r.gateway.Rule(1000); !ok || rule.LooksFor != "Matches if any parameter is “one”." || rule.Place != "own/block.conf:1:1" {
		t.Errorf("rule 1000 in words: %+v", rule)
	}
	if rule, ok := r.gateway.Rule(942100); !ok || rule.Family != "SQL injection" || rule.Severity != "critical" {
		t.Errorf("rule 942100 in words: %+v", rule)
	}
	if _, ok := r.gateway.Rule(7); ok {
		t.Error("a rule that nobody has")
	}
	if err := r.gateway.SetRules(t.Context(), "", deny("two")); err != nil {
		t.Fatal(err)
	}
	if status("/?a=one") != 200 || status("/?a=two") != 403 {
		t.Error("the next rules are not in force")
	}
	broken := seclang.Join([]seclang.File{{Name: "own/a.conf", Text: "\n# fine\n"}, {Name: "own/b.conf", Text: "\nSecRule ARGZ \"@streq x\" \"id:1,deny\""}})
	err := r.gateway.SetRules(t.Context(), "", broken)
	if err == nil || !strings.Contains(err.Error(), `own/b.conf:2:9: unknown variable: "ARGZ" (did you mean ARGS?)`) {
		t.Errorf("got %v", err)
	}
	if status("/?a=one") != 200 || status("/?a=two") != 403 {
		t.Error("rules that do not compile took those before away")
	}
	// A policy that comes later keeps to the rules that are in force.
	if err := r.gateway.Apply(t.Context(), r.policy); err != nil {
		t.Fatal(err)
	}
	if status("/?a=two") != 403 {
		t.Error("the next policy lost the rules")
	}
}
