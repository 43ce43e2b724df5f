package transform

import (
	"slices"
	"strings"
)

// bareEntities are the names of characters that need no semicolon, in HTML's table of
// named character references (HTML Living Standard, section 13.5). They are those that browsers
// accept for compatibility with old pages: &lt is a reference, &alpha without a semicolon is none.
const bareEntities = `
AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave Iuml LT
Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute aelig
agrave amp aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14
frac34 gt iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm
oslash otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml
uuml yacute yen yuml
`

// bareNames are the names of bareEntities, each with two letters at least.
var bareNames = strings.Fields(bareEntities)

// bareBegins has a bit for the first two letters of each, each letter modulo 64. It is a filter in
// front of beginsBare: most & of a query string are followed by a name that no reference begins
// like. Modulo 64 letters of both cases stay apart; digits coincide with some of them, which errs
// on the side of yes.
var bareBegins = func() (t [64]uint64) {
	for _, name := range bareNames {
		t[name[0]&63] |= 1 << (name[1] & 63)
	}
	return t
}()

// mayHaveEntity reports whether s may have a character reference. The & between the
// arguments of a form are none, as a rule. It spares html.UnescapeString, which copies whatever has
// an &, its work for most values. It errs on the side of yes and is linear in s.
func mayHaveEntity(s string) bool {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 || i+1 == len(s) {
			return false
		}
		s = s[i+1:]
		// A reference by number; whether digits follow is left to the decoder.
		if s[0] == '#' {
			return true
		}
		// n is the length of the name that follows, if it is one.
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

// beginsBare reports whether s begins with one of bareNames: the decoder takes the longest name
// that fits and leaves the rest, so that &notit; is ¬it; to browsers.
func beginsBare(s string) bool {
	return slices.ContainsFunc(bareNames, func(name string) bool { return strings.HasPrefix(s, name) })
}
