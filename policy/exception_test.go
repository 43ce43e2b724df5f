package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/asset"
)

// valid is an exception that a test breaks in one place.
func valid() Exception {
	return Exception{
		ID: "x", ServiceID: "v", RuleID: 942100, Target: "ARGS:q", PathPrefix: "/search", Methods: []string{"GET", "M-SEARCH"},
		Sources: []string{"192.0.2.0/24", "2001:db8::1"}, Comment: "the search takes SQL", Enabled: true,
	}
}

func TestExceptionMistakesAreNamed(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Exception){
		"":                                     func(x *Exception) { *x = Exception{ServiceID: "v", Tag: "attack-sqli", Comment: "c"} },
		"service_id: an exception":             func(x *Exception) { x.ServiceID = "" },
		"rule_id: name either a rule or a tag": func(x *Exception) { x.Tag = "attack-sqli" },
		"rule_id: name either":                 func(x *Exception) { x.RuleID = 0 },
		"rule_id_last: must not be below":      func(x *Exception) { x.RuleIDLast = 5 },
		"rule_id_last: needs rule_id":          func(x *Exception) { x.RuleID, x.Tag, x.RuleIDLast = 0, "t", 7 },
		`path_prefix "search": must start`:     func(x *Exception) { x.PathPrefix = "search" },
		`path_prefix "/a%20b": must start`:     func(x *Exception) { x.PathPrefix = "/a%20b" },
		`path_prefix "/a/../b": must start`:    func(x *Exception) { x.PathPrefix = "/a/../b" },
		`path_prefix "/a?b": must start`:       func(x *Exception) { x.PathPrefix = "/a?b" },
		`methods[1]: "get": want a method`:     func(x *Exception) { x.Methods = []string{"GET", "get"} },
		`sources[0]: network "x"`:              func(x *Exception) { x.Sources = []string{"x"} },
		"methods, sources: at most 100":        func(x *Exception) { x.Methods = strings.Split(strings.Repeat("GET ", 101)+"GET", " ") },
		"comment: say why":                     func(x *Exception) { x.Comment = " " },
		"owner: at most 2000 bytes":            func(x *Exception) { x.Owner = strings.Repeat("o", 2001) },
		`target: "!ARGS": want a variable`:     func(x *Exception) { x.Target = "!ARGS" },
		`target: "ARGS|XML": want a variable`:  func(x *Exception) { x.Target = "ARGS|XML" },
		`target: "ARGS:": name a member`:       func(x *Exception) { x.Target = "ARGS:" },
		`target: "ARGS:a|XML": a member with`:  func(x *Exception) { x.Target = "ARGS:a|XML" },
		`target: "ARGS:/a": an expression`:     func(x *Exception) { x.Target = "ARGS:/a" },
		`target: "ARGS:/a/b/": an expression`:  func(x *Exception) { x.Target = "ARGS:/a/b/" },
		`target: "MATCHED_VARS": this is`:      func(x *Exception) { x.Target = "MATCHED_VARS" },
		`target: "ARGS:/(/": error parsing`:    func(x *Exception) { x.Target = "ARGS:/(/" },
	} {
		x := valid()
		change(&x)
		err := x.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if err := (Exception{PathPrefix: "x", Target: "!"}).Validate(); strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("not all problems: %v", err)
	}
}

func TestAnExceptionNamesItsScope(t *testing.T) {
	for want, x := range map[string]Exception{
		"rule 942100, ARGS:q, GET, M-SEARCH /search, from 192.0.2.0/24, 2001:db8::1": valid(),
		"rules 1 to 2":             {RuleID: 1, RuleIDLast: 2},
		"tag attack-sqli, /search": {Tag: "attack-sqli", PathPrefix: "/search"},
	} {
		if got := x.String(); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

func TestTargetsCoverWhatTheyName(t *testing.T) {
	for _, c := range []struct {
		target, variable string
		want             bool
	}{
		{"ARGS:q", "ARGS:q", true},
		{"args:Q", "ARGS:q", true},
		{"ARGS:q", "ARGS:qq", false},
		{"ARGS:q", "ARGS_GET:q", true},
		{"ARGS_GET:q", "ARGS:q", false},
		{"ARGS_NAMES", "ARGS_POST_NAMES:x", true},
		{"ARGS", "ARGS:anything", true},
		{"ARGS", "ARGS_NAMES:anything", false},
		{"REQUEST_COOKIES:/^sess/", "REQUEST_COOKIES:Session", true},
		{"REQUEST_COOKIES:/^sess/", "REQUEST_COOKIES:my-session", false},
		{`ARGS:/a\/b/`, "ARGS:a/b", true},
		{"REQUEST_URI", "REQUEST_URI", true},
		{"ARGS:a:b", "ARGS:a:b", true},
	} {
		parsed, err := parseTarget(c.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.covers(c.variable); got != c.want {
			t.Errorf("%s covers %s: %v", c.target, c.variable, got)
		}
	}
}

// What is accepted covers itself, if it names one member, and never a variable of
// another name.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"", "ARGS", "ARGS:q", "REQUEST_COOKIES:/^sess/", `ARGS:/a\/b/`, "XML:/*", "ARGS:'a'", "!ARGS", "ARGS:/(/", "args:a:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseTarget(s)
		if err != nil || s == "" {
			return
		}
		name, member, _ := strings.Cut(s, ":")
		if p.re == nil && !p.covers(strings.ToUpper(name)+":"+member) {
			t.Errorf("%q does not cover itself", s)
		}
		if p.covers("NOBODY:" + member) {
			t.Errorf("%q covers another variable", s)
		}
	})
}

func TestCompileGivesServicesTheirTuning(t *testing.T) {
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	at := func(id, service string, days int, enabled bool) Exception {
		x := valid()
		x.ID, x.ServiceID, x.Enabled, x.Created = id, service, enabled, day.AddDate(0, 0, days)
		return x
	}
	o := Objects{
		Sites:        []asset.Site{{ID: "s", Name: "s"}},
		ServerGroups: []asset.ServerGroup{{ID: "g", SiteID: "s", Name: "g", Mode: asset.Active}},
		Services: []asset.Service{
			{ID: "v", ServerGroupID: "g", Name: "a", Ports: []asset.Port{{Address: ":1"}}},
			{ID: "w", ServerGroupID: "g", Name: "b", Ports: []asset.Port{{Address: ":2"}}},
		},
		Exceptions:  []Exception{at("new", "v", 2, true), at("off", "v", 0, false), at("old", "v", 1, true), at("other", "w", 1, true)},
		RuleActions: []RuleActions{{ServiceID: "w", Revision: 1, Actions: []RuleAction{{2, Count}, {1, Block}}}},
	}
	p, err := Compile(1, o)
	if err != nil {
		t.Fatal(err)
	}
	v, w := p.Services[0], p.Services[1]
	if len(v.Exceptions) != 2 || v.Exceptions[0].ID != "old" || v.Exceptions[1].ID != "new" || v.Actions != nil {
		t.Errorf("service a: %+v", v)
	}
	if len(w.Exceptions) != 1 || len(w.Actions) != 2 || w.Actions[0] != (RuleAction{1, Block}) {
		t.Errorf("service b: %+v", w)
	}
	o.Exceptions[0].Comment = ""
	o.RuleActions[0].Actions[0].Action = "drop"
	_, err = Compile(1, o)
	if err == nil || !strings.Contains(err.Error(), `service "a": exception for rule 942100`) ||
		!strings.Contains(err.Error(), `service "b": actions[0]: action "drop"`) {
		t.Errorf("mistakes: %v", err)
	}
}

func TestRuleActionMistakesAreNamed(t *testing.T) {
	err := RuleActions{Actions: []RuleAction{{0, Block}, {7, "x"}, {7, Count}}}.Validate()
	want := "actions[0]: rule_id 0: want the id of a rule\nactions[1]: action \"x\": must be block, alert or count\nactions[2]: rule 7 is listed twice"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
