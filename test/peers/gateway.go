package peers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GatewayOptions choose what `make bench-gateway` does.
type GatewayOptions struct {
	// Ringwall is the program to measure.
	Ringwall string
	// Rounds is how often each server is measured, Duration how long each time.
	Rounds   int
	Duration time.Duration
	// Connections is how many wrk keeps busy.
	Connections int
	// BuildDir, if not empty, is the tree that is built with an empty cache and
	// timed.
	BuildDir string
}

// up is a running `ringwall up`.
type up struct {
	*Process
	started time.Duration // from its start until all its ports were open
}

// startUp runs `ringwall up` on a new folder.
func startUp(ctx context.Context, o GatewayOptions, name, dir, upstream, mode string) (*up, error) {
	data := filepath.Join(dir, name)
	begin := time.Now()
	p, err := start(name, exec.Command(o.Ringwall, "up", "--data", data, "--console", "127.0.0.1:0", "--listen", "127.0.0.1:0",
		"--upstream", "http://"+upstream, "--mode", mode))
	if err != nil {
		return nil, err
	}
	u := &up{Process: p}
	gateway, err := p.line(ctx, "gateway: http://")
	u.started = time.Since(begin)
	if err != nil {
		p.Stop()
		return nil, err
	}
	u.Address = strings.TrimSuffix(gateway, "/")
	return u, nil
}

// passUninspected switches the server group to disabled, letting traffic pass, as an
// operator does it.
func (u *up) passUninspected(ctx context.Context) error {
	console, err := u.line(ctx, "console: ")
	if err != nil {
		return err
	}
	password, err := u.line(ctx, "console user: admin  password: ")
	if err != nil {
		return err
	}
	caFile, err := u.line(ctx, "console CA: ")
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 30 * time.Second}
	defer c.CloseIdleConnections()
	csrf := ""
	call := func(method, path string, in, out any) error {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, method, console+"/api/v1"+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-CSRF-Token", csrf)
		res, err := c.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return err
		}
		if res.StatusCode/100 != 2 {
			return fmt.Errorf("%s %s: %s %s", method, path, res.Status, text)
		}
		return json.Unmarshal(text, out)
	}
	var session struct {
		CSRF string `json:"csrf_token"`
	}
	if err := call(http.MethodPost, "/login", map[string]string{"username": "admin", "password": password}, &session); err != nil {
		return err
	}
	csrf = session.CSRF
	var group map[string]any
	if err := call(http.MethodGet, "/server-groups/default", nil, &group); err != nil {
		return err
	}
	group["mode"], group["pass_when_disabled"] = "disabled", true
	return call(http.MethodPut, "/server-groups/default", group, &group)
}

// quiet is how long a new process is left alone before it counts as idle.
const quiet = 10 * time.Second

// wrkRun is what wrk and the kernel say of one run.
type wrkRun struct {
	rps      float64
	p50, p99 string
	cpu      time.Duration // a request
}

var (
	wrkCount = regexp.MustCompile(`(\d+) requests in`)
	wrkRate  = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkP50   = regexp.MustCompile(`(?m)^\s+50%\s+(\S+)`)
	wrkP99   = regexp.MustCompile(`(?m)^\s+99%\s+(\S+)`)
	wrkBad   = regexp.MustCompile(`Socket errors.*|Non-2xx.*`)
)

// wrk loads a server with a recorded request.
func wrk(ctx context.Context, o GatewayOptions, p *Process, target string, headers []string) (wrkRun, error) {
	bin, err := program("wrk")
	if err != nil {
		return wrkRun{}, err
	}
	args := []string{"-t", "2", "-c", strconv.Itoa(o.Connections), "-d", o.Duration.String(), "--latency", "--timeout", "10s"}
	for _, h := range headers {
		args = append(args, "-H", h)
	}
	before, err := p.CPU()
	if err != nil {
		return wrkRun{}, err
	}
	out, err := exec.CommandContext(ctx, bin, append(args, (&url.URL{Scheme: "http", Host: p.Address}).String()+target)...).CombinedOutput()
	if err != nil {
		return wrkRun{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := p.CPU()
	if err != nil {
		return wrkRun{}, err
	}
	if bad := wrkBad.Find(out); bad != nil {
		return wrkRun{}, fmt.Errorf("%s: requests failed: %s", p.Name, bad)
	}
	field := func(re *regexp.Regexp) string {
		if m := re.FindSubmatch(out); m != nil {
			return string(m[1])
		}
		return "0"
	}
	n, err := strconv.Atoi(field(wrkCount))
	if err != nil || n == 0 {
		return wrkRun{}, fmt.Errorf("wrk sent nothing: %s", out)
	}
	rps, err := strconv.ParseFloat(field(wrkRate), 64)
	return wrkRun{rps: rps, p50: field(wrkP50), p99: field(wrkP99), cpu: (after - before) / time.Duration(n)}, err
}

// split takes a recorded GET apart for wrk's command line.
func split(raw []byte) (target string, headers []string) {
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	return strings.Fields(lines[0])[1], lines[1:]
}

// Gateway runs `make bench-gateway`: requests a second and CPU of `ringwall up` with
// and without inspection beside nginx in front of the same upstream, its memory and
// its start.
func Gateway(ctx context.Context, o GatewayOptions, out io.Writer) error {
	dir, err := os.MkdirTemp("", "ringwall-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers are another user
		return err
	}
	fmt.Fprintln(out)
	if o.BuildDir != "" {
		d, err := timeBuild(ctx, o.BuildDir, dir)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "build of cmd/ringwall with an empty cache: %.1f s\n", d.Seconds())
	}
	upstream, err := startUpstream(ctx, dir)
	if err != nil {
		return err
	}
	defer upstream.Stop()
	nginx, err := startNginxProxy(ctx, dir, upstream.Address)
	if err != nil {
		return err
	}
	defer nginx.Stop()
	on, err := startUp(ctx, o, "ringwall up, active", dir, upstream.Address, "active")
	if err != nil {
		return err
	}
	defer on.Stop()
	fresh, _ := on.Memory()
	select {
	case <-time.After(quiet): // nothing happens here: that is what is measured
	case <-ctx.Done():
		return ctx.Err()
	}
	idle, _ := on.Memory()
	fmt.Fprintf(out, "first start until every port is open: %.2f s\n", on.started.Seconds())
	fmt.Fprintf(out, "memory of ringwall up just started: %d MB, after %s without requests: %d MB\n", fresh>>20, quiet, idle>>20)
	off, err := startUp(ctx, o, "ringwall up, uninspected", dir, upstream.Address, "simulation")
	if err != nil {
		return err
	}
	defer off.Stop()
	if err := off.passUninspected(ctx); err != nil {
		return err
	}

	rows, err := Rows()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Name != "get_plain" && r.Name != "get_args" })
	servers := []*Process{upstream, nginx, off.Process, on.Process}
	results := map[string][]wrkRun{}
	// The gateway must be the one it claims to be.
	attack, err := recorded.ReadFile("testdata/attack_sqli.raw")
	if err != nil {
		return err
	}
	for p, want := range map[*Process]int{nginx: 200, off.Process: 200, on.Process: 403} {
		l := Load{Address: p.Address, Requests: [][]byte{attack}, Want: want, Connections: 1, N: 1}
		if _, err := l.Run(ctx); err != nil {
			return fmt.Errorf("%s: attack: %w", p.Name, err)
		}
	}
	on.ResetPeak()
	for range o.Rounds {
		for _, row := range rows {
			target, headers := split(row.Requests[0])
			for _, p := range servers {
				r, err := wrk(ctx, o, p, target, headers)
				if err != nil {
					return err
				}
				results[row.Name+p.Name] = append(results[row.Name+p.Name], r)
			}
		}
	}
	_, peak := on.Memory()
	after, _ := on.Memory()
	fmt.Fprintf(out, "memory of ringwall up at the end of the load: %d MB\n", after>>20)
	fmt.Fprintf(out, "memory of ringwall up, peak under this load: %d MB\n", peak>>20)
	fmt.Fprintf(
		out,
		"\nwrk, 2 threads, %d connections, %d interleaved rounds of %s; server, upstream and wrk share the CPUs; median by requests/s.\n\n",
		o.Connections,
		o.Rounds,
		o.Duration,
	)
	fmt.Fprintf(out, "%-10s %-25s %10s %10s %10s %12s\n", "row", "server", "req/s", "p50", "p99", "cpu us/req")
	for _, row := range rows {
		for _, p := range servers {
			list := results[row.Name+p.Name]
			slices.SortFunc(list, func(a, b wrkRun) int { return int(a.rps - b.rps) })
			r := list[len(list)/2]
			fmt.Fprintf(out, "%-10s %-25s %10.0f %10s %10s %12.1f\n", row.Name, p.Name, r.rps, r.p50, r.p99, micros(r.cpu))
		}
	}
	fmt.Fprintln(out)
	for _, row := range rows {
		rate := func(p *Process) float64 { l := results[row.Name+p.Name]; return l[len(l)/2].rps }
		fmt.Fprintf(out, "bench-gateway %s nginx_rps=%.0f gateway_rps=%.0f with_waf_rps=%.0f idle_mb=%d peak_mb=%d first_start_s=%.2f\n",
			row.Name, rate(nginx), rate(off.Process), rate(on.Process), idle>>20, peak>>20, on.started.Seconds())
	}
	return nil
}

// timeBuild builds the program with an empty build cache; modules are there.
func timeBuild(ctx context.Context, tree, dir string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, "built"), "./cmd/ringwall")
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache"))
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build: %w: %s", err, out)
	}
	return time.Since(begin), nil
}
