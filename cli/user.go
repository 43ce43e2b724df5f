package cli

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/ringwall/ringwall/manager"
)

type userCmd struct {
	SetPassword userPasswordCmd `cmd:"" name:"set-password" help:"Give a user a new password, read from standard input."`
}

type userPasswordCmd struct {
	Name string `arg:"" help:"Name of the user, for example admin."`
	data
}

// Run reads the password from standard input, because command lines are visible to
// everybody on the machine.
func (c userPasswordCmd) Run(e *env) error {
	if _, err := os.Stat(c.Data); err != nil {
		return fmt.Errorf("there is no Ringwall data in %s; name the folder with --data", c.Data)
	}
	m, err := manager.Open(e.ctx, manager.Config{Dir: c.Data}, nil, nil, Version(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // everything is committed
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(e.errOut, "new password for %s: ", c.Name)
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && line == "" {
		return usageError{fmt.Errorf("no password on standard input: %w", err)}
	}
	if err := m.SetPassword(e.ctx, c.Name, strings.TrimRight(line, "\r\n")); err != nil {
		return err
	}
	fmt.Fprintf(e.errOut, "ringwall: password of %s changed, its sessions are ended\n", c.Name)
	return nil
}
