// Package collection stores what rules keep between transactions: counters and flags of
// clients, sessions and whatever else a rule names.
//
// A Store is memory and nothing else: it reads no clock, starts no goroutine and is lost
// with the process. Time comes with each call, expired things go when somebody looks at
// them or room is needed, and the number and size of records is bounded.
//
// A store has records by kind and key, a record has members by name (initcol, setvar,
// expirevar and deprecatevar of the ModSecurity reference manual, Persistent Storage).
// What the names mean, numbers and variables included, is the business of package run;
// here values are text, but for Deprecate. ModSecurity keeps records in files (SDBM) and
// writes them back at the end of a transaction; here each change is made at once.
//
// Stability: internal. Nothing is written anywhere, so the layout may change at any time.
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
	// With DefaultRecords a store takes 200 MB when it is full of large records.
	perRecord = 2048
	// recordCost and memberCost are about what one takes beside its texts: the struct,
	// its place in a map and what the allocator rounds up.
	recordCost, memberCost = 256, 96
)

// ID names a record: the kind of its collection and its key, such as an address. Kinds
// are the caller's numbers; equal keys of different kinds are different records. Keys
// that clients may choose go through Short first.
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

// Stats tells how a store is. Evicted and Refused count from the start of the store; if
// they grow, a store is too small or somebody floods it.
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
//
// Shards bound how often two transactions wait for each other. Eviction is by shard, too,
// so it is that of one LRU cache only about.
type Store struct {
	seed   maphash.Seed
	shards []shard
	// limit is how many records a shard has room for.
	limit   int
	evicted atomic.Int64
	refused atomic.Int64
}

// New returns a store for at most so many records of 2 KiB on average, rounded up to a
// multiple of its shards. Zero or less means DefaultRecords. It allocates no records
// beforehand.
func New(records int) *Store {
	if records <= 0 {
		records = DefaultRecords
	}
	// A power of two, so that a bit mask chooses one. Small stores have one shard, since
	// the keys of few records would not be spread evenly.
	shards := 1
	for shards < 64 && records/shards > 1000 {
		shards *= 2
	}
	return &Store{seed: maphash.MakeSeed(), shards: make([]shard, shards), limit: (records + shards - 1) / shards}
}

// shard has a part of the records, in a list from the one used last. The list is doubly
// linked through the records themselves, so that a use moves one without allocating.
type shard struct {
	mu          sync.Mutex
	records     map[ID]*record // nil at first
	first, last *record
	size        int // of all records in bytes, about
}

// record is a record of a collection, in the list of its shard, whose lock guards it.
// size is what grow added up: of itself, its key and its members.
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
	// since is from when on it was deprecated last, at first when it was made.
	since time.Time
}

// expired reports whether the timeout since the last update has passed. Reading does not
// prolong it.
func (r *record) expired(now time.Time) bool {
	return !now.Before(r.info.Updated.Add(r.info.Timeout))
}

// expired reports whether expirevar ended the member.
func (m *member) expired(now time.Time) bool { return !m.expires.IsZero() && !now.Before(m.expires) }

// Short returns a key as the store keeps it: a long one, which may be the client's
// choice, is cut and ends with its hash. That is SHA-256, since a client that finds two
// keys with one hash would share the record of another.
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

// find returns a record that is there and makes it the one used last, nil if there is
// none or its time is over. The shard is locked, as for all methods of a shard.
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

// push puts a record that is in no list at the front.
func (sh *shard) push(r *record) {
	r.prev, r.next = nil, sh.first
	if sh.first != nil {
		sh.first.prev = r
	} else {
		sh.last = r
	}
	sh.first = r
}

// unlink takes a record out of the list. Its own links stay and mean nothing.
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

// sweep drops expired ones among the records that were not used for longest. It looks at
// a few only, so that no transaction pays for many. Each new record sweeps four, so
// expired ones go faster than new ones come.
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

// Get returns the value of a member, whose name is in lower case. The string is the
// store's own copy and stays as it is.
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

// Members returns the members of a record in order of name. The slice is the caller's;
// the members may have changed when it is read. It costs a sort of at most 64.
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

// Update is one change of a record by a transaction. Now is the time of its request,
// which may be before that of a change that is there already.
type Update struct {
	ID  ID
	Now time.Time
	// Timeout is that of the record if this makes it.
	Timeout time.Duration
	// First tells that the transaction did not change the record before.
	// First tells that the transaction did not change the record before: Info.Updates
	// counts transactions.
	First bool
}

// Set makes of a member's value what apply returns for the value so far, "" if there is
// none, as one step that no other comes between. It makes record and member if there are
// none. If apply is not ok nothing changes. It reports whether the value is kept. Values
// longer than 1 KiB are cut, perhaps within a rune.
//
// apply runs under the lock of a shard: it must be quick and must not call the store.
func (s *Store) Set(u Update, name string, apply func(old string) (string, bool)) bool {
	sh := s.shard(u.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.find(u.ID, u.Now)
	var m *member
	old := ""
	if r != nil {
		if m = r.members[name]; m != nil && m.expired(u.Now) {
			// What is set after it expired is a new member: it counts from "", and has no
			// end.
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
		// Members that expired make room before one is refused.
		if len(name) > maxName || r != nil && len(r.members) >= maxMembers && !sh.purge(r, u.Now) {
			s.refused.Add(1)
			return false
		}
		if r == nil {
			r = s.insert(sh, u)
		}
		// The name may be a part of a request.
		m = &member{since: u.Now}
		r.members[strings.Clone(name)] = m
		sh.grow(r, memberCost+len(name))
	}
	// The end of a member (Expire) stays when its value changes: a counter that is
	// counted up does not live for ever.
	sh.grow(r, -len(m.value))
	m.value = strings.Clone(value[:min(len(value), maxValue)])
	sh.grow(r, len(m.value))
	r.touch(u)
	// Large records cost others their place, not memory. The record that was set is the
	// first in the list, so the loop ends there at the latest.
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

// purge drops the members that are expired and reports whether there were any. It looks
// at all 64, but only when a record is full.
func (sh *shard) purge(r *record, now time.Time) bool {
	n := len(r.members)
	for name, m := range r.members {
		if m.expired(now) {
			sh.remove(r, name)
		}
	}
	return len(r.members) < n
}

// insert makes a record, in place of another if there is no room. There is none with this
// ID, and the shard is locked.
func (s *Store) insert(sh *shard, u Update) *record {
	sh.sweep(u.Now)
	// limit is one at least, so a full shard has a last record.
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

// change calls f with a member that is there and reports whether f changed it. It makes
// neither record nor member. f runs under the lock of the shard.
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

// Remove takes a member away and reports whether there was one. A record that loses its
// last member stays until its time is over: it was updated.
func (s *Store) Remove(u Update, name string) bool {
	return s.change(u, name, func(sh *shard, r *record, _ *member) bool { sh.remove(r, name); return true })
}

// Expire makes a member go after a time from now and reports whether there is one. Each
// call replaces the end that was set before. Zero or less ends the member at once.
func (s *Store) Expire(u Update, name string, after time.Duration) bool {
	return s.change(u, name, func(_ *shard, _ *record, m *member) bool { m.expires = u.Now.Add(after); return true })
}

// SetTimeout changes how long a record stays after its last update, which this is. It
// makes the record if there is none.
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

// Deprecate makes a number smaller by amount for each whole period that passed since it
// was set or was made smaller last, down to 0. It reports whether it did. What is no
// number above 0 stays as it is. amount and period must be above 0.
func (s *Store) Deprecate(u Update, name string, amount int, period time.Duration) bool {
	return s.change(u, name, func(sh *shard, r *record, m *member) bool {
		n, err := strconv.Atoi(m.value)
		periods := int64(u.Now.Sub(m.since) / period)
		if err != nil || n <= 0 || periods <= 0 {
			return false
		}
		// The rest of a period that has begun is kept for the next call, so that the rate
		// does not depend on how often it is asked for.
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

// Stats tells how the store is. It locks one shard after another, so the number of
// records is not of one moment.
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
