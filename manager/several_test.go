package manager_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager"
)

// beside opens a second manager on the same database, as another process would.
func (b *bed) beside() *bed {
	b.t.Helper()
	other := &bed{t: b.t, dir: b.dir, events: &fakeEvents{}, gateways: &fakeGateways{}, clock: b.clock, password: b.password}
	other.open()
	return other
}

func TestGuessingIsThrottledByAllManagersTogether(t *testing.T) {
	b := start(t)
	other := b.beside()
	answers := map[int]int{}
	for i := range 6 {
		server := []*bed{b, other}[i%2]
		answers[server.post("192.0.2.1", "admin", "wrong wrong wrong").Code]++
	}
	if want := map[int]int{401: 5, 429: 1}; !cmp.Equal(want, answers) {
		t.Errorf("want %v, got %v", want, answers)
	}
	b.stop()
	b.open()
	if got := b.post("192.0.2.1", "admin", "wrong wrong wrong").Code; got != http.StatusTooManyRequests {
		t.Errorf("after a restart: %d", got)
	}
	if got := b.post("192.0.2.2", "admin", b.password).Code; got != http.StatusOK {
		t.Errorf("the user at another address: %d", got)
	}
}

func TestAUseOfASessionCountsForAllManagers(t *testing.T) {
	b := start(t)
	other := b.beside()
	c := b.admin()
	elsewhere := other.client()
	elsewhere.auth = ""
	elsewhere.http.Jar.SetCookies(other.url(), c.http.Jar.Cookies(b.url()))
	for range 3 {
		b.clock.add(11 * time.Hour)
		for name, c := range map[string]*client{"the first": c, "the other": elsewhere} {
			if r := ok[*apiclient.GetSessionResponse](t)(c.GetSessionWithResponse(t.Context())); r.StatusCode() != http.StatusOK {
				t.Fatalf("%s manager: %d", name, r.StatusCode())
			}
		}
	}
}

func TestALostRightEndsStreamsOfOtherManagers(t *testing.T) {
	b := start(t)
	other := b.beside()
	viewer := b.user("v", manager.Viewer)
	id := ok[*apiclient.GetSessionResponse](t)(viewer.GetSessionWithResponse(t.Context())).JSON200.User.Id
	lines, _ := b.stream(b.token(viewer, manager.Viewer))
	expect(t, lines, ": connected")
	disable := apigen.UserUpdate{Disabled: new(true)}
	answered(t, ok[*apiclient.UpdateUserResponse](t)(other.admin().UpdateUserWithResponse(t.Context(), id, disable)), 200, "")
	b.Follow(t.Context())
	if lines.Scan() {
		t.Errorf("a user whom another manager disabled still reads: %s", lines.Text())
	}
}

func TestAChangeByAnotherManagerIsPublished(t *testing.T) {
	p := plant(t)
	other := p.beside()
	published := len(p.gateways.applied)
	c := other.admin()
	r := ok[*apiclient.SetModeResponse](t)(c.SetModeWithResponse(t.Context(), p.group.ID, apigen.ModeChange{Mode: asset.Active}))
	answered(t, r, 200, "")
	for range 2 {
		p.Follow(t.Context())
	}
	if n := len(p.gateways.applied); n != published+1 {
		t.Errorf("%d policies published for one change", n-published)
	}
	if diff := cmp.Diff(other.gateways.running(t), p.gateways.running(t)); diff != "" {
		t.Errorf("the two managers' gateways differ\n%s", diff)
	}
	other.Follow(t.Context()) // its own change is no news
	if n := len(other.gateways.applied); n != 1 {
		t.Errorf("%d policies published by who made the change", n)
	}
}
