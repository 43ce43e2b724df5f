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
// It is a table of sets of four places, so it takes no more than some megabytes,
// needs no lock, and a flood of new values costs what it would without.
type memory struct {
	seed  maphash.Seed
	sets  [memorySets]memorySet
	links []*link // by number
}

const (
	memorySets = 1 << 10
	ways       = 4
	maxMemo    = 512 // longest value, and most bytes of what links make of it
	maxFound   = 8   // most links of a memo
)

// memorySet has the values whose hashes lead here. It fills a line of the cache.
type memorySet struct {
	tags  [ways]atomic.Uint32 // of the hashes of memos
	seen  [ways]atomic.Uint32 // tags of values that were new
	memos [ways]atomic.Pointer[memo]
}

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

// initCache gives p an empty cache. Its links must be numbered.
func (p *Program) initCache() {
	m := &memory{seed: maphash.MakeSeed(), links: make([]*link, p.links)}
	p.memory = m
	for i := range p.rules {
		for j := range p.rules[i].links {
			l := &p.rules[i].links[j]
			m.links[l.number] = l
		}
	}
}

func (m *memory) hash(pl *plan, value string) uint64 {
	return maphash.String(m.seed, value) ^ pl.number*0x9e3779b97f4a7c15
}

func tagOf(hash uint64) uint32 { return uint32(hash>>32) | 1 }

// victim is the place that a new value takes when all are taken.
func victim(hash uint64) int { return int(hash >> 30 % ways) }

// find returns what is known of a value, nil if nothing is.
func (m *memory) find(hash uint64, pl *plan, value string) *memo {
	s, tag := &m.sets[hash%memorySets], tagOf(hash)
	for i := range s.tags {
		if s.tags[i].Load() != tag {
			continue
		}
		if k := s.memos[i].Load(); k != nil && k.plan == pl && k.value == value {
			return k
		}
	}
	return nil
}

// again reports whether a value with this hash was here before, not long ago.
func (m *memory) again(hash uint64) bool {
	s, tag := &m.sets[hash%memorySets], tagOf(hash)
	for i := range s.seen {
		if s.seen[i].Load() == tag {
			return true
		}
	}
	for i := range s.seen {
		if s.seen[i].CompareAndSwap(0, tag) {
			return false
		}
	}
	s.seen[victim(hash)].Store(tag)
	return false
}

// put remembers k.
func (m *memory) put(hash uint64, k *memo) {
	s := &m.sets[hash%memorySets]
	at := victim(hash)
	for i := range s.memos {
		if s.memos[i].Load() == nil {
			at = i
			break
		}
	}
	s.memos[at].Store(k)
	s.tags[at].Store(tagOf(hash))
}

// memorize remembers a value and the candidates from number first on, which are all
// that the gate noted for it.
func (tx *Tx) memorize(hash uint64, pl *plan, value string, first int32) {
	k := &memo{plan: pl, value: strings.Clone(value)}
	more := 0 // bytes beside the value
	for i := first; i < tx.gate.count(); i++ {
		c := tx.gate.candidate(i + 1)
		l := tx.p.memory.links[c.link]
		sure := c.sure
		if !sure {
			if !tx.matches(l, value, c.text) {
				continue
			}
			sure = !l.capture && !l.multiMatch
		}
		text := k.value
		if c.text != value {
			text = strings.Clone(c.text)
			more += len(text)
		}
		if len(k.found) == maxFound || more > maxMemo {
			return
		}
		k.found = append(k.found, memoLink{c.linkRef, sure, text})
	}
	tx.p.memory.put(hash, k)
}

// matches reports whether a link matches a value, of which text is what its
// transformations make, or anything on the way to it if it wants to see that.
func (tx *Tx) matches(l *link, value, text string) bool {
	if !l.multiMatch {
		return l.op.match(tx, text, false) != l.negated
	}
	found := l.op.match(tx, value, false) != l.negated
	for _, t := range l.transforms {
		if found {
			break
		}
		value = t.Apply(&tx.arena, value)
		found = l.op.match(tx, value, false) != l.negated
	}
	return found
}

// recurs are the collections whose values come again often.
var recurs = func() (t [seclang.VariableCount]bool) {
	for _, v := range []seclang.Variable{
		seclang.RequestHeaders, seclang.RequestHeadersNames, seclang.RequestCookiesNames, seclang.ArgsGetNames, seclang.ArgsPostNames,
		seclang.RequestMethod, seclang.RequestProtocol, seclang.RequestLine, seclang.RequestURI, seclang.RequestURIRaw,
		seclang.RequestFilename, seclang.RequestBasename, seclang.RemoteAddr, seclang.ResponseHeaders, seclang.ResponseHeadersNames,
		seclang.ResponseStatus, seclang.ResponseProtocol, seclang.ResponseContentType,
	} {
		t[v] = true
	}
	return t
}()

// mayKeep reports whether a value may be kept in memory for longer than its request:
// credentials and arguments may not.
func mayKeep(v seclang.Variable, key, value string) bool {
	switch v {
	case seclang.RequestHeaders, seclang.ResponseHeaders:
		key = strings.ToLower(key)
		for _, part := range []string{"cookie", "auth", "token", "key", "secret", "session", "password", "signature"} {
			if strings.Contains(key, part) {
				return false
			}
		}
		return strings.IndexByte(value, '?') < 0 // Referer and Location may have arguments
	case seclang.RequestLine, seclang.RequestURI, seclang.RequestURIRaw:
		return strings.IndexByte(value, '?') < 0
	}
	return true
}
