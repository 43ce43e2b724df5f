package program

import (
	"testing"

	"github.com/ringwall/ringwall/waf/crs"
)

func compileCRS(t testing.TB, paranoia int) *Program {
	t.Helper()
	list, err := crs.Directives(crs.Settings{Paranoia: paranoia, InboundThreshold: 5, OutboundThreshold: 4})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(Options{Directives: list, Files: crs.Files()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFoldingLeavesTheRulesOfTheLevel(t *testing.T) {
	last := 0
	for paranoia := 1; paranoia <= 4; paranoia++ {
		p := compileCRS(t, paranoia)
		for n := 1; n < phaseCount; n++ {
			ph := &p.phases[n]
			always := []int{}
			for place, i := range ph.rules {
				if ph.always.has(int32(place)) {
					always = append(always, p.rules[i].id)
				}
			}
			words, patterns := 0, 0
			if ph.gate != nil {
				words, patterns = ph.gate.tiers[0].words.Bytes()+ph.gate.tiers[1].words.Bytes()+ph.gate.tiers[2].words.Bytes(), len(ph.gate.patterns)
			}
			t.Logf("level %d phase %d: %d rules, %d patterns, %d bytes of words, always %v", paranoia, n, len(ph.rules), patterns, words, always)
		}
		if p.Rules() <= last {
			t.Errorf("level %d has %d rules, the one below %d", paranoia, p.Rules(), last)
		}
		last = p.Rules()
	}
}
