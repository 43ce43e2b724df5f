package run

import (
	"errors"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/seclang"
)

// isGraphQL reports whether a media type in lower case is that of a bare GraphQL
// document. application/graphql+json is JSON, application/graphql-response+json that of
// answers.
func isGraphQL(mediaType string) bool {
	rest, ok := strings.CutPrefix(mediaType, "application/graphql")
	return ok && (rest == "" || strings.IndexByte("; \t,", rest[0]) >= 0)
}

// bodyGraphQL takes a bare document apart. One that is none is read as a form, which is
// what becomes of bodies of unknown types. Else the media type alone would keep a form
// from being inspected.
func (tx *Tx) bodyGraphQL(text string) error {
	is, err := tx.graphQL(seclang.ArgsPost, seclang.ArgsPostNames, text)
	if is {
		tx.rawBody(text)
		return err
	}
	tx.bodyQuery(text)
	return nil
}

// graphQL adds the values of a document and reports whether text is one. Literals of a
// document are arguments of their own because escapes in its strings (\u0027) hide what
// rules look for in the text as a whole. What was read before an error is added.
func (tx *Tx) graphQL(values, names seclang.Variable, text string) (bool, error) {
	doc, err := body.GraphQL(&tx.arena, text, tx.p.Settings.Arguments)
	if errors.Is(err, body.ErrNoGraphQL) {
		return false, nil
	}
	if doc.Cut {
		tx.setScalar(seclang.ArgumentsLimitReached, "1")
	}
	more := doc.Values
	for _, p := range doc.Values {
		doc.Names = append(doc.Names, p.Key)
	}
	tx.cols[values] = append(tx.cols[values], more...)
	// Names are bounded by the limit of the parser, as values are.
	known := make(map[string]bool, len(doc.Names))
	for _, n := range doc.Names {
		if !known[n] {
			known[n] = true
			tx.add(names, n, n)
		}
	}
	return true, err
}

// findGraphQL looks among arguments for GraphQL documents: in query, as GET and forms
// have it (GraphQL over HTTP, section 5), in json.query and, of batches, json.0.query.
// Beside one, variables that are JSON in a string are taken apart, too. It returns what
// is wrong with a document that is one.
//
// An argument called query that holds anything else, as that of a search form, is left as
// it is and is no error.
func (tx *Tx) findGraphQL(values, names seclang.Variable) error {
	// What is added has keys that begin with graphql., and is not looked at again.
	var err error
	found := false
	n := len(tx.cols[values])
	for i := range n {
		p := tx.cols[values][i]
		// Two tests of a few bytes, since every argument of every request comes here.
		if !memberOf(p.Key, "query") || !beginsGraphQL(p.Value) {
			continue
		}
		is, bad := tx.graphQL(values, names, p.Value)
		found = found || is
		err = errors.Join(err, bad)
	}
	if !found {
		return nil
	}
	for i := range n {
		p := tx.cols[values][i]
		if !memberOf(p.Key, "variables") || !strings.HasPrefix(strings.TrimLeft(p.Value, " \t\r\n"), "{") {
			continue
		}
		s := &tx.p.Settings
		more, cut, bad := body.JSONAt("graphql.variables", &tx.arena, nil, p.Value, body.JSONLimits{Depth: s.JSONDepth, Values: s.Arguments})
		if cut {
			tx.setScalar(seclang.ArgumentsLimitReached, "1")
		}
		tx.readings(values, names, more)
		err = errors.Join(err, bad)
	}
	return err
}

// memberOf reports whether key is name, json.name or json.N.name, in any case: some
// servers ignore it. name is in lower case ASCII and not empty. The last letter is
// compared first, which tells nearly all keys apart.
func memberOf(key, name string) bool {
	if len(key) < len(name) || key[len(key)-1]|0x20 != name[len(name)-1] || !strings.EqualFold(key[len(key)-len(name):], name) {
		return false
	}
	rest, ok := strings.CutPrefix(key[:len(key)-len(name)], "json.")
	if !ok {
		return len(key) == len(name)
	}
	return strings.Trim(rest, "0123456789") == "." && rest[len(rest)-1] == '.' || rest == ""
}

// beginsGraphQL tells at low cost that a text is no document: it begins neither with a
// brace, a keyword, a description nor with what is ignored. Commas are white space in
// GraphQL, and 0xef begins a byte order mark (October 2021, section 2.1).
func beginsGraphQL(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case '{', '#', '"', ' ', '\t', '\r', '\n', ',', 0xef:
		return true
	}
	for _, word := range [...]string{"query", "mutation", "subscription", "fragment"} {
		if strings.HasPrefix(s, word) {
			return true
		}
	}
	return false
}

// findOperations reads the field operations of a multipart form as the JSON that
// GraphQL's file uploads put there (graphql-multipart-request-spec), if it is JSON.
// Values get the keys that they would have in a JSON body, so that findGraphQL finds the
// document and exceptions hold for both ways of sending it. Only the first such field is
// read.
func (tx *Tx) findOperations() {
	for _, p := range tx.cols[seclang.ArgsPost] {
		if strings.EqualFold(p.Key, "operations") && p.Value != "" && strings.IndexByte("{[ \t\r\n", p.Value[0]) >= 0 {
			s := &tx.p.Settings
			more, cut, _ := body.JSON(&tx.arena, nil, p.Value, body.JSONLimits{Depth: s.JSONDepth, Values: s.Arguments})
			if cut {
				tx.setScalar(seclang.ArgumentsLimitReached, "1")
			}
			tx.readings(seclang.ArgsPost, seclang.ArgsPostNames, more)
			return
		}
	}
}
