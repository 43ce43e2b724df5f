package gate

import (
	"slices"

	"github.com/ringwall/ringwall/waf/internal/transform"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Base64Nodes counts the nodes that decode base64 in the plans of the collections, with
// and without a sieve.
func (g *Gate) Base64Nodes(collections ...seclang.Variable) (sifted, unsifted int) {
	for _, c := range g.Collections {
		if !slices.Contains(collections, c.Collection) {
			continue
		}
		for i := range c.base.nodes {
			switch n := &c.base.nodes[i]; {
			case n.t == nil || n.t.Step != transform.Base64Step:
			case n.sieve == nil:
				unsifted++
			default:
				sifted++
			}
		}
	}
	return sifted, unsifted
}
