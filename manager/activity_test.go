package manager_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager"
)

func TestQuestionsReachTheLakeAsAsked(t *testing.T) {
	b := start(t)
	c := b.token(b.admin(), manager.Operator)
	ctx := t.Context()
	now := b.clock.Now()
	from, to := now.Add(-3*time.Hour), now.Add(-2*time.Hour)
	answered(
		t, ok[*apiclient.ListEventsResponse](t)(c.ListEventsWithResponse(
			ctx, &apiclient.ListEventsParams{From: &from, To: &to, Q: new("action:block"), Cursor: new("c"), Limit: new(5)},
		)), 200, "",
	)
	if want, got := (event.Query{From: from, To: to, Filter: "action:block", Cursor: "c", Limit: 5}), b.events.asked(); got != want {
		t.Errorf("want %+v, got %+v", want, got)
	}
	answered(t, ok[*apiclient.ListEventsResponse](t)(c.ListEventsWithResponse(ctx, nil)), 200, "")
	if want, got := (event.Query{From: now.Add(-time.Hour), To: now, Limit: 200}), b.events.asked(); got != want {
		t.Errorf("defaults: want %+v, got %+v", want, got)
	}
	answered(
		t, ok[*apiclient.EventHistogramResponse](t)(c.EventHistogramWithResponse(ctx, &apiclient.EventHistogramParams{Buckets: new(7)})), 200,
		"",
	)
	if got := b.events.asked(); got.Buckets != 7 {
		t.Errorf("buckets: %+v", got)
	}
	facets := ok[*apiclient.EventFacetsResponse](t)(c.EventFacetsWithResponse(ctx, nil))
	if answered(t, facets, 200, ""); !strings.Contains(string(facets.Body), `"fields":[]`) {
		t.Errorf("facets: %s", facets.Body)
	}
	if e := ok[*apiclient.GetEventResponse](t)(c.GetEventWithResponse(ctx, "e1")); e.JSON200 == nil || e.JSON200.ID != "e1" {
		t.Errorf("event: %s", e.Body)
	}
	table := ok[*apiclient.QueryLakeResponse](t)(c.QueryLakeWithResponse(ctx, apigen.LakeQuery{Sql: "SELECT 1", Limit: new(3)}))
	if string(table.Body) != `{"columns":["1"],"rows":[[3]],"truncated":false}`+"\n" {
		t.Errorf("table: %s", table.Body)
	}
	attack := ok[*apiclient.SendTestAttackResponse](t)(c.SendTestAttackWithResponse(ctx, "nobody"))
	answered(t, attack, 404, apigen.NotFound)
}

func TestLakeFailureIsNoMistakeOfTheUser(t *testing.T) {
	b := start(t)
	c := b.token(b.admin(), manager.Viewer)
	b.events.err = context.DeadlineExceeded
	answered(t, ok[*apiclient.EventFacetsResponse](t)(c.EventFacetsWithResponse(t.Context(), nil)), 503, apigen.Unavailable, "took too long")
	b.events.err = http.ErrBodyNotAllowed
	r := ok[*apiclient.EventFacetsResponse](t)(c.EventFacetsWithResponse(t.Context(), nil))
	answered(t, r, 500, apigen.Internal)
	if strings.Contains(string(r.Body), http.ErrBodyNotAllowed.Error()) {
		t.Errorf("the inside shows: %s", r.Body)
	}
}

func TestQueryStopsWhenTheClientLeaves(t *testing.T) {
	b := start(t)
	c := b.token(b.admin(), manager.Viewer)
	b.events.block = make(chan struct{})
	b.events.asking = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-b.events.asking; cancel() }()
	if _, err := c.ListEventsWithResponse(ctx, nil); err == nil {
		t.Error("an answer came")
	}
	select {
	case <-b.events.block: // closed when the lake saw the context end
	case <-time.After(10 * time.Second):
		t.Error("the lake still works for a client that left")
	}
}

// stream opens an event stream and returns its lines.
func (b *bed) stream(c *client) (lines *bufio.Scanner, send chan event.Summary) {
	b.t.Helper()
	resp, err := c.StreamEvents(b.t.Context(), &apiclient.StreamEventsParams{Q: new("action:block")})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("stream: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	b.events.mu.Lock()
	defer b.events.mu.Unlock()
	lines = bufio.NewScanner(resp.Body)
	return lines, b.events.subs[len(b.events.subs)-1]
}

// expect reads one message of a stream.
func expect(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	var got []string
	for lines.Scan() && lines.Text() != "" {
		got = append(got, lines.Text())
	}
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("want message %q, got %q (%v)", want, text, lines.Err())
	}
}

func TestStreamSendsEventsAndTellsOfDroppedOnes(t *testing.T) {
	b := start(t)
	lines, send := b.stream(b.token(b.admin(), manager.Viewer))
	expect(t, lines, ": connected")
	const rest = `"time":"0001-01-01T00:00:00Z","kind":"","action":"block","mode":"","attacks":[],"severity":"",` +
		`"score":0,"rule_ids":[],"rule_id":0,"message":"","site":"","server_group":"","service":"","service_id":"","gateway":"","client":"",` +
		`"method":"","host":"","path":"/a\nb","query":"","user_agent":"","status":0,"duration_us":0}`
	send <- event.Summary{ID: "e1", Action: event.Block, Path: "/a\nb"}
	expect(t, lines, "id: e1\ndata: {\"id\":\"e1\","+rest)
	b.events.mu.Lock()
	b.events.dropped = 3
	b.events.mu.Unlock()
	send <- event.Summary{ID: "e2\nevent: forged", Action: event.Block, Path: "/a\nb"}
	expect(t, lines, "id: e2event: forged\ndata: {\"id\":\"e2\\nevent: forged\","+rest)
	expect(t, lines, "event: dropped\ndata: {\"count\": 3}")
	send <- event.Summary{ID: "e3", Action: event.Block, Path: "/a\nb"}
	expect(t, lines, "id: e3\ndata: {\"id\":\"e3\","+rest)
	close(send) // the lake ends it
	if lines.Scan() {
		t.Errorf("after the end: %s", lines.Text())
	}
}

func TestStreamEndsWhenTheRightToItDoes(t *testing.T) {
	b := start(t)
	admin := b.admin()
	viewer := b.user("v", manager.Viewer)
	other := b.token(admin, manager.Viewer)
	lines, _ := b.stream(viewer)
	expect(t, lines, ": connected")
	stays, send := b.stream(other)
	expect(t, stays, ": connected")
	id := ok[*apiclient.GetSessionResponse](t)(viewer.GetSessionWithResponse(t.Context())).JSON200.User.Id
	answered(
		t, ok[*apiclient.UpdateUserResponse](t)(admin.UpdateUserWithResponse(t.Context(), id, apigen.UserUpdate{Disabled: new(true)})), 200, "",
	)
	if lines.Scan() {
		t.Errorf("a disabled user still reads: %s", lines.Text())
	}
	go func() { send <- event.Summary{ID: "e1"} }()
	if !stays.Scan() || stays.Text() != "id: e1" {
		t.Errorf("somebody else's stream ended too: %q", stays.Text())
	}
}

func TestStreamEndsAtShutdown(t *testing.T) {
	b := start(t)
	lines, _ := b.stream(b.token(b.admin(), manager.Viewer))
	expect(t, lines, ": connected")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	cancel()
	if lines.Scan() {
		t.Errorf("after shutdown: %s", lines.Text())
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOverviewJoinsLakeGatewaysAndObjects(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	now := p.clock.Now()
	from := now.Add(-10 * time.Minute)
	gw := asset.GatewayStatus{ID: "gw", Name: "gateway", Started: now.Add(-time.Minute)}
	count := func(requests, blocked, alerted, errors int64) {
		gw.Traffic = []asset.Traffic{{
			ServiceID: p.service.ID, ServerGroupID: p.group.ID, Requests: requests, Blocked: blocked, Alerted: alerted, Errors: errors,
		}}
		p.gateways.set(gw)
	}
	p.events.stats = event.Stats{
		Attacks:    []event.AttackCount{{Attack: "sqli", Title: "SQL injection", Count: 3, Blocked: 2}},
		TopSources: []event.Count{{Value: "192.0.2.1", Count: 3}},
	}
	overview := func() apigen.Overview {
		t.Helper()
		o := ok[*apiclient.GetOverviewResponse](t)(p.c.GetOverviewWithResponse(ctx, &apiclient.GetOverviewParams{From: &from, Buckets: new(10)}))
		answered(t, o, 200, "")
		var total int64
		for _, n := range o.JSON200.Traffic {
			total += n
		}
		if total != o.JSON200.Requests || len(o.JSON200.Traffic) != len(o.JSON200.Times) {
			t.Errorf("chart %d, number %d; %d points, %d times", total, o.JSON200.Requests, len(o.JSON200.Traffic), len(o.JSON200.Times))
		}
		return *o.JSON200
	}
	count(10, 4, 3, 1)
	p.clock.add(30 * time.Second)
	o := overview() // live: neither Run nor flush has seen it
	if o.Requests != 10 || o.Blocked != 4 || o.Alerted != 3 || o.Errors != 1 {
		t.Errorf("counts: %d %d %d %d", o.Requests, o.Blocked, o.Alerted, o.Errors)
	}
	if len(o.Attacks) != 1 || o.Attacks[0].Count != 3 || o.TopSources[0].Value != "192.0.2.1" || o.EventsStored != 7 ||
		o.LakeBytes != 4096 || o.TopRules == nil {
		t.Errorf("from the lake: %+v", o)
	}
	want := apigen.SiteState{
		SiteId: p.site.ID, Site: "Berlin", ServerGroupId: p.group.ID, ServerGroup: "shop", Mode: asset.Simulation, Requests: 10, Blocked: 4,
		Alerted: 3, Services: []string{"web"},
	}
	if len(o.Sites) != 1 || len(o.Gateways) != 1 || o.Gateways[0].Listeners == nil {
		t.Errorf("sites %+v, gateways %+v", o.Sites, o.Gateways)
	} else if got := o.Sites[0]; got.Requests != want.Requests || got.Mode != want.Mode ||
		got.Site != want.Site || got.Services[0] != "web" || got.Alerted != 3 {
		t.Errorf("site: want %+v, got %+v", want, got)
	}

	p.Flush(ctx)
	if o := overview(); o.Requests != 10 {
		t.Errorf("after a flush: %d", o.Requests)
	}
	// The manager restarts, the gateway goes on.
	p.stop()
	p.open()
	p.c = p.token(p.bed.admin(), manager.Viewer)
	count(15, 4, 3, 1)
	if o := overview(); o.Requests != 15 {
		t.Errorf("after a restart of the manager: %d", o.Requests)
	}
	// The gateway restarts.
	gw.Started = p.clock.Now()
	count(2, 1, 0, 0)
	p.clock.add(time.Minute)
	if o := overview(); o.Requests != 17 || o.Blocked != 5 {
		t.Errorf("after a restart of the gateway: %d, %d", o.Requests, o.Blocked)
	}
	p.Flush(ctx)
	p.clock.add(31 * 24 * time.Hour)
	p.Clean(ctx)
	from = from.Add(-time.Hour)
	if left, err := p.Store().Minutes(ctx, from, p.clock.Now(), time.Hour); err != nil || len(left) != 0 {
		t.Errorf("after 31 days: %v, %v", left, err)
	}
}
