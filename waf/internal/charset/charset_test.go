package charset

import (
	"strings"
	"testing"
)

func TestThereAreAtMost64Classes(t *testing.T) {
	var all Mask
	for _, m := range bit {
		if m == 0 {
			t.Fatal("a byte has no class")
		}
		all |= m
	}
	if all>>52 != 0 || all != 1<<52-1 {
		t.Fatalf("classes %b", all)
	}
}

func TestCoverIsSound(t *testing.T) {
	for a := range 256 {
		s := Of(string([]byte{byte(a)}))
		for b := range 256 {
			if a == b && MaskOf("xx"+string([]byte{byte(b)})+"yyyy")&Cover(s) == 0 {
				t.Fatalf("byte %d is not covered", a)
			}
		}
	}
}

func BenchmarkMaskOf(b *testing.B) {
	s := strings.Repeat("question window number weather ", 30)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		MaskOf(s)
	}
}
