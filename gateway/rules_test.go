package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/waf/seclang"
)

func TestRulesAreReplacedWithoutARestart(t *testing.T) {
	deny := func(word string) string {
		return seclang.Join(
			[]seclang.File{{Name: "own/block.conf", Text: `SecRule ARGS "@streq ` + word + `" "id:1000,phase:2,deny,log,msg:'own rule'"`}},
		)
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
	broken := seclang.Join(
		[]seclang.File{{Name: "own/a.conf", Text: "\n# fine\n"}, {Name: "own/b.conf", Text: "\nSecRule ARGZ \"@streq x\" \"id:1,deny\""}},
	)
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

// TestLogDataShowsNoSecret has rules that write credentials into their log data and
// messages in every way that the language offers.
func TestLogDataShowsNoSecret(t *testing.T) {
	rules := `SecRule ARGS:q "@streq go" "id:1,phase:2,pass,log,msg:'one %{REQUEST_HEADERS.X-Api-Key}',logdata:'%{REQUEST_HEADERS.Authorization} %{REQUEST_COOKIES.session} %{ARGS.password} %{ARGS.token} %{ARGS.json.api_key} %{REQUEST_BODY} pin %{ARGS.pin} stays 1234567'"
SecRule REQUEST_HEADERS:Authorization "@rx basic" "id:2,phase:1,pass,log,msg:'two',logdata:'%{MATCHED_VAR}',t:lowercase"
SecRule ARGS:q "@streq go" "id:3,phase:2,pass,log,msg:'three',logdata:'%{MATCHED_VAR}',chain"
    SecRule REQUEST_HEADERS:X-Api-Key "@rx (.+)" "t:lowercase"
SecRule REQUEST_COOKIES:evil "@rx attackcookie" "id:4,phase:1,pass,log,msg:'four',logdata:'seen %{MATCHED_VAR}'"`
	r := start(t, Config{RulesAfter: rules}, http.HandlerFunc(echo), mode(asset.Simulation))
	req, err := http.NewRequestWithContext(
		t.Context(),
		http.MethodPost,
		r.url+"/?q=go&token=Hunter2%20x&pin=123&password=hunter2",
		strings.NewReader(`{"api_key":"Hunter2-\u0041bc","other":"seen"}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	r.do(
		req,
		"Content-Type",
		"application/json",
		"Authorization",
		"Basic YW5uOkh1bnRlcjItaW4tYmFzaWM=",
		"X-Api-Key",
		"HUNTER2-key",
		"Cookie",
		"session=hunter2-cookie; evil=attackcookie",
	)
	e := r.sink.wait(t, 0)
	data := map[int]string{}
	for _, m := range e.Verdict.Matches {
		data[m.RuleID] = m.Data
		for _, secret := range []string{"hunter2", "ahvudgvymi", "yw5uok", "abc"} {
			if strings.Contains(strings.ToLower(m.Data+m.Message), secret) {
				t.Errorf("rule %d shows %q in %q %q", m.RuleID, secret, m.Message, m.Data)
			}
		}
	}
	for id, want := range map[int]string{1: "pin [secret] stays 1234567", 2: "[secret]", 3: "[secret]", 4: "seen attackcookie"} {
		if !strings.Contains(data[id], want) {
			t.Errorf("rule %d: %q lacks %q", id, data[id], want)
		}
	}
}

// TestLogDataShowsNoSecretOfAForm does the same with a multipart form, which events
// show as it is.
func TestLogDataShowsNoSecretOfAForm(t *testing.T) {
	rules := `SecRule ARGS:q "@streq go" "id:1,phase:2,pass,log,msg:'one',logdata:'%{ARGS.password} stays'"`
	r := start(t, Config{RulesAfter: rules}, http.HandlerFunc(echo), mode(asset.Simulation))
	body := "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nHunter2\r\n--b--\r\n"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/?q=go", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.do(req, "Content-Type", "multipart/form-data; boundary=b")
	matches := r.sink.wait(t, 0).Verdict.Matches
	if i := slices.IndexFunc(matches, func(m event.Match) bool { return m.RuleID == 1 }); i < 0 || matches[i].Data != "[secret] stays" {
		t.Errorf("rule 1 among %+v", matches)
	}
}
