// Package middleware puts the inspection engine in front of a net/http handler. The
// gateway does not use it: it streams and knows operation modes, services and
// events. This is for programs that embed the engine.
//
// The request body is read up to the engine's limit before the handler runs, the
// response body is held back up to the engine's limit if the rules look at it;
// everything else streams.
//
// Stability: Options may grow fields.
package middleware

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"time"

	"github.com/ringwall/ringwall/waf"
)

// Options are how requests are inspected.
type Options struct {
	// Engine returns the engine for a request. It may return another one at any time.
	Engine func(*http.Request) *waf.Engine
	// DetectOnly inspects and never blocks.
	DetectOnly bool
	// FailClosed answers 500 if the inspection itself fails. Otherwise the request
	// passes.
	FailClosed bool
	// Blocked answers what is refused; nil writes the status and its text.
	Blocked func(w http.ResponseWriter, r *http.Request, d waf.Decision)
	// Verdict, if not nil, is told the verdict on each request when it is over.
	Verdict func(*http.Request, waf.Verdict)
}

// Handler returns a handler that inspects requests and answers and passes to next
// what is not refused.
func Handler(next http.Handler, o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session{o: o, w: w, r: r, engine: o.Engine(r)}
		s.tx = s.engine.Begin(newRequest(r, o.DetectOnly))
		defer s.tx.Close()
		s.serve(next)
		if o.Verdict != nil {
			o.Verdict(r, s.tx.Verdict())
		}
	})
}

func newRequest(r *http.Request, detectOnly bool) waf.Request {
	q := waf.Request{Time: time.Now(), Method: r.Method, URI: r.RequestURI, Protocol: r.Proto, Host: r.Host, DetectOnly: detectOnly}
	if q.URI == "" { // a request that did not come from a server
		q.URI = r.URL.RequestURI()
	}
	q.Client, _ = netip.ParseAddrPort(r.RemoteAddr)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string }); ok {
		q.Server, _ = netip.ParseAddrPort(local.String())
	}
	q.Header = maps.Clone(r.Header) // handlers may change theirs
	if len(r.TransferEncoding) > 0 {
		if q.Header == nil {
			q.Header = http.Header{}
		}
		q.Header["Transfer-Encoding"] = r.TransferEncoding // net/http takes it away
	}
	return q
}

// session is one request on its way.
type session struct {
	o      Options
	w      http.ResponseWriter
	r      *http.Request
	engine *waf.Engine
	tx     *waf.Transaction
}

func (s *session) serve(next http.Handler) {
	if s.stop(s.tx.RequestHeaders()) {
		return
	}
	limit, _ := s.engine.Limits()
	if s.r.Body != nil && s.r.Body != http.NoBody {
		var head bytes.Buffer
		if _, err := io.CopyN(&head, s.r.Body, int64(limit)+1); err != nil && err != io.EOF {
			http.Error(s.w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		s.tx.RequestBody(head.Bytes())
		s.r.Body = body{io.MultiReader(&head, s.r.Body), s.r.Body}
	}
	if s.stop(s.tx.EndRequest()) {
		return
	}
	rw := &responseWriter{session: s}
	next.ServeHTTP(rw, s.r)
	rw.finish()
}

type body struct {
	io.Reader
	io.Closer
}

// stop answers a decision to refuse and reports whether it did.
func (s *session) stop(d waf.Decision) bool {
	if _, err := s.tx.Decided(); err != nil && s.o.FailClosed {
		http.Error(s.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return true
	}
	if !d.Block || s.o.DetectOnly {
		return false
	}
	if s.o.Blocked != nil {
		s.o.Blocked(s.w, s.r, d)
		return true
	}
	http.Error(s.w, http.StatusText(d.Status), d.Status)
	return true
}

// responseWriter inspects the answer. It holds the body back as long as the rules
// may still refuse it.
type responseWriter struct {
	session *session
	header  http.Header
	held    []byte
	state   responseState
	status  int
}

type responseState uint8

const (
	waiting   responseState = iota // for the status
	holding                        // the body, up to the limit
	streaming                      // what the rules do not look at, or no more
	refused
)

func (w *responseWriter) Header() http.Header {
	if w.state == waiting || w.state == holding {
		if w.header == nil {
			w.header = http.Header{}
		}
		return w.header
	}
	return w.session.w.Header()
}

func (w *responseWriter) WriteHeader(status int) {
	if w.state != waiting {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.session.w.WriteHeader(status)
		return
	}
	w.status = status
	s := w.session
	if s.stop(s.tx.ResponseHeaders(status, s.r.Proto, w.Header())) {
		w.state = refused
		return
	}
	if s.tx.WantsResponseBody() && s.r.Method != http.MethodHead {
		w.state = holding
		return
	}
	w.release()
}

// release sends what was held back and streams from now on.
func (w *responseWriter) release() {
	s := w.session
	maps.Copy(s.w.Header(), w.header)
	w.state = streaming
	s.w.WriteHeader(w.status)
	if len(w.held) > 0 {
		_, _ = s.w.Write(w.held)
	}
	w.held = nil
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.state == waiting {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", http.DetectContentType(p))
		}
		w.WriteHeader(http.StatusOK)
	}
	switch w.state {
	case refused:
		return len(p), nil
	case streaming:
		return w.session.w.Write(p)
	}
	w.session.tx.ResponseBody(p)
	w.held = append(w.held, p...)
	if _, limit := w.session.engine.Limits(); len(w.held) > limit {
		w.decide()
	}
	return len(p), nil
}

// decide asks for the verdict on the body so far and acts on it.
func (w *responseWriter) decide() {
	if w.session.stop(w.session.tx.EndResponse()) {
		w.state = refused
		w.held = nil
		return
	}
	w.release()
}

// Flush sends what may be sent. A body that is held back stays: it is a page of some
// kilobytes, since streams have other media types.
func (w *responseWriter) Flush() {
	if w.state == waiting {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == streaming {
		_ = http.NewResponseController(w.session.w).Flush()
	}
}

// Unwrap lets http.ResponseController reach the connection, for WebSocket.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.session.w }

func (w *responseWriter) finish() {
	if w.state == waiting {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == holding {
		w.decide()
	}
}
