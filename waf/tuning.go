package waf

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ringwall/ringwall/waf/internal/build"
	"github.com/ringwall/ringwall/waf/internal/run"
)

// Tuning is what one application changes of a rule set that many share. The zero
// value changes nothing.
type Tuning struct {
	// InboundThreshold and OutboundThreshold replace those of the engine. Zero keeps
	// them.
	InboundThreshold, OutboundThreshold int
	// Exceptions are in no particular order: each that applies counts.
	Exceptions []Exception
	// Actions override what rules do, by rule id.
	Actions map[int]Action
}

// Action is what an application makes of a rule.
type Action string

// The actions.
const (
	// ActionBlock refuses what the rule matches at once, whatever the score.
	ActionBlock Action = "block"
	// ActionAlert reports matches; they do not count for the anomaly score.
	ActionAlert Action = "alert"
	// ActionCount neither reports matches nor lets them count for the score.
	// Transaction.RuleIDs has the rule nevertheless.
	ActionCount Action = "count"
)

// Exception takes a rule, or what it looks at, away from requests that fulfil all
// conditions. An empty condition holds for every request.
type Exception struct {
	// RuleID is a rule, up to RuleIDLast if that is not zero; or Tag is a tag of
	// rules. Set one of RuleID and Tag.
	RuleID, RuleIDLast int
	Tag                string
	// Target is what the rules do not look at any more: a variable or a member of
	// one, "ARGS:q", "REQUEST_COOKIES:/^sess/". Empty takes the whole rules away.
	Target string
	// PathPrefix holds for the path and what is below it, compared as sent. It holds
	// for no path with escapes, dot segments or doubled slashes, since these may mean
	// another path to the application.
	PathPrefix string
	Methods    []string
	Sources    []netip.Prefix
	// Expires is when the exception ends, by Request.Time. Zero means never.
	Expires time.Time
	// Owner and Comment are for people.
	Owner, Comment string
}

// With returns an engine for one application: it shares the compiled rules of e and
// its collections and takes microseconds and some hundred bytes. Rules that the
// compiler evaluated beforehand, the rule set's own set-up, cannot be tuned. An error
// names the exception or rule.
func (e *Engine) With(t Tuning) (*Engine, error) {
	if t.InboundThreshold < 0 || t.OutboundThreshold < 0 {
		return nil, errors.New("tune rules: thresholds must not be negative")
	}
	p := build.Tuning{InboundThreshold: t.InboundThreshold, OutboundThreshold: t.OutboundThreshold}
	for _, x := range t.Exceptions {
		p.Exceptions = append(p.Exceptions, build.Exception{
			First: x.RuleID, Last: x.RuleIDLast, Tag: x.Tag, Target: x.Target,
			Conditions: run.Conditions{PathPrefix: x.PathPrefix, Methods: x.Methods, Sources: x.Sources, Expires: x.Expires},
		})
	}
	for id, a := range t.Actions {
		if p.Actions == nil {
			p.Actions = map[int]run.Override{}
		}
		switch a {
		case ActionBlock:
			p.Actions[id] = run.Block
		case ActionAlert:
			p.Actions[id] = run.Alert
		case ActionCount:
			p.Actions[id] = run.Count
		default:
			return nil, fmt.Errorf("tune rules: action %q for rule %d: choose block, alert or count", a, id)
		}
	}
	o, err := build.NewOverlay(e.program, p)
	if err != nil {
		return nil, fmt.Errorf("tune rules: %w", err)
	}
	tuned := *e
	tuned.overlay = o
	tuned.cfg.InboundThreshold = orDefault(t.InboundThreshold, e.cfg.InboundThreshold)
	tuned.cfg.OutboundThreshold = orDefault(t.OutboundThreshold, e.cfg.OutboundThreshold)
	return &tuned, nil
}
