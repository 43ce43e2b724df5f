package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/waf"
)

// TestRequestsOfTextEditorsAreRead holds that a request whose lines end with LF alone is
// the one with CR LF, and that line breaks of the body stay.
func TestRequestsOfTextEditorsAreRead(t *testing.T) {
	const text = "POST /a?b=c HTTP/1.1\nHost: shop.example.com\nContent-Length: 3\n\nx\ny"
	x, err := ParseRequest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(text, "\n\n")
	y, err := ParseRequest([]byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body))
	if err != nil {
		t.Fatal(err)
	}
	if x.Refused || x.Host != "shop.example.com" || x.URI != "/a?b=c" || string(x.Body) != "x\ny" {
		t.Errorf("read %+v with the body %q", x, x.Body)
	}
	if y.Host != x.Host || y.Refused != x.Refused || string(y.Body) != string(x.Body) {
		t.Errorf("with CR LF it is %+v", y)
	}
}

func TestResponsesAreReadAsRulesSeeThem(t *testing.T) {
	r, err := ParseResponse([]byte("HTTP/1.0 404 Not Found\nContent-Type: text/html\nContent-Length: 100\n\ncut"), "GET")
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != 404 || r.Protocol != "HTTP/1.0" || r.Header["Content-Type"][0] != "text/html" || string(r.Body) != "cut" {
		t.Errorf("read %+v with the body %q", r, r.Body)
	}
}

// TestExplainSaysWhatIsOddAboutMessages holds the notes, which tell a user why a body was
// not inspected.
func TestExplainSaysWhatIsOddAboutMessages(t *testing.T) {
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 0)
	x, err := Explain(engine, now, []byte("GET / HTTP/1.1\nHost: a.example\n\nq=1"), nil)
	if err != nil || x.HasResponse || len(x.Notes) != 1 || !strings.Contains(x.Notes[0], "Content-Length: 3") {
		t.Errorf("%v %q %v", x.HasResponse, x.Notes, err)
	}
	x, err = Explain(engine, now, []byte("GET / HTTP/1.1\n\n"), []byte("HTTP/1.1 200 OK\nContent-Type: image/png\n\nx"))
	if err != nil || !x.HasResponse || len(x.Notes) != 2 || !strings.Contains(x.Notes[0], "400") {
		t.Errorf("%v %q %v", x.HasResponse, x.Notes, err)
	}
	if _, err := Explain(engine, now, []byte("GET / HTTP/1.1\nHost: a.example\n\n"), []byte("hello")); err == nil {
		t.Error("a text that is no response is taken for one")
	}
}
