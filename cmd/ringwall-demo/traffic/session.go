package traffic

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// A step is one request of a journey or an attack.
type step struct {
	method string // empty means GET, or POST when there is a body
	target string // path and query, sent byte for byte
	body   string
	header []string      // names and values that replace the session's
	think  time.Duration // before the request
}

func (s step) verb() string {
	switch {
	case s.method != "":
		return s.method
	case s.body != "":
		return http.MethodPost
	}
	return http.MethodGet
}

// session is a browser or tool at work: it keeps its cookies and its address. One
// with several addresses takes them in turn, as a botnet does.
type session struct {
	v      *visit
	header []string
	addrs  []string
	jar    http.CookieJar
	sent   int
}

func newSession(v *visit, header []string, addrs ...string) *session {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // New fails only for options that are not used here
	}
	return &session{v: v, header: header, addrs: addrs, jar: jar}
}

// request makes st's request without sending it.
func (s *session) request(ctx context.Context, st step) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, st.verb(), s.v.base.String(), nil)
	if err != nil {
		return nil, err
	}
	if st.body != "" {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(st.body)), int64(len(st.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(st.body)), nil }
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	// Opaque keeps attacks as they are written: Path would clean and escape them.
	path, query, _ := strings.Cut(st.target, "?")
	req.URL = &url.URL{Scheme: s.v.base.Scheme, Host: s.v.base.Host, Opaque: path, RawQuery: query}
	req.Host = s.v.opt.Host
	for _, h := range [][]string{s.header, st.header} {
		for i := 0; i < len(h); i += 2 {
			if h[i] == "Host" {
				req.Host = h[i+1]
			} else {
				req.Header.Set(h[i], h[i+1])
			}
		}
	}
	req.Header.Set("X-Forwarded-For", s.addrs[s.sent%len(s.addrs)])
	for _, c := range s.jar.Cookies(s.v.base) {
		req.AddCookie(c)
	}
	return req, nil
}

// send sends st and reads the answer away.
func (s *session) send(ctx context.Context, st step) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := s.request(ctx, st)
	if err != nil {
		return err
	}
	s.sent++
	res, err := s.v.opt.transport.RoundTrip(req) // no redirects: the journey knows where it goes
	if err != nil {
		return err
	}
	s.jar.SetCookies(s.v.base, res.Cookies())
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	return err
}
