package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/waf"
)

// errRefused and errFailClosed tell the proxy that an answer must not reach the
// client.
var (
	errRefused    = errors.New("response refused")
	errFailClosed = errors.New("response inspection failed")
)

// windowWait is how long the start of a streamed response is held for inspection
// before what came so far must do.
const windowWait = time.Second

// response runs the response phases. It is called with each final response head,
// and with 101.
func (x *exchange) response(res *http.Response) error {
	res.Header["X-Request-Id"] = []string{x.id}
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.w.status = res.StatusCode // the connection is hijacked, WriteHeader never called
		return nil                  // two-way bytes from here on
	}
	if x.tx == nil {
		res.Body = x.watch(res.Body)
		return nil
	}
	active := x.service.ServerGroup.Mode == asset.Active
	header := res.Header
	if gzipped(res) {
		// The engine gets the decoded body, so it must not skip it as encoded.
		header = header.Clone()
		header.Del("Content-Encoding")
	}
	d := x.inspect(func() waf.Decision { return x.tx.ResponseHeaders(res.StatusCode, res.Proto, header) })
	if phase, _ := x.tx.Decided(); d.Block && active && phase == 3 {
		return x.refuseResponse(res)
	}
	res.Body = x.watch(res.Body)
	if x.r.Method == http.MethodHead || res.ContentLength == 0 || !x.tx.WantsResponseBody() || !readable(res) {
		d = x.inspect(x.tx.EndResponse)
	} else {
		d = x.inspectBody(res)
	}
	phase, err := x.tx.Decided()
	if d.Block && active && phase > 2 {
		return x.refuseResponse(res)
	}
	if err != nil && x.service.Service.FailClosed && active {
		_ = res.Body.Close() // of no use any more
		x.failClosed()
		return errFailClosed
	}
	return nil
}

func (x *exchange) refuseResponse(res *http.Response) error {
	_ = res.Body.Close() // of no use any more
	return errRefused
}

// inspectBody shows the engine the start of the body and puts it back in front.
func (x *exchange) inspectBody(res *http.Response) waf.Decision {
	_, limit := x.service.engine.Limits()
	buf := windows.Get().(*bytes.Buffer)
	if res.ContentLength >= 0 {
		_, err := buf.ReadFrom(io.LimitReader(res.Body, int64(limit)+1))
		res.Body = &prefixed{prefix: buf, rest: res.Body, err: err}
	} else {
		// Nobody knows how long it gets or how slowly it comes.
		res.Body = hold(res.Body, buf, limit+1, windowWait)
	}
	return x.inspect(func() waf.Decision {
		body := buf.Bytes()
		if gzipped(res) {
			body = gunzip(body, limit)
		}
		x.tx.ResponseBody(body)
		return x.tx.EndResponse()
	})
}

var windows = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// prefixed is a body whose start was read already.
type prefixed struct {
	prefix *bytes.Buffer
	rest   io.ReadCloser
	err    error // what ended the reading of the prefix, nil if there is more
}

func (b *prefixed) Read(p []byte) (int, error) {
	if b.prefix != nil {
		if n, _ := b.prefix.Read(p); n > 0 {
			return n, nil
		}
		if b.prefix.Cap() <= 1<<20 {
			b.prefix.Reset()
			windows.Put(b.prefix)
		}
		b.prefix = nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.rest.Read(p)
}

func (b *prefixed) Close() error { return b.rest.Close() }

// hold reads up to limit bytes of body into buf, for at most wait, and returns a
// body that gives them and then the rest. A read that is under way when the time
// is up goes on in the background; its bytes come next.
func hold(body io.ReadCloser, buf *bytes.Buffer, limit int, wait time.Duration) io.ReadCloser {
	type chunk struct {
		data []byte
		err  error
	}
	chunks := make(chan chunk)
	read := func() {
		data := make([]byte, 16<<10)
		n, err := body.Read(data)
		chunks <- chunk{data[:n], err}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for buf.Len() < limit {
		go read()
		select {
		case c := <-chunks:
			buf.Write(c.data)
			if c.err != nil {
				return &prefixed{prefix: buf, rest: body, err: c.err}
			}
		case <-timer.C:
			return &prefixed{prefix: buf, rest: &pending{next: func() ([]byte, error) { c := <-chunks; return c.data, c.err }, ReadCloser: body}}
		}
	}
	return &prefixed{prefix: buf, rest: body}
}

// pending is a body with one read under way.
type pending struct {
	io.ReadCloser
	next func() ([]byte, error) // waits for that read; nil when it was taken
	data []byte
	err  error
}

func (b *pending) Read(p []byte) (int, error) {
	if b.next != nil {
		b.data, b.err = b.next()
		b.next = nil
	}
	if len(b.data) > 0 {
		n := copy(p, b.data)
		b.data = b.data[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}

// Close ends the read that is under way and waits for it.
func (b *pending) Close() error {
	err := b.ReadCloser.Close()
	if b.next != nil {
		b.data, b.err = b.next()
		b.next = nil
	}
	return err
}

// readable reports whether the engine can look into a response body: not into
// event streams, which must not be held, nor into codings that it does not know.
func readable(res *http.Response) bool {
	if media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); strings.EqualFold(strings.TrimSpace(media), "text/event-stream") {
		return false
	}
	coding := strings.ToLower(res.Header.Get("Content-Encoding"))
	return coding == "" || coding == "identity" || gzipped(res)
}

func gzipped(res *http.Response) bool {
	coding := strings.ToLower(res.Header.Get("Content-Encoding"))
	return coding == "gzip" || coding == "x-gzip"
}

// gunzip decodes the start of a body, as far as it goes but not further than the
// engine looks, so that a small body cannot become a huge one.
func gunzip(b []byte, limit int) []byte {
	zr, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b // no gzip after all
	}
	// An error is expected: the stream is cut at the window.
	out, _ := io.ReadAll(io.LimitReader(zr, int64(limit)+1))
	return out
}

// acceptReadable keeps a client from asking the server for a content coding that
// the engine cannot look into.
func acceptReadable(h http.Header) {
	accepted := h["Accept-Encoding"]
	if len(accepted) == 0 {
		return
	}
	coding := "identity"
	for item := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, weight, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		if (name == "gzip" || name == "*") && (weight == "" || err == nil && q > 0) {
			coding = "gzip"
		}
	}
	h["Accept-Encoding"] = []string{coding}
}
