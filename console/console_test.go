package console

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var build = fstest.MapFS{
	"index.html":                {Data: []byte("make console")},
	"app/index.html":            {Data: []byte(`<script nonce="__CSP_NONCE__" src="/assets/main-abc.js"></script>`)},
	"app/theme.js":              {Data: []byte("theme")},
	"app/assets/main-abc.js":    {Data: []byte("plain")},
	"app/assets/main-abc.js.gz": {Data: []byte("gzipped")},
	"app/assets/main-abc.js.br": {Data: []byte("brotli")},
	"app/assets/main-abc.css":   {Data: []byte("css")},
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = target // as a client may send it, dots and all
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestEveryClientRouteGetsThePageWithItsOwnNonce(t *testing.T) {
	h := newHandler(build)
	seen := map[string]bool{}
	for _, target := range []string{"/", "/index.html", "/events", "/events/0193-abc", "/sites/x.y", "/login"} {
		res, body := get(t, h, "GET", target)
		if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: status %d, Cache-Control %q", target, res.StatusCode, res.Header.Get("Cache-Control"))
		}
		_, after, _ := strings.Cut(body, `nonce="`)
		nonce, _, _ := strings.Cut(after, `"`)
		if nonce == "" || nonce == noncePlaceholder || seen[nonce] {
			t.Errorf("%s: nonce %q is missing or used before", target, nonce)
		}
		seen[nonce] = true
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "'nonce-"+nonce+"'") {
			t.Errorf("%s: policy does not carry the page's nonce: %s", target, csp)
		}
	}
}

func TestPolicyIsStrict(t *testing.T) {
	for _, h := range []http.Handler{newHandler(build), newHandler(fstest.MapFS{})} {
		res, _ := get(t, h, "GET", "/")
		csp := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self';", "connect-src 'self'",
			"frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
		} {
			if !strings.Contains(csp, want) {
				t.Errorf("policy lacks %q: %s", want, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || strings.Contains(csp, "*") {
			t.Errorf("policy is too wide: %s", csp)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers: %v", res.Header)
		}
	}
}

func TestAssetsAreCachedForEverInTheBestEncoding(t *testing.T) {
	h := newHandler(build)
	for _, c := range []struct{ accept, encoding, body string }{
		{"", "", "plain"},
		{"gzip", "gzip", "gzipped"},
		{"gzip, deflate, br, zstd", "br", "brotli"},
		{"br;q=0, GZIP;q=0.5", "gzip", "gzipped"},
		{"gzip; q=0", "", "plain"},
		{"xgzip", "", "plain"},
	} {
		res, body := get(t, h, "GET", "/assets/main-abc.js", "Accept-Encoding", c.accept)
		if res.Header.Get("Content-Encoding") != c.encoding || body != c.body {
			t.Errorf("Accept-Encoding %q: encoding %q, body %q", c.accept, res.Header.Get("Content-Encoding"), body)
		}
		if res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %v", c.accept, res.Header)
		}
		if res.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("Content-Type %q", res.Header.Get("Content-Type"))
		}
	}
	res, body := get(t, h, "GET", "/theme.js")
	if body != "theme" || res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("file without a hash: %q, %v", body, res.Header)
	}
	if res, body := get(t, h, "HEAD", "/assets/main-abc.css"); body != "" || res.Header.Get("Content-Length") != "3" {
		t.Errorf("HEAD: %q, %v", body, res.Header)
	}
}

func TestWrongAddressesOfFilesAreErrors(t *testing.T) {
	h := newHandler(build)
	for _, target := range []string{"/assets/gone-123.js", "/assets/", "/assets/main-abc.js.gz", "/api/v1/nothing", "/api"} {
		if res, _ := get(t, h, "GET", target); res.StatusCode != 404 {
			t.Errorf("%s: status %d, want 404", target, res.StatusCode)
		}
	}
	if res, _ := get(t, h, "POST", "/"); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", res.StatusCode, res.Header)
	}
}

func TestNoPathLeadsOutOfTheBuild(t *testing.T) {
	h := newHandler(build)
	for _, target := range []string{
		"/../index.html", "/assets/../../index.html", "/..%2findex.html", "//index.html", `/..\index.html`,
		"/assets/..", "../index.html", "/\x00", "/assets/\x00.js",
	} {
		if _, body := get(t, h, "GET", target); strings.Contains(body, "make console") {
			t.Errorf("%q shows a file outside of the build", target)
		}
	}
}

func TestWithoutABuildThePageSaysHowToMakeOne(t *testing.T) {
	h := newHandler(fstest.MapFS{"index.html": build["index.html"]})
	for _, target := range []string{"/", "/events", "/theme.js"} {
		if res, body := get(t, h, "GET", target); res.StatusCode != 200 || !strings.Contains(body, "make console") {
			t.Errorf("%s: %d %q", target, res.StatusCode, body)
		}
	}
	if res, _ := get(t, h, "GET", "/assets/x.js"); res.StatusCode != 404 {
		t.Errorf("asset: %d", res.StatusCode)
	}
}

func TestTheEmbeddedConsoleIsServed(t *testing.T) {
	res, body := get(t, Handler(), "GET", "/")
	if res.StatusCode != 200 || strings.Contains(body, noncePlaceholder) {
		t.Errorf("status %d, body %q", res.StatusCode, body)
	}
	if Built() != strings.Contains(body, `id="root"`) {
		t.Errorf("Built() = %v, but the page is %q", Built(), body)
	}
}
