package run

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/internal/collection"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Persistent are the collections that outlive a transaction (ModSecurity reference
// manual, Persistent Storage). Tables by collection have this order.
var Persistent = [...]seclang.Variable{seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User}

// PersistentIndex returns the index of a variable in Persistent, -1 for others. A switch
// rather than a search, since each macro and target of a collection asks for it.
func PersistentIndex(v seclang.Variable) int {
	switch v {
	case seclang.Global:
		return 0
	case seclang.IP:
		return 1
	case seclang.Resource:
		return 2
	case seclang.Session:
		return 3
	case seclang.User:
		return 4
	}
	return -1
}

// records are, by PersistentIndex, the records of the collections that a transaction
// opened. A transaction has one record of each at most.
type records [len(Persistent)]recordRef

// recordRef is the record of a collection.
//
// Members are read from the store with each use and written at once: what a transaction
// writes is there for the others that run at the same time, as it must be for counters. A
// copy that is written back at the end would lose what others counted meanwhile.
type recordRef struct {
	id   collection.ID
	open bool
	// isNew tells that there was no record when it was opened. It stays for the
	// transaction, also after a rule made the record.
	isNew bool
	// updated tells that this transaction changed the record.
	updated bool
}

// SetStore gives the transaction what it keeps records in. Call it once, before SetHead.
func (tx *Tx) SetStore(s *collection.Store) { tx.store = s }

// record returns the open record of a collection, nil if there is none.
func (tx *Tx) record(v seclang.Variable) *recordRef {
	if tx.records == nil {
		return nil
	}
	if r := &tx.records[PersistentIndex(v)]; r.open {
		return r
	}
	return nil
}

// openRecord makes key the record of a collection unless it has one already: as in
// ModSecurity, the first initcol counts. Without a store there are no records. Opening
// makes none either: a record is made by the first change, so that a flood of keys
// without one takes no memory.
func (tx *Tx) openRecord(v seclang.Variable, key string) {
	if tx.store == nil || key == "" {
		return
	}
	if tx.records == nil {
		tx.records = new(records)
	}
	r := &tx.records[PersistentIndex(v)]
	if r.open {
		return
	}
	*r = recordRef{id: collection.ID{Kind: uint8(v), Key: collection.Short(key)}, open: true}
	_, known := tx.store.Info(r.id, tx.now)
	r.isNew = !known
}

// update is what the store must know of a change of a record: the first one of a
// transaction counts as an update of the record, the others belong to it.
func (tx *Tx) update(r *recordRef) collection.Update {
	return collection.Update{ID: r.id, Now: tx.now, Timeout: tx.p.Settings.CollectionTimeout, First: !r.updated}
}

// changed notes whether that was one.
func (r *recordRef) changed(ok bool) { r.updated = r.updated || ok }

// Members that a store keeps itself (ModSecurity reference manual, Persistent Storage).
const (
	memberKey        = "key"
	memberIsNew      = "is_new"
	memberCreated    = "create_time"
	memberUpdated    = "last_update_time"
	memberTimeout    = "timeout"
	memberUpdates    = "update_counter"
	memberUpdateRate = "update_rate"
)

// ReadOnlyMembers are those that rules cannot set.
var ReadOnlyMembers = []string{memberKey, memberIsNew, memberCreated, memberUpdated, memberUpdates, memberUpdateRate}

// member returns a member of a persistent collection, by its name in lower case. A record
// that is not open has no members, not even those that the store keeps.
func (tx *Tx) member(v seclang.Variable, name string) (string, bool) {
	r := tx.record(v)
	if r == nil {
		return "", false
	}
	switch name {
	case memberKey:
		return r.id.Key, true
	case memberIsNew:
		if r.isNew {
			return "1", true
		}
		return "0", true
	case memberCreated, memberUpdated, memberTimeout, memberUpdates, memberUpdateRate:
		return tx.info(r, name)
	}
	return tx.store.Get(r.id, name, tx.now)
}

// info returns a member that the store keeps itself, as decimal text. Of a record that
// was not made yet it is what would be, but for the time of the update.
func (tx *Tx) info(r *recordRef, name string) (string, bool) {
	in, ok := tx.store.Info(r.id, tx.now)
	if !ok {
		in = collection.Info{Created: tx.now, Timeout: tx.p.Settings.CollectionTimeout}
	}
	n := int64(0)
	switch name {
	case memberCreated:
		n = in.Created.Unix()
	case memberUpdated:
		if !ok {
			return "", false
		}
		n = in.Updated.Unix()
	case memberTimeout:
		n = int64(in.Timeout / time.Second)
	case memberUpdates:
		n = in.Updates
	case memberUpdateRate: // a minute
		// A record of the current second has no rate, rather than an infinite one.
		if age := int64(tx.now.Sub(in.Created) / time.Second); age > 0 {
			n = in.Updates * 60 / age
		}
	}
	return strconv.FormatInt(n, 10), true
}

// targetRecord tests the members of a persistent collection. Those that the store keeps
// itself are tested only by name: IP does not have them all, nor does IP:/…/.
func (tx *Tx) targetRecord(at chainLink, t *target.Target) bool {
	if t.Key.Pattern == nil && t.Key.Name != "" {
		text, ok := tx.member(t.Variable, t.Key.Name)
		return ok && !tx.excludes(at.rule, t, t.Key.Name) && tx.transformAndTest(at, t.Variable, body.Pair{Key: t.Key.Name, Value: text})
	}
	found := false
	// The members are a copy: actions of a match may change the record meanwhile.
	for _, m := range tx.members(at.rule, t) {
		if tx.transformAndTest(at, t.Variable, body.Pair{Key: m.Name, Value: m.Value}) {
			found = true
		}
	}
	return found
}

// countRecord returns how many members a target chooses. Members that the store keeps are
// counted by name only.
func (tx *Tx) countRecord(r *Rule, t *target.Target) int {
	if t.Key.Pattern == nil && t.Key.Name != "" {
		if _, ok := tx.member(t.Variable, t.Key.Name); ok && !tx.excludes(r, t, t.Key.Name) {
			return 1
		}
		return 0
	}
	return len(tx.members(r, t))
}

// members returns the members that a target chooses, without those that the store keeps,
// in order of name.
func (tx *Tx) members(r *Rule, t *target.Target) []collection.Member {
	ref := tx.record(t.Variable)
	if ref == nil {
		return nil
	}
	return slices.DeleteFunc(tx.store.Members(ref.id, tx.now), func(m collection.Member) bool { return !tx.selects(r, t, m.Name) })
}

// Referring are actions whose macros the compiler must know of, to see which variables
// rules refer to.
type Referring interface {
	Action
	// Macros returns those that may refer to variables.
	Macros() []*Macro
}

// OpenCollection is initcol, setsid, setuid and setrsc. It does nothing if Key is empty.
type OpenCollection struct {
	// Variable is the collection whose record Key names.
	Variable seclang.Variable
	ID       seclang.Variable // SESSIONID or USERID, which get the key, too
	Key      *Macro
}

// Macros is part of Referring.
func (a *OpenCollection) Macros() []*Macro { return []*Macro{a.Key} }

func (a *OpenCollection) do(tx *Tx) {
	// A key of which a part is missing is none: else all clients without a session
	// would be one.
	key, ok := a.Key.resolve(tx)
	if !ok {
		return
	}
	if a.ID != seclang.NoVariable {
		tx.setScalar(a.ID, key)
	}
	tx.openRecord(a.Variable, key)
}

// resolve is expand, but not ok if a reference leads nowhere, for which expand writes the
// name of the reference. A value that is there and empty leads somewhere.
func (m *Macro) resolve(tx *Tx) (string, bool) {
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Variable == seclang.NoVariable {
			continue
		}
		if p.Slot >= 0 {
			if !tx.slots[p.Slot].Set {
				return "", false
			}
			continue
		}
		if _, ok := tx.lookup(p.Variable, p.key); !ok {
			return "", false
		}
	}
	return m.expand(tx), true
}

// SetMember is setvar on a persistent collection. It does nothing if no record is open, as
// do the other changes of members.
type SetMember struct {
	Variable seclang.Variable
	// Value replaces that of the member Name, or changes it, see Assign.
	Name, Value *Macro
	Remove      bool // Name is removed; Value does not count
}

// Macros is part of Referring.
func (a *SetMember) Macros() []*Macro { return []*Macro{a.Name, a.Value} }

func (a *SetMember) do(tx *Tx) {
	r := tx.record(a.Variable)
	if r == nil {
		return
	}
	name, value := strings.ToLower(a.Name.expand(tx)), a.Value.expand(tx)
	switch {
	case slices.Contains(ReadOnlyMembers, name):
	case a.Remove:
		r.changed(tx.store.Remove(tx.update(r), name))
	case name == memberTimeout:
		// A timeout of 0 would end the record at once, which no rule means.
		if n := Number(value); n > 0 {
			tx.store.SetTimeout(tx.update(r), time.Duration(n)*time.Second)
			r.changed(true)
		}
	default:
		// Assign runs under the lock of the store, so that +1 of two transactions is +2.
		r.changed(tx.store.Set(tx.update(r), name, func(old string) (string, bool) { return Assign(SlotValue{true, old}, value) }))
	}
}

// ExpireMember is expirevar: a member ends after a time, whatever is written until then.
// A time of 0 ends it at once.
type ExpireMember struct {
	Variable      seclang.Variable
	Name, Seconds *Macro // what is no number of seconds counts as 0
}

// Macros is part of Referring.
func (a *ExpireMember) Macros() []*Macro { return []*Macro{a.Name, a.Seconds} }

func (a *ExpireMember) do(tx *Tx) {
	if r := tx.record(a.Variable); r != nil {
		r.changed(tx.store.Expire(tx.update(r), strings.ToLower(a.Name.expand(tx)), time.Duration(Number(a.Seconds.expand(tx)))*time.Second))
	}
}

// DeprecateMember is deprecatevar: the number in a member goes down with time.
type DeprecateMember struct {
	Variable seclang.Variable
	Name     *Macro
	// Amount is taken away for each full Period since the last update, down to 0.
	Amount int
	Period time.Duration
}

// Macros is part of Referring.
func (a *DeprecateMember) Macros() []*Macro { return []*Macro{a.Name} }

func (a *DeprecateMember) do(tx *Tx) {
	if r := tx.record(a.Variable); r != nil {
		r.changed(tx.store.Deprecate(tx.update(r), strings.ToLower(a.Name.expand(tx)), a.Amount, a.Period))
	}
}
