// Package event holds the noun for one thing that happened: a request, what the
// WAF said about it and what became of it. Events are plain values with a JSON
// form; the package does no I/O.
//
// The vocabulary follows OCSF 1.8 class 4002 (HTTP Activity) with the security
// control profile where a field fits; docs/guide/events.md maps every column.
//
// Stability: SchemaVersion grows when the JSON form gets a meaning that older readers
// would miss. Reading accepts every earlier version.
package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// SchemaVersion is the version of the JSON form written today.
//
//	1  requests only
//	2  kind, account, region, site_id and server_group_id
const SchemaVersion = 2

// Kind is the kind of thing that an event tells of.
type Kind string

// The kinds.
const (
	// Access: a request in which nothing was found.
	Access Kind = "access"
	// Detection: a request in which a rule matched or that was refused.
	Detection Kind = "detection"
)

// Action is what became of a request.
type Action string

// The actions.
const (
	// Block: Ringwall answered instead of the server.
	Block Action = "block"
	// Alert: a rule matched and the request passed, because of simulation or
	// because the score stayed below the threshold.
	Alert Action = "alert"
	// Pass: nothing matched.
	Pass Action = "pass"
)

// Event is one thing that happened: today, a request through a gateway.
type Event struct {
	Schema int  `json:"schema"`
	Kind   Kind `json:"kind"`
	// ID is a UUIDv7 (RFC 9562), so ids sort by time. It is also the request id
	// that client and upstream see.
	ID   string    `json:"id"`
	Time time.Time `json:"time"` // UTC, when the request head was complete

	Action Action `json:"action"`
	// Reason says in plain words why the action was taken.
	Reason string `json:"reason,omitempty"`

	Gateway string `json:"gateway"`
	// Account and Region are where the gateway runs, as its configuration says; empty
	// if it says nothing.
	Account       string `json:"account,omitempty"`
	Region        string `json:"region,omitempty"`
	PolicyVersion int64  `json:"policy_version"`
	// Site, ServerGroup and Service are names at that moment; the ids stay the same
	// when something is renamed. The ids of site and server group are empty in events of
	// schema 1.
	Site          string `json:"site"`
	SiteID        string `json:"site_id,omitempty"`
	ServerGroup   string `json:"server_group"`
	ServerGroupID string `json:"server_group_id,omitempty"`
	Service       string `json:"service"`
	ServiceID     string `json:"service_id"`
	Mode          string `json:"mode"` // operation mode at that moment

	// Client is the client's address as far as trusted proxies told it, Peer the
	// address of the TCP connection.
	Client string `json:"client"`
	Peer   string `json:"peer"`

	Request  Request  `json:"request"`
	Response Response `json:"response"`
	Verdict  Verdict  `json:"verdict"`
	// Timeline tells what happened when, in order.
	Timeline []Step `json:"timeline,omitempty"`
}

// Request is the request as the client sent it, secrets masked.
type Request struct {
	Method   string `json:"method"`
	Scheme   string `json:"scheme"`
	Host     string `json:"host"`
	Path     string `json:"path"`  // as sent, still percent-encoded
	Query    string `json:"query"` // as sent, without the question mark
	Protocol string `json:"protocol"`
	TLS      string `json:"tls,omitempty"` // version and cipher suite
	// Headers are in canonical form, sorted by name. Values of credentials are
	// masked with "[secret]".
	Headers []Header `json:"headers,omitempty"`
	// Body is the start of the body, at most MaxBodyExcerptBytes, when a rule
	// matched. JSON encodes it as base64.
	Body []byte `json:"body,omitempty"`
	// BodyBytes is how much of the body the client sent.
	BodyBytes int64 `json:"body_bytes"`
}

// MaxBodyExcerptBytes is how much of a request body an event keeps.
const MaxBodyExcerptBytes = 8 << 10

// Header is one header field line.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Response is the answer that the client got.
type Response struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type,omitempty"`
	BodyBytes   int64  `json:"body_bytes"`
	// Upstream is the base URL of the server that answered, empty if none did.
	Upstream string `json:"upstream,omitempty"`
	// Duration is the time from the request head to the last byte of the answer.
	Duration time.Duration `json:"duration_ns"`
	// UpstreamDuration is the part spent waiting for the server's head.
	UpstreamDuration time.Duration `json:"upstream_duration_ns"`
}

// Verdict is what the WAF said.
type Verdict struct {
	// Blocked tells that the rules ask for blocking, whatever the mode made of it.
	Blocked           bool    `json:"blocked"`
	Score             int     `json:"score"`
	Threshold         int     `json:"threshold"`
	OutboundScore     int     `json:"outbound_score"`
	OutboundThreshold int     `json:"outbound_threshold"`
	Matches           []Match `json:"matches,omitempty"`
	// Truncated tells that a body was longer than the engine looks at.
	Truncated bool `json:"truncated,omitempty"`
	// Error is the engine's own failure, empty if there was none.
	Error string `json:"error,omitempty"`
	// Inspection is the time spent inside the engine.
	Inspection time.Duration `json:"inspection_ns"`
}

// Match is one place where one rule matched.
type Match struct {
	RuleID   int      `json:"rule_id"`
	Phase    int      `json:"phase"`
	Message  string   `json:"message"`
	Data     string   `json:"data,omitempty"` // what the rule writes of the match (logdata), at most 2 KiB, without secrets
	Severity string   `json:"severity"`       // critical, error, warning or notice
	Score    int      `json:"score"`
	Tags     []string `json:"tags,omitempty"`
	// Variable is the collection, with its key after a colon where it has one:
	// "ARGS:q".
	Variable string `json:"variable"`
	// Value is where it matched, after the rule's transformations, at most 2 KiB
	// around the match.
	Value string `json:"value"`
	// Offset is the byte position of Matched in Value, -1 if the rule does not
	// point at bytes (an absent header, a count).
	Offset  int    `json:"offset"`
	Matched string `json:"matched"`
}

// Step is one entry of the timeline.
type Step struct {
	// At is the time since the request head was complete.
	At   time.Duration `json:"at_ns"`
	Text string        `json:"text"`
}

// ErrNewer tells that an event was written by a later version of Ringwall.
var ErrNewer = fmt.Errorf("this program knows event schemas up to %d: use a newer ringwall", SchemaVersion)

// KindOf is the kind of a request with which a gateway did this.
func KindOf(a Action) Kind {
	if a == Pass {
		return Access
	}
	return Detection
}

// UnmarshalJSON reads an event of any schema up to SchemaVersion and brings it up to
// date. It returns ErrNewer for one of a later schema.
func (e *Event) UnmarshalJSON(b []byte) error {
	type plain Event // without this method
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	if p.Schema > SchemaVersion {
		return fmt.Errorf("event %q: schema %d: %w", p.ID, p.Schema, ErrNewer)
	}
	if p.Schema < 2 {
		p.Kind = KindOf(p.Action)
	}
	p.Schema = SchemaVersion
	*e = Event(p)
	return nil
}

// Sink takes events. Put returns once the event is safe (on disk), or with an
// error if it was dropped; implementations count what they drop. It is safe for
// use by several goroutines.
type Sink interface {
	Put(*Event) error
}

// Severity is the worst severity of the event's matches, "" when nothing matched.
func (e *Event) Severity() string {
	for _, s := range []string{"critical", "error", "warning", "notice"} {
		if slices.ContainsFunc(e.Verdict.Matches, func(m Match) bool { return m.Severity == s }) {
			return s
		}
	}
	return ""
}

// RuleIDs lists the ids of the rules that matched, ascending, without duplicates.
func (e *Event) RuleIDs() []int {
	ids := make([]int, 0, len(e.Verdict.Matches))
	for _, m := range e.Verdict.Matches {
		ids = append(ids, m.RuleID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Score is the anomaly score of request and response together.
func (e *Event) Score() int { return e.Verdict.Score + e.Verdict.OutboundScore }

// Lead returns the match that tells most of the event: one of the leading attack
// family (the first of Attacks), there the one with the highest score, and of several
// that of the rule with the lowest id. It is nil when nothing matched.
func (e *Event) Lead() *Match {
	var lead *Match
	var leading bool // lead is of the leading family
	family, _ := familyBySlug(first(e.Attacks()))
	for i := range e.Verdict.Matches {
		m := &e.Verdict.Matches[i]
		of := family.has(m.Tags)
		better := lead == nil || of && !leading
		if !better && of == leading {
			better = m.Score > lead.Score || m.Score == lead.Score && m.RuleID < lead.RuleID
		}
		if better {
			lead, leading = m, of
		}
	}
	return lead
}

// Message is the message of the rule that tells most, "" when nothing matched.
func (e *Event) Message() string {
	if m := e.Lead(); m != nil {
		return m.Message
	}
	return ""
}

// RuleID is the rule that Message is of, 0 when nothing matched.
func (e *Event) RuleID() int {
	if m := e.Lead(); m != nil {
		return m.RuleID
	}
	return 0
}

// Summary is an event as a row of a list: what one sees before opening it.
//
// The lake fills it from the fields of the same names (see Fields); a test holds the
// two ways to each other.
type Summary struct {
	ID          string    `json:"id"`
	Time        time.Time `json:"time"`
	Kind        Kind      `json:"kind"`
	Action      Action    `json:"action"`
	Mode        string    `json:"mode"`
	Attacks     []string  `json:"attacks"`
	Severity    string    `json:"severity"`
	Score       int       `json:"score"`
	RuleIDs     []int     `json:"rule_ids"`
	RuleID      int       `json:"rule_id"` // the rule that Message is of
	Message     string    `json:"message"` // see Event.Lead
	Site        string    `json:"site"`
	ServerGroup string    `json:"server_group"`
	Service     string    `json:"service"`
	ServiceID   string    `json:"service_id"`
	Gateway     string    `json:"gateway"`
	Account     string    `json:"account,omitempty"`
	Region      string    `json:"region,omitempty"`
	Client      string    `json:"client"`
	Method      string    `json:"method"`
	Host        string    `json:"host"`
	Path        string    `json:"path"`
	Query       string    `json:"query"`
	UserAgent   string    `json:"user_agent"`
	Status      int       `json:"status"`
	DurationUS  int64     `json:"duration_us"`
}

// Summary returns the event's row. Lists are never nil.
func (e *Event) Summary() Summary {
	s := Summary{
		ID: e.ID, Time: e.Time, Kind: e.Kind, Action: e.Action, Mode: e.Mode,
		Attacks: e.Attacks(), Severity: e.Severity(), Score: e.Score(), RuleIDs: e.RuleIDs(), RuleID: e.RuleID(), Message: e.Message(),
		Site: e.Site, ServerGroup: e.ServerGroup, Service: e.Service, ServiceID: e.ServiceID,
		Gateway: e.Gateway, Account: e.Account, Region: e.Region,
		Client: e.Client, Method: e.Request.Method, Host: e.Request.Host, Path: e.Request.Path, Query: e.Request.Query,
		UserAgent: e.Header("User-Agent"), Status: e.Response.Status, DurationUS: e.Response.Duration.Microseconds(),
	}
	if s.Attacks == nil {
		s.Attacks = []string{}
	}
	return s
}

// Header returns the first value of a request header, "" if it is absent. name
// must be in canonical form.
func (e *Event) Header(name string) string {
	for _, h := range e.Request.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}
