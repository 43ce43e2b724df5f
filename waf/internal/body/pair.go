// Package body takes request bodies apart: urlencoded forms, multipart, JSON and
// XML, and also query strings and cookies, which have the same shape.
//
// Parsers are strict where applications differ and keep what they found before an
// error, so that rules still see it. All are linear in the size of the body and
// bounded by the limits they are given.
package body

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// Pair is a name and a value. Several may have the same name.
type Pair struct{ Key, Value string }

// Query appends the pairs of a query string or an urlencoded form, split at &,
// with %HH and + undone; what is no valid escape stays. It stops after limit pairs
// in all and then reports true. Strings point into a or into s.
func Query(a *arena.Arena, dst []Pair, s string, limit int) ([]Pair, bool) {
	for s != "" {
		part := s
		if i := strings.IndexByte(s, '&'); i >= 0 {
			part, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if part == "" {
			continue
		}
		if len(dst) >= limit {
			return dst, true
		}
		key, value, _ := strings.Cut(part, "=")
		dst = append(dst, Pair{unescape(a, key), unescape(a, value)})
	}
	return dst, false
}

// unescape undoes %HH and +; s itself if it has none.
func unescape(a *arena.Arena, s string) string {
	i := 0
	for i < len(s) && s[i] != '%' && s[i] != '+' {
		i++
	}
	if i == len(s) {
		return s
	}
	out := a.Alloc(len(s))
	n := copy(out, s[:i])
	for i < len(s) {
		c := s[i]
		i++
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+1 < len(s) {
				hi, lo := ascii.HexValue(s[i]), ascii.HexValue(s[i+1])
				if hi < 16 && lo < 16 {
					c = hi<<4 | lo
					i += 2
				}
			}
		}
		out[n] = c
		n++
	}
	return a.Shrink(out, n)
}

// Cookies appends the cookies of a Cookie header. Control characters and blanks
// around names and values go. A cookie without a name is kept: some servers hand
// its value to the application.
func Cookies(dst []Pair, s string) []Pair {
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ";")
		name, value, _ := strings.Cut(part, "=")
		name, value = trimControl(name), trimControl(value)
		if name != "" || value != "" {
			dst = append(dst, Pair{name, value})
		}
	}
	return dst
}

// trimControl cuts control characters and blanks off both ends, which servers do that read
// cookies.
func trimControl(s string) string {
	for s != "" && (s[0] <= ' ' || s[0] == 0x7f) {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] <= ' ' || s[len(s)-1] == 0x7f) {
		s = s[:len(s)-1]
	}
	return s
}
