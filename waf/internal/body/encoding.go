package body

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// ErrUnreadable tells that a body is in a content coding or a charset that the engine cannot
// decode. Unlike other errors it does not come from where the body was cut. A rule on REQBODY_ERROR
// (200002) can refuse such a body; what it hides is not known.
var ErrUnreadable = errors.New("cannot be inspected")

// Decompress undoes the content codings of a body (RFC 9110, section 8.4), the last
// one first, and returns at most limit bytes and whether there were more. Of a body
// that breaks off it returns what there was before. Codings other than gzip, deflate,
// br, zstd and identity are ErrUnreadable. Memory is bounded by limit and, for each
// coding, by its window: 32 KiB for gzip and deflate, 16 MiB for br (RFC 7932, section
// 9.1), 8 MiB for zstd. A body is compressed to get past a filter that looks at bytes as sent, and
// may be a bomb: a few KiB that become gigabytes. limit counts bytes of the last result; those of
// the codings between are streamed. codings is the value of Content-Encoding.
//
//	Content-Encoding: gzip, br   ->  br is undone first, then gzip
func Decompress(codings string, b []byte, limit int) (out []byte, more bool, err error) {
	// Each coding on top of another multiplies what a byte may become, so their number is
	// bounded, and each of them by the limit.
	list := strings.Split(codings, ",")
	if len(list) > maxCodings {
		return nil, false, fmt.Errorf("%w: content has %d codings on top of each other", ErrUnreadable, len(list))
	}
	var r io.Reader = bytes.NewReader(b)
	// Senders list codings in the order in which they applied them.
	for i := len(list) - 1; i >= 0; i-- {
		switch coding := strings.ToLower(strings.TrimSpace(list[i])); coding {
		case "", "identity":
		// RFC 9110, section 8.4.1.3 makes x-gzip the same.
		case "gzip", "x-gzip":
			if r, err = gzip.NewReader(r); err != nil {
				return nil, false, fmt.Errorf("gzip: %w", err)
			}
		case "deflate":
			if r, err = inflate(r); err != nil {
				return nil, false, fmt.Errorf("deflate: %w", err)
			}
		case "br":
			r = brotli.NewReader(r)
		case "zstd":
			// One goroutine and little memory: there is a decoder for each body, and none is kept.
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
			if err != nil {
				return nil, false, fmt.Errorf("zstd: %w", err)
			}
			// A decoder of zstd holds memory until it is closed; the others need no end.
			defer d.Close()
			r = d
		// compress is of RFC 9110 as well, and no client sends it.
		default:
			return nil, false, fmt.Errorf("%w: content coding %q", ErrUnreadable, coding)
		}
	}
	// One byte more than the limit is read to know whether there are more. Readers are chained, so
	// that the codings are undone piece by piece.
	out, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(out) > limit {
		return out[:limit], true, nil
	}
	// A broken or cut stream: what it gave before is inspected, and the error tells that it is not
	// all.
	if err != nil && !errors.Is(err, io.EOF) {
		return out, false, fmt.Errorf("content coding: %w", err)
	}
	return out, false, nil
}

// maxCodings is how many codings may lie on top of each other: more than one has no
// honest use.
const maxCodings = 3

// zstdWindow is the largest window of zstd that HTTP allows (RFC 9659, section 3).
const zstdWindow = 8 << 20

// inflate reads deflate, which is zlib's format by the standard and the bare one by
// the habit of some senders. RFC 9110, section 8.4.1.2 notes the habit. Both are tried by their
// first two bytes, as browsers and servers do.
func inflate(r io.Reader) (io.Reader, error) {
	var head [2]byte
	// One byte alone is left to the decoder to judge.
	n, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), r)
	// The header of zlib (RFC 1950, section 2.2): compression method 8, and a check sum by 31.
	if n == 2 && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(whole)
	}
	return flate.NewReader(whole), nil
}
