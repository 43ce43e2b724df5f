// Package message reads HTTP/1.1 messages as they go over the wire, and the regression
// tests of the OWASP Core Rule Set, whose stages describe such messages.
//
// An exchange is a request with the response to it. Reading is lenient on purpose: what a
// strict server refuses is an attack that the rules are asked about, so a request is
// taken apart as far as it goes and Exchange.Refused says that it is malformed.
//
// It knows no engine and is no HTTP server. Package replay offers it outside of waf; here
// it stands apart since tests of package waf itself need it.
//
// Its files:
//
//   - corpus.go: the tests, what they expect, and the requests that they describe.
//   - raw.go: messages as bytes.
//
// The schema of tests is that of go-ftw (coreruleset/ftw-tests-schema), as far as the
// Core Rule Set 4 uses it. Keys that are not known are skipped.
//
// All values are plain data, and functions keep none of them. Stability: internal.
package message

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Test is one test of a file. Its stages are requests on their own: they share no state
// but what the engine under test keeps.
type Test struct {
	// Rule and Number name it as rule-number: 942100-3 for the third of 942100.yaml.
	Rule, Number int
	// File is the path in the file system that Load was given, for messages.
	File        string
	Description string
	Stages      []Stage
}

// Name returns rule-number.
func (t Test) Name() string { return fmt.Sprintf("%d-%d", t.Rule, t.Number) }

// Stage is a request and what it should lead to.
type Stage struct {
	Input  Input  `yaml:"input"`
	Output Output `yaml:"output"`
}

// Input describes a request. Zero values mean the defaults of the schema; pointers tell
// what is absent from what is empty, since an empty method or body is a test of its own.
type Input struct {
	// Method is GET if absent. It may be no token at all.
	Method *string `yaml:"method"`
	// URI is the request target as it goes over the wire, / if absent.
	URI *string `yaml:"uri"`
	// Version is HTTP/1.1 if absent.
	Version *string `yaml:"version"`
	// Headers have one value for each name; requests with repeated fields are given as a
	// whole, see Encoded.
	Headers map[string]string `yaml:"headers"`
	// Data is the body, empty if absent. Unless Complete says no it is escaped if it is a
	// form, and counted.
	Data *string `yaml:"data"`
	// Encoded is the whole request in base64, instead of all other fields: for requests
	// that are malformed in a way that the fields cannot say.
	Encoded string `yaml:"encoded_request"`
	// Complete tells that fields which any client sends are added, as it is if absent.
	Complete *bool `yaml:"autocomplete_headers"`
	// Port and Address are where the request goes. They are read and not used, since no
	// connection is made.
	Port    int    `yaml:"port"`
	Address string `yaml:"dest_addr"`
}

// Output is what is expected. What is absent is not checked.
type Output struct {
	// Status is what the client sees: that of the engine, else of the test application.
	Status int `yaml:"status"`
	// ExpectError tells that a server may close the connection or refuse by itself.
	ExpectError *bool `yaml:"expect_error"`
	Log         struct {
		// ExpectIDs are rules that must match, NoExpectIDs rules that must not.
		ExpectIDs   []int `yaml:"expect_ids"`
		NoExpectIDs []int `yaml:"no_expect_ids"`
		// Match and NoMatch are expressions for the log of the matches, in the syntax of
		// package regexp.
		Match   string `yaml:"match_regex"`
		NoMatch string `yaml:"no_match_regex"`
	} `yaml:"log"`
}

// file is the schema of a file of tests, as far as we read it.
type file struct {
	RuleID int `yaml:"rule_id"`
	Meta   struct {
		// A file without it is enabled.
		Enabled *bool `yaml:"enabled"`
	} `yaml:"meta"`
	Tests []struct {
		ID          int     `yaml:"test_id"`
		Description string  `yaml:"desc"`
		Stages      []Stage `yaml:"stages"`
	} `yaml:"tests"`
}

// Load reads all .yaml and .yml files of fsys in order of name, folders included. Files
// that are disabled are left out. The error joins those of all files; the tests of the
// others are returned beside it.
func Load(fsys fs.FS) ([]Test, error) {
	var list []Test
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".yaml" && path.Ext(name) != ".yml" {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		var f file
		if err := yaml.Unmarshal(text, &f); err != nil {
			// One broken file does not hide the mistakes of the others.
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			return nil
		}
		if f.Meta.Enabled != nil && !*f.Meta.Enabled {
			return nil
		}
		if f.RuleID == 0 {
			// Files of the first version of the schema have the rule in their name only.
			f.RuleID, _ = strconv.Atoi(strings.TrimSuffix(path.Base(name), path.Ext(name)))
		}
		for i, t := range f.Tests {
			if t.ID == 0 {
				// Nor did tests have numbers there.
				t.ID = i + 1
			}
			list = append(list, Test{Rule: f.RuleID, Number: t.ID, File: name, Description: t.Description, Stages: t.Stages})
		}
		return nil
	})
	return list, errors.Join(append(errs, err)...)
}

// Result is what an engine said of an exchange.
type Result struct {
	IDs []int
	// Log is one line for each match. What a line has is between the engine and the
	// patterns of the tests.
	Log string
	// Status is that of the answer if the engine changed it, else 0.
	Status int
}

// Run runs a test and returns what is wrong, nothing if it passed. inspect is called once
// for each stage, in order, and may keep the exchange.
func (t Test) Run(inspect func(Exchange) Result) []string {
	var wrong []string
	for _, s := range t.Stages {
		x, err := s.Input.Exchange()
		if err != nil {
			wrong = append(wrong, "request cannot be built: "+err.Error())
			continue
		}
		wrong = append(wrong, s.Output.check(x, inspect(x))...)
	}
	return wrong
}

// check returns what is wrong with a result. Of a request that an HTTP server refuses by
// itself rules that must not match are not asked: there they cannot have run. Those that
// must match are, since the engine reads more than a server would.
func (o Output) check(x Exchange, r Result) []string {
	var wrong []string
	if o.ExpectError != nil && *o.ExpectError && x.Refused {
		return nil
	}
	for _, id := range o.Log.ExpectIDs {
		if !slices.Contains(r.IDs, id) {
			wrong = append(wrong, fmt.Sprintf("rule %d did not match", id))
		}
	}
	for _, id := range o.Log.NoExpectIDs {
		if !x.Refused && slices.Contains(r.IDs, id) {
			wrong = append(wrong, fmt.Sprintf("rule %d matched", id))
		}
	}
	if o.Log.Match != "" && !matches(o.Log.Match, r.Log) {
		wrong = append(wrong, "log lacks "+o.Log.Match)
	}
	if o.Log.NoMatch != "" && matches(o.Log.NoMatch, r.Log) {
		wrong = append(wrong, "log has "+o.Log.NoMatch)
	}
	if o.Status != 0 {
		status := x.Response.Status
		// What a server answers by itself goes before what the engine asks for.
		if x.Refused {
			status = 400
		} else if r.Status != 0 {
			status = r.Status
		}
		if status != o.Status {
			wrong = append(wrong, fmt.Sprintf("status %d, want %d", status, o.Status))
		}
	}
	return wrong
}

// matches reports whether a log has a match of a pattern; one that is invalid has none.
func matches(pattern, log string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(log)
}

// Exchange builds the request as the schema says and the answer of the test application:
// it reflects what it is asked for at /reflect and is empty else. An error is one of the
// base64 of Encoded.
func (in Input) Exchange() (Exchange, error) {
	raw, err := in.raw()
	if err != nil {
		return Exchange{}, err
	}
	x, err := Parse(raw)
	if err != nil {
		return x, err
	}
	x.Response = answer(x)
	return x, nil
}

// orElse dereferences p; nil means d, for fields whose zero value is not the default.
func orElse[T any](p *T, d T) T {
	if p == nil {
		return d
	}
	return *p
}

// raw writes the request, as the schema's reference client does: go-ftw. What that client
// does to bodies and headers is part of what tests expect, so it is followed even where
// it looks odd.
func (in Input) raw() ([]byte, error) {
	// A request that is given as a whole goes as it is, with all its faults.
	if in.Encoded != "" {
		return base64.StdEncoding.DecodeString(in.Encoded)
	}
	var b bytes.Buffer
	version := orElse(in.Version, "HTTP/1.1")
	fmt.Fprintf(&b, "%s %s %s\r\n", orElse(in.Method, "GET"), orElse(in.URI, "/"), version)
	header := map[string]string{}
	names := []string{}
	for name, value := range in.Headers {
		header[name] = value
		names = append(names, name)
	}
	// The order of a map is random, and equal tests should be equal bytes.
	slices.Sort(names)
	// Names are compared in any case; a test may spell them oddly.
	has := func(name string) (string, bool) {
		for n, v := range header {
			if strings.EqualFold(n, name) {
				return v, true
			}
		}
		return "", false
	}
	add := func(name, value string) {
		if _, ok := has(name); !ok {
			header[name] = value
			names = append(names, name)
		}
	}
	data := orElse(in.Data, "")
	complete := orElse(in.Complete, true)
	// A body without a type is a form. Data that is not escaped yet is, as a browser does
	// it.
	if data != "" && complete {
		add("Content-Type", "application/x-www-form-urlencoded")
		if ct, _ := has("Content-Type"); ct == "application/x-www-form-urlencoded" {
			data = encodeForm(data)
		}
	}
	// YAML has lines that end with LF; lines of multipart end with CR LF (RFC 2046,
	// section 4.1.1).
	if ct, _ := has("Content-Type"); strings.Contains(ct, "multipart/form-data;") {
		data = strings.ReplaceAll(data, "\n", "\r\n")
	}
	if complete {
		// Content-Length is counted after the body has its last form. Methods that have
		// bodies send it for an empty one as well (RFC 9110, section 8.6).
		add("Connection", "close")
		if data != "" || slices.Contains([]string{"POST", "PUT", "PATCH"}, orElse(in.Method, "GET")) {
			add("Content-Length", strconv.Itoa(len(data)))
		}
	}
	// Nothing is checked here: line breaks in a value are how tests smuggle fields.
	for _, n := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", n, header[n])
	}
	b.WriteString("\r\n")
	b.WriteString(data)
	return b.Bytes(), nil
}

// encodeForm escapes names and values of a form that has no escapes yet. One that has
// some, or that is broken, stays as it is: the test means these bytes.
func encodeForm(data string) string {
	if decoded, err := url.QueryUnescape(data); err != nil || decoded != data {
		return data
	}
	var parts []string
	for p := range strings.SplitSeq(data, "&") {
		key, value, ok := strings.Cut(p, "=")
		if p = url.QueryEscape(key); ok {
			p += "=" + url.QueryEscape(value)
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, "&")
}

// answer is what the test application of the schema answers: albedo, which takes status,
// fields and body of its answer from a JSON body. Rules of the response are tested by
// that.
func answer(x Exchange) Response {
	r := Response{Status: 200, Header: map[string][]string{}}
	p, _, _ := strings.Cut(x.URI, "?")
	if x.Method != "POST" || p != "/reflect" && !strings.HasPrefix(p, "/reflect/") {
		return r
	}
	var spec struct {
		Status      int               `json:"status"`
		Headers     map[string]string `json:"headers"`
		Body        string            `json:"body"`
		EncodedBody string            `json:"encodedBody"`
	}
	if err := json.Unmarshal(x.Body, &spec); err != nil {
		return Response{Status: 400, Header: r.Header, Body: []byte("Invalid JSON in request body")}
	}
	if spec.Status != 0 {
		r.Status = spec.Status
	}
	for name, value := range spec.Headers {
		// Header keys are canonical, as those of net/http.
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	r.Body = []byte(spec.Body)
	if spec.Body == "" && spec.EncodedBody != "" {
		r.Body, _ = base64.StdEncoding.DecodeString(spec.EncodedBody)
	}
	// net/http guesses a type if there is none; for most bodies it is this.
	if len(r.Header["Content-Type"]) == 0 && len(r.Body) > 0 {
		r.Header["Content-Type"] = []string{"text/plain; charset=utf-8"}
	}
	return r
}
