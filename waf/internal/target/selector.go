package target

import (
	"regexp"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/seclang"
)

// selector chooses members of a collection by key, in any case. The zero value
// chooses all.
type Selector struct {
	Name    string // in lower case
	Pattern *rx.Regexp
	// prefix is what keys begin with if re asks for no more than that, in lower case.
	Prefix string
	need   rx.Need // what keys that re matches must have
}

func NewSelector(t seclang.Target) (Selector, error) {
	s := Selector{Name: strings.ToLower(t.Key)}
	if t.KeyIsRegexp {
		re, err := rx.Compile("(?-sm:(?i)" + t.Key + ")")
		if err != nil {
			return s, err
		}
		s.Pattern, s.Name = re, ""
		s.need = re.Need(charset.Set{})
		if plainPrefix.MatchString(t.Key) {
			s.Prefix = strings.ToLower(t.Key[1:])
		}
		return s, nil
	}
	return s, nil
}

// plainPrefix are patterns that ask for a prefix. Letters that have a third case,
// s and k, are matched by EqualFold as well as by a regular expression.
var plainPrefix = regexp.MustCompile(`^\^[A-Za-z0-9_]+$`)

// all reports whether the selector chooses every member.
func (s *Selector) All() bool { return s.Name == "" && s.Pattern == nil }

func (s *Selector) Matches(key string) bool {
	switch {
	case s.Prefix != "":
		return len(key) >= len(s.Prefix) && strings.EqualFold(key[:len(s.Prefix)], s.Prefix)
	case s.Pattern != nil:
		return s.Pattern.Match(key)
	case s.Name == "":
		return true
	}
	return len(key) == len(s.Name) && strings.EqualFold(key, s.Name)
}

// mayMatch is matches, without a sure no but at less cost.
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

// excludes is matches for exceptions: keys are compared in any case.
func (s *Selector) Excludes(key string) bool {
	switch {
	case s.Pattern != nil:
		return s.Pattern.Match(key)
	case s.Name == "":
		return true
	}
	return strings.EqualFold(key, s.Name)
}

func Excluded(list []Selector, key string) bool {
	for i := range list {
		if list[i].Excludes(key) {
			return true
		}
	}
	return false
}
