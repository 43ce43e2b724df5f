package transform

import (
	"slices"
	"strings"
)

// bareEntities are the names of characters that need no semicolon, in HTML's table of
// named character references (HTML Living Standard, section 13.5).
const bareEntities = `
AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave Iuml LT
Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute aelig
agrave amp aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14
frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm
oslash otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml
uuml yacute yen yuml
`

var bareNames = strings.Fields(bareEntities)

// bareBegins has a bit for the first two letters of each, each letter modulo 64.
var bareBegins = func() (t [64]uint64) {
	for _, name := range bareNames {
		t[name[0]&63] |= 1 << (name[1] & 63)
	}
	return t
}()

// mayHaveEntity reports whether s may have a character reference. The & between the
// arguments of a form are none, as a rule.
func mayHaveEntity(s string) bool {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 || i+1 == len(s) {
			return false
		}
		s = s[i+1:]
		if s[0] == '#' {
			return true
		}
		n := 0
		for n < len(s) && (s[n]-'0' < 10 || s[n]|0x20-'a' < 26) {
			n++
		}
		if n < len(s) && s[n] == ';' || n > 1 && bareBegins[s[0]&63]>>(s[1]&63)&1 != 0 && beginsBare(s[:n]) {
			return true
		}
		s = s[n:]
	}
}

func beginsBare(s string) bool {
	return slices.ContainsFunc(bareNames, func(name string) bool { return strings.HasPrefix(s, name) })
}
