package shop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open starts a shop in a folder of its own, with a file beside that folder that
// nothing may reach.
func open(t *testing.T) (s *Shop, base string) {
	t.Helper()
	top := t.TempDir()
	if err := os.WriteFile(filepath.Join(top, "outside.txt"), []byte("OUTSIDE"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(filepath.Join(top, "shop"), nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		srv.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, srv.URL
}

func get(t *testing.T, c *http.Client, u string) (int, string) {
	t.Helper()
	return answer(t)(c.Get(u))
}

func post(t *testing.T, c *http.Client, u string, form ...string) (int, string) {
	t.Helper()
	v := url.Values{}
	for i := 0; i < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	return answer(t)(c.PostForm(u, v))
}

func answer(t *testing.T) func(*http.Response, error) (int, string) {
	return func(res *http.Response, err error) (int, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
}

func client(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func q(s string) string { return url.QueryEscape(s) }

// TestEachHoleIsReal attacks by GET and looks for what only a successful attack
// shows.
func TestEachHoleIsReal(t *testing.T) {
	_, base := open(t)
	for name, c := range map[string]struct{ path, want string }{
		"SQL injection in search":          {"/search?q=" + q("zzz') UNION SELECT id, username || ':' || password, role, email, card, 0 FROM users -- "), "admin:Lantern!2019"},
		"SQL error in search":              {"/search?q=" + q("'"), "unrecognized token"},
		"SQL injection in product":         {"/product?id=" + q("0 UNION SELECT 1, username, role, password, email, 0, card, 1 FROM users WHERE username = 'tom'"), "fieldnotes"},
		"schema through product":           {"/product?id=" + q("0 UNION SELECT 1, sql, 3, 4, 5, 6, 7, 8 FROM sqlite_master WHERE name = 'users'"), "password TEXT"},
		"SQL injection in the API's path":  {"/api/products/" + url.PathEscape("0 UNION SELECT 1,password,3,4,5,6,7,8 FROM users WHERE username='admin'"), "Lantern!2019"},
		"SQL error in the API":             {"/api/products/" + url.PathEscape("1'"), "unrecognized token"},
		"reflected cross-site scripting":   {"/search?q=" + q("<script>alert(1)</script>"), "<script>alert(1)</script>"},
		"path traversal to a secret":       {"/download?file=../secrets/payment.key", "BEGIN DEMO KEY"},
		"path traversal to the top":        {"/download?file=../../../../../../etc/passwd", "root:x:0:0"},
		"path traversal, encoded":          {"/download?file=..%2f..%2fsecrets%2fconfig.ini", "demo-only-not-a-secret"},
		"command injection with ;":         {"/tools/ping?host=" + q("x; id"), "uid=33(shop)"},
		"command injection, not escaped":   {"/tools/ping?host=x;id", "uid=33(shop)"},
		"a stray percent sign":             {"/search?q=100%<script>1</script>", "100%<script>1</script>"},
		"command injection with $()":       {"/tools/ping?host=" + q("$(cat secrets/payment.key | base64)"), "PING LS0tLS1CRUdJTiBERU1PIEtFWS0t"},
		"command injection with backticks": {"/tools/ping?host=" + q("`whoami`"), "PING shop "},
		"request forgery to metadata":      {"/preview?url=" + q("http://169.254.169.254/latest/meta-data/iam/security-credentials/lantern-shop-role"), "DEMOKEYNOTREAL"},
		"request forgery to loopback":      {"/preview?url=" + q("http://localhost/internal/metadata"), "demo-token-not-a-secret"},
		"request forgery, decimal address": {"/preview?url=" + q("http://2130706433/internal/metadata"), "demo-token-not-a-secret"},
		"request forgery, octal address":   {"/preview?url=" + q("http://0177.0.0.1/internal/metadata"), "demo-token-not-a-secret"},
		"request forgery to itself":        {"/preview?url=" + q(base+"/robots.txt"), "Disallow: /internal/"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := get(t, http.DefaultClient, base+c.path); !strings.Contains(body, c.want) {
				t.Fatalf("status %d, %q not in %s", status, c.want, body)
			}
		})
	}
}

func TestSQLInjectionLogsInWithoutAPassword(t *testing.T) {
	_, base := open(t)
	if status, body := post(
		t,
		client(t),
		base+"/login",
		"user",
		"admin' -- ",
		"password",
		"x",
	); status != 200 ||
		!strings.Contains(body, "Ida Keeper") {
		t.Fatalf("status %d: %s", status, body)
	}
	if status, body := post(
		t,
		client(t),
		base+"/login",
		"user",
		"x",
		"password",
		"' OR role='staff",
	); status != 200 ||
		!strings.Contains(body, "Sam Packer") {
		t.Fatalf("status %d: %s", status, body)
	}
	if status, _ := post(t, client(t), base+"/login", "user", "admin", "password", "wrong"); status != http.StatusUnauthorized {
		t.Fatalf("a wrong password got status %d", status)
	}
	if status, body := post(
		t,
		client(t),
		base+"/login",
		"user",
		"'",
		"password",
		"x",
	); status != 500 ||
		!strings.Contains(body, "unrecognized token") {
		t.Fatalf("status %d: %s", status, body)
	}
}

func TestSQLInjectionThroughTheJSONAPI(t *testing.T) {
	_, base := open(t)
	body, err := json.Marshal(map[string]string{"q": "zzz') UNION SELECT 1, username, password, 4, 5, 6 FROM users -- "})
	if err != nil {
		t.Fatal(err)
	}
	status, got := answer(t)(http.Post(base+"/api/search", "application/json", strings.NewReader(string(body))))
	if status != 200 || !strings.Contains(got, "Lantern!2019") {
		t.Fatalf("status %d: %s", status, got)
	}
}

func TestReviewsStoreScripts(t *testing.T) {
	_, base := open(t)
	const evil = `<img src=x onerror="alert(document.cookie)">`
	if status, _ := post(t, client(t), base+"/reviews", "product", "3", "author", "Eve", "stars", "5", "text", evil); status != 200 {
		t.Fatalf("status %d", status)
	}
	if _, body := get(t, http.DefaultClient, base+"/product?id=3"); !strings.Contains(body, evil) {
		t.Fatalf("the script is not on the page: %s", body)
	}
}

func TestInternalPagesAreNotForVisitors(t *testing.T) {
	s, base := open(t)
	if status, body := get(
		t,
		http.DefaultClient,
		base+"/internal/metadata",
	); status != http.StatusForbidden ||
		strings.Contains(body, "token") {
		t.Fatalf("status %d: %s", status, body)
	}
	if status, body := get(
		t,
		http.DefaultClient,
		"http://"+s.Internal()+"/internal/metadata",
	); status != 200 ||
		!strings.Contains(body, "demo-token") {
		t.Fatalf("status %d: %s", status, body)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/internal/metadata", nil)
	r.RemoteAddr = "192.0.2.7:4000"
	if s.internalHandler().ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Fatalf("a peer from elsewhere got status %d", w.Code)
	}
}

func TestTraversalStaysInTheShopsFolder(t *testing.T) {
	s, base := open(t)
	dir := s.root.Name()
	if err := os.Symlink(filepath.Join(dir, "..", "outside.txt"), filepath.Join(dir, "files", "link.txt")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"../../outside.txt", "../../../outside.txt", "/../../outside.txt", "link.txt", "..//..//outside.txt",
		"....//....//outside.txt", "..\x00/../outside.txt", filepath.Join(dir, "..", "outside.txt"), "/proc/self/environ", "../../../../../../proc/self/environ",
	} {
		if status, body := get(t, http.DefaultClient, base+"/download?file="+q(name)); strings.Contains(body, "OUTSIDE") || status == 200 {
			t.Errorf("%q: status %d: %s", name, status, body)
		}
	}
}

func TestCommandsStayInTheShopsFolder(t *testing.T) {
	_, base := open(t)
	for _, host := range []string{"x; cat ../outside.txt", "x; cat /proc/self/environ", "x; ls /usr", "x; echo pwned > files/new.txt", "$(cat ../../outside.txt)"} {
		if _, body := get(
			t,
			http.DefaultClient,
			base+"/tools/ping?host="+q(host),
		); strings.Contains(body, "OUTSIDE") ||
			strings.Contains(body, "HOME=") {
			t.Errorf("%q: %s", host, body)
		}
	}
	if status, _ := get(t, http.DefaultClient, base+"/download?file=new.txt"); status != 404 {
		t.Fatal("a command wrote a file")
	}
}

// TestSQLStaysInTheDatabase tries to change it and to reach other files.
func TestSQLStaysInTheDatabase(t *testing.T) {
	s, base := open(t)
	other := filepath.Join(s.root.Name(), "..", "other.db")
	for _, stmt := range []string{
		"1; DROP TABLE users", "1; UPDATE users SET password = 'x'", "1; ATTACH '" + other + "' AS o", "1; VACUUM INTO '" + other + "'",
		"1; PRAGMA query_only = 0", "1 /* ; */ ; DELETE FROM users", "1 -- \n; DELETE FROM users", "0 UNION SELECT 1,load_extension('x'),3,4,5,6,7,8",
		"0 UNION SELECT 1,writefile('" + other + "','x'),3,4,5,6,7,8", "0 UNION SELECT 1,readfile('" + other + "'),3,4,5,6,7,8",
	} {
		if status, body := get(t, http.DefaultClient, base+"/product?id="+q(stmt)); status != 500 {
			t.Errorf("%s: status %d: %s", stmt, status, body)
		}
	}
	if _, err := os.Stat(other); err == nil {
		t.Fatal("a statement made a file outside")
	}
	if status, body := post(
		t,
		client(t),
		base+"/login",
		"user",
		"tom",
		"password",
		"fieldnotes",
	); status != 200 ||
		!strings.Contains(body, "Tom Okafor") {
		t.Fatalf("the users are not what they were: status %d: %s", status, body)
	}
}

// TestSQLStaysInTheDatabaseWithoutTheStatementCheck shows that the second fence,
// the connection itself, holds alone.
func TestSQLStaysInTheDatabaseWithoutTheStatementCheck(t *testing.T) {
	s, _ := open(t)
	other := filepath.Join(s.root.Name(), "..", "other.db")
	for _, stmt := range []string{"UPDATE users SET password = 'x'", "ATTACH '" + other + "' AS o", "VACUUM INTO '" + other + "'", "PRAGMA query_only = 0; DELETE FROM users"} {
		if _, err := s.queryOne(t.Context(), stmt); err == nil {
			t.Errorf("%s: no error", stmt)
		}
	}
	if _, err := os.Stat(other); err == nil {
		t.Fatal("a statement made a file outside")
	}
}

func TestEndlessSQLEnds(t *testing.T) {
	s, _ := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.query(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"); err == nil {
		t.Fatal("no error")
	}
	if _, err := s.query(t.Context(), "SELECT hex(randomblob(500000000))"); err == nil {
		t.Fatal("half a gigabyte was allowed")
	}
}

// TestForgedRequestsReachOnlyTheShop knocks at a listener that is not the shop's.
func TestForgedRequestsReachOnlyTheShop(t *testing.T) {
	_, base := open(t)
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "STRANGER") }))
	defer stranger.Close()
	for _, u := range []string{stranger.URL, "http://192.0.2.1/", "http://example.com/", "http://169.254.169.254:8080/", "file:///etc/passwd", "gopher://127.0.0.1:80/x", "https://127.0.0.1/"} {
		if status, body := get(t, http.DefaultClient, base+"/preview?url="+q(u)); status != 500 || strings.Contains(body, "STRANGER") {
			t.Errorf("%s: status %d: %s", u, status, body)
		}
	}
}

func TestTheShopListensOnLoopbackOnly(t *testing.T) {
	s, _ := open(t)
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "example.com:0"} {
		if err := s.Serve(t.Context(), addr, nil); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: got %v, want ErrNotLoopback", addr, err)
		}
	}
}

func TestServeServesUntilItsContextEnds(t *testing.T) {
	s, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- s.Serve(ctx, "127.0.0.1:0", func(a string) { ready <- a }) }()
	if status, body := get(
		t,
		http.DefaultClient,
		"http://"+<-ready+"/",
	); status != 200 ||
		!strings.Contains(body, "deliberately vulnerable; never expose it") {
		t.Fatalf("status %d: %s", status, body)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestAShopperGetsTheirLamp walks through the parts that are sound.
func TestAShopperGetsTheirLamp(t *testing.T) {
	_, base := open(t)
	c := client(t)
	for _, step := range []struct {
		method, path, want string
		form               []string
	}{
		{"GET", "/", "Chosen this week", nil},
		{"GET", "/category/lighting", "Paper moon pendant", nil},
		{"GET", "/search?q=lamp", "Dawn table lamp", nil},
		{"GET", "/product?id=1", "It moved from the desk", nil},
		{"POST", "/cart", "€178.00", []string{"id", "1", "quantity", "2"}},
		{"POST", "/cart", "€209.20", []string{"id", "4", "quantity", "1"}}, // a fifth off €39.00
		{"POST", "/cart", "€120.20", []string{"id", "1", "quantity", "-1"}},
		{"POST", "/login", "Good evening, Anna Lind", []string{"user", "anna", "password", "rosemary"}},
		{"GET", "/checkout", "anna.lind@mail.example", nil},
		{"POST", "/checkout", "is with us", []string{"name", "Anna Lind", "email", "anna.lind@mail.example", "address", "Mill Road 12"}},
		{"GET", "/account", "€120.20", nil},
		{"GET", "/cart", "Nothing in it yet", nil},
		{"GET", "/orders/track?number=LL-20421", "Being packed", nil},
		{"GET", "/support/shipping", "Thirty days", nil},
		{"POST", "/support/contact", "Your letter has arrived", []string{"message", "hello"}},
		{"GET", "/download?file=care-guide.txt", "CARE GUIDE", nil},
		{"GET", "/tools/ping?host=northport.stations.example", "1 received", nil},
		{"GET", "/static/shop.css", "--ember", nil},
		{"GET", "/nothing/here", "This shelf is empty", nil},
		{"POST", "/logout", "Log in", nil},
	} {
		var body string
		if step.method == "GET" {
			_, body = get(t, c, base+step.path)
		} else {
			_, body = post(t, c, base+step.path, step.form...)
		}
		if !strings.Contains(body, step.want) {
			t.Fatalf("%s %s: %q not in %s", step.method, step.path, step.want, body)
		}
	}
}

func TestTheShopOpensAgainAsItWasClosed(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []bool{false, true} {
		s, err := New(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.reviews(t.Context(), "8")
		if err != nil || (len(list) > 0) != want {
			t.Fatalf("reviews %v, %v", list, err)
		}
		if err := s.addReview(t.Context(), 8, "Anna", 5, "Lovely."); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryProductHasItsPicture(t *testing.T) {
	list := products()
	if len(list) != 24 {
		t.Fatalf("%d products", len(list))
	}
	seen := map[string]bool{}
	for _, p := range list {
		svg := string(picture(itoa(p.ID)))
		if seen[svg] || !strings.Contains(svg, p.Name) || strings.Contains(svg, "%!") {
			t.Errorf("%s: %s", p.Name, svg)
		}
		seen[svg] = true
	}
}
