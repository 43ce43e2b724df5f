package lake

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/event"
)

func TestMatchedFindsWhatRulesMatchedInAService(t *testing.T) {
	l := open(t, t.TempDir())
	var batch []*event.Event
	put := func(service string, at time.Duration, tag string, rules ...int) {
		e := sample(noon.Add(at), 1, 3)[0]
		e.ID, e.ServiceID, e.Action, e.Verdict = fmt.Sprintf("%s-%d", service, len(batch)), service, event.Pass, event.Verdict{}
		for _, id := range rules {
			e.Action = event.Alert
			e.Verdict.Matches = append(e.Verdict.Matches, event.Match{RuleID: id, Tags: []string{tag}, Variable: "ARGS:q"})
		}
		batch = append(batch, e)
	}
	put("a", 0, "")
	put("a", time.Second, "attack-sqli", 942100, 949110)
	put("a", 2*time.Second, "attack-sqli", 942200)
	put("b", 3*time.Second, "attack-sqli", 942100)
	put("a", 4*time.Second, "x<'y'", 920350)
	put("a", 5*time.Second, "attack-sqli", 942100)
	put("a", time.Hour, "attack-sqli", 942100)
	add(t, l, uint64(len(batch)), batch)
	for name, c := range map[string]struct {
		q    event.MatchQuery
		want []string
		more bool
	}{
		"one rule":        {event.MatchQuery{RuleID: 942100, Limit: 9}, []string{"a-1", "a-5"}, false},
		"a range":         {event.MatchQuery{RuleID: 920000, RuleIDLast: 942199, Limit: 9}, []string{"a-1", "a-4", "a-5"}, false},
		"a tag":           {event.MatchQuery{Tag: "attack-sqli", Limit: 9}, []string{"a-1", "a-2", "a-5"}, false},
		"an odd tag":      {event.MatchQuery{Tag: "x<'y'", Limit: 9}, []string{"a-4"}, false},
		"an unknown rule": {event.MatchQuery{RuleID: 1, Limit: 9}, nil, false},
		"the newest":      {event.MatchQuery{Tag: "attack-sqli", Limit: 2}, []string{"a-2", "a-5"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.From, c.q.To, c.q.ServiceID = noon, noon.Add(time.Minute), "a"
			var got []string
			more, err := l.Matched(t.Context(), c.q, func(e *event.Event) { got = append(got, e.ID) })
			if err != nil || more != c.more {
				t.Fatalf("more %v, %v", more, err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
