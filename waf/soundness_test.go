package waf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"

	"github.com/ringwall/ringwall/waf/internal/message"
)

// verdictOf tells all that an engine says of an exchange, in a form that can be
// compared: what matched where with what score, and what is asked for.
func verdictOf(e *Engine, x message.Exchange) string {
	tx := e.Begin(Request{
		ID: "test", Time: time.Unix(1700000000, 0), Client: netip.MustParseAddrPort("203.0.113.9:40000"), Server: netip.MustParseAddrPort("192.0.2.1:80"),
		Method: x.Method, URI: x.URI, Protocol: x.Protocol, Host: x.Host, Header: x.Header, DetectOnly: true,
	})
	defer tx.Close()
	tx.RequestHeaders()
	tx.RequestBody(x.Body)
	tx.EndRequest()
	tx.ResponseHeaders(x.Response.Status, "HTTP/1.1", x.Response.Header)
	if tx.WantsResponseBody() {
		tx.ResponseBody(x.Response.Body)
	}
	tx.EndResponse()
	v := tx.Verdict()
	var lines []string
	for _, m := range tx.AllMatches() {
		lines = append(lines, fmt.Sprintf("%d %s %q %d %q", m.RuleID, m.Variable, m.Value, m.Score, m.Matched))
	}
	return fmt.Sprintf("%v %d %d %d %v\n%s", v.Decision, v.Phase, v.Score, v.OutboundScore, v.Err, strings.Join(lines, "\n"))
}

// corpus returns the exchanges of the rule set's own tests and of testdata.
func corpus(t testing.TB) []message.Exchange {
	list, err := message.Load(tests.FS)
	if err != nil {
		t.Fatal(err)
	}
	var all []message.Exchange
	for _, test := range list {
		for _, s := range test.Stages {
			if x, err := s.Input.Exchange(); err == nil {
				all = append(all, x)
			}
		}
	}
	for _, name := range []string{"get_plain", "get_args", "post_form2k", "post_json10k", "attack_sqli"} {
		raw, err := os.ReadFile("testdata/" + name + ".raw")
		if err != nil {
			t.Fatal(err)
		}
		x, err := message.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// mutate changes an exchange a little: it cuts, doubles, swaps case, encodes and
// splices in pieces of attacks and runes that equal ASCII letters in some case.
func mutate(rnd *rand.Rand, x message.Exchange, other message.Exchange) message.Exchange {
	change := func(s string) string {
		if s == "" || rnd.IntN(3) == 0 {
			return s
		}
		i, j := rnd.IntN(len(s)), rnd.IntN(len(s))
		if i > j {
			i, j = j, i
		}
		switch rnd.IntN(9) {
		case 0:
			return s[:i] + s[j:]
		case 1:
			return s[:j] + s[i:]
		case 2:
			return s[:i] + strings.ToUpper(s[i:j]) + s[j:]
		case 3:
			return s[:i] + pieces[rnd.IntN(len(pieces))] + s[i:]
		case 4:
			return strings.Replace(s, "s", "\u017f", 1)
		case 5:
			return strings.Replace(s, "k", "\u212a", 1)
		case 6:
			return s[:i] + fmt.Sprintf("%%%02x", s[i]) + s[i+1:]
		case 7:
			return s[:i] + string([]byte{byte(rnd.IntN(256))}) + s[i:]
		}
		o := other.URI + string(other.Body)
		if o == "" {
			return s
		}
		k := rnd.IntN(len(o))
		return s[:i] + o[k:min(len(o), k+rnd.IntN(30)+1)] + s[i:]
	}
	x.URI = change(x.URI)
	x.Body = []byte(change(string(x.Body)))
	header := map[string][]string{}
	for name, values := range x.Header {
		for _, v := range values {
			header[name] = append(header[name], change(v))
		}
	}
	x.Header = header
	x.Response.Body = []byte(change(string(x.Response.Body)))
	return x
}

var pieces = []string{"'", "\"", "--", "/*", "*/", "%00", "<script>", "${jndi:", "union select", "../", "\\", "&#x3c;", "%u0041", "\\u0041", "\\x41", "\u00a0", "\x00", " ", "\t", "=", "||", "`", "{{", "__proto__", "0x41", "\r\n", ";", "or 1=1", "%c0%ae", "QUJDREVG"}

// TestTheFilterIsSound tries to prove that the gate loses something: an engine that
// runs every rule on every value must say the same of everything.
func TestTheFilterIsSound(t *testing.T) {
	rounds, step := 1, 1
	if testing.Short() {
		rounds, step = 0, 4
	}
	all := corpus(t)
	rnd := rand.New(rand.NewPCG(11, 12))
	for _, paranoia := range []int{1, 4} {
		cfg := Config{Paranoia: paranoia}
		fast, err := compile(cfg, false)
		if err != nil {
			t.Fatal(err)
		}
		reference, err := compile(cfg, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range all {
			if i%(7*step) != 0 && paranoia == 1 || i%(5*step) != 0 {
				continue
			}
			for round := 0; round <= rounds; round++ {
				// The second time values are memorized, the third time they are known.
				want := verdictOf(reference, x)
				for range 3 {
					if got := verdictOf(fast, x); got != want {
						t.Errorf("level %d: %s %q %q %q:\ngated     %s\nreference %s", paranoia, x.Method, x.URI, x.Header, x.Body, got, want)
					}
				}
				x = mutate(rnd, x, all[rnd.IntN(len(all))])
			}
		}
	}
}

// FuzzRequest compares the gated and the reference engine on whole requests.
func FuzzRequest(f *testing.F) {
	for i, x := range corpus(f) {
		if i%40 == 0 {
			f.Add(x.URI, "Referer", x.Host, string(x.Body), uint8(i))
		}
	}
	fast, err := compile(Config{Paranoia: 4}, false)
	if err != nil {
		f.Fatal(err)
	}
	reference, err := compile(Config{Paranoia: 4}, true)
	if err != nil {
		f.Fatal(err)
	}
	types := []string{"application/x-www-form-urlencoded", "application/json", "text/xml", "multipart/form-data; boundary=x", "text/plain", ""}
	f.Fuzz(func(t *testing.T, uri, name, value, body string, kind uint8) {
		if len(body) > 2000 || len(uri) > 2000 {
			return
		}
		x := message.Exchange{Method: "POST", URI: uri, Protocol: "HTTP/1.1", Host: "example.com", Body: []byte(body), Header: map[string][]string{
			"Content-Type": {types[int(kind)%len(types)]}, name: {value},
		}}
		x.Response = message.Response{Status: 200, Header: map[string][]string{"Content-Type": {"text/html"}}, Body: []byte(body)}
		want := verdictOf(reference, x)
		for range 3 {
			if got := verdictOf(fast, x); got != want {
				t.Errorf("gated     %s\nreference %s", got, want)
			}
		}
	})
}

// An empty value has no byte by which it could be told that a transformation acts on it,
// and some do all the same.
func TestTransformationsOfEmptyValuesAreMade(t *testing.T) {
	const rules = `
SecRule ARGS:x "@rx ^0$" "id:101,phase:2,pass,log,msg:'a',t:none,t:length"
SecRule ARGS:x "@rx ^d41d8" "id:102,phase:2,pass,log,msg:'b',t:none,t:md5,t:hexEncode"
SecRule ARGS:x "@rx ^da39a" "id:103,phase:2,pass,log,msg:'c',t:none,t:sha1,t:hexEncode"
SecRule ARGS:x "@rx ^$" "id:104,phase:2,pass,log,msg:'d',t:none,t:trim"
SecRule ARGS:x "@rx ^1$" "id:105,phase:2,pass,log,msg:'e',t:none,t:length,t:length"
`
	for _, reference := range []bool{true, false} {
		e, err := compile(Config{Directives: rules}, reference)
		if err != nil {
			t.Fatal(err)
		}
		tx := e.Begin(Request{
			ID: "test", Method: "GET", URI: "/?x=", Protocol: "HTTP/1.1", Host: "a.example",
			Client: netip.MustParseAddrPort("203.0.113.9:40000"), Server: netip.MustParseAddrPort("192.0.2.1:80"),
		})
		tx.RequestHeaders()
		tx.RequestBody(nil)
		tx.EndRequest()
		matched := map[int]bool{}
		for _, m := range tx.Verdict().Matches {
			matched[m.RuleID] = true
		}
		tx.Close()
		for id := 101; id <= 105; id++ {
			if !matched[id] {
				t.Errorf("reference %v: rule %d does not match the empty value", reference, id)
			}
		}
	}
}
