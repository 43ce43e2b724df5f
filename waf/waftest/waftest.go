// Package waftest runs test corpora against an inspection engine: the regression
// tests of the OWASP Core Rule Set in their own schema, and whatever else is
// written in it.
//
// It knows no particular engine: Test.Run is given a function that inspects one
// exchange. The engine is used as a library, without HTTP in between; what an HTTP
// server would refuse before the engine sees it counts as refused with 400.
package waftest

import (
	"io/fs"

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
