package event

import (
	"slices"
	"testing"
)

func TestAttacksAreSortedByScore(t *testing.T) {
	e := Event{Verdict: Verdict{Matches: []Match{
		{RuleID: 920350, Score: 3, Severity: "warning", Tags: []string{"attack-protocol"}},
		{RuleID: 941100, Score: 5, Severity: "critical", Tags: []string{"attack-xss"}},
		{RuleID: 942100, Score: 5, Severity: "critical", Tags: []string{"attack-sqli"}},
		{RuleID: 941110, Score: 5, Severity: "critical", Tags: []string{"attack-xss"}},
		{RuleID: 942100, Score: 5, Severity: "critical", Tags: []string{"attack-sqli"}},
	}}}
	if got := e.Attacks(); !slices.Equal(got, []string{"sqli", "xss", "protocol"}) {
		t.Errorf("attacks: %v", got)
	}
	if got := e.RuleIDs(); !slices.Equal(got, []int{920350, 941100, 941110, 942100}) {
		t.Errorf("rules: %v", got)
	}
	if got := e.Severity(); got != "critical" {
		t.Errorf("severity: %q", got)
	}
	own := Event{Verdict: Verdict{Matches: []Match{{RuleID: 1, Message: "mine"}}}}
	if got := own.Attacks(); !slices.Equal(got, []string{OtherAttack}) {
		t.Errorf("a rule without tags: %v", got)
	}
	if got := (&Event{}).Attacks(); len(got) != 0 {
		t.Errorf("nothing matched: %v", got)
	}
}
