package bitset

import (
	"slices"
	"testing"
)

func TestSet(t *testing.T) {
	s, o := New(130), New(130)
	for _, i := range []int32{0, 63, 64, 129} {
		s.Add(i)
	}
	o.Add(1)
	s.Drop(64)
	s.Drop(65)
	s.Or(o)
	var got []int32
	for i := range int32(130) {
		if s.Has(i) {
			got = append(got, i)
		}
	}
	if want := []int32{0, 1, 63, 129}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
