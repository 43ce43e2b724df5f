package program

import "github.com/ringwall/ringwall/waf/seclang"

// Overlay is what one application changes of a program that many share.
type Overlay struct{}

func (o *Overlay) action(_ *rule, d disruptive, status int) (disruptive, int) { return d, status }

func (o *Overlay) includes(_ *Tx, _ *rule, _ seclang.Variable, _ string) bool { return true }
