package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf"
)

// Explanation is the engine's explanation of an exchange with what is to be said of the
// messages themselves.
type Explanation struct {
	waf.Explanation
	// HasResponse tells that a response was inspected as well.
	HasResponse bool
	// Notes are sentences for the user on what is odd about the messages, such as bytes
	// that belong to no body.
	Notes []string
}

// Explain sends a raw request that was received at the time now through an engine, and
// the raw response to it if that is not nil. All rules run, none blocks. An error is one
// of the messages, or of the engine.
func Explain(engine *waf.Engine, now time.Time, request, response []byte) (Explanation, error) {
	request = endLines(request)
	x, err := ParseRequest(request)
	if err != nil {
		return Explanation{}, fmt.Errorf("request: %w", err)
	}
	var out Explanation
	if x.Refused {
		out.Notes = append(out.Notes, "a strict HTTP server would refuse the request with 400 before any rule")
	}
	if _, rest, _ := bytes.Cut(request, []byte("\r\n\r\n")); len(x.Body) == 0 && len(bytes.TrimSpace(rest)) > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf(
			"the %d bytes after the head of the request are no body; add Content-Length: %d to the head", len(rest), len(rest)))
	}
	head := Head(x, now)
	head.DetectOnly, head.Explain = true, true
	tx := engine.Begin(head)
	defer tx.Close()
	tx.RequestHeaders()
	tx.RequestBody(x.Body)
	tx.EndRequest()
	if response != nil {
		r, err := ParseResponse(response, x.Method)
		if err != nil {
			return out, fmt.Errorf("response: %w", err)
		}
		tx.ResponseHeaders(r.Status, r.Protocol, r.Header)
		if tx.WantsResponseBody() {
			tx.ResponseBody(r.Body)
		} else {
			mediaType := http.Header(r.Header).Get("Content-Type")
			out.Notes = append(out.Notes, fmt.Sprintf("the rules do not look at bodies of content type %q", mediaType))
		}
		tx.EndResponse()
		out.HasResponse = true
	}
	out.Explanation = tx.Explain()
	return out, out.Verdict.Err
}

// maxDecompressed bounds what a compressed response may become.
const maxDecompressed = 64 << 20

// ParseResponse reads the raw HTTP/1.1 response to a request with the method as the
// gateway shows it to the rules: without gzip. A body shorter than its Content-Length
// is taken as it is, since that is how responses are often saved.
func ParseResponse(raw []byte, method string) (Response, error) {
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(endLines(raw))), &http.Request{Method: method})
	if err != nil {
		return Response{}, fmt.Errorf("%w; it begins with a line such as HTTP/1.1 200 OK", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil && len(res.TransferEncoding) > 0 {
		return Response{}, fmt.Errorf("chunked body: %w", err)
	}
	if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(z, maxDecompressed))
		}
		if err != nil {
			return Response{}, fmt.Errorf("gzip body: %w", err)
		}
		res.Header.Del("Content-Encoding")
	}
	return Response{Status: res.StatusCode, Protocol: res.Proto, Header: res.Header, Body: body}, nil
}
