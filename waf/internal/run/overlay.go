package run

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/bitset"
)

// Overlay is what one application changes of a program that many share. It is small,
// immutable and made in microseconds. Without it each application would need a program of
// its own, of some 20 MB. The zero value changes nothing.
type Overlay struct {
	// Initial replaces values of TX at the start of a transaction: thresholds. Package
	// build does not take these for constants.
	Initial []SlotChange
	// Exceptions count all that apply to a request.
	Exceptions []Exception
	// Overrides are by index of the rule; rules that are absent run as written.
	Overrides map[int32]Override
}

// SlotChange is a value for a variable of TX, by its number in Program.Slots.
type SlotChange struct {
	Slot  int32
	Value string
}

// Override is what an application makes of a rule, whatever the rule asks for. The order
// counts: from Alert on a rule does not add to the score.
type Override uint8

const (
	// AsWritten leaves the rule as it is.
	AsWritten Override = iota
	// Block refuses a request or response that the rule matches at once.
	Block
	// Alert reports the rule's matches; they do not count for the anomaly score.
	Alert
	// Count neither reports matches nor lets them count; the transaction knows that
	// the rule matched.
	Count
)

// Conditions are what a request must fulfil for an exception to apply. One that is empty
// holds for all requests. They are compared in the order of cost.
type Conditions struct {
	// PathPrefix holds for the path as sent and what is below it, see hasPathPrefix.
	// "/api" holds for /api and /api/x, not for /apix.
	PathPrefix string
	Methods    []string       // one of them, compared as sent
	Sources    []netip.Prefix // one of them has the client
	// Expires is when the exception ends, zero never. It is compared with the time of the
	// request, and does not hold at that moment any more.
	Expires time.Time
}

// Exception takes rules, or targets of them, away from the requests that fulfil its
// conditions. It is shared by all transactions of the application and never written to.
type Exception struct {
	Conditions
	Rules   bitset.Set      // by index
	Targets []*RemoveTarget // nil takes the whole rules away
}

// hold reports whether all conditions hold. What is not known of a request, such as the
// client's address, fulfils no condition on it.
func (c *Conditions) hold(h *Head) bool {
	if !c.Expires.IsZero() && !h.Time.Before(c.Expires) {
		return false
	}
	// A method is case-sensitive (RFC 9110, section 9.1).
	if len(c.Methods) > 0 && !slices.Contains(c.Methods, h.Method) {
		return false
	}
	if c.PathPrefix != "" && !hasPathPrefix(h.URI, c.PathPrefix) {
		return false
	}
	if len(c.Sources) == 0 {
		return true
	}
	// A client of IPv4 may come as one of IPv6, and with a zone that no prefix has.
	client := h.Client.Unmap().WithZone("")
	return slices.ContainsFunc(c.Sources, func(p netip.Prefix) bool { return p.Contains(client) })
}

// hasPathPrefix compares the path as sent. A path with escapes or dot segments may mean
// another one to the application, so no exception holds for it: else /public/..%2fadmin
// would take the exceptions of /public to /admin. Nor does one hold for parameters of
// segments (;) and backslashes, which servers cut off or turn into slashes. A request
// that is honest loses an exception by this, never the reverse.
func hasPathPrefix(uri, prefix string) bool {
	path, _, _ := strings.Cut(uri, "?")
	if strings.ContainsAny(path, "%\\;") || strings.Contains(path, "/.") || strings.Contains(path, "//") {
		return false
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/')
}

// SetOverlay makes the transaction one of an application, until Reset. Call it before
// SetHead. o must not be nil and is kept until Reset.
func (tx *Tx) SetOverlay(o *Overlay) {
	tx.overlay = o
	for _, c := range o.Initial {
		tx.slots[c.Slot] = SlotValue{true, c.Value}
	}
}

// except takes away what the exceptions that apply say. It costs as much as there are
// exceptions; their rules and targets were found beforehand.
func (tx *Tx) except(h *Head) {
	for i := range tx.overlay.Exceptions {
		e := &tx.overlay.Exceptions[i]
		if !e.hold(h) {
			continue
		}
		if e.Targets == nil {
			tx.remove(e.Rules)
		}
		tx.exclusions = append(tx.exclusions, e.Targets...)
	}
}

// overrideOf returns what the application makes of a rule.
func (tx *Tx) overrideOf(r *Rule) Override {
	if tx.overlay == nil || tx.overlay.Overrides == nil {
		return AsWritten
	}
	return tx.overlay.Overrides[r.Index]
}
