package policy

import (
	"errors"
	"fmt"
)

// RuleActions is what one service makes of single rules, whatever they were written
// to do.
type RuleActions struct {
	ServiceID string `json:"service_id"`
	// Revision is zero as long as nothing was set.
	Revision int64        `json:"revision"`
	Actions  []RuleAction `json:"actions"`
}

// RuleAction overrides what one rule does.
type RuleAction struct {
	RuleID int    `json:"rule_id"`
	Action Action `json:"action"`
}

// Action is what a service makes of a rule.
type Action string

// The actions.
const (
	// Block refuses what the rule matches at once, whatever the score.
	Block Action = "block"
	// Alert reports matches; they do not count for the score.
	Alert Action = "alert"
	// Count neither reports matches nor lets them count for the score.
	Count Action = "count"
)

// Validate returns every problem, joined. Whether the rules exist is for the engine
// to say.
func (a RuleActions) Validate() error {
	var errs []error
	seen := map[int]bool{}
	for i, r := range a.Actions {
		if r.RuleID <= 0 {
			errs = append(errs, fmt.Errorf("actions[%d]: rule_id %d: want the id of a rule", i, r.RuleID))
		}
		if r.Action != Block && r.Action != Alert && r.Action != Count {
			errs = append(errs, fmt.Errorf("actions[%d]: action %q: must be block, alert or count", i, r.Action))
		}
		if seen[r.RuleID] {
			errs = append(errs, fmt.Errorf("actions[%d]: rule %d is listed twice", i, r.RuleID))
		}
		seen[r.RuleID] = true
	}
	return errors.Join(errs...)
}
