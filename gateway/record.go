package gateway

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/waf"
)

// event makes the event of the exchange as it stands. Everything that the client
// sent and may be a secret is masked here, before it touches the disk.
func (x *exchange) event() *event.Event {
	s, r := x.service, x.r
	evidence := newEvidence(x.verdict.Matches)
	e := &event.Event{
		Schema: event.SchemaVersion, ID: x.id, Time: x.start.UTC(),
		Kind: event.KindOf(x.action()), Action: x.action(), Reason: x.explain(),
		Gateway: x.gateway.cfg.Name, Account: x.gateway.cfg.Account, Region: x.gateway.cfg.Region, PolicyVersion: s.version,
		Site: s.Site.Name, SiteID: s.Site.ID, ServerGroup: s.ServerGroup.Name, ServerGroupID: s.ServerGroup.ID,
		Service: s.Service.Name, ServiceID: s.Service.ID,
		Mode: string(s.ServerGroup.Mode), Client: x.client.String(), Peer: x.peer.Addr().String(),
		Request: event.Request{
			Method: valid(r.Method), Scheme: "http", Host: valid(r.Host), Path: valid(r.URL.EscapedPath()),
			Query: valid(evidence.maskQuery(r.URL.RawQuery)), Protocol: r.Proto,
		},
		Response: event.Response{
			Status: x.w.status, ContentType: valid(x.w.Header().Get("Content-Type")), BodyBytes: x.w.bytes,
			Duration: time.Since(x.start),
		},
	}
	if path, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasPrefix(path, "/") {
		e.Request.Path = valid(path)
	}
	if r.TLS != nil {
		e.Request.Scheme = "https"
		e.Request.TLS = tls.VersionName(r.TLS.Version) + " " + tls.CipherSuiteName(r.TLS.CipherSuite)
	}
	for _, name := range sortedKeys(r.Header) {
		for _, v := range r.Header[name] {
			e.Request.Headers = append(e.Request.Headers, event.Header{Name: valid(name), Value: valid(evidence.maskHeader(name, v))})
		}
	}
	if x.sent != nil {
		e.Request.BodyBytes = x.sent.bytes
	}
	if x.body != nil && len(x.verdict.Matches) > 0 {
		b := x.body.Bytes()
		e.Request.Body = evidence.maskBody(r.Header.Get("Content-Type"), b[:min(len(b), event.MaxBodyExcerptBytes)])
	}
	if x.upstream != nil {
		if x.responseAt > 0 {
			e.Response.UpstreamDuration = x.responseAt - x.upstreamAt
		}
		if x.failedStatus == 0 {
			e.Response.Upstream = x.upstream.base.String()
		}
	}
	e.Verdict = x.verdictOf(evidence)
	e.Timeline = x.timeline()
	return e
}

func (x *exchange) action() event.Action {
	switch {
	case x.block:
		return event.Block
	case len(x.verdict.Matches) > 0:
		return event.Alert
	}
	return event.Pass
}

// explain says in plain words why the action was taken.
func (x *exchange) explain() string {
	switch {
	case x.reason != "":
		return x.reason
	case x.verdict.Block:
		return x.askedFor() + "; simulation only reports"
	case len(x.verdict.Matches) > 0:
		in, _ := x.service.engine.Thresholds()
		return fmt.Sprintf("score %d stayed below the threshold of %d", x.verdict.Score, in)
	case x.service.ServerGroup.Mode == asset.Disabled:
		return "not inspected, the server group is disabled"
	}
	return ""
}

func (x *exchange) verdictOf(evidence evidence) event.Verdict {
	v := event.Verdict{
		Blocked: x.verdict.Block, Score: x.verdict.Score, OutboundScore: x.verdict.OutboundScore,
		Truncated: x.verdict.Truncated, Inspection: x.inspected,
	}
	if x.service.engine != nil {
		v.Threshold, v.OutboundThreshold = x.service.engine.Thresholds()
	}
	if x.verdict.Err != nil {
		v.Error = x.verdict.Err.Error()
	}
	var hidden secrets
	if len(x.verdict.Matches) > 0 {
		hidden = x.secretsOf(evidence)
	}
	for i, m := range x.verdict.Matches {
		if i == maxMatches {
			break
		}
		em := event.Match{
			RuleID: m.RuleID, Phase: m.Phase, Severity: m.Severity, Score: m.Score, Tags: m.Tags,
			Message: valid(hidden.mask(m.Message)), Data: valid(hidden.data(m, evidence)),
			Variable: valid(m.Variable), Offset: -1,
		}
		switch before, matched, after := excerpt(m); {
		case m.Offset < 0 && evidence.secret(m.Variable):
			em.Value = masked
		case m.Offset < 0:
			em.Value = valid(after)
		case evidence.secret(m.Variable):
			em.Matched = valid(matched)
			em.Value, em.Offset = em.Matched, 0
		default:
			em.Matched, em.Offset = valid(matched), len(valid(before))
			em.Value = valid(before) + em.Matched + valid(after)
		}
		v.Matches = append(v.Matches, em)
	}
	return v
}

// maxMatches bounds the matches that an event keeps; a request can be made to
// match thousands of times.
const maxMatches = 100

// excerpt returns what matched and what stands around it, together at most 2 KiB.
// A match without bytes has all of it in after.
func excerpt(m waf.Match) (before, matched, after string) {
	const limit = 2 << 10
	if m.Offset < 0 {
		return "", "", m.Value[:min(len(m.Value), limit)]
	}
	end := min(m.Offset+len(m.Matched), m.Offset+limit, len(m.Value))
	matched = m.Value[m.Offset:end]
	room := limit - len(matched)
	before = m.Value[max(0, m.Offset-room/2):m.Offset]
	return before, matched, m.Value[end:min(len(m.Value), end+room-len(before))]
}

// timeline tells how the decision came about.
func (x *exchange) timeline() []event.Step {
	steps := []event.Step{{At: 0, Text: "request head complete"}}
	add := func(at time.Duration, format string, args ...any) {
		steps = append(steps, event.Step{At: at, Text: fmt.Sprintf(format, args...)})
	}
	if x.tx != nil {
		in, _ := x.service.engine.Thresholds()
		matched := 0
		for _, m := range x.verdict.Matches {
			if m.Phase <= 2 {
				matched++
			}
		}
		at := x.decided
		if at == 0 {
			at = time.Since(x.start)
		}
		add(at, "request inspected in %s: %d matches, score %d of %d", x.inspected.Round(time.Microsecond), matched, x.verdict.Score, in)
	}
	if x.verdict.Truncated {
		add(x.decided, "a body was longer than the engine looks at; the rest was not inspected")
	}
	if x.verdict.Err != nil {
		add(x.decided, "the engine failed: %v", x.verdict.Err)
	}
	if x.upstream != nil {
		add(x.upstreamAt, "sent to %s", x.upstream.base)
		if x.cause != nil {
			add(x.responseAt, "no answer: %v", x.cause)
		} else {
			add(x.responseAt, "the server answered")
		}
	}
	switch {
	case x.block:
		add(time.Since(x.start), "blocked with %d: %s", x.w.status, x.reason)
	case x.verdict.Block:
		add(time.Since(x.start), "would have been blocked by rule %d in mode active", x.verdict.RuleID)
	}
	if !x.block {
		add(time.Since(x.start), "answered with %d, %d bytes", x.w.status, x.w.bytes)
	}
	return steps
}

// valid makes a string fit for JSON without losing a byte: one that is not part of
// valid UTF-8 becomes the Latin-1 character of the same number, which is often
// what was meant.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = rune(s[0])
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}
