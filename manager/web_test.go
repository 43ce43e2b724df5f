package manager_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/api"
	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/manager/web"
)

// raw sends a request with an admin's API token.
func (b *bed) raw(token, method, path, body string, header ...string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

func TestBadRequestsGetJSONThatNamesThePlace(t *testing.T) {
	b := start(t)
	token := b.token(b.admin(), manager.Admin).auth
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/api/v1/sites", `{"name":"x","nmae":"y"}`, 400, `unknown field \"nmae\"`},
		{"POST", "/api/v1/services", `{"server_group_id":"g","name":"x","ports":[{"adress":":80"}]}`, 400, `unknown field \"adress\"`},
		{"POST", "/api/v1/sites", "{\n  \"name\": \"x\",\n}", 400, "line 3, column 1"},
		{"POST", "/api/v1/sites", `{"name":"x"`, 400, "ends in the middle"},
		{"POST", "/api/v1/sites", "", 415, "application/json"},
		{"POST", "/api/v1/sites", "  ", 400, "empty"},
		{"POST", "/api/v1/sites", "null", 400, "null"},
		{"POST", "/api/v1/sites", "[]", 400, "the body: a JSON array"},
		{"POST", "/api/v1/sites", `{"name":7}`, 400, "name: a JSON number"},
		{"POST", "/api/v1/routes", `{"service_id":"x","upstreams":["http://a",3]}`, 400, "upstreams: a JSON number"},
		{"POST", "/api/v1/sites", `{"name":"x"} {"name":"y"}`, 400, "goes on after"},
		{"POST", "/api/v1/sites", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "larger than 1048576 bytes"},
		{"POST", "/api/v1/tokens", `{"name":"x","role":"viewer","expires":"tomorrow"}`, 400, "tomorrow"},
		{"GET", "/api/v1/nothing", "", 404, "not a path of this API"},
		{"GET", "/elsewhere", "", 404, "not a path of this API"},
		{"DELETE", "/api/v1/sites", "", 405, "only GET, HEAD, POST"},
		{"POST", "/api/v1/gateways", "", 405, "only GET, HEAD"},
		{"GET", "/api/v1/audit?limit=many", "", 400, "limit"},
		{"GET", "/api/v1/audit?limit=0", "", 400, "must be 1 to 1000"},
		{"GET", "/api/v1/events?from=yesterday", "", 400, "from"},
		{"GET", "/api/v1/events?to=", "", 400, "to: want a time"},
		{"GET", "/api/v1/events?from=2026-11-22T12:00:00Z&to=2026-11-22T12:00:00Z", "", 400, "must be before"},
		{"GET", "/api/v1/events?limit=2001", "", 400, "must be 1 to 2000"},
		{"GET", "/api/v1/events?q=bad:", "", 400, "a value is missing at character 5"},
		{"GET", "/api/v1/events?q=" + strings.Repeat("x", 2001), "", 400, "2000 bytes"},
		{"GET", "/api/v1/events/stream?q=bad:", "", 400, "a value is missing"},
		{"GET", "/api/v1/events/nobody", "", 404, `event \"nobody\" does not exist`},
		{"GET", "/api/v1/overview?buckets=501", "", 400, "must be 1 to 500"},
		{"POST", "/api/v1/lake/query", `{"sql":"SELEC 1"}`, 400, "syntax error"},
		{"POST", "/api/v1/lake/query", `{"sql":" "}`, 400, "sql:"},
		{"POST", "/api/v1/lake/query", `{"sql":"SELECT 1","limit":10001}`, 400, "must be 1 to 10000"},
	} {
		resp, text := b.raw(token, c.method, c.path, c.body)
		var e apigen.Error
		err := json.Unmarshal([]byte(text), &e)
		if resp.StatusCode != c.status || !strings.Contains(text, c.want) || err != nil || !e.Code.Valid() ||
			resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %.60s %.60s: want %d …%s…, got %d %s", c.method, c.path, c.body, c.status, c.want, resp.StatusCode, text)
		}
	}
	if resp, text := b.raw(
		token, "POST", "/api/v1/sites", "name=x", "Content-Type", "application/x-www-form-urlencoded",
	); resp.StatusCode != 415 {
		t.Errorf("a form: %d %s", resp.StatusCode, text)
	}
}

func TestAnswersCarrySecurityHeaders(t *testing.T) {
	b := start(t)
	for _, path := range []string{"/api/v1/session", "/openapi.yaml", "/elsewhere"} {
		resp, _ := b.raw("rwt_x", "GET", path, "")
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s: want %q, got %q", path, name, want, got)
			}
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s opens itself to other origins", path)
		}
	}
}

func TestSpecificationIsServedToEverybody(t *testing.T) {
	b := start(t)
	resp, text := b.raw("", "GET", "/openapi.yaml", "")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/yaml" || text != string(api.OpenAPI) {
		t.Errorf("%d, %s, %d bytes", resp.StatusCode, resp.Header.Get("Content-Type"), len(text))
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	b := start(t)
	h := b.Careful(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh no") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"internal"`) || strings.Contains(w.Body.String(), "oh no") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	half := b.Careful(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half an ans")
		panic("oh no")
	}))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic value
			t.Errorf("half an answer ended with %v", p)
		}
	}()
	half.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
}

// Whatever the bytes are, the answer is JSON and no failure of the server.
func FuzzBodies(f *testing.F) {
	var targets []web.Operation
	for _, op := range manager.Operations() {
		if strings.HasPrefix(op.Pattern, "P") && op.ID != "logout" {
			targets = append(targets, op)
		}
	}
	for i, s := range []string{
		`{"name":"x"}`, `{"name":"\ud800"}`, `{"name":`, `[[[[`, "\x00", `{"ports":[{"address":":0"}]}`,
		`{"service_id":"default","upstreams":["http://[::1"]}`,
		`{"mode":"active"}`, `{"sql":"SELECT 1"}`, `{"a":1e999}`, `{"name":"x","password":"yyyyyyyyyyyz","role":"admin"}`,
		`{"username":"x","password":"y"}`,
	} {
		for which := range targets {
			if which%4 == i%4 {
				f.Add([]byte(s), uint8(which))
			}
		}
	}
	b := start(f)
	token := b.token(b.admin(), manager.Admin).auth
	if err := b.ApplySetup(f.Context(), manager.Setup{Upstreams: []string{"http://a"}}); err != nil {
		f.Fatal(err)
	}
	h := b.Handler()
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		method, path, _ := strings.Cut(targets[int(which)%len(targets)].Pattern, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1"+strings.ReplaceAll(path, "{id}", "default"), bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code != http.StatusNoContent && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s %q: %d %s", method, path, body, w.Code, w.Body)
		}
	})
}
