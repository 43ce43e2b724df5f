package waf_test

import (
	"fmt"

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

func ExampleConfig_directives() {
	_, err := waf.Compile(waf.Config{Directives: `SecRule ARGS:id "!@rx ^[0-9]+$" "id:1001,phase:2,deny,status:400,mgs:'id is no number'"`})
	fmt.Println(err)
	// Output:
	// compile rules: directives.conf:1:66: unknown action: "mgs" (did you mean msg?)
}
