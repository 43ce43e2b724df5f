package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// An event is blocked; an exception made from its match lets that request pass, and
// nothing else; when it ends, the request is blocked again.
func TestExceptionAllowsOneThingUntilItEnds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
	t.Cleanup(server.Close)
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", server.URL, "--listen", "127.0.0.1:0", "--mode", "active")
	p.login(p.password)
	get := func(path, parameter string) (status int, id string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, p.gateway+path+"?"+url.Values{parameter: {"' OR 1=1 -- "}}.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "Mozilla/5.0")
		req.Header.Set("Accept", "*/*")
		req.Host = "shop.example"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header.Get("X-Request-Id")
	}
	status, id := get("/search", "q")
	if status != http.StatusForbidden {
		t.Fatalf("the attack was answered with %d", status)
	}
	var e struct {
		ServiceID string `json:"service_id"`
		Request   struct{ Method, Path string }
		Verdict   struct {
			Matches []struct {
				RuleID   int `json:"rule_id"`
				Variable string
			}
		}
	}
	p.count("SELECT count(*) AS n FROM events WHERE id = '"+id+"'", 1)
	p.api(http.MethodGet, "/events/"+id, nil, &e)
	if len(e.Verdict.Matches) != 1 {
		t.Fatalf("this test wants a request that one rule matches, not %+v", e.Verdict.Matches)
	}
	match := e.Verdict.Matches[0]
	exception := map[string]any{
		"service_id":  e.ServiceID,
		"rule_id":     match.RuleID,
		"target":      match.Variable,
		"path_prefix": e.Request.Path,
		"methods":     []string{e.Request.Method},
		"comment":     "the search takes SQL",
		"enabled":     true,
	}
	var preview struct{ Touched, Passed int }
	p.api(http.MethodPost, "/exceptions/preview", map[string]any{"exception": exception}, &preview)
	if preview.Touched != 1 || preview.Passed != 1 {
		t.Errorf("preview: %+v", preview)
	}
	var made map[string]any
	p.api(http.MethodPost, "/exceptions", exception, &made)
	if made["owner"] != "admin" {
		t.Errorf("created: %v", made)
	}
	for _, c := range []struct {
		path, parameter string
		want            int
	}{{"/search", "q", 200}, {"/search/deeper", "q", 200}, {"/search", "r", 403}, {"/other", "q", 403}, {"/searching", "q", 403}, {"/%73earch", "q", 403}} {
		if got, _ := get(c.path, c.parameter); got != c.want {
			t.Errorf("%s?%s: want %d, got %d", c.path, c.parameter, c.want, got)
		}
	}
	made["expires"] = time.Now().Add(5 * time.Second).UTC().Format(time.RFC3339Nano)
	p.api(http.MethodPut, "/exceptions/"+made["id"].(string), made, &made)
	if got, _ := get("/search", "q"); got != 200 {
		t.Errorf("before it ends: %d", got)
	}
	wait(t, 20*time.Second, func() error {
		if got, _ := get("/search", "q"); got != http.StatusForbidden {
			return fmt.Errorf("the exception is over, but the answer is %d", got)
		}
		return nil
	})
	// The rule counts for nothing when the service says so.
	p.api(
		http.MethodPut,
		"/services/"+e.ServiceID+"/actions",
		map[string]any{"revision": 0, "actions": []map[string]any{{"rule_id": match.RuleID, "action": "alert"}}},
		nil,
	)
	if got, _ := get("/search", "q"); got != 200 {
		t.Errorf("with the action alert: %d", got)
	}
}

// The same in the console: from the event to an exception in three clicks and a
// sentence.
func TestOperatorAllowsFromAnEventInChromium(t *testing.T) {
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", startShop(t), "--listen", "127.0.0.1:0", "--mode", "active")
	ctx := browser(t, 1280, 800)
	attack := p.gateway + "/search?q=%27+OR+1%3D1+--+"
	id := ""
	for want := range 2 { // once blocked, once allowed
		res, err := http.Get(attack)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if blocked := res.StatusCode == http.StatusForbidden; blocked != (want == 0) {
			t.Fatalf("request %d: status %d", want, res.StatusCode)
		}
		if want == 1 {
			break
		}
		id = res.Header.Get("X-Request-Id")
		p.count("SELECT count(*) AS n FROM events WHERE id = '"+id+"'", 1)
		const create = `//button[normalize-space(.)="Create exception"]`
		do(t, ctx, "log in",
			chromedp.Navigate(p.console+"/events/"+id),
			chromedp.WaitVisible(`input[type=password]`, chromedp.ByQuery),
			chromedp.SendKeys(`input[autocomplete=username]`, "admin", chromedp.ByQuery),
			chromedp.SendKeys(`input[type=password]`, p.password+"\r", chromedp.ByQuery),
			chromedp.WaitVisible(`.rule`, chromedp.ByQuery), chromedp.ScrollIntoView(`.rule`, chromedp.ByQuery))
		shoot(t, ctx, "event-allow-button")
		do(t, ctx, "allow like this",
			chromedp.Click(`//*[contains(@class, "rule")][contains(., "942100")]//button[starts-with(normalize-space(.), "Allow like this")]`),
			chromedp.WaitVisible(`//p[contains(., "would have passed")]`),
			chromedp.SendKeys(`.mantine-Drawer-body textarea`, "the search takes SQL", chromedp.ByQuery))
		shoot(t, ctx, "event-allow")
		do(t, ctx, "create the exception",
			chromedp.Click(create),
			chromedp.WaitNotPresent(create),
			chromedp.Navigate(p.console+"/exceptions"),
			chromedp.WaitVisible(`//td[contains(., "the search takes SQL")]`))
		shoot(t, ctx, "exceptions")
	}
}

// In the console an event says what its rule looks for, and the operator makes the
// rule only report: the same request passes from then on. The service lists what was
// changed, and taking it away blocks again.
func TestOperatorChoosesWhatARuleDoesInChromium(t *testing.T) {
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", startShop(t), "--listen", "127.0.0.1:0", "--mode", "active")
	ctx := browser(t, 1280, 800)
	attack := func(blocked bool) string {
		t.Helper()
		res, err := http.Get(p.gateway + "/search?q=%27+OR+1%3D1+--+")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if (res.StatusCode == http.StatusForbidden) != blocked {
			t.Fatalf("status %d, want blocked: %v", res.StatusCode, blocked)
		}
		return res.Header.Get("X-Request-Id")
	}
	id := attack(true)
	p.count("SELECT count(*) AS n FROM events WHERE id = '"+id+"'", 1)
	const save = `//button[normalize-space(.)="Save"]`
	do(t, ctx, "log in",
		chromedp.Navigate(p.console+"/events/"+id),
		chromedp.WaitVisible(`input[type=password]`, chromedp.ByQuery),
		chromedp.SendKeys(`input[autocomplete=username]`, "admin", chromedp.ByQuery),
		chromedp.SendKeys(`input[type=password]`, p.password+"\r", chromedp.ByQuery),
		chromedp.WaitVisible(`//*[contains(@class, "rule-words")][contains(., "is SQL injection in the eyes of libinjection")]`),
		chromedp.WaitVisible(`//p[contains(@class, "rule-data")][contains(., "found within ARGS:q")]`))
	do(t, ctx, "only report",
		chromedp.Click(`//*[contains(@class, "rule")][contains(., "942100")]//button[starts-with(normalize-space(.), "Rule action")]`),
		chromedp.Click(`//label[normalize-space(.)="Only report"]`),
		chromedp.Click(save), chromedp.WaitNotPresent(save))
	attack(false)
	do(t, ctx, "take it away at the service",
		chromedp.Navigate(p.console+"/sites"),
		chromedp.Click(`//button[starts-with(@aria-label, "Rule actions of service")]`),
		chromedp.WaitVisible(`//ul[contains(@class, "actions")]/li[contains(., "SQL Injection Attack Detected")]`),
		chromedp.Click(`//button[@aria-label="Rule 942100 as written again"]`),
		chromedp.Click(save), chromedp.WaitNotPresent(save))
	attack(true)
}
