package body

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// XML returns the values of all attributes and all pieces of text that are not
// blank. Entities are those of HTML; external ones are never read. A text that
// ends early is no error.
func XML(s string) (attributes, contents []string, err error) {
	dec := xml.NewDecoder(strings.NewReader(s))
	dec.Strict = false
	dec.AutoClose = xml.HTMLAutoClose
	dec.Entity = xml.HTMLEntity
	for {
		tok, err := dec.Token()
		if err != nil {
			var bad *xml.SyntaxError
			if err == io.EOF || errors.As(err, &bad) && bad.Msg == "unexpected EOF" {
				err = nil
			}
			return attributes, contents, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			for _, attr := range tok.Attr {
				attributes = append(attributes, attr.Value)
			}
		case xml.CharData:
			if c := strings.TrimSpace(string(tok)); c != "" {
				contents = append(contents, c)
			}
		}
	}
}
