// Package waftest runs test corpora against an inspection engine: the regression
// tests of the OWASP Core Rule Set in their own schema, and whatever else is
// written in it.
//
// It knows no particular engine: Test.Run is given a function that inspects one
// exchange. The engine is used as a library, without HTTP in between; what an HTTP
// server would refuse before the engine sees it counts as refused with 400.
package waftest

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/internal/exchange"
)

// The parts of a corpus.
type (
	// Test is one test of a file; Test.Run runs it.
	Test = exchange.Test
	// Stage is a request and what it should lead to.
	Stage = exchange.Stage
	// Input describes a request, Output what is expected.
	Input  = exchange.Input
	Output = exchange.Output
	// Exchange is a request with the application's answer, ready to be inspected.
	Exchange = exchange.Exchange
	// Response is an answer.
	Response = exchange.Response
	// Result is what an engine said of an exchange.
	Result = exchange.Result
)

// Load reads all .yaml files of fsys in order of name. It returns what it could read
// and all mistakes joined.
func Load(fsys fs.FS) ([]Test, error) { return exchange.Load(fsys) }

// Parse reads a raw HTTP/1.1 request as leniently as any server might. It sets
// Exchange.Refused where a strict one would not pass it on.
func Parse(raw []byte) (Exchange, error) { return exchange.Parse(raw) }

// Inspector makes the function that Test.Run wants of an engine of ours. With
// detectOnly every rule runs, as the tests of the Core Rule Set expect.
func Inspector(e *waf.Engine, detectOnly bool) func(Exchange) Result {
	return func(x Exchange) Result {
		tx := begin(e, x, detectOnly)
		defer tx.Close()
		run(tx, x)
		tx.Finish()
		r := Result{IDs: tx.RuleIDs()}
		v := tx.Verdict()
		if v.Err != nil {
			r.Log = v.Err.Error()
		}
		var b strings.Builder
		for _, m := range tx.AllMatches() {
			fmt.Fprintf(&b, "[id %q] [msg %q] [data \"%s\"] [severity %q] %s\n", fmt.Sprint(m.RuleID), m.Message, oneLine.Replace(m.Data), m.Severity, m.Variable)
		}
		r.Log += b.String()
		return r
	}
}

func begin(e *waf.Engine, x Exchange, detectOnly bool) *waf.Transaction {
	return e.Begin(waf.Request{
		ID: "test", Time: time.Unix(1700000000, 0), Client: netip.MustParseAddrPort("203.0.113.9:40000"), Server: netip.MustParseAddrPort("192.0.2.1:80"),
		Method: x.Method, URI: x.URI, Protocol: x.Protocol, Host: x.Host, Header: x.Header, DetectOnly: detectOnly,
	})
}

func run(tx *waf.Transaction, x Exchange) {
	tx.RequestHeaders()
	tx.RequestBody(x.Body)
	tx.EndRequest()
	tx.ResponseHeaders(x.Response.Status, "HTTP/1.1", x.Response.Header)
	if tx.WantsResponseBody() {
		tx.ResponseBody(x.Response.Body)
	}
	tx.EndResponse()
}

// oneLine escapes what would break a line of a log.
var oneLine = strings.NewReplacer("\r", `\r`, "\n", `\n`)
