package body

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/ringwall/ringwall/waf/internal/arena"
)

func charset(t testing.TB, label string) *Charset {
	t.Helper()
	c, err := FindCharset(label)
	if err != nil || c == nil {
		t.Fatalf("%s: %v, %v", label, c, err)
	}
	return c
}

// TestCharsetsReadAsOthersWriteThem has texts that Python's codecs wrote.
func TestCharsetsReadAsOthersWriteThem(t *testing.T) {
	const text = "'[!]^|<script>"
	for _, c := range []struct{ labels, written string }{
		{"ibm037 IBM037 cp037 ibm-037 ebcdic-cp-us csIBM037", "\x7d\xba\x5a\xbb\xb0\x4f\x4c\xa2\x83\x99\x89\x97\xa3\x6e"},
		{"ibm500 cp500 CP500 ebcdic-cp-be", "\x7d\x4a\x4f\x5a\x5f\xbb\x4c\xa2\x83\x99\x89\x97\xa3\x6e"},
		{"IBM01140 cp1140", "\x7d\xba\x5a\xbb\xb0\x4f\x4c\xa2\x83\x99\x89\x97\xa3\x6e"},
		{"utf-16 UTF-16LE utf_16_le unicode ucs-2", "'\x00[\x00!\x00]\x00^\x00|\x00<\x00s\x00c\x00r\x00i\x00p\x00t\x00>\x00"},
		{"utf-16 utf-16be utf_16_be unicodeFFFE", "\x00'\x00[\x00!\x00]\x00^\x00|\x00<\x00s\x00c\x00r\x00i\x00p\x00t\x00>"},
		{"utf-32 utf-32le", "'\x00\x00\x00[\x00\x00\x00!\x00\x00\x00]\x00\x00\x00^\x00\x00\x00|\x00\x00\x00<\x00\x00\x00s\x00\x00\x00c\x00\x00\x00r\x00\x00\x00i\x00\x00\x00p\x00\x00\x00t\x00\x00\x00>\x00\x00\x00"},
		{"utf-32 UTF-32BE utf_32_be", "\x00\x00\x00'\x00\x00\x00[\x00\x00\x00!\x00\x00\x00]\x00\x00\x00^\x00\x00\x00|\x00\x00\x00<\x00\x00\x00s\x00\x00\x00c\x00\x00\x00r\x00\x00\x00i\x00\x00\x00p\x00\x00\x00t\x00\x00\x00>"},
	} {
		for label := range strings.FieldsSeq(c.labels) {
			if got := charset(t, label).Texts(c.written); !slices.Contains(got, text) {
				t.Errorf("%s: got %q", label, got)
			}
		}
	}
	// All of code page 500, as Python has it.
	const all = "\x00\x01\x02\x03\u009c\t\u0086\x7f\u0097\u008d\u008e\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\u009d\u0085\b\u0087\x18\x19\u0092\u008f\x1c\x1d\x1e\x1f" +
		"\u0080\u0081\u0082\u0083\u0084\n\x17\x1b\u0088\u0089\u008a\u008b\u008c\x05\x06\x07\u0090\u0091\x16\u0093\u0094\u0095\u0096\x04\u0098\u0099\u009a\u009b\x14\x15\u009e\x1a" +
		" \u00a0âäàáãåçñ[.<(+!&éêëèíîïìß]$*);^-/ÂÄÀÁÃÅÇÑ¦,%_>?øÉÊËÈÍÎÏÌ`:#@'=\"Øabcdefghi«»ðýþ±°jklmnopqrªºæ¸Æ¤µ~stuvwxyz¡¿ÐÝÞ®¢£¥·©§¶¼½¾¬|¯¨´×" +
		"{ABCDEFGHI\u00adôöòóõ}JKLMNOPQR¹ûüùúÿ\\÷STUVWXYZ²ÔÖÒÓÕ0123456789³ÛÜÙÚ\u009f"
	var bytes []byte
	for i := range 256 {
		bytes = append(bytes, byte(i))
	}
	if got := charset(t, "ibm500").Texts(string(bytes)); len(got) != 1 || got[0] != all {
		t.Errorf("code page 500: got %q", got)
	}
}

func TestWhatNeedsNoConversionHasNoCharset(t *testing.T) {
	for _, label := range []string{"", "utf-8", "UTF-8", "utf8", "'utf-8'", "us-ascii", "UTF_8", "ascii"} {
		if c, err := FindCharset(label); c != nil || err != nil {
			t.Errorf("%s: %v, %v", label, c, err)
		}
	}
	for _, label := range []string{"iso-8859-1", "windows-1252", "latin1", "shift_jis", "gbk", "euc-kr", "koi8-r"} {
		if got := charset(t, label).Texts("plain text, 'quoted' & <more>\r\n"); got != nil {
			t.Errorf("%s: ASCII has the readings %q", label, got)
		}
	}
	if got := charset(t, "iso-8859-1").Texts("caf\xe9"); !slices.Equal(got, []string{"café"}) {
		t.Errorf("got %q", got)
	}
	if got := charset(t, "shift_jis").Texts("\x83A"); !slices.Equal(got, []string{"ア"}) {
		t.Errorf("got %q", got)
	}
	for _, label := range []string{"utf-7", "UTF_7", "unicode-1-1-utf-7", "iso-2022-kr", "iso-2022-cn", "unicode_escape", "x-nothing", strings.Repeat("x", 1000), "ibm273"} {
		if c, err := FindCharset(label); c != nil || err == nil {
			t.Errorf("%.40s: %v, %v", label, c, err)
		}
	}
}

func TestLabelsFindsCharsetsHoweverSpelled(t *testing.T) {
	for mediaType, want := range map[string][]string{
		"application/x-www-form-urlencoded":       nil,
		"text/plain;charset=ibm037":               {"ibm037"},
		"text/plain; CharSet = \"ibm037\"; x=y":   {"ibm037"},
		"text/plain; charset='ibm037'":            {"ibm037"},
		"text/plain; charset*=us-ascii''ibm037":   {"ibm037"},
		"text/plain; charset=utf-8;charset=utf-7": {"utf-8", "utf-7"},
		"text/plain; xcharset=ibm037":             {"ibm037"}, // Tomcat searched for it so
		"text/plain; charset":                     nil,
		"text/plain; charset=":                    nil,
		"charset":                                 nil,
		"text/charset; charset=a,b":               {"a"},
	} {
		var got []string
		Labels(mediaType, func(l string) { got = append(got, l) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", mediaType, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { Labels("text/plain; charset=utf-8", func(string) {}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + string("0123456789ABCDEF"[s[i]>>4]) + string("0123456789ABCDEF"[s[i]&15]))
	}
	return b.String()
}

func TestQueryIsReadAsServersDo(t *testing.T) {
	ebcdic := func(s string) string { out, _ := charmap.CodePage037.NewEncoder().String(s); return out }
	utf16 := func(s string) string {
		out, _ := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(s)
		return out
	}
	want := Pair{"q", "1' or 2"}
	var a arena.Arena
	for name, c := range map[string]struct{ label, body string }{
		"ASP.NET, Tomcat: escapes hold the charset's bytes": {"ibm037", escaped(ebcdic("q")) + "=" + escaped(ebcdic("1' or 2"))},
		"the same, unescaped":                               {"ibm037", ebcdic("q") + "=" + ebcdic("1' or 2")},
		"Node: all in the charset, escapes hold UTF-8":      {"ibm037", ebcdic("q=1%27+or+2")},
		"Django: escapes in the charset hold the charset":   {"ibm037", ebcdic(escaped(ebcdic("q")) + "=" + escaped(ebcdic("1' or 2")))},
		"UTF-16 in escapes":                                 {"utf-16", escaped(utf16("q")) + "=" + escaped(utf16("1' or 2"))},
		"UTF-16 as a whole":                                 {"utf-16le", utf16("q=1%27+or+2")},
	} {
		have, _ := Query(&a, nil, c.body, 100)
		if got, cut := charset(t, c.label).Query(&a, have, c.body, 100); cut || !slices.Contains(got, want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
	// A browser's form in windows-1252 has one more reading of what is not ASCII.
	const form = "a=caf%E9&b=plain&c=x+y"
	have, _ := Query(&a, nil, form, 100)
	if got, _ := charset(t, "windows-1252").Query(&a, have, form, 100); !reflect.DeepEqual(got, []Pair{{"a", "café"}}) {
		t.Errorf("got %q", got)
	}
	if _, cut := charset(t, "windows-1252").Query(&a, nil, form, 2); !cut {
		t.Error("the limit does not hold")
	}
}

func TestXMLIsReadInItsCharset(t *testing.T) {
	utf16 := func(s string) string {
		out, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(s)
		return out
	}
	for name, s := range map[string]string{
		"latin 1":          "<?xml version='1.0' encoding='iso-8859-1'?><a>caf\xe9</a>",
		"utf-16 with BOM":  utf16("<?xml version='1.0' encoding='utf-16'?><a>café</a>"),
		"utf-16 big":       utf16("<a>café</a>")[2:],
		"in code page 037": "<?xml version='1.0' encoding='ibm037'?>" + strings.Repeat("@", 4096) + "\x4c\x81\x6e\x83\x81\x86\x51\x4c\x61\x81\x6e",
	} {
		if _, texts, err := XML(s); !slices.Contains(texts, "café") || name != "in code page 037" && err != nil {
			t.Errorf("%s: %q, %v", name, texts, err)
		}
	}
	// A parser that does not heed the declaration sees this.
	if _, texts, _ := XML("<?xml version='1.0' encoding='shift_jis'?><a>\xff'<b>attack</b></a>"); !slices.Contains(texts, "attack") {
		t.Errorf("got %q", texts)
	}
	if _, _, err := XML("<?xml version='1.0' encoding='utf-7'?><a>x</a>"); err == nil {
		t.Error("utf-7 is no error")
	}
}

func TestPartsAreReadInTheirCharset(t *testing.T) {
	const text = "--xx\nContent-Disposition: form-data; name=\"_charset_\"\n\nibm500\n--xx\nContent-Disposition: form-data; name=\"a\"\nContent-Type: text/plain; charset=ibm037\n\n\x7d\x96\x99\n--xx--\n"
	f := form(t, "multipart/form-data; boundary=xx", text)
	if !reflect.DeepEqual(f.Readings, []Pair{{"a", "'or"}}) || f.Charset != "ibm500" {
		t.Errorf("got %q, %q", f.Readings, f.Charset)
	}
	var a arena.Arena
	if _, _, err := Multipart(
		&a,
		"multipart/form-data; boundary=xx",
		strings.ReplaceAll(strings.Replace(text, "ibm037", "utf-7", 1), "\n", "\r\n"),
		100,
	); err == nil {
		t.Error("utf-7 is no error")
	}
}

func FuzzCharset(f *testing.F) {
	for _, label := range []string{"ibm037", "ibm500", "utf-16", "utf-32be", "shift_jis", "iso-2022-jp", "gb18030", "hz-gb-2312", "windows-1252"} {
		f.Add(label, "a=1&b=%27%00+x")
	}
	f.Fuzz(func(t *testing.T, label, s string) {
		if len(s) > 2000 {
			return
		}
		c, err := FindCharset(label)
		if err != nil || c == nil {
			return
		}
		for _, text := range c.Texts(s) {
			if !utf8.ValidString(text) || len(text) > 3*len(s)+16 {
				t.Fatalf("%s: %q becomes %q", label, s, text)
			}
			if c.verbatim(s) {
				t.Fatalf("%s: verbatim %q becomes %q", label, s, text)
			}
		}
		// What is called verbatim must read as itself.
		if c.verbatim(s) {
			for _, enc := range c.encodings {
				if got := decode(enc, s); got != s {
					t.Fatalf("%s: %q becomes %q", label, s, got)
				}
			}
		}
		var a arena.Arena
		have, _ := Query(&a, nil, s, 50)
		more, _ := c.Query(&a, have, s, 50)
		for _, p := range more {
			if slices.Contains(have, p) {
				t.Fatalf("%q twice", p)
			}
		}
		c.Fields(nil, have, true)
		Labels(s, func(l string) { _, _ = FindCharset(l) })
	})
}
