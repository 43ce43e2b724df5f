package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/store"
)

// Error is an answer other than success.
type Error struct {
	Status     int
	Code       apigen.ErrorCode
	Message    string
	Problems   []string      // each wrong field
	RetryAfter time.Duration // zero: nothing is said
	// Cause is for errors.Is and errors.As of callers inside the process and is not
	// shown. It may be nil.
	Cause error
}

func (e *Error) Error() string {
	if len(e.Problems) == 0 {
		return e.Message
	}
	return e.Message + ": " + strings.Join(e.Problems, "; ")
}

func (e *Error) Unwrap() error { return e.Cause }

// Fail returns an Error.
func Fail(status int, code apigen.ErrorCode, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// BadRequest is the answer to a request that cannot be understood.
func BadRequest(format string, args ...any) *Error {
	return Fail(http.StatusBadRequest, apigen.BadRequest, format, args...)
}

// NotFound is the answer where there is no such object.
func NotFound(what, id string) *Error {
	return Fail(http.StatusNotFound, apigen.NotFound, "%s %q does not exist", what, id)
}

// Conflict is the answer to a change that what is stored does not allow.
func Conflict(format string, args ...any) *Error {
	return Fail(http.StatusConflict, apigen.Conflict, format, args...)
}

// Invalid is the answer to values that break a rule: one problem for each error
// joined in err. It is nil for nil.
func Invalid(err error) error {
	if err == nil {
		return nil
	}
	return &Error{
		Status: http.StatusUnprocessableEntity, Code: apigen.Invalid, Message: "not valid", Problems: Problems(err), Cause: err,
	}
}

// Problems takes joined errors apart; each keeps the words that were put in front
// of all of them.
func Problems(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []string
		for _, e := range joined.Unwrap() {
			list = append(list, Problems(e)...)
		}
		return list
	}
	inner := errors.Unwrap(err)
	if inner == nil {
		return []string{err.Error()}
	}
	list := Problems(inner)
	prefix, ok := strings.CutSuffix(err.Error(), inner.Error())
	if len(list) < 2 || !ok {
		return []string{err.Error()}
	}
	for i := range list {
		list[i] = prefix + list[i]
	}
	return list
}

// internalError is all that a client is told of a fault of the manager.
func internalError() *Error {
	return Fail(http.StatusInternalServerError, apigen.Internal, "internal error; see the manager's log")
}

// answer turns any error into what the client is told. Errors that no client causes
// are logged.
func (rt *Router) answer(r *http.Request, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if fe, ok := errors.AsType[*event.FilterError](err); ok {
		return BadRequest("%v", fe)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Fail(http.StatusNotFound, apigen.NotFound, "%s does not exist", r.URL.Path)
	case errors.Is(err, store.ErrStale):
		return Conflict("it was changed meanwhile: read it again, then repeat your change")
	case errors.Is(err, store.ErrTaken):
		return &Error{
			Status: http.StatusUnprocessableEntity, Code: apigen.Invalid, Message: "not valid",
			Problems: []string{"name: is already in use"},
		}
	case errors.Is(err, context.DeadlineExceeded):
		return Fail(http.StatusServiceUnavailable, apigen.Unavailable, "it took too long; try again, or ask for less")
	case r.Context().Err() != nil: // the client went away
		return Fail(http.StatusServiceUnavailable, apigen.Unavailable, "cancelled")
	}
	rt.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	return internalError()
}

// Error answers with err.
func (rt *Router) Error(w http.ResponseWriter, r *http.Request, err error) {
	e := rt.answer(r, err)
	body := apigen.Error{Code: e.Code, Message: e.Message}
	if len(e.Problems) > 0 {
		body.Problems = &e.Problems
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(e.Status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		rt.log.Debug("answer not sent", "err", err)
	}
}

// BadRequest answers errors of the generated code, all of which are about parameters.
func (rt *Router) BadRequest(w http.ResponseWriter, r *http.Request, err error) {
	rt.Error(w, r, BadRequest("%v", err))
}
