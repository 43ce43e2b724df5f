package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play the two programs: `ringwall`, when it is
// started under that name, and this one.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "ringwall":
		os.Exit(fakeRingwall())
	case len(os.Args) > 1 && os.Args[1] == "as-demo":
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	}
	os.Exit(m.Run())
}

// fakeRingwall keeps `ringwall up`'s contract: files, flags, lines, health.
func fakeRingwall() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fs := flag.NewFlagSet("up", flag.ExitOnError)
	var upstream, listen, console, data, mode string
	for name, p := range map[string]*string{"upstream": &upstream, "listen": &listen, "console": &console, "data": &data, "mode": &mode} {
		fs.StringVar(p, name, "", "")
	}
	fs.Func("trusted-proxy", "", func(string) error { return nil })
	access := fs.Bool("access-events", false, "")
	if os.Args[1] != "up" || fs.Parse(os.Args[2:]) != nil || !*access {
		return 2
	}
	if mode == "active" { // the tests' way to have it fail
		fmt.Fprintln(os.Stderr, "ringwall: listen: no luck today")
		return 1
	}
	var asked atomic.Int64
	cons := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health/ready" || asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	cons.Listener.Close()
	var err error
	if cons.Listener, err = net.Listen("tcp", console); err != nil {
		return 1
	}
	cons.TLS = &tls.Config{}
	cons.StartTLS()
	first := os.MkdirAll(filepath.Join(data, "tls"), 0o700) == nil
	ca := filepath.Join(data, "tls", "ca.pem")
	if _, err := os.Stat(ca); err == nil {
		first = false
	}
	if os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cons.Certificate().Raw}), 0o600) != nil {
		return 1
	}
	u, err := url.Parse(upstream)
	if err != nil {
		return 2
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return 1
	}
	srv := &http.Server{Handler: httputil.NewSingleHostReverseProxy(u)}
	go func() { _ = srv.Serve(ln) }()
	fmt.Printf("gateway: http://%s\nconsole: https://%s\nconsole CA: %s\n", listen, console, ca)
	if first {
		fmt.Println("console user: admin  password: correct-horse")
	}
	<-ctx.Done()
	_ = srv.Close()
	return 0
}

// install puts this binary into a folder as "ringwall" and as the demo, side by
// side.
func install(t *testing.T) (demo string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"ringwall", "ringwall-demo"} {
		if err := os.Link(self, filepath.Join(dir, name)); err != nil {
			b, err := os.ReadFile(self)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	return filepath.Join(dir, "ringwall-demo")
}

// running is the demo program in a process of its own.
type running struct {
	cmd   *exec.Cmd
	lines [3]string
	rest  *bufio.Reader
	errs  *bytes.Buffer
}

func launch(t *testing.T, demo string, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.Command(demo, append([]string{"as-demo"}, args...)...), errs: &bytes.Buffer{}}
	r.cmd.Stderr = r.errs
	r.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	r.rest = bufio.NewReader(out)
	for i := range r.lines {
		line, err := r.rest.ReadString('\n')
		if err != nil {
			_ = r.cmd.Wait()
			t.Fatalf("line %d: %v\n%s", i+1, err, r.errs)
		}
		r.lines[i] = strings.TrimSpace(line)
	}
	return r
}

func (r *running) url(t *testing.T, i int) string {
	t.Helper()
	u := regexp.MustCompile(`https?://[^ ]+`).FindString(r.lines[i])
	if u == "" {
		t.Fatalf("no address in %q", r.lines[i])
	}
	return u
}

func fetch(t *testing.T, u string) string {
	t.Helper()
	res, err := http.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func closed(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

func host(u string) string { return strings.SplitN(u, "://", 2)[1] }

func TestDemoPrintsThreeLinesAndStopsCleanly(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := launch(t, install(t), "--listen", taken.Addr().String(), "--console", "127.0.0.1:0", "--duration", "1s")
	for _, i := range []int{0, 1} {
		if page := fetch(t, r.url(t, i)); !strings.Contains(page, "Lantern") {
			t.Errorf("%s: %.200s", r.lines[i], page)
		}
	}
	if !strings.Contains(r.lines[2], "user: admin  password: correct-horse") {
		t.Errorf("got %q", r.lines[2])
	}
	start := time.Now()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	more, err := io.ReadAll(r.rest)
	if err != nil || len(more) > 0 {
		t.Errorf("a fourth line: %q, %v", more, err)
	}
	if err := r.cmd.Wait(); err != nil || time.Since(start) > 5*time.Second {
		t.Fatalf("after %v: %v\n%s", time.Since(start), err, r.errs)
	}
	if !strings.Contains(r.errs.String(), taken.Addr().String()+" is taken, so --listen is") {
		t.Errorf("not said that the port is taken:\n%s", r.errs)
	}
	for i := range r.lines {
		if !closed(host(r.url(t, i))) {
			t.Errorf("still there: %s", r.lines[i])
		}
	}
	for _, v := range r.cmd.Env {
		if dir, ok := strings.CutPrefix(v, "TMPDIR="); ok && dir != os.Getenv("TMPDIR") {
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

func TestDemoKeepsItsDataWhenAsked(t *testing.T) {
	demo, data := install(t), filepath.Join(t.TempDir(), "kept")
	for _, want := range []string{"password: correct-horse", "password: as printed at the first start"} {
		r := launch(t, demo, "--data", data, "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--no-traffic", "--quiet")
		if !strings.Contains(r.lines[2], want) {
			t.Errorf("got %q, want %q", r.lines[2], want)
		}
		if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := r.cmd.Wait(); err != nil || r.errs.Len() > 0 {
			t.Fatalf("%v\n%s", err, r.errs)
		}
	}
	for _, name := range []string{"shop/shop.db", "ringwall/tls/ca.pem"} {
		if _, err := os.Stat(filepath.Join(data, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestNoOrphanWhenTheDemoIsKilled kills the demo without a chance to tidy up.
func TestNoOrphanWhenTheDemoIsKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child with its parent")
	}
	r := launch(t, install(t), "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--no-traffic")
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for !closed(host(r.url(t, 2))) {
		if time.Now().After(deadline) {
			t.Fatal("ringwall still runs")
		}
		runtime.Gosched()
	}
}

func TestDemoSaysWhyRingwallDidNotStart(t *testing.T) {
	cmd := exec.Command(install(t), "as-demo", "--mode", "active", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 ||
		!strings.Contains(string(out), "ringwall did not start: exit status 1\nringwall: listen: no luck today") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestAMissingRingwallNamesTheWayOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out, errOut bytes.Buffer
	if code := run(
		t.Context(),
		[]string{"--data", t.TempDir()},
		&out,
		&errOut,
	); code != 1 ||
		!strings.Contains(errOut.String(), "run `make build` first") {
		t.Fatalf("status %d: %s", code, &errOut)
	}
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--nosuch"}, "see ringwall-demo --help"},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"--mode", "disabled"}, "use simulation or active"},
		{[]string{"--duration", "0s"}, "use --no-traffic"},
		{[]string{"--listen", "8080"}, "want host:port"},
		{[]string{"--listen", "0.0.0.0:8080"}, "listens on loopback only"},
		{[]string{"--listen", "192.0.2.1:8080"}, "listens on loopback only"},
		{[]string{"--console", "x"}, "want host:port"},
	} {
		var out, errOut bytes.Buffer
		if code := run(
			t.Context(),
			c.args,
			&out,
			&errOut,
		); code != 2 || !strings.Contains(errOut.String(), c.want) ||
			strings.Count(errOut.String(), "\n") != 1 {
			t.Errorf("%v: status %d: %s", c.args, code, &errOut)
		}
	}
	var out, errOut bytes.Buffer
	if code := run(
		t.Context(),
		[]string{"--help"},
		&out,
		&errOut,
	); code != 0 ||
		!strings.Contains(errOut.String(), "--listen") && !strings.Contains(errOut.String(), "-listen") {
		t.Errorf("status %d: %s", code, &errOut)
	}
}
