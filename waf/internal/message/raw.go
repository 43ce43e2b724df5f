package message

import (
	"bytes"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
)

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

// Response is the answer of an application, without content codings.
type Response struct {
	Status   int
	Protocol string // empty means HTTP/1.1
	Header   map[string][]string
	Body     []byte
}

// Parse reads a raw request as leniently as any server might. It sets Refused where
// a strict one would not pass it on.
func Parse(raw []byte) (Exchange, error) {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	// From here on nothing is an error: what is odd is noted in Refused and kept, since the
	// rules are to be asked about just that.
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
	noHost := (hosts != 1 || x.Host == "") && strings.HasSuffix(x.Protocol, "/1.1")
	x.Refused = x.Refused || !validTarget(x.Method, x.URI) || controlEscape.MatchString(x.Host) || noHost || hosts > 1
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

// controlEscape finds escapes of control characters, which have no place in a host.
var controlEscape = regexp.MustCompile(`(?i)%(?:[01][0-9a-f]|7f)`)

// strictLine is a request line as RFC 9112, section 3, has it.
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
