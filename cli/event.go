package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/lake"
)

type eventCmd struct {
	Tail eventTailCmd `cmd:"" help:"Print events as they come, until interrupted."`
	Show eventShowCmd `cmd:"" help:"Print one event whole."`
}

type eventTailCmd struct {
	data
	Filter string        `help:"Only events that match, in the filter language: action:block -attack:protocol" short:"q"`
	Last   time.Duration `help:"Begin with the events of the last while, such as 10m." default:"0s"`
	Count  int           `help:"Stop after so many events; 0 for no end." default:"0"`
	Output string        `help:"text or json (one object a line)" default:"text" enum:"text,json" short:"o"`
}

// Run prints events until it is interrupted. It looks into the lake's files, so it
// works beside any process that writes them.
func (c eventTailCmd) Run(e *env) error {
	l, err := c.open()
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // only read from
	// Events are filed by their start and arrive when they end, so look back a
	// little and remember what was printed.
	const slack = 2 * time.Minute
	from := time.Now().Add(-c.Last)
	printed := map[string]time.Time{}
	begin := true
	for n := 0; ; {
		since := from.Add(-slack)
		if begin {
			since = from
		}
		page, err := l.List(e.ctx, event.Query{From: since, To: time.Now().Add(time.Minute), Filter: c.Filter, Limit: 2000})
		var mistake *event.FilterError
		switch {
		case e.ctx.Err() != nil:
			return nil
		case errors.As(err, &mistake):
			return usageError{err}
		case err != nil:
			return err
		}
		for _, s := range slices.Backward(page.Events) {
			if _, seen := printed[s.ID]; seen {
				continue
			}
			printed[s.ID] = s.Time
			if err := c.print(e.out, s); err != nil {
				return err
			}
			if n++; n == c.Count {
				return nil
			}
		}
		if begin {
			begin = false
		}
		from = time.Now()
		for id, at := range printed {
			if at.Before(from.Add(-2 * slack)) {
				delete(printed, id)
			}
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-e.ctx.Done():
			return nil
		}
	}
}

func (c eventTailCmd) print(w io.Writer, s event.Summary) error {
	if c.Output == "json" {
		return json.NewEncoder(w).Encode(s)
	}
	url := s.Host + s.Path
	if s.Query != "" {
		url += "?" + s.Query
	}
	_, err := fmt.Fprintf(w, "%s  %-5s  %3d  %-15s  %-12s  %s %s  %s\n", s.Time.Local().Format("15:04:05.000"), s.Action, s.Status, s.Client,
		strings.Join(s.Attacks, ","), printable(s.Method), printable(url), s.ID)
	return err
}

type eventShowCmd struct {
	ID string `arg:"" help:"Id of the event: the request id on the block page."`
	data
	Output string `help:"text or json" default:"text" enum:"text,json" short:"o"`
}

// Run prints one event.
func (c eventShowCmd) Run(e *env) error {
	l, err := c.open()
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // only read from
	ev, err := l.Get(e.ctx, c.ID)
	if errors.Is(err, lake.ErrNotFound) {
		return fmt.Errorf("there is no event %q in %s; `ringwall event tail --last 1h` lists recent ids", c.ID, c.Data)
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		return enc.Encode(ev)
	}
	_, err = io.WriteString(e.out, eventText(ev))
	return err
}

// eventText is an event for people.
func eventText(e event.Event) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s "+format+"\n", append([]any{name}, args...)...)
	}
	line("event", "%s", e.ID)
	line("time", "%s", e.Time.Format(time.RFC3339Nano))
	line("action", "%s (mode %s): %s", e.Action, e.Mode, e.Reason)
	line("site", "%s > %s > %s on gateway %s", e.Site, e.ServerGroup, e.Service, e.Gateway)
	line("client", "%s (connection from %s)", e.Client, e.Peer)
	line("score", "%d of %d, response %d of %d", e.Verdict.Score, e.Verdict.Threshold, e.Verdict.OutboundScore, e.Verdict.OutboundThreshold)
	line("answer", "%d in %s from %s", e.Response.Status, e.Response.Duration.Round(10*time.Microsecond), orNone(e.Response.Upstream))
	target := e.Request.Path
	if e.Request.Query != "" {
		target += "?" + e.Request.Query
	}
	fmt.Fprintf(&b, "\n%s %s %s\nHost: %s\n", e.Request.Method, printableLong(target), e.Request.Protocol, printableLong(e.Request.Host))
	for _, h := range e.Request.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, printableLong(h.Value))
	}
	if len(e.Request.Body) > 0 {
		fmt.Fprintf(&b, "\n%s\n", printableLong(string(e.Request.Body)))
	}
	for _, m := range e.Verdict.Matches {
		fmt.Fprintf(&b, "\nrule %d  %s  score %d\n  %s\n  in %s: %s\n",
			m.RuleID, m.Severity, m.Score, m.Message, m.Variable, printableLong(m.Value))
		if m.Offset >= 0 {
			fmt.Fprintf(&b, "  matched at byte %d: %s\n", m.Offset, printableLong(m.Matched))
		}
	}
	if len(e.Timeline) > 0 {
		b.WriteString("\n")
	}
	for _, s := range e.Timeline {
		fmt.Fprintf(&b, "%12s  %s\n", s.At.Round(time.Microsecond), s.Text)
	}
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "no server"
	}
	return s
}

// printableLong is printable without the limit, line breaks kept.
func printableLong(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '·'
			}
			return r
		}, l)
	}
	return strings.Join(lines, "\n")
}
