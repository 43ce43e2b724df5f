package seclang

import (
	"io/fs"
	"path"
	"reflect"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// strip removes places, so that two parses can be compared.
func strip(list []Directive) []Directive {
	out := make([]Directive, len(list))
	for i, d := range list {
		d.Pos = Pos{}
		if d.Rule != nil {
			r := *d.Rule
			r.Pos, r.Operator.Pos = Pos{}, Pos{}
			r.Targets = append([]Target(nil), r.Targets...)
			for j := range r.Targets {
				r.Targets[j].Pos = Pos{}
			}
			r.Actions = append([]Action(nil), r.Actions...)
			for j := range r.Actions {
				r.Actions[j].Pos = Pos{}
			}
			d.Rule = &r
		}
		out[i] = d
	}
	return out
}

func roundTrip(t *testing.T, file, text string) {
	t.Helper()
	first, err := Parse(file, text)
	if err != nil {
		return
	}
	printed := Format(first)
	second, err := Parse("printed", printed)
	if err != nil {
		t.Fatalf("%s: printed text does not parse: %v\n%s", file, err, printed)
	}
	a, b := strip(first), strip(second)
	for i := range a {
		if i >= len(b) || !reflect.DeepEqual(a[i], b[i]) {
			t.Fatalf("%s: directive %d differs after printing\n%s\n%#v", file, i, a[i], a[i])
		}
	}
	if len(a) != len(b) {
		t.Fatalf("%s: %d directives became %d", file, len(a), len(b))
	}
}

func TestTheWholeRuleSetParsesAndPrints(t *testing.T) {
	rules := 0
	err := fs.WalkDir(coreruleset.FS, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) == ".data" || strings.HasSuffix(name, "LICENSE") {
			return err
		}
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			return err
		}
		list, err := Parse(name, string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, d := range list {
			if d.Rule != nil {
				rules++
			}
		}
		roundTrip(t, name, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if rules < 700 {
		t.Fatalf("only %d rules", rules)
	}
}

func TestErrorsNameThePlaceAndTheWayOut(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SecRul ARGS \"@rx a\" \"id:1\"", `r.conf:1:1: unknown directive: "SecRul" (did you mean SecRule?)`},
		{"\n  SecRule ARGZ \"@rx a\" \"id:1\"", `r.conf:2:11: unknown variable: "ARGZ" (did you mean ARGS?)`},
		{"SecRule ARGS \"@rxx a\" \"id:1\"", `r.conf:1:15: unknown operator: "rxx" (did you mean rx?)`},
		{"SecRule ARGS \"@rx a\" \\\n   \"id:1,\\\n   phaze:2\"", `r.conf:3:4: unknown action: "phaze" (did you mean phase?)`},
		{"SecRule GEO:COUNTRY \"@rx a\" \"id:1\"", `r.conf:1:9: variable GEO is not supported: "GEO" (there is no geographic database in the engine; list networks with @ipMatch or @ipMatchFromFile)`},
		{"SecRule ARGS \"@rbl x\" \"id:1\"", `r.conf:1:15: operator @rbl is not supported: "rbl" (the engine makes no network requests)`},
		{"SecRule REQUEST_URI:x \"@rx a\"", `r.conf:1:20: REQUEST_URI has no members to select: ":x" (remove the selector)`},
		{"SecRule ARGS \"@rx a", `r.conf:1:14: quote is never closed: "\"@rx a" (end the word with ")`},
		{"SecAction \"id:1,msg:'x\"", `r.conf:1:12: single quote in the action list is never closed: "id:1,msg:'x" (end the value with ')`},
	} {
		_, err := Parse("r.conf", c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestIncludeIsBoundedAndNamesWhatIsMissing(t *testing.T) {
	_, err := Load(coreruleset.FS, "a.conf", "Include nothing/*.conf")
	if err == nil || !strings.Contains(err.Error(), "a.conf:1:1: no file to include has this name") {
		t.Fatalf("got %v", err)
	}
	list, err := Load(coreruleset.FS, "a.conf", "Include @owasp_crs/*.conf")
	if err != nil || len(list) < 780 {
		t.Fatalf("%d directives, %v", len(list), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SecRule ARGS|!ARGS:'/a b/'|&TX:x \"!@rx a\\\"b\" \"id:1,msg:'a, b',setvar:tx.a=+%{tx.b},t:none\"")
	f.Add("SecAction \"id:1,\\\n#x\n phase:1\"\nSecMarker END\nSecRuleUpdateTargetById 1 \"!ARGS:x\"")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\x00") {
			return
		}
		roundTrip(t, "fuzz", text)
	})
}
