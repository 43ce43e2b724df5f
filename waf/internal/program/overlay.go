package program

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Overlay is what one application changes of a program that many share. It is
// small, immutable and made in microseconds.
type Overlay struct {
	initial    []slotChange
	exceptions []exception
	actions    map[int32]Action // by rule
}

type slotChange struct {
	slot  int32
	value string
}

// Action is what an application makes of a rule.
type Action uint8

const (
	// AsWritten leaves the rule as it is.
	AsWritten Action = iota
	// Block refuses a request or response that the rule matches at once.
	Block
	// Alert reports the rule's matches; they do not count for the anomaly score.
	Alert
	// Count neither reports matches nor lets them count; the transaction knows that
	// the rule matched.
	Count
)

// Conditions are what a request must fulfil for an exception to apply. One that is
// empty holds for all requests.
type Conditions struct {
	// PathPrefix holds for the path as sent and what is below it, see hasPathPrefix.
	PathPrefix string
	Methods    []string
	Sources    []netip.Prefix
	// Expires is when the exception ends, zero never.
	Expires time.Time
}

// exception takes rules, or targets of them, away from the requests that fulfil its
// conditions.
type exception struct {
	Conditions
	rules   set
	targets []*removeTarget // nil takes the whole rules away
}

// hold reports whether all conditions hold.
func (c *Conditions) hold(h *Head) bool {
	if !c.Expires.IsZero() && !h.Time.Before(c.Expires) {
		return false
	}
	if len(c.Methods) > 0 && !slices.Contains(c.Methods, h.Method) {
		return false
	}
	if c.PathPrefix != "" && !hasPathPrefix(h.URI, c.PathPrefix) {
		return false
	}
	if len(c.Sources) == 0 {
		return true
	}
	client := h.Client.Unmap().WithZone("")
	return slices.ContainsFunc(c.Sources, func(p netip.Prefix) bool { return p.Contains(client) })
}

// hasPathPrefix compares the path as sent. A path with escapes or dot segments may
// mean another one to the application, so no exception holds for it.
func hasPathPrefix(uri, prefix string) bool {
	path, _, _ := strings.Cut(uri, "?")
	if strings.ContainsAny(path, "%\\;") || strings.Contains(path, "/.") || strings.Contains(path, "//") {
		return false
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/')
}

// SetOverlay makes the transaction one of an application. Call it before SetHead.
func (tx *Tx) SetOverlay(o *Overlay) {
	tx.overlay = o
	for _, c := range o.initial {
		tx.slots[c.slot] = slotValue{true, c.value}
	}
}

// except takes away what the exceptions that apply say.
func (tx *Tx) except(h *Head) {
	for i := range tx.overlay.exceptions {
		e := &tx.overlay.exceptions[i]
		if !e.hold(h) {
			continue
		}
		if e.targets == nil {
			tx.remove(e.rules)
		}
		tx.exclusions = append(tx.exclusions, e.targets...)
	}
}

// actionFor returns what the application makes of a rule.
func (tx *Tx) actionFor(r *rule) Action {
	if tx.overlay == nil || tx.overlay.actions == nil {
		return AsWritten
	}
	return tx.overlay.actions[r.index]
}
