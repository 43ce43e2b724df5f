package program

import (
	"strings"

	"github.com/ringwall/ringwall/waf/seclang"
)

// codings returns the content codings of the request body. Several fields are one
// list (RFC 9110, section 5.3).
func (tx *Tx) codings() string {
	list := ""
	for i := range tx.cols[seclang.RequestHeaders] {
		p := &tx.cols[seclang.RequestHeaders][i]
		if !strings.EqualFold(p.Key, "Content-Encoding") {
			continue
		}
		if list != "" {
			list = tx.arena.Concat(list, ",", p.Value)
		} else {
			list = p.Value
		}
	}
	return list
}
