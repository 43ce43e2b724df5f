// Package collection stores what rules keep between transactions: counters and
// flags of clients, sessions and whatever else a rule names.
//
// A Store is memory and nothing else: it reads no clock, starts no goroutine and is
// lost with the process. Time comes with each call, expired things go when somebody
// looks at them or room is needed, and the number and size of records is bounded.
package collection

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what a record holds. What is beyond is refused and counted, or cut.
const (
	// DefaultRecords is how many records a store has room for if it is not told.
	DefaultRecords = 100_000
	maxKey         = 256  // bytes of a key; longer ones end with their hash
	maxMembers     = 64   // of a record
	maxName        = 256  // bytes of a member's name
	maxValue       = 1024 // bytes of a member's value
	// perRecord is how many bytes a record has on average at most: beyond, others go.
	perRecord = 2048
	// recordCost and memberCost are about what one takes beside its texts.
	recordCost, memberCost = 256, 96
)

// ID names a record: the kind of its collection and its key, such as an address.
type ID struct {
	Kind uint8
	Key  string
}

// Info is what a store knows of a record beside its members.
type Info struct {
	Created, Updated time.Time
	// Timeout is how long the record stays after its last update.
	Timeout time.Duration
	// Updates counts the transactions that changed the record.
	Updates int64
}

// Stats tells how a store is.
type Stats struct {
	Records int   // now, expired ones that nobody looked at included
	Evicted int64 // thrown away before their time, since there were too many
	Refused int64 // members that were not kept, since a record had too many
}

// Store keeps records. It is safe for use by several goroutines.
//
// It is an LRU cache in shards with a lock each: whoever floods it with new keys throws
// out what was not used for longest, and never makes it grow. Methods hold a lock for a
// few map operations, and copy what they keep: strings of requests must not live on.
type Store struct {
	seed    maphash.Seed
	shards  []shard
	limit   int // records of a shard
	evicted atomic.Int64
	refused atomic.Int64
}

// New returns a store for at most so many records of 2 KiB on average, rounded up to a
// multiple of its shards. Zero or less means DefaultRecords.
func New(records int) *Store {
	if records <= 0 {
		records = DefaultRecords
	}
	shards := 1
	for shards < 64 && records/shards > 1000 {
		shards *= 2
	}
	return &Store{seed: maphash.MakeSeed(), shards: make([]shard, shards), limit: (records + shards - 1) / shards}
}

// shard has a part of the records, in a list from the one used last.
type shard struct {
	mu          sync.Mutex
	records     map[ID]*record // nil at first
	first, last *record
	size        int // of all records in bytes, about
}

// record is a record of a collection, in the list of its shard.
type record struct {
	id         ID
	info       Info
	members    map[string]*member
	size       int // in bytes, about
	prev, next *record
}

// member is a member of a record.
type member struct {
	value   string
	expires time.Time // zero for never
	since   time.Time // from when on it was deprecated last
}

// expired reports whether the timeout since the last update has passed.
func (r *record) expired(now time.Time) bool {
	return !now.Before(r.info.Updated.Add(r.info.Timeout))
}

// expired reports whether expirevar ended the member.
func (m *member) expired(now time.Time) bool { return !m.expires.IsZero() && !now.Before(m.expires) }

// Short returns a key as the store keeps it: a long one, which may be the client's
// choice, is cut and ends with its hash.
func Short(key string) string {
	if len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return key[:maxKey-2*len(sum)] + hex.EncodeToString(sum[:])
}

// shard returns the shard that has a record. The seed is random, so that clients cannot
// choose keys that all fall into one.
func (s *Store) shard(id ID) *shard {
	h := maphash.String(s.seed, id.Key) + uint64(id.Kind)
	return &s.shards[h&uint64(len(s.shards)-1)]
}

// find returns a record that is there and makes it the one used last. The shard is
// locked.
func (sh *shard) find(id ID, now time.Time) *record {
	r := sh.records[id]
	if r == nil {
		return nil
	}
	if r.expired(now) {
		sh.drop(r)
		return nil
	}
	if sh.first != r {
		sh.unlink(r)
		sh.push(r)
	}
	return r
}

// push puts a record at the front of the list.
func (sh *shard) push(r *record) {
	r.prev, r.next = nil, sh.first
	if sh.first != nil {
		sh.first.prev = r
	} else {
		sh.last = r
	}
	sh.first = r
}

// unlink takes a record out of the list.
func (sh *shard) unlink(r *record) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		sh.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		sh.last = r.prev
	}
}

// drop forgets a record.
func (sh *shard) drop(r *record) {
	sh.unlink(r)
	delete(sh.records, r.id)
	sh.size -= r.size
}

// grow notes that a record takes so many bytes more, or less if negative.
func (sh *shard) grow(r *record, n int) {
	r.size += n
	sh.size += n
}

// sweep drops expired ones among the records that were not used for longest. It looks
// at a few only, so that no transaction pays for many.
func (sh *shard) sweep(now time.Time) {
	const few = 4
	r := sh.last
	for range few {
		if r == nil {
			return
		}
		before := r.prev
		if r.expired(now) {
			sh.drop(r)
		}
		r = before
	}
}

// Info returns what is known of a record; not ok if there is none.
func (s *Store) Info(id ID, now time.Time) (Info, bool) {
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.find(id, now)
	if r == nil {
		return Info{}, false
	}
	return r.info, true
}

// Get returns the value of a member, whose name is in lower case.
func (s *Store) Get(id ID, name string, now time.Time) (string, bool) {
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.find(id, now)
	if r == nil {
		return "", false
	}
	m := r.members[name]
	if m == nil || m.expired(now) {
		return "", false
	}
	return m.value, true
}

// Member is a member of a record.
type Member struct{ Name, Value string }

// Members returns the members of a record in order of name.
func (s *Store) Members(id ID, now time.Time) []Member {
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.find(id, now)
	if r == nil {
		return nil
	}
	list := make([]Member, 0, len(r.members))
	for name, m := range r.members {
		if !m.expired(now) {
			list = append(list, Member{name, m.value})
		}
	}
	slices.SortFunc(list, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Update is one change of a record.
type Update struct {
	ID  ID
	Now time.Time
	// Timeout is that of the record if this makes it.
	Timeout time.Duration
	// First tells that the transaction did not change the record before.
	First bool
}

// Set makes of a member's value what apply returns for the value so far, "" if there
// is none, as one step that no other comes between. It makes record and member if
// there are none. If apply is not ok nothing changes. It reports whether the value is
// kept.
func (s *Store) Set(u Update, name string, apply func(old string) (string, bool)) bool {
	sh := s.shard(u.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.find(u.ID, u.Now)
	var m *member
	old := ""
	if r != nil {
		if m = r.members[name]; m != nil && m.expired(u.Now) {
			sh.remove(r, name)
			m = nil
		}
		if m != nil {
			old = m.value
		}
	}
	value, ok := apply(old)
	if !ok {
		return false
	}
	if m == nil {
		if len(name) > maxName || r != nil && len(r.members) >= maxMembers && !sh.purge(r, u.Now) {
			s.refused.Add(1)
			return false
		}
		if r == nil {
			r = s.insert(sh, u)
		}
		m = &member{since: u.Now}
		r.members[strings.Clone(name)] = m
		sh.grow(r, memberCost+len(name))
	}
	sh.grow(r, -len(m.value))
	m.value = strings.Clone(value[:min(len(value), maxValue)])
	sh.grow(r, len(m.value))
	r.touch(u)
	// Large records cost others their place, not memory.
	for sh.size > s.limit*perRecord && sh.last != r {
		sh.drop(sh.last)
		s.evicted.Add(1)
	}
	return true
}

// remove takes a member that is there away.
func (sh *shard) remove(r *record, name string) {
	sh.grow(r, -memberCost-len(name)-len(r.members[name].value))
	delete(r.members, name)
}

// purge drops the members that are expired and reports whether there were any.
func (sh *shard) purge(r *record, now time.Time) bool {
	n := len(r.members)
	for name, m := range r.members {
		if m.expired(now) {
			sh.remove(r, name)
		}
	}
	return len(r.members) < n
}

// insert makes a record, in place of another if there is no room.
func (s *Store) insert(sh *shard, u Update) *record {
	sh.sweep(u.Now)
	if len(sh.records) >= s.limit {
		sh.drop(sh.last)
		s.evicted.Add(1)
	}
	if sh.records == nil {
		sh.records = map[ID]*record{}
	}
	r := &record{
		id: ID{u.ID.Kind, strings.Clone(u.ID.Key)}, info: Info{Created: u.Now, Updated: u.Now, Timeout: u.Timeout}, members: map[string]*member{},
	}
	sh.records[r.id] = r
	sh.push(r)
	sh.grow(r, recordCost+len(r.id.Key))
	return r
}

// touch notes that a transaction changed the record.
func (r *record) touch(u Update) {
	if u.Now.After(r.info.Updated) { // transactions may overtake each other
		r.info.Updated = u.Now
	}
	if u.First {
		r.info.Updates++
	}
}

// change calls f with a member that is there and reports whether f changed it.
func (s *Store) change(u Update, name string, f func(sh *shard, r *record, m *member) bool) bool {
	sh := s.shard(u.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if r := sh.find(u.ID, u.Now); r != nil {
		if m := r.members[name]; m != nil && !m.expired(u.Now) && f(sh, r, m) {
			r.touch(u)
			return true
		}
	}
	return false
}

// Remove takes a member away and reports whether there was one.
func (s *Store) Remove(u Update, name string) bool {
	return s.change(u, name, func(sh *shard, r *record, _ *member) bool { sh.remove(r, name); return true })
}

// Expire makes a member go after a time from now and reports whether there is one.
func (s *Store) Expire(u Update, name string, after time.Duration) bool {
	return s.change(u, name, func(_ *shard, _ *record, m *member) bool { m.expires = u.Now.Add(after); return true })
}

// SetTimeout changes how long a record stays after its last update.
func (s *Store) SetTimeout(u Update, d time.Duration) {
	sh := s.shard(u.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.find(u.ID, u.Now)
	if r == nil {
		r = s.insert(sh, u)
	}
	r.info.Timeout = d
	r.touch(u)
}

// Deprecate makes a number smaller by amount for each whole period that passed since
// it was set or was made smaller last, down to 0. It reports whether it did.
func (s *Store) Deprecate(u Update, name string, amount int, period time.Duration) bool {
	return s.change(u, name, func(sh *shard, r *record, m *member) bool {
		n, err := strconv.Atoi(m.value)
		periods := int64(u.Now.Sub(m.since) / period)
		if err != nil || n <= 0 || periods <= 0 {
			return false
		}
		m.since = m.since.Add(time.Duration(periods) * period)
		if less := periods * int64(amount); periods > int64(n) || less >= int64(n) {
			n = 0
		} else {
			n -= int(less)
		}
		sh.grow(r, -len(m.value))
		m.value = strconv.Itoa(n)
		sh.grow(r, len(m.value))
		return true
	})
}

// Stats tells how the store is.
func (s *Store) Stats() Stats {
	st := Stats{Evicted: s.evicted.Load(), Refused: s.refused.Load()}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		st.Records += len(sh.records)
		sh.mu.Unlock()
	}
	return st
}
