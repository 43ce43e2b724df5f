package program

// set is a set of small numbers.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i int32)      { s[i>>6] |= 1 << (uint(i) & 63) }
func (s set) drop(i int32)     { s[i>>6] &^= 1 << (uint(i) & 63) }
func (s set) has(i int32) bool { return s[i>>6]>>(uint(i)&63)&1 != 0 }

func (s set) or(o set) {
	for i, w := range o {
		s[i] |= w
	}
}
