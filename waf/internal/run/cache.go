package run

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/seclang"
)

// resultCache keeps, of values that come again, what the gate and the operators said of
// them. Clients send the same User-Agent, Accept and names of parameters over and over:
// what was proved of such a text need not be proved again.
//
// A value is cached when it is seen for the second time, and found only by comparing it
// as a whole: equal hashes alone prove nothing, and a client that finds two values with
// one hash must not get one past the rules in the name of the other. Values that are as
// good as always new, or secret, are not cached: arguments, cookies, bodies and
// credentials.
//
// It is four-way set-associative, as the caches of processors are: a hash leads to one
// set of four, and a new value replaces one of these. So it takes no more than some
// megabytes, needs no lock, and a flood of new values costs what it would without.
//
// A result holds for every transaction of the program, since it is one of gate and
// operators alone: exceptions, removed rules and overlays are asked about when rules run.
type resultCache struct {
	// seed is random for each cache, so that clients cannot choose values that fall into
	// one set.
	seed  maphash.Seed
	sets  [cacheSets]cacheSet
	links []*Link // by number
}

const (
	// A power of two, so that the remainder is a mask.
	cacheSets = 1 << 10
	ways      = 4
	// maxCached is how long a value may be, and how many bytes the links may make of it.
	maxCached = 512
	// maxCachedLinks is how many links a result may have. A value with more is an attack
	// or matches by chance, and is asked about anew each time.
	maxCachedLinks = 8
)

// cacheSet has the values whose hashes lead here. It takes 64 bytes, as a cache line
// does.
type cacheSet struct {
	// tags are of the hashes of results, by way, so that most look-ups end without a
	// pointer being followed.
	tags [ways]atomic.Uint32
	// seen are the tags of values that came once. Their ways are not those of results.
	seen    [ways]atomic.Uint32
	results [ways]atomic.Pointer[result]
}

// result is what is known of a value under a plan. It is immutable: readers may hold one
// that has just been replaced.
type result struct {
	// plan, value and the texts of links are copies or outlive every request: nothing
	// here refers to the memory of a transaction.
	plan  *gate.Plan
	value string
	// links are those that match, in the order in which the gate found them; empty if
	// none does, which is the answer for nearly all.
	links []linkResult
}

// linkResult is a link that matches the value.
type linkResult struct {
	gate.LinkRef
	// sure is Candidate.Sure of the candidates that the result becomes.
	sure bool
	text string // the value after the link's transformations
}

// InitCache gives p an empty cache. Rules and the numbers of links must not change any
// more. Call it once, before the first transaction.
func (p *Program) InitCache() {
	m := &resultCache{seed: maphash.MakeSeed(), links: make([]*Link, p.LinkCount)}
	p.cache = m
	for i := range p.Rules {
		for j := range p.Rules[i].Links {
			l := &p.Rules[i].Links[j]
			m.links[l.Number] = l
		}
	}
}

// hash mixes the plan into the hash of the value, since plans say different things of
// equal values. The factor is that of Fibonacci hashing (2^64 divided by the golden
// ratio), which spreads small numbers over all bits; multiplication wraps around.
func (m *resultCache) hash(pl *gate.Plan, value string) uint64 {
	return maphash.String(m.seed, value) ^ pl.Number*0x9e3779b97f4a7c15
}

// tagOf returns the half of a hash that does not choose the set. It is never 0, which
// stands for an empty way. Different values may have one tag.
func tagOf(hash uint64) uint32 { return uint32(hash>>32) | 1 }

// victim is the way that a new value takes when all are taken. It is as good as random,
// so that two values that come in turn do not replace each other for long. Its two bits
// choose neither the set nor the tag.
func victim(hash uint64) int { return int(hash >> 30 % ways) }

// find returns what is known of a value, nil if nothing is. It is safe for use by several
// goroutines: tag and result are loaded one after the other and may belong to different
// values, but the result itself says whose it is.
func (m *resultCache) find(hash uint64, pl *gate.Plan, value string) *result {
	s, tag := &m.sets[hash%cacheSets], tagOf(hash)
	for i := range s.tags {
		if s.tags[i].Load() != tag {
			continue
		}
		if k := s.results[i].Load(); k != nil && k.plan == pl && k.value == value {
			return k
		}
	}
	return nil
}

// again reports whether a value with this hash was here before, not long ago. Most values
// of a flood come once; they only leave a tag behind, and cost no allocation. Another
// value with the same tag is an error on the side of yes, which costs an entry.
func (m *resultCache) again(hash uint64) bool {
	s, tag := &m.sets[hash%cacheSets], tagOf(hash)
	for i := range s.seen {
		if s.seen[i].Load() == tag {
			return true
		}
	}
	for i := range s.seen {
		// Two goroutines with different values must not take one empty way.
		if s.seen[i].CompareAndSwap(0, tag) {
			return false
		}
	}
	s.seen[victim(hash)].Store(tag)
	return false
}

// put stores k. Readers that see the tag and not yet the result, or the reverse, find
// nothing or compare the wrong value: both is harmless. So are two writers in one way, of
// which one loses.
func (m *resultCache) put(hash uint64, k *result) {
	s := &m.sets[hash%cacheSets]
	at := victim(hash)
	for i := range s.results {
		if s.results[i].Load() == nil {
			at = i
			break
		}
	}
	s.results[at].Store(k)
	s.tags[at].Store(tagOf(hash))
}

// cacheResult caches a value with those candidates after the first ones that match: all
// that the gate found for it. It tests them now, also those that would not have been,
// since the result must hold for later transactions, whatever rules run there.
//
// The work is done twice for this one request: its candidates stay unsure, and their
// links test them again when they run.
func (tx *Tx) cacheResult(hash uint64, pl *gate.Plan, value string, first int32) {
	// The value lives in the request, the texts in the arena.
	k := &result{plan: pl, value: strings.Clone(value)}
	more := 0 // bytes beside the value
	for i := first; i < tx.gate.Count(); i++ {
		c := tx.gate.Candidate(i + 1)
		l := tx.p.cache.links[c.Link]
		sure := c.Sure
		if !sure {
			// Gated links are Pure, so the answer does not depend on this transaction.
			if !tx.matches(l, value, c.Text) {
				continue
			}
			// These two need the operator once more, for what it captures and for each step.
			sure = !l.Capture && !l.MultiMatch
		}
		text := k.value
		if c.Text != value {
			text = strings.Clone(c.Text)
			more += len(text)
		}
		// Nothing was stored yet; the value is asked about anew each time.
		if len(k.links) == maxCachedLinks || more > maxCached {
			return
		}
		k.links = append(k.links, linkResult{c.LinkRef, sure, text})
	}
	tx.p.cache.put(hash, k)
}

// matches reports whether a link matches a value, of which text is what its
// transformations make, or anything on the way to it if it wants to see that. It does
// what test and multi do, without actions and without the place of the match.
func (tx *Tx) matches(l *Link, value, text string) bool {
	if !l.MultiMatch {
		return l.Operator.Match(tx, text, false) != l.Negated
	}
	found := l.Operator.Match(tx, value, false) != l.Negated
	for _, t := range l.Transforms {
		if found {
			break
		}
		value = t.Apply(&tx.arena, value)
		found = l.Operator.Match(tx, value, false) != l.Negated
	}
	return found
}

// recurring are the collections whose values come again often. They are names, and values
// that a client repeats in each request, or a server in each answer.
var recurring = func() (t [seclang.VariableCount]bool) {
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

// mayCache reports whether a value may be kept in memory for longer than its request:
// credentials and arguments may not. Names of header fields are judged by parts that the
// names of secrets have; it errs on the side of no.
func mayCache(v seclang.Variable, key, value string) bool {
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
