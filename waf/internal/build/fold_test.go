package build

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/crs"
	"github.com/ringwall/ringwall/waf/internal/run"
)

func compileCRS(t testing.TB, paranoia int) *run.Program {
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

// TestFoldingLeavesTheRulesOfTheLevel holds that no rule of a higher paranoia level than
// the engine's can run, and that folding decides nothing that belongs to the level.
func TestFoldingLeavesTheRulesOfTheLevel(t *testing.T) {
	for paranoia := 1; paranoia <= 4; paranoia++ {
		p := compileCRS(t, paranoia)
		kept := map[int]bool{}
		for n := range p.Phases {
			for _, i := range p.Phases[n].Rules {
				kept[p.Rules[i].ID] = true
			}
		}
		for i := range p.Rules {
			r := &p.Rules[i]
			level := levelOf(t, r)
			if level > paranoia && kept[r.ID] {
				t.Errorf("level %d: rule %d of level %d can run", paranoia, r.ID, level)
			}
			if level > 0 && level <= paranoia && r.Message != "" && kept[r.ID] == slices.Contains(needSettings, r.ID) {
				t.Errorf("level %d: rule %d of level %d can run: %v", paranoia, r.ID, level, kept[r.ID])
			}
		}
	}
}

// needSettings are the rules that can match only with settings that the rule set leaves
// out by default: limits of arguments and files, and the check of UTF-8.
var needSettings = []int{920250, 920360, 920370, 920380, 920390, 920400, 920410}

// levelOf returns the paranoia level that a rule is tagged with, 0 if there is none.
func levelOf(t *testing.T, r *run.Rule) int {
	for _, tag := range r.Tags {
		if text, ok := strings.CutPrefix(tag, "paranoia-level/"); ok {
			level, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return level
		}
	}
	return 0
}

// TestDetectionWaitsForTheGate holds which rules that detect something run on every
// request, since the gate says nothing about what they look at: each costs its full
// price.
func TestDetectionWaitsForTheGate(t *testing.T) {
	p := compileCRS(t, 4)
	var always []int
	for n := range p.Phases {
		for position, i := range p.Phases[n].Rules {
			if r := &p.Rules[i]; p.Phases[n].Always.Has(int32(position)) && levelOf(t, r) > 0 && r.Severity >= 0 {
				always = append(always, r.ID)
			}
		}
	}
	want := []int{
		920181, 920660, 920280, 920620, 920320, 920300, 920490, 920510, 921230, // phase 1
		920650, 921180, 922100, 922110, // phase 2
		954130, // phase 4
	}
	if !slices.Equal(always, want) {
		t.Errorf("rules %v run on every request, want %v", always, want)
	}
}
