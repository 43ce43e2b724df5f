//go:build !linux

package main

import "syscall"

// dieWithParent is the default: only Linux ends a child with its parent.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
