package bitset

// set is a set of small numbers.
type Set []uint64

func New(n int) Set { return make(Set, (n+63)/64) }

func (s Set) Add(i int32)      { s[i>>6] |= 1 << (uint(i) & 63) }
func (s Set) Drop(i int32)     { s[i>>6] &^= 1 << (uint(i) & 63) }
func (s Set) Has(i int32) bool { return s[i>>6]>>(uint(i)&63)&1 != 0 }

func (s Set) Or(o Set) {
	for i, w := range o {
		s[i] |= w
	}
}
