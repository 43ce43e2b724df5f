package body

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"
)

func compressed(t testing.TB, text string, open func(io.Writer) io.WriteCloser) []byte {
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipTo(w io.Writer) io.WriteCloser  { return gzip.NewWriter(w) }
func zlibTo(w io.Writer) io.WriteCloser  { return zlib.NewWriter(w) }
func flateTo(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 6); return f }

func TestDecompress(t *testing.T) {
	const text = "a=1&b=union+select"
	twice := compressed(t, string(compressed(t, text, zlibTo)), gzipTo)
	for codings, b := range map[string][]byte{
		"gzip": compressed(t, text, gzipTo), " X-GZIP ": compressed(t, text, gzipTo), "deflate": compressed(t, text, zlibTo),
		"Deflate, identity": compressed(t, text, flateTo), "deflate, gzip": twice, "identity": []byte(text),
	} {
		out, more, err := Decompress(codings, b, 100)
		if err != nil || more || string(out) != text {
			t.Errorf("%s: %q, %v, %v", codings, out, more, err)
		}
	}
	for _, codings := range []string{"br", "gzip, gzip, gzip, gzip", "gzip"} {
		if _, _, err := Decompress(codings, []byte(text), 100); err == nil {
			t.Errorf("%s: no error", codings)
		}
	}
	bomb := compressed(t, strings.Repeat("0", 50<<20), gzipTo)
	if out, more, err := Decompress("gzip", bomb, 1000); len(out) != 1000 || !more || err != nil {
		t.Errorf("bomb: %d bytes, %v, %v", len(out), more, err)
	}
	whole := compressed(t, text, gzipTo)
	if out, _, err := Decompress("gzip", whole[:len(whole)-9], 100); err == nil || len(out) == 0 {
		t.Errorf("cut: %q, %v", out, err)
	}
}

func FuzzDecompress(f *testing.F) {
	f.Add("gzip", compressed(f, "abc", gzipTo))
	f.Add("deflate", compressed(f, "abc", flateTo))
	f.Fuzz(func(t *testing.T, codings string, b []byte) {
		if out, _, _ := Decompress(codings, b, 1000); len(out) > 1000 {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
