package message

import (
	"bytes"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
)

// Exchange is a request and the answer of the application, ready to be inspected. It may
// refer to the bytes that it was read from, which must not change then.
type Exchange struct {
	// Method, URI and Protocol are as they stand in the request line, valid or not. Host
	// is the field Host, "" if there is none.
	Method, URI, Protocol, Host string
	// Header is without Host and has canonical names, as that of net/http. Values have no
	// blanks around them.
	Header map[string][]string
	// Body is without transfer coding, and with its content codings.
	Body []byte
	// Refused tells that an HTTP server would answer 400 by itself. The fields are filled
	// all the same.
	Refused bool
	// Response is what the application answers.
	Response Response
}

// Response is the answer of an application, without content codings. The zero value of a
// field is what the answer does not have.
type Response struct {
	Status int
	// Protocol is HTTP/1.1 if it is empty.
	Protocol string
	Header   map[string][]string
	Body     []byte
}

// Parse reads a raw request as leniently as any server might. It sets Refused where a
// strict one would not pass it on. Lines of the head may end with LF, but the head ends
// with an empty line of CR LF; what follows is the body. It takes linear time and makes
// no body that is longer than raw.
func Parse(raw []byte) (Exchange, error) {
	// A request without an empty line is all head.
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	// From here on nothing is an error: what is odd is noted in Refused and kept, since the
	// rules are to be asked about just that.
	lines := strings.Split(string(head), "\n")
	x := Exchange{Header: map[string][]string{}}
	line := strings.TrimSuffix(lines[0], "\r")
	x.Refused = !strictLine.MatchString(line)
	// The method ends at the first blank and the protocol begins after the last one; all
	// between is the target, as servers take it that forgive blanks there.
	fields := strings.Split(strings.TrimLeft(line, " \t"), " ")
	if len(fields) < 2 {
		x.Refused = true
		fields = append(fields, "/")
	}
	x.Method = fields[0]
	// A line without a protocol is one of HTTP/0.9.
	x.Protocol = "HTTP/0.9"
	if len(fields) > 2 {
		x.Protocol = fields[len(fields)-1]
		fields = fields[:len(fields)-1]
	}
	// A target with blanks in it is odd enough for Refused, and inspected as a whole.
	x.URI = strings.Join(fields[1:], " ")
	hosts := 0
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(strings.TrimSuffix(l, "\r"), ":")
		// A blank before the colon must be refused (RFC 9112, section 5.1): servers that
		// forgive it take the field for another than those that do not. Folded lines come
		// here, too.
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			x.Refused = x.Refused || strings.TrimSpace(l) != ""
			continue
		}
		value = strings.Trim(value, " \t")
		name = textproto.CanonicalMIMEHeaderKey(name)
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			x.Refused = true // RFC 9110, section 5.5
		}
		// The first Host that is not empty is Exchange.Host, as net/http has it; further
		// ones stay in the header, where rules find them.
		if name == "Host" {
			hosts++
			if x.Host == "" && value != "" {
				x.Host = value
				continue
			}
		}
		x.Header[name] = append(x.Header[name], value)
	}
	// HTTP/1.1 asks for exactly one Host (RFC 9112, section 3.2); no version allows two.
	noHost := (hosts != 1 || x.Host == "") && strings.HasSuffix(x.Protocol, "/1.1")
	x.Refused = x.Refused || !validTarget(x.Method, x.URI) || controlEscape.MatchString(x.Host) || noHost || hosts > 1
	x.Body = framed(&x, body)
	return x, nil
}

// framed returns the part of body that a server hands on, as RFC 9112, section 6, says:
// the transfer coding goes before Content-Length, which is then dropped, and without
// either there is no body. What is left after the body would be the next request of the
// connection. A length that is no number leaves the body whole.
func framed(x *Exchange, body []byte) []byte {
	if te := x.Header["Transfer-Encoding"]; len(te) > 0 && strings.EqualFold(te[0], "chunked") {
		delete(x.Header, "Content-Length")
		return dechunk(body)
	}
	length, ok := x.Header["Content-Length"]
	if !ok {
		return nil
	}
	// 31 bits are enough for any file of tests, and fit in an int everywhere.
	n, err := strconv.ParseUint(length[0], 10, 31)
	if err != nil || strings.HasPrefix(length[0], "+") {
		x.Refused = true
		return body
	}
	return body[:min(int(n), len(body))]
}

// validTarget checks the form of a request target (RFC 9112, section 3.2): origin-form,
// absolute-form, authority-form of CONNECT or asterisk-form of OPTIONS. A fragment is in
// none of these.
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

// strictLine is a request line as RFC 9112, section 3, has it: a token (RFC 9110, section
// 5.6.2), a target without blanks, and the version, with single blanks between.
var strictLine = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \\t\\r\\n]+ HTTP/[12](?:\\.[0-9])?$")

// dechunk undoes the chunked transfer coding (RFC 9112, section 7.1) as far as it is well
// formed, and returns what it has where that ends. Extensions and trailers are skipped.
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
		// The last chunk is cut off: what there is of it was sent, so rules see it.
		if int(n) > len(rest) {
			return append(out, rest...)
		}
		out = append(out, rest[:n]...)
		b = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
}
