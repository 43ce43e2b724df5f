package build

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Exception takes rules or targets of rules away from requests that fulfil all its
// conditions. It is how an operator says that a rule is wrong about part of the application,
// without changing rules.
type Exception struct {
	// First to Last are ids of rules; Tag is a tag. One of them is set. A Last of 0 means First
	// alone.
	First, Last int
	Tag         string // as rules have it, as a whole
	// Target is a variable or a member of one, "ARGS:q". Empty means the whole rule.
	Target string
	// Conditions are those of the request; none holds for all.
	run.Conditions
}

// Tuning is what an overlay is made from. The zero value changes nothing.
type Tuning struct {
	// InboundThreshold and OutboundThreshold replace those of the program, if not 0.
	InboundThreshold, OutboundThreshold int
	// Exceptions count all that apply.
	Exceptions []Exception
	// Actions override what rules do, by rule id. An id that the program lacks is an error.
	Actions map[int]run.Override
}

// NewOverlay checks t and prepares it for p. It takes microseconds. An error names the
// exception, counted from 1, or the rule. The overlay belongs to p: rules and slots are those of p.
// It is immutable and keeps nothing of t but its conditions and actions.
func NewOverlay(p *run.Program, t Tuning) (*run.Overlay, error) {
	o := &run.Overlay{}
	// Without the Core Rule Set there are no thresholds to replace.
	for _, c := range []struct {
		name  string
		value int
	}{{inboundThreshold, t.InboundThreshold}, {outboundThreshold, t.OutboundThreshold}} {
		if s, ok := p.Slots[c.name]; ok && c.value != 0 {
			o.Initial = append(o.Initial, run.SlotChange{Slot: s, Value: fmt.Sprint(c.value)})
		}
	}
	for i, x := range t.Exceptions {
		e, err := newException(p, x)
		if err != nil {
			return nil, fmt.Errorf("exception %d: %w", i+1, err)
		}
		o.Exceptions = append(o.Exceptions, e)
	}
	for id, a := range t.Actions {
		i, ok := p.ByID[id]
		if !ok {
			return nil, fmt.Errorf("action for rule %d: there is no such rule", id)
		}
		// nil for applications without overrides: most have none.
		if o.Overrides == nil {
			o.Overrides = map[int32]run.Override{}
		}
		o.Overrides[i] = a
	}
	return o, nil
}

// The variables that overlays replace. Folding leaves rules that read them alone.
const (
	inboundThreshold  = "inbound_anomaly_score_threshold"
	outboundThreshold = "outbound_anomaly_score_threshold"
)

// newException finds the rules and the targets that an exception takes away.
func newException(p *run.Program, x Exception) (run.Exception, error) {
	e := run.Exception{Conditions: x.Conditions}
	s := ruleSelector{first: x.First, last: max(x.First, x.Last), tag: x.Tag}
	switch {
	case x.First == 0 && x.Tag == "":
		return e, errors.New("names neither rule nor tag; name a rule id or a tag")
	case x.First != 0 && x.Tag != "":
		return e, errors.New("names both rule and tag; name a rule id or a tag")
	}
	e.Rules = s.rules(p)
	// A misspelled id or tag would otherwise be an exception that silently does nothing.
	if !slices.ContainsFunc(e.Rules, func(w uint64) bool { return w != 0 }) {
		return e, fmt.Errorf("names no rule: %s", names(x))
	}
	if x.Target == "" {
		return e, nil
	}
	targets, err := seclang.ParseTargets(seclang.Pos{File: "target", Line: 1, Col: 1}, x.Target)
	if err != nil {
		return e, err
	}
	for _, t := range targets {
		key, err := target.NewSelector(t)
		if err != nil {
			return e, err
		}
		for _, v := range alsoNamed(t.Variable) {
			e.Targets = append(e.Targets, &run.RemoveTarget{Variable: v, Key: key, Rules: e.Rules})
		}
	}
	return e, nil
}

// alsoNamed returns the variables by which rules reach the values of v: an exception for
// ARGS:q would be no help against a rule that looks at ARGS_GET. The other way round nothing is
// added: an exception for ARGS_GET:q is about the query string.
func alsoNamed(v seclang.Variable) []seclang.Variable {
	switch v {
	case seclang.Args:
		return []seclang.Variable{seclang.Args, seclang.ArgsGet, seclang.ArgsPost}
	case seclang.ArgsNames:
		return []seclang.Variable{seclang.ArgsNames, seclang.ArgsGetNames, seclang.ArgsPostNames}
	}
	return []seclang.Variable{v}
}

// names is what x says of the rules that it takes away: an id, a range or a tag.
func names(x Exception) string {
	switch {
	case x.First == 0:
		return "tag " + x.Tag
	case x.Last > x.First:
		return fmt.Sprintf("%d-%d", x.First, x.Last)
	}
	return fmt.Sprint(x.First)
}
