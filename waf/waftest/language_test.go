package waftest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
)

// ownRules are what operators write: every kind of operator, action and directive
// that Coraza has as well. They come after the rule set. The SecActions have messages,
// since the compiler drops those that do nothing.
const ownRules = `
SecDefaultAction "phase:3,log,pass"
SecRule REQUEST_URI "@contains /admin" "id:1,phase:1,pass,msg:'a %{REQUEST_METHOD} %{tx.none}',setvar:tx.a=5,setvar:'tx.b_%{REQUEST_METHOD}=x'"
SecRule TX:a "@eq 5" "id:2,phase:1,pass,nolog,setvar:tx.a=+3,setvar:tx.a=-1"
SecRule TX:a "@ge 7" "id:3,phase:1,pass,nolog,setvar:!tx.a=0"
SecRule &TX:a "@eq 0" "id:4,phase:1,pass,nolog"
SecRule TX:/^b_/ "@streq x" "id:5,phase:1,pass,nolog"
SecRule ARGS:/^p[0-9]+$/ "@rx ^\d+$" "id:6,phase:2,pass,nolog,capture,setvar:tx.seen=%{tx.0}"
SecRule ARGS|!ARGS:skip "@beginsWith foo" "id:7,phase:2,pass,nolog,t:none,t:lowercase,t:trim"
SecRule ARGS_NAMES "@endsWith _id" "id:8,phase:2,pass,nolog"
SecRule ARGS "@within red green blue" "id:9,phase:2,pass,nolog"
SecRule ARGS "@pm hello WORLD" "id:10,phase:2,pass,nolog,capture,chain"
  SecRule TX:0 "@streq world" "t:lowercase,setvar:tx.pm=1"
SecRule TX:pm "@eq 1" "id:11,phase:2,pass,nolog"
SecRule REQUEST_METHOD "!@rx ^(?:GET|POST)$" "id:12,phase:1,pass,nolog"
SecRule REQUEST_HEADERS:X-Skip "@streq 1" "id:13,phase:2,pass,nolog,skip:1"
SecAction "id:14,phase:2,pass,nolog,msg:'kept'"
SecAction "id:15,phase:2,pass,nolog,msg:'kept'"
SecRule REQUEST_HEADERS:X-Skip "@streq 2" "id:16,phase:2,pass,nolog,skipAfter:OWN_END"
SecAction "id:17,phase:2,pass,nolog,msg:'kept'"
SecMarker OWN_END
SecRule REQUEST_HEADERS:X-Allow "@streq phase" "id:18,phase:1,allow:phase,nolog"
SecAction "id:19,phase:1,pass,nolog,msg:'kept'"
SecRule REQUEST_HEADERS:X-Remove "@streq 1" "id:20,phase:1,pass,nolog,ctl:ruleRemoveById=21,ctl:ruleRemoveByTag=own-tag,ctl:ruleRemoveTargetById=23;ARGS:x"
SecAction "id:21,phase:2,pass,nolog,msg:'kept'"
SecAction "id:22,phase:2,pass,nolog,msg:'kept',tag:own-tag"
SecRule ARGS:x "@unconditionalMatch" "id:23,phase:2,pass,nolog"
SecRule ARGS "@rx ab" "id:24,phase:2,pass,nolog,multiMatch,t:none,t:urlDecode,t:removeWhitespace"
SecRule &ARGS "@gt 2" "id:25,phase:2,pass,nolog"
SecRule ARGS_COMBINED_SIZE "@lt 10" "id:26,phase:2,pass,nolog"
SecRule REQUEST_FILENAME|REQUEST_BASENAME|QUERY_STRING "@contains .php" "id:27,phase:1,pass,nolog"
SecRule REMOTE_ADDR "@ipMatch 203.0.113.0/24,2001:db8::/32" "id:28,phase:1,pass,nolog"
SecRule REQUEST_COOKIES:sid "@validateByteRange 48-57" "id:29,phase:1,pass,nolog"
SecRule ARGS "@validateUrlEncoding" "id:30,phase:2,pass,nolog"
SecRule ARGS "@validateUtf8Encoding" "id:31,phase:2,pass,nolog"
SecRule MATCHED_VAR_NAME "@rx ." "id:32,phase:2,pass,nolog"
SecRule ARGS:m1 "@streq 1" "id:33,phase:2,pass,nolog,chain"
  SecRule ARGS:m2 "@streq %{ARGS.m1}" "chain"
  SecRule MATCHED_VARS "@streq 1"
SecRule ARGS:cap "@rx (a)(b)?" "id:34,phase:2,pass,nolog,capture,chain"
  SecRule TX:2 "@streq b"
SecRule RESPONSE_STATUS "@streq 404" "id:35,phase:3,pass,nolog"
SecRule RESPONSE_HEADERS:X-Powered-By "@contains php" "id:36,phase:3,pass,nolog,t:lowercase"
SecRule RESPONSE_BODY "@rx secret-\d+" "id:37,phase:4,pass,nolog"
SecRule ARGS:deny "@streq 1" "id:38,phase:2,deny,status:418,nolog"
SecAction "id:39,phase:2,pass,nolog,msg:'kept'"
SecRule REQUEST_LINE "@rx ^GET /line HTTP/1\.1$" "id:40,phase:1,pass,nolog"
SecRule HIGHEST_SEVERITY "@le 2" "id:41,phase:4,pass,nolog"
SecRule ARGS "@strmatch needle" "id:42,phase:2,pass,nolog,severity:2"
SecRule ARGS:gone "@unconditionalMatch" "id:43,phase:2,pass,nolog"
SecRuleRemoveById 43
SecRule ARGS:t1|ARGS:t2 "@streq 1" "id:44,phase:2,pass,nolog"
SecRuleUpdateTargetById 44 "!ARGS:t2"
SecRule ARGS:act "@streq 1" "id:45,phase:2,pass,nolog"
SecRuleUpdateActionById 45 "setvar:tx.updated=1"
SecRule TX:updated "@eq 1" "id:46,phase:2,pass,nolog"
SecRule REQUEST_BODY "@contains raw" "id:47,phase:2,pass,nolog"
SecRule XML:/* "@contains inside" "id:48,phase:2,pass,nolog"
SecRule XML://@* "@contains attribute" "id:49,phase:2,pass,nolog"
SecRule FILES "@rx \.odd$" "id:50,phase:2,pass,nolog"
SecRule ARGS:json.list.1 "@streq two" "id:51,phase:2,pass,nolog"
SecRule ARGS "@detectSQLi" "id:52,phase:2,pass,nolog,capture,chain"
  SecRule TX:0 "@rx ."
SecRule ARGS:sev "@eq 08" "id:53,phase:2,pass,nolog"
SecRule REQUEST_HEADERS_NAMES "@streq X-Odd" "id:54,phase:1,pass,nolog"
SecRule ARGS "@rx ^x$" "id:55,phase:2,pass,nolog"
SecRule ARGS "@rx [\xbc\xbe]z" "id:56,phase:2,pass,nolog"
SecRule REQUEST_HEADERS:X-Off "@streq 1" "id:57,phase:1,pass,nolog,ctl:ruleEngine=Off"
SecAction "id:58,phase:2,pass,nolog,msg:'kept'"
`

func TestOwnRulesDoWhatTheyDoInCoraza(t *testing.T) {
	e, err := waf.Compile(waf.Config{Directives: ownRules})
	if err != nil {
		t.Fatal(err)
	}
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(`
Include @coraza.conf-recommended
SecRuleEngine On
SecAuditEngine Off
SecRequestBodyLimit 1048576
SecRequestBodyInMemoryLimit 1048576
SecRequestBodyLimitAction ProcessPartial
SecResponseBodyMimeType text/plain text/html text/xml application/json
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
` + ownRules))
	if err != nil {
		t.Fatal(err)
	}
	form := map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
	with := func(h map[string][]string, name, value string) map[string][]string {
		out := map[string][]string{name: {value}}
		maps.Copy(out, h)
		return out
	}
	seen := map[int]bool{}
	for i, x := range []replay.Exchange{
		{Method: "GET", URI: "/admin?p1=12&p2=x"},
		{Method: "GET", URI: "/?a=%20FOOd&skip=food&user_id=1&c=red"},
		{Method: "GET", URI: "/?skip=foo&a=hello+World"},
		{Method: "GET", URI: "/?a=WORLD&b=world"},
		{Method: "PUT", URI: "/x.php"},
		{Method: "GET", URI: "/", Header: with(nil, "X-Skip", "1")},
		{Method: "GET", URI: "/", Header: with(nil, "X-Skip", "2")},
		{Method: "GET", URI: "/", Header: with(nil, "X-Allow", "phase")},
		{Method: "GET", URI: "/?x=1"},
		{Method: "GET", URI: "/?x=1", Header: with(nil, "X-Remove", "1")},
		{Method: "GET", URI: "/?a=a%2520b&b=a+b&c=ab"},
		{Method: "GET", URI: "/line", Header: with(nil, "Cookie", "sid=12a; other=1")},
		{Method: "GET", URI: "/?a=%25zz&b=%ff"},
		{Method: "GET", URI: "/?m1=1&m2=1"},
		{Method: "GET", URI: "/?m1=1&m2=2"},
		{Method: "GET", URI: "/?cap=ab"},
		{Method: "GET", URI: "/?cap=ac"},
		{Method: "GET", URI: "/?deny=1"},
		{Method: "GET", URI: "/?a=needle&gone=1"},
		{Method: "GET", URI: "/?t1=1"},
		{Method: "GET", URI: "/?t2=1"},
		{Method: "GET", URI: "/?act=1"},
		{Method: "POST", URI: "/", Header: form, Body: []byte("a=raw&p7=7")},
		{Method: "POST", URI: "/", Header: with(nil, "Content-Type", "text/xml"), Body: []byte(`<a b="attribute">inside</a>`)},
		{Method: "POST", URI: "/", Header: with(nil, "Content-Type", "application/json"), Body: []byte(`{"list":["one","two"]}`)},
		{Method: "POST", URI: "/", Header: with(nil, "Content-Type", "multipart/form-data; boundary=b"), Body: []byte("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.odd\"\r\n\r\n1\r\n--b--\r\n")},
		{Method: "GET", URI: "/?sev=8"},
		{Method: "GET", URI: "/", Header: with(nil, "X-Odd", "1")},
		{Method: "GET", URI: "/?a=y%0ax%0az"},
		{Method: "GET", URI: "/?a=%bcz"},
		{Method: "GET", URI: "/?a=%c2%bcz"},
		{Method: "GET", URI: "/", Header: with(nil, "X-Off", "1")},
		{Method: "GET", URI: "/", Response: replay.Response{Status: 404, Header: map[string][]string{"X-Powered-By": {"PHP/8"}, "Content-Type": {"text/html"}}, Body: []byte("a secret-42")}},
	} {
		x.Protocol, x.Host = "HTTP/1.1", "shop.example.com"
		x.Header = with(with(x.Header, "User-Agent", "Mozilla/5.0"), "Accept", "*/*")
		if x.Response.Status == 0 {
			x.Response.Status = 200
		}
		tx := begin(e, x, false)
		replay.Send(tx, x)
		v := tx.Verdict()
		got := own(tx.RuleIDs())
		tx.Close()
		want, status := corazaIDs(w, x)
		for _, id := range want {
			seen[id] = true
		}
		if !slices.Equal(got, own(want)) || v.Err != nil {
			t.Errorf("%d %s %s: rules %v, coraza's %v (%v)", i, x.Method, x.URI, got, own(want), v.Err)
		}
		if v.Status != status {
			t.Errorf("%d %s %s: status %d, coraza's %d", i, x.Method, x.URI, v.Status, status)
		}
	}
	for id := 1; id <= 58; id++ {
		if !seen[id] && id != 43 && id != 52 && id != 53 {
			t.Errorf("no request matches rule %d", id)
		}
	}
}

// own keeps the ids of rules that are not the rule set's, sorted, once each.
func own(ids []int) []int {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return id >= 1000 })
	slices.Sort(ids)
	return slices.Compact(ids)
}

func corazaIDs(w coraza.WAF, x replay.Exchange) (ids []int, status int) {
	tx := w.NewTransactionWithID("test")
	defer tx.Close()
	tx.ProcessConnection("203.0.113.9", 40000, "192.0.2.1", 80)
	tx.ProcessURI(x.URI, x.Method, x.Protocol)
	tx.AddRequestHeader("Host", x.Host)
	for name, values := range x.Header {
		tx.AddRequestHeader(name, strings.Join(values, ","))
	}
	collect := func() ([]int, int) {
		for _, m := range tx.MatchedRules() {
			ids = append(ids, m.Rule().ID())
		}
		if it := tx.Interruption(); it != nil {
			status = it.Status
		}
		return ids, status
	}
	if tx.ProcessRequestHeaders() != nil {
		return collect()
	}
	_, _, _ = tx.WriteRequestBody(x.Body)
	if it, _ := tx.ProcessRequestBody(); it != nil {
		return collect()
	}
	for name, values := range x.Response.Header {
		tx.AddResponseHeader(name, values[0])
	}
	if tx.ProcessResponseHeaders(x.Response.Status, "HTTP/1.1") != nil {
		return collect()
	}
	if tx.IsResponseBodyAccessible() && tx.IsResponseBodyProcessable() {
		_, _, _ = tx.WriteResponseBody(x.Response.Body)
	}
	_, _ = tx.ProcessResponseBody()
	return collect()
}
