package run_test

import (
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/crs"
	"github.com/ringwall/ringwall/waf/internal/build"
	"github.com/ringwall/ringwall/waf/seclang"
)

// TestEveryRuleOfTheCoreRuleSetIsToldInWords holds that no rule falls back to a name
// of the language: what it looks at, does, and, if it detects, what kind it is.
func TestEveryRuleOfTheCoreRuleSetIsToldInWords(t *testing.T) {
	list, err := crs.Directives(crs.Settings{Paranoia: 4, InboundThreshold: 5, OutboundThreshold: 4})
	if err != nil {
		t.Fatal(err)
	}
	p, err := build.Compile(build.Options{Directives: list, Files: crs.Files()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Rules {
		x, ok := p.Text(p.Rules[i].ID)
		if !ok {
			t.Errorf("rule %d is not found by its id", p.Rules[i].ID)
		}
		for _, bad := range []string{"member of", "the transformation", "fulfils", "_BODY", "REQUEST_", "of tx.critical", "%{"} {
			if strings.Contains(x.LooksFor+x.Does, bad) {
				t.Errorf("%d: %q in %s %s", x.ID, bad, x.LooksFor, x.Does)
			}
		}
		if !strings.HasSuffix(x.LooksFor, ".") || strings.Contains(x.LooksFor, " is .") || !strings.HasSuffix(x.Does, ".") {
			t.Errorf("%d: %s %s", x.ID, x.LooksFor, x.Does)
		}
	}
}

func TestWordsFollowWhatDirectivesChange(t *testing.T) {
	text := `SecRule ARGS "@rx a" "id:1,phase:2,pass,msg:'one'"
SecRuleUpdateTargetById 1 "!ARGS:note|REQUEST_BASENAME"`
	list, err := seclang.Parse("test.conf", text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := build.Compile(build.Options{Directives: list})
	if err != nil {
		t.Fatal(err)
	}
	x, ok := p.Text(1)
	const want = "Matches if any parameter or the last part of the path (but not the parameter “note”) matches the pattern “a”."
	if !ok || x.LooksFor != want {
		t.Errorf("got %q, want %q", x.LooksFor, want)
	}
	if list[0].Rule.Targets[0].String() != "ARGS" || len(list[0].Rule.Targets) != 1 {
		t.Error("the directive as written has changed")
	}
	if _, ok := p.Text(2); ok {
		t.Error("a rule that is not there")
	}
}
