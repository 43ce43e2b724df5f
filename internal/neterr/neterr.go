// Package neterr tells people why the network failed: the cause without the
// addresses around it, and what to do about a port that cannot be opened.
//
// Stability: internal; the words may change.
package neterr

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Cause is the last part of a network error, without the operation and addresses
// before it: "connection refused".
func Cause(err error) string {
	msg := err.Error()
	if i := strings.LastIndex(msg, ": "); i >= 0 {
		return msg[i+2:]
	}
	return msg
}

// Listen is the error for a port that cannot be opened, with a way out. subject names
// the port in the user's words; option, such as " with --console", says how another
// one is chosen and may be empty.
func Listen(subject string, err error, option string) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "; stop what uses it or choose another port" + option
	case errors.Is(err, syscall.EACCES):
		hint = "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "; this machine has no such address"
	}
	return fmt.Errorf("%s: %s%s", subject, Cause(err), hint)
}
