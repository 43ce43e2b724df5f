package run

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/seclang"
)

// codings returns the content codings of the request body, as one list in the order in
// which they were applied. Several fields are one list (RFC 9110, section 5.3). It is ""
// if there are none.
func (tx *Tx) codings() string {
	list := ""
	for i := range tx.cols[seclang.RequestHeaders] {
		p := &tx.cols[seclang.RequestHeaders][i]
		if !strings.EqualFold(p.Key, "Content-Encoding") {
			continue
		}
		if list != "" {
			list = tx.arena.Concat(list, ",", p.Value)
		} else {
			list = p.Value
		}
	}
	return list
}

// charsetList are the character sets other than UTF-8 that a request claims to be in. The
// zero value is none. Claims come from Content-Type and from fields of a form.
type charsetList struct {
	list []*body.Charset
	// err is of a claim that cannot be read, or of claims that differ. It becomes a body
	// error when there is a body.
	err error
}

// maxCharsets is how many differing claims are read; no honest request has two. Each
// costs further readings of the whole body.
const maxCharsets = 2

// errCharsets is for requests of which servers read different texts.
var errCharsets = fmt.Errorf("%w: the request claims more than one charset", body.ErrUnreadable)

// claim notes a charset by its label. That of UTF-8 and those that are part of it need no
// reading of their own.
func (l *charsetList) claim(label string) {
	if strings.EqualFold(label, "utf-8") {
		return
	}
	c, err := body.FindCharset(label)
	switch {
	case err != nil:
		l.err = err
	case c == nil:
	// Two labels of one set are no contradiction (latin1, ISO-8859-1).
	case len(l.list) > 0 && l.list[len(l.list)-1].Same(c):
	case len(l.list) >= maxCharsets:
		l.err = errCharsets
	default:
		// Both are read although the body is an error already, since rules may let it
		// pass.
		if l.list = append(l.list, c); len(l.list) > 1 {
			l.err = errCharsets
		}
	}
}

// contentType notes the charsets that a Content-Type claims; it may claim several, of
// which servers take the first or the last.
func (tx *Tx) contentType(value string) {
	body.Labels(value, func(label string) { tx.charsets.claim(label) })
}

// readQuery adds the readings of the query string: some servers read it in the
// charset of the body.
func (tx *Tx) readQuery() {
	// The readings are those that ARGS_GET does not have yet.
	query := tx.scalar(seclang.QueryString)
	for _, c := range tx.charsets.list {
		more, cut := c.Query(&tx.arena, tx.cols[seclang.ArgsGet], query, tx.p.Settings.Arguments)
		tx.readings(seclang.ArgsGet, seclang.ArgsGetNames, more)
		if cut {
			tx.setScalar(seclang.ArgumentsLimitReached, "1")
		}
	}
}

// readBody adds the readings of the body in the charsets that the request claims to what
// the bytes as received gave, for which err is the parser's answer. It returns what is
// wrong with the body.
//
// It stops attacks that are hidden in a charset: "select" in EBCDIC (ibm037) or UTF-16 has
// other bytes than rules look for, while a server that heeds the charset reads it. As it
// is not known which server heeds it, no reading replaces another one.
func (tx *Tx) readBody(processor, text string, truncated bool, err error) error {
	converted := false
	for _, c := range tx.charsets.list {
		switch processor {
		// The bytes of a form are split at & before or after the conversion, and escapes
		// undone on either side of it; Charset.Query gives each order.
		case "URLENCODED":
			more, cut := c.Query(&tx.arena, tx.cols[seclang.ArgsPost], text, tx.p.Settings.Arguments)
			tx.readings(seclang.ArgsPost, seclang.ArgsPostNames, more)
			if cut {
				tx.setScalar(seclang.ArgumentsLimitReached, "1")
			}
		case "MULTIPART":
			tx.readings(seclang.ArgsPost, seclang.ArgsPostNames, c.Fields(tx.cols[seclang.ArgsPost], tx.cols[seclang.ArgsPost], true))
		}
		for _, t := range c.Texts(text) {
			var bad error
			switch processor {
			// Their parts were added above or there are none; the text as a whole is a
			// further REQUEST_BODY.
			case "URLENCODED", "RAW":
				tx.add(seclang.RequestBody, "", t)
				continue
			case "GRAPHQL":
				tx.add(seclang.RequestBody, "", t)
				_, bad = tx.graphQL(seclang.ArgsPost, seclang.ArgsPostNames, t)
			case "JSON":
				// The byte order mark is part of the encoding and not of the text (RFC
				// 8259, section 8.1, lets parsers ignore it).
				bad = tx.readJSON(strings.TrimPrefix(t, "\ufeff"), truncated)
			case "XML":
				var attributes, contents []string
				attributes, contents, bad = body.DecodedXML(strings.TrimPrefix(t, "\ufeff"))
				tx.readXML("/*", contents)
				tx.readXML("//@*", attributes)
			// A processor that is not known has no text to read; MULTIPART is done.
			default:
				continue
			}
			// One reading must make sense; that is the one that the server has. JSON in
			// UTF-16 is no JSON in bytes: the parser's error stands for nothing then.
			if bad == nil {
				err, converted = nil, true
			} else if !converted {
				err = bad
			}
		}
	}
	return err
}

// readJSON adds the values of a reading of a JSON body that ARGS_POST lacks. The limits
// are those of the first reading, so that each reading costs as much as one.
func (tx *Tx) readJSON(text string, truncated bool) error {
	s := &tx.p.Settings
	more, cut, err := body.JSON(&tx.arena, nil, text, body.JSONLimits{Depth: s.JSONDepth, Values: s.Arguments})
	if cut {
		tx.setScalar(seclang.ArgumentsLimitReached, "1")
	}
	tx.readings(seclang.ArgsPost, seclang.ArgsPostNames, body.Merge(tx.cols[seclang.ArgsPost], more))
	if truncated {
		return nil
	}
	return err
}

// readings adds values, and those of their names that are new. It costs a map of the
// names; only requests with a charset, GraphQL or odd multipart names pay for it.
func (tx *Tx) readings(values, names seclang.Variable, more []body.Pair) {
	if len(more) == 0 {
		return
	}
	tx.cols[values] = append(tx.cols[values], more...)
	known := make(map[string]bool, len(tx.cols[names]))
	for _, p := range tx.cols[names] {
		known[p.Key] = true
	}
	for _, p := range more {
		if !known[p.Key] {
			known[p.Key] = true
			tx.add(names, p.Key, p.Key)
		}
	}
}

// readXML adds parts of a reading of an XML body, those that are new, under the key of
// the XPath expression by which rules choose them.
func (tx *Tx) readXML(key string, texts []string) {
	more := make([]body.Pair, len(texts))
	for i, s := range texts {
		more[i] = body.Pair{Key: key, Value: s}
	}
	tx.cols[seclang.XML] = append(tx.cols[seclang.XML], body.Merge(tx.cols[seclang.XML], more)...)
}

// addXML adds the parts of an XML body. Rules choose them by the two XPath expressions
// that the Core Rule Set has, which are keys here.
func (tx *Tx) addXML(attributes, contents []string) {
	for _, s := range contents {
		tx.add(seclang.XML, "/*", s)
	}
	for _, s := range attributes {
		tx.add(seclang.XML, "//@*", s)
	}
}

// fullRequest fills FULL_REQUEST and its length, if rules ask for them: the request
// line, the header in order of name, an empty line and the body without its content
// codings, as far as it was read.
func (tx *Tx) fullRequest(text string) {
	p := tx.p
	if !p.Needed[seclang.FullRequest] && !p.Needed[seclang.FullRequestLength] {
		return
	}
	// A copy is sorted: the gate goes by the places of the values in the collection.
	header := slices.Clone(tx.cols[seclang.RequestHeaders])
	slices.SortStableFunc(header, func(a, b body.Pair) int { return strings.Compare(a.Key, b.Key) })
	parts := []string{tx.scalar(seclang.RequestMethod), " ", tx.scalar(seclang.RequestURIRaw), " ", tx.scalar(seclang.RequestProtocol), "\n"}
	for _, h := range header {
		parts = append(parts, h.Key, ": ", h.Value, "\n")
	}
	parts = append(parts, "\n", text)
	n := 0
	for _, s := range parts {
		n += len(s)
	}
	tx.setScalar(seclang.FullRequestLength, strconv.Itoa(n))
	if p.Needed[seclang.FullRequest] {
		tx.setScalar(seclang.FullRequest, tx.arena.Concat(parts...))
	}
}
