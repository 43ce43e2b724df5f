package body

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// Charset is a character set in which a body may be read. It is immutable and safe
// for use by several goroutines.
//
// Servers differ in whether they heed the charset of a body and to which bytes they
// apply it, and an attack that is one only in a certain reading is one nevertheless.
// So a Charset gives all readings that servers make beside the bytes as received. FindCharset
// returns nil for UTF-8; no method may be called on that.
type Charset struct {
	// encodings are several where the label leaves the byte order to the reader.
	encodings []encoding.Encoding
	// ascii tells that printable ASCII reads as itself.
	ascii bool
}

// maxLabel is longer than any label that is known.
const maxLabel = 48

// FindCharset returns the character set that goes by the label, in any case, of the
// WHATWG Encoding Standard, of IANA, or of Java, .NET and Python where these differ.
// It is nil without an error for UTF-8 and US-ASCII, which need no conversion. Sets
// that cannot be read, such as UTF-7, are ErrUnreadable. UTF-7 and sets like it can spell ASCII's <
// and ' with letters (+ADw-), and no server should read them: they are refused instead of decoded.
func FindCharset(label string) (*Charset, error) {
	label = strings.Trim(label, " \t\r\n'\"")
	if label == "" || strings.EqualFold(label, "utf-8") {
		return nil, nil
	}
	// The label goes into an error and from there into events: it is cut.
	if len(label) > maxLabel {
		return nil, fmt.Errorf("%w: charset %q…", ErrUnreadable, label[:maxLabel])
	}
	label = strings.ToLower(label)
	dashed := strings.ReplaceAll(label, "_", "-") // as Python does
	// Known labels come first: htmlindex reads "utf-16" as little endian, as browsers do and not
	// every server does.
	list, known := charsets[dashed]
	// A label of UTF-8 or ASCII.
	if known && list == nil {
		return nil, nil
	}
	if !known {
		// The indexes overlap; the WHATWG's has the labels that clients send.
		enc, err := htmlindex.Get(label)
		if err != nil {
			enc, err = htmlindex.Get(dashed)
		}
		if err != nil {
			enc, err = ianaindex.IANA.Encoding(label)
		}
		// Browsers read sets that are dangerous as one replacement character.
		if err != nil || enc == nil || enc == encoding.Replacement {
			return nil, fmt.Errorf("%w: charset %q", ErrUnreadable, label)
		}
		// Further names of UTF-8 in the index.
		if enc == unicode.UTF8 {
			return nil, nil
		}
		list = []encoding.Encoding{enc}
	}
	c := &Charset{encodings: list, ascii: true}
	// An experiment: if all printable characters of ASCII come out as they went in, values of ASCII
	// need no second reading. The two sets that shift by printable characters or ESC pass it and
	// are named.
	for _, enc := range list {
		text, err := enc.NewDecoder().String(printable)
		c.ascii = c.ascii && err == nil && text == printable && enc != japanese.ISO2022JP && enc != encoding.Encoding(simplifiedchinese.HZGB2312)
	}
	return c, nil
}

var (
	// Little endian first: XML and the labels of one order index these lists.
	utf16s = []encoding.Encoding{unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unicode.UTF16(unicode.BigEndian, unicode.UseBOM)}
	utf32s = []encoding.Encoding{utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), utf32.UTF32(utf32.BigEndian, utf32.UseBOM)}
	latin1 = []encoding.Encoding{charmap.ISO8859_1}
)

// charsets are the labels that the indexes lack or read otherwise. UTF-8 and ASCII
// are nil. UTF-16 without an order is little endian on Windows and in Python, big
// endian in Java (RFC 2781, section 4.3). A list of two is one whose byte order the label leaves
// open; a byte order mark decides where there is one.
var charsets = map[string][]encoding.Encoding{
	// UTF-8 and ASCII, in which every body is read anyway: names of IANA, Python (u8, utf-8-sig,
	// 646) and IBM.
	"utf-8": nil, "utf8": nil, "u8": nil, "utf-8-sig": nil, "us-ascii": nil, "ascii": nil, "us": nil, "646": nil, "iso646-us": nil,
	"ansi-x3.4-1968": nil, "iso-ir-6": nil, "cp367": nil, "ibm367": nil, "csascii": nil,
	// Latin-1 by names of Java and Python; binary reads each byte as the character of its number.
	"iso8859-1": latin1, "8859-1": latin1, "latin-1": latin1, "binary": latin1,
	// UTF-16 without an order. UCS-2 is its older form without surrogates.
	"utf-16": utf16s, "utf16": utf16s, "u16": utf16s, "ucs-2": utf16s, "iso-10646-ucs-2": utf16s, "unicode": utf16s, "csunicode": utf16s,
	// UTF-16 in one order, by the names of IANA, Python and Java (UnicodeLittle).
	"utf-16le": utf16s[:1], "utf-16-le": utf16s[:1], "utf16le": utf16s[:1], "unicodelittle": utf16s[:1],
	"unicodelittleunmarked": utf16s[:1], "x-utf-16le-bom": utf16s[:1],
	"utf-16be": utf16s[1:], "utf-16-be": utf16s[1:], "utf16be": utf16s[1:], "unicodebig": utf16s[1:],
	"unicodebigunmarked": utf16s[1:], "unicodefffe": utf16s[1:],
	"utf-32": utf32s, "utf32": utf32s, "u32": utf32s, "ucs-4": utf32s, "iso-10646-ucs-4": utf32s,
	"utf-32le": utf32s[:1], "utf-32-le": utf32s[:1], "utf32le": utf32s[:1],
	"utf-32be": utf32s[1:], "utf-32-be": utf32s[1:], "utf32be": utf32s[1:],
	// EBCDIC by the names of Java and Python: / and < are other bytes there than in ASCII, so that
	// rules on bytes as received see none of them.
	"cp037": {charmap.CodePage037}, "ibm-037": {charmap.CodePage037}, "ibm-37": {charmap.CodePage037}, "037": {charmap.CodePage037},
	"cp1047": {charmap.CodePage1047}, "ibm-1047": {charmap.CodePage1047}, "1047": {charmap.CodePage1047},
	"cp1140": {charmap.CodePage1140}, "ibm1140": {charmap.CodePage1140}, "ibm-1140": {charmap.CodePage1140}, "1140": {charmap.CodePage1140},
	// Code page 500 has [ ] ! ^ | in other places than 037.
	"ibm500": {codePage500{}}, "cp500": {codePage500{}}, "ibm-500": {codePage500{}}, "500": {codePage500{}}, "csibm500": {codePage500{}},
	"ebcdic-cp-be": {codePage500{}}, "ebcdic-cp-ch": {codePage500{}},
}

// printable are the bytes of ASCII that text has.
const printable = "\t\n\r !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// codePage500 is IBM's code page 500, EBCDIC for Belgium and Switzerland. It has the
// characters of code page 037, seven of them in each other's places. golang.org/x/text has no table
// for it.
type codePage500 struct{ encoding.Encoding }

// The embedded Encoding is nil: only the decoder is ever used.
func (codePage500) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: swap500{charmap.CodePage037.NewDecoder().Transformer}}
}

// to037 has the byte of code page 037 for each that code page 500 reads otherwise:
// [ ! ] ^ ¢ ¬ | in this order.
var to037 = map[byte]byte{0x4a: 0xba, 0x4f: 0x5a, 0x5a: 0xbb, 0x5f: 0xb0, 0xb0: 0x4a, 0xba: 0x5f, 0xbb: 0x4f}

// swap500 is the transformer of code page 500: that of code page 037 with the bytes that
// differ exchanged.
type swap500 struct{ next transformer }

// transformer is the Transformer of golang.org/x/text/transform.
type transformer interface {
	Reset()
	Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error)
}

func (t swap500) Reset() { t.next.Reset() }

// Each byte is replaced by one byte, so that nSrc of the copy is nSrc of src.
func (t swap500) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	own := make([]byte, len(src))
	for i, b := range src {
		own[i] = b
		if as, ok := to037[b]; ok {
			own[i] = as
		}
	}
	return t.next.Transform(dst, own, atEOF)
}

// Same reports whether c and o are one character set: two labels of it are no
// contradiction.
func (c *Charset) Same(o *Charset) bool {
	return slices.Equal(c.encodings, o.encodings)
}

// verbatim reports whether s reads as itself, so that it need not be decoded: it is ASCII
// without control characters, of which some begin escapes, and the set contains ASCII.
func (c *Charset) verbatim(s string) bool {
	if !c.ascii {
		return false
	}
	for i := range len(s) {
		// ESC, SO and SI switch sets in ISO 2022; white space of text does not.
		if s[i] >= 0x7f || s[i] < ' ' && s[i] != '\t' && s[i] != '\n' && s[i] != '\r' {
			return false
		}
	}
	return true
}

// decode reads s. What is no text becomes U+FFFD. It never fails: rules should see what a server
// may see of a broken text.
func decode(enc encoding.Encoding, s string) string {
	text, _ := enc.NewDecoder().String(s) // what was read before an error is what a server sees, too
	return text
}

// Texts returns the readings of s that differ from s and from each other, at most
// three bytes for one of s. It is empty if there are none. The first reading is that of the more
// common byte order. A body that has other bytes for ASCII is read this way before it is taken
// apart.
func (c *Charset) Texts(s string) []string {
	if c.verbatim(s) {
		return nil
	}
	var list []string
	for _, enc := range c.encodings {
		// There are at most two encodings, so that to compare with the first is enough.
		if text := decode(enc, s); text != s && (len(list) == 0 || list[0] != text) {
			list = append(list, text)
		}
	}
	return list
}

// Query returns the readings of a query string or an urlencoded form, each with at
// most limit pairs, and whether that cut one short. Pairs that have holds are not
// among them. Servers do one of these:
//
//   - split at & and =, undo escapes, then convert (ASP.NET, Tomcat);
//   - convert, split, undo escapes (Node);
//   - convert, split, undo escapes and convert the bytes that these gave (Python).
//
// Each step is linear in s. The pairs of all ways are merged: each is a reading of some server, and
// rules look at all.
//
//	UTF-16LE  61 00 3d 00 31 00  the first way has noise for a value, the others have a: "1"
//	IBM037    81 7e f1           the first way has the name a=1, the others have a: "1"
func (c *Charset) Query(a *arena.Arena, have []Pair, s string, limit int) ([]Pair, bool) {
	m := newMerger(have)
	var cut bool
	for _, enc := range c.encodings {
		// The first way: bytes are split and unescaped, then each name and value is read.
		list, more := Query(a, nil, s, limit)
		cut = cut || more
		for _, p := range list {
			m.add(Pair{c.text(enc, p.Key), c.text(enc, p.Value)})
		}
		// Text of ASCII is itself in this set, and the ways that read before they split find the
		// same.
		if c.verbatim(s) {
			continue
		}
		// The second way. In UTF-16 or EBCDIC, = and & are other bytes than in ASCII: the first way
		// sees one name.
		whole := decode(enc, s)
		list, more = Query(a, nil, whole, limit)
		m.add(list...)
		cut = cut || more
		// The third way. The number of pairs is that of the second: escapes hold no separators.
		list, _ = Query(a, nil, escapesIn(enc, whole), limit)
		m.add(list...)
	}
	return m.more, cut
}

// text is s in the reading of one encoding.
func (c *Charset) text(enc encoding.Encoding, s string) string {
	if c.verbatim(s) {
		return s
	}
	return decode(enc, s)
}

// escapesIn replaces each run of escapes by one for the text that its bytes are. Runs matter, since
// one character may be spread over several escapes (%82%A0 in Shift JIS).
//
//	in Shift JIS  a%82%A0b  ->  a%e3%81%82b
func escapesIn(enc encoding.Encoding, s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		var run []byte
		// A character may not go on from an escape to a plain byte: what the escapes give is
		// decoded by itself.
		for len(s) > 2 && s[0] == '%' {
			hi, lo := ascii.HexValue(s[1]), ascii.HexValue(s[2])
			if hi > 15 || lo > 15 {
				break
			}
			run = append(run, hi<<4|lo)
			s = s[3:]
		}
		// A % without two digits is text.
		if run == nil {
			b.WriteByte('%')
			s = s[1:]
			continue
		}
		// The text goes back into escapes, so that Query undoes them after it has split.
		const digits = "0123456789abcdef"
		for _, c := range []byte(decode(enc, string(run))) {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// Fields returns the readings of the values of pairs, with names also those of both,
// that have does not hold. A JSON or multipart body is taken apart as received before: its syntax
// is ASCII in all sets that contain ASCII.
func (c *Charset) Fields(have, pairs []Pair, names bool) []Pair {
	m := newMerger(have)
	for _, p := range pairs {
		for _, enc := range c.encodings {
			value := c.text(enc, p.Value)
			m.add(Pair{p.Key, value})
			if names && !c.verbatim(p.Key) {
				m.add(Pair{c.text(enc, p.Key), value})
			}
		}
	}
	return m.more
}

// Merge returns those of pairs that have does not hold, once each. have is not changed.
func Merge(have, pairs []Pair) []Pair {
	m := newMerger(have)
	m.add(pairs...)
	return m.more
}

// merger collects pairs that are new. Readings mostly agree, and a pair that rules see twice costs
// twice.
type merger struct {
	seen map[Pair]bool
	// more are the new pairs in order.
	more []Pair
}

// newMerger returns a merger for which the pairs of have are not new.
func newMerger(have []Pair) *merger {
	m := &merger{seen: make(map[Pair]bool, 2*len(have))}
	for _, p := range have {
		m.seen[p] = true
	}
	return m
}

// add keeps those of list that are new.
func (m *merger) add(list ...Pair) {
	for _, p := range list {
		if !m.seen[p] {
			m.seen[p] = true
			m.more = append(m.more, p)
		}
	}
}

// Labels calls f with the label of every charset parameter of a media type, however
// it is spelled: with blanks, in quotes, as charset*. Servers differ in which one
// counts. It does not allocate. It searches for the word instead of parsing parameters, so that a
// label in a place where only some servers look is found as well. f may be called several times,
// also with equal labels.
//
//	text/xml; charset=utf-16                          utf-16
//	text/xml; charset = "utf-7"; charset=us-ascii     utf-7, us-ascii
//	text/xml; charset*=us-ascii'en'utf-7              utf-7
func Labels(mediaType string, f func(label string)) {
	const name = "charset"
	for i := 0; i+len(name) < len(mediaType); i++ {
		// A cheap test before the comparison of seven letters.
		if mediaType[i]|0x20 != 'c' || !strings.EqualFold(mediaType[i:i+len(name)], name) {
			continue
		}
		rest := strings.TrimLeft(mediaType[i+len(name):], " \t*")
		if rest == "" || rest[0] != '=' {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		if strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'") {
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, "\";, \t")
		if end < 0 {
			end = len(rest)
		}
		label := strings.TrimRight(rest[:end], "'")
		if j := strings.LastIndexByte(label, '\''); j >= 0 {
			label = label[j+1:] // charset*=us-ascii'en'utf-7 (RFC 2231, section 4)
		}
		if label != "" {
			f(label)
		}
	}
}
