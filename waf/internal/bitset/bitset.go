// Package bitset is a set of small numbers, one bit each.
//
// The engine keeps rules, patterns and conditions in such sets, since it joins and
// intersects them for every value. All methods are small enough to be inlined.
package bitset

// Set is a set of numbers from 0 up to the size that it was made for; methods panic for
// numbers beyond the last word. It may be read by several goroutines, not changed.
type Set []uint64

// New returns an empty set for the numbers below n.
func New(n int) Set { return make(Set, (n+63)/64) }

// Add puts i into s.
func (s Set) Add(i int32) { s[i>>6] |= 1 << (uint(i) & 63) }

// Drop takes i out of s, if it is there.
func (s Set) Drop(i int32) { s[i>>6] &^= 1 << (uint(i) & 63) }

// Has reports whether i is in s.
func (s Set) Has(i int32) bool { return s[i>>6]>>(uint(i)&63)&1 != 0 }

// Or adds all of o, which was made for no more numbers than s.
func (s Set) Or(o Set) {
	for i, w := range o {
		s[i] |= w
	}
}
