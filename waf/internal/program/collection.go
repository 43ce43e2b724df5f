package program

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/internal/collection"
	"github.com/ringwall/ringwall/waf/seclang"
)

// lasting are the collections that outlive a transaction.
var lasting = [...]seclang.Variable{seclang.Global, seclang.IP, seclang.Resource, seclang.Session, seclang.User}

// lastingIndex returns the place of a variable in lasting, -1 for others.
func lastingIndex(v seclang.Variable) int {
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

// records are the records of the collections that a transaction opened.
type records [len(lasting)]recordRef

// recordRef is the record of a collection.
type recordRef struct {
	id      collection.ID
	open    bool
	isNew   bool // there was none when it was opened
	updated bool // by this transaction
}

// SetStore gives the transaction what it keeps records in. Call it once, before SetHead.
func (tx *Tx) SetStore(s *collection.Store) { tx.store = s }

// record returns the open record of a collection, nil if there is none.
func (tx *Tx) record(v seclang.Variable) *recordRef {
	if tx.records == nil {
		return nil
	}
	if r := &tx.records[lastingIndex(v)]; r.open {
		return r
	}
	return nil
}

// openRecord makes key the record of a collection unless it has one already.
func (tx *Tx) openRecord(v seclang.Variable, key string) {
	if tx.store == nil || key == "" {
		return
	}
	if tx.records == nil {
		tx.records = new(records)
	}
	r := &tx.records[lastingIndex(v)]
	if r.open {
		return
	}
	*r = recordRef{id: collection.ID{Kind: uint8(v), Key: collection.Short(key)}, open: true}
	_, known := tx.store.Info(r.id, tx.now)
	r.isNew = !known
}

// update begins a change of a record.
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

// readOnly are those that rules cannot set.
var readOnly = []string{memberKey, memberIsNew, memberCreated, memberUpdated, memberUpdates, memberUpdateRate}

// member returns a member of a collection that lasts, by its name in lower case.
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
		if age := int64(tx.now.Sub(in.Created) / time.Second); age > 0 {
			n = in.Updates * 60 / age
		}
	}
	return strconv.FormatInt(n, 10), true
}

// targetRecord tests the members of a collection that lasts. Those that the store
// keeps itself are tested only by name.
func (tx *Tx) targetRecord(at chainLink, t *target) bool {
	if t.key.re == nil && t.key.key != "" {
		text, ok := tx.member(t.variable, t.key.key)
		return ok && !tx.excludes(at.rule, t, t.key.key) && tx.transformAndTest(at, t.variable, body.Pair{Key: t.key.key, Value: text})
	}
	found := false
	for _, m := range tx.members(at.rule, t) {
		if tx.transformAndTest(at, t.variable, body.Pair{Key: m.Name, Value: m.Value}) {
			found = true
		}
	}
	return found
}

// countRecord returns how many members a target chooses.
func (tx *Tx) countRecord(r *rule, t *target) int {
	if t.key.re == nil && t.key.key != "" {
		if _, ok := tx.member(t.variable, t.key.key); ok && !tx.excludes(r, t, t.key.key) {
			return 1
		}
		return 0
	}
	return len(tx.members(r, t))
}

func (tx *Tx) members(r *rule, t *target) []collection.Member {
	ref := tx.record(t.variable)
	if ref == nil {
		return nil
	}
	return slices.DeleteFunc(tx.store.Members(ref.id, tx.now), func(m collection.Member) bool { return !tx.selects(r, t, m.Name) })
}

// referring are actions with macros, which the compiler must know of.
type referring interface{ macros() []*macro }

// openCollection is initcol, setsid, setuid and setrsc.
type openCollection struct {
	variable seclang.Variable
	id       seclang.Variable // SESSIONID or USERID, which get the key, too
	key      *macro
}

func (a *openCollection) macros() []*macro { return []*macro{a.key} }

func (a *openCollection) do(tx *Tx) {
	// A key of which a part is missing is none: else all clients without a session
	// would be one.
	key, ok := a.key.resolve(tx)
	if !ok {
		return
	}
	if a.id != seclang.NoVariable {
		tx.setScalar(a.id, key)
	}
	tx.openRecord(a.variable, key)
}

// resolve is expand, not ok if a reference leads nowhere.
func (m *macro) resolve(tx *Tx) (string, bool) {
	for i := range m.parts {
		p := &m.parts[i]
		if p.variable == seclang.NoVariable {
			continue
		}
		if p.slot >= 0 {
			if !tx.slots[p.slot].set {
				return "", false
			}
			continue
		}
		if _, ok := tx.lookup(p.variable, p.key); !ok {
			return "", false
		}
	}
	return m.expand(tx), true
}

// setMember is setvar on a collection that lasts.
type setMember struct {
	variable    seclang.Variable
	name, value *macro
	remove      bool
}

func (a *setMember) macros() []*macro { return []*macro{a.name, a.value} }

func (a *setMember) do(tx *Tx) {
	r := tx.record(a.variable)
	if r == nil {
		return
	}
	name, value := strings.ToLower(a.name.expand(tx)), a.value.expand(tx)
	switch {
	case slices.Contains(readOnly, name):
	case a.remove:
		r.changed(tx.store.Remove(tx.update(r), name))
	case name == memberTimeout:
		if n := number(value); n > 0 {
			tx.store.SetTimeout(tx.update(r), time.Duration(n)*time.Second)
			r.changed(true)
		}
	default:
		r.changed(tx.store.Set(tx.update(r), name, func(old string) (string, bool) { return apply(slotValue{true, old}, value) }))
	}
}

// expireMember is expirevar.
type expireMember struct {
	variable      seclang.Variable
	name, seconds *macro
}

func (a *expireMember) macros() []*macro { return []*macro{a.name, a.seconds} }

func (a *expireMember) do(tx *Tx) {
	if r := tx.record(a.variable); r != nil {
		r.changed(tx.store.Expire(tx.update(r), strings.ToLower(a.name.expand(tx)), time.Duration(number(a.seconds.expand(tx)))*time.Second))
	}
}

// deprecateMember is deprecatevar.
type deprecateMember struct {
	variable seclang.Variable
	name     *macro
	amount   int
	period   time.Duration
}

func (a *deprecateMember) macros() []*macro { return []*macro{a.name} }

func (a *deprecateMember) do(tx *Tx) {
	if r := tx.record(a.variable); r != nil {
		r.changed(tx.store.Deprecate(tx.update(r), strings.ToLower(a.name.expand(tx)), a.amount, a.period))
	}
}
