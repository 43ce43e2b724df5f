package event

import (
	"slices"
	"strings"
)

// FieldType is the type of a field's values.
type FieldType int

// The types, each with the Go type that Field.Value returns.
const (
	Text      FieldType = iota // string
	Int32                      // int32
	Int64                      // int64
	Time                       // time.Time, UTC
	Bool                       // bool
	TextList                   // []string
	Int32List                  // []int32
)

// Field is one attribute of an event as a flat value: what the lake has a column
// for, what filters can name and lists can show. Whoever handles events by
// attribute takes them from Fields, so that adding one is adding a line there.
type Field struct {
	// Name is the column of the lake.
	Name string
	Type FieldType
	// Value returns the field of an event, in the Go type of Type.
	Value func(*Event) any
	// Filter is the name that filters know the field by, empty if they do not. It
	// differs from Name for lists, where a filter names one of the values.
	Filter string
	// Facet is the field's place among the facets of a list, from 1; 0 if it is none.
	Facet int
	// Optional tells that an empty text says that the event has no such value.
	Optional bool
	// Distinct tells that values rarely occur twice, so that a dictionary of them is a
	// waste.
	Distinct bool
	// Derived tells that the field follows from others and is stored nowhere. The lake
	// has an expression for each.
	Derived bool
	// OCSF is the attribute of OCSF 1.8, class 4002 (HTTP Activity), that the field
	// maps to, empty if none fits.
	OCSF string
}

// fields is the one list of the attributes of events, in the order of the lake's
// columns. Types and names never change once released. docs/guide/events.md describes
// them for users, and a test compares the two.
var fields = []Field{
	{
		Name: "id", Type: Text, Filter: "id", Distinct: true, OCSF: "metadata.uid",
		Value: func(e *Event) any { return e.ID },
	},
	{
		Name: "time", Type: Time, OCSF: "time",
		Value: func(e *Event) any { return e.Time },
	},
	{
		Name: "kind", Type: Text, Filter: "kind",
		Value: func(e *Event) any { return string(e.Kind) },
	},
	{
		Name: "action", Type: Text, Filter: "action", Facet: 1,
		Value: func(e *Event) any { return string(e.Action) },
	},
	{
		Name: "mode", Type: Text, Filter: "mode",
		Value: func(e *Event) any { return e.Mode },
	},
	{
		Name: "attack", Type: Text, Optional: true,
		Value: func(e *Event) any { return first(e.Attacks()) },
	},
	{
		Name: "attacks", Type: TextList, Filter: "attack", Facet: 2,
		Value: func(e *Event) any { return e.Attacks() },
	},
	{
		Name: "severity", Type: Text, Filter: "severity", Facet: 3, Optional: true,
		Value: func(e *Event) any { return e.Severity() },
	},
	{
		Name: "score", Type: Int32,
		Value: func(e *Event) any { return int32(e.Verdict.Score) },
	},
	{
		Name: "outbound_score", Type: Int32,
		Value: func(e *Event) any { return int32(e.Verdict.OutboundScore) },
	},
	{
		Name: "total_score", Type: Int32, Filter: "score", Derived: true,
		Value: func(e *Event) any { return int32(e.Score()) },
	},
	{
		Name: "rule_ids", Type: Int32List, Filter: "rule", Facet: 7,
		Value: func(e *Event) any { return e.ruleIDs() },
	},
	{
		Name: "messages", Type: TextList,
		Value: func(e *Event) any { return e.ruleMessages() },
	},
	{
		Name: "rule_id", Type: Int32,
		Value: func(e *Event) any { return int32(e.RuleID()) },
	},
	{
		Name: "message", Type: Text, Filter: "message", Optional: true,
		Value: func(e *Event) any { return e.Message() },
	},
	{
		Name: "reason", Type: Text, OCSF: "status_detail",
		Value: func(e *Event) any { return e.Reason },
	},
	{
		Name: "truncated", Type: Bool,
		Value: func(e *Event) any { return e.Verdict.Truncated },
	},
	{
		Name: "engine_error", Type: Text,
		Value: func(e *Event) any { return e.Verdict.Error },
	},
	{
		Name: "gateway", Type: Text, Filter: "gateway", OCSF: "device.name",
		Value: func(e *Event) any { return e.Gateway },
	},
	{
		Name: "account", Type: Text, Filter: "account", Optional: true, OCSF: "cloud.account.uid",
		Value: func(e *Event) any { return e.Account },
	},
	{
		Name: "region", Type: Text, Filter: "region", Optional: true, OCSF: "cloud.region",
		Value: func(e *Event) any { return e.Region },
	},
	{
		Name: "policy_version", Type: Int64,
		Value: func(e *Event) any { return e.PolicyVersion },
	},
	{
		Name: "site", Type: Text, Filter: "site", Facet: 8,
		Value: func(e *Event) any { return e.Site },
	},
	{
		Name: "server_group", Type: Text, Filter: "server_group",
		Value: func(e *Event) any { return e.ServerGroup },
	},
	{
		Name: "service", Type: Text, Filter: "service", Facet: 9,
		Value: func(e *Event) any { return e.Service },
	},
	{
		Name: "site_id", Type: Text, Filter: "site_id", Optional: true,
		Value: func(e *Event) any { return e.SiteID },
	},
	{
		Name: "server_group_id", Type: Text, Filter: "server_group_id", Optional: true,
		Value: func(e *Event) any { return e.ServerGroupID },
	},
	{
		Name: "service_id", Type: Text, Filter: "service_id", Optional: true,
		Value: func(e *Event) any { return e.ServiceID },
	},
	{
		Name: "client", Type: Text, Filter: "client", Facet: 4, OCSF: "src_endpoint.ip",
		Value: func(e *Event) any { return e.Client },
	},
	{
		Name: "peer", Type: Text, OCSF: "proxy_endpoint.ip",
		Value: func(e *Event) any { return e.Peer },
	},
	{
		Name: "method", Type: Text, Filter: "method", Facet: 10, OCSF: "http_request.http_method",
		Value: func(e *Event) any { return e.Request.Method },
	},
	{
		Name: "scheme", Type: Text, OCSF: "http_request.url.scheme",
		Value: func(e *Event) any { return e.Request.Scheme },
	},
	{
		Name: "host", Type: Text, Filter: "host", Facet: 5, OCSF: "http_request.url.hostname",
		Value: func(e *Event) any { return e.Request.Host },
	},
	{
		Name: "path", Type: Text, Filter: "path", Facet: 6, OCSF: "http_request.url.path",
		Value: func(e *Event) any { return e.Request.Path },
	},
	{
		Name: "query", Type: Text, Filter: "query", Distinct: true, OCSF: "http_request.url.query_string",
		Value: func(e *Event) any { return e.Request.Query },
	},
	{
		Name: "protocol", Type: Text, OCSF: "http_request.version",
		Value: func(e *Event) any { return e.Request.Protocol },
	},
	{
		Name: "tls", Type: Text, Filter: "tls", Optional: true, OCSF: "tls.version",
		Value: func(e *Event) any { return e.Request.TLS },
	},
	{
		Name: "user_agent", Type: Text, Filter: "user_agent", Facet: 12, OCSF: "http_request.user_agent",
		Value: func(e *Event) any { return e.Header("User-Agent") },
	},
	{
		Name: "referer", Type: Text, OCSF: "http_request.referrer",
		Value: func(e *Event) any { return e.Header("Referer") },
	},
	{
		Name: "request_bytes", Type: Int64, Distinct: true, OCSF: "traffic.bytes_in",
		Value: func(e *Event) any { return e.Request.BodyBytes },
	},
	{
		Name: "status", Type: Int32, Filter: "status", Facet: 11, OCSF: "http_response.code",
		Value: func(e *Event) any { return int32(e.Response.Status) },
	},
	{
		Name: "content_type", Type: Text, OCSF: "http_response.content_type",
		Value: func(e *Event) any { return e.Response.ContentType },
	},
	{
		Name: "response_bytes", Type: Int64, Distinct: true, OCSF: "traffic.bytes_out",
		Value: func(e *Event) any { return e.Response.BodyBytes },
	},
	{
		Name: "upstream", Type: Text, OCSF: "dst_endpoint",
		Value: func(e *Event) any { return e.Response.Upstream },
	},
	{
		Name: "duration_us", Type: Int64, Filter: "duration_us", Distinct: true, OCSF: "duration",
		Value: func(e *Event) any { return e.Response.Duration.Microseconds() },
	},
	{
		Name: "upstream_duration_us", Type: Int64, Distinct: true,
		Value: func(e *Event) any { return e.Response.UpstreamDuration.Microseconds() },
	},
	{
		Name: "inspection_us", Type: Int64, Distinct: true,
		Value: func(e *Event) any { return e.Verdict.Inspection.Microseconds() },
	},
	{
		Name: "class_uid", Type: Int32, OCSF: "class_uid",
		Value: func(*Event) any { return int32(4002) },
	},
	{
		Name: "severity_id", Type: Int32, OCSF: "severity_id",
		Value: func(e *Event) any { return severityID[e.Severity()] },
	},
	{
		Name: "disposition_id", Type: Int32, OCSF: "disposition_id",
		Value: func(e *Event) any { return e.dispositionID() },
	},
	{
		Name: "search", Type: Text, Distinct: true,
		Value: func(e *Event) any { return e.searchText() },
	},
}

// Fields lists the attributes of events, in the order of the lake's columns.
func Fields() []Field { return slices.Clone(fields) }

// FilterFields lists the names that filters know, in the order of Fields.
func FilterFields() []string {
	var names []string
	for _, f := range fields {
		if f.Filter != "" {
			names = append(names, f.Filter)
		}
	}
	return names
}

// FacetFields lists the fields that are counted as facets, in their order.
func FacetFields() []Field {
	list := slices.DeleteFunc(Fields(), func(f Field) bool { return f.Facet == 0 })
	slices.SortFunc(list, func(a, b Field) int { return a.Facet - b.Facet })
	return list
}

// filterField returns the field that filters name so, nil if there is none.
func filterField(name string) *Field {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Filter == name })
	if i < 0 || name == "" {
		return nil
	}
	f := fields[i]
	return &f
}

// Numeric reports whether values compare as numbers.
func (f Field) Numeric() bool { return f.Type == Int32 || f.Type == Int64 || f.Type == Int32List }

// List reports whether an event has several values of the field.
func (f Field) List() bool { return f.Type == TextList || f.Type == Int32List }

// severityID maps severities to OCSF's severity_id: 1 informational, 2 low, 3
// medium, 4 high, 5 critical.
var severityID = map[string]int32{"": 1, "notice": 2, "warning": 3, "error": 4, "critical": 5}

// dispositionID is OCSF's: 1 allowed, 2 blocked.
func (e *Event) dispositionID() int32 {
	if e.Action == Block {
		return 2
	}
	return 1
}

func (e *Event) ruleIDs() []int32 {
	list := make([]int32, 0, len(e.Verdict.Matches))
	for _, id := range e.RuleIDs() {
		list = append(list, int32(id))
	}
	return list
}

// ruleMessages are the messages of the rules that RuleIDs lists, in the same order.
func (e *Event) ruleMessages() []string {
	list := make([]string, 0, len(e.Verdict.Matches))
	for _, id := range e.RuleIDs() {
		i := slices.IndexFunc(e.Verdict.Matches, func(m Match) bool { return m.RuleID == id })
		list = append(list, e.Verdict.Matches[i].Message)
	}
	return list
}

// searchText is what bare words of a filter are looked for in, in lower case. The
// lake stores it with each event, so that both sides look in the same text.
func (e *Event) searchText() string {
	r := &e.Request
	parts := []string{r.Host, r.Path, r.Query, decode(r.Query), e.Client, e.Header("User-Agent"), e.ID}
	for _, m := range e.Verdict.Matches {
		parts = append(parts, m.Message)
	}
	return strings.ToLower(strings.ToValidUTF8(strings.Join(parts, "\n"), "\uFFFD"))
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
