// Package cli is the command line: one file a noun, `ringwall <noun> <verb>`. It
// turns words into calls and results into text and has no logic of its own.
//
// Results go to stdout, everything else to stderr. The exit status is 0 when done,
// 1 for a failure, 2 for wrong usage.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringwall/ringwall/config"
)

// grammar is the whole command line.
type grammar struct {
	Up      upCmd      `cmd:"" help:"Protect a web application: gateway, management server, console and lake in one process."`
	Event   eventCmd   `cmd:"" help:"Look at events."`
	Lake    lakeCmd    `cmd:"" help:"Query the lake."`
	WAF     wafCmd     `cmd:"" name:"waf" help:"Check, test, explain and measure rules."`
	User    userCmd    `cmd:"" help:"Manage users on this machine."`
	Config  configCmd  `cmd:"" help:"Look at the configuration."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// env is what commands get from the outside.
type env struct {
	ctx         context.Context //nolint:containedctx // one command's life
	environ     []string
	out, errOut io.Writer
}

// usageError is a mistake in what was typed.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// exit carries kong's wish to end the process.
type exit struct{ code int }

// Run runs one command and returns the exit status. It ends soon after ctx does.
func Run(ctx context.Context, args, environ []string, out, errOut io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = e.code
		}
	}()
	defaults, err := config.Load("", nil, nil)
	if err != nil {
		panic(err) // the defaults are constants
	}
	var g grammar
	g.Up.settings = newSettings(defaults.Settings())
	g.Config.Print.settings = newSettings(defaults.Settings())
	parser, err := kong.New(&g,
		kong.Name("ringwall"),
		kong.Description("A self-hosted security platform: web application firewall, lake and console in one binary."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { panic(exit{code}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		panic(err) // the grammar is a constant
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(errOut, "ringwall: %s\n", err)
		if words := commandWords(err); words != "" {
			fmt.Fprintf(errOut, "ringwall: try `ringwall %s--help`\n", words)
		}
		return 2
	}
	err = command.Run(&env{ctx: ctx, environ: environ, out: out, errOut: errOut})
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		printError(errOut, err)
		return 2
	}
	printError(errOut, err)
	return 1
}

func printError(w io.Writer, err error) {
	for line := range strings.SplitSeq(strings.TrimSpace(err.Error()), "\n") {
		fmt.Fprintf(w, "ringwall: %s\n", line)
	}
}

// commandWords are the words of the command that a parse error belongs to.
func commandWords(err error) string {
	var pe *kong.ParseError
	if !errors.As(err, &pe) || pe.Context == nil || pe.Context.Selected() == nil {
		return ""
	}
	return strings.TrimPrefix(pe.Context.Selected().Path()+" ", "ringwall ")
}

// Version is the version of this build, from the module or the commit.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintf(e.out, "ringwall %s\n", Version())
	return err
}
