package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startNginx runs Debian's nginx as an upstream with keep-alive and returns its URL.
func startNginx(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(
		filepath.Join(dir, "index.html"),
		[]byte("<!doctype html><title>nginx</title>"+strings.Repeat("<p>Some text for a page of a usual size.</p>\n", 100)),
		0o644,
	); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	conf := fmt.Sprintf(`
daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log warn;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 100000;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  types { text/html html; }
  server { listen %[2]s; root %[1]s; }
}`, dir, address)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	// Workers of a root nginx are another user, who must reach the folder.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool(t, "nginx"), "-c", filepath.Join(dir, "nginx.conf"), "-p", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have failed already
		_ = cmd.Wait()
	})
	wait(t, 10*time.Second, func() error {
		res, err := http.Get("http://" + address + "/")
		if err == nil {
			err = res.Body.Close()
		}
		return err
	})
	return "http://" + address
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkTrouble  = regexp.MustCompile(`Socket errors|Non-2xx`)
)

func TestNoRequestFailsUnderLoadInFrontOfNginx(t *testing.T) {
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", startNginx(t), "--listen", "127.0.0.1:0", "--mode", "active")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(
		ctx,
		tool(t, "wrk"),
		"-t",
		"2",
		"-c",
		"16",
		"-d",
		"10s",
		"--latency",
		"--timeout",
		"10s",
		"-H",
		"Host: shop.example.com",
		"-H",
		"User-Agent: Mozilla/5.0",
		"-H",
		"Accept: text/html",
		p.gateway+"/index.html?page=1",
	).CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	m := wrkRequests.FindStringSubmatch(string(out))
	if m == nil || m[1] == "0" || wrkTrouble.Match(out) {
		t.Fatalf("requests failed:\n%s", out)
	}
	t.Logf("\n%s", out)
}
