package middleware_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/middleware"
)

func Example() {
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	server := httptest.NewServer(middleware.Handler(hello, middleware.Options{
		Engine: func(*http.Request) *waf.Engine { return engine },
	}))
	defer server.Close()
	for _, path := range []string{"/?q=blue+jacket", "/?q=1'+UNION+SELECT+password+FROM+users--+-"} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.StatusCode)
		answer.Body.Close()
	}
	// Output:
	// 200
	// 403
}

func serve(t *testing.T, h http.HandlerFunc, o middleware.Options) *httptest.Server {
	t.Helper()
	engine, err := waf.Compile(waf.Config{MaxRequestBodyBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	o.Engine = func(*http.Request) *waf.Engine { return engine }
	s := httptest.NewServer(middleware.Handler(h, o))
	t.Cleanup(s.Close)
	return s
}

func TestTheHandlerGetsTheWholeBody(t *testing.T) {
	var verdict waf.Verdict
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b))
	}, middleware.Options{Verdict: func(_ *http.Request, v waf.Verdict) { verdict = v }})
	answer, err := http.Post(s.URL, "application/x-www-form-urlencoded", strings.NewReader("a="+strings.Repeat("x", 5000)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	if string(b) != "5002" || !verdict.Truncated {
		t.Fatalf("%d %s, truncated %v", answer.StatusCode, b, verdict.Truncated)
	}
}

func TestLeakingAnswersAreRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("X-Secret", "1")
		fmt.Fprint(
			w,
			"You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use",
		)
	}, middleware.Options{})
	answer, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 403 || strings.Contains(string(b), "SQL") || answer.Header.Get("X-Secret") != "" {
		t.Fatalf("%d %s", answer.StatusCode, b)
	}
}

func TestStreamsAreNotHeldBack(t *testing.T) {
	more := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n")
		w.(http.Flusher).Flush()
		<-more
	}, middleware.Options{})
	answer, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	line, err := bufio.NewReader(answer.Body).ReadString('\n') // blocks for ever if held back
	close(more)
	if line != "data: 1\n" || err != nil {
		t.Fatalf("%q %v", line, err)
	}
}
