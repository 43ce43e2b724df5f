package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/event"
)

// Preview tells what an exception would have done to events of the past. It is an
// estimate: what a request would have met further on, had it not been blocked, is
// not known.
type Preview struct {
	// Looked is how many events were looked at, Touched those from which the
	// exception takes a match away, and Passed those of them that asked for blocking
	// and no longer would.
	Looked  int64 `json:"looked"`
	Touched int64 `json:"touched"`
	Passed  int64 `json:"passed"`
	// Truncated tells that there were more events than were looked at.
	Truncated bool `json:"truncated"`
	// Samples are some of the touched events, those that would pass first, then the
	// newest first.
	Samples []PreviewSample `json:"samples"`
}

// PreviewSample is one touched event.
type PreviewSample struct {
	Event event.Summary `json:"event"`
	// Score is what the score would have been, Passed whether it would pass.
	Score  int  `json:"score"`
	Passed bool `json:"passed"`
}

// maxSamples is how many events a preview shows.
const maxSamples = 20

// Previewer adds events up to a preview.
type Previewer struct {
	exception Exception
	target    target
	networks  []netip.Prefix
	preview   Preview
	others    []PreviewSample // touched, but not passing
}

// NewPreviewer prepares the preview of an exception, which must be valid. Whether it
// is enabled or has expired does not matter.
func NewPreviewer(x Exception) (*Previewer, error) {
	t, err := parseTarget(x.Target)
	if err != nil {
		return nil, err
	}
	networks, err := x.Networks()
	if err != nil {
		return nil, err
	}
	return &Previewer{exception: x, target: t, networks: networks}, nil
}

// Add looks at one event. The order of events does not matter.
func (p *Previewer) Add(e *event.Event) {
	p.preview.Looked++
	if !p.applies(e) {
		return
	}
	touched := false
	in, out := e.Verdict.Score, e.Verdict.OutboundScore
	for i := range e.Verdict.Matches {
		m := &e.Verdict.Matches[i]
		if !p.takes(m) {
			continue
		}
		touched = true
		if m.Phase <= 2 {
			in -= m.Score
		} else {
			out -= m.Score
		}
	}
	if !touched {
		return
	}
	p.preview.Touched++
	s := PreviewSample{Score: max(0, in) + max(0, out), Passed: p.passes(e, in, out)}
	list := &p.others
	if s.Passed {
		p.preview.Passed++
		list = &p.preview.Samples
	}
	s.Event = e.Summary()
	*list = keepNewest(*list, s)
}

// keepNewest puts s into a list of samples, newest first.
func keepNewest(list []PreviewSample, s PreviewSample) []PreviewSample {
	i, _ := slices.BinarySearchFunc(list, s, func(a, b PreviewSample) int {
		return cmp.Or(b.Event.Time.Compare(a.Event.Time), cmp.Compare(b.Event.ID, a.Event.ID))
	})
	list = slices.Insert(list, i, s)
	return list[:min(maxSamples, len(list))]
}

// Preview returns the sum so far.
func (p *Previewer) Preview() Preview {
	sum := p.preview
	sum.Samples = slices.Concat(sum.Samples, p.others)
	sum.Samples = append([]PreviewSample{}, sum.Samples[:min(maxSamples, len(sum.Samples))]...)
	return sum
}

// applies reports whether the conditions hold for the event's request.
func (p *Previewer) applies(e *event.Event) bool {
	x := &p.exception
	if e.ServiceID != x.ServiceID || len(x.Methods) > 0 && !slices.Contains(x.Methods, e.Request.Method) {
		return false
	}
	if x.PathPrefix != "" && !below(e.Request.Path, x.PathPrefix) {
		return false
	}
	if len(p.networks) == 0 {
		return true
	}
	client, err := netip.ParseAddr(e.Client)
	return err == nil && slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(client.Unmap().WithZone("")) })
}

// below reports whether a path, as sent, is prefix or below it.
func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && plainPath(path) && (rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/')
}

// takes reports whether the exception takes a match away.
func (p *Previewer) takes(m *event.Match) bool {
	x := &p.exception
	if x.Tag != "" {
		if !slices.Contains(m.Tags, x.Tag) {
			return false
		}
	} else if m.RuleID < x.RuleID || m.RuleID > max(x.RuleID, x.RuleIDLast) {
		return false
	}
	return p.target.variable == "" || p.target.covers(m.Variable)
}

// passes reports whether an event that asked for blocking no longer would, with the
// scores that are left.
func (p *Previewer) passes(e *event.Event, in, out int) bool {
	v := &e.Verdict
	if !v.Blocked {
		return false
	}
	if v.Score < v.Threshold && v.OutboundScore < v.OutboundThreshold {
		// A rule blocked at once, and the event does not tell which.
		return !slices.ContainsFunc(v.Matches, func(m event.Match) bool { return !p.takes(&m) })
	}
	return in < v.Threshold && out < v.OutboundThreshold
}
