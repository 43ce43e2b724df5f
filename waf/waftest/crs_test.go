package waftest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
)

// crsSetup is what the tests of the Core Rule Set ask of the engine under test.
const crsSetup = `
SecAction "id:900005,phase:1,nolog,pass,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
`

// crsEngine returns an inspector at paranoia level 4 that only detects.
func crsEngine(t testing.TB) func(replay.Exchange) replay.Result {
	e, err := waf.Compile(waf.Config{Paranoia: 4, Before: crsSetup})
	if err != nil {
		t.Fatal(err)
	}
	return replay.Inspector(e, true)
}

func TestCoreRuleSetRegressionTests(t *testing.T) {
	list, err := replay.Load(tests.FS)
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
