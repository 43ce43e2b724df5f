package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/ringwall/ringwall/cmd/ringwall-demo/shop"
	"github.com/ringwall/ringwall/cmd/ringwall-demo/traffic"
)

// demo is one run of the program.
type demo struct {
	config
	out, errOut io.Writer
}

// note tells something that is good to know.
func (d *demo) note(format string, a ...any) {
	if !d.quiet {
		fmt.Fprintf(d.errOut, "ringwall-demo: "+format+"\n", a...)
	}
}

// run starts shop, gateway and traffic and waits for the end of ctx. It stops them
// in the order in which they depend on each other: traffic, gateway, shop.
func (d *demo) run(ctx context.Context) (err error) {
	binary, err := findRingwall()
	if err != nil {
		return err
	}
	dir, remove, err := d.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	s, err := shop.New(filepath.Join(dir, "shop"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	shopCtx, stopShop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the gateway
	shopReady := make(chan string, 1)
	serving := start(func() error { return s.Serve(shopCtx, "127.0.0.1:0", func(addr string) { shopReady <- addr }) })
	defer func() { stopShop(); err = errors.Join(err, serving.wait()) }()
	var shopAddr string
	select {
	case shopAddr = <-shopReady:
	case <-serving.done:
		return errors.New("the shop did not start")
	}

	listen, err := d.freeAddr("--listen", d.listen)
	if err != nil {
		return err
	}
	console, err := d.freeAddr("--console", d.console)
	if err != nil {
		return err
	}
	d.note("starting ringwall; the first start takes some seconds")
	up, err := startRingwall(ringwall{
		binary: binary, data: filepath.Join(dir, "ringwall"), log: filepath.Join(dir, "ringwall.log"),
		upstream: "http://" + shopAddr, listen: listen, console: console, mode: d.mode,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	password, err := up.ready(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil // the user did not want to wait
		}
		return err
	}
	if password == "" {
		password = "as printed at the first start"
	}
	gateway := "http://" + reachable(listen)
	fmt.Fprintf(d.out, "shop behind Ringwall:   http://%s\n", friendly(ctx, reachable(listen)))
	fmt.Fprintf(d.out, "shop without Ringwall:  http://%s\n", shopAddr)
	fmt.Fprintf(d.out, "console:                https://%s  user: admin  password: %s\n", reachable(console), password)

	visitCtx, stopVisitors := context.WithCancel(ctx)
	defer stopVisitors()
	visit := &task{}
	if d.noTraffic {
		d.note("nobody comes; Ctrl-C stops everything")
	} else {
		d.note("shoppers and attackers come for %v; Ctrl-C stops everything", d.duration)
		visit = start(func() error { return traffic.Run(visitCtx, gateway, traffic.Options{Duration: d.duration}) })
		defer func(t *task) { stopVisitors(); _ = t.wait() }(visit)
	}
	for {
		select {
		case <-ctx.Done():
			d.note("stopping")
			return nil
		case <-up.exited.done:
			return fmt.Errorf("ringwall ended by itself: %w%s", orNil(up.exited.err), up.lastWords())
		case <-serving.done:
			return errors.New("the shop ended by itself")
		case <-visit.done:
			if visit.err != nil {
				return visit.err
			}
			if ctx.Err() == nil {
				d.note("the visitors have gone home; shop and console stay until Ctrl-C")
			}
			visit = &task{} // a nil channel: not heard of again
		}
	}
}

// folder is where everything is kept, and what removes it if it was made for this
// run only.
func (d *demo) folder() (dir string, remove func() error, err error) {
	if d.data != "" {
		dir, err = filepath.Abs(d.data)
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		if err != nil {
			return "", nil, fmt.Errorf("--data: %w", err)
		}
		return dir, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "ringwall-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("%w; give a writable folder with --data", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// freeAddr returns addr, or the same host with a free port when addr is taken. The
// port is free now; nothing holds it until ringwall listens.
func (d *demo) freeAddr(flag, addr string) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(addr)
		if ln, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			d.note("%s is taken, so %s is %s", addr, flag, ln.Addr())
		}
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return ln.Addr().String(), ln.Close()
}

// reachable is where a browser finds what listens on addr.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// friendly names a loopback address "localhost" where that leads to the same
// place: with a number in the Host header each visit would be an alert (CRS rule
// 920350).
func friendly(ctx context.Context, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "127.0.0.1" {
		return addr
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, "localhost")
	if err != nil || !slices.Contains(ips, host) {
		return addr
	}
	if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err == nil {
		_ = c.Close() // somebody else answers there, and browsers ask there first
		return addr
	}
	return "localhost:" + port
}

// startTimeout is how long ringwall may take to become ready. Compiling the rules
// takes a second, on a busy machine ten.
const startTimeout = 90 * time.Second
