package waf_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/ringwall/ringwall/waf"
)

func Example() {
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tx := engine.Begin(waf.Request{
		Method: "GET", URI: "/search?q=1'+UNION+SELECT+password+FROM+users--+-", Protocol: "HTTP/1.1", Host: "shop.example.com",
		Header: map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}},
	})
	defer tx.Close()
	tx.RequestHeaders()
	d := tx.EndRequest()
	v := tx.Verdict()
	m := v.Matches[0]
	fmt.Println(d.Block, d.Status, v.Score >= 5)
	fmt.Println(m.RuleID, m.Severity, m.Variable)
	// Output:
	// true 403 true
	// 942100 critical ARGS:q
}

func ExampleEngine_With() {
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The search of this application speaks a language of its own.
	shop, err := engine.With(waf.Tuning{Exceptions: []waf.Exception{
		{Tag: "attack-sqli", Target: "ARGS:q", PathPrefix: "/search", Owner: "search team"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range []*waf.Engine{engine, shop} {
		tx := e.Begin(waf.Request{
			Method: "GET", URI: "/search?q=1'+UNION+SELECT+1--+-", Protocol: "HTTP/1.1", Host: "shop.example.com",
			Header: map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}},
		})
		tx.RequestHeaders()
		fmt.Println(tx.EndRequest().Block)
		tx.Close()
	}
	// Output:
	// true
	// false
}

// A client that fails to log in five times is locked out for a minute.
func ExampleCollections() {
	engine, err := waf.Compile(waf.Config{Directives: `
SecAction "id:1001,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule IP:ATTEMPTS "@ge 5" "id:1002,phase:1,deny,status:429,msg:'too many failed logins',chain"
  SecRule REQUEST_FILENAME "@streq /login"
SecRule REQUEST_FILENAME "@streq /login" "id:1003,phase:3,pass,nolog,chain"
  SecRule RESPONSE_STATUS "@streq 401" "setvar:ip.attempts=+1,expirevar:ip.attempts=60"
`})
	if err != nil {
		fmt.Println(err)
		return
	}
	login := func(client string, at time.Time) int {
		tx := engine.Begin(waf.Request{
			Time: at, Client: netip.MustParseAddrPort(client), Method: "GET", URI: "/login", Protocol: "HTTP/1.1", Host: "shop.example.com",
			Header: map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Accept": {"*/*"}},
		})
		defer tx.Close()
		if d := tx.RequestHeaders(); d.Block {
			return d.Status
		}
		tx.EndRequest()
		tx.ResponseHeaders(401, "HTTP/1.1", nil)
		return 401
	}
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for i := range 7 {
		fmt.Print(login("203.0.113.9:40000", noon.Add(time.Duration(i)*time.Second)), " ")
	}
	fmt.Println(login("198.51.100.7:40000", noon.Add(8*time.Second)), login("203.0.113.9:40000", noon.Add(2*time.Minute)))
	// Output:
	// 401 401 401 401 401 429 429 401 401
}

func ExampleConfig_directives() {
	_, err := waf.Compile(waf.Config{Directives: `SecRule ARGS:id "!@rx ^[0-9]+$" "id:1001,phase:2,deny,status:400,mgs:'id is no number'"`})
	fmt.Println(err)
	// Output:
	// compile rules: directives.conf:1:66: unknown action: "mgs" (did you mean msg?)
}
