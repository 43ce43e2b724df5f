package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// findRingwall looks for the product beside this program, then on the PATH.
func findRingwall() (string, error) {
	exe, err := os.Executable()
	if err == nil {
		beside := filepath.Join(filepath.Dir(exe), "ringwall")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	if p, err := exec.LookPath("ringwall"); err == nil {
		return filepath.Abs(p)
	}
	return "", errors.New("there is no ringwall beside this program or on the PATH; run `make build` first")
}

// ringwall says how to start the product.
type ringwall struct {
	binary, data, log, upstream, listen, console, mode string
}

// process is a running `ringwall up`.
type process struct {
	spec     ringwall
	fresh    bool // the data folder is new, so a password will be printed
	cmd      *exec.Cmd
	password chan string
	exited   *task
}

// startRingwall starts it in a process group of its own, so that Ctrl-C reaches
// this program alone, which then stops things in order. What it logs goes to
// spec.log.
func startRingwall(spec ringwall) (*process, error) {
	_, err := os.Stat(filepath.Join(spec.data, "tls", "ca.pem"))
	p := &process{spec: spec, fresh: errors.Is(err, os.ErrNotExist), password: make(chan string, 1)}
	log, err := os.OpenFile(spec.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	// Not CommandContext: stop asks first and kills later.
	p.cmd = exec.Command(spec.binary, "up", "--upstream", spec.upstream, "--listen", spec.listen, "--console", spec.console,
		"--data", spec.data, "--mode", spec.mode, "--trusted-proxy", "127.0.0.1", "--trusted-proxy", "::1", "--access-events")
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = dieWithParent()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	started := make(chan error, 1)
	p.exited = start(func() error {
		// Linux sends Pdeathsig when the thread that started the child ends, so this
		// goroutine keeps its thread until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.read(stdout)
			err = p.cmd.Wait()
		}
		return errors.Join(err, log.Close())
	})
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start ringwall: %w", err)
	}
	return p, nil
}

// read takes the password from `ringwall up`'s standard output and reads on until
// that is closed.
func (p *process) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "console user: admin  password: "); ok {
			select {
			case p.password <- strings.TrimSpace(after):
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long for the scanner must not stop the child
}

// ready waits until console and gateway serve. It returns the password of the
// first start, "" on a later one.
func (p *process) ready(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	var last error
	for {
		if last = p.healthy(ctx); last == nil {
			break
		}
		select {
		case <-retry.C:
		case <-p.exited.done:
			return "", fmt.Errorf("ringwall did not start: %w%s", orNil(p.exited.err), p.lastWords())
		case <-ctx.Done():
			return "", fmt.Errorf("ringwall was not ready after %v: %w%s", startTimeout, last, p.lastWords())
		}
	}
	if !p.fresh {
		return "", nil
	}
	select {
	case password := <-p.password:
		return password, nil
	case <-p.exited.done:
		return "", fmt.Errorf("ringwall did not start: %w%s", orNil(p.exited.err), p.lastWords())
	case <-ctx.Done():
		return "", errors.New("ringwall printed no password at its first start")
	}
}

// healthy asks for /health/ready with the certificate authority that ringwall
// made.
func (p *process) healthy(ctx context.Context) error {
	pem, err := os.ReadFile(filepath.Join(p.spec.data, "tls", "ca.pem"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("tls/ca.pem holds no certificate")
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+reachable(p.spec.console)+"/health/ready", nil)
	if err != nil {
		return err
	}
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	res, err := (&http.Client{Transport: t}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("health/ready: %s", res.Status)
	}
	return nil
}

// lastWords is the end of ringwall's log, for the user to see why.
func (p *process) lastWords() string {
	b, err := os.ReadFile(p.spec.log)
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	if len(lines) == 0 || len(lines[0]) == 0 {
		return ""
	}
	return "\n" + string(bytes.Join(lines[max(len(lines)-8, 0):], []byte("\n")))
}

// stop asks ringwall to end and waits; after four seconds it does not ask any
// more. Its exit status then is no error.
func (p *process) stop() error {
	select {
	case <-p.exited.done:
		return nil
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may just have ended
	t := time.NewTimer(4 * time.Second)
	defer t.Stop()
	select {
	case <-p.exited.done:
		return nil
	case <-t.C:
	}
	_ = p.cmd.Process.Kill()
	<-p.exited.done
	return errors.New("ringwall did not stop within 4 seconds and was killed")
}

// orNil names an exit that had no error, since one was not expected.
func orNil(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
