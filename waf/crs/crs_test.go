package crs

import (
	"strings"
	"testing"
)

func TestDirectivesAreInOrder(t *testing.T) {
	list, err := Directives(
		Settings{
			Paranoia:          2,
			InboundThreshold:  7,
			OutboundThreshold: 4,
			Before:            `SecAction "id:1,phase:1,pass"`,
			After:             `SecAction "id:2,phase:1,pass"`,
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, d := range list {
		if d.Rule == nil {
			continue
		}
		if a, ok := d.Rule.Find("id"); ok {
			at[a.Arg] = i
		}
	}
	if !(at["900110"] < at["1"] && at["1"] < at["901001"] && at["901001"] < at["980170"] && at["980170"] < at["2"]) {
		t.Fatalf("order %d %d %d %d %d", at["900110"], at["1"], at["901001"], at["980170"], at["2"])
	}
	if s := list[at["900110"]].String(); !strings.Contains(s, "inbound_anomaly_score_threshold=7") {
		t.Fatal(s)
	}
}

func TestMistakesNameTheirPart(t *testing.T) {
	_, err := Directives(Settings{Paranoia: 1, Before: "SecRul x"})
	if err == nil || !strings.HasPrefix(err.Error(), "before.conf:1:1: unknown directive") {
		t.Fatalf("got %v", err)
	}
}
