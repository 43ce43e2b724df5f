package waf

import (
	"slices"
	"strings"
	"testing"
)

func TestRulesSeeWholeRequestsAndFiles(t *testing.T) {
	e, err := Compile(Config{Directives: `
SecRule FULL_REQUEST "@rx ^POST /x\?y=1 HTTP/1\.1\nAccept: \*/\*\nContent-Type: [^\n]*\nUser-Agent: Mozilla/5\.0\n\n(?s:.*)needle" "id:1,phase:2,pass,msg:'whole'"
SecRule FULL_REQUEST_LENGTH "@gt 300" "id:2,phase:2,pass,msg:'long'"
SecRule FILES_TMP_CONTENT "@contains needle" "id:3,phase:2,pass,msg:'%{MATCHED_VAR_NAME}'"
SecRule FILES_TMP_CONTENT:other "@contains needle" "id:4,phase:2,pass,msg:'never'"
SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:5,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
SecRule REQUEST_BODY "@beginsWith {" "id:6,phase:2,pass,msg:'json %{REQUEST_BODY_LENGTH}'"
SecRule &ARGS_POST:json.a "@eq 1" "id:7,phase:2,pass,msg:'member'"
SecRule REQUEST_HEADERS:Content-Type "@contains multipart" "id:8,phase:2,pass,chain,msg:'multipart has no REQUEST_BODY'"
  SecRule REQUEST_BODY_LENGTH "@eq 0"
`})
	if err != nil {
		t.Fatal(err)
	}
	upload := "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\na needle in hay\r\n--x--\r\n"
	for name, c := range map[string]struct {
		contentType, body string
		want              []string
	}{
		"form":   {"application/x-www-form-urlencoded", "a=needle", []string{"whole"}},
		"long":   {"application/x-www-form-urlencoded", "a=" + strings.Repeat("hay", 100), []string{"long"}},
		"upload": {"multipart/form-data; boundary=x", upload, []string{"whole", "FILES_TMP_CONTENT:f", "multipart has no REQUEST_BODY"}},
		"json":   {"application/json", `{"a":1}`, []string{"json 7", "member"}},
		"none":   {"application/json", "", nil},
	} {
		h := hostileHeader(c.contentType)
		delete(h, "Host")
		tx := e.Begin(Request{Method: "POST", URI: "/x?y=1", Protocol: "HTTP/1.1", Header: h, DetectOnly: true})
		tx.RequestHeaders()
		tx.RequestBody([]byte(c.body))
		tx.EndRequest()
		var got []string
		for _, m := range tx.AllMatches() {
			if m.RuleID < 10 {
				got = append(got, m.Message)
			}
		}
		tx.Close()
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
