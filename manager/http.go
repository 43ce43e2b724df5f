package manager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/ringwall/ringwall/api"
	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/auditapi"
	"github.com/ringwall/ringwall/api/apigen/eventsapi"
	"github.com/ringwall/ringwall/api/apigen/gatewaysapi"
	"github.com/ringwall/ringwall/api/apigen/sessionapi"
	"github.com/ringwall/ringwall/api/apigen/sitesapi"
	"github.com/ringwall/ringwall/api/apigen/tuningapi"
	"github.com/ringwall/ringwall/api/apigen/usersapi"
)

const (
	base         = "/api/v1"
	maxBodyBytes = 1 << 20
)

// Handler serves /api/v1/ and /openapi.yaml, and answers every other path with 404.
func (m *Manager) Handler() http.Handler {
	rt := router{m: m, mux: http.NewServeMux(), guarded: map[string]operation{}}
	for _, op := range operations {
		method, path, _ := strings.Cut(op.pattern, " ")
		rt.guarded[method+" "+base+path] = op
	}
	s, bad, wrong := server{m}, m.badRequest, m.writeError
	sessionapi.HandlerWithOptions(
		sessionapi.NewStrictHandlerWithOptions(s, nil, sessionapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		sessionapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	usersapi.HandlerWithOptions(
		usersapi.NewStrictHandlerWithOptions(s, nil, usersapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		usersapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	auditapi.HandlerWithOptions(
		auditapi.NewStrictHandlerWithOptions(s, nil, auditapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		auditapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	sitesapi.HandlerWithOptions(
		sitesapi.NewStrictHandlerWithOptions(s, nil, sitesapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		sitesapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	tuningapi.HandlerWithOptions(
		tuningapi.NewStrictHandlerWithOptions(s, nil, tuningapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		tuningapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	gatewaysapi.HandlerWithOptions(
		gatewaysapi.NewStrictHandlerWithOptions(s, nil, gatewaysapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		gatewaysapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	eventsapi.HandlerWithOptions(
		eventsapi.NewStrictHandlerWithOptions(s, nil, eventsapi.StrictHTTPServerOptions{RequestErrorHandlerFunc: bad, ResponseErrorHandlerFunc: wrong}),
		eventsapi.StdHTTPServerOptions{BaseURL: base, BaseRouter: rt, ErrorHandlerFunc: bad},
	)
	rt.mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(api.OpenAPI) //nolint:errcheck // the client is gone
	})
	return m.careful(rt)
}

// server implements the generated interface; its methods are in the files named
// after what they are about.
type server struct{ *Manager }

// badRequest answers errors of the generated code, all of which are about parameters.
func (m *Manager) badRequest(w http.ResponseWriter, r *http.Request, err error) {
	m.writeError(w, r, badRequest("%v", err))
}

// router puts the guard in front of every operation that the generated code
// registers, and answers unknown paths and methods in JSON.
type router struct {
	m       *Manager
	mux     *http.ServeMux
	guarded map[string]operation // by pattern
}

// HandleFunc implements the generated ServeMux.
func (rt router) HandleFunc(pattern string, next func(http.ResponseWriter, *http.Request)) {
	op, ok := rt.guarded[pattern]
	if !ok {
		next = func(w http.ResponseWriter, r *http.Request) {
			rt.m.writeError(w, r, fail(http.StatusForbidden, apigen.Forbidden, "nobody may call %s", pattern))
		}
	} else {
		next = rt.m.guard(op, next)
	}
	rt.mux.HandleFunc(pattern, next)
}

// ServeHTTP implements http.Handler.
func (rt router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := rt.mux.Handler(r)
	if pattern != "" {
		rt.mux.ServeHTTP(w, r)
		return
	}
	// The mux knows which methods a path has; let it tell.
	probe := discard{header: http.Header{}}
	h.ServeHTTP(&probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		rt.m.writeError(w, r, fail(http.StatusMethodNotAllowed, apigen.BadRequest, "%s does not work on %s, only %s", r.Method, r.URL.Path, allow))
		return
	}
	rt.m.writeError(w, r, fail(http.StatusNotFound, apigen.NotFound, "%s is not a path of this API; see /openapi.yaml", r.URL.Path))
}

// discard keeps status and header of an answer.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// careful sets the headers that every answer has and turns a panic into an answer.
func (m *Manager) careful(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		tw := &tracked{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			m.log.Error("panic while answering", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if tw.wrote { // half an answer must not look like a whole one
				panic(http.ErrAbortHandler)
			}
			m.writeError(w, r, fail(http.StatusInternalServerError, apigen.Internal, "something went wrong inside the manager; its log tells more"))
		}()
		next.ServeHTTP(tw, r)
	})
}

// tracked knows whether an answer has begun.
type tracked struct {
	http.ResponseWriter
	wrote bool
}

func (t *tracked) WriteHeader(status int) {
	t.wrote = true
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(b []byte) (int, error) {
	t.wrote = true
	return t.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// readBody reads the body of a request, checks that it is one JSON value of the
// operation's type without unknown fields, and puts it back for the generated code.
func readBody(w http.ResponseWriter, r *http.Request, op operation) error {
	if op.body == nil {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fail(http.StatusUnsupportedMediaType, apigen.BadRequest, "the body must be sent as Content-Type: application/json")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fail(http.StatusRequestEntityTooLarge, apigen.BadRequest, "the body is larger than %d bytes", maxBodyBytes)
	}
	if err != nil {
		return badRequest("the body could not be read: %v", err)
	}
	if err := decode(data, op.body()); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// decode reads exactly one JSON value into v. Its errors name the place.
func decode(data []byte, v any) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return badRequest("the body is null, want a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		end := d.InputOffset()
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return badRequest("the body goes on after the JSON value, at %s", place(data, end))
		}
		return nil
	}
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return badRequest("the body is not JSON: %v at %s", se, place(data, se.Offset))
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := te.Field
		if field == "" {
			field = "the body"
		}
		return badRequest("%s: a JSON %s does not fit at %s, want %s", field, te.Value, place(data, te.Offset), te.Type)
	}
	if errors.Is(err, io.EOF) {
		return badRequest("the body is empty, want a JSON object")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return badRequest("the body is not JSON: it ends in the middle, at %s", place(data, int64(len(data))))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return badRequest("unknown field %s; see /openapi.yaml", name)
	}
	return badRequest("the body is not as it should be: %v", err)
}

// place is an offset as line and column.
func place(data []byte, offset int64) string {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf("line %d, column %d", line+1, max(column, 1))
}
