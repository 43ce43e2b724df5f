package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringwall/ringwall/event"
)

// happened is an event that valid() would touch: it scored 5 for q and 5 for header.
func happened(change func(*event.Event)) *event.Event {
	e := &event.Event{
		ID: "e", ServiceID: "v", Client: "192.0.2.7", Request: event.Request{Method: "GET", Path: "/search/x"},
		Verdict: event.Verdict{Blocked: true, Score: 5, Threshold: 5, OutboundThreshold: 4, Matches: []event.Match{
			{RuleID: 942100, Phase: 2, Score: 5, Variable: "ARGS:q", Tags: []string{"attack-sqli"}},
		}},
	}
	change(e)
	return e
}

func TestPreviewTellsTouchedFromPassed(t *testing.T) {
	other := event.Match{RuleID: 941100, Phase: 2, Score: 5, Variable: "ARGS:q"}
	for name, c := range map[string]struct {
		event           func(*event.Event)
		touched, passed int64
		score           int
	}{
		"the only match":             {func(*event.Event) {}, 1, 1, 0},
		"another match stays":        {func(e *event.Event) { e.Verdict.Score, e.Verdict.Matches = 10, append(e.Verdict.Matches, other) }, 1, 0, 5},
		"below the threshold anyway": {func(e *event.Event) { e.Verdict.Threshold, e.Verdict.Blocked = 10, false }, 1, 0, 0},
		"an answer scored too": {func(e *event.Event) {
			e.Verdict.OutboundScore = 4
			e.Verdict.Matches = append(e.Verdict.Matches, event.Match{RuleID: 953100, Phase: 4, Score: 4})
		}, 1, 0, 4},
		"a rule blocked at once":              {func(e *event.Event) { e.Verdict.Threshold = 100 }, 1, 1, 0},
		"perhaps another one blocked at once": {func(e *event.Event) { e.Verdict.Threshold, e.Verdict.Matches = 100, append(e.Verdict.Matches, other) }, 1, 0, 0},
		"another service":                     {func(e *event.Event) { e.ServiceID = "w" }, 0, 0, 0},
		"another rule":                        {func(e *event.Event) { e.Verdict.Matches[0].RuleID++ }, 0, 0, 0},
		"another variable":                    {func(e *event.Event) { e.Verdict.Matches[0].Variable = "ARGS:r" }, 0, 0, 0},
		"another method":                      {func(e *event.Event) { e.Request.Method = "POST" }, 0, 0, 0},
		"another path":                        {func(e *event.Event) { e.Request.Path = "/searching" }, 0, 0, 0},
		"a path with escapes":                 {func(e *event.Event) { e.Request.Path = "/search/%2e%2e" }, 0, 0, 0},
		"another client":                      {func(e *event.Event) { e.Client = "198.51.100.1" }, 0, 0, 0},
		"a mapped client":                     {func(e *event.Event) { e.Client = "::ffff:192.0.2.7" }, 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPreviewer(valid())
			if err != nil {
				t.Fatal(err)
			}
			p.Add(happened(c.event))
			got := p.Preview()
			if got.Looked != 1 || got.Touched != c.touched || got.Passed != c.passed || int64(len(got.Samples)) != c.touched {
				t.Fatalf("%+v", got)
			}
			if c.touched > 0 && (got.Samples[0].Score != c.score || got.Samples[0].Passed != (c.passed > 0)) {
				t.Errorf("%+v", got.Samples[0])
			}
		})
	}
	byTag := valid()
	byTag.RuleID, byTag.Tag, byTag.Target, byTag.Sources = 0, "attack-sqli", "", nil
	p, err := NewPreviewer(byTag)
	if err != nil {
		t.Fatal(err)
	}
	p.Add(happened(func(e *event.Event) { e.Verdict.Matches = append(e.Verdict.Matches, other) }))
	if got := p.Preview(); got.Touched != 1 {
		t.Errorf("by tag: %+v", got)
	}
}

func TestPreviewShowsTheNewestThatPassFirst(t *testing.T) {
	p, err := NewPreviewer(valid())
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Preview(); got.Samples == nil || len(got.Samples) != 0 {
		t.Errorf("nothing: %+v", got)
	}
	for i := range 40 {
		p.Add(happened(func(e *event.Event) {
			e.ID, e.Time = fmt.Sprint(i), time.Unix(int64(i*7%40), 0)
			e.Verdict.Blocked = i >= 30
		}))
	}
	got := p.Preview()
	if got.Touched != 40 || got.Passed != 10 || len(got.Samples) != 20 {
		t.Fatalf("%d touched, %d passed, %d samples", got.Touched, got.Passed, len(got.Samples))
	}
	for i, s := range got.Samples {
		if s.Passed != (i < 10) || i%10 > 0 && s.Event.Time.After(got.Samples[i-1].Event.Time) {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
}
