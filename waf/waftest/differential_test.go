package waftest

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
)

// oracle is Coraza with the same rules and settings.
type oracle struct{ w coraza.WAF }

func newOracle(t testing.TB, paranoia int) oracle {
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(fmt.Sprintf(`
Include @coraza.conf-recommended
SecRuleEngine DetectionOnly
SecAuditEngine Off
SecRequestBodyLimit 1048576
SecRequestBodyInMemoryLimit 1048576
SecRequestBodyLimitAction ProcessPartial
SecResponseBodyMimeType text/plain text/html text/xml application/json
Include @crs-setup.conf.example
SecAction "id:900000,phase:1,pass,nolog,t:none,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"
%s
Include @owasp_crs/*.conf
`, paranoia, paranoia, crsSetup)))
	if err != nil {
		t.Fatal(err)
	}
	return oracle{w}
}

// said is what is compared: the ids that matched, once each, and the scores.
type said struct {
	ids               []int
	inbound, outbound int
}

func (o oracle) inspect(x replay.Exchange) said {
	tx := o.w.NewTransactionWithID("test")
	defer tx.Close()
	tx.ProcessConnection("203.0.113.9", 40000, "192.0.2.1", 80)
	tx.ProcessURI(x.URI, x.Method, x.Protocol)
	if x.Host != "" {
		tx.AddRequestHeader("Host", x.Host)
		host := x.Host
		if h, _, err := net.SplitHostPort(x.Host); err == nil {
			host = h
		}
		tx.SetServerName(host)
	}
	for name, values := range x.Header {
		for _, v := range values {
			tx.AddRequestHeader(name, v)
		}
	}
	tx.ProcessRequestHeaders()
	_, _, _ = tx.WriteRequestBody(x.Body)
	_, _ = tx.ProcessRequestBody()
	for name, values := range x.Response.Header {
		for _, v := range values {
			tx.AddResponseHeader(name, v)
		}
	}
	tx.ProcessResponseHeaders(x.Response.Status, "HTTP/1.1")
	if tx.IsResponseBodyAccessible() && tx.IsResponseBodyProcessable() {
		_, _, _ = tx.WriteResponseBody(x.Response.Body)
	}
	_, _ = tx.ProcessResponseBody()
	var s said
	for _, m := range tx.MatchedRules() {
		if relevant(m) {
			s.ids = append(s.ids, m.Rule().ID())
		}
	}
	if state, ok := tx.(plugintypes.TransactionState); ok {
		get := func(name string) (n int) {
			if v := state.Variables().TX().Get(name); len(v) > 0 {
				fmt.Sscan(v[0], &n)
			}
			return n
		}
		s.inbound, s.outbound = get("blocking_inbound_anomaly_score"), get("blocking_outbound_anomaly_score")
	}
	slices.Sort(s.ids)
	s.ids = slices.Compact(s.ids)
	return s
}

// relevant rules have a message: the others keep the books, and we decide some of
// these when we compile.
func relevant(m types.MatchedRule) bool { return m.Message() != "" }

// begin starts a transaction for the head of x.
func begin(e *waf.Engine, x replay.Exchange, detectOnly bool) *waf.Transaction {
	head := replay.TestHead(x)
	head.DetectOnly = detectOnly
	return e.Begin(head)
}

func ours(e *waf.Engine, x replay.Exchange) said {
	tx := begin(e, x, true)
	defer tx.Close()
	replay.Send(tx, x)
	v := tx.Verdict()
	s := said{inbound: v.Score, outbound: v.OutboundScore}
	for _, m := range tx.AllMatches() {
		s.ids = append(s.ids, m.RuleID)
	}
	slices.Sort(s.ids)
	s.ids = slices.Compact(s.ids)
	return s
}

// explained lists rules on which the engines differ, with the reason. A difference
// in score is explained by a difference in rules.
var explained = map[int]string{
	200003: "we take for a flaw of a multipart body all that ModSecurity does, such as data around its parts",
}

// seesMore are kinds of requests of which we give rules more values than Coraza does:
// there we may match more, and never less.
var seesMore = []struct {
	why string
	is  func(x replay.Exchange) bool
}{
	{
		"we also read the query and the body in the charset that they claim, and refuse what cannot be read; Coraza knows UTF-8 only and takes XML that declares another charset for malformed",
		claimsCharset,
	},
	{"we also take GraphQL documents apart; to Coraza they are text", func(x replay.Exchange) bool {
		return strings.Contains(strings.ToLower(x.URI+string(x.Body)), "query") ||
			strings.Contains(strings.Join(x.Header["Content-Type"], ","), "graphql")
	}},
}

// claimsCharset reports whether any part of a request names a charset.
func claimsCharset(x replay.Exchange) bool {
	for _, v := range x.Header["Content-Type"] {
		if strings.Contains(strings.ToLower(v), "charset") {
			return true
		}
	}
	b := strings.ToLower(string(x.Body))
	for _, utf16 := range []string{"\xfe\xff", "\xff\xfe", "\x00<", "<\x00"} {
		if strings.HasPrefix(string(x.Body), utf16) {
			return true
		}
	}
	return strings.Contains(b, "charset") || strings.Contains(b, "encoding")
}

// compare is difference but for what seesMore explains.
func compare(x replay.Exchange, want, got said) string {
	if malformed(want) && malformed(got) {
		return ""
	}
	for _, kind := range seesMore {
		if kind.is(x) {
			want.ids = slices.DeleteFunc(slices.Clone(want.ids), func(id int) bool { return id == 200002 })
			got.ids = slices.DeleteFunc(slices.Clone(got.ids), func(id int) bool { return !slices.Contains(want.ids, id) })
			want.inbound, want.outbound, got.inbound, got.outbound = 0, 0, 0, 0
		}
	}
	return difference(want, got)
}

func TestSameVerdictsAsCoraza(t *testing.T) {
	list, err := replay.Load(tests.FS)
	if err != nil {
		t.Fatal(err)
	}
	const paranoia = 4
	o := newOracle(t, paranoia)
	e, err := waf.Compile(waf.Config{Paranoia: paranoia, Before: crsSetup})
	if err != nil {
		t.Fatal(err)
	}
	compared, differ := 0, 0
	for i, test := range list {
		if testing.Short() && i%20 != 0 {
			continue
		}
		for _, stage := range test.Stages {
			x, err := stage.Input.Exchange()
			if err != nil {
				t.Fatal(err)
			}
			compared++
			want, got := o.inspect(x), ours(e, x)
			if d := compare(x, want, got); d != "" {
				differ++
				if differ <= 40 {
					t.Errorf("%s: %s\n %s %q %q %.300q", test.Name(), d, x.Method, x.URI, x.Header, x.Body)
				}
			}
		}
	}
	t.Logf("%d exchanges compared, %d differ", compared, differ)
}

// malformed explains all differences on bodies that both engines find malformed:
// they read on in different ways, which matters to no one, since 200002 and 200003
// refuse them.
func malformed(s said) bool { return slices.Contains(s.ids, 200002) || slices.Contains(s.ids, 200003) }

func difference(want, got said) string {
	if malformed(want) && malformed(got) {
		return ""
	}
	var parts []string
	why := false
	for _, id := range want.ids {
		if !slices.Contains(got.ids, id) {
			if explained[id] == "" {
				parts = append(parts, fmt.Sprintf("coraza matched %d", id))
			} else {
				why = true
			}
		}
	}
	for _, id := range got.ids {
		if !slices.Contains(want.ids, id) {
			if explained[id] == "" {
				parts = append(parts, fmt.Sprintf("we matched %d", id))
			} else {
				why = true
			}
		}
	}
	if len(parts) == 0 && !why && (want.inbound != got.inbound || want.outbound != got.outbound) {
		parts = append(parts, fmt.Sprintf("scores %d %d, coraza's %d %d", got.inbound, got.outbound, want.inbound, want.outbound))
	}
	return strings.Join(parts, ", ")
}

// namesDifferByCase reports whether two fields of a form have names that differ by
// case only. Of these Coraza loses all but one.
func namesDifferByCase(body string) bool {
	seen := map[string]string{}
	for part := range strings.SplitSeq(body, "&") {
		name, _, _ := strings.Cut(part, "=")
		lower := strings.ToLower(name)
		if other, ok := seen[lower]; ok && other != name {
			return true
		}
		seen[lower] = name
	}
	return false
}

// FuzzAgainstCoraza compares both engines on whole requests.
func FuzzAgainstCoraza(f *testing.F) {
	list, err := replay.Load(tests.FS)
	if err != nil {
		f.Fatal(err)
	}
	for i, test := range list {
		if x, err := test.Stages[0].Input.Exchange(); err == nil && i%25 == 0 {
			f.Add(x.URI, "User-Agent", x.Host, string(x.Body), uint8(i))
		}
	}
	o := newOracle(f, 4)
	e, err := waf.Compile(waf.Config{Paranoia: 4, Before: crsSetup})
	if err != nil {
		f.Fatal(err)
	}
	types := []string{"application/x-www-form-urlencoded", "application/json", "text/xml", "text/plain", ""}
	f.Fuzz(func(t *testing.T, uri, name, value, body string, kind uint8) {
		if len(body) > 1000 || len(uri) > 1000 || name == "" || namesDifferByCase(body) {
			return
		}
		x := replay.Exchange{Method: "POST", URI: uri, Protocol: "HTTP/1.1", Host: "example.com", Body: []byte(body), Header: map[string][]string{
			"Content-Type": {types[int(kind)%len(types)]}, name: {value},
		}}
		x.Response = replay.Response{Status: 200, Header: map[string][]string{"Content-Type": {"text/html"}}, Body: []byte(body)}
		if d := compare(x, o.inspect(x), ours(e, x)); d != "" {
			t.Errorf("%s\n%q %q %q %q", d, x.URI, x.Header, x.Body, types[int(kind)%len(types)])
		}
	})
}
