package seclang

import (
	"slices"
	"testing"
)

func TestSplitGivesBackWhatWasJoined(t *testing.T) {
	files := []File{{"a.conf", "SecAction \"id:1\"\n"}, {"dir/with \"quotes\"\n.conf", "# only a remark\n"}, {"c.data", "word\n"}}
	if got := Split("x", Join(files)); !slices.Equal(got, files) {
		t.Errorf("%q", got)
	}
	if got := Split("x", "SecMarker A"); !slices.Equal(got, []File{{"x", "SecMarker A"}}) {
		t.Errorf("%q", got)
	}
	if got := Split("x", "SecMarker A\n"+Join(files[:1])); len(got) != 2 || got[0].Name != "x" || got[1] != files[0] {
		t.Errorf("%q", got)
	}
	if got := Split("x", ""); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if list, err := Parse("x", Join(files[:2])); err != nil || len(list) != 1 {
		t.Errorf("marks are comments: %v %v", list, err)
	}
}
