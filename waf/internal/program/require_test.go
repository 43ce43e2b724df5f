package program

import (
	"testing"

	"github.com/ringwall/ringwall/waf/crs"
	"github.com/ringwall/ringwall/waf/seclang"
)

// TestBase64IsSifted checks that no value of an argument or a cookie is decoded before
// a sieve has seen it: decoding costs more than all the rest.
func TestBase64IsSifted(t *testing.T) {
	d, err := crs.Directives(crs.Settings{Paranoia: 1, InboundThreshold: 5, OutboundThreshold: 4})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(Options{Directives: d, Files: crs.Files()})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, sp := range p.phases[RequestBody].gate.sources {
		if sp.source != seclang.RequestCookies && sp.source != seclang.ArgsPost {
			continue
		}
		for i := range sp.base.nodes {
			if n := &sp.base.nodes[i]; n.t != nil && n.t.Name == "base64Decode" {
				seen++
				if n.sieve == nil {
					t.Errorf("%v: node %d decodes base64 without a sieve", sp.source, i)
				}
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d nodes decode base64; the rule set has changed", seen)
	}
}
