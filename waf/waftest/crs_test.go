package waftest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/ringwall/ringwall/waf"
)

// crsSetup is what the tests of the Core Rule Set ask of the engine under test.
const crsSetup = `
SecAction "id:900005,phase:1,nolog,pass,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
`

// crsEngine returns an inspector at paranoia level 4 that only detects.
func crsEngine(t testing.TB) func(Exchange) Result {
	e, err := waf.Compile(waf.Config{Paranoia: 4, Before: crsSetup})
	if err != nil {
		t.Fatal(err)
	}
	return inspector(e, true)
}

// inspector makes an inspector of an engine.
func inspector(e *waf.Engine, detectOnly bool) func(Exchange) Result {
	return func(x Exchange) Result {
		tx := beginExchange(e, x, detectOnly)
		defer tx.Close()
		runExchange(tx, x)
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

func beginExchange(e *waf.Engine, x Exchange, detectOnly bool) *waf.Transaction {
	return e.Begin(waf.Request{
		ID: "test", Time: time.Unix(1700000000, 0), Client: netip.MustParseAddrPort("203.0.113.9:40000"), Server: netip.MustParseAddrPort("192.0.2.1:80"),
		Method: x.Method, URI: x.URI, Protocol: x.Protocol, Host: x.Host, Header: x.Header, DetectOnly: detectOnly,
	})
}

func runExchange(tx *waf.Transaction, x Exchange) {
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

func TestCoreRuleSetRegressionTests(t *testing.T) {
	list, err := Load(tests.FS)
	if err != nil {
		t.Fatal(err)
	}
	inspect := crsEngine(t)
	passed, excusedCount, failed := 0, 0, 0
	for _, test := range list {
		wrong := test.Run(inspect)
		reason, isExcused := excused[test.Name()]
		switch {
		case len(wrong) == 0 && isExcused:
			t.Errorf("%s passes and is excused: %s", test.Name(), reason)
		case len(wrong) == 0:
			passed++
		case isExcused:
			excusedCount++
		default:
			failed++
			t.Errorf("%s: %s", test.Name(), strings.Join(wrong, "; "))
		}
	}
	fmt.Printf("crs engine: %d passed, %d excused, %d failed\n", passed, excusedCount, failed)
	if passed+excusedCount+failed < 4674 {
		t.Errorf("only %d tests", passed+excusedCount+failed)
	}
}

// excused lists tests that cannot pass, with the reason.
var excused = map[string]string{
	"920620-1": "asserts that Apache merges two Content-Type headers into one, so that the rule against two cannot see them; Go keeps both and the rule matches as it should",
}
