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

// Exception takes rules or targets of rules away from requests that fulfil all its
// conditions. A condition that is empty holds for all requests.
type Exception struct {
	// First to Last are ids of rules; Tag is a tag. One of them is set.
	First, Last int
	Tag         string
	// Target is a variable or a member of one, "ARGS:q". Empty means the whole rule.
	Target     string
	PathPrefix string
	Methods    []string
	Sources    []netip.Prefix
	// Expires is when the exception ends, zero never.
	Expires time.Time
}

type exception struct {
	Exception
	rules   set
	targets []*removeTarget
}

// applies reports whether the conditions hold.
func (e *exception) applies(h *Head) bool {
	if !e.Expires.IsZero() && !h.Time.Before(e.Expires) {
		return false
	}
	if len(e.Methods) > 0 && !slices.Contains(e.Methods, h.Method) {
		return false
	}
	if e.PathPrefix != "" && !hasPathPrefix(h.URI, e.PathPrefix) {
		return false
	}
	if len(e.Sources) == 0 {
		return true
	}
	client := h.Client.Unmap().WithZone("")
	return slices.ContainsFunc(e.Sources, func(p netip.Prefix) bool { return p.Contains(client) })
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
		if !e.applies(h) {
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
