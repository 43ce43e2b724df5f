package waf

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// visit runs all phases of a request at a time in seconds and returns the status that
// the rules ask for, and the messages of rules that matched.
func visit(t testing.TB, e *Engine, r Request, seconds int) (status int, messages []string) {
	t.Helper()
	if !r.Client.IsValid() {
		r.Client = netip.MustParseAddrPort("203.0.113.9:40000")
	}
	r.Method, r.Protocol, r.Host, r.Time = "GET", "HTTP/1.1", "shop.example.com", time.Unix(1_700_000_000+int64(seconds), 0)
	if r.URI == "" {
		r.URI = "/"
	}
	h := map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}}
	maps.Copy(h, r.Header)
	r.Header = h
	tx := e.Begin(r)
	defer tx.Close()
	tx.RequestHeaders()
	tx.EndRequest()
	tx.ResponseHeaders(200, "HTTP/1.1", nil)
	tx.EndResponse()
	tx.Finish()
	v := tx.Verdict()
	if v.Err != nil {
		t.Fatal(v.Err)
	}
	for _, m := range v.Matches {
		messages = append(messages, m.Message)
	}
	return v.Status, messages
}

func TestCollectionsHaveTheMembersOfTheManual(t *testing.T) {
	e, err := Compile(Config{Directives: `
SecCollectionTimeout 100
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule ARGS:set "@unconditionalMatch" "id:2,phase:1,pass,nolog,setvar:ip.N=+1,setvar:ip.last=%{ARGS.set}"
SecAction "id:3,phase:5,pass,msg:'key %{IP.KEY} new %{ip.is_new} created %{ip.create_time} updated %{ip.last_update_time} timeout %{ip.timeout} counter %{ip.update_counter} rate %{ip.update_rate} n %{ip.n} last %{ip.last}'"
SecRule &IP "@eq 2" "id:4,phase:5,pass,msg:'two members'"
SecRule IP:/^L/ "@streq b" "id:5,phase:5,pass,msg:'last is b'"
SecRule IP "@streq 2" "id:6,phase:5,pass,msg:'%{MATCHED_VAR_NAME} is 2'"
SecRule &IP:n|&IP:none "@eq 1" "id:7,phase:5,pass,msg:'%{MATCHED_VAR_NAME} counts'"
`})
	if err != nil {
		t.Fatal(err)
	}
	const t0 = 1_700_000_000
	for _, c := range []struct {
		seconds int
		uri     string
		want    []string
	}{
		{0, "/", []string{fmt.Sprintf("key 203.0.113.9 new 1 created %d updated ip.last_update_time timeout 100 counter 0 rate 0 n ip.n last ip.last", t0)}},
		{1, "/?set=a", []string{fmt.Sprintf("key 203.0.113.9 new 1 created %d updated %d timeout 100 counter 1 rate 0 n 1 last a", t0+1, t0+1), "two members", "IP:n counts"}},
		{31, "/?set=b", []string{
			fmt.Sprintf("key 203.0.113.9 new 0 created %d updated %d timeout 100 counter 2 rate 4 n 2 last b", t0+1, t0+31), "two members", "last is b", "IP:n is 2", "IP:n counts",
		}},
		{131, "/", []string{fmt.Sprintf("key 203.0.113.9 new 1 created %d updated ip.last_update_time timeout 100 counter 0 rate 0 n ip.n last ip.last", t0+131)}},
	} {
		if _, got := visit(t, e, Request{URI: c.uri}, c.seconds); !slices.Equal(got, c.want) {
			t.Errorf("%d s: got %q\nwant %q", c.seconds, got, c.want)
		}
	}
	if st := e.Collections().Stats(); st != (CollectionStats{}) {
		t.Errorf("got %+v", st)
	}
}

func TestSessionsAndUsersAreKept(t *testing.T) {
	e, err := Compile(Config{Directives: `
SecAction "id:1,phase:1,pass,nolog,setsid:%{REQUEST_COOKIES.sid},setuid:'%{REQUEST_HEADERS.X-User}',setrsc:'%{REQUEST_FILENAME}',initcol:global=all"
SecAction "id:2,phase:1,pass,nolog,setvar:session.n=+1,setvar:user.n=+1,setvar:resource.n=+1,setvar:global.n=+1,setvar:'global.seen_%{REQUEST_FILENAME}=1'"
SecRule SESSIONID|USERID "@rx ^." "id:3,phase:1,pass,msg:'%{MATCHED_VAR_NAME} %{SESSIONID}%{USERID}'"
SecRule SESSION:n|USER:n|RESOURCE:n|GLOBAL:n "@ge 2" "id:4,phase:1,pass,msg:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'"
SecRule ARGS:score "@rx ^\d+$" "id:5,phase:1,pass,nolog,capture,setvar:global.score=%{TX.0}"
SecAction "id:6,phase:2,pass,nolog,deprecatevar:global.score=10/60"
SecRule GLOBAL:score "@lt 25" "id:7,phase:2,pass,msg:'score %{global.score}'"
SecRule ARGS:forget "@unconditionalMatch" "id:8,phase:1,pass,nolog,setvar:!global.score,setvar:!global.n"
SecRule ARGS:short "@unconditionalMatch" "id:9,phase:1,pass,nolog,setvar:user.timeout=10"
`})
	if err != nil {
		t.Fatal(err)
	}
	cookie := map[string][]string{"Cookie": {"sid=s1"}}
	both := map[string][]string{"Cookie": {"sid=s1"}, "X-User": {"ann"}}
	for _, c := range []struct {
		seconds int
		uri     string
		header  map[string][]string
		want    []string
	}{
		{0, "/a", nil, nil}, // no cookie, no session: nobody shares one with others
		{1, "/b", nil, []string{"GLOBAL:n=2"}},
		{2, "/b", cookie, []string{"SESSIONID s1", "RESOURCE:n=2", "GLOBAL:n=3"}},
		{3, "/c", both, []string{"SESSIONID s1ann", "USERID s1ann", "SESSION:n=2", "GLOBAL:n=4"}},
		{4, "/d?score=30", nil, []string{"GLOBAL:n=5"}},
		{70, "/e", nil, []string{"GLOBAL:n=6", "score 20"}},
		{71, "/f?forget=1", nil, []string{"GLOBAL:n=7"}},
		{72, "/g?short=1", both, []string{"SESSIONID s1ann", "USERID s1ann", "SESSION:n=3", "USER:n=2"}},
		{81, "/h", map[string][]string{"X-User": {"ann"}}, []string{"USERID ann", "USER:n=3", "GLOBAL:n=2"}},
		{92, "/i", map[string][]string{"X-User": {"ann"}}, []string{"USERID ann", "GLOBAL:n=3"}},
	} {
		_, got := visit(t, e, Request{URI: c.uri, Header: c.header}, c.seconds)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d s %s: got %q\nwant %q", c.seconds, c.uri, got, c.want)
		}
	}
}

const lockOut = `
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:tx.step=2,setvar:ip.attempts=+%{tx.step},expirevar:ip.attempts=60"
SecRule IP:ATTEMPTS "@gt 10" "id:2,phase:1,deny,status:429,msg:'too many'"
`

// TestCollectionsAreShared holds that engines that are given the same collections, and
// tuned ones, count together, and others do not.
func TestCollectionsAreShared(t *testing.T) {
	shared := NewCollections(0)
	var engines []*Engine
	for _, paranoia := range []int{1, 2} {
		e, err := Compile(Config{Paranoia: paranoia, Directives: lockOut, Collections: shared})
		if err != nil {
			t.Fatal(err)
		}
		tuned, err := e.With(Tuning{InboundThreshold: 7, Exceptions: []Exception{{RuleID: 942100}}})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e, tuned)
	}
	own, err := Compile(Config{Directives: lockOut})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		want := 0
		if i >= 5 {
			want = 429
		}
		if got, _ := visit(t, engines[i%4], Request{}, i); got != want {
			t.Errorf("visit %d: %d, want %d", i, got, want)
		}
	}
	if got, _ := visit(t, own, Request{}, 9); got != 0 {
		t.Error("an engine counts what it did not see")
	}
	if got, _ := visit(t, engines[0], Request{}, 100); got != 0 {
		t.Error("the lock does not end")
	}
	if st := shared.Stats(); st.Records != 1 || shared != engines[3].Collections() {
		t.Errorf("got %+v", st)
	}
}

func TestManyTransactionsCountTogether(t *testing.T) {
	e, err := Compile(Config{Directives: lockOut})
	if err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 8, 100
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				visit(t, e, Request{Client: netip.MustParseAddrPort("198.51.100.7:1")}, 0)
			}
		})
	}
	wg.Wait()
	reader, err := Compile(Config{Collections: e.Collections(), Directives: `
SecAction "id:1,phase:1,pass,msg:'%{ip.attempts} by %{ip.update_counter}',initcol:ip=%{REMOTE_ADDR}"`})
	if err != nil {
		t.Fatal(err)
	}
	if _, got := visit(
		t,
		reader,
		Request{Client: netip.MustParseAddrPort("198.51.100.7:1")},
		0,
	); !slices.Equal(
		got,
		[]string{fmt.Sprintf("%d by %d", 2*workers*rounds, workers*rounds)},
	) {
		t.Errorf("got %q", got)
	}
}

func TestMistakesInCollectionsAreTold(t *testing.T) {
	for _, c := range []struct{ actions, want string }{
		{"initcol:ip", "initcol opens no collection"},
		{"initcol:args=1", "initcol opens no collection"},
		{"setvar:ip.key=1", "the engine keeps it"},
		{"setvar:env.x=1", "setvar on ENV is not possible"},
		{"setvar:ip=1", "names no variable"},
		{"expirevar:ip.x", "expirevar has no time"},
		{"expirevar:ip.x=soon", "expirevar has no time"},
		{"deprecatevar:ip.x=5", "deprecatevar has no rate"},
		{"deprecatevar:tx.x=5/1", "names no variable of a collection"},
	} {
		if _, err := Compile(
			Config{Directives: `SecAction "id:1,phase:1,pass,nolog,` + c.actions + `"`},
		); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.actions, err)
		}
	}
	e, err := Compile(
		Config{Directives: `SecRule USER:x "@eq 1" "id:1,phase:1,deny"` + "\n" + `SecAction "id:2,phase:1,pass,nolog,expirevar:tx.x=1"`},
	)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Join(e.Notices(), "\n"); !strings.Contains(n, "USER has no effect: no rule opens the collection; write initcol:user=KEY") {
		t.Errorf("no notice in %s", n)
	}
	if _, got := visit(t, e, Request{}, 0); got != nil {
		t.Errorf("got %q", got)
	}
}

// TestCollectionsDoTheSameWithoutTheFilter runs the rules of this file on an engine
// that folds and filters nothing.
func TestCollectionsDoTheSameWithoutTheFilter(t *testing.T) {
	var said [2][]string
	for i, reference := range []bool{false, true} {
		e, err := compile(Config{Directives: lockOut + `
SecRule TX:step "@eq 2" "id:3,phase:1,pass,nolog,setvar:ip.twos=+1"
SecRule IP:twos "@rx [3-6]" "id:4,phase:2,pass,msg:'twos %{ip.twos}'"
SecRule SESSIONID "@streq abc" "id:5,phase:2,pass,msg:'session'"
SecAction "id:6,phase:1,pass,nolog,setsid:abc"
`}, reference)
		if err != nil {
			t.Fatal(err)
		}
		for j := range 9 {
			status, messages := visit(t, e, Request{}, j*7)
			said[i] = append(said[i], fmt.Sprint(status, messages))
		}
	}
	if !slices.Equal(said[0], said[1]) || !strings.Contains(said[0][3], "twos") || !strings.Contains(said[0][0], "session") {
		t.Errorf("gated     %q\nreference %q", said[0], said[1])
	}
}
