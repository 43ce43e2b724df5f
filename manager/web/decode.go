package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/ringwall/ringwall/api/apigen"
)

// maxBodyBytes bounds a request's body.
const maxBodyBytes = 1 << 20

// readBody reads the body of a request, checks that it is one JSON value of the
// operation's type without unknown fields, and puts it back for the generated code.
func readBody(w http.ResponseWriter, r *http.Request, op Operation) error {
	if op.Body == nil {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return Fail(http.StatusUnsupportedMediaType, apigen.BadRequest, "the body must be sent as Content-Type: application/json")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return Fail(http.StatusRequestEntityTooLarge, apigen.BadRequest, "the body is larger than %d bytes", maxBodyBytes)
	}
	if err != nil {
		return BadRequest("the body could not be read: %v", err)
	}
	if err := decode(data, op.Body()); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// decode reads exactly one JSON value into v. Its errors name the place.
func decode(data []byte, v any) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return BadRequest("the body is null, want a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		end := d.InputOffset()
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return BadRequest("the body goes on after the JSON value, at %s", position(data, end))
		}
		return nil
	}
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return BadRequest("the body is not JSON: %v at %s", se, position(data, se.Offset))
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := te.Field
		if field == "" {
			field = "the body"
		}
		return BadRequest("%s: a JSON %s does not fit at %s, want %s", field, te.Value, position(data, te.Offset), te.Type)
	}
	if errors.Is(err, io.EOF) {
		return BadRequest("the body is empty, want a JSON object")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return BadRequest("the body is not JSON: it ends in the middle, at %s", position(data, int64(len(data))))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return BadRequest("unknown field %s; see /openapi.yaml", name)
	}
	return BadRequest("the body is not as it should be: %v", err)
}

// position is an offset as line and column.
func position(data []byte, offset int64) string {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf("line %d, column %d", line+1, max(column, 1))
}
