package program

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/seclang"
)

// TestReport shows, with -v, what the gate lets through for a value.
func TestReport(t *testing.T) {
	if !testing.Verbose() {
		t.Skip("a report; run with -v")
	}
	p := compileCRS(t, 1)
	g := p.phases[RequestBody].gate
	for i := range g.sources {
		sp := &g.sources[i]
		if sp.source != seclang.ArgsPost {
			continue
		}
		for j, n := range sp.base.nodes {
			path := ""
			for k := int32(j); k > 0; k = sp.base.nodes[k].parent {
				path = sp.base.nodes[k].t.Name + " " + path
			}
			fmt.Printf("node %d: %s (%d patterns, %d by bytes)\n", j, path, len(n.links), len(n.wanted[1].bytes))
		}
	}
	tx := p.NewTx()
	count := map[int]int{}
	values := strings.SplitSeq("kitchen garden paper bottle delivery evening support delivery yellow travel medium paper|SKU800298|17|275.36|true|905585|question window number w|json.items.12.description|student+episode|street number silver coffee coffee teacher evening sunday profile blue order settings video ora", "|")
	for v := range values {
		tx.Reset(p)
		tx.add(seclang.ArgsPost, "x", v)
		tx.phase = 2
		tx.run = make(set, len(p.phases[2].always))
		tx.openGate(g)
		var ids []string
		for _, l := range tx.touched {
			for i := range p.rules {
				if p.rules[i].links[0].number == l {
					n := 0
					for c := tx.heads[l].first; c != 0; c = tx.cands[c-1].next {
						n++
					}
					text := tx.cands[tx.heads[l].first-1].text
					ids = append(ids, fmt.Sprintf("%d:%.20q(%s)", p.rules[i].id, text, first(p.rules[i].links[0].op)))
					count[p.rules[i].id]++
				}
			}
		}
		fmt.Printf("%q: %d\n   %s\n", v, len(tx.scratch.entries), strings.Join(ids, "\n   "))
	}
	_ = slices.Sorted[int]
}

func first(op operator) string {
	if g, ok := op.(gateable); ok {
		n := g.need(tierAbsent[1])
		if len(n.Words) == 0 {
			return fmt.Sprintf("no words, %d bytes", len(n.Bytes))
		}
		var s strings.Builder
		for _, w := range n.Words {
			s.WriteString(fmt.Sprintf("%d words %.6q; ", len(w), w[:min(len(w), 6)]))
		}
		return fmt.Sprintf("%s %d bytes", s.String(), len(n.Bytes))
	}
	return ""
}
