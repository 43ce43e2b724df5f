// Package exchange reads test corpora in the schema of the OWASP Core Rule Set's
// regression tests and runs them against anything that inspects an exchange.
//
// It knows no engine; package waftest offers it to users. Stability: as waftest's.
package exchange

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

// Exchange is a request and the answer of the application, ready to be inspected.
type Exchange struct {
	Method, URI, Protocol, Host string
	Header                      map[string][]string // without Host
	Body                        []byte
	// Refused tells that an HTTP server would answer 400 by itself.
	Refused bool
	// Response is what the application answers.
	Response Response
}

// Response is an answer.
type Response struct {
	Status int
	Header map[string][]string
	Body   []byte
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

func orElse[T any](p *T, d T) T {
	if p == nil {
		return d
	}
	return *p
}

// raw writes the request, as the schema's reference client does.
func (in Input) raw() ([]byte, error) {
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
	if plain, err := url.QueryUnescape(data); err != nil || plain != data {
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

// Parse reads a raw request as leniently as any server might. It sets Refused where
// a strict one would not pass it on.
func Parse(raw []byte) (Exchange, error) {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\n")
	x := Exchange{Header: map[string][]string{}}
	line := strings.TrimSuffix(lines[0], "\r")
	x.Refused = !strictLine.MatchString(line)
	fields := strings.Split(strings.TrimLeft(line, " \t"), " ")
	if len(fields) < 2 {
		x.Refused = true
		fields = append(fields, "/")
	}
	x.Method = fields[0]
	x.Protocol = "HTTP/0.9"
	if len(fields) > 2 {
		x.Protocol = fields[len(fields)-1]
		fields = fields[:len(fields)-1]
	}
	x.URI = strings.Join(fields[1:], " ")
	hosts := 0
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(strings.TrimSuffix(l, "\r"), ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			x.Refused = x.Refused || strings.TrimSpace(l) != ""
			continue
		}
		value = strings.Trim(value, " \t")
		name = textproto.CanonicalMIMEHeaderKey(name)
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			x.Refused = true // RFC 9110, section 5.5
		}
		if name == "Host" {
			hosts++
			if x.Host == "" && value != "" {
				x.Host = value
				continue
			}
		}
		x.Header[name] = append(x.Header[name], value)
	}
	x.Refused = x.Refused || !validTarget(x.Method, x.URI) || controlEscape.MatchString(x.Host) || (hosts != 1 || x.Host == "") && strings.HasSuffix(x.Protocol, "/1.1") || hosts > 1
	x.Body = framed(&x, body)
	return x, nil
}

// framed returns the part of body that a server hands on, as RFC 9112, section 6,
// says: the transfer coding goes before Content-Length, which is then dropped, and
// without either there is no body.
func framed(x *Exchange, body []byte) []byte {
	if te := x.Header["Transfer-Encoding"]; len(te) > 0 && strings.EqualFold(te[0], "chunked") {
		delete(x.Header, "Content-Length")
		return dechunk(body)
	}
	length, ok := x.Header["Content-Length"]
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(length[0], 10, 31)
	if err != nil || strings.HasPrefix(length[0], "+") {
		x.Refused = true
		return body
	}
	return body[:min(int(n), len(body))]
}

// validTarget checks the form of a request target (RFC 9112, section 3.2).
func validTarget(method, target string) bool {
	switch {
	case method == "CONNECT":
		_, port, ok := strings.Cut(target, ":")
		return ok && port != ""
	case target == "*":
		return method == "OPTIONS"
	case strings.ContainsAny(target, "#"):
		return false
	}
	return strings.HasPrefix(target, "/") || strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://")
}

var controlEscape = regexp.MustCompile(`(?i)%(?:[01][0-9a-f]|7f)`)

var strictLine = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \\t\\r\\n]+ HTTP/[12](?:\\.[0-9])?$")

// dechunk undoes the chunked transfer coding as far as it is well formed.
func dechunk(b []byte) []byte {
	var out []byte
	for {
		line, rest, ok := bytes.Cut(b, []byte("\r\n"))
		if !ok {
			return out
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(strings.TrimSpace(string(size)), 16, 31)
		if err != nil || n == 0 {
			return out
		}
		if int(n) > len(rest) {
			return append(out, rest...)
		}
		out = append(out, rest[:n]...)
		b = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
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
