package prose

import (
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// link is the condition of a rule that is written down.
func link(t *testing.T, text string) Link {
	t.Helper()
	list, err := seclang.Parse("test.conf", text)
	if err != nil {
		t.Fatal(err)
	}
	l := Link{Targets: list[0].Rule.Targets, Operator: list[0].Rule.Operator}
	for _, a := range list[0].Rule.Actions {
		switch a.Name {
		case "t":
			l.Transformations = append(l.Transformations, a.Arg)
		case "multimatch":
			l.EachStep = true
		}
	}
	return l
}

func TestRulesReadAsSentences(t *testing.T) {
	for rule, want := range map[string]string{
		`SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/* "@detectSQLi" "id:1,t:urlDecodeUni,t:removeNulls"`:       "any parameter, parameter name, cookie or text in XML, after URL decoding and removing NUL bytes, is SQL injection in the eyes of libinjection, which reads it as SQL would",
		`SecRule ARGS|!ARGS:password|!ARGS:/^raw_/ "@rx (?i)union" "id:1,multiMatch,t:lowercase,t:urlDecodeUni"`: "any parameter (but not the parameter “password” or any parameter whose name matches “^raw_”), as it is or at any step of putting it in lower case and URL decoding, matches the pattern “union”, in any case",
		`SecRule &REQUEST_HEADERS:Host "@eq 0" "id:1"`:                                                           "there is no request header “Host”",
		`SecRule &REQUEST_HEADERS:Host "!@eq 0" "id:1"`:                                                          "there is a request header “Host”",
		`SecRule &REQUEST_HEADERS:Content-Type "@gt 1" "id:1"`:                                                   "the number of request headers named “Content-Type” is more than 1",
		`SecRule &ARGS:a "@eq 1" "id:1"`:                                                                         "the number of parameters named “a” is 1",
		`SecRule &TX:mine "@eq 0" "id:1"`:                                                                        "the value tx.mine is not set",
		`SecRule REQBODY_ERROR "!@eq 0" "id:1"`:                                                                  "the request body cannot be parsed",
		`SecRule RESPONSE_STATUS "!@within 200 404" "id:1"`:                                                      "the status of the response is not in the list “200 404”",
		`SecRule ARGS "@gt 300" "id:1,t:length"`:                                                                 "any parameter, after counting its bytes, is more than 300",
		`SecRule REMOTE_ADDR "!@ipMatch 10.0.0.0/8,192.0.2.1" "id:1"`:                                            "the client's address is not one of the addresses “10.0.0.0/8,192.0.2.1”",
		`SecRule REQUEST_HEADERS:User-Agent "@pm nikto sqlmap" "id:1"`:                                           "the request header “User-Agent” contains one of “nikto” or “sqlmap”",
		`SecRule REQUEST_HEADERS:User-Agent "!@pm nikto sqlmap" "id:1"`:                                          "the request header “User-Agent” contains none of “nikto” or “sqlmap”",
		`SecRule ARGS "@validateByteRange 1-255" "id:1"`:                                                         "any parameter has a byte outside 1 to 255, which is a NUL byte",
		`SecRule TX:1 "!@streq x" "id:1"`:                                                                        "part 1 of what the pattern found is not “x”",
		`SecRule REQUEST_METHOD "!@lt 5" "id:1"`:                                                                 "the method is at least 5",
	} {
		if got := link(t, rule).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
}

func TestListsFromFilesAreCountedWithExamples(t *testing.T) {
	l := link(t, `SecRule ARGS "@pmFromFile unix-shell.data" "id:1"`)
	l.Phrases = []string{"bin/bash", "bin/cat", "bin/ls", "bin/sh", "etc/passwd"}
	want := "any parameter contains one of 5 phrases from unix-shell.data, such as “bin/bash”, “bin/ls” or “etc/passwd”"
	if got := l.String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestChainsReadOnAfterAnother(t *testing.T) {
	got := Rule([]Link{link(t, `SecRule REQUEST_METHOD "@streq POST" "id:1,chain"`), link(t, `SecRule &ARGS "@eq 0"`)})
	if want := "Matches if the method is “POST”, and then if there is no parameter."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Rule([]Link{{}}); got != "Applies to every request; it looks at nothing." {
		t.Error(got)
	}
}

func TestLongPatternsAreToldByTheirWords(t *testing.T) {
	p := `(?i)\b(?:union[\s\x0b]+(?:all|distinct)?|in(?:sert[\s\x0b]+into|formation_schema)|(?:s(?:elect|leep)|waitfor)[^a-z]{1,40}|p(?:g_sleep|rocedure)\()`
	got := pattern(p)
	for _, want := range []string{"characters, in any case, with texts such as", "“union", "“waitfor”", "pg_sleep("} {
		if !strings.Contains(got+strings.Join(quoted(vocabulary(p)), " "), want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	for _, w := range vocabulary(p) {
		if w == "elect" || w == "sert" || w == "leep" || w == "formation_schema" {
			t.Errorf("%q is the rest of a word", w)
		}
	}
}

func quoted(list []string) []string {
	for i, s := range list {
		list[i] = "“" + s + "”"
	}
	return list
}

func TestEveryTransformationHasWords(t *testing.T) {
	known := map[string]bool{}
	for _, tr := range transform.All() {
		known[strings.ToLower(tr.Name)] = true
		if _, ok := steps[strings.ToLower(tr.Name)]; !ok {
			t.Errorf("steps has no words for %s", tr.Name)
		}
	}
	for name := range steps {
		if !known[name] {
			t.Errorf("steps has words for %s, which is no transformation", name)
		}
	}
}
