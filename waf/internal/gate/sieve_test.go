package gate_test

import (
	"testing"

	"github.com/ringwall/ringwall/waf/crs"
	"github.com/ringwall/ringwall/waf/internal/build"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/seclang"
)

// TestBase64IsSifted checks that no value of an argument or a cookie is decoded before
// a sieve has seen it: decoding costs more than all the rest.
func TestBase64IsSifted(t *testing.T) {
	d, err := crs.Directives(crs.Settings{Paranoia: 1, InboundThreshold: 5, OutboundThreshold: 4})
	if err != nil {
		t.Fatal(err)
	}
	p, err := build.Compile(build.Options{Directives: d, Files: crs.Files()})
	if err != nil {
		t.Fatal(err)
	}
	sifted, unsifted := p.Phases[run.RequestBody].Gate.Base64Nodes(seclang.RequestCookies, seclang.ArgsPost)
	if unsifted > 0 {
		t.Errorf("%d nodes decode base64 without a sieve", unsifted)
	}
	if sifted < 4 {
		t.Errorf("only %d nodes decode base64; the rule set has changed", sifted)
	}
}
