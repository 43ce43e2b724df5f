package message

import (
	"testing"
	"testing/fstest"
)

const example = `
rule_id: 942100
tests:
  - test_id: 1
    desc: finds it
    stages:
      - input:
          method: POST
          uri: /post
          headers: {Host: localhost, User-Agent: test}
          data: "a=b c&d"
        output:
          log: {expect_ids: [942100], no_expect_ids: [1]}
`

func TestLoadBuildsWhatTheReferenceClientSends(t *testing.T) {
	list, err := Load(fstest.MapFS{"x/942100.yaml": {Data: []byte(example)}})
	if err != nil || len(list) != 1 || list[0].Name() != "942100-1" {
		t.Fatalf("%+v, %v", list, err)
	}
	x, err := list[0].Stages[0].Input.Exchange()
	if err != nil {
		t.Fatal(err)
	}
	if x.Method != "POST" || x.Host != "localhost" || string(x.Body) != "a=b+c&d" || x.Header["Content-Type"][0] != "application/x-www-form-urlencoded" ||
		x.Header["Content-Length"][0] != "7" ||
		x.Refused {
		t.Fatalf("%+v", x)
	}
	for ids, want := range map[int]int{942100: 0, 1: 2, 7: 1} {
		if wrong := list[0].Run(func(Exchange) Result { return Result{IDs: []int{ids}} }); len(wrong) != want {
			t.Errorf("rule %d: %q", ids, wrong)
		}
	}
}

func TestParseRefusesWhatServersRefuse(t *testing.T) {
	for raw, refused := range map[string]bool{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                         false,
		"GET / HTTP/1.0\r\n\r\n":                                    false,
		"GET / HTTP/1.1\r\n\r\n":                                    true,
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":              true,
		"G T / HTTP/1.1\r\nHost: a\r\n\r\n":                         true,
		"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n":                       true,
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n":              true,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx": true,
		"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n":                     true,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":                     false,
	} {
		x, err := Parse([]byte(raw))
		if err != nil || x.Refused != refused {
			t.Errorf("%q: refused %v, %v", raw, x.Refused, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if x, err := Parse(raw); err == nil && len(x.Body) > len(raw) {
			t.Fatal("the body grew")
		}
	})
}
