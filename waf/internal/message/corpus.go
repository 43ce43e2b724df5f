// Package message reads HTTP/1.1 messages as they go over the wire, and the regression
// tests of the OWASP Core Rule Set, whose stages describe such messages.
//
// An exchange is a request with the response to it. Reading is lenient on purpose: what
// a strict server refuses is an attack that the rules are asked about, so a request is
// taken apart as far as it goes and Exchange.Refused says that it is malformed.
//
// It knows no engine and is no HTTP server. Package replay offers it outside of waf;
// here it stands apart since tests of package waf itself need it.
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

// Test is one test of a file.
type Test struct {
	// File and Number name it as rule-number: 942100-3 for the third of 942100.yaml.
	Rule, Number int
	File         string
	Description  string
	Stages       []Stage
}

// Name returns rule-number.
func (t Test) Name() string { return fmt.Sprintf("%d-%d", t.Rule, t.Number) }

// Stage is a request and what it should lead to.
type Stage struct {
	Input  Input  `yaml:"input"`
	Output Output `yaml:"output"`
}

// Input describes a request. Zero values mean the defaults of the schema.
type Input struct {
	Method   *string           `yaml:"method"`
	URI      *string           `yaml:"uri"`
	Version  *string           `yaml:"version"`
	Headers  map[string]string `yaml:"headers"`
	Data     *string           `yaml:"data"`
	Encoded  string            `yaml:"encoded_request"`
	Complete *bool             `yaml:"autocomplete_headers"`
	Port     int               `yaml:"port"`
	Address  string            `yaml:"dest_addr"`
}

// Output is what is expected.
type Output struct {
	Status      int   `yaml:"status"`
	ExpectError *bool `yaml:"expect_error"`
	Log         struct {
		ExpectIDs   []int  `yaml:"expect_ids"`
		NoExpectIDs []int  `yaml:"no_expect_ids"`
		Match       string `yaml:"match_regex"`
		NoMatch     string `yaml:"no_match_regex"`
	} `yaml:"log"`
}

// file is the schema of a file of tests, as far as we read it.
type file struct {
	RuleID int `yaml:"rule_id"`
	Meta   struct {
		Enabled *bool `yaml:"enabled"`
	} `yaml:"meta"`
	Tests []struct {
		ID          int     `yaml:"test_id"`
		Description string  `yaml:"desc"`
		Stages      []Stage `yaml:"stages"`
	} `yaml:"tests"`
}

// Load reads all .yaml files of fsys in order of name.
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
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			return nil
		}
		if f.Meta.Enabled != nil && !*f.Meta.Enabled {
			return nil
		}
		if f.RuleID == 0 {
			f.RuleID, _ = strconv.Atoi(strings.TrimSuffix(path.Base(name), path.Ext(name)))
		}
		for i, t := range f.Tests {
			if t.ID == 0 {
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
	IDs    []int
	Log    string // one line for each match
	Status int    // of the answer, if the engine changed it
}

// Run runs a test and returns what is wrong, nothing if it passed.
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
// itself rules that must not match are not asked: there they cannot have run.
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

// Exchange builds the request as the schema says and the answer of the test
// application: it reflects what it is asked for at /reflect and is empty else.
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

// raw writes the request, as the schema's reference client does.
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
	slices.Sort(names)
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
	if data != "" && complete {
		add("Content-Type", "application/x-www-form-urlencoded")
		if ct, _ := has("Content-Type"); ct == "application/x-www-form-urlencoded" {
			data = encodeForm(data)
		}
	}
	if ct, _ := has("Content-Type"); strings.Contains(ct, "multipart/form-data;") {
		data = strings.ReplaceAll(data, "\n", "\r\n")
	}
	if complete {
		add("Connection", "close")
		if data != "" || slices.Contains([]string{"POST", "PUT", "PATCH"}, orElse(in.Method, "GET")) {
			add("Content-Length", strconv.Itoa(len(data)))
		}
	}
	for _, n := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", n, header[n])
	}
	b.WriteString("\r\n")
	b.WriteString(data)
	return b.Bytes(), nil
}

// encodeForm escapes names and values of a form that has no escapes yet.
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

// answer is what the test application of the schema answers.
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
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	r.Body = []byte(spec.Body)
	if spec.Body == "" && spec.EncodedBody != "" {
		r.Body, _ = base64.StdEncoding.DecodeString(spec.EncodedBody)
	}
	if len(r.Header["Content-Type"]) == 0 && len(r.Body) > 0 {
		r.Header["Content-Type"] = []string{"text/plain; charset=utf-8"}
	}
	return r
}
