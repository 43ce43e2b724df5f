package e2e

import (
	"bytes"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What `make run` starts: a shop, ringwall in front of it, traffic, three lines.
func TestDemoIsAliveAtFirstSight(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	out, errOut := &lines{added: make(chan struct{})}, new(bytes.Buffer)
	cmd := exec.Command(
		filepath.Join(bin, "ringwall-demo"),
		"--data",
		data,
		"--listen",
		"127.0.0.1:0",
		"--console",
		"127.0.0.1:0",
		"--mode",
		"active",
		"--duration",
		"30s",
	)
	cmd.Stdout, cmd.Stderr = out, errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // asked below
		close(exited)
	}()
	defer func() {
		_ = cmd.Process.Kill() // it may be gone already
		<-exited
	}()
	console, err := out.find("console:", 60*time.Second, exited)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	if !regexp.MustCompile(`https://127\.0\.0\.1:\d+ +user: admin  password: \S+`).MatchString(console) {
		t.Errorf("console line %q", console)
	}
	protected, err := out.find("shop behind Ringwall:", time.Second, exited)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := out.find("shop without Ringwall:", time.Second, exited)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want three:\n%s", n, out)
	}
	for url, want := range map[string]int{strings.TrimSpace(protected) + "/": 200, strings.TrimSpace(bare) + "/": 200} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d", url, res.StatusCode)
		}
	}
	// Shoppers pass, several attackers are stopped with different attacks, each from
	// its own address.
	p := &process{t: t, data: filepath.Join(data, "ringwall")}
	p.count("SELECT count(*) AS n FROM events WHERE action = 'pass'", 20)
	p.count("SELECT count(DISTINCT attack) AS n FROM events WHERE action = 'block'", 3)
	p.count("SELECT count(DISTINCT client) AS n FROM events WHERE client NOT LIKE '127.%'", 5)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-exited:
	case <-time.After(10 * time.Second):
		t.Fatal("the demo does not stop")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d\n%s", code, errOut)
	}
}
