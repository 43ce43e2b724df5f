package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The operator's own rules block through the gateway, are read anew on SIGHUP, and a
// mistake leaves those before in force, says so in the log, the metrics and the
// health page, and stops the next start.
func TestOwnRulesAreInForceAndReloaded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
	t.Cleanup(server.Close)
	rules := filepath.Join(t.TempDir(), "rules")
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(rules, 0o700), os.WriteFile(filepath.Join(rules, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("10-block.conf", `SecRule ARGS "@pmFromFile words.data" "id:1000,phase:2,deny,status:403,log,msg:'own word'"`)
	write("words.data", "forbiddenword\n")
	write("00-trust.before.conf", `SecRule REQUEST_FILENAME "@streq /trusted" "id:1001,phase:1,pass,nolog,ctl:ruleRemoveByTag=attack-sqli"`)
	data := filepath.Join(t.TempDir(), "data")
	p := up(t, data, "--upstream", server.URL, "--listen", "127.0.0.1:0", "--mode", "active", "--rules", rules)
	p.login(p.password)
	get := func(target string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, p.gateway+target, nil)
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
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	console := func(path string) string {
		t.Helper()
		res, err := p.client.Get(p.console + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	expect := func(when string, want map[string]int) {
		t.Helper()
		for target, status := range want {
			if got := get(target); got != status {
				t.Errorf("%s: %s is answered with %d, want %d", when, target, got, status)
			}
		}
	}
	const sqli = "?q=1'+UNION+SELECT+a,b+FROM+users--+-"
	expect("at first", map[string]int{"/?a=forbiddenword": 403, "/?a=otherword": 200, "/trusted" + sqli: 200, "/search" + sqli: 403})

	hangUp := func(line string) {
		t.Helper()
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		wait(t, 20*time.Second, func() error {
			if !strings.Contains(p.log.String(), line) {
				return fmt.Errorf("the log does not say %q", line)
			}
			return nil
		})
	}
	write("words.data", "otherword\n")
	hangUp("rules reloaded")
	expect("after a reload", map[string]int{"/?a=forbiddenword": 200, "/?a=otherword": 403, "/trusted" + sqli: 200})

	write("20-wrong.conf", "\nSecRule ARGZ \"@streq x\" \"id:1002,deny\"\n")
	hangUp("rules not reloaded, those before stay in force")
	mistake := filepath.Join(rules, "20-wrong.conf") + `:2:9: unknown variable: "ARGZ" (did you mean ARGS?)`
	if !strings.Contains(strings.ReplaceAll(p.log.String(), `\"`, `"`), mistake) {
		t.Errorf("the log does not say %s", mistake)
	}
	expect("after a mistake", map[string]int{"/?a=otherword": 403, "/?a=forbiddenword": 200})
	if m := console("/metrics"); !strings.Contains(m, "ringwall_rules_reload_failed 1") || !strings.Contains(m, "ringwall_rule_files 2") {
		t.Error("the metrics do not show the failed reload")
	}
	if h := console("/health/ready"); !strings.Contains(h, `"status":"ok"`) || !strings.Contains(h, "the rules before are in force") {
		t.Errorf("the health page says %s", h)
	}
	if _, stderr, code := ringwall(t, "waf", "check", rules); code != 1 || !strings.Contains(stderr, mistake) {
		t.Errorf("waf check: %d %s", code, stderr)
	}
	p.interrupt()
	if _, stderr, code := ringwall(
		t,
		"up",
		"--data",
		data,
		"--console",
		"127.0.0.1:0",
		"--rules",
		rules,
	); code != 1 ||
		!strings.Contains(stderr, mistake) {
		t.Errorf("up: %d %s", code, stderr)
	}
}
