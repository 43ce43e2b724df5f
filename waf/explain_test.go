package waf

import (
	"strings"
	"testing"
)

func TestExplainTellsTheFateOfEveryRule(t *testing.T) {
	e, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	tx := e.Begin(Request{
		Method: "GET", URI: "/?q=%253Cscript%253Ealert(1)", Protocol: "HTTP/1.1", Host: "shop.example.com", Explain: true,
		Header: map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}},
	})
	defer tx.Close()
	tx.RequestHeaders()
	tx.EndRequest()
	x := tx.Explain()
	fates := map[string]int{}
	for _, r := range x.Rules {
		fates[r.Fate]++
		if r.Place == "" || r.ID == 0 {
			t.Fatalf("rule without a place: %+v", r)
		}
	}
	for _, f := range []string{"settled", "impossible", "tested", "matched", "waiting"} {
		if fates[f] == 0 {
			t.Errorf("no rule is %s: %s", f, x.Summary())
		}
	}
	if fates["impossible"] < fates["tested"] {
		t.Errorf("%s", x.Summary())
	}
	t.Log(x.Summary())
	steps := false
	for _, m := range x.Matches {
		if len(m.Steps) > 1 && m.Steps[len(m.Steps)-1].Value == m.Value && strings.Contains(m.Value, "<script") {
			steps = true
		}
		if m.Rule.LooksFor == "" || m.Rule.Source == "" {
			t.Errorf("rule %d looks for nothing", m.RuleID)
		}
	}
	if !steps {
		t.Error("no match shows how its value was decoded")
	}
}
