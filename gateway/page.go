package gateway

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// page is an answer of Ringwall's own.
type page struct {
	status      int
	contentType string
	body        []byte
}

// write sends the page. HEAD gets the head alone.
func (p page) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", p.contentType)
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body) // a client that is gone has no use for an error
	}
}

// blockPage is what a blocked client sees: that it was blocked and the id to ask
// about, not why, which would help an attacker to find a way around.
func blockPage(r *http.Request, status int, id string) page {
	return newPage(r, pageData{
		Status: status, Title: "Request blocked", ID: id, Code: "blocked",
		Text: "This request looked like an attack and was stopped before it reached the application. " +
			"If you think this is a mistake, tell the site's operator the id below.",
	})
}

// errorPage is what a client sees when Ringwall could not serve it.
func errorPage(r *http.Request, status int, id, reason string) page {
	title := http.StatusText(status)
	if title == "" {
		title = "Error"
	}
	return newPage(r, pageData{
		Status: status, Title: title, ID: id, Code: strings.ToLower(strings.ReplaceAll(title, " ", "_")),
		Text: strings.ToUpper(reason[:1]) + reason[1:] + ".",
	})
}

type pageData struct {
	Status                int
	Title, Text, Code, ID string
}

func newPage(r *http.Request, d pageData) page {
	if wantsJSON(r) {
		body, err := json.Marshal(map[string]any{"error": d.Code, "message": d.Text, "request_id": d.ID, "status": d.Status})
		if err == nil { // strings and a number always encode
			return page{d.Status, "application/json", append(body, '\n')}
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, d); err != nil { // into memory, of plain fields
		return page{d.Status, "text/plain; charset=utf-8", []byte(d.Title + "\nRequest id: " + d.ID + "\n")}
	}
	return page{d.Status, "text/html; charset=utf-8", b.Bytes()}
}

// wantsJSON tells an API client from a browser: it accepts JSON and not HTML, or
// it sent JSON and does not say.
func wantsJSON(r *http.Request) bool {
	accept := strings.Join(r.Header["Accept"], ",")
	if strings.Contains(accept, "html") {
		return false
	}
	return strings.Contains(accept, "json") || strings.Contains(r.Header.Get("Content-Type"), "json")
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>{{.Title}}</title>
<style>
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:#f6f7f9;color:#1a2028}
main{max-width:34rem;margin:1.5rem;padding:2rem;background:#fff;border:1px solid #dfe3e8;border-radius:12px}
small{color:#67707c;font-weight:600;letter-spacing:.04em}h1{margin:.25rem 0 .75rem;font-size:1.5rem}
code{display:block;margin-top:.25rem;padding:.6rem .8rem;border-radius:8px;background:#f0f2f5;
font:14px/1.4 ui-monospace,monospace;overflow-wrap:anywhere;user-select:all}
@media(prefers-color-scheme:dark){body{background:#12151a;color:#e7eaee}main{background:#1a1e25;border-color:#2b313a}
code{background:#242a33}small{color:#98a2af}}
</style></head><body><main><small>{{.Status}}</small><h1>{{.Title}}</h1><p>{{.Text}}</p>
<div>Request id<code>{{.ID}}</code></div></main></body></html>
`))
