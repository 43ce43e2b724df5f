// Package replay sends recorded messages through an engine: raw HTTP/1.1 requests and
// responses from files, and the regression tests of the OWASP Core Rule Set in their own
// schema.
//
// The engine is used as a library, without HTTP in between; what an HTTP server would
// refuse before the engine sees it counts as refused with 400. Nothing is read from disk
// or network, and no clock is asked: callers hand in bytes, a file system and the time.
//
// Stability: as package waf's.
package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/internal/message"
)

// The parts of a corpus of tests.
type (
	// Test is one test of a file; Test.Run runs it.
	Test = message.Test
	// Stage is a request and what it should lead to.
	Stage = message.Stage
	// Input describes a request, Output what is expected.
	Input  = message.Input
	Output = message.Output
	// Exchange is a request with the application's response, ready to be inspected.
	Exchange = message.Exchange
	// Response is the response to a request.
	Response = message.Response
	// Result is what an engine said of an exchange.
	Result = message.Result
)

// Load reads all .yaml files of fsys in order of name. It returns what it could read
// and all mistakes joined.
func Load(fsys fs.FS) ([]Test, error) { return message.Load(fsys) }

// ParseRequest reads a raw HTTP/1.1 request as leniently as any server might. It sets
// Exchange.Refused where a strict one would not pass it on. Lines of the head may end
// with LF alone, as text editors write them, if all do.
func ParseRequest(raw []byte) (Exchange, error) { return message.Parse(endLines(raw)) }

// endLines ends the lines of a head with CR LF if a text editor ended them with LF.
func endLines(raw []byte) []byte {
	if i := bytes.IndexByte(raw, '\n'); i < 0 || i > 0 && raw[i-1] == '\r' {
		return raw
	}
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	head = bytes.ReplaceAll(append(bytes.TrimRight(head, "\n"), "\n\n"...), []byte("\n"), []byte("\r\n"))
	return append(head, body...)
}

// Head returns the head of x as the engine wants it, received at the time now. The
// addresses of client and server are of the ranges for documentation (RFC 5737), since
// a raw message tells of none.
func Head(x Exchange, now time.Time) waf.Request {
	return waf.Request{
		ID: "request", Time: now, Client: netip.MustParseAddrPort("192.0.2.1:40000"), Server: netip.MustParseAddrPort("192.0.2.2:80"),
		Method: x.Method, URI: x.URI, Protocol: x.Protocol, Host: x.Host, Header: x.Header,
	}
}

// TestHead returns the head of x as tests have it, always with the same id, time and
// addresses, so that runs can be compared and rules about addresses be tested: the client
// is 203.0.113.9, the server 192.0.2.1:80.
func TestHead(x Exchange) waf.Request {
	head := Head(x, time.Unix(1700000000, 0))
	head.ID, head.Client, head.Server = "test", netip.MustParseAddrPort("203.0.113.9:40000"), netip.MustParseAddrPort("192.0.2.1:80")
	return head
}

// Inspector makes the function that Test.Run wants of an engine of ours. With
// detectOnly every rule runs, as the tests of the Core Rule Set expect.
func Inspector(e *waf.Engine, detectOnly bool) func(Exchange) Result {
	return func(x Exchange) Result {
		head := TestHead(x)
		head.DetectOnly = detectOnly
		tx := e.Begin(head)
		defer tx.Close()
		Send(tx, x)
		tx.Finish()
		r := Result{IDs: tx.RuleIDs()}
		v := tx.Verdict()
		if v.Err != nil {
			r.Log = v.Err.Error()
		}
		var b strings.Builder
		for _, m := range tx.AllMatches() {
			fmt.Fprintf(&b, "[id %q] [msg %q] [data \"%s\"] [severity %q] %s\n",
				fmt.Sprint(m.RuleID), m.Message, oneLine.Replace(m.Data), m.Severity, m.Variable)
		}
		r.Log += b.String()
		return r
	}
}

// Send runs the phases of a request and of its response. Decisions to block do not end
// it: a transaction that is blocked ignores what follows.
func Send(tx *waf.Transaction, x Exchange) {
	tx.RequestHeaders()
	tx.RequestBody(x.Body)
	tx.EndRequest()
	tx.ResponseHeaders(x.Response.Status, cmp.Or(x.Response.Protocol, "HTTP/1.1"), x.Response.Header)
	if tx.WantsResponseBody() {
		tx.ResponseBody(x.Response.Body)
	}
	tx.EndResponse()
}

// oneLine escapes what would break a line of a log.
var oneLine = strings.NewReplacer("\r", `\r`, "\n", `\n`)
