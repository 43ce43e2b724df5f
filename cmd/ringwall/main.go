// Command ringwall is the Ringwall platform: `ringwall up` protects a web
// application, the other commands look at what it saw.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/ringwall/ringwall/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
