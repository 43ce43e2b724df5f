package peers

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// build makes the program that serves and measures.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "peers")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/peers").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// Every server answers every benign request with 200, and those that inspect block
// every attack: Load refuses any other status. No time is asserted.
func TestEveryServerPassesAndBlocksWhatItShould(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := WAF(ctx, Options{Rounds: 1, Slice: time.Millisecond, MaxRequests: 16, Connections: 4, Self: build(t)}, &out); err != nil {
		t.Fatal(err)
	}
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if !strings.Contains(out.String(), "\nbench-waf "+r.Name+" gateway_us=") {
			t.Errorf("no line for %s in\n%s", r.Name, &out)
		}
	}
	if len(rows) != 12 {
		t.Errorf("%d rows, want 12", len(rows))
	}
}

func TestLoadRefusesAnotherStatus(t *testing.T) {
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 3 {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer s.Close()
	l := Load{
		Address:     s.Listener.Addr().String(),
		Requests:    [][]byte{[]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
		Want:        200,
		Connections: 1,
		N:           2,
	}
	r, err := l.Run(t.Context())
	if err != nil || len(r.Latencies) != 2 {
		t.Fatalf("%d answers, %v", len(r.Latencies), err)
	}
	if _, err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "418") {
		t.Fatalf("got %v, want an error with status 418", err)
	}
}

func TestCPUAndMemoryOfAProcessTree(t *testing.T) {
	// The work is done by a child, which then waits for its input to end.
	cmd := exec.CommandContext(
		t.Context(),
		"sh",
		"-c",
		`sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read -r x'; true`,
	)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := start("shell", cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	defer stdin.Close()
	if _, err := p.line(t.Context(), "done"); err != nil {
		t.Fatal(err)
	}
	d, err := p.CPU()
	if err != nil || d < 10*time.Millisecond {
		t.Errorf("200,000 turns of a child took %v, %v", d, err)
	}
	if len(p.tree()) != 2 {
		t.Errorf("processes %v, want a shell and its child", p.tree())
	}
	if now, peak := p.Memory(); now <= 0 || peak < now {
		t.Errorf("memory %d, peak %d", now, peak)
	}
}

// TestPercentilesAreReadFromTheirOwnLines: the share within a standard deviation may
// end in 50% or 99%, too.
func TestPercentilesAreReadFromTheirOwnLines(t *testing.T) {
	const out = "    Latency     1.22ms    1.1ms  20.00ms   99.50%\n    Req/Sec     6.45k     1.2k     8.9k    67.50%\n" +
		"  Latency Distribution\n     50%    0.95ms\n     75%    1.40ms\n     99%    6.20ms\n"
	for want, re := range map[string]*regexp.Regexp{"0.95ms": wrkP50, "6.20ms": wrkP99} {
		if m := re.FindStringSubmatch(out); m == nil || m[1] != want {
			t.Errorf("%v finds %q, want %s", re, m, want)
		}
	}
}
