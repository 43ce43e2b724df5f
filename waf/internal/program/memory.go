package program

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/ringwall/ringwall/waf/seclang"
)

// memory remembers of values what the gate and the operators said of them. Clients
// send the same User-Agent, Accept and names of parameters over and over: what was
// proved of such a text need not be proved again.
//
// A value is remembered when it is seen for the second time, and only compared as a
// whole: equal hashes alone prove nothing. Values that are as good as always new, or
// secret, are not remembered: arguments, cookies, bodies and credentials.
//
// It is a table in which each hash has one place, so it takes no more than some
// megabytes, needs no lock, and a flood of new values costs what it would without.
type memory struct {
	seed  maphash.Seed
	memos [memoPlaces]atomic.Pointer[memo]
	seen  [memoPlaces]atomic.Uint32 // part of the hash that was here last
	links []*link                   // by number
}

const (
	memoPlaces = 1 << 12
	maxMemo    = 512 // longest value, bytes
	maxFound   = 8   // most links of a memo
)

// memo is what is known of a value under a plan.
type memo struct {
	plan  *plan
	value string
	found []memoLink
}

// memoLink is a link that matches the value.
type memoLink struct {
	linkRef
	sure bool
	text string // the value after the link's transformations
}

func newMemory(p *Program) *memory {
	m := &memory{seed: maphash.MakeSeed(), links: make([]*link, p.links)}
	for i := range p.rules {
		for j := range p.rules[i].links {
			l := &p.rules[i].links[j]
			m.links[l.number] = l
		}
	}
	return m
}

func (m *memory) hash(pl *plan, value string) uint64 {
	return maphash.String(m.seed, value) ^ pl.number*0x9e3779b97f4a7c15
}

// find returns what is known of a value, nil if nothing is.
func (m *memory) find(hash uint64, pl *plan, value string) *memo {
	if k := m.memos[hash%memoPlaces].Load(); k != nil && k.plan == pl && k.value == value {
		return k
	}
	return nil
}

// again reports whether the last value that was new in its place had the same hash.
func (m *memory) again(hash uint64) bool {
	tag := uint32(hash>>32) | 1
	return m.seen[hash%memoPlaces].Swap(tag) == tag
}

// memorize remembers a value and the candidates from number first on, which are all
// that the gate noted for it.
func (tx *Tx) memorize(hash uint64, pl *plan, value string, first int) {
	k := &memo{plan: pl, value: strings.Clone(value)}
	for i := first; i < len(tx.cands); i++ {
		c := &tx.cands[i]
		l := tx.p.memory.links[c.link]
		sure := c.sure
		if !sure && !l.multiMatch {
			if l.op.match(tx, c.text, false) == l.negated {
				continue
			}
			sure = !l.capture
		}
		if len(k.found) == maxFound || len(c.text) > maxMemo {
			return
		}
		text := k.value
		if c.text != value {
			text = strings.Clone(c.text)
		}
		k.found = append(k.found, memoLink{c.linkRef, sure, text})
	}
	tx.p.memory.memos[hash%memoPlaces].Store(k)
}

// recurs reports whether the values of a collection come again often.
func recurs(v seclang.Variable) bool {
	switch v {
	case seclang.RequestHeaders, seclang.RequestHeadersNames, seclang.RequestCookiesNames, seclang.ArgsGetNames, seclang.ArgsPostNames,
		seclang.RequestMethod, seclang.RequestProtocol, seclang.RequestFilename, seclang.RequestBasename, seclang.RemoteAddr,
		seclang.ResponseHeaders, seclang.ResponseHeadersNames, seclang.ResponseStatus, seclang.ResponseProtocol, seclang.ResponseContentType:
		return true
	}
	return false
}

// secret reports whether a value may be a credential, which is not kept in memory
// for longer than its request.
func secret(v seclang.Variable, key string) bool {
	if v != seclang.RequestHeaders && v != seclang.ResponseHeaders {
		return false
	}
	key = strings.ToLower(key)
	for _, part := range []string{"cookie", "auth", "token", "key", "secret", "session", "password", "signature"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}
