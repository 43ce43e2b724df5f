package body

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// XML returns the values of all attributes and all pieces of text that are not
// blank. Entities are those of HTML; external ones are never read. A text that
// ends early is no error. A text in UTF-16, or one that declares a character set
// (XML 1.0, section 4.3.3 and appendix F), is read in it and, since not every parser
// heeds that, as received as well.
//
// The parser is that of encoding/xml, not strict, so that it goes on where a server's parser may,
// too. Documents have no size of their own here: the limit of the body holds. Entities that a
// document declares itself are not expanded, so that there are no bombs of entities ("billion
// laughs") and no external ones (XXE).
//
//	<a b="1">x<!-- y --><c>&lt;</c></a>  ->  attributes 1, contents x and <
func XML(s string) (attributes, contents []string, err error) {
	// A byte order mark, or < in one of the two orders (appendix F.1 of XML 1.0): a document begins
	// with it.
	for i, order := range [...]struct{ bom, begin string }{{"\xff\xfe", "<\x00"}, {"\xfe\xff", "\x00<"}} {
		if strings.HasPrefix(s, order.bom) || strings.HasPrefix(s, order.begin) {
			return DecodedXML(strings.TrimPrefix(decode(utf16s[i], s), "\ufeff"))
		}
	}
	declared := false
	attributes, contents, err = parseXML(s, func(label string, rest io.Reader) (io.Reader, error) {
		// The declaration is read as ASCII, which all sets that may be declared there have in
		// common with the bytes as received.
		c, err := FindCharset(label)
		if err != nil || c == nil {
			return rest, err
		}
		declared = true
		// With an open byte order the first is taken: the order without a mark was tried above.
		return c.encodings[0].NewDecoder().Reader(rest), nil
	})
	// A parser that heeds only Content-Type, or nothing, reads the bytes as UTF-8.
	if declared {
		// encoding/xml refuses invalid UTF-8; a lenient parser goes on, so that each broken byte is
		// replaced.
		a, c, _ := DecodedXML(strings.ToValidUTF8(s, "\ufffd"))
		attributes, contents = appendNew(attributes, a), appendNew(contents, c)
	}
	return attributes, contents, err
}

// appendNew appends the texts that list does not have, once each. The list of a document as
// received is mostly the same as that of its declared set.
func appendNew(list, more []string) []string {
	have := make(map[string]bool, len(list))
	for _, s := range list {
		have[s] = true
	}
	for _, s := range more {
		if !have[s] {
			have[s] = true
			list = append(list, s)
		}
	}
	return list
}

// DecodedXML is XML for a text that was converted to UTF-8, whatever it declares. The caller has
// converted the body by its Content-Type, which comes before the declaration (RFC 7303, section
// 3.2).
func DecodedXML(s string) (attributes, contents []string, err error) {
	return parseXML(s, func(_ string, rest io.Reader) (io.Reader, error) { return rest, nil })
}

// parseXML collects the attribute values and the texts of a document. convert returns a
// reader of UTF-8 for a text in the character set that the document declares. It is iterative:
// depth costs memory of the decoder's stack on the heap, bounded by the body.
func parseXML(s string, convert func(label string, rest io.Reader) (io.Reader, error)) (attributes, contents []string, err error) {
	dec := xml.NewDecoder(strings.NewReader(s))
	// Elements may end in the wrong order, attributes lack quotes, unknown entities stay as text.
	dec.Strict = false
	// Elements such as <br> that HTML closes by itself.
	dec.AutoClose = xml.HTMLAutoClose
	dec.Entity = xml.HTMLEntity
	// It is called for any declared set but UTF-8.
	dec.CharsetReader = convert
	for {
		tok, err := dec.Token()
		if err != nil {
			// The package has no error value for this, so that its text is compared.
			var bad *xml.SyntaxError
			// What ends too early was cut by the limit, or by the sender; the pieces before count.
			if err == io.EOF || errors.As(err, &bad) && bad.Msg == "unexpected EOF" {
				err = nil
			}
			return attributes, contents, err
		}
		switch tok := tok.(type) {
		// Names of elements and attributes are the schema's and not looked at; neither are comments
		// and processing instructions.
		case xml.StartElement:
			for _, attr := range tok.Attr {
				// Entities in values are undone by the decoder, once.
				attributes = append(attributes, attr.Value)
			}
		case xml.CharData:
			// CDATA sections are text like any other here.
			if c := strings.TrimSpace(string(tok)); c != "" {
				contents = append(contents, c)
			}
		}
	}
}
