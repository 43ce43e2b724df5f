package program

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/seclang"
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

// names is what x says of the rules that it takes away: an id, a range or a tag.
func (x Exception) names() string {
	switch {
	case x.First == 0:
		return "tag " + x.Tag
	case x.Last > x.First:
		return fmt.Sprintf("%d-%d", x.First, x.Last)
	}
	return fmt.Sprint(x.First)
}

type exception struct {
	Exception
	rules   set
	targets []*removeTarget
}

// Tuning is what an overlay is made from.
type Tuning struct {
	// InboundThreshold and OutboundThreshold replace those of the program, if not 0.
	InboundThreshold, OutboundThreshold int
	Exceptions                          []Exception
	Actions                             map[int]Action // by rule id
}

// NewOverlay checks t and prepares it for p.
func (p *Program) NewOverlay(t Tuning) (*Overlay, error) {
	o := &Overlay{}
	for _, c := range []struct {
		name  string
		value int
	}{{inboundThreshold, t.InboundThreshold}, {outboundThreshold, t.OutboundThreshold}} {
		if s, ok := p.slots[c.name]; ok && c.value != 0 {
			o.initial = append(o.initial, slotChange{s, fmt.Sprint(c.value)})
		}
	}
	for i, x := range t.Exceptions {
		e, err := p.newException(x)
		if err != nil {
			return nil, fmt.Errorf("exception %d: %w", i+1, err)
		}
		o.exceptions = append(o.exceptions, e)
	}
	for id, a := range t.Actions {
		i, ok := p.byID[id]
		if !ok {
			return nil, fmt.Errorf("action for rule %d: there is no such rule", id)
		}
		if o.actions == nil {
			o.actions = map[int32]Action{}
		}
		o.actions[i] = a
	}
	return o, nil
}

const (
	inboundThreshold  = "inbound_anomaly_score_threshold"
	outboundThreshold = "outbound_anomaly_score_threshold"
)

func (p *Program) newException(x Exception) (exception, error) {
	e := exception{Exception: x}
	s := ruleSelector{first: x.First, last: max(x.First, x.Last), tag: x.Tag}
	if (x.First == 0) == (x.Tag == "") {
		return e, fmt.Errorf("names %s; name a rule id or a tag", map[bool]string{true: "neither rule nor tag", false: "both rule and tag"}[x.Tag == ""])
	}
	e.rules = p.selectRules(s)
	if !slices.ContainsFunc(e.rules, func(w uint64) bool { return w != 0 }) {
		return e, fmt.Errorf("names no rule: %s", x.names())
	}
	if x.Target == "" {
		return e, nil
	}
	targets, err := seclang.ParseTargets(seclang.Pos{File: "target", Line: 1, Col: 1}, x.Target)
	if err != nil {
		return e, err
	}
	for _, t := range targets {
		key, err := newSelector(t)
		if err != nil {
			return e, err
		}
		for _, v := range alsoNamed(t.Variable) {
			e.targets = append(e.targets, &removeTarget{variable: v, key: key, rules: e.rules})
		}
	}
	return e, nil
}

// alsoNamed returns the variables by which rules reach the values of v.
func alsoNamed(v seclang.Variable) []seclang.Variable {
	switch v {
	case seclang.Args:
		return []seclang.Variable{seclang.Args, seclang.ArgsGet, seclang.ArgsPost}
	case seclang.ArgsNames:
		return []seclang.Variable{seclang.ArgsNames, seclang.ArgsGetNames, seclang.ArgsPostNames}
	}
	return []seclang.Variable{v}
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
