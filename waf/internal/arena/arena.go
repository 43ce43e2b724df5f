// Package arena hands out memory that lives as long as one transaction.
//
// Values that are decoded from a request are many and short-lived; taking each
// from the heap would cost more than decoding it. Strings that point into an
// arena are valid until Reset; whoever keeps one longer must clone it.
package arena

import "unsafe"

const (
	firstChunk = 4 << 10
	maxChunk   = 256 << 10
	// keep is how much memory an arena holds on to over Reset, so that one large
	// body does not stay in the pool for ever.
	keep = 64 << 10
)

// Arena is a bump allocator. The zero value is ready. It is not safe for use by
// several goroutines.
type Arena struct {
	chunk []byte // its length is what is used
	held  int    // bytes in all chunks
}

// Alloc returns n bytes of unspecified content, with capacity n.
func (a *Arena) Alloc(n int) []byte {
	used := len(a.chunk)
	if n > cap(a.chunk)-used {
		size := min(max(firstChunk, 2*cap(a.chunk)), maxChunk)
		a.chunk = make([]byte, 0, max(size, n))
		a.held += cap(a.chunk)
		used = 0
	}
	a.chunk = a.chunk[:used+n]
	return a.chunk[used : used+n : used+n]
}

// Shrink gives back the tail of b, which must be the latest result of Alloc, so
// that only n bytes of it stay in use, and returns these as a string.
func (a *Arena) Shrink(b []byte, n int) string {
	a.chunk = a.chunk[:len(a.chunk)-(len(b)-n)]
	return String(b[:n])
}

// Copy returns a copy of s in the arena.
func (a *Arena) Copy(s string) string {
	b := a.Alloc(len(s))
	copy(b, s)
	return String(b)
}

// Concat returns the parts joined.
func (a *Arena) Concat(parts ...string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := a.Alloc(n)
	n = 0
	for _, p := range parts {
		n += copy(b[n:], p)
	}
	return String(b)
}

// Reset makes all memory free again. Strings that point into the arena must not
// be used afterwards.
func (a *Arena) Reset() {
	if cap(a.chunk) > keep {
		a.chunk = nil
	}
	a.chunk = a.chunk[:0]
	a.held = cap(a.chunk)
}

// Held returns how many bytes the arena took from the heap since Reset.
func (a *Arena) Held() int { return a.held }

// String returns b as a string without a copy; b must not change afterwards.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
