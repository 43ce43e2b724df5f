package gateway

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/waf"
)

// secrets are the texts of a request that events do not show, in lower case, the
// longest first. What maskHeader and its like leave out where it stands, secrets
// leaves out of texts that rules put together: messages and log data.
type secrets []string

// secretsOf collects what the request has of them, as sent and as decoded.
func (x *exchange) secretsOf(e evidence) secrets {
	var s secrets
	add := func(values ...string) {
		for _, v := range values {
			if v = lower(strings.TrimSpace(v)); v != "" && v != masked && !slices.Contains(s, v) {
				s = append(s, v)
			}
		}
	}
	encoded := func(value string) {
		add(value)
		if v, err := url.QueryUnescape(value); err == nil {
			add(v)
		}
	}
	pairs := func(text string) {
		for pair := range strings.SplitSeq(text, "&") {
			if name, value, ok := strings.Cut(pair, "="); ok && secretName.MatchString(name) && !e.variables["ARGS:"+name] {
				encoded(value)
			}
		}
	}
	for name, values := range x.r.Header {
		for _, v := range values {
			switch {
			case name == "Cookie":
				for c := range strings.SplitSeq(v, ";") {
					if n, value, ok := strings.Cut(c, "="); ok && !e.variables["REQUEST_COOKIES:"+strings.TrimSpace(n)] {
						encoded(value)
					}
				}
			case secretHeaders[name]:
				add(v)
				if _, credentials, ok := strings.Cut(v, " "); ok {
					add(credentials)
					if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials)); err == nil {
						_, password, _ := strings.Cut(string(b), ":")
						add(string(b), password)
					}
				}
			case name == "Referer":
				_, query, _ := strings.Cut(v, "?")
				pairs(query)
			}
		}
	}
	pairs(x.r.URL.RawQuery)
	if x.tx != nil {
		x.tx.Arguments(func(name, value string) {
			if secretName.MatchString(name) && !e.variables["ARGS:"+name] {
				add(strings.Clone(value))
			}
		})
	}
	if x.body != nil { // as sent, for texts that quote the body
		media, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
		switch {
		case media == "application/x-www-form-urlencoded":
			pairs(x.body.String())
		case strings.HasSuffix(media, "json"):
			for _, m := range secretJSON.FindAllSubmatch(x.body.Bytes(), -1) {
				var text string
				if secretName.Match(m[1]) && json.Unmarshal(m[2], &text) == nil && slices.Contains(s, lower(text)) {
					add(strings.Trim(string(m[2]), `"`))
				}
			}
		}
	}
	slices.SortFunc(s, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return s
}

// mask puts the mark for secrets in the place of each in text. One of up to three
// bytes is only one where no letter or digit stands beside it.
func (s secrets) mask(text string) string {
	for _, secret := range s {
		low := lower(text)
		var b strings.Builder
		for {
			i := strings.Index(low, secret)
			if i < 0 {
				break
			}
			end := i + len(secret)
			b.WriteString(text[:i])
			if len(secret) <= 3 && (i > 0 && alphanumeric(low[i-1]) || end < len(low) && alphanumeric(low[end])) {
				b.WriteString(text[i:end])
			} else {
				b.WriteString(masked)
			}
			text, low = text[end:], low[end:]
		}
		text = b.String() + text
	}
	return text
}

// maxData is how much of its log data a match keeps.
const maxData = 2 << 10

// data is what the rule writes of a match, without secrets.
func (s secrets) data(m waf.Match, e evidence) string {
	if m.Data != "" && e.secret(m.Variable) {
		return masked // it has the value in it, perhaps decoded
	}
	text := s.mask(m.Data)
	return text[:min(len(text), maxData)]
}

// lower puts the letters of ASCII in lower case; the length stays.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func alphanumeric(c byte) bool { return (c|0x20)-'a' < 26 || c-'0' < 10 }
