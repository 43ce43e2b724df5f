// Command ringwall-demo lets one try Ringwall in a minute: it starts a
// deliberately vulnerable shop on a loopback port, `ringwall up` in front of it,
// and shoppers and attackers who visit.
//
// It is a program of its own, so that nothing vulnerable is ever part of the
// product. It prints three lines to standard output (the shop through the
// gateway, the shop without it, the console with user and password) and all else
// to standard error.
//
// Status: 0 stopped by the user, 1 something failed, 2 usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. The command line decides; nothing is read from the
// environment but the PATH.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	cfg, err := parse(args, errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(errOut, "ringwall-demo:", err)
		return 2
	}
	d := demo{config: cfg, out: out, errOut: errOut}
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(errOut, "ringwall-demo:", err)
		return 1
	}
	return 0
}

// config is what the command line says.
type config struct {
	data      string // empty means a fresh folder that is removed at the end
	listen    string
	console   string
	mode      string
	duration  time.Duration
	quiet     bool
	noTraffic bool
}

// parse reads args. Its errors are the user's mistakes, with a way out.
func parse(args []string, errOut io.Writer) (config, error) {
	var c config
	fs := flag.NewFlagSet("ringwall-demo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.data, "data", "", "keep everything in `DIR`, for the next time (default a fresh folder, removed at the end)")
	fs.StringVar(&c.listen, "listen", "127.0.0.1:8080", "`ADDR` of the gateway, on a loopback address; another port if this one is taken")
	fs.StringVar(&c.console, "console", "127.0.0.1:8083", "`ADDR` of the console; another port if this one is taken")
	fs.StringVar(&c.mode, "mode", "simulation", "`MODE` of the gateway: simulation reports attacks, active blocks them")
	fs.DurationVar(&c.duration, "duration", 5*time.Minute, "how long shoppers and attackers come; the rest runs until Ctrl-C")
	fs.BoolVar(&c.noTraffic, "no-traffic", false, "nobody comes; attack it yourself")
	fs.BoolVar(&c.quiet, "quiet", false, "print nothing but the three lines and errors")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(errOut, "ringwall-demo: a deliberately vulnerable shop behind Ringwall, with shoppers and attackers\n\nFlags:")
			fs.SetOutput(errOut)
			fs.PrintDefaults()
			return c, err
		}
		return c, fmt.Errorf("%w; see ringwall-demo --help", err)
	}
	if fs.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q; see ringwall-demo --help", fs.Arg(0))
	}
	if !slices.Contains([]string{"simulation", "active"}, c.mode) {
		return c, fmt.Errorf("--mode %q: use simulation or active", c.mode)
	}
	if c.duration <= 0 {
		return c, fmt.Errorf("--duration %v: must be positive; use --no-traffic for none", c.duration)
	}
	for flag, addr := range map[string]string{"--listen": c.listen, "--console": c.console} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return c, fmt.Errorf("%s %q: want host:port, as in 127.0.0.1:8080", flag, addr)
		}
	}
	// In simulation mode the gateway lets attacks through to a shop that falls for
	// them: other machines must not reach it.
	if host, _, _ := net.SplitHostPort(c.listen); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return c, fmt.Errorf(
			"--listen %s: the shop is vulnerable on purpose, so the demo listens on loopback only; use 127.0.0.1 or [::1]",
			c.listen,
		)
	}
	return c, nil
}
