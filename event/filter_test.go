package event

import (
	"errors"
	"strings"
	"testing"
)

func TestFilterMistakesNameThePlace(t *testing.T) {
	for text, want := range map[string]string{
		"action:block clint:1":    "there is no field \"clint\"",
		"status:many":             "status wants a number",
		"x \"open":                "never closed",
		"action:>3":               "action is no number",
		"a NOT":                   "NOT needs a term",
		"rule:942*":               "rule wants a number",
		"\"\"":                    "empty words",
		"\xff":                    "not valid UTF-8",
		"a OR":                    "OR needs a term on both sides",
		"OR a":                    "OR needs a term on both sides",
		"a OR OR b":               "OR needs a term on both sides",
		"(a OR ) b":               "OR needs a term on both sides",
		"(a OR b":                 "this parenthesis is never closed",
		"a ()":                    "nothing stands between these parentheses",
		"a ) b":                   "this parenthesis closes nothing",
		"(a) )":                   "this parenthesis closes nothing",
		"(NOT) a":                 "NOT needs a term",
		"(clint:1)":               "there is no field \"clint\"",
		strings.Repeat("(", 21):   "at most 20 deep",
		strings.Repeat("a ", 501): "at most 500 terms",
	} {
		_, err := ParseFilter(text)
		var fe *FilterError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	_, err := ParseFilter("action:block clint:1")
	var fe *FilterError
	if errors.As(err, &fe); fe.Pos != 13 {
		t.Errorf("position %d, want 13", fe.Pos)
	}
}
