package body

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
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
func brTo(w io.Writer) io.WriteCloser    { return brotli.NewWriter(w) }
func zstdTo(w io.Writer) io.WriteCloser {
	z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	return z
}

func TestDecompress(t *testing.T) {
	const text = "a=1&b=union+select"
	twice := compressed(t, string(compressed(t, text, zlibTo)), gzipTo)
	for codings, b := range map[string][]byte{
		"gzip": compressed(t, text, gzipTo), " X-GZIP ": compressed(t, text, gzipTo), "deflate": compressed(t, text, zlibTo),
		"Deflate, identity": compressed(t, text, flateTo), "deflate, gzip": twice, "identity": []byte(text),
		"br": compressed(t, text, brTo), "ZSTD": compressed(t, text, zstdTo),
		"zstd, br":       compressed(t, string(compressed(t, text, zstdTo)), brTo),
		"gzip, br, zstd": compressed(t, string(compressed(t, string(compressed(t, text, gzipTo)), brTo)), zstdTo),
	} {
		out, more, err := Decompress(codings, b, 100)
		if err != nil || more || string(out) != text {
			t.Errorf("%s: %q, %v, %v", codings, out, more, err)
		}
	}
	for _, codings := range []string{"compress", "dcb", "gzip, gzip, gzip, gzip", "gzip", "br", "zstd", "deflate, zstd"} {
		_, _, err := Decompress(codings, []byte(text), 100)
		if unreadable := codings == "compress" || codings == "dcb" ||
			len(codings) > 20; err == nil ||
			errors.Is(err, ErrUnreadable) != unreadable {
			t.Errorf("%s: %v", codings, err)
		}
	}
}

var codecs = map[string]func(io.Writer) io.WriteCloser{"gzip": gzipTo, "deflate": zlibTo, "br": brTo, "zstd": zstdTo}

func TestDecompressionIsBounded(t *testing.T) {
	zeroes := strings.Repeat("0", 50<<20)
	for coding, open := range codecs {
		bomb := compressed(t, zeroes, open)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		out, more, err := Decompress(coding, bomb, 1000)
		runtime.ReadMemStats(&after)
		if len(out) != 1000 || !more || err != nil {
			t.Errorf("%s: %d bytes, %v, %v", coding, len(out), more, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 24<<20 {
			t.Errorf("%s: a bomb of 50 MiB takes %d KiB", coding, n>>10)
		}
	}
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, zeroes[:9<<20]); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil { // the frame is no single segment
		t.Fatal(err)
	}
	if _, _, err := Decompress("zstd", b.Bytes(), 1000); err == nil {
		t.Error("a window of 64 MiB is taken")
	}
}

func TestCutBodiesKeepWhatThereWas(t *testing.T) {
	// Random text, so that no coding makes one block of it.
	rnd := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for range 40_000 {
		fmt.Fprintf(&text, "a=%x&", rnd.Uint64())
	}
	for coding, open := range codecs {
		whole := compressed(t, text.String(), open)
		out, more, err := Decompress(coding, whole[:len(whole)-9], 1<<20)
		if err == nil || more || len(out) < 100_000 || !strings.HasPrefix(text.String(), string(out)) {
			t.Errorf("%s: %d bytes, %v, %v", coding, len(out), more, err)
		}
		if coding == "deflate" {
			continue // what follows its end belongs to nobody
		}
		if out, _, err := Decompress(
			coding,
			append(whole[:len(whole):len(whole)], "junk"...),
			1<<20,
		); err == nil ||
			string(out) != text.String() {
			t.Errorf("%s with junk behind it: %d bytes, %v", coding, len(out), err)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	f.Add("gzip", compressed(f, "abc", gzipTo))
	f.Add("deflate", compressed(f, "abc", flateTo))
	f.Add("br", compressed(f, "abc", brTo))
	f.Add("zstd, br", compressed(f, string(compressed(f, "abc", zstdTo)), brTo))
	f.Fuzz(func(t *testing.T, codings string, b []byte) {
		if out, _, _ := Decompress(codings, b, 1000); len(out) > 1000 {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
