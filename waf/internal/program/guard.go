package program

import (
	"github.com/ringwall/ringwall/waf/internal/rx"
)

// libinjection judges a value as a whole. What follows is what a value must have
// for it to say yes; tests try to prove it wrong.
var (
	sqliNeed = rx.Need{}
	xssNeed  = rx.Need{}
)
