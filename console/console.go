// Package console serves the web console: a single-page application whose
// TypeScript source is in web/ and whose build, dist/app, is embedded here. A
// binary that was built without npm serves dist/index.html instead, which says
// how to build it.
//
// The package deliberately knows nothing of the API: the browser talks to it
// directly, under the same host. It keeps no state and starts no goroutine.
package console

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist
var embedded embed.FS

// noncePlaceholder stands in the pages where each answer gets its own nonce.
const noncePlaceholder = "__CSP_NONCE__"

// Handler serves the console. Every path that is not a file of the build is a
// route of the application and gets its page, except below /api/ and /assets/,
// where a wrong address is an error. It is safe for use by several goroutines.
func Handler() http.Handler {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // the name is a constant
	}
	return newHandler(dist)
}

// Built reports whether the application is in this binary, and not only the page
// that says how to build it.
func Built() bool {
	_, err := fs.Stat(embedded, "dist/app/index.html")
	return err == nil
}

// encodings are the pre-compressed variants that the build leaves beside a file,
// smallest first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

type handler struct {
	files fs.FS  // nil without a build
	page  []byte // the application's page, or the one that says how to build it
}

func newHandler(dist fs.FS) http.Handler {
	h := &handler{}
	if page, err := fs.ReadFile(dist, "app/index.html"); err == nil {
		h.page = page
		h.files, _ = fs.Sub(dist, "app") // the name is valid
	} else if h.page, err = fs.ReadFile(dist, "index.html"); err != nil {
		h.page = []byte("<!doctype html><title>Ringwall</title>The console is not in this binary.")
	}
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	// Clean makes the path absolute and free of dots, and fs.FS refuses what would
	// still lead outside.
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	switch {
	case h.files != nil && name != "" && name != "index.html" && h.serveFile(w, r, name):
	case name == "api", strings.HasPrefix(name, "api/"), name == "assets", strings.HasPrefix(name, "assets/"):
		http.NotFound(w, r)
	default:
		h.servePage(w, r)
	}
}

// servePage answers with the page. It is never cached: it names the hashed files of
// this build and carries the nonce of this answer.
func (h *handler) servePage(w http.ResponseWriter, r *http.Request) {
	nonce := rand.Text()
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-cache")
	head.Set("Content-Security-Policy", policy(nonce))
	head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	body := bytes.ReplaceAll(h.page, []byte(noncePlaceholder), []byte(nonce))
	head.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body) //nolint:errcheck // the client is gone
	}
}

// policy is the content security policy. Scripts come from this server only. The
// component library makes a style element for its theme, which the nonce allows;
// inline style attributes and everything from elsewhere stay forbidden.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; connect-src 'self'; " +
		"img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
}

// serveFile answers with a file of the build and reports whether there is one.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name string) bool {
	for _, e := range encodings {
		if strings.HasSuffix(name, e.suffix) {
			return false // only the names that pages use are public
		}
	}
	info, err := fs.Stat(h.files, name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	head := w.Header()
	head.Set("Content-Type", contentType(name))
	head.Set("Vary", "Accept-Encoding")
	if strings.HasPrefix(name, "assets/") {
		// The name holds a hash of the content.
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		head.Set("Cache-Control", "no-cache")
	}
	file := name
	for _, e := range encodings {
		if _, err := fs.Stat(h.files, name+e.suffix); err == nil && accepts(r.Header.Get("Accept-Encoding"), e.name) {
			file = name + e.suffix
			head.Set("Content-Encoding", e.name)
			break
		}
	}
	body, err := fs.ReadFile(h.files, file)
	if err != nil {
		http.Error(w, "read console file", http.StatusInternalServerError)
		return true
	}
	head.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body) //nolint:errcheck // the client is gone
	}
	return true
}

// contentType does not ask the host's MIME tables, which differ: nosniff makes a
// wrong answer fatal for scripts.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".html":
		return "text/html; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// accepts reads an Accept-Encoding header as far as servers of static files need:
// a coding that is named and not refused with q=0.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q := strings.ReplaceAll(params, " ", "")
		return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
	}
	return false
}
