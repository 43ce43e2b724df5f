package target

import (
	"slices"
	"testing"

	"github.com/ringwall/ringwall/waf/seclang"
)

// selectorOf returns the selector of a target as rules write it.
func selectorOf(t *testing.T, text string) Selector {
	t.Helper()
	list, err := seclang.ParseTargets(seclang.Pos{File: "test", Line: 1, Col: 1}, text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSelector(list[0])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSelectorsIgnoreCase(t *testing.T) {
	for _, c := range []struct {
		target    string
		yes, no   []string
		all, isRe bool
	}{
		{target: "ARGS", yes: []string{"", "a"}, all: true},
		{target: "ARGS:Note", yes: []string{"note", "NOTE"}, no: []string{"", "notes", "not"}},
		{target: "ARGS:/^raw_/", yes: []string{"raw_", "RAW_x"}, no: []string{"", "raw", "a_raw_"}, isRe: true},
		{target: "ARGS:/a.c/", yes: []string{"abc", "xABCx"}, no: []string{"ac", "a\nc"}, isRe: true},
	} {
		s := selectorOf(t, c.target)
		if s.All() != c.all || (s.Pattern != nil) != c.isRe {
			t.Errorf("%s: %+v", c.target, s)
		}
		for _, key := range c.yes {
			if !s.Matches(key) || !s.MayMatch(key) || !s.Excludes(key) || !Excluded([]Selector{{Name: "other"}, s}, key) {
				t.Errorf("%s does not choose %q", c.target, key)
			}
		}
		for _, key := range c.no {
			if s.Matches(key) || s.Excludes(key) || Excluded([]Selector{s}, key) {
				t.Errorf("%s chooses %q", c.target, key)
			}
		}
	}
}

func TestExceptionsCompareLettersBeyondASCII(t *testing.T) {
	s := selectorOf(t, "ARGS:token")
	if !s.Excludes("to\u212aen") {
		t.Error("an exception for token does not hold for a token with the Kelvin sign")
	}
}

func TestVariablesHaveTheirCollections(t *testing.T) {
	for v, want := range map[seclang.Variable][]seclang.Variable{
		seclang.Args:           {seclang.ArgsGet, seclang.ArgsPost, seclang.ArgsPath},
		seclang.ArgsNames:      {seclang.ArgsGetNames, seclang.ArgsPostNames},
		seclang.RequestCookies: {seclang.RequestCookies},
	} {
		if got := Collections(v); !slices.Equal(got, want) {
			t.Errorf("%v has %v, want %v", v, got, want)
		}
	}
}
