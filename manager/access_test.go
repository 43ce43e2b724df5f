package manager_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/manager/store"
)

// answered checks status and error code of an answer.
func answered(t *testing.T, r interface {
	StatusCode() int
	GetBody() []byte
}, status int, code apigen.ErrorCode, words ...string,
) {
	t.Helper()
	if r.StatusCode() != status {
		t.Errorf("want status %d, got %d: %s", status, r.StatusCode(), r.GetBody())
		return
	}
	if code == "" {
		return
	}
	var e apigen.Error
	if err := json.Unmarshal(r.GetBody(), &e); err != nil || e.Code != code {
		t.Errorf("want code %s, got %s (%v)", code, r.GetBody(), err)
	}
	for _, w := range words {
		if !strings.Contains(string(r.GetBody()), w) {
			t.Errorf("want …%s…, got %s", w, r.GetBody())
		}
	}
}

// ok fails the test at once on an error of the transport.
func ok[T any](t testing.TB) func(T, error) T {
	return func(r T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func (b *bed) loginStatus(name, password string) *apiclient.LoginResponse {
	b.t.Helper()
	return ok[*apiclient.LoginResponse](b.t)(b.client().LoginWithResponse(
		b.t.Context(), apigen.Credentials{Username: name, Password: password},
	))
}

func TestLoginGivesACookieThatScriptsAndOtherSitesCannotUse(t *testing.T) {
	b := start(t)
	r := b.loginStatus("ADMIN", b.password)
	answered(t, r, 200, "")
	cookie := r.HTTPResponse.Header.Get("Set-Cookie")
	if !regexp.MustCompile(
		`^ringwall_session=[A-Za-z0-9_-]{43}; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict$`,
	).MatchString(cookie) {
		t.Errorf("cookie: %s", cookie)
	}
	if r.JSON200.User.Name != "admin" || r.JSON200.User.Role != manager.Admin || r.JSON200.User.LastLogin == nil ||
		r.JSON200.Version != "v-test" || len(r.JSON200.CsrfToken) < 40 {
		t.Errorf("session: %s", r.Body)
	}
}

func TestWrongPasswordAndUnknownUserLookTheSame(t *testing.T) {
	b := start(t)
	wrong := b.loginStatus("admin", "hunter2hunter2")
	unknown := b.loginStatus("My$ecretPassword", "x")
	answered(t, wrong, 401, apigen.Unauthenticated)
	answered(t, unknown, 401, apigen.Unauthenticated)
	if !bytes.Equal(wrong.Body, unknown.Body) {
		t.Errorf("%s differs from %s", wrong.Body, unknown.Body)
	}
	entries := *ok[*apiclient.ListAuditResponse](t)(b.admin().ListAuditWithResponse(t.Context(), nil)).JSON200
	if entries[2].Verb != "login-failed" || entries[2].Actor != "admin" || entries[2].Source != "127.0.0.1" ||
		entries[1].Verb != "login-failed" || entries[1].Actor != "(unknown user)" {
		t.Errorf("audit: %+v", entries[:3])
	}
	if text := fmt.Sprint(entries); strings.Contains(text, "My$ecret") || strings.Contains(text, "hunter2") {
		t.Error("what was typed is in the audit trail")
	}
}

func TestSessionNeedsItsCSRFToken(t *testing.T) {
	b := start(t)
	c := b.admin()
	right := c.csrf
	for _, token := range []string{"", "wrong", b.admin().csrf} {
		c.csrf = token
		answered(t, ok[*apiclient.CreateSiteResponse](t)(c.CreateSiteWithResponse(t.Context(), apigen.Site{Name: "x"})), 403, apigen.Csrf)
		answered(t, ok[*apiclient.LogoutResponse](t)(c.LogoutWithResponse(t.Context())), 403, apigen.Csrf)
	}
	answered(t, ok[*apiclient.ListSitesResponse](t)(c.ListSitesWithResponse(t.Context(), nil)), 200, "")
	c.csrf = right
	answered(t, ok[*apiclient.CreateSiteResponse](t)(c.CreateSiteWithResponse(t.Context(), apigen.Site{Name: "x"})), 201, "")
	again := ok[*apiclient.GetSessionResponse](t)(c.GetSessionWithResponse(t.Context()))
	if again.JSON200.CsrfToken != right {
		t.Error("the CSRF token of a session changed")
	}
}

func TestRequestsFromOtherSitesAreRefused(t *testing.T) {
	b := start(t)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r, err := http.NewRequestWithContext(
			t.Context(), "POST", "/api/v1/login", strings.NewReader(`{"username":"admin","password":"`+b.password+`"}`),
		)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(header, value)
		resp, text := b.do(r)
		if resp.StatusCode != 403 || !strings.Contains(text, `"csrf"`) || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s: %d %s", header, value, resp.StatusCode, text)
		}
	}
}

func TestSessionsEndByIdlenessAgeAndLogout(t *testing.T) {
	b := start(t)
	alive := func(c *client) int {
		return ok[*apiclient.GetSessionResponse](t)(c.GetSessionWithResponse(t.Context())).StatusCode()
	}
	idle := b.admin()
	b.clock.add(12*time.Hour - time.Second)
	if got := alive(idle); got != 200 {
		t.Errorf("just before 12 h: %d", got)
	}
	b.clock.add(12*time.Hour - time.Second) // it was used meanwhile
	if got := alive(idle); got != 200 {
		t.Errorf("12 h after the last use: %d", got)
	}
	b.Flush(t.Context())
	b.stop()
	b.open() // a restart changes nothing
	idle2 := b.admin()
	b.clock.add(12 * time.Hour)
	if got := alive(idle2); got != 401 {
		t.Errorf("after 12 h without use: %d", got)
	}
	busy := b.admin()
	for range 14 {
		if got := alive(busy); got != 200 {
			t.Fatalf("in use: %d", got)
		}
		b.clock.add(12*time.Hour - time.Second)
	}
	b.clock.add(20 * time.Second)
	if got := alive(busy); got != 401 {
		t.Errorf("7 days after the login: %d", got)
	}
	out := b.admin()
	r := ok[*apiclient.LogoutResponse](t)(out.LogoutWithResponse(t.Context()))
	answered(t, r, 204, "")
	if !strings.Contains(r.HTTPResponse.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("logout's cookie: %s", r.HTTPResponse.Header.Get("Set-Cookie"))
	}
	if got := alive(out); got != 401 {
		t.Errorf("after logout: %d", got)
	}
}

func TestLoginEndsTheSessionItIsMadeFrom(t *testing.T) {
	b := start(t)
	c := b.admin()
	old := c.http.Jar.Cookies(b.url())[0].Value
	c.csrf = ""
	r := ok[*apiclient.LoginResponse](t)(c.LoginWithResponse(t.Context(), apigen.Credentials{Username: "admin", Password: b.password}))
	answered(t, r, 200, "")
	raw, err := http.NewRequestWithContext(t.Context(), "GET", "/api/v1/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	raw.AddCookie(&http.Cookie{Name: "ringwall_session", Value: old})
	if resp, _ := b.do(raw); resp.StatusCode != 401 {
		t.Errorf("the old session: %d", resp.StatusCode)
	}
}

// post sends one login as if from address, without the network.
func (b *bed) post(address, name, password string) *httptest.ResponseRecorder {
	text, err := json.Marshal(apigen.Credentials{Username: name, Password: password})
	if err != nil {
		b.t.Error(err)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), "POST", "/api/v1/login", bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address + ":4711"
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

func TestGuessingIsThrottledForUserAndAddress(t *testing.T) {
	b := start(t)
	var mu sync.Mutex
	status := map[int]int{}
	var wg sync.WaitGroup
	for range 20 { // side by side, so that they cannot outrun the count
		wg.Go(func() {
			w := b.post("192.0.2.1", "admin", "wrong wrong wrong")
			mu.Lock()
			defer mu.Unlock()
			status[w.Code]++
		})
	}
	wg.Wait()
	if status[401] != 5 || status[429] != 15 {
		t.Errorf("answers: %v, want five 401 and fifteen 429", status)
	}
	w := b.post("192.0.2.1", "admin", b.password)
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"throttled"`) {
		t.Errorf("the right password during the pause: %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if w := b.post("198.51.100.7", "admin", b.password); w.Code != 200 {
		t.Errorf("the same user from elsewhere: %d", w.Code)
	}
	b.clock.add(time.Second)
	if w := b.post("192.0.2.1", "ADMIN", b.password); w.Code != 200 {
		t.Errorf("after the pause: %d", w.Code)
	}
	if w := b.post("192.0.2.1", "admin", "wrong wrong wrong"); w.Code != 401 {
		t.Errorf("a success forgives: %d", w.Code)
	}
}

func TestOneAddressCannotTryAllUsers(t *testing.T) {
	b := start(t)
	refused := 0
	for i := range 40 { // an IPv6 customer has a /64
		if b.post(fmt.Sprintf("[2001:db8::%x]", i), fmt.Sprint("user", i), "wrong wrong wrong").Code == 429 {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 40 refused, want 10", refused)
	}
	if w := b.post("[2001:db8:0:1::1]", "admin", b.password); w.Code != 200 {
		t.Errorf("the neighbour: %d", w.Code)
	}
}

func TestTokens(t *testing.T) {
	b := start(t)
	operator := b.user("op", manager.Operator)
	r := ok[*apiclient.CreateTokenResponse](t)(operator.CreateTokenWithResponse(
		t.Context(), apigen.TokenCreate{Name: "", Role: manager.Admin, Expires: new(b.clock.Now())},
	))
	answered(t, r, 422, apigen.Invalid, "name:", "is more than your own", "expires:")
	expires := b.clock.Now().Add(time.Hour)
	r = ok[*apiclient.CreateTokenResponse](t)(operator.CreateTokenWithResponse(
		t.Context(), apigen.TokenCreate{Name: "ci", Role: manager.Operator, Expires: &expires},
	))
	answered(t, r, 201, "")
	if !strings.HasPrefix(r.JSON201.Secret, "rwt_") || len(r.JSON201.Secret) < 45 {
		t.Errorf("secret: %d bytes", len(r.JSON201.Secret))
	}
	c := b.client()
	c.auth = r.JSON201.Secret
	answered(t, ok[*apiclient.CreateSiteResponse](t)(c.CreateSiteWithResponse(t.Context(), apigen.Site{Name: "by token"})), 201, "")
	answered(t, ok[*apiclient.ListUsersResponse](t)(c.ListUsersWithResponse(t.Context(), nil)), 403, apigen.Forbidden, "needs the role admin")
	answered(
		t, ok[*apiclient.CreateTokenResponse](t)(c.CreateTokenWithResponse(
			t.Context(), apigen.TokenCreate{Name: "more", Role: manager.Viewer},
		)), 403, apigen.Forbidden,
	)
	answered(
		t, ok[*apiclient.ChangePasswordResponse](t)(c.ChangePasswordWithResponse(
			t.Context(), apigen.PasswordChange{Current: goodPassword, New: "another good one"},
		)), 403, apigen.Forbidden,
	)
	answered(t, ok[*apiclient.LogoutResponse](t)(c.LogoutWithResponse(t.Context())), 400, apigen.BadRequest)
	s := ok[*apiclient.GetSessionResponse](t)(c.GetSessionWithResponse(t.Context()))
	if s.JSON200.User.Name != "op" || s.JSON200.CsrfToken != "" {
		t.Errorf("session of a token: %s", s.Body)
	}

	used := func() *time.Time {
		b.Flush(t.Context())
		list := *ok[*apiclient.ListTokensResponse](t)(operator.ListTokensWithResponse(t.Context(), nil)).JSON200
		return list[0].LastUsed
	}
	first := used()
	if first == nil || !first.Equal(b.clock.Now()) {
		t.Fatalf("last used: %v", first)
	}
	b.clock.add(59 * time.Second)
	c.GetSessionWithResponse(t.Context()) //nolint:errcheck // only to use the token
	if got := used(); !got.Equal(*first) {
		t.Errorf("last used was written again after 59 s: %v", got)
	}
	b.clock.add(time.Second)
	c.GetSessionWithResponse(t.Context()) //nolint:errcheck // only to use the token
	if got := used(); got.Equal(*first) {
		t.Errorf("last used was not written after a minute: %v", got)
	}

	admin := b.admin()
	id := r.JSON201.Token.Id
	op := s.JSON200.User.Id
	update := func(u apigen.UserUpdate) {
		t.Helper()
		answered(t, ok[*apiclient.UpdateUserResponse](t)(admin.UpdateUserWithResponse(t.Context(), op, u)), 200, "")
	}
	update(apigen.UserUpdate{Role: new(manager.Viewer)}) // a token is never more than its owner
	answered(t, ok[*apiclient.CreateSiteResponse](t)(c.CreateSiteWithResponse(t.Context(), apigen.Site{Name: "later"})), 403, apigen.Forbidden)
	update(apigen.UserUpdate{Disabled: new(true)})
	answered(t, ok[*apiclient.ListSitesResponse](t)(c.ListSitesWithResponse(t.Context(), nil)), 401, apigen.Unauthenticated)
	answered(t, ok[*apiclient.ListSitesResponse](t)(operator.ListSitesWithResponse(t.Context(), nil)), 401, apigen.Unauthenticated)
	answered(t, b.loginStatus("op", goodPassword), 401, apigen.Unauthenticated)
	update(apigen.UserUpdate{Disabled: new(false)})
	answered(t, ok[*apiclient.ListSitesResponse](t)(c.ListSitesWithResponse(t.Context(), nil)), 200, "")
	answered(t, ok[*apiclient.ListSitesResponse](t)(operator.ListSitesWithResponse(t.Context(), nil)), 401, apigen.Unauthenticated)
	b.clock.add(time.Hour)
	answered(t, ok[*apiclient.ListSitesResponse](t)(c.ListSitesWithResponse(t.Context(), nil)), 401, apigen.Unauthenticated)

	other := b.user("other", manager.Viewer)
	if list := *ok[*apiclient.ListTokensResponse](t)(other.ListTokensWithResponse(t.Context(), nil)).JSON200; len(list) != 0 {
		t.Errorf("a viewer sees somebody else's tokens: %v", list)
	}
	answered(t, ok[*apiclient.DeleteTokenResponse](t)(other.DeleteTokenWithResponse(t.Context(), id)), 404, apigen.NotFound)
	if list := *ok[*apiclient.ListTokensResponse](t)(admin.ListTokensWithResponse(t.Context(), nil)).JSON200; len(list) != 1 ||
		list[0].User != "op" {
		t.Errorf("an admin sees: %v", list)
	}
	answered(t, ok[*apiclient.DeleteTokenResponse](t)(admin.DeleteTokenWithResponse(t.Context(), id)), 204, "")
	c.auth = "rwt_invented"
	answered(t, ok[*apiclient.ListSitesResponse](t)(c.ListSitesWithResponse(t.Context(), nil)), 401, apigen.Unauthenticated)

	for _, e := range *ok[*apiclient.ListAuditResponse](t)(admin.ListAuditWithResponse(t.Context(), nil)).JSON200 {
		if text := fmt.Sprint(e, deref(e.Before), deref(e.After)); strings.Contains(text, "rwt_") || strings.Contains(text, "argon2") {
			t.Errorf("a secret is in the audit trail: %s", text)
		}
	}
}

func TestUsers(t *testing.T) {
	b := start(t)
	c := b.admin()
	create := func(name, password string, role apigen.Role) *apiclient.CreateUserResponse {
		t.Helper()
		return ok[*apiclient.CreateUserResponse](t)(c.CreateUserWithResponse(
			t.Context(), apigen.UserCreate{Name: name, Password: password, Role: role},
		))
	}
	answered(t, create("no spaces", "short", "boss"), 422, apigen.Invalid, "name:", "password: needs 12", `role \"boss\"`)
	alice := create("alice", goodPassword, manager.Viewer)
	answered(t, alice, 201, "")
	answered(t, create("ALICE", goodPassword, manager.Viewer), 422, apigen.Invalid, "there is a user")
	if strings.Contains(string(alice.Body), "password") || strings.Contains(string(alice.Body), "argon") {
		t.Errorf("a user shows a password: %s", alice.Body)
	}
	id := alice.JSON201.Id
	session := b.login("alice", goodPassword)
	answered(
		t, ok[*apiclient.UpdateUserResponse](t)(c.UpdateUserWithResponse(t.Context(), id, apigen.UserUpdate{Password: new("set by an admin")})),
		200, "",
	)
	answered(t, ok[*apiclient.GetSessionResponse](t)(session.GetSessionWithResponse(t.Context())), 401, apigen.Unauthenticated)
	session = b.login("alice", "set by an admin")
	second := b.login("alice", "set by an admin")
	change := func(current, next string) *apiclient.ChangePasswordResponse {
		t.Helper()
		return ok[*apiclient.ChangePasswordResponse](t)(session.ChangePasswordWithResponse(
			t.Context(), apigen.PasswordChange{Current: current, New: next},
		))
	}
	answered(t, change("not this one", "chosen by alice"), 422, apigen.Invalid, "current: is not your password")
	answered(t, change("set by an admin", "Password1234"), 422, apigen.Invalid, "most common")
	answered(t, change("set by an admin", "chosen by alice"), 204, "")
	answered(t, ok[*apiclient.GetSessionResponse](t)(session.GetSessionWithResponse(t.Context())), 200, "")
	answered(t, ok[*apiclient.GetSessionResponse](t)(second.GetSessionWithResponse(t.Context())), 401, apigen.Unauthenticated)
	b.login("alice", "chosen by alice")

	self := ok[*apiclient.GetSessionResponse](t)(c.GetSessionWithResponse(t.Context())).JSON200.User.Id
	for _, u := range []apigen.UserUpdate{{Disabled: new(true)}, {Role: new(manager.Operator)}} {
		answered(
			t, ok[*apiclient.UpdateUserResponse](t)(c.UpdateUserWithResponse(t.Context(), self, u)), 409, apigen.Conflict, "last administrator",
		)
	}
	answered(t, ok[*apiclient.DeleteUserResponse](t)(c.DeleteUserWithResponse(t.Context(), self)), 409, apigen.Conflict, "last administrator")
	answered(
		t, ok[*apiclient.UpdateUserResponse](t)(c.UpdateUserWithResponse(t.Context(), id, apigen.UserUpdate{Role: new(manager.Admin)})), 200, "",
	)
	answered(t, ok[*apiclient.DeleteUserResponse](t)(c.DeleteUserWithResponse(t.Context(), self)), 204, "")
	answered(t, ok[*apiclient.ListUsersResponse](t)(c.ListUsersWithResponse(t.Context(), nil)), 401, apigen.Unauthenticated)
	c = b.login("alice", "chosen by alice")
	answered(t, ok[*apiclient.DeleteUserResponse](t)(c.DeleteUserWithResponse(t.Context(), "nobody")), 404, apigen.NotFound)
	if users := *ok[*apiclient.ListUsersResponse](t)(c.ListUsersWithResponse(t.Context(), nil)).JSON200; len(users) != 1 ||
		users[0].LastLogin == nil {
		t.Errorf("users: %+v", users)
	}
}

func TestLoginRenewsAHashWithOldParameters(t *testing.T) {
	b := start(t)
	old := store.User{
		ID: "u", Name: "old", Role: "viewer", Created: b.clock.Now(),
		Password: "$argon2id$v=19$m=512,t=3,p=2$q/KwBY16tDg$JVc9lcR2s/o9OdIlY5+DTS18sEH20dDa", // goodPassword by argon2-cffi
	}
	if err := b.Store().Write(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(t.Context(), old) }); err != nil {
		t.Fatal(err)
	}
	b.login("old", goodPassword)
	u, err := b.Store().User(t.Context(), "u")
	if err != nil || !strings.HasPrefix(u.Password, "$argon2id$v=19$m=19456,t=2,p=1$") || u.LastLogin.IsZero() {
		t.Errorf("user: %+v, %v", u, err)
	}
	b.login("old", goodPassword)
}

func TestFirstAdminAndResetOnTheCommandLine(t *testing.T) {
	b := start(t)
	if !regexp.MustCompile(`^([a-hjkmnp-z2-9]{6}-){3}[a-hjkmnp-z2-9]{6}$`).MatchString(b.password) {
		t.Error("the first password has another form than promised")
	}
	if _, created, err := b.EnsureAdmin(t.Context()); created || err != nil {
		t.Errorf("a second time: created %v, err %v", created, err)
	}
	session := b.admin()
	if err := b.SetPassword(t.Context(), "nobody", goodPassword); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("unknown user: %v", err)
	}
	if err := b.SetPassword(t.Context(), "admin", "short"); err == nil {
		t.Error("a short password was taken")
	}
	if err := b.SetPassword(t.Context(), "Admin", goodPassword); err != nil {
		t.Fatal(err)
	}
	answered(t, ok[*apiclient.GetSessionResponse](t)(session.GetSessionWithResponse(t.Context())), 401, apigen.Unauthenticated)
	c := b.login("admin", goodPassword)
	entries := *ok[*apiclient.ListAuditResponse](t)(c.ListAuditWithResponse(t.Context(), nil)).JSON200
	if e := entries[1]; e.Actor != "command line" || e.Verb != "password" || e.Name != "admin" {
		t.Errorf("audit: %+v", e)
	}
}

func TestRequireGuardsPagesOfOthers(t *testing.T) {
	b := start(t)
	viewer := b.token(b.admin(), manager.Viewer)
	h := b.Require(manager.Viewer, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }))
	high := b.Require(manager.Operator, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
	ask := func(h http.Handler, auth string) int {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for _, c := range []struct {
		h    http.Handler
		auth string
		want int
	}{
		{h, "", 401},
		{h, "Bearer rwt_x", 401},
		{h, "Basic eDp5", 401},
		{h, "Bearer " + viewer.auth, 200},
		{high, "Bearer " + viewer.auth, 403},
	} {
		if got := ask(c.h, c.auth); got != c.want {
			t.Errorf("%.12s…: want %d, got %d", c.auth, c.want, got)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
