// Command peers measures Ringwall beside other programs. It is not part of the
// product: `make bench-waf` and `make bench-gateway` run it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/ringwall/ringwall/test/peers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: peers waf|gateway [flags], or peers serve NAME URL [PROFILE]")

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	switch args[0] {
	case "serve":
		if len(args) != 3 && len(args) != 4 {
			return errUsage
		}
		return profiled(strings.Join(args[3:], ""), func() error { return peers.Serve(ctx, args[1], args[2], os.Stdout) })
	case "waf":
		return waf(ctx, args[1:], self)
	case "gateway":
		return gateway(ctx, args[1:])
	}
	return errUsage
}

// profiled runs f and keeps a CPU profile of it in file, if that is not empty.
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	w, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return errors.Join(err, w.Close())
	}
	err = f()
	pprof.StopCPUProfile()
	return errors.Join(err, w.Close())
}

func waf(ctx context.Context, args []string, self string) error {
	f := flag.NewFlagSet("waf", flag.ContinueOnError)
	o := peers.Options{Self: self}
	f.IntVar(&o.Rounds, "rounds", 5, "how often each row is measured at each server")
	f.DurationVar(&o.Slice, "slice", 700*time.Millisecond, "how long one measurement should take")
	f.IntVar(&o.MaxRequests, "max", 0, "most requests in a measurement, 0 for no bound")
	f.IntVar(&o.Connections, "connections", 8, "connections that send at the same time")
	f.StringVar(&o.Profile, "profile", "", "file for a CPU profile of the gateway with inspection; empty for none")
	rows := f.String("rows", "", "names of rows, with commas; empty for all")
	out := f.String("out", "", "folder for the result; empty for none")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *rows != "" {
		o.Rows = strings.Split(*rows, ",")
	}
	return kept(ctx, *out, "bench-waf", func(w io.Writer) error { return peers.WAF(ctx, o, w) })
}

func gateway(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("gateway", flag.ContinueOnError)
	var o peers.GatewayOptions
	f.StringVar(&o.Ringwall, "ringwall", "bin/ringwall", "program to measure")
	f.IntVar(&o.Rounds, "rounds", 3, "how often each server is measured")
	f.DurationVar(&o.Duration, "duration", 5*time.Second, "how long each measurement takes, in whole seconds")
	f.IntVar(&o.Connections, "connections", 16, "connections that wrk keeps busy")
	f.StringVar(&o.BuildDir, "build", "", "tree to build with an empty cache and time; empty for none")
	out := f.String("out", "", "folder for the result; empty for none")
	if err := f.Parse(args); err != nil {
		return err
	}
	return kept(ctx, *out, "bench-gateway", func(w io.Writer) error { return peers.Gateway(ctx, o, w) })
}

// kept prints what measure writes and, when it succeeded, keeps it below dir.
func kept(ctx context.Context, dir, name string, measure func(io.Writer) error) error {
	var text bytes.Buffer
	w := io.MultiWriter(os.Stdout, &text)
	peers.Heading(ctx, "peers "+strings.Join(os.Args[1:], " "), w)
	if err := measure(w); err != nil || dir == "" {
		return err
	}
	file, err := peers.Create(dir, name)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	return errors.Join(err, file.Close())
}
