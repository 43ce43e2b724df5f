package waf

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestAttacksWithinGraphQLAreFound has attacks that escapes of GraphQL hide.
func TestAttacksWithinGraphQLAreFound(t *testing.T) {
	e, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	// "1' UNION SELECT a,b FROM users-- -" with letters escaped.
	const hidden = `{user(id: "1\u0027 UN\u0049ON S\u0045LECT a,b FR\u004fM users-- -") {name}}`
	inJSON := strings.ReplaceAll(strings.ReplaceAll(hidden, `\`, `\\`), `"`, `\"`)
	for name, c := range map[string]struct{ method, uri, contentType, body, variable string }{
		"bare":       {"POST", "/graphql", "application/graphql; charset=utf-8", hidden, "ARGS_POST:graphql.query.user.id"},
		"json":       {"POST", "/graphql", "application/json", `{"query":"` + inJSON + `","variables":{}}`, "ARGS_POST:graphql.query.user.id"},
		"upper case": {"POST", "/graphql", "application/json", `{"QUERY":"` + inJSON + `"}`, "ARGS_POST:graphql.query.user.id"},
		"+json":      {"POST", "/graphql", "application/graphql+json", `{"query":"` + inJSON + `"}`, "ARGS_POST:graphql.query.user.id"},
		"batch":      {"POST", "/graphql", "application/json", `[{"query":"{a}"},{"query":"` + inJSON + `"}]`, "ARGS_POST:graphql.query.user.id"},
		"get":        {"GET", "/graphql?query=" + url.QueryEscape(hidden), "", "", "ARGS_GET:graphql.query.user.id"},
		"form":       {"POST", "/graphql", "application/x-www-form-urlencoded", "query=" + url.QueryEscape(hidden), "ARGS_POST:graphql.query.user.id"},
		"upload": {
			"POST", "/graphql", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + `{"query":"` + inJSON + `"}` + "\r\n--x--\r\n",
			"ARGS_POST:graphql.query.user.id",
		},
		"variables": {
			"GET", "/graphql?query=" + url.QueryEscape("query($a:ID){user(id:$a){name}}") + "&variables=" + url.QueryEscape(`{"a":"1\u0027 UN\u0049ON S\u0045LECT a,b FR\u004fM users-- -"}`),
			"", "", "ARGS_GET:graphql.variables.a",
		},
	} {
		h := map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}}
		if c.contentType != "" {
			h["Content-Type"] = []string{c.contentType}
		}
		v := inspect(t, e, Request{Method: c.method, URI: c.uri, Header: h, DetectOnly: true}, c.body)
		want := strings.NewReplacer("ARGS_POST:", "ARGS:", "ARGS_GET:", "ARGS:").Replace(c.variable)
		if !slices.ContainsFunc(v.Matches, func(m Match) bool { return m.RuleID == 942100 && m.Variable == want }) {
			t.Errorf("%s: found %v", name, v.Matches)
		}
	}
}

func TestBenignGraphQLAndOrdinaryQueriesPass(t *testing.T) {
	for _, paranoia := range []int{1, 2} {
		e, err := Compile(
			Config{
				Paranoia: paranoia,
				Before:   `SecAction "id:1,phase:1,nolog,pass,setvar:'tx.allowed_request_content_type=|application/graphql| |application/json| |application/x-www-form-urlencoded|'"`,
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		const document = "query Shop($first: Int = 10) {\n  products(first: $first, sort: PRICE, filter: {title: \"garden chair\", tags: [\"new\"]}) {\n    id\n    title\n  }\n}\n"
		for name, c := range map[string]struct{ contentType, body string }{
			"bare": {"application/graphql", document},
			// A bare document that is none is read as before: as a form.
			"none": {"application/graphql", "a=b"},
			"form": {"application/x-www-form-urlencoded", "query=query+the+garden&variables={"},
			"json": {"application/json", `{"query":"garden chairs","variables":{"a":1}}`},
		} {
			h := hostileHeader(c.contentType)
			h["Content-Length"] = []string{"1"}
			if v := inspect(t, e, Request{Method: "POST", URI: "/", Header: h}, c.body); len(v.Matches) > 0 {
				t.Errorf("%s at level %d: %+v", name, paranoia, v.Matches)
			}
		}
	}
}

// TestRulesSeeGraphQLAsArguments names members of GraphQL as an operator would.
func TestRulesSeeGraphQLAsArguments(t *testing.T) {
	// As docs/guide/rules.md says: the values in the document are inspected one by one,
	// so that the document as a text need not be.
	const before = `SecRule REQUEST_FILENAME "@streq /graphql" "id:10,phase:1,pass,nolog,ctl:ruleRemoveTargetByTag=OWASP_CRS;ARGS:json.query"`
	e, err := Compile(Config{Before: before, Directives: `
SecRule ARGS_POST:graphql.query.user.id "!@rx ^[0-9]+$" "id:1,phase:2,deny,status:400"
SecRule ARGS_POST_NAMES "@beginsWith graphql.query.__schema" "id:2,phase:2,deny,status:404"
SecRule &ARGS_POST:/^graphql\./ "@gt 20" "id:3,phase:2,deny,status:413"
SecRule REQBODY_PROCESSOR "@streq GRAPHQL" "id:4,phase:2,pass,msg:'graphql'"
`})
	if err != nil {
		t.Fatal(err)
	}
	const attack = `{user(id: 1, name: "1' UN\u0049ON SELECT a,b FROM users-- -") {name}}`
	many := strings.Repeat("a(x:1) ", 21)
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for body, status := range map[string]int{
		`{user(id: "7") {name}}`: 0, `{user(id: "7x") {name}}`: 400, `{u: user(id: "7x") {name}}`: 400, attack: 403, `{__schema{types{name}}}`: 404, `{s: __schema{types{name}}}`: 404, "{" + many + "}": 413,
		strings.Repeat("{a", 300) + strings.Repeat("}", 300): 400, // nested too deep: a body error
	} {
		v := inspect(
			t,
			e,
			Request{Method: "POST", URI: "/graphql", Header: hostileHeader("application/json")},
			`{"query":"`+escape.Replace(body)+`"}`,
		)
		if v.Status != status {
			t.Errorf("%.40s: status %d by %d, want %d", body, v.Status, v.RuleID, status)
		}
	}
}
