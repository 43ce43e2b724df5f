package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a running server with its children.
type Process struct {
	Name    string
	Address string // host:port
	cmd     *exec.Cmd
	out     *output
	exited  chan struct{}
}

// output keeps what a process says.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	added chan struct{} // closed and replaced with each addition
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() < 1<<20 {
		o.text.Write(p)
	}
	close(o.added)
	o.added = make(chan struct{})
	return len(p), nil
}

func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.added
}

// start runs a program. The caller must stop it.
func start(name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, out: &output{added: make(chan struct{})}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = cmd.Wait() // how it ended is of no interest, what it said is
		close(p.exited)
	}()
	return p, nil
}

// line waits for a line that begins with prefix and returns the rest of it.
func (p *Process) line(ctx context.Context, prefix string) (string, error) {
	for {
		text, added := p.out.read()
		for l := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(l, prefix); ok && strings.HasSuffix(rest, "\n") {
				return strings.TrimSpace(rest), nil
			}
		}
		select {
		case <-added:
		case <-p.exited:
			return "", fmt.Errorf("%s ended: %s", p.Name, text)
		case <-ctx.Done():
			return "", fmt.Errorf("%s did not say %q: %w: %s", p.Name, prefix, ctx.Err(), text)
		}
	}
}

// listening waits until the process takes connections.
func (p *Process) listening(ctx context.Context) error {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", p.Address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			text, _ := p.out.read()
			return fmt.Errorf("%s ended: %s", p.Name, text)
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen: %w", p.Name, err)
		case <-time.After(20 * time.Millisecond): // polling another process
		}
	}
}

// Stop ends the process and its children and waits for them.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// tree returns the process and all below it.
func (p *Process) tree() []int {
	pids := []int{p.cmd.Process.Pid}
	for i := 0; i < len(pids); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i])) // the pattern is well formed
		for _, t := range tasks {
			b, _ := os.ReadFile(t) // the thread may be gone
			for f := range strings.FieldsSeq(string(b)) {
				if pid, err := strconv.Atoi(f); err == nil && !slices.Contains(pids, pid) {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

// CPU is the time that the process and its children have spent on a processor so
// far. It is exact to the nanosecond where the kernel keeps /proc/PID/schedstat,
// else to a tick of the clock (10 ms).
func (p *Process) CPU() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p.tree() {
		d, err := cpuOf(pid)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.Name, err)
		}
		sum += d
	}
	return sum, nil
}

func cpuOf(pid int) (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err == nil && len(tasks) > 0 {
		var sum int64
		for _, t := range tasks {
			b, err := os.ReadFile(t)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // the thread ended
			}
			if err != nil {
				return 0, err
			}
			onCPU, _, _ := strings.Cut(string(b), " ")
			ns, err := strconv.ParseInt(onCPU, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", t, err)
			}
			sum += ns
		}
		return time.Duration(sum), nil
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may contain anything
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, b)
	}
	var ticks int64
	for _, v := range f[11:13] { // utime and stime
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// ResetPeak makes the memory of this moment the peak. Where the kernel refuses,
// the peak is that since the start.
func (p *Process) ResetPeak() {
	for _, pid := range p.tree() {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // see above
	}
}

// Memory returns the resident memory of the process and its children, now and at
// the peak, in bytes.
func (p *Process) Memory() (now, peak int64) {
	for _, pid := range p.tree() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // it may be gone
		for l := range strings.Lines(string(b)) {
			name, rest, _ := strings.Cut(l, ":")
			f := strings.Fields(rest)
			if len(f) == 0 {
				continue
			}
			kb, _ := strconv.ParseInt(f[0], 10, 64)
			switch name {
			case "VmRSS":
				now += kb << 10
			case "VmHWM":
				peak += kb << 10
			}
		}
	}
	return now, peak
}

// freeAddress returns a loopback address that is free at the moment.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// program finds a program of the system.
func program(name string) (string, error) {
	for _, dir := range []string{"", "/usr/sbin/", "/usr/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: run tools/setup.sh bench", name)
}
