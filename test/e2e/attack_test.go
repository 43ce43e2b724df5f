package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sqlmap runs Debian's sqlmap against one parameter and returns what it said.
func sqlmap(t *testing.T, url string, more ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	args := append(
		[]string{
			"-u",
			url,
			"--batch",
			"--flush-session",
			"--disable-coloring",
			"--output-dir",
			t.TempDir(),
			"--level",
			"1",
			"--risk",
			"1",
			"--threads",
			"4",
			"--timeout",
			"10",
			"--retries",
			"1",
		},
		more...)
	cmd := exec.CommandContext(ctx, tool(t, "sqlmap"), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlmap: %v\n%s", err, out)
	}
	return string(out)
}

// vulnerable is what sqlmap prints when it found a way in.
const vulnerable = "sqlmap identified the following injection point"

func TestSqlmapDumpsTheShopWithoutRingwall(t *testing.T) {
	out := sqlmap(t, startShop(t)+"/product?id=1", "-p", "id", "--dump", "-T", "users")
	if !strings.Contains(out, vulnerable) || !strings.Contains(out, "Table: users") {
		t.Fatalf("the shop's hole is not exploitable any more:\n%s", out)
	}
}

func TestSqlmapFindsNothingThroughAnActiveGateway(t *testing.T) {
	p := up(
		t,
		filepath.Join(t.TempDir(), "data"),
		"--upstream",
		startShop(t),
		"--listen",
		"127.0.0.1:0",
		"--mode",
		"active",
		"--access-events",
	)
	out := sqlmap(t, p.gateway+"/product?id=1", "-p", "id", "--dump", "-T", "users")
	if strings.Contains(out, vulnerable) || strings.Contains(out, "Table: users") ||
		!strings.Contains(out, "all tested parameters do not appear to be injectable") {
		t.Fatalf("sqlmap got through:\n%s", out)
	}
	// sqlmap counts the 403 answers that it got; each must be in the lake.
	_, after, ok := strings.Cut(out, "403 (Forbidden) - ")
	if !ok {
		t.Fatalf("sqlmap saw no 403:\n%s", out)
	}
	number, _, _ := strings.Cut(after, " times")
	blocked := p.count("SELECT count(*) AS n FROM events WHERE action = 'block' AND status = 403", 1)
	wait(t, 10*time.Second, func() error {
		blocked = p.count("SELECT count(*) AS n FROM events WHERE action = 'block' AND status = 403", 1)
		if got := strings.TrimSpace(number); got != itoa(blocked) {
			return errorf("sqlmap counted %s answers with 403, the lake has %d blocked requests", got, blocked)
		}
		return nil
	})
	t.Logf("sqlmap: %d requests blocked, all in the lake", blocked)
}

func TestSqlmapPassesInSimulationAndIsReported(t *testing.T) {
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", startShop(t), "--listen", "127.0.0.1:0")
	out := sqlmap(t, p.gateway+"/product?id=1", "-p", "id", "--technique", "BU", "--dump", "-T", "users")
	if !strings.Contains(out, vulnerable) || !strings.Contains(out, "Table: users") {
		t.Fatalf("simulation must not stop anything:\n%s", out)
	}
	if n := p.count("SELECT count(*) AS n FROM events WHERE action = 'alert' AND list_contains(attacks, 'sqli')", 10); n < 10 {
		t.Fatalf("%d alerts", n)
	}
	if n := p.count("SELECT count(*) AS n FROM events WHERE action = 'block'", 0); n != 0 {
		t.Fatalf("%d requests blocked in simulation", n)
	}
}
