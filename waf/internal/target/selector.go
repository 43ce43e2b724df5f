package target

import (
	"regexp"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Selector chooses members of a collection by key, in any case. The zero value chooses
// all. It is immutable.
type Selector struct {
	// Name is the key in lower case, Pattern the expression that keys must match. At most
	// one of them is set.
	Name    string
	Pattern *rx.Regexp
	// Prefix is what keys begin with if Pattern asks for no more than that, in lower case.
	Prefix string
	need   rx.Need // what keys that Pattern matches must have
}

// NewSelector returns the selector of a target as written. An error is one of its regular
// expression.
func NewSelector(t seclang.Target) (Selector, error) {
	if !t.KeyIsRegexp {
		return Selector{Name: strings.ToLower(t.Key)}, nil
	}
	// ModSecurity compiles keys without the flags s and m, unlike @rx.
	re, err := rx.Compile("(?-sm:(?i)" + t.Key + ")")
	if err != nil {
		return Selector{}, err
	}
	s := Selector{Pattern: re, need: re.Need(charset.Set{})}
	if prefixPattern.MatchString(t.Key) {
		s.Prefix = strings.ToLower(t.Key[1:])
	}
	return s, nil
}

// prefixPattern are patterns that ask for a prefix. Letters that have a third case,
// s and k, are matched by EqualFold as well as by a regular expression.
var prefixPattern = regexp.MustCompile(`^\^[A-Za-z0-9_]+$`)

// All reports whether s chooses every member.
func (s *Selector) All() bool { return s.Name == "" && s.Pattern == nil }

// Matches reports whether s chooses the member with the key.
func (s *Selector) Matches(key string) bool {
	switch {
	case s.Prefix != "":
		return len(key) >= len(s.Prefix) && strings.EqualFold(key[:len(s.Prefix)], s.Prefix)
	case s.Pattern != nil:
		return s.Pattern.Match(key)
	case s.Name == "":
		return true
	}
	// Most keys differ in length already, which spares the comparison of runes.
	return len(key) == len(s.Name) && strings.EqualFold(key, s.Name)
}

// MayMatch is Matches at less cost: it may err on the side of yes.
func (s *Selector) MayMatch(key string) bool {
	if s.Pattern == nil {
		return s.Matches(key)
	}
	if s.need.Never {
		return false
	}
	mask := charset.MaskOf(key)
	for _, m := range s.need.Bytes {
		if mask&m == 0 {
			return false
		}
	}
	return true
}

// Excludes is Matches for exceptions: names are compared in any case of Unicode, also of
// different length.
func (s *Selector) Excludes(key string) bool {
	switch {
	case s.Pattern != nil:
		return s.Pattern.Match(key)
	case s.Name == "":
		return true
	}
	return strings.EqualFold(key, s.Name)
}

// Excluded reports whether one of the exceptions takes the member with the key away.
func Excluded(exceptions []Selector, key string) bool {
	for i := range exceptions {
		if exceptions[i].Excludes(key) {
			return true
		}
	}
	return false
}
