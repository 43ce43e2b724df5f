package build

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/run"
)

// ruleSelector chooses rules by id, tag or message. Exactly one of the three is set.
type ruleSelector struct {
	first, last int // ids, if last is not 0
	tag, msg    string
}

// matches reports whether s chooses r. Tags and messages are compared as a whole and in their own
// case. Ids of a range need not exist.
func (s ruleSelector) matches(r *run.Rule) bool {
	switch {
	case s.last != 0:
		return r.ID >= s.first && r.ID <= s.last
	case s.tag != "":
		return slices.Contains(r.Tags, s.tag)
	}
	return r.Message != "" && r.Message == s.msg
}

// rules returns the rules of p that s chooses. The set is by index.
func (s ruleSelector) rules(p *run.Program) bitset.Set {
	rules := bitset.New(len(p.Rules))
	for i := range p.Rules {
		if s.matches(&p.Rules[i]) {
			rules.Add(int32(i))
		}
	}
	return rules
}

// selection is a set of rules that is filled once all rules are known.
type selection struct {
	selector ruleSelector
	rules    *bitset.Set
}

// parseIDs reads an id or a range of ids.
//
//	942100         ->  942100 to 942100
//	942100-942199  ->  942100 to 942199
func parseIDs(s string) (ruleSelector, error) {
	lo, hi, isRange := strings.Cut(strings.TrimSpace(s), "-")
	if !isRange {
		hi = lo
	}
	first, err1 := strconv.Atoi(lo)
	last, err2 := strconv.Atoi(hi)
	if err1 != nil || err2 != nil || first <= 0 || first > last {
		return ruleSelector{}, fmt.Errorf("%q is neither a rule id nor a range; write 942100 or 942000-942999", s)
	}
	return ruleSelector{first: first, last: last}, nil
}

// selectorFor reads what is after ruleRemoveBy and its like: an id, a tag or a message. by is in
// lower case; whatever is neither id nor tag is msg.
func selectorFor(by, value string) (ruleSelector, error) {
	switch by {
	case "id":
		return parseIDs(value)
	case "tag":
		return ruleSelector{tag: value}, nil
	}
	return ruleSelector{msg: value}, nil
}
