// Package web is what the rooms of the manager have in common as an HTTP API: the
// router with the guard in front of every operation, the decoding of bodies, errors as
// clients see them, and paging. It knows no operation and no user: rooms declare their
// operations, and package access is the guard.
//
// Stability: internal to the manager.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/ringwall/ringwall/api"
	"github.com/ringwall/ringwall/api/apigen"
)

// Base is where the API's paths begin.
const Base = "/api/v1"

// Router puts the guard in front of every operation that the generated code
// registers, and answers unknown paths and methods in JSON. Use NewRouter. It is safe
// for use by several goroutines after the last HandleFunc.
type Router struct {
	guard   Guard
	log     *slog.Logger
	mux     *http.ServeMux
	guarded map[string]Operation // by pattern
}

// NewRouter returns a router for operations, which says of each who may call it.
func NewRouter(guard Guard, log *slog.Logger, operations []Operation) *Router {
	rt := &Router{guard: guard, log: log, mux: http.NewServeMux(), guarded: map[string]Operation{}}
	for _, op := range operations {
		method, path, _ := strings.Cut(op.Pattern, " ")
		rt.guarded[method+" "+Base+path] = op
	}
	rt.mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(api.OpenAPI) //nolint:errcheck // the client is gone
	})
	return rt
}

// Handler serves /api/v1/ and /openapi.yaml, and answers every other path with 404.
func (rt *Router) Handler() http.Handler { return rt.careful(rt) }

// Require lets a request through to next when its identity has at least the given
// role. It answers all others like the API does.
func (rt *Router) Require(role Role, next http.Handler) http.Handler {
	return rt.careful(rt.protect(Operation{Role: role}, next.ServeHTTP))
}

// protect is the one place where it is decided whether a request reaches its handler.
func (rt *Router) protect(op Operation, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := rt.guard.Admit(op.Role, r)
		if err == nil {
			err = readBody(w, r, op)
		}
		if err != nil {
			rt.Error(w, r, err)
			return
		}
		next(w, r.WithContext(withRequest(r.Context(), id, r.URL)))
	}
}

// HandleFunc implements the generated ServeMux.
func (rt *Router) HandleFunc(pattern string, next func(http.ResponseWriter, *http.Request)) {
	op, ok := rt.guarded[pattern]
	if !ok {
		next = func(w http.ResponseWriter, r *http.Request) {
			rt.Error(w, r, Fail(http.StatusForbidden, apigen.Forbidden, "nobody may call %s", pattern))
		}
	} else {
		next = rt.protect(op, next)
	}
	rt.mux.HandleFunc(pattern, next)
}

// ServeHTTP implements http.Handler.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		rt.Error(w, r, Fail(http.StatusMethodNotAllowed, apigen.BadRequest,
			"%s does not work on %s, only %s", r.Method, r.URL.Path, allow))
		return
	}
	rt.Error(w, r, Fail(http.StatusNotFound, apigen.NotFound, "%s is not a path of this API; see /openapi.yaml", r.URL.Path))
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
func (rt *Router) careful(next http.Handler) http.Handler {
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
			rt.log.Error("panic while answering", "method", r.Method, "path", r.URL.Path,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if tw.wrote { // half an answer must not look like a whole one
				panic(http.ErrAbortHandler)
			}
			rt.Error(w, r, internalError())
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
