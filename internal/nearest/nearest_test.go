package nearest

import "testing"

func TestNameIsTheOneWithTheFewestChanges(t *testing.T) {
	known := []string{"listen", "upstream", "listed", "paranoia"}
	for name, want := range map[string]string{"lisen": "listen", "listd": "listed", "Upstream": "upstream", "paranoya": "paranoia", "listex": "listen"} {
		if got := Name(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if got := Name("x", nil); got != "" {
		t.Errorf("of no names the nearest is %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"ab", "ba", 2}} {
		if Distance(c.a, c.b) != c.want || Distance(c.b, c.a) != c.want {
			t.Errorf("distance of %q and %q: %d and %d, want %d", c.a, c.b, Distance(c.a, c.b), Distance(c.b, c.a), c.want)
		}
	}
}
