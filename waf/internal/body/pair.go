// Package body takes request bodies apart: urlencoded forms, multipart, JSON and
// XML, and also query strings and cookies, which have the same shape.
//
// Parsers are strict where applications differ and keep what they found before an
// error, so that rules still see it. All are linear in the size of the body and
// bounded by the limits they are given.
//
// A body is parsed as the server behind will, and servers differ: where readings differ, the
// package returns each of them (charset.go), or says that something is odd (Flaws), rather than to
// choose one. A reading that the engine does not have is a bypass. It does not validate content,
// and it knows neither rules nor transactions.
//
// Files: pair.go query strings, forms and cookies; charset.go character sets; encoding.go content
// codings; multipart.go, json.go, graphql.go and xml.go the formats. Functions are safe for several
// goroutines if each has an arena of its own. Results that point into the arena or the body live as
// long as these.
package body

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// Pair is a name and a value. Several may have the same name. Either may be empty, and either may
// have any bytes.
type Pair struct{ Key, Value string }

// Query appends the pairs of a query string or an urlencoded form, split at &,
// with %HH and + undone; what is no valid escape stays. It stops after limit pairs
// in all and then reports true. Strings point into a or into s. limit counts the pairs that dst has
// already. It splits as the URL Standard does (section 5.1) but keeps broken escapes, and it does
// not split at ; which few servers still do.
//
//	a=1&b=%32+c&d  ->  a: "1", b: "2 c", d: ""
func Query(a *arena.Arena, dst []Pair, s string, limit int) ([]Pair, bool) {
	for s != "" {
		part := s
		if i := strings.IndexByte(s, '&'); i >= 0 {
			part, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		// An empty piece is no pair (URL Standard, section 5.1).
		if part == "" {
			continue
		}
		// Checked only here, so that exactly limit pairs are not reported as cut.
		if len(dst) >= limit {
			return dst, true
		}
		key, value, _ := strings.Cut(part, "=")
		dst = append(dst, Pair{unescape(a, key), unescape(a, value)})
	}
	return dst, false
}

// unescape undoes %HH and +; s itself if it has none. It is not transform.urlDecode: rules name
// that, this is what every server does to forms. A broken escape must not vanish, since servers
// read it as text.
func unescape(a *arena.Arena, s string) string {
	i := 0
	for i < len(s) && s[i] != '%' && s[i] != '+' {
		i++
	}
	if i == len(s) {
		return s
	}
	// An escape is longer than its byte, so that the result fits.
	out := a.Alloc(len(s))
	n := copy(out, s[:i])
	for i < len(s) {
		c := s[i]
		i++
		switch c {
		case '+':
			c = ' '
		case '%':
			// i is behind the % here.
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
// its value to the application. It reads the syntax of RFC 6265, section 4.2.1, without its checks.
// Quotes and escapes stay in values: whether a value is decoded is the application's choice, so
// rules name transformations for it.
//
//	a=1; b="2"; c  ->  a: "1", b: "\"2\"", c: ""
func Cookies(dst []Pair, s string) []Pair {
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ";")
		// The first = ends the name; values may have further ones.
		name, value, _ := strings.Cut(part, "=")
		name, value = trimControl(name), trimControl(value)
		if name != "" || value != "" {
			dst = append(dst, Pair{name, value})
		}
	}
	return dst
}

// trimControl cuts control characters and blanks off both ends, which servers do that read
// cookies. A name that begins with a control character would otherwise be another name than the one
// that the server sees.
func trimControl(s string) string {
	for s != "" && (s[0] <= ' ' || s[0] == 0x7f) {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] <= ' ' || s[len(s)-1] == 0x7f) {
		s = s[:len(s)-1]
	}
	return s
}
