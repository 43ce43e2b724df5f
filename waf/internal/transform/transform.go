// Package transform holds the transformations of the rule language: functions that
// undo an encoding or normalise a value before a rule looks at it.
//
// Each takes a string and returns the same string, not a copy, when there is
// nothing to do, which is the usual case. Transformation.Needs tells by the bytes
// of a value alone that there is nothing to do.
//
// What each does is what ModSecurity v3 documents; where ModSecurity and Coraza
// differ, it is what Coraza 3.8 does, since the rule set's own tests run on it. The tests
// compare each with Coraza's on random values.
//
// A transformation is a value that declares what is known of its results without making
// them: what they may have that the value lacks (Effect), whether they may be longer
// (Grows, Bound) or of other bytes than words are made of (Opens), and whether a sieve can
// follow it (Step). Package gate proves with these that most results need not be made. To
// add a transformation, write its function and an entry in the table. The zero values of
// CaseOnly, Bound, Effect and Step claim nothing; Always, Grows and Opens must be set where they
// hold, and Needs must have every byte without which nothing changes.
//
// Files: transform.go has the table and the functions, bestfit.go the code points that IIS turns
// into ASCII, entity.go a quick look for HTML's character references.
package transform

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html" // the standard library's misses &#1 at the end

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/charset"
)

// Transformation is one transformation. It is immutable. Any number of goroutines may apply it,
// each with an arena of its own.
type Transformation struct {
	// Name in the language's usual spelling.
	Name string
	// Always tells that any value may change. Else only values that have a byte of
	// Needs can. Needs is not looked at then.
	Always bool
	Needs  charset.Set
	// Apply returns the transformed value, s itself if nothing changed. The result
	// may point into a or into s. It takes time linear in s, never panics and never changes what s
	// points to. Invalid UTF-8 is an ordinary value: attackers send it on purpose.
	Apply func(a *arena.Arena, s string) string
	// Bound, if not nil, returns an upper bound for the length of the result, at less
	// cost than the result. The gate does not make a result that is shorter than any word that it
	// looks for.
	Bound func(s string) int
	// CaseOnly tells that the result differs from the value in the case of letters
	// at most, if the value is ASCII. Words that were found in the value are then known of the
	// result.
	CaseOnly bool

	// Grows tells that the result may have more bytes of ASCII than the value. Without it the gate
	// takes the length of a value in bytes for a bound of the result in bytes of ASCII, of which
	// words are made.
	Grows bool
	// Opens tells that the result may have bytes other than letters, digits, _ and
	// those of " -.,/:+" although the value has none. With Always it may in any case. That is the
	// text of the gate's tier 1, in which conditions are stricter.
	Opens bool
	// Effect bounds what the result may have that the value lacks. nil tells that
	// nothing is known of what becomes of a value that may change.
	Effect *Effect
	// Step is the place among the decoders that a sieve follows, NoStep for all others.
	Step DecodeStep
}

// Effect is what is known of the result of a transformation without making it: it has
// no byte that the value lacks, but for those named here. An Effect claims as little as it can:
// each claim that is not made costs time, each wrong one loses attacks. TestEffectsHold tries to
// refute them with random values.
type Effect struct {
	// Unless are bytes of which one in the value tells that nothing is known. Most decoders are
	// like this: without their escape character they do next to nothing, with it anything.
	Unless charset.Mask
	// Adds are bytes that the result may have although the value has none of them. Bytes that only
	// stand for others in the value, such as letters that change case, are not among them.
	Adds charset.Mask
	// Lower and Upper tell that letters of ASCII may change their case to that.
	Lower, Upper bool
	// Rewrites tells that the result may differ from the value in more than the case of
	// letters, so that a word of the result need not be one of the value. Removing a byte rewrites:
	// it brings the letters around it together.
	Rewrites bool
	// OnlyCase, if not nil, asks of one value whether its result differs from it in the
	// case of letters at most. mask has the classes of the bytes of s.
	OnlyCase func(s string, mask charset.Mask) bool
}

// DecodeStep is a place in the order in which rules against hidden code decode a
// value. Package sieve follows transformations in this order and in no other.
type DecodeStep uint8

// The steps, in order.
const (
	// NoStep is that of transformations that a sieve does not follow. It compares less than all
	// others.
	NoStep DecodeStep = iota
	// Base64Step decodes base64 and comes first: the later ones undo what the hidden text is
	// encoded in.
	Base64Step
	// URLStep and URLUniStep undo %HH, and %uHHHH as well, and make blanks of +.
	URLStep
	URLUniStep
	// JavaScriptStep undoes escapes that begin with a backslash.
	JavaScriptStep
	// WhitespaceStep takes bytes away, so that it must come after all that make bytes.
	WhitespaceStep
	// CommentStep makes blanks of comments, and can bring no letters together.
	CommentStep
)

// Find returns the transformation of that name, in any case, except none, which
// is not a transformation but empties the list. The result points into the package's table: equal
// names give equal pointers, which the gate compares.
func Find(name string) (*Transformation, bool) {
	for i := range all {
		if strings.EqualFold(all[i].Name, name) {
			return &all[i], true
		}
	}
	return nil, false
}

// All returns every transformation, in order of name. The list is the caller's. The effects and
// functions that entries point to are shared.
func All() []Transformation { return append([]Transformation(nil), all...) }

// needs is the set of the bytes of s.
func needs(s string) charset.Set { return charset.Of(s) }

// high is the set of the bytes beyond ASCII.
func high() charset.Set {
	var s charset.Set
	s.AddRange(0x80, 0xff)
	return s
}

// letters is the set of the bytes from lo to hi.
func letters(lo, hi byte) charset.Set {
	var s charset.Set
	s.AddRange(lo, hi)
	return s
}

// space is what isspace of C takes for white space.
const space = "\t\n\v\f\r "

// Classes that effects name. + becomes a blank in URLs.
var blank, percent = charset.MaskOf(" "), charset.MaskOf("%")

// all are in order of name. Where names differ in spelling only (normalise, normalize),
// both are there, as they are in ModSecurity.
var all = []Transformation{
	{
		// Nearly every value is of the alphabet, so that Needs would tell nothing. Bound does, and
		// a sieve can follow it.
		Name: "base64Decode", Always: true, Bound: boundBase64,
		Apply: func(a *arena.Arena, s string) string { return decodeBase64(a, s, false) }, Step: Base64Step,
	},
	{
		// It skips what is not of the alphabet, so that neither a bound nor a sieve helps.
		Name: "base64DecodeExt", Always: true,
		Apply: func(a *arena.Arena, s string) string { return decodeBase64(a, s, true) },
	},
	{Name: "base64Encode", Always: true, Apply: encodeBase64, Grows: true},
	{
		Name: "cmdLine", Needs: letters('A', 'Z').Or(needs("\"'\\^ ,;\t\r\n/(")),
		// Separators become blanks. Whether more than case changes depends on the value:
		// plainCommand tells.
		Apply:  cmdLine,
		Effect: &Effect{Lower: true, Adds: blank, OnlyCase: plainCommand},
	},
	{
		// 0x85 and 0xA0 are the last bytes of U+0085 and U+00A0 in UTF-8.
		Name: "compressWhitespace", Needs: needs(space + "\x85\xa0"),
		Apply:  compressWhitespace,
		Effect: &Effect{Rewrites: true, Adds: blank},
	},
	{Name: "cssDecode", Needs: needs(`\`), Apply: cssDecode},
	{Name: "escapeSeqDecode", Needs: needs(`\`), Apply: escapeSeqDecode},
	// A value of digits and letters may become anything, so no byte tells beforehand.
	{Name: "hexDecode", Always: true, Apply: hexDecode},
	{Name: "hexEncode", Always: true, Apply: hexEncode, Grows: true},
	{Name: "htmlEntityDecode", Needs: needs("&"), Apply: htmlEntityDecode},
	{Name: "jsDecode", Needs: needs(`\`), Apply: jsDecode, Step: JavaScriptStep},
	{
		Name: "length", Always: true,
		Apply: func(_ *arena.Arena, s string) string { return strconv.Itoa(len(s)) }, Grows: true,
	},
	{
		// Beyond ASCII a rune may become one of ASCII (U+212A becomes k), so that the effect is
		// that on ASCII only.
		Name: "lowercase", Needs: letters('A', 'Z').Or(high()),
		Apply: lowercase, CaseOnly: true,
		Effect: &Effect{Lower: true, Unless: charset.High},
	},
	{Name: "md5", Always: true, Apply: md5Sum, Grows: true},
	{Name: "normalisePath", Needs: needs("/."), Apply: normalisePath},
	{Name: "normalisePathWin", Needs: needs("/.\\: "), Apply: normalisePathWin},
	{Name: "normalizePath", Needs: needs("/."), Apply: normalisePath},
	{Name: "normalizePathWin", Needs: needs("/.\\: "), Apply: normalisePathWin},
	// It may add a NUL or a blank in place of a comment.
	{Name: "removeComments", Needs: needs("/<-#"), Apply: removeComments, Grows: true},
	{Name: "removeCommentsChar", Needs: needs("/*<-#"), Apply: removeCommentsChar},
	{Name: "removeNulls", Needs: needs("\x00"), Apply: removeNulls, Effect: &Effect{Rewrites: true}},
	{
		// Bytes that are no UTF-8 become U+FFFD, and so the result may have bytes beyond ASCII that
		// the value lacks.
		Name: "removeWhitespace", Needs: needs(space).Or(high()),
		Apply:  removeWhitespace,
		Effect: &Effect{Rewrites: true, Adds: charset.High}, Step: WhitespaceStep,
	},
	{Name: "replaceComments", Needs: needs("/"), Apply: replaceComments, Step: CommentStep},
	{Name: "replaceNulls", Needs: needs("\x00"), Apply: replaceNulls, Effect: &Effect{Rewrites: true, Adds: blank}},
	{Name: "sha1", Always: true, Apply: sha1Sum, Grows: true},
	// 0x27 consists of digits and a letter and becomes a quote: a value of tier 0 may open.
	{Name: "sqlHexDecode", Needs: needs("0"), Apply: sqlHexDecode, Opens: true},
	{
		Name: "trim", Needs: needs(space),
		Apply:  func(_ *arena.Arena, s string) string { return strings.Trim(s, space) },
		Effect: &Effect{Rewrites: true},
	},
	{
		Name: "trimLeft", Needs: needs(space),
		Apply:  func(_ *arena.Arena, s string) string { return strings.TrimLeft(s, space) },
		Effect: &Effect{Rewrites: true},
	},
	{
		Name: "trimRight", Needs: needs(space),
		Apply:  func(_ *arena.Arena, s string) string { return strings.TrimRight(s, space) },
		Effect: &Effect{Rewrites: true},
	},
	{
		Name: "uppercase", Needs: letters('a', 'z').Or(high()),
		Apply: uppercase, CaseOnly: true,
		Effect: &Effect{Upper: true, Unless: charset.High},
	},
	{
		// Without % nothing is decoded but +, which becomes a blank.
		Name: "urlDecode", Needs: needs("%+"),
		Apply:  urlDecode,
		Effect: &Effect{Rewrites: true, Adds: blank, Unless: percent}, Step: URLStep,
	},
	{
		Name: "urlDecodeUni", Needs: needs("%+"),
		Apply:  urlDecodeUni,
		Effect: &Effect{Rewrites: true, Adds: blank, Unless: percent}, Step: URLUniStep,
	},
	{
		// The complement of what it leaves alone.
		Name: "urlEncode", Needs: letters('0', '9').Or(letters('a', 'z')).Or(letters('A', 'Z')).Or(needs("*")).Not(),
		Apply: urlEncode, Grows: true, Opens: true,
	},
	{Name: "utf8toUnicode", Needs: high(), Apply: utf8ToUnicode, Grows: true},
}

// hexByte is the byte of two hexadecimal digits. Both must be digits.
func hexByte(hi, lo byte) byte { return ascii.HexValue(hi)<<4 | ascii.HexValue(lo) }

// base64Value is the value of a character of the standard alphabet, or 0xff.
func base64Value(c byte) byte {
	switch {
	case c-'A' < 26:
		return c - 'A'
	case c-'a' < 26:
		return c - 'a' + 26
	case c-'0' < 10:
		return c - '0' + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return 0xff
}

// decodeBase64 decodes what it can. Strictly, it stops at the first character
// that is not of the alphabet; forgivingly, it skips such, as lenient decoders do,
// and takes the URL alphabet as well. Neither way is an error possible: the application behind may
// be as lenient. The standard library's decoder fails at the first mistake.
//
//	PHNjcmlwdD4  ->  <script>       strict: without padding
//	PHNj.cmlw    ->  <sc            strict: the dot ends it
//	PHNj.cmlw    ->  <scrip         forgiving: the dot is skipped
func decodeBase64(a *arena.Arena, s string, forgiving bool) string {
	if s == "" {
		return s
	}
	// Three bytes for each whole group of four characters, and up to two for what is left.
	out := a.Alloc(len(s)/4*3 + 3)
	n := 0
	var acc uint32 // bits of the characters of the group so far
	have := 0      // how many these are
	for i := range len(s) {
		c := s[i]
		// Lines of MIME (RFC 2045, section 6.8) are joined in either way.
		if c == '\r' || c == '\n' {
			continue
		}
		if forgiving {
			// A blank must not reach the test below, where it ends the text.
			if c == '.' || c == '\t' || c == '\v' || c == '\f' || c == ' ' || c == 0x85 || c == 0xA0 {
				continue
			}
			// The alphabet for URLs (RFC 4648, section 5).
			switch c {
			case '-':
				c = '+'
			case '_':
				c = '/'
			}
		}
		// Padding ends the text, whatever follows it.
		if c == '=' || c == ' ' {
			break
		}
		v := base64Value(c)
		if v == 0xff {
			if forgiving {
				continue
			}
			break
		}
		// Six bits a character; after four of them acc has the 24 bits of three bytes.
		acc = acc<<6 | uint32(v)
		if have++; have == 4 {
			out[n], out[n+1], out[n+2] = byte(acc>>16), byte(acc>>8), byte(acc)
			n += 3
			acc, have = 0, 0
		}
	}
	// What is left of a last group without padding counts, as lenient decoders have it.
	switch have {
	case 2:
		out[n] = byte(acc >> 4)
		n++
	case 3:
		out[n], out[n+1] = byte(acc>>10), byte(acc>>2)
		n += 2
	}
	return a.Shrink(out, n)
}

// boundBase64 counts the characters before the first that ends strict decoding. Line breaks are
// counted as if they had bits, which only makes the bound larger.
func boundBase64(s string) int {
	i := 0
	for i < len(s) && (base64Value(s[i]) != 0xff || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i * 3 / 4
}

// encodeBase64 writes the standard alphabet with padding.
func encodeBase64(a *arena.Arena, s string) string {
	out := a.Alloc(base64.StdEncoding.EncodedLen(len(s)))
	base64.StdEncoding.Encode(out, []byte(s))
	return arena.String(out)
}

// hexDecode decodes a value that is hexadecimal as a whole; others stay as they are. Half-decoded
// text would be neither what was sent nor what an application makes of it.
//
//	3c7363  ->  <sc
//	3c736   ->  3c736     an odd number of digits
func hexDecode(a *arena.Arena, s string) string {
	if len(s)%2 != 0 {
		return s
	}
	for i := range len(s) {
		if !ascii.IsHex(s[i]) {
			return s
		}
	}
	out := a.Alloc(len(s) / 2)
	// Two digits of s for each byte.
	for i := range out {
		out[i] = hexByte(s[2*i], s[2*i+1])
	}
	return arena.String(out)
}

// hexEncode writes each byte as two digits in lower case.
func hexEncode(a *arena.Arena, s string) string {
	out := a.Alloc(2 * len(s))
	hex.Encode(out, []byte(s))
	return arena.String(out)
}

// md5Sum is the raw hash, 16 bytes. Rules that want digits add hexEncode. It is for rules that
// compare with known values, not for security.
func md5Sum(a *arena.Arena, s string) string {
	sum := md5.Sum([]byte(s))
	return a.Copy(string(sum[:]))
}

// sha1Sum is the raw hash, 20 bytes.
func sha1Sum(a *arena.Arena, s string) string {
	sum := sha1.Sum([]byte(s))
	return a.Copy(string(sum[:]))
}

// cmdLine removes what shells ignore: \ " ' ^ go, runs of blanks, commas and
// semicolons become one blank, none before / or (, letters go to lower case. The shells of Unix run
// w"ho"ami as whoami, cmd.exe who^ami; a command in a rule needs only one spelling after this.
//
//	W"ho"^Ami;  /ALL  ->  whoami/all
func cmdLine(a *arena.Arena, s string) string {
	// As in all that follow: nothing is allocated up to the first byte that changes, and
	// mostly there is none.
	var out []byte
	n := 0
	// blank tells that the last byte of the result is a blank made of separators.
	blank := false
	for i := range len(s) {
		c := s[i]
		emit, drop := c, false
		switch c {
		// These stand within words only to hide them. blank stays as it is: a dropped byte
		// separates nothing.
		case '"', '\'', '\\', '^':
			drop = true
		// A separator after a blank goes, the first one becomes the blank.
		case ' ', ',', ';', '\t', '\r', '\n':
			drop, emit, blank = blank, ' ', true
		// The blank before it goes: "cmd /c" and "cmd/c" are one to cmd.exe.
		case '/', '(':
			if blank {
				// The blank is the byte before i, unchanged so far, so that n is at least 1.
				if out == nil {
					out, n = begin(a, s, i)
				}
				n--
			}
			blank = false
		default:
			emit = ascii.Lower(c)
			blank = false
		}
		// The result is still a prefix of s: nothing is written as long as it stays one.
		if out == nil {
			if !drop && emit == c {
				continue
			}
			out, n = begin(a, s, i)
		}
		if !drop {
			out[n] = emit
			n++
		}
	}
	if out == nil {
		return s
	}
	return a.Shrink(out, n)
}

// plainCommand reports whether cmdLine changes no more of s than the case of letters.
// mask has the classes of the bytes of s. It is the effect of cmdLine on one value, at the cost of
// a search for blanks. It may err on the side of no.
func plainCommand(s string, mask charset.Mask) bool {
	// Any of these goes or becomes a blank.
	if mask&commandBytes != 0 {
		return false
	}
	for {
		i := strings.IndexByte(s, ' ')
		if i < 0 || i+1 == len(s) {
			return true
		}
		// A second blank in a row or one before / or ( would go.
		switch s = s[i+1:]; s[0] {
		case ' ', '/', '(':
			return false
		}
	}
}

// commandBytes are the bytes that cmdLine always changes. Blanks it changes in a row or
// before a slash.
var commandBytes = charset.Cover(charset.Of("\"'\\^,;\t\r\n"))

// begin makes room for a result of at most the length of s whose first n bytes
// are those of s. Transformations call it at the first byte that changes, so that unchanged values
// cost no memory.
func begin(a *arena.Arena, s string, n int) ([]byte, int) {
	out := a.Alloc(len(s))
	copy(out, s[:n])
	return out, n
}

// isLatinSpace reports whether Latin-1 has r as white space.
func isLatinSpace(r rune) bool {
	return r == ' ' || r >= '\t' && r <= '\r' || r == 0x85 || r == 0xA0
}

// compressWhitespace makes one blank of each run of white space. A byte 0xA0 that
// is no part of a rune counts as Latin-1's no-break space. The blank and \t \n \v \f \r, U+0085 and
// U+00A0 are white space.
//
//	union \t\n select  ->  union select
func compressWhitespace(a *arena.Arena, s string) string {
	var out []byte
	n := 0
	inRun := false
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		// A blank alone is what a run becomes, so that it needs no copy.
		white := isLatinSpace(r) || s[i] == 0xA0
		same := !white || !inRun && r == ' '
		if out == nil && !same {
			out, n = begin(a, s, i)
		}
		if out != nil {
			switch {
			case !white:
				n += copy(out[n:], s[i:i+size])
			case !inRun:
				out[n] = ' '
				n++
			}
		}
		inRun = white
		i += size
	}
	if out == nil {
		return s
	}
	return a.Shrink(out, n)
}

// cssDecode undoes the escapes of CSS: a backslash with one to six hexadecimal
// digits and one optional blank, with a newline, or with any other character. One white space after
// the digits belongs to the escape (CSS Syntax Level 3, section 4.3.7).
//
//	\65 xpression      ->  expression
//	\000065xpression   ->  expression      six digits need no blank after them
//	ex\pression        ->  expression      p is no digit
func cssDecode(a *arena.Arena, s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	out := a.Alloc(i + 3*(len(s)-i)) // \0 becomes the three bytes of U+FFFD
	n := copy(out, s[:i])
	for i < len(s) {
		if s[i] != '\\' {
			out[n] = s[i]
			n++
			i++
			continue
		}
		i++
		// A backslash at the end stands for nothing.
		if i >= len(s) {
			break
		}
		digits := 0
		var code rune
		// At most six digits: 0xffffff fits into a rune, and EncodeRune writes U+FFFD for what is
		// beyond Unicode.
		for digits < 6 && i+digits < len(s) && ascii.IsHex(s[i+digits]) {
			code = code<<4 | rune(ascii.HexValue(s[i+digits]))
			digits++
		}
		switch {
		case digits > 0:
			if code == 0 {
				code = utf8.RuneError
			}
			// U+FF01 to U+FF5E are the forms in full width of ! to ~, which databases and scripts
			// may fold to these.
			if code >= 0xff01 && code <= 0xff5e { // full width ASCII
				code -= 0xfee0
			}
			n += utf8.EncodeRune(out[n:], code)
			i += digits
			if i < len(s) && strings.IndexByte(space, s[i]) >= 0 {
				i++
			}
		// A line that is continued.
		case s[i] == '\n':
			i++
		default:
			out[n] = s[i]
			n++
			i++
		}
	}
	return a.Shrink(out, n)
}

// controlEscape is the character that \c stands for in C, or c itself.
func controlEscape(c byte) byte {
	switch c {
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	}
	return c
}

// isOctal reports whether c is an octal digit.
func isOctal(c byte) bool { return c-'0' < 8 }

// escapeSeqDecode undoes the escapes of ANSI C: \n, \x41, \101. The backslash of
// an unknown escape goes. An octal escape has one to three digits, of which the value's low eight
// bits count. \x without two digits is an unknown escape.
//
//	\x6cs \054 \q  ->  ls , q
func escapeSeqDecode(a *arena.Arena, s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 || i == len(s)-1 {
		return s
	}
	out, n := begin(a, s, i)
	for i < len(s) {
		// A backslash at the end of the value stays.
		if s[i] != '\\' || i+1 >= len(s) {
			out[n] = s[i]
			n++
			i++
			continue
		}
		c := s[i+1]
		switch {
		case (c == 'x' || c == 'X') && i+3 < len(s) && ascii.IsHex(s[i+2]) && ascii.IsHex(s[i+3]):
			out[n] = hexByte(s[i+2], s[i+3])
			i += 4
		case isOctal(c):
			v := 0
			j := i + 1
			for ; j < i+4 && j < len(s) && isOctal(s[j]); j++ {
				v = v<<3 | int(s[j]-'0')
			}
			out[n] = byte(v)
			i = j
		default:
			out[n] = controlEscape(c)
			i += 2
		}
		n++
	}
	return a.Shrink(out, n)
}

// htmlEntityDecode decodes the character references of HTML as browsers do, also those that
// have no semicolon. It runs on the standard HTML5 table (HTML Living Standard, section 13.2.5.72
// and following), so that &#x3c, &#60; and &lt all become <. The result is allocated on the heap,
// not in the arena.
//
//	&#x3cscript&gt  ->  <script>
func htmlEntityDecode(_ *arena.Arena, s string) string {
	if !mayHaveEntity(s) {
		return s
	}
	return html.UnescapeString(s)
}

// jsDecode undoes the escapes of JavaScript: \uHHHH and \u{H…} (the low byte; full
// width ASCII becomes ASCII), \xHH, \OOO and \c. That is what a browser or Node.js does with a
// string literal; attackers write eval as \u0065val.
//
//	\u0065val       ->  eval
//	\u{65}val       ->  eval
//	\uff45val       ->  eval       full width
//	\x65\166al      ->  eval
//	\e\v\a\l        ->  e, VT, BEL and l: \v and \a are control characters
func jsDecode(a *arena.Arena, s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 || i == len(s)-1 {
		return s
	}
	out, n := begin(a, s, i)
	for i < len(s) {
		// A backslash at the end of the value stays, as in escapeSeqDecode.
		if s[i] != '\\' || i+1 >= len(s) {
			out[n] = s[i]
			n++
			i++
			continue
		}
		// The forms from the longest to the shortest, so that a broken one is read as the next
		// shorter: \uzz as the letter u and zz.
		rest := s[i+1:]
		if code, used := bracedCode(rest); used > 0 {
			b := byte(code)
			if code >= 0xff01 && code <= 0xff5e {
				b += 0x20
			}
			out[n] = b
			i += 1 + used
		} else if len(rest) >= 5 && rest[0] == 'u' &&
			ascii.IsHex(rest[1]) && ascii.IsHex(rest[2]) && ascii.IsHex(rest[3]) && ascii.IsHex(rest[4]) {
			b := hexByte(rest[3], rest[4])
			// Full width ASCII is U+FF01 to U+FF5E, and its low byte 0x20 below the ASCII
			// character.
			if b > 0 && b < 0x5f && rest[1]|0x20 == 'f' && rest[2]|0x20 == 'f' {
				b += 0x20
			}
			out[n] = b
			i += 6
		} else if len(rest) >= 3 && rest[0] == 'x' && ascii.IsHex(rest[1]) && ascii.IsHex(rest[2]) {
			out[n] = hexByte(rest[1], rest[2])
			i += 4
		} else if isOctal(rest[0]) {
			j := 1
			// Up to three octal digits, of which the first is at most 3 so that they make a byte
			// (ECMA-262, annex B.1.2).
			for j < 3 && j < len(rest) && isOctal(rest[j]) {
				j++
			}
			if j == 3 && rest[0] > '3' { // would be more than a byte
				j = 2
			}
			v := 0
			for _, c := range []byte(rest[:j]) {
				v = v<<3 | int(c-'0')
			}
			out[n] = byte(v)
			i += 1 + j
		} else {
			// An unknown escape loses its backslash, as in JavaScript.
			out[n] = controlEscape(rest[0])
			i += 2
		}
		n++
	}
	return a.Shrink(out, n)
}

// bracedCode reads u{H…} with one to six digits and returns its length, 0 if s
// does not start with it.
func bracedCode(s string) (code rune, used int) {
	if !strings.HasPrefix(s, "u{") {
		return 0, 0
	}
	j := 2
	// Six digits are 24 bits: no overflow of a rune.
	for j < 8 && j < len(s) && ascii.IsHex(s[j]) {
		code = code<<4 | rune(ascii.HexValue(s[j]))
		j++
	}
	if j == 2 || j >= len(s) || s[j] != '}' {
		return 0, 0
	}
	return code, j + 1
}

// lowercase puts letters in lower case, those beyond ASCII as well: U+212A, the Kelvin
// sign, becomes k. Non-ASCII values take the standard library's conversion, since an application
// may fold case by Unicode as well. Others are copied from the first letter in upper case on.
func lowercase(a *arena.Arena, s string) string {
	first := -1
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.ToLower(s)
		}
		if first < 0 && s[i]-'A' < 26 {
			first = i
		}
	}
	if first < 0 {
		return s
	}
	out, n := begin(a, s, first)
	for _, c := range []byte(s[first:]) {
		c = ascii.Lower(c)
		out[n] = c
		n++
	}
	return arena.String(out)
}

// uppercase puts letters in upper case, those beyond ASCII as well. U+017F, the long s, becomes S.
func uppercase(_ *arena.Arena, s string) string { return strings.ToUpper(s) }

// normalisePath resolves ., .. and doubled slashes; a slash at the end stays. Attackers hide
// /etc/passwd as /etc/./x/..//passwd. A relative path that leads above its beginning keeps its ..,
// by which rules find traversal.
//
//	/a/./b/../c  ->  /a/c
//	/a//b/       ->  /a/b/
//	a/../../b    ->  ../b
func normalisePath(a *arena.Arena, s string) string {
	if s == "" || s != "." && isCleanPath(s) {
		return s
	}
	clean := path.Clean(s)
	switch {
	// path.Clean has . for what is empty.
	case clean == ".":
		return ""
	case clean == s:
		return s
	// path.Clean drops the slash at the end, which is a difference to servers and rules.
	case s[len(s)-1] == '/':
		// Only the slash at the end was cut: s is clean, and needs no copy.
		if len(clean)+1 == len(s) && s[:len(clean)] == clean {
			return s
		}
		return a.Concat(clean, "/")
	}
	return clean
}

// isCleanPath reports that no component of s is empty, . or .., a slash at either
// end aside. It may miss some. Missing one costs a call of path.Clean.
func isCleanPath(s string) bool {
	// start is where the component begins that ends at i.
	start := 0
	// The end of s ends the last component as a slash would.
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '/' {
			continue
		}
		switch part := s[start:i]; {
		case part == "" && i > 0 && i < len(s), part == ".", part == "..":
			return false
		}
		start = i + 1
	}
	return true
}

// normalisePathWin treats \ as / and then also takes away what Windows ignores:
// the alternate data stream of the last component, dots and blanks at the end of
// each. Windows opens web.config for "WEB.CONFIG::$DATA", "web.config." and "web.config ".
//
//	a\..\web.config::$DATA  ->  web.config
//	c:\x\y. .\z            ->  c:/x/y/z
func normalisePathWin(a *arena.Arena, s string) string {
	if s == "" {
		return s
	}
	slashed := s
	if strings.IndexByte(s, '\\') >= 0 {
		slashed = strings.ReplaceAll(s, `\`, "/")
	}
	out := trimWindowsComponents(dropDataStream(normalisePath(a, slashed)))
	// The same text in other memory is no change.
	if out == s {
		return s
	}
	return out
}

// dropDataStream takes the part from the colon on from the last component. "name:stream:$DATA"
// names a stream of a file of NTFS; without the stream it is the file's text. A drive's colon
// stays.
//
//	c:/x:y/z:s/  ->  c:/x:y/z/
func dropDataStream(s string) string {
	drive := ""
	// The colon of a drive letter ends no name of a file.
	if len(s) >= 2 && s[1] == ':' && (s[0]|0x20)-'a' < 26 {
		drive, s = s[:2], s[2:]
	}
	end := ""
	if strings.HasSuffix(s, "/") {
		end, s = "/", s[:len(s)-1]
	}
	last := strings.LastIndexByte(s, '/') + 1
	if colon := strings.IndexByte(s[last:], ':'); colon >= 0 {
		s = s[:last+colon]
	}
	if drive == "" && end == "" {
		return s
	}
	return drive + s + end
}

// trimWindowsComponents takes dots and blanks from the end of each component. A
// component of dots only stays; one that has nothing left goes. The components . and .. are left to
// normalisePath, three dots to whoever reads them.
//
//	a. /b ./...  ->  a/b/...
func trimWindowsComponents(s string) string {
	// Without a dot and a blank there is nothing to trim, and strings.Split need not allocate.
	if strings.IndexByte(s, '.') < 0 && strings.IndexByte(s, ' ') < 0 {
		return s
	}
	// In place: what is kept is never more than what was read.
	parts := strings.Split(s, "/")
	kept := parts[:0]
	changed := false
	for _, p := range parts {
		if strings.Trim(p, ".") != "" {
			trimmed := strings.TrimRight(p, ". ")
			if trimmed != p {
				changed = true
			}
			if trimmed == "" {
				continue
			}
			p = trimmed
		}
		kept = append(kept, p)
	}
	if !changed {
		return s
	}
	return strings.Join(kept, "/")
}

// removeComments removes /* … */ and <!-- … --> and cuts at -- and #. Attackers break words with
// comments, un/**/ion, and cut the rest of a statement off with -- or #.
//
//	a/*b*/c d--e  ->  ac d
func removeComments(a *arena.Arena, s string) string {
	// A slash or a dash alone is common, a comment is rare.
	if !strings.Contains(s, "/*") && !strings.Contains(s, "<!--") && !strings.Contains(s, "--") && strings.IndexByte(s, '#') < 0 {
		return s
	}
	// A comment has two bytes at least and leaves one at most, so that the result fits.
	out := a.Alloc(len(s) + 1)
	n := 0
	inside := false
	for i := 0; i < len(s); {
		rest := s[i:]
		if inside {
			skip := 0
			switch {
			case strings.HasPrefix(rest, "*/"):
				skip = 2
			case strings.HasPrefix(rest, "-->"):
				skip = 3
			default:
				i++
				continue
			}
			// The byte after the comment is copied without a look at what it starts,
			// a NUL if there is none: what the reference implementations do.
			inside = false
			i += skip
			out[n] = 0
			if i < len(s) {
				out[n] = s[i]
			}
			n++
			i++
			continue
		}
		switch {
		// A comment of SQL, C, JavaScript or CSS.
		case strings.HasPrefix(rest, "/*"):
			inside = true
			i += 2
			continue
		// A comment of HTML. Either end closes either kind.
		case strings.HasPrefix(rest, "<!--"):
			inside = true
			i += 4
			continue
		// To the end of the value, not of the line, as in the reference implementations.
		case strings.HasPrefix(rest, "--"), s[i] == '#':
			return a.Shrink(out, n)
		}
		out[n] = s[i]
		n++
		i++
	}
	// A blank stands for a comment that never ends.
	if inside {
		out[n] = ' '
		n++
	}
	return a.Shrink(out, n)
}

// removeCommentsChar removes the marks of comments: /* */ <!-- --> -- #. What is between the marks
// stays, since MySQL runs the text of /*!50000union*/.
//
//	/*!50000union*/ select  ->  !50000union select
func removeCommentsChar(a *arena.Arena, s string) string {
	var out []byte
	n := 0
	for i := 0; i < len(s); {
		// The longest mark at this place goes. What is left is not looked at again: /#* leaves /*.
		skip := commentMark(s[i:])
		if skip > 0 {
			if out == nil {
				out, n = begin(a, s, i)
			}
			i += skip
			continue
		}
		if out != nil {
			out[n] = s[i]
			n++
		}
		i++
	}
	if out == nil {
		return s
	}
	return a.Shrink(out, n)
}

// commentMark returns the length of the comment mark at the start of s, else 0. s is not empty.
func commentMark(s string) int {
	switch s[0] {
	case '#':
		return 1
	case '/':
		if strings.HasPrefix(s, "/*") {
			return 2
		}
	case '*':
		if strings.HasPrefix(s, "*/") {
			return 2
		}
	case '<':
		if strings.HasPrefix(s, "<!--") {
			return 4
		}
	case '-':
		if strings.HasPrefix(s, "-->") {
			return 3
		}
		if strings.HasPrefix(s, "--") {
			return 2
		}
	}
	return 0
}

// replaceComments makes one blank of each /* … */; one that never ends counts. A server takes a
// comment for white space, so that words on its two sides stay apart. Nested comments are not
// known, as in MySQL.
//
//	union/*x*/select  ->  union select
func replaceComments(a *arena.Arena, s string) string {
	i := strings.Index(s, "/*")
	if i < 0 {
		return s
	}
	out, n := begin(a, s, i)
	// s is what is left, i the place of the comment in it; the result has what was before.
	for {
		out[n] = ' '
		n++
		// The end is looked for behind the mark, so that /*/ does not close itself.
		end := strings.Index(s[i+2:], "*/")
		if end < 0 {
			return a.Shrink(out, n)
		}
		s = s[i+2+end+2:]
		i = strings.Index(s, "/*")
		if i < 0 {
			n += copy(out[n:], s)
			return a.Shrink(out, n)
		}
		n += copy(out[n:], s[:i])
	}
}

// removeNulls removes NUL bytes, which end strings of C and are skipped by some decoders.
func removeNulls(_ *arena.Arena, s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "")
}

// replaceNulls makes blanks of NUL bytes.
func replaceNulls(_ *arena.Arena, s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", " ")
}

// removeWhitespace removes what Unicode calls white space. Bytes that are not
// UTF-8 become U+FFFD.
//
//	eval \u2003( x )  ->  eval(x)
func removeWhitespace(a *arena.Arena, s string) string {
	// first is the first white space. ASCII's is the blank and the five characters from \t to \r.
	ascii, first := true, -1
	for i := range len(s) {
		c := s[i]
		// Only runes beyond ASCII need decoding.
		if c >= utf8.RuneSelf {
			ascii = false
			break
		}
		if first < 0 && (c == ' ' || c-'\t' < 5) {
			first = i
		}
	}
	if !ascii {
		return removeUnicodeSpace(a, s)
	}
	if first < 0 {
		return s
	}
	out, n := begin(a, s, first)
	for i := first; i < len(s); i++ {
		if c := s[i]; c != ' ' && c-'\t' >= 5 {
			out[n] = c
			n++
		}
	}
	return a.Shrink(out, n)
}

// removeUnicodeSpace is removeWhitespace for values that are not ASCII.
func removeUnicodeSpace(a *arena.Arena, s string) string {
	i := 0
	for i < len(s) { // up to the first change
		r, size := utf8.DecodeRuneInString(s[i:])
		// size tells an invalid byte from U+FFFD itself, which has three bytes and stays.
		if r == utf8.RuneError && size == 1 || unicode.IsSpace(r) {
			break
		}
		i += size
	}
	if i == len(s) {
		return s
	}
	// Each invalid byte becomes the three bytes of U+FFFD.
	out := a.Alloc(i + 3*(len(s)-i))
	n := copy(out, s[:i])
	// range decodes each invalid byte as U+FFFD.
	for _, r := range s[i:] {
		if !unicode.IsSpace(r) {
			n += utf8.EncodeRune(out[n:], r)
		}
	}
	return a.Shrink(out, n)
}

// sqlHexDecode undoes the hexadecimal strings of SQL: 0x414243. MySQL takes 0x61646d696e for
// 'admin', without a quote that a rule could see. A digit that is left over stays.
//
//	0x61646d696e or 0x4  ->  admin or 0x4
func sqlHexDecode(a *arena.Arena, s string) string {
	if !strings.Contains(s, "0x") && !strings.Contains(s, "0X") {
		return s
	}
	out := a.Alloc(len(s))
	n := 0
	for i := 0; i < len(s); {
		// At least two digits follow, so that the loop takes at least one pair and i advances.
		if s[i] == '0' && i+3 < len(s) && s[i+1]|0x20 == 'x' && ascii.IsHex(s[i+2]) && ascii.IsHex(s[i+3]) {
			i += 2
			for i+1 < len(s) && ascii.IsHex(s[i]) && ascii.IsHex(s[i+1]) {
				out[n] = hexByte(s[i], s[i+1])
				n++
				i += 2
			}
			continue
		}
		out[n] = s[i]
		n++
		i++
	}
	return a.Shrink(out, n)
}

// urlDecode undoes %HH and +. What is no valid escape stays.
func urlDecode(a *arena.Arena, s string) string { return decodeURL(a, s, false) }

// urlDecodeUni is urlDecode that knows %uHHHH of IIS as well. It is
// application/x-www-form-urlencoded with the extension that IIS and classic ASP read.
func urlDecodeUni(a *arena.Arena, s string) string { return decodeURL(a, s, true) }

// decodeURL decodes in place as it were: a result is never longer than the value. What is
// no valid escape stays, since the application behind may read it in any way. It decodes once:
// %2527 becomes %27, and rules that fear a second decoding name the transformation twice. n never
// overtakes i, so that the length of s is room enough.
//
//	%27+or%2B1   ->  ' or+1
//	%u0027%zz    ->  '%zz           with uni
//	%uff07       ->  '              with uni: full width
func decodeURL(a *arena.Arena, s string, uni bool) string {
	i := 0
	for i < len(s) && s[i] != '%' && s[i] != '+' {
		i++
	}
	if i == len(s) {
		return s
	}
	out, n := begin(a, s, i)
	for i < len(s) {
		c := s[i]
		switch {
		case c == '+':
			out[n] = ' '
			i++
		// A %u that is broken stays whole: its u must not become part of another escape.
		case c == '%' && uni && i+1 < len(s) && s[i+1]|0x20 == 'u':
			if i+5 < len(s) && ascii.IsHex(s[i+2]) && ascii.IsHex(s[i+3]) && ascii.IsHex(s[i+4]) && ascii.IsHex(s[i+5]) {
				// Four digits become one byte.
				out[n] = fit(rune(hexByte(s[i+2], s[i+3]))<<8 | rune(hexByte(s[i+4], s[i+5])))
				i += 6
				break
			}
			// Two bytes are copied here and one by n++ below.
			out[n], out[n+1] = s[i], s[i+1]
			n++
			i += 2
		// The two digits are in s: i+2 is the place of the second.
		case c == '%' && i+2 < len(s) && ascii.IsHex(s[i+1]) && ascii.IsHex(s[i+2]):
			out[n] = hexByte(s[i+1], s[i+2])
			i += 3
		default:
			out[n] = c
			i++
		}
		n++
	}
	return a.Shrink(out, n)
}

// fit returns the byte that IIS makes of a code point.
func fit(code rune) byte {
	if code >= bestFit[0].first {
		// Binary search; the first run begins at or before code, so lo is valid throughout.
		lo, hi := 0, len(bestFit) // the last run that starts at or before code
		for hi-lo > 1 {
			mid := (lo + hi) / 2
			if bestFit[mid].first <= code {
				lo = mid
			} else {
				hi = mid
			}
		}
		// Between runs there are code points that have no replacement.
		if at := int(code - bestFit[lo].first); at < len(bestFit[lo].ascii) {
			return bestFit[lo].ascii[at]
		}
	}
	// Without a run the high byte is lost, as in a conversion to an 8-bit character set.
	low := byte(code)
	if low > 0 && low < 0x5f && code>>8 == 0xff { // full width ASCII
		low += 0x20
	}
	return low
}

// urlEncode escapes all but letters of ASCII, digits and *; blanks become +.
//
//	a b*<  ->  a+b*%3c
func urlEncode(a *arena.Arena, s string) string {
	out := a.Alloc(3 * len(s))
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			out[n] = '+'
			n++
		// Differences of bytes wrap around, so that one comparison tests both ends of a range.
		case c == '*' || c-'0' < 10 || c-'A' < 26 || c-'a' < 26:
			out[n] = c
			n++
		default:
			const digits = "0123456789abcdef"
			out[n], out[n+1], out[n+2] = '%', digits[c>>4], digits[c&15]
			n += 3
		}
	}
	return a.Shrink(out, n)
}

// utf8ToUnicode writes every rune beyond ASCII as %uHHHH, which urlDecodeUni
// understands. Bytes that are not UTF-8 become %ufffd. A urlDecodeUni after it maps the runes to
// the characters that IIS takes them for.
//
//	caf\u00e9  ->  caf%u00e9
func utf8ToUnicode(a *arena.Arena, s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	if i == len(s) {
		return s
	}
	out := a.Alloc(i + 8*(len(s)-i)) // %u and at most six digits a byte
	n := copy(out, s[:i])
	for _, r := range s[i:] {
		if r < utf8.RuneSelf {
			out[n] = byte(r)
			n++
			continue
		}
		out[n], out[n+1] = '%', 'u'
		n += 2
		var buf [8]byte
		digits := strconv.AppendUint(buf[:0], uint64(r), 16)
		// At least four digits; a rune beyond U+FFFF has five or six.
		for pad := 4 - len(digits); pad > 0; pad-- {
			out[n] = '0'
			n++
		}
		n += copy(out[n:], digits)
	}
	return a.Shrink(out, n)
}
