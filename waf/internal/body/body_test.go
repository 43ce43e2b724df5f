package body

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/arena"
)

func TestQuery(t *testing.T) {
	var a arena.Arena
	got, cut := Query(&a, nil, "a=1&&b=%41+%zz%4&c&=x&a=2", 100)
	want := []Pair{{"a", "1"}, {"b", "A %zz%4"}, {"c", ""}, {"", "x"}, {"a", "2"}}
	if cut || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %q", got)
	}
	if got, cut = Query(&a, nil, "a&b&c&", 2); !cut || len(got) != 2 {
		t.Fatalf("got %q, %v", got, cut)
	}
	if _, cut = Query(&a, nil, "a&b&&", 2); cut {
		t.Fatal("empty pairs do not count")
	}
}

func TestCookies(t *testing.T) {
	got := Cookies(nil, "a=1; b = x=y;;=z; \x01=p; c")
	want := []Pair{{"a", "1"}, {"b", "x=y"}, {"", "z"}, {"", "p"}, {"c", ""}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %q", got)
	}
}

func TestJSONFlattens(t *testing.T) {
	var a arena.Arena
	got, cut, err := JSON(&a, nil, `{"a":{"b":[1,"x\u0041\n\ud83d\ude00",null,true,[]],"":-1.5e3},"c":{}} `, JSONLimits{10, 100})
	want := []Pair{
		{"json.a.b.0", "1"},
		{"json.a.b.1", "xA\n😀"},
		{"json.a.b.2", ""},
		{"json.a.b.3", "true"},
		{"json.a.b", "5"},
		{"json.a.", "-1.5e3"},
	}
	if err != nil || cut || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %q, %v", got, err)
	}
	for text, want := range map[string]error{
		`{"a":1`: ErrShort, `{"a":1}x`: ErrJSONSyntax, `{"a" 1}`: ErrJSONSyntax, `[1,]`: ErrJSONSyntax, `{"a":"\x"}`: ErrJSONSyntax,
		`[[[[[[[[[[[1]]]]]]]]]]]`: ErrJSONDepth, ``: ErrShort, `01`: ErrJSONSyntax, `"a`: ErrShort, `[1 2]`: ErrJSONSyntax, "\"a\nb\"": ErrJSONSyntax,
	} {
		if _, _, err := JSON(&a, nil, text, JSONLimits{10, 100}); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", text, err, want)
		}
	}
	if got, cut, err := JSON(&a, nil, `[1,2,3]`, JSONLimits{10, 2}); !cut || err != nil || len(got) != 2 {
		t.Errorf("got %q, %v, %v", got, cut, err)
	}
	deep := strings.Repeat(`{"aaaaaaaaaaaaaaaaaaaaaaaa":[`, 400) + "1" + strings.Repeat("]}", 400)
	if _, _, err := JSON(&a, nil, deep, JSONLimits{10000, 10000}); !errors.Is(err, ErrJSONSize) {
		t.Errorf("got %v", err)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,"\ud83d\ude00",null,{"b":true}]}`)
	f.Add(`"\u0041"`)
	f.Fuzz(func(t *testing.T, s string) {
		var a arena.Arena
		_, _, err := JSON(&a, nil, s, JSONLimits{1000, 1 << 20})
		if errors.Is(err, ErrJSONDepth) || errors.Is(err, ErrJSONSize) {
			return
		}
		if valid := json.Valid([]byte(s)); valid != (err == nil) {
			t.Fatalf("%q: valid %v, got %v", s, valid, err)
		}
	})
}

func TestXML(t *testing.T) {
	attrs, texts, err := XML(`<?xml version="1.0"?><a x="1" y='&lt;'> t <b>u</b><c`)
	if err != nil || !reflect.DeepEqual(attrs, []string{"1", "<"}) || !reflect.DeepEqual(texts, []string{"t", "u"}) {
		t.Fatalf("%q %q %v", attrs, texts, err)
	}
	if _, _, err := XML("<a></b></a>"); err != nil {
		t.Logf("unmatched end: %v", err)
	}
}

func FuzzXML(f *testing.F) {
	f.Add(`<a x="1"><!DOCTYPE q [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;</a>`)
	f.Fuzz(func(_ *testing.T, s string) { _, _, _ = XML(s) })
}

func form(t *testing.T, contentType, s string) Form {
	t.Helper()
	var a arena.Arena
	f, _, err := Multipart(&a, contentType, strings.ReplaceAll(s, "\n", "\r\n"), 100)
	if errors.Is(err, ErrMultipart) {
		t.Fatal(err)
	}
	return f
}

const plainForm = `--xx
Content-Disposition: form-data; name="a"

one
--xx
Content-Disposition: form-data; name="f"; filename="C:\x\y.txt"
Content-Type: text/plain

two
lines
--xx--
`

func TestMultipart(t *testing.T) {
	f := form(t, "multipart/form-data; boundary=xx", plainForm)
	if f.Flaws.Strict() {
		t.Fatalf("flaws %+v", f.Flaws)
	}
	if !reflect.DeepEqual(f.Fields, []Pair{{"a", "one"}}) || !reflect.DeepEqual(f.Files, []Pair{{"f", `C:\x\y.txt`}}) || f.FileSizes[0] != 10 {
		t.Fatalf("got %+v", f)
	}
	if len(f.Headers) != 3 || f.Headers[2].Value != "Content-Type: text/plain" {
		t.Fatalf("headers %q", f.Headers)
	}
}

func TestMultipartEvasionsAreFlaws(t *testing.T) {
	const head = "multipart/form-data; boundary=xx"
	for name, c := range map[string]struct {
		contentType, text string
		flaw              func(Flaws) bool
	}{
		"data before":     {head, "junk\n" + plainForm, func(f Flaws) bool { return f.DataBefore }},
		"data after":      {head, plainForm + "junk", func(f Flaws) bool { return f.DataAfter }},
		"no end":          {head, strings.Replace(plainForm, "--xx--", "", 1), func(f Flaws) bool { return f.Unfinished }},
		"folding":         {head, strings.Replace(plainForm, "; name=\"a\"", ";\n name=\"a\"", 1), func(f Flaws) bool { return f.HeaderFolding }},
		"duplicate":       {head, strings.Replace(plainForm, "name=\"a\"", "name=\"a\"; name=\"b\"", 1), func(f Flaws) bool { return f.DuplicateHeader }},
		"quotes":          {head, strings.Replace(plainForm, "name=\"a\"", "name='a'", 1), func(f Flaws) bool { return f.InvalidQuoting }},
		"header":          {head, strings.Replace(plainForm, "Content-Type: text", "Content-Type text", 1), func(f Flaws) bool { return f.InvalidPart }},
		"unmatched":       {head, strings.Replace(plainForm, "one", "--xxy", 1), func(f Flaws) bool { return f.UnmatchedBoundary }},
		"boundary blanks": {"multipart/form-data; boundary = xx", plainForm, func(f Flaws) bool { return f.BoundaryWhitespace }},
		"continuation":    {head, strings.Replace(plainForm, "filename=", "filename*0=", 1), func(f Flaws) bool { return f.MalformedParameters }},
	} {
		if f := form(t, c.contentType, c.text); !c.flaw(f.Flaws) {
			t.Errorf("%s: flaws %+v", name, f.Flaws)
		}
	}
	f := form(t, head, strings.Replace(plainForm, `filename="C:\x\y.txt"`, `filename="ok.txt"; filename*=utf-8''evil%2ephp`, 1))
	if !reflect.DeepEqual(f.Files, []Pair{{"f", "evil.php"}, {"f", "ok.txt"}}) {
		t.Errorf("both names are kept: got %q", f.Files)
	}
}

func FuzzMultipart(f *testing.F) {
	f.Add("multipart/form-data; boundary=xx", plainForm)
	f.Fuzz(func(t *testing.T, contentType, s string) {
		var a arena.Arena
		form, _, err := Multipart(&a, contentType, s, 100)
		if form.Size > len(s) {
			t.Fatalf("%d bytes of content in %d", form.Size, len(s))
		}
		if err == nil && len(form.Names) == 0 && !form.Flaws.DataAfter && !form.Flaws.Unfinished && strings.Trim(s, "-xX\r\n \t") == s &&
			len(s) > 100 {
			t.Fatal("content vanished without a flaw")
		}
	})
}
