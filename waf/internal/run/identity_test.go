package run

import (
	"strings"
	"testing"
)

func TestIdentityNumbers(t *testing.T) {
	for _, c := range []struct {
		check  string
		valid  string // with blanks between
		broken string
	}{
		{"verifyCPF", "52998224725 529.982.247-25 111.444.777-35", "52998224724 111.111.111-11 5299822472 529982247255"},
		{"verifySSN", "078-05-1120 536221234 899-12-3456", "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 123456789 111111111 12345678"},
		{"verifySVNR", "1237010180 1237-010180", "1238010180 123701018 0000000000"},
		{"verifyCC", "4111111111111111 5500-0000-0000-0004", "4111111111111112"},
	} {
		for s := range strings.FieldsSeq(c.valid) {
			if !idChecks[c.check](s) {
				t.Errorf("%s: %s is valid", c.check, s)
			}
		}
		for s := range strings.FieldsSeq(c.broken) {
			if idChecks[c.check](s) {
				t.Errorf("%s: %s is not valid", c.check, s)
			}
		}
	}
	for s, want := range map[string]bool{"12.345.678-5": true, "12345678-5": true, "12345678-4": false, "10000013-K": true, "10000013-k": true, "10000013-0": false, "": false, "k": false, "0-0": false} {
		if got := rut(s); got != want {
			t.Errorf("rut(%q) = %v", s, got)
		}
	}
}
