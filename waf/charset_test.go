package waf

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// anyCharset lets every charset pass rule 920480 and its like, as an operator may who
// has such clients.
const anyCharset = `SecRuleRemoveById 920480
SecRuleRemoveById 920530`

// TestAttacksInOtherCharsetsAreFound sends an attack that no rule can see in the bytes
// as received.
func TestAttacksInOtherCharsetsAreFound(t *testing.T) {
	e, err := Compile(Config{Directives: anyCharset})
	if err != nil {
		t.Fatal(err)
	}
	const sqli = "1' UNION SELECT username,password FROM users-- -"
	encodings := map[string]encoding.Encoding{
		"ibm037":   charmap.CodePage037,
		"utf-16":   unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
		"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"utf-32":   utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	}
	for label, enc := range encodings {
		in := func(s string) string { out, _ := enc.NewEncoder().String(s); return out }
		jsonText, _ := json.Marshal(map[string]string{"q": sqli})
		const part = "--x\r\nContent-Disposition: form-data; name=\"q\"\r\n"
		for name, c := range map[string]struct{ contentType, uri, body string }{
			"escapes":   {"application/x-www-form-urlencoded; charset=" + label, "/", "q=" + url.QueryEscape(in(sqli))},
			"whole":     {"application/x-www-form-urlencoded;charset=\"" + label + "\"", "/", in("q=" + url.QueryEscape(sqli))},
			"query":     {"application/x-www-form-urlencoded; charset=" + label, "/?q=" + url.QueryEscape(in(sqli)), ""},
			"json":      {"application/json; charset=" + label, "/", in(string(jsonText))},
			"xml":       {"text/xml; charset=" + label, "/", in("<a>" + sqli + "</a>")},
			"multipart": {"multipart/form-data; boundary=x; charset=" + label, "/", part + "\r\n" + in(sqli) + "\r\n--x--\r\n"},
			"part":      {"multipart/form-data; boundary=x", "/", part + "Content-Type: text/plain; charset=" + label + "\r\n\r\n" + in(sqli) + "\r\n--x--\r\n"},
			"_charset_": {"multipart/form-data; boundary=x", "/", "--x\r\nContent-Disposition: form-data; name=\"_charset_\"\r\n\r\n" + label + "\r\n" + part + "\r\n" + in(sqli) + "\r\n--x--\r\n"},
		} {
			v := inspect(t, e, Request{Method: "POST", URI: c.uri, Header: hostileHeader(c.contentType), DetectOnly: true}, c.body)
			if !slices.ContainsFunc(v.Matches, func(m Match) bool { return m.RuleID == 942100 || m.RuleID == 942190 }) {
				t.Errorf("%s %s: found %v", label, name, ids(v))
			}
		}
	}
}

func ids(v Verdict) (list []int) {
	for _, m := range v.Matches {
		list = append(list, m.RuleID)
	}
	return list
}

// TestBenignFormsInOtherCharsetsPass holds that clients that write as they did for
// decades are not refused.
func TestBenignFormsInOtherCharsetsPass(t *testing.T) {
	for _, paranoia := range []int{1, 2} {
		e, err := Compile(Config{Paranoia: paranoia})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct{ contentType, body string }{
			"form":                   {"application/x-www-form-urlencoded; charset=ISO-8859-1", "name=Andr%E9&city=K%F6ln&note=plain+text"},
			"windows":                {"application/x-www-form-urlencoded; charset=windows-1252", "name=Andr%E9&price=5+%80"},
			"json":                   {"application/json; charset=iso-8859-1", "{\"name\":\"Andr\xe9\",\"list\":[1,2]}"},
			"utf-8 called latin 1":   {"application/json; charset=iso-8859-1", `{"name":"André"}`},
			"xml":                    {"text/xml; charset=ISO-8859-1", "<?xml version='1.0' encoding='ISO-8859-1'?><a>Andr\xe9</a>"},
			"declared in xml":        {"text/xml", "<?xml version='1.0' encoding='windows-1252'?><a>Andr\xe9</a>"},
			"multipart":              {"multipart/form-data; boundary=x; charset=iso-8859-1", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAndr\xe9\r\n--x--\r\n"},
			"part in its own latin1": {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\nContent-Type: text/plain; charset=iso-8859-15\r\n\r\nAndr\xe9\r\n--x--\r\n"},
		} {
			if strings.HasPrefix(name, "part") && paranoia == 1 {
				continue // rule 922110 allows fewer charsets in parts
			}
			h := hostileHeader(c.contentType)
			h["Content-Length"] = []string{"1"}
			v := inspect(t, e, Request{Method: "POST", URI: "/", Header: h}, c.body)
			if name == "part in its own latin1" {
				if slices.Contains(ids(v), 200002) {
					t.Errorf("%s at level %d: %v", name, paranoia, ids(v))
				}
				continue
			}
			if len(v.Matches) > 0 {
				t.Errorf("%s at level %d: %v %+v", name, paranoia, ids(v), v.Matches[0])
			}
		}
	}
}

func TestCharsetsThatCannotBeReadAreBodyErrors(t *testing.T) {
	e, err := Compile(Config{Directives: anyCharset, MaxRequestBodyBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, contentType := range []string{
		"application/x-www-form-urlencoded; charset=utf-7", "application/json; charset=x-unknown", "application/x-www-form-urlencoded; charset=ibm037; charset=utf-16",
		"multipart/form-data; boundary=x", "text/xml",
	} {
		for _, body := range []string{`{"a":1}`, strings.Repeat("a=1&", 1000)} { // the second is cut
			switch {
			case strings.HasPrefix(contentType, "multipart"):
				body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n" + body + "\r\n--x--\r\n"
			case contentType == "text/xml":
				body = "<?xml version='1.0' encoding='utf-7'?><a>" + body + "</a>"
			}
			v := inspect(t, e, Request{Method: "POST", URI: "/", Header: hostileHeader(contentType)}, body)
			if !v.Block || v.RuleID != 200002 {
				t.Errorf("%s: %v %d %v", contentType, v.Block, v.RuleID, ids(v))
			}
		}
	}
	h := hostileHeader("application/json")
	h["Content-Encoding"] = []string{"compress"}
	if v := inspect(
		t,
		e,
		Request{Method: "POST", URI: "/", Header: h},
		strings.Repeat(" ", 2000),
	); !v.Block || v.RuleID != 200002 ||
		!v.Truncated {
		t.Errorf("a coding that cannot be undone, cut: %+v", v)
	}
	// A JSON body must make sense in the charset that it claims.
	if v := inspect(
		t,
		e,
		Request{Method: "POST", URI: "/", Header: hostileHeader("application/json; charset=utf-16")},
		`{"a":"b"}`,
	); !v.Block ||
		v.RuleID != 200002 {
		t.Errorf("got %+v", v)
	}
}
