package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestTimeRangeHasDefaults(t *testing.T) {
	from, to, err := TimeRange(noon, nil, nil)
	if err != nil || !from.Equal(noon.Add(-time.Hour)) || !to.Equal(noon) {
		t.Errorf("%v to %v, %v", from, to, err)
	}
	past := noon.Add(-48 * time.Hour)
	if from, to, err := TimeRange(noon, nil, &past); err != nil || !from.Equal(past.Add(-time.Hour)) || !to.Equal(past) {
		t.Errorf("%v to %v, %v", from, to, err)
	}
	if _, _, err := TimeRange(noon, &time.Time{}, nil); err == nil || !strings.Contains(err.Error(), "from: want a time") {
		t.Error(err)
	}
}

func TestProblemsAreTakenApartWithTheirPrefix(t *testing.T) {
	_, err := policy.Compile(1, policy.Objects{
		Sites:        []asset.Site{{ID: "s", Name: "s"}},
		ServerGroups: []asset.ServerGroup{{ID: "g", SiteID: "s", Name: "g", Mode: asset.Active}},
		Services:     []asset.Service{{ID: "v", ServerGroupID: "g", Name: "web", Ports: []asset.Port{{Address: "x"}}, Paranoia: 9}},
	})
	want := []string{
		`service "web": ports[0]: address "x": want host:port, for example 0.0.0.0:8080`,
		`service "web": paranoia 9: must be 1 to 4`,
	}
	if got := Problems(err); !slices.Equal(got, want) {
		t.Errorf("want %q, got %q", want, got)
	}
	if got := Problems(&event.FilterError{Msg: "x"}); len(got) != 1 {
		t.Errorf("a plain error: %q", got)
	}
}

func TestKeysSortLikeTheirNumbers(t *testing.T) {
	numbers := []int64{-1 << 63, -7, -1, 0, 1, 9, 10, 1<<63 - 1}
	for i, n := range numbers[1:] {
		if m := numbers[i]; Ascending(m) >= Ascending(n) || Descending(m) <= Descending(n) {
			t.Errorf("%d and %d: %s %s, %s %s", m, n, Ascending(m), Ascending(n), Descending(m), Descending(n))
		}
	}
	if Key("a", "z") >= Key("a b", "a") || Key("a", "1") >= Key("a", "2") {
		t.Error("a name that begins with another one sorts before it")
	}
}
