package program

import (
	"regexp"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/seclang"
)

// selector chooses members of a collection by key, in any case. The zero value
// chooses all.
type selector struct {
	key string // in lower case
	re  *rx.Regexp
	// prefix is what keys begin with if re asks for no more than that, in lower case.
	prefix string
	need   rx.Need // what keys that re matches must have
}

func newSelector(t seclang.Target) (selector, error) {
	s := selector{key: strings.ToLower(t.Key)}
	if t.KeyIsRegexp {
		re, err := rx.Compile("(?-sm:(?i)" + t.Key + ")")
		if err != nil {
			return s, err
		}
		s.re, s.key = re, ""
		s.need = re.Need(charset.Set{})
		if plainPrefix.MatchString(t.Key) {
			s.prefix = strings.ToLower(t.Key[1:])
		}
		return s, nil
	}
	return s, nil
}

// plainPrefix are patterns that ask for a prefix. Letters that have a third case,
// s and k, are matched by EqualFold as well as by a regular expression.
var plainPrefix = regexp.MustCompile(`^\^[A-Za-z0-9_]+$`)

// all reports whether the selector chooses every member.
func (s *selector) all() bool { return s.key == "" && s.re == nil }

func (s *selector) matches(key string) bool {
	switch {
	case s.prefix != "":
		return len(key) >= len(s.prefix) && strings.EqualFold(key[:len(s.prefix)], s.prefix)
	case s.re != nil:
		return s.re.Match(key)
	case s.key == "":
		return true
	}
	return len(key) == len(s.key) && strings.EqualFold(key, s.key)
}

// mayMatch is matches, without a sure no but at less cost.
func (s *selector) mayMatch(key string) bool {
	if s.re == nil {
		return s.matches(key)
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
func (s *selector) excludes(key string) bool {
	switch {
	case s.re != nil:
		return s.re.Match(key)
	case s.key == "":
		return true
	}
	return strings.EqualFold(key, s.key)
}

func excluded(list []selector, key string) bool {
	for i := range list {
		if list[i].excludes(key) {
			return true
		}
	}
	return false
}
