package waf

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

const attack = "/search?q=1'+UNION+SELECT+username,password+FROM+users--+-"

func TestTuning(t *testing.T) {
	base, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 0) // what inspect says it is
	for name, c := range map[string]struct {
		tuning Tuning
		block  bool
	}{
		"nothing":        {Tuning{}, true},
		"parameter":      {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Target: "ARGS:q"}}}, false},
		"other one":      {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Target: "ARGS:x"}}}, true},
		"rules":          {Tuning{Exceptions: []Exception{{RuleID: 942000, RuleIDLast: 942999}}}, false},
		"path":           {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", PathPrefix: "/search"}}}, false},
		"other path":     {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", PathPrefix: "/sea"}}}, true},
		"method":         {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Methods: []string{"POST"}}}}, true},
		"source":         {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}}}, false},
		"other source":   {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}}, true},
		"not yet over":   {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Expires: now.Add(time.Hour)}}}, false},
		"over":           {Tuning{Exceptions: []Exception{{Tag: "attack-sqli", Expires: now}}}, true},
		"high threshold": {Tuning{InboundThreshold: 1000}, false},
	} {
		e, err := base.With(c.tuning)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if v := inspect(t, e, Request{URI: attack}, ""); v.Block != c.block || v.Err != nil {
			t.Errorf("%s: block %v, want %v; %v", name, v.Block, c.block, v.Err)
		}
	}
	if v := inspect(t, base, Request{URI: attack}, ""); !v.Block {
		t.Error("the base engine was changed")
	}
}

func TestActionsOverrideRules(t *testing.T) {
	base, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	full := inspect(t, base, Request{URI: attack, DetectOnly: true}, "")
	id := full.Matches[0].RuleID
	own := 0
	for _, m := range full.Matches {
		if m.RuleID == id {
			own += m.Score
		}
	}
	for _, a := range []Action{ActionBlock, ActionAlert, ActionCount} {
		e, err := base.With(Tuning{Actions: map[int]Action{id: a}})
		if err != nil {
			t.Fatal(err)
		}
		v := inspect(t, e, Request{URI: attack, DetectOnly: true}, "")
		reported := false
		for _, m := range v.Matches {
			reported = reported || m.RuleID == id
			if m.RuleID == id && m.Score != 0 && a == ActionAlert {
				t.Errorf("%s: a match counts %d", a, m.Score)
			}
		}
		switch a {
		case ActionBlock:
			if v.RuleID != id || v.Score != full.Score {
				t.Errorf("block: rule %d, score %d", v.RuleID, v.Score)
			}
		case ActionAlert:
			if !reported || v.Score != full.Score-own {
				t.Errorf("alert: reported %v, score %d of %d", reported, v.Score, full.Score)
			}
		case ActionCount:
			if reported || v.Score != full.Score-own {
				t.Errorf("count: reported %v, score %d of %d", reported, v.Score, full.Score)
			}
		}
	}
}

func TestTuningMistakesAreNamed(t *testing.T) {
	base, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Tuning{
		"tune rules: exception 1: names neither rule nor tag; name a rule id or a tag":       {Exceptions: []Exception{{Target: "ARGS:q"}}},
		"tune rules: exception 1: names no rule: 1":                                          {Exceptions: []Exception{{RuleID: 1}}},
		"tune rules: action for rule 7: there is no such rule":                               {Actions: map[int]Action{7: ActionAlert}},
		`tune rules: action "drop" for rule 942100: choose block, alert or count`:            {Actions: map[int]Action{942100: "drop"}},
		`tune rules: exception 1: target:1:1: unknown variable: "ARGZ" (did you mean ARGS?)`: {Exceptions: []Exception{{RuleID: 942100, Target: "ARGZ:q"}}},
		"tune rules: thresholds must not be negative":                                        {InboundThreshold: -1},
	} {
		if _, err := base.With(c); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestManyApplicationsShareTheRules holds the promise for 2,000 applications: less
// than 300 MB beyond the rules.
func TestManyApplicationsShareTheRules(t *testing.T) {
	base, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	apps := make([]*Engine, 2000)
	for i := range apps {
		var xs []Exception
		for j := range 10 {
			xs = append(xs, Exception{Tag: "attack-sqli", Target: fmt.Sprintf("ARGS:p%d", j), PathPrefix: fmt.Sprintf("/app%d", i)})
		}
		if apps[i], err = base.With(Tuning{InboundThreshold: 5 + i%10, Exceptions: xs}); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100<<20 {
		t.Errorf("2,000 applications take %d MB", grown>>20)
	} else {
		t.Logf("2,000 applications with 10 exceptions each take %d KB", grown>>10)
	}
	if v := inspect(t, apps[7], Request{URI: attack}, ""); !v.Block {
		t.Error("an application does not block")
	}
	runtime.KeepAlive(apps)
}
