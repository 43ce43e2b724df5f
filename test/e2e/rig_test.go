// Package e2e runs the real programs against things that nobody here wrote: sqlmap
// attacks, nginx serves, wrk loads, Chromium looks.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ringwall/ringwall/cmd/ringwall-demo/shop"
)

// bin is the folder with the programs under test.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ringwall-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	build := exec.Command("go", "build", "-o", dir+"/", "./cmd/ringwall", "./cmd/ringwall-demo")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is a running `ringwall up`.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	data     string
	gateway  string // URL
	console  string // URL
	password string // of admin, at the first start
	log      *lines
	exited   chan struct{}
	client   *http.Client // for the console, with its CA and cookies
	csrf     string
}

// lines collects output and lets tests wait for a line.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	added chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.added)
	l.added = make(chan struct{})
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// find waits for a complete line that begins with prefix and returns the rest of it.
func (l *lines) find(prefix string, timeout time.Duration, gone <-chan struct{}) (string, error) {
	late := time.After(timeout)
	for {
		l.mu.Lock()
		text, added := l.text.String(), l.added
		l.mu.Unlock()
		s := bufio.NewScanner(strings.NewReader(text))
		for s.Scan() {
			if rest, ok := strings.CutPrefix(s.Text(), prefix); ok && strings.Contains(text, s.Text()+"\n") {
				return rest, nil
			}
		}
		select {
		case <-added:
		case <-gone:
			return "", fmt.Errorf("the process ended without a line %q:\n%s", prefix, text)
		case <-late:
			return "", fmt.Errorf("no line %q within %s:\n%s", prefix, timeout, text)
		}
	}
}

// up starts `ringwall up` on data with free ports and waits until it is ready.
func up(t *testing.T, data string, flags ...string) *process {
	t.Helper()
	p := &process{t: t, data: data, log: &lines{added: make(chan struct{})}, exited: make(chan struct{})}
	args := append([]string{"up", "--data", data, "--console", "127.0.0.1:0"}, flags...)
	p.cmd = exec.Command(filepath.Join(bin, "ringwall"), args...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is asked by those who end it
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("ringwall up said:\n%s", p.log)
		}
	})
	var err error
	if p.console, err = p.log.find("console: ", 60*time.Second, p.exited); err != nil {
		t.Fatal(err)
	}
	if p.gateway, err = p.log.find("gateway: ", time.Second, p.exited); err != nil {
		t.Fatal(err)
	}
	caFile, err := p.log.find("console CA: ", time.Second, p.exited)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.client = &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 60 * time.Second}
	t.Cleanup(p.client.CloseIdleConnections)
	if p.password, err = p.log.find("console user: admin  password: ", 100*time.Millisecond, p.exited); err != nil {
		p.password = "" // not the first start
	}
	return p
}

// kill ends the process at once, as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.exited
}

// interrupt ends the process as Ctrl-C does and returns how long it took.
func (p *process) interrupt() time.Duration {
	p.t.Helper()
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("still running 20 s after SIGINT:\n%s", p.log)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("exit status %d after SIGINT:\n%s", code, p.log)
	}
	return time.Since(begin)
}

// login starts an API session as admin.
func (p *process) login(password string) {
	p.t.Helper()
	var session struct {
		CSRF string `json:"csrf_token"`
	}
	p.api(http.MethodPost, "/login", map[string]string{"username": "admin", "password": password}, &session)
	p.csrf = session.CSRF
}

// api calls the management API and decodes the answer into out, unless that is nil.
func (p *process) api(method, path string, in, out any) {
	p.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			p.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, p.console+"/api/v1"+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", p.csrf)
	res, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode/100 != 2 {
		p.t.Fatalf("%s %s: %s %s", method, path, res.Status, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
}

// setMode switches the first server group.
func (p *process) setMode(mode string) {
	p.t.Helper()
	p.api(http.MethodPut, "/server-groups/default/mode", map[string]string{"mode": mode}, nil)
}

// ringwall runs a command of the program to its end.
func ringwall(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "ringwall"), args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// query runs SQL over the lake with the command line and decodes its JSON.
func (p *process) query(sql string, out any) {
	p.t.Helper()
	stdout, stderr, code := ringwall(p.t, "lake", "query", sql, "--data", p.data, "--output", "json", "--limit", "1000000")
	if code != 0 {
		p.t.Fatalf("%s: exit %d %s", sql, code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), out); err != nil {
		p.t.Fatalf("%s: %v in %.500s", sql, err, stdout)
	}
}

// count runs a query for one number called n, again and again until it is at least
// atLeast.
func (p *process) count(sql string, atLeast int) int {
	p.t.Helper()
	n := 0
	wait(p.t, 20*time.Second, func() error {
		var rows []struct{ N int }
		p.query(sql, &rows)
		if n = rows[0].N; n < atLeast {
			return fmt.Errorf("%s: %d, want %d", sql, n, atLeast)
		}
		return nil
	})
	return n
}

// wait tries until it succeeds.
func wait(t *testing.T, timeout time.Duration, try func() error) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", timeout, err)
		}
		<-time.After(50 * time.Millisecond) // polling another process
	}
}

// startShop serves the vulnerable shop and returns its URL.
func startShop(t *testing.T) string {
	t.Helper()
	s, err := shop.New(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		_ = server.Serve(ln) // ends with Close
		close(done)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

// tool finds a program that tools/setup.sh installs.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed: run tools/setup.sh test", name)
	return ""
}
