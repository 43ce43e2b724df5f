package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func itoa(n int) string                       { return strconv.Itoa(n) }
func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// attack sends one request that the rules block and returns its id.
func attack(client *http.Client, gateway string, n int) (id string, status int, err error) {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/search?n=%d&q=1'+UNION+SELECT+password+FROM+users--+-", gateway, n), nil)
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("User-Agent", "Mozilla/5.0")
	req.Header.Set("Accept", "*/*")
	res, err := client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", 0, err
	}
	return res.Header.Get("X-Request-Id"), res.StatusCode, nil
}

func plainServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

// A block page is the acknowledgement of its event: whoever was shown an id can be
// told about it, however the process ends.
func TestKillNineLosesNoAcknowledgedEvent(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	upstream := plainServer(t, ok)
	var acknowledged []string
	for round := range 4 {
		p := up(t, data, "--upstream", upstream, "--listen", "127.0.0.1:0", "--mode", "active")
		var mu sync.Mutex
		var wg sync.WaitGroup
		var killed atomic.Bool
		enough := make(chan struct{})
		var once sync.Once
		for w := range 4 {
			wg.Go(func() {
				client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
				defer client.CloseIdleConnections()
				for i := 0; ; i++ {
					id, status, err := attack(client, p.gateway, round*10000+w*1000+i)
					if err != nil {
						if !killed.Load() {
							t.Error(err)
						}
						once.Do(func() { close(enough) })
						return
					}
					if status != 403 {
						t.Errorf("status %d", status)
					}
					mu.Lock()
					acknowledged = append(acknowledged, id)
					if len(acknowledged) >= (round+1)*150 {
						once.Do(func() { close(enough) })
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		killed.Store(true)
		p.kill() // in the middle of everything
		wg.Wait()
	}
	p := up(t, data, "--mode", "active")
	var rows []struct{ ID string }
	wait(t, 20*time.Second, func() error {
		p.query("SELECT id FROM events", &rows)
		have := map[string]int{}
		for _, r := range rows {
			have[r.ID]++
		}
		for _, id := range acknowledged {
			if have[id] != 1 {
				return errorf("event %s is %d times in the lake, which has %d; %d were acknowledged", id, have[id], len(rows), len(acknowledged))
			}
		}
		return nil
	})
	if p.gateway == "" || p.password != "" {
		t.Errorf("after the kill: gateway %q, a new password was made: %v", p.gateway, p.password != "")
	}
	t.Logf("%d events acknowledged over 4 kills, %d in the lake", len(acknowledged), len(rows))
}

func TestTheNextStartFindsEverything(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := up(t, data, "--upstream", plainServer(t, ok), "--listen", "127.0.0.1:0")
	if p.password == "" {
		t.Fatal("the first start printed no password")
	}
	password := p.password
	p.login(password)
	p.setMode("active")
	id, status, err := attack(http.DefaultClient, p.gateway, 1)
	if err != nil || status != 403 {
		t.Fatalf("status %d, %v", status, err)
	}
	p.interrupt()
	if strings.Contains(p.log.String(), "level=ERROR") {
		t.Errorf("errors at shutdown:\n%s", p.log)
	}

	p = up(t, data)
	if p.password != "" {
		t.Error("the second start made a new password")
	}
	p.login(password)
	if _, status, err := attack(http.DefaultClient, p.gateway, 2); err != nil || status != 403 {
		t.Fatalf("the mode was forgotten: status %d, %v", status, err)
	}
	stdout, stderr, code := ringwall(t, "event", "show", id, "--data", data)
	if code != 0 || !strings.Contains(stdout, "UNION SELECT") || !strings.Contains(stdout, "942100") {
		t.Fatalf("event show: exit %d\n%s%s", code, stdout, stderr)
	}
	// A flag goes before what is stored.
	p.interrupt()
	p = up(t, data, "--mode", "simulation")
	if _, status, err := attack(http.DefaultClient, p.gateway, 3); err != nil || status != 200 {
		t.Fatalf("--mode simulation: status %d, %v", status, err)
	}
}

func TestANewEventIsVisibleWithinTwoSeconds(t *testing.T) {
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", plainServer(t, ok), "--listen", "127.0.0.1:0", "--mode", "active")
	p.login(p.password)
	var took []time.Duration
	for i := range 5 {
		id, _, err := attack(http.DefaultClient, p.gateway, i)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		wait(t, 20*time.Second, func() error {
			var page struct{ Events []struct{ ID string } }
			p.api(http.MethodGet, "/events?limit=1", nil, &page)
			if len(page.Events) == 0 || page.Events[0].ID != id {
				return errors.New("not there yet")
			}
			return nil
		})
		took = append(took, time.Since(begin))
		if n := p.count("SELECT count(*) AS n FROM events WHERE id = '"+id+"'", 1); n != 1 {
			t.Fatalf("%d rows", n)
		}
	}
	slices.Sort(took)
	if took[2] > 2*time.Second { // the median, because the machine may be busy
		t.Errorf("visible after %v", took)
	}
	t.Logf("visible after %v", took)
}

func TestInterruptDrainsAndStopsWithinFiveSeconds(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	p := up(
		t,
		filepath.Join(t.TempDir(), "data"),
		"--listen",
		"127.0.0.1:0",
		"--access-events",
		"--upstream",
		plainServer(t, func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done(): // the one that never ends
				return
			}
			ok(w, r)
		}),
	)
	p.login(p.password)
	stream, err := p.client.Get(p.console + "/api/v1/events/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	finished := make(chan string)
	go func() {
		res, err := http.Get(p.gateway + "/slow")
		if err != nil {
			finished <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		finished <- string(b)
	}()
	<-arrived
	// A client that holds its connection open without asking anything.
	idle, err := net.Dial("tcp", strings.TrimPrefix(p.gateway, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	go func() {
		wait(t, 10*time.Second, func() error { // the port closes first, then the request ends
			c, err := net.Dial("tcp", strings.TrimPrefix(p.gateway, "http://"))
			if err == nil {
				_ = c.Close()
				return errors.New("still listening")
			}
			return nil
		})
		close(release)
	}()
	took := p.interrupt()
	if got := <-finished; got != "ok\n" {
		t.Errorf("the request under way got %q", got)
	}
	if took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
	t.Logf("stopped after %s", took)
}

func TestMistakesAtTheStartAreOneClearLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unreachable := "http://" + free.Addr().String()
	free.Close()
	upstream := plainServer(t, ok)
	data := func() string { return filepath.Join(t.TempDir(), "data") }
	running := up(t, data(), "--upstream", upstream, "--listen", "127.0.0.1:0")
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"taken gateway port", []string{"--data", data(), "--upstream", upstream, "--listen", taken.Addr().String(), "--console", "127.0.0.1:0"}, 1, "port " + taken.Addr().String() + ": address already in use"},
		{"taken console port", []string{"--data", data(), "--upstream", upstream, "--listen", "127.0.0.1:0", "--console", taken.Addr().String()}, 1, "choose another port with --console"},
		{"unreachable upstream", []string{"--data", data(), "--upstream", unreachable, "--console", "127.0.0.1:0"}, 1, "upstream " + unreachable + " cannot be reached (connection refused)"},
		{"unwritable folder", []string{"--data", "/dev/null/data", "--upstream", upstream}, 1, "choose another one with --data"},
		{"folder in use", []string{"--data", running.data, "--upstream", upstream, "--console", "127.0.0.1:0"}, 1, "in use by another ringwall"},
		{"wrong flag", []string{"--upstraem", upstream}, 2, `did you mean "--upstream"`},
		{"wrong mode", []string{"--mode", "aktive"}, 2, "want simulation, active or disabled"},
		{"wrong upstream", []string{"--upstream", "my-app:3000"}, 2, "want http://host:port"},
	} {
		stdout, stderr, code := ringwall(t, append([]string{"up", "--log-level", "error"}, tc.args...)...)
		if code != tc.code || !strings.Contains(stderr, tc.want) || stdout != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit %d, %q", tc.name, code, stdout, stderr, tc.code, tc.want)
		}
		if n := strings.Count(stderr, "\n"); n > tc.code { // a usage error adds where to find help
			t.Errorf("%s: %d lines: %s", tc.name, n, stderr)
		}
	}
}
