package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/internal/password"
	"github.com/ringwall/ringwall/manager/store"
)

// apiError is an answer other than success. Its cause, if any, is for errors.Is
// and errors.As of callers inside the process and is not shown.
type apiError struct {
	status     int
	code       apigen.ErrorCode
	message    string
	problems   []string
	retryAfter time.Duration
	cause      error
}

func (e *apiError) Error() string {
	if len(e.problems) == 0 {
		return e.message
	}
	return e.message + ": " + strings.Join(e.problems, "; ")
}

func (e *apiError) Unwrap() error { return e.cause }

func fail(status int, code apigen.ErrorCode, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, apigen.BadRequest, format, args...)
}

func notFound(what, id string) *apiError {
	return fail(http.StatusNotFound, apigen.NotFound, "%s %q does not exist", what, id)
}

func conflict(format string, args ...any) *apiError {
	return fail(http.StatusConflict, apigen.Conflict, format, args...)
}

// invalid is the answer to values that break a rule: one problem for each error
// joined in err. It is nil for nil.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &apiError{status: http.StatusUnprocessableEntity, code: apigen.Invalid, message: "not valid", problems: problems(err), cause: err}
}

// problems takes joined errors apart; each keeps the words that were put in front
// of all of them.
func problems(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []string
		for _, e := range joined.Unwrap() {
			list = append(list, problems(e)...)
		}
		return list
	}
	inner := errors.Unwrap(err)
	if inner == nil {
		return []string{err.Error()}
	}
	list := problems(inner)
	prefix, ok := strings.CutSuffix(err.Error(), inner.Error())
	if len(list) < 2 || !ok {
		return []string{err.Error()}
	}
	for i := range list {
		list[i] = prefix + list[i]
	}
	return list
}

// answer turns any error into what the client is told. Errors that are nobody's
// mistake out there are logged.
func (m *Manager) answer(r *http.Request, err error) *apiError {
	if ae, ok := errors.AsType[*apiError](err); ok {
		return ae
	}
	if fe, ok := errors.AsType[*event.FilterError](err); ok {
		return badRequest("%v", fe)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fail(http.StatusNotFound, apigen.NotFound, "%s does not exist", r.URL.Path)
	case errors.Is(err, store.ErrStale):
		return conflict("it was changed meanwhile: read it again, then repeat your change")
	case errors.Is(err, store.ErrTaken):
		return &apiError{status: http.StatusUnprocessableEntity, code: apigen.Invalid, message: "not valid", problems: []string{"name: is already in use"}}
	case errors.Is(err, password.ErrBusy):
		return &apiError{status: http.StatusTooManyRequests, code: apigen.Throttled, message: "too many logins at once, try again in a second", retryAfter: time.Second}
	case errors.Is(err, context.DeadlineExceeded):
		return fail(http.StatusServiceUnavailable, apigen.Unavailable, "it took too long; try again, or ask for less")
	case r.Context().Err() != nil: // the client went away
		return fail(http.StatusServiceUnavailable, apigen.Unavailable, "cancelled")
	}
	m.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	return fail(http.StatusInternalServerError, apigen.Internal, "something went wrong inside the manager; its log tells more")
}

// eventError is answer's companion for the lake: it knows an unknown id.
func eventError(err error, id string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return notFound("event", id)
	}
	return err
}

func (m *Manager) writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := m.answer(r, err)
	body := apigen.Error{Code: e.code, Message: e.message}
	if len(e.problems) > 0 {
		body.Problems = &e.problems
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
	}
	if e.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(e.status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		m.log.Debug("answer not sent", "err", err)
	}
}
