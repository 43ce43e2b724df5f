// Package storetest says what a store must do. Every database that manager/store
// runs on passes it. It is for tests only.
//
// Stability: internal.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/policy"
)

// TestStore runs the suite. open returns an empty store each time and closes it when
// the test ends.
func TestStore(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *store.Store)
	}{
		{"objects come back as they were written", objects},
		{"an update needs the stored revision", revisions},
		{"names are unique where they must be", names},
		{"a parent with children stays", parents},
		{"exceptions come back as they were written", exceptions},
		{"rule actions are replaced as a whole", ruleActions},
		{"a failed write leaves nothing behind", rollback},
		{"counters grow without gaps under concurrency", counters},
		{"a view does not change while it is open", view},
		{"users are found by name in any case", users},
		{"sessions end one by one, all but one, by number and by age", sessions},
		{"tokens are found by their hash", tokens},
		{"the audit trail is numbered, paged and bounded", audit},
		{"a change is recorded with JSON before and after", record},
		{"attempts are counted once each, and bounded", attempts},
		{"versions tell of changes and of lost rights", versions},
		{"what was tried is taken back", tried},
		{"traffic adds up by minute", traffic},
		{"a cancelled context stops a query", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

var now = time.Date(2026, 11, 22, 12, 34, 56, 789e6, time.UTC)

// write runs fn in a transaction that must succeed.
func write(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// must returns v when err is nil.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func wantError(t *testing.T, want, got error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error: want %v, got %v", want, got)
	}
}

// tree writes one object of each kind.
func tree(t *testing.T, s *store.Store) (site asset.Site, group asset.ServerGroup, service asset.Service, route asset.Route) {
	t.Helper()
	ctx := t.Context()
	write(t, s, func(tx *store.Tx) (err error) {
		site, err = tx.CreateSite(ctx, asset.Site{ID: "s", Name: "Zürich 'prod' %"})
		if err != nil {
			return err
		}
		group, err = tx.CreateServerGroup(ctx, asset.ServerGroup{ID: "g", SiteID: "s", Name: "shop", Mode: asset.Active, PassWhenDisabled: true})
		if err != nil {
			return err
		}
		service, err = tx.CreateService(ctx, asset.Service{
			ID: "v", ServerGroupID: "g", Name: "web", Ports: []asset.Port{{Address: ":443", CertFile: "/c", KeyFile: "/k"}, {Address: ":80"}},
			TrustedProxies: []string{"10.0.0.0/8"}, AccessEvents: true, Paranoia: 2, InboundThreshold: 7, OutboundThreshold: 3,
			MaxBodyBytes: 1 << 40, FailClosed: true,
		})
		if err != nil {
			return err
		}
		route, err = tx.CreateRoute(ctx, asset.Route{
			ID: "r", ServiceID: "v", Priority: -3, Host: "*.example.com", PathPrefix: "/a", Upstreams: []string{
				"http://127.0.0.1:3000", "http://127.0.0.1:3001",
			},
			PreserveHost: true, InsecureSkipVerify: true,
		})
		return err
	})
	return site, group, service, route
}

func objects(t *testing.T, s *store.Store) {
	ctx := t.Context()
	site, group, service, route := tree(t, s)
	if site.Revision != 1 || group.Revision != 1 || service.Revision != 1 || route.Revision != 1 {
		t.Error("a new object has revision 1")
	}
	v1, err := s.Site(ctx, "s")
	same(t, site, must(t, v1, err))
	v2, err := s.ServerGroup(ctx, "g")
	same(t, group, must(t, v2, err))
	v3, err := s.Service(ctx, "v")
	same(t, service, must(t, v3, err))
	v4, err := s.Route(ctx, "r")
	same(t, route, must(t, v4, err))

	group.Mode, group.PassWhenDisabled = asset.Disabled, false
	service.Ports, service.TrustedProxies, service.AccessEvents, service.MaxBodyBytes = []asset.Port{{Address: ":1"}}, []string{}, false, 0
	route.Upstreams, route.Priority, route.PreserveHost = []string{"https://a"}, 9, false
	write(t, s, func(tx *store.Tx) (err error) {
		if group, err = tx.UpdateServerGroup(ctx, group); err != nil {
			return err
		}
		if service, err = tx.UpdateService(ctx, service); err != nil {
			return err
		}
		route, err = tx.UpdateRoute(ctx, route)
		return err
	})
	l2, err := s.ServerGroups(ctx, "")
	same(t, []asset.ServerGroup{group}, must(t, l2, err))
	l3, err := s.Services(ctx, "g")
	same(t, []asset.Service{service}, must(t, l3, err))
	l4, err := s.Routes(ctx, "v")
	same(t, []asset.Route{route}, must(t, l4, err))
	none, err := s.Routes(ctx, "other")
	same(t, []asset.Route{}, must(t, none, err))
	_, err = s.Service(ctx, "nobody")
	wantError(t, store.ErrNotFound, err)
}

func revisions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	site, _, _, _ := tree(t, s)
	write(t, s, func(tx *store.Tx) (err error) {
		site.Name = "second"
		site, err = tx.UpdateSite(ctx, site)
		return err
	})
	if site.Revision != 2 {
		t.Errorf("revision after an update: want 2, got %d", site.Revision)
	}
	site.Revision = 1
	wantError(t, store.ErrStale, s.Write(ctx, func(tx *store.Tx) error { _, err := tx.UpdateSite(ctx, site); return err }))
	site.ID, site.Revision = "nobody", 2
	wantError(t, store.ErrStale, s.Write(ctx, func(tx *store.Tx) error { _, err := tx.UpdateSite(ctx, site); return err }))
	got, err := s.Site(ctx, "s")
	same(t, asset.Site{ID: "s", Revision: 2, Name: "second"}, must(t, got, err))
}

func names(t *testing.T, s *store.Store) {
	ctx := t.Context()
	site, _, _, _ := tree(t, s)
	wantError(t, store.ErrTaken, s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.CreateSite(ctx, asset.Site{ID: "s2", Name: site.Name})
		return err
	}))
	write(t, s, func(tx *store.Tx) error {
		_, err := tx.CreateSite(ctx, asset.Site{ID: "s2", Name: "other"})
		return err
	})
	wantError(t, store.ErrTaken, s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.CreateServerGroup(ctx, asset.ServerGroup{ID: "g2", SiteID: "s", Name: "shop"})
		return err
	}))
	write(t, s, func(tx *store.Tx) error { // the same name in another site is fine
		_, err := tx.CreateServerGroup(ctx, asset.ServerGroup{ID: "g2", SiteID: "s2", Name: "shop"})
		return err
	})
	wantError(t, store.ErrTaken, s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.UpdateSite(ctx, asset.Site{ID: "s2", Revision: 1, Name: site.Name})
		return err
	}))
}

func parents(t *testing.T, s *store.Store) {
	ctx := t.Context()
	tree(t, s)
	for _, c := range []struct {
		kind store.Kind
		id   string
	}{{store.Sites, "s"}, {store.ServerGroups, "g"}, {store.Services, "v"}} {
		if err := s.Write(ctx, func(tx *store.Tx) error { return tx.Delete(ctx, c.kind, c.id) }); err == nil {
			t.Errorf("%s %s was deleted under its children", c.kind, c.id)
		}
	}
	if err := s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.CreateRoute(ctx, asset.Route{ID: "lost", ServiceID: "nobody"})
		return err
	}); err == nil {
		t.Error("a route without a service was written")
	}
	write(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.Delete(ctx, store.Routes, "r"), tx.Delete(ctx, store.Services, "v"), tx.Delete(ctx, store.ServerGroups, "g"),
			tx.Delete(ctx, store.Sites, "s"),
		)
	})
	wantError(t, store.ErrNotFound, s.Write(ctx, func(tx *store.Tx) error { return tx.Delete(ctx, store.Sites, "s") }))
}

func exceptions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	tree(t, s)
	x := policy.Exception{
		ID: "x", ServiceID: "v", RuleID: 942100, RuleIDLast: 942199, Tag: "t", Target: "ARGS:q", PathPrefix: "/a", Methods: []string{"GET"},
		Sources: []string{"10.0.0.0/8"},
		Expires: now.Add(time.Hour), Owner: "o", Comment: "c", Enabled: true, Created: now,
	}
	later := policy.Exception{ID: "a", ServiceID: "v", Tag: "t", Methods: []string{}, Sources: []string{}, Created: now.Add(time.Minute)}
	write(t, s, func(tx *store.Tx) (err error) {
		if later, err = tx.CreateException(ctx, later); err != nil {
			return err
		}
		x, err = tx.CreateException(ctx, x)
		return err
	})
	if x.Revision != 1 {
		t.Errorf("revision of a new exception: %d", x.Revision)
	}
	list, err := s.Exceptions(ctx, "v")
	same(t, []policy.Exception{x, later}, must(t, list, err))
	want := x
	want.Revision, want.Target, want.Enabled, want.Expires = 2, "", false, time.Time{}
	x.Target, x.Enabled, x.Expires, x.Created = "", false, time.Time{}, time.Time{}
	write(t, s, func(tx *store.Tx) (err error) {
		x, err = tx.UpdateException(ctx, x)
		return err
	})
	same(t, want, x) // created is kept
	got, err := s.Exception(ctx, "x")
	same(t, want, must(t, got, err))
	x.Revision = 1
	wantError(t, store.ErrStale, s.Write(ctx, func(tx *store.Tx) error { _, err := tx.UpdateException(ctx, x); return err }))
	if err := s.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.Delete(ctx, store.Routes, "r"), tx.Delete(ctx, store.Services, "v"))
	}); err == nil {
		t.Error("a service was deleted under its exceptions")
	}
	write(t, s, func(tx *store.Tx) error { return tx.Delete(ctx, store.Exceptions, "x") })
	_, err = s.Exception(ctx, "x")
	wantError(t, store.ErrNotFound, err)
	list, err = s.Exceptions(ctx, "other")
	same(t, []policy.Exception{}, must(t, list, err))
}

func ruleActions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	tree(t, s)
	none := policy.RuleActions{ServiceID: "v", Actions: []policy.RuleAction{}}
	got, err := s.ServiceActions(ctx, "v")
	same(t, none, must(t, got, err))
	put := func(revision int64, actions ...policy.RuleAction) (a policy.RuleActions, err error) {
		err = s.Write(ctx, func(tx *store.Tx) error {
			a, err = tx.PutServiceActions(ctx, policy.RuleActions{ServiceID: "v", Revision: revision, Actions: actions})
			return err
		})
		return a, err
	}
	_, err = put(1)
	wantError(t, store.ErrStale, err)
	a, err := put(0, policy.RuleAction{RuleID: 942100, Action: policy.Count})
	same(t, int64(1), must(t, a, err).Revision)
	_, err = put(0)
	wantError(t, store.ErrStale, err)
	a, err = put(1, policy.RuleAction{RuleID: 7, Action: policy.Block})
	same(t, int64(2), must(t, a, err).Revision)
	_, err = put(1)
	wantError(t, store.ErrStale, err)
	got, err = s.ServiceActions(ctx, "v")
	same(t, a, must(t, got, err))
	list, err := s.RuleActions(ctx)
	same(t, []policy.RuleActions{a}, must(t, list, err))
	write(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.DeleteServiceActions(ctx, "v"), tx.DeleteServiceActions(ctx, "v"))
	})
	got, err = s.ServiceActions(ctx, "v")
	same(t, none, must(t, got, err))
}

func rollback(t *testing.T, s *store.Store) {
	ctx := t.Context()
	broken := errors.New("broken")
	wantError(t, broken, s.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.CreateSite(ctx, asset.Site{ID: "s", Name: "n"}); err != nil {
			return err
		}
		if _, err := tx.NextPolicyVersion(ctx); err != nil {
			return err
		}
		return broken
	}))
	list, err := s.Sites(ctx)
	same(t, []asset.Site{}, must(t, list, err))
	version, err := s.PolicyVersion(ctx)
	same(t, int64(0), must(t, version, err))
}

func counters(t *testing.T, s *store.Store) {
	ctx := t.Context()
	const writers, each = 8, 5
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := s.Write(ctx, func(tx *store.Tx) error {
					if _, err := tx.NextPolicyVersion(ctx); err != nil {
						return err
					}
					return tx.AppendAudit(ctx, store.AuditEntry{Time: now, Verb: "v"})
				}); err != nil {
					t.Error(err)
				}
				if _, err := s.Audit(ctx, 0, 10); err != nil { // readers beside writers
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	version, err := s.PolicyVersion(ctx)
	same(t, int64(writers*each), must(t, version, err))
	entries, err := s.Audit(ctx, 0, 1000)
	for i, e := range must(t, entries, err) {
		if e.ID != int64(writers*each-i) {
			t.Fatalf("entry %d has id %d", i, e.ID)
		}
	}
}

func view(t *testing.T, s *store.Store) {
	ctx := t.Context()
	tree(t, s)
	err := s.View(ctx, func(r store.Reader) error {
		before, err := r.Sites(ctx)
		if err != nil {
			return err
		}
		write(t, s, func(tx *store.Tx) error {
			_, err := tx.CreateSite(ctx, asset.Site{ID: "later", Name: "later"})
			return err
		})
		after, err := r.Sites(ctx)
		same(t, before, after)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func users(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := store.User{ID: "u", Name: "Alice", Role: "admin", Password: "hash", Created: now}
	write(t, s, func(tx *store.Tx) error { return tx.CreateUser(ctx, u) })
	got, err := s.UserByName(ctx, "aLICE")
	same(t, u, must(t, got, err))
	wantError(t, store.ErrTaken, s.Write(ctx, func(tx *store.Tx) error { return tx.CreateUser(ctx, store.User{ID: "u2", Name: "ALICE"}) }))
	u.Role, u.Password, u.Disabled, u.LastLogin = "viewer", "other", true, now.Add(time.Minute)
	write(t, s, func(tx *store.Tx) error { return tx.UpdateUser(ctx, u) })
	list, err := s.Users(ctx)
	same(t, []store.User{u}, must(t, list, err))
	write(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.CreateSession(ctx, store.Session{Hash: "h", UserID: "u", Created: now, LastSeen: now}),
			tx.CreateToken(ctx, store.Token{ID: "k", Hash: "kh", UserID: "u", Created: now}),
			tx.DeleteUser(ctx, "u"))
	})
	_, err = s.Session(ctx, "h")
	wantError(t, store.ErrNotFound, err)
	_, err = s.TokenByHash(ctx, "kh")
	wantError(t, store.ErrNotFound, err)
	wantError(t, store.ErrNotFound, s.Write(ctx, func(tx *store.Tx) error { return tx.UpdateUser(ctx, u) }))
	wantError(t, store.ErrNotFound, s.Write(ctx, func(tx *store.Tx) error { return tx.DeleteUser(ctx, "u") }))
}

func sessions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	write(t, s, func(tx *store.Tx) error {
		err := errors.Join(tx.CreateUser(ctx, store.User{ID: "u", Name: "u"}), tx.CreateUser(ctx, store.User{ID: "w", Name: "w"}))
		for i := range 5 {
			at := now.Add(time.Duration(i) * time.Hour)
			err = errors.Join(err, tx.CreateSession(ctx, store.Session{Hash: fmt.Sprint("h", i), UserID: "u", Created: at, LastSeen: at}))
		}
		return errors.Join(err, tx.CreateSession(ctx, store.Session{Hash: "other", UserID: "w", Created: now, LastSeen: now}))
	})
	left := func(want ...string) {
		t.Helper()
		got := []string{}
		for _, h := range []string{"h0", "h1", "h2", "h3", "h4", "other"} {
			if _, err := s.Session(ctx, h); err == nil {
				got = append(got, h)
			}
		}
		same(t, want, got)
	}
	write(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.TouchSession(ctx, "h0", now.Add(9*time.Hour)), tx.TouchSession(ctx, "h4", now.Add(-time.Hour)), tx.TouchSession(ctx, "gone", now),
		)
	})
	got, err := s.Session(ctx, "h0")
	same(t, store.Session{Hash: "h0", UserID: "u", Created: now, LastSeen: now.Add(9 * time.Hour)}, must(t, got, err))
	write(t, s, func(tx *store.Tx) error { return tx.TrimSessions(ctx, "u", 4) })
	left("h0", "h2", "h3", "h4", "other")
	write(t, s, func(tx *store.Tx) error { return tx.ExpireSessions(ctx, now.Add(3*time.Hour), now) })
	left("h0", "h3", "h4")
	write(t, s, func(tx *store.Tx) error { return tx.ExpireSessions(ctx, now, now.Add(time.Hour)) })
	left("h3", "h4")
	write(t, s, func(tx *store.Tx) error { return tx.DeleteSessions(ctx, "u", "h3") })
	left("h3")
	write(t, s, func(tx *store.Tx) error { return errors.Join(tx.DeleteSession(ctx, "h3"), tx.DeleteSession(ctx, "h3")) })
	left([]string{}...)
}

func tokens(t *testing.T, s *store.Store) {
	ctx := t.Context()
	k := store.Token{ID: "k", Hash: "kh", UserID: "u", Name: "ci", Role: "viewer", Created: now, Expires: now.Add(time.Hour)}
	write(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.CreateUser(ctx, store.User{ID: "u", Name: "u"}), tx.CreateToken(ctx, k), tx.TouchToken(ctx, "k", now),
			tx.TouchToken(ctx, "gone", now),
		)
	})
	k.LastUsed = now
	got, err := s.TokenByHash(ctx, "kh")
	same(t, k, must(t, got, err))
	got, err = s.Token(ctx, "k")
	same(t, k, must(t, got, err))
	list, err := s.Tokens(ctx, "u")
	same(t, []store.Token{k}, must(t, list, err))
	list, err = s.Tokens(ctx, "somebody else")
	same(t, []store.Token{}, must(t, list, err))
	write(t, s, func(tx *store.Tx) error { return tx.DeleteToken(ctx, "k") })
	wantError(t, store.ErrNotFound, s.Write(ctx, func(tx *store.Tx) error { return tx.DeleteToken(ctx, "k") }))
}

func audit(t *testing.T, s *store.Store) {
	ctx := t.Context()
	first := store.AuditEntry{
		ID: 1, Time: now, Actor: "a", Source: "::1", Verb: "create", Object: "site", ObjectID: "s", Name: "n", Before: "", After: `{"x":"<&>"}`,
	}
	write(t, s, func(tx *store.Tx) error {
		err := tx.AppendAudit(ctx, first)
		for i := range 9 {
			err = errors.Join(err, tx.AppendAudit(ctx, store.AuditEntry{
				Time: now.Add(time.Duration(i+1) * time.Minute), Verb: []string{"login-failed", "login"}[i%2],
			}))
		}
		return err
	})
	ids := func(before int64, limit int) []int64 {
		t.Helper()
		entries, err := s.Audit(ctx, before, limit)
		out := []int64{}
		for _, e := range must(t, entries, err) {
			out = append(out, e.ID)
		}
		return out
	}
	same(t, []int64{10, 9, 8}, ids(0, 3))
	same(t, []int64{2, 1}, ids(3, 100))
	entries, err := s.Audit(ctx, 2, 1)
	same(t, []store.AuditEntry{first}, must(t, entries, err))
	write(t, s, func(tx *store.Tx) error { return tx.ExpireAudit(ctx, now.Add(2*time.Minute), "login-failed", 2) })
	same(t, []int64{10, 9, 8, 7, 5, 3}, ids(0, 100)) // 1 and 2 too old; of 4, 6, 8, 10 the newest two
	write(t, s, func(tx *store.Tx) error { return tx.AppendAudit(ctx, store.AuditEntry{}) })
	same(t, []int64{11}, ids(0, 1)) // a number is never used again
}

func record(t *testing.T, s *store.Store) {
	write(t, s, func(tx *store.Tx) error {
		return tx.Record(t.Context(), store.Change{
			Time: now, By: store.CommandLine, Verb: "update", Object: "site", ID: "s", Name: "<Berlin>",
			Before: asset.Site{ID: "s", Name: "<Berlin>"},
		})
	})
	got, err := s.Audit(t.Context(), 0, 10)
	same(t, []store.AuditEntry{{
		ID: 1, Time: now, Actor: "command line", Source: "local", Verb: "update", Object: "site", ObjectID: "s", Name: "<Berlin>",
		Before: `{"id":"s","revision":0,"name":"<Berlin>"}`,
	}}, must(t, got, err))
	err = s.Write(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), store.Change{Before: func() {}}) })
	if err == nil {
		t.Error("a change that has no JSON was recorded")
	}
}

func attempts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	got, err := s.Attempts(ctx, "k")
	same(t, store.Attempts{}, must(t, got, err))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			err := s.Write(ctx, func(tx *store.Tx) error {
				a, err := tx.LockAttempts(ctx, "k")
				if err != nil {
					return err
				}
				a.Count++
				a.Next, a.Last = now.Add(time.Second), now
				return tx.PutAttempts(ctx, "k", a)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err = s.Attempts(ctx, "k")
	same(t, store.Attempts{Count: 20, Next: now.Add(time.Second), Last: now}, must(t, got, err))
	wantError(t, store.ErrNotFound, s.Write(ctx, func(tx *store.Tx) error { return tx.PutAttempts(ctx, "absent", store.Attempts{}) }))

	count := func() (n int) {
		for _, key := range []string{"k", "0", "1", "2", "3"} {
			got, err := s.Attempts(ctx, key)
			if must(t, got, err).Count > 0 {
				n++
			}
		}
		return n
	}
	write(t, s, func(tx *store.Tx) error {
		for i := range 4 {
			key := fmt.Sprint(i)
			if _, err := tx.LockAttempts(ctx, key); err != nil {
				return err
			}
			if err := tx.PutAttempts(ctx, key, store.Attempts{Count: 1, Last: now.Add(time.Duration(i+1) * time.Minute)}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, step := range []struct {
		before time.Time
		keep   int
		want   int
	}{
		{now, 5, 5},
		{now.Add(time.Second), 5, 4}, // the first is too old
		{now, 3, 3},
		{now, 10, 3},
	} {
		write(t, s, func(tx *store.Tx) error { return tx.TrimAttempts(ctx, step.before, step.keep) })
		if got := count(); got != step.want {
			t.Errorf("%d keys after trimming to %d, want %d", got, step.keep, step.want)
		}
	}
	write(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.DeleteAttempts(ctx, "3"), tx.DeleteAttempts(ctx, "absent"))
	})
	same(t, 2, count())
}

func versions(t *testing.T, s *store.Store) {
	want := func(policy, rights int64) {
		t.Helper()
		p, r, err := s.Versions(t.Context())
		if err != nil || p != policy || r != rights {
			t.Errorf("want %d and %d, got %d and %d, %v", policy, rights, p, r, err)
		}
	}
	want(0, 0)
	write(t, s, func(tx *store.Tx) error { _, err := tx.NextPolicyVersion(t.Context()); return err })
	want(1, 0)
	write(t, s, func(tx *store.Tx) error { return errors.Join(tx.LoseRights(t.Context()), tx.LoseRights(t.Context())) })
	want(1, 2)
}

func tried(t *testing.T, s *store.Store) {
	err := s.Try(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.CreateSite(t.Context(), asset.Site{ID: "s", Name: "s"}); err != nil {
			return err
		}
		sites, err := tx.Sites(t.Context())
		same(t, 1, len(must(t, sites, err)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, store.ErrNotFound, s.Try(t.Context(), func(*store.Tx) error { return store.ErrNotFound }))
	sites, err := s.Sites(t.Context())
	same(t, 0, len(must(t, sites, err)))
}

func traffic(t *testing.T, s *store.Store) {
	ctx := t.Context()
	minute := now.Truncate(time.Minute)
	mark := store.Mark{
		GatewayID: "gw", Started: now.Add(-time.Hour - 17*time.Nanosecond), Seen: now,
		Traffic: asset.Traffic{ServiceID: "v", ServerGroupID: "g", Requests: 5, Blocked: 4, Alerted: 3, Errors: 2},
	}
	write(t, s, func(tx *store.Tx) error {
		a := store.Minute{Start: minute, ServerGroupID: "g", Requests: 5, Blocked: 4, Alerted: 3, Errors: 2}
		b := store.Minute{Start: minute.Add(time.Minute), ServerGroupID: "g", Requests: 1}
		return errors.Join(tx.AddTraffic(ctx, a), tx.AddTraffic(ctx, b), tx.AddTraffic(ctx, a), tx.PutMark(ctx, mark), tx.PutMark(ctx, mark))
	})
	got, err := s.Minutes(ctx, minute, minute.Add(time.Minute), time.Minute)
	same(t, []store.Minute{
		{Start: minute, Span: time.Minute, ServerGroupID: "g", Requests: 10, Blocked: 8, Alerted: 6, Errors: 4},
	}, must(t, got, err))
	got, err = s.Minutes(ctx, minute, minute.Add(time.Hour), time.Minute)
	if len(must(t, got, err)) != 2 {
		t.Errorf("minutes: %v", got)
	}
	got, err = s.Minutes(ctx, minute, minute.Add(time.Hour), time.Hour)
	same(t, []store.Minute{
		{Start: minute.Truncate(time.Hour), Span: time.Hour, ServerGroupID: "g", Requests: 11, Blocked: 8, Alerted: 6, Errors: 4},
	}, must(t, got, err))
	marks, err := s.Marks(ctx)
	same(t, []store.Mark{mark}, must(t, marks, err))
	write(t, s, func(tx *store.Tx) error { return tx.ExpireTraffic(ctx, minute.Add(time.Minute)) })
	got, err = s.Minutes(ctx, minute, minute.Add(time.Hour), time.Minute)
	if len(must(t, got, err)) != 1 {
		t.Errorf("minutes after expiry: %v", got)
	}
	marks, err = s.Marks(ctx)
	same(t, []store.Mark{}, must(t, marks, err))
}

func cancelled(t *testing.T, s *store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Sites(ctx)
	wantError(t, context.Canceled, err)
	wantError(t, context.Canceled, s.Write(ctx, func(*store.Tx) error { return nil }))
}
