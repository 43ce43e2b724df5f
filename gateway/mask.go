package gateway

import (
	"mime"
	"regexp"
	"strings"

	"github.com/ringwall/ringwall/waf"
)

// masked stands for a secret wherever events show what a client sent.
const masked = "[secret]"

// secretHeaders carry credentials.
var secretHeaders = map[string]bool{
	"Authorization": true, "Proxy-Authorization": true, "X-Api-Key": true, "X-Auth-Token": true, "X-Csrf-Token": true,
	"X-Amz-Security-Token": true, "X-Vault-Token": true, "Api-Key": true,
}

// secretName matches the names of parameters and fields that carry credentials or
// card data.
var secretName = regexp.MustCompile(`(?i)(^|[._\-\[])(` +
	`pass(word|wd|phrase|code)?|pwd|pw|secret|api_?key|access_?key|token|(id|access|refresh|csrf|auth)_?token|client_?secret|` +
	`authorization|credit_?card|card_?number|cc_?num(ber)?|cvv2?|cvc|pin|ssn|otp` +
	`)([\]._\-]|$|[0-9]+$)`)

// secretJSON finds the string and number values of such names in JSON, also when
// the excerpt ends within the value.
var secretJSON = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"?|[0-9][0-9.]*)`)

// secretGraphQL finds the string values of such names in GraphQL documents, and
// secretGraphQLInJSON in those that stand in a string of JSON.
var (
	secretGraphQL       = regexp.MustCompile(`([_A-Za-z][_0-9A-Za-z]*)\s*:\s*("""(?s:.*?)(?:"""|$)|"(?:[^"\\]|\\.)*"?)`)
	secretGraphQLInJSON = regexp.MustCompile(`([_A-Za-z][_0-9A-Za-z]*)(?:\s|\\[nrt])*:(?:\s|\\[nrt])*` +
		`(\\"\\"\\"(?s:.*?)(?:\\"\\"\\"|$)|\\"(?:[^"\\]|\\\\(?:\\"|\\\\|[^"\\])|\\[^"\\])*(?:\\")?)`)
)

// evidence knows where rules matched: what an attack consists of is shown even
// where a secret would be masked, or the event would not show the attack.
type evidence struct{ variables map[string]bool }

func newEvidence(matches []waf.Match) evidence {
	e := evidence{variables: map[string]bool{}}
	for _, m := range matches {
		collection, key, _ := strings.Cut(m.Variable, ":")
		switch collection {
		case "ARGS_GET", "ARGS_POST":
			collection = "ARGS"
		}
		e.variables[collection+":"+key] = true
	}
	return e
}

// secret reports whether a variable is one of which only the matched bytes may be
// kept.
func (e evidence) secret(variable string) bool {
	collection, key, _ := strings.Cut(variable, ":")
	return collection == "REQUEST_HEADERS" && secretHeaders[key]
}

func (e evidence) maskHeader(name, value string) string {
	switch {
	case name == "Cookie":
		return e.maskCookies(value)
	case secretHeaders[name]:
		scheme, _, ok := strings.Cut(value, " ")
		if ok && len(scheme) <= 16 && (name == "Authorization" || name == "Proxy-Authorization") {
			return scheme + " " + masked
		}
		return masked
	case name == "Referer":
		if before, query, ok := strings.Cut(value, "?"); ok {
			return before + "?" + e.maskQuery(query)
		}
	}
	return value
}

// maskCookies keeps the names, because they tell what a client had, not the
// values, which log one in.
func (e evidence) maskCookies(value string) string {
	cookies := strings.Split(value, ";")
	for i, c := range cookies {
		name, _, ok := strings.Cut(c, "=")
		if ok && !e.variables["REQUEST_COOKIES:"+strings.TrimSpace(name)] {
			cookies[i] = name + "=" + masked
		}
	}
	return strings.Join(cookies, ";")
}

// maskQuery works on the raw text, so that everything else stays as it was sent.
func (e evidence) maskQuery(query string) string {
	if !strings.Contains(query, "=") {
		return query
	}
	args := strings.Split(query, "&")
	for i, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if ok && value != "" && secretName.MatchString(name) && !e.variables["ARGS:"+name] {
			args[i] = name + "=" + masked
		}
	}
	return strings.Join(args, "&")
}

// maskBody masks what it understands: forms, JSON and GraphQL.
func (e evidence) maskBody(contentType string, body []byte) []byte {
	media, _, _ := mime.ParseMediaType(contentType)
	switch {
	case media == "application/x-www-form-urlencoded":
		return []byte(e.maskQuery(string(body)))
	case strings.HasSuffix(media, "json"):
		body = e.maskPairs(secretJSON, body, "ARGS:json.", `"`+masked+`"`)
		return e.maskPairs(secretGraphQLInJSON, body, "ARGS:graphql.", `\"`+masked+`\"`)
	case media == "application/graphql":
		return e.maskPairs(secretGraphQL, body, "ARGS:graphql.", `"`+masked+`"`)
	}
	return append([]byte(nil), body...) // the buffer is used again
}

// maskPairs replaces the values that re finds, its second group, behind names that
// are those of secrets, its first, unless a rule matched there.
func (e evidence) maskPairs(re *regexp.Regexp, body []byte, root, with string) []byte {
	return re.ReplaceAllFunc(body, func(pair []byte) []byte {
		m := re.FindSubmatch(pair)
		if !secretName.Match(m[1]) || e.matched(root, string(m[1])) {
			return pair
		}
		return append(pair[:len(pair)-len(m[2]):len(pair)-len(m[2])], with...)
	})
}

// matched reports whether a rule matched in a field of that name, which the engine
// calls by its path: "json.user.password".
func (e evidence) matched(root, name string) bool {
	for v := range e.variables {
		if strings.HasPrefix(v, root) && strings.HasSuffix(v, "."+name) {
			return true
		}
	}
	return false
}
