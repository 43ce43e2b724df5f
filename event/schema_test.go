package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEventsOfTheFirstSchemaAreBroughtUpToDate(t *testing.T) {
	for action, want := range map[string]Kind{"pass": Access, "alert": Detection, "block": Detection} {
		var e Event
		text := `{"schema":1,"id":"x","time":"2026-11-22T12:00:00Z","action":"` + action + `","service_id":"s","site":"shop","request":{"path":"/"}}`
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind != want || e.Schema != SchemaVersion || e.ServiceID != "s" || e.Request.Path != "/" {
			t.Errorf("%s: %+v", action, e)
		}
	}
}

func TestEventsOfALaterSchemaAreRefused(t *testing.T) {
	var e Event
	err := json.Unmarshal(fmt.Appendf(nil, `{"schema":%d,"id":"x"}`, SchemaVersion+1), &e)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), `"x"`) || !strings.Contains(err.Error(), "newer ringwall") {
		t.Errorf("got %v", err)
	}
}

func TestTheRuleThatTellsMostLeads(t *testing.T) {
	numeric := Match{RuleID: 920350, Score: 3, Message: "numeric host", Tags: []string{"attack-protocol"}}
	scanner := Match{RuleID: 913100, Score: 5, Message: "scanner", Tags: []string{"attack-reputation-scanner"}}
	comment := Match{RuleID: 942200, Score: 5, Message: "comment", Tags: []string{"attack-sqli"}}
	libinjection := Match{RuleID: 942100, Score: 5, Message: "libinjection", Tags: []string{"attack-sqli"}}
	mine := Match{RuleID: 7, Score: 9, Message: "mine"}
	for name, tc := range map[string]struct {
		matches []Match
		want    int
	}{
		"nothing":                               {nil, 0},
		"the leading family goes before the id": {[]Match{numeric, scanner, comment, libinjection}, 942100},
		"the lowest id of equal scores":         {[]Match{libinjection, comment}, 942100},
		"the score within the family":           {[]Match{{RuleID: 942001, Score: 2, Tags: comment.Tags}, comment}, 942200},
		"a family goes before none":             {[]Match{mine, numeric}, 920350},
		"no family at all":                      {[]Match{{RuleID: 8, Score: 1}, mine}, 7},
	} {
		e := Event{Verdict: Verdict{Matches: tc.matches}}
		if got := e.RuleID(); got != tc.want {
			t.Errorf("%s: rule %d, want %d", name, got, tc.want)
		}
		if m := e.Lead(); (m == nil) != (tc.want == 0) || m != nil && m.Message != e.Message() {
			t.Errorf("%s: lead %v, message %q", name, m, e.Message())
		}
	}
}

// Summary and Fields say the same of an event: lists that come from the lake and
// those that come from memory cannot differ.
func TestSummariesAgreeWithFields(t *testing.T) {
	e := &Event{
		Schema: SchemaVersion, ID: "id", Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Kind: Detection, Action: Block, Mode: "active",
		Gateway: "gw", Account: "acc", Region: "reg", Site: "site", SiteID: "site-1", ServerGroup: "group", ServerGroupID: "group-1",
		Service: "service", ServiceID: "service-1", Client: "192.0.2.1",
		Request:  Request{Method: "GET", Host: "h", Path: "/p", Query: "q=1", Headers: []Header{{"User-Agent", "ua"}}},
		Response: Response{Status: 403, Duration: 1500 * time.Microsecond},
		Verdict: Verdict{Score: 5, OutboundScore: 4, Matches: []Match{
			{RuleID: 942100, Score: 5, Severity: "critical", Message: "m", Tags: []string{"attack-sqli"}},
		}},
	}
	s := reflect.ValueOf(e.Summary())
	for i := range s.NumField() {
		name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
		at := slices.IndexFunc(fields, func(f Field) bool { return f.Filter == name && !f.List() })
		if at < 0 {
			at = slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		}
		if at < 0 {
			t.Errorf("no field is called %s", name)
			continue
		}
		if s.Field(i).IsZero() {
			t.Errorf("%s is zero, so this test says nothing of it", name)
		}
		if got, want := fmt.Sprint(s.Field(i).Interface()), fmt.Sprint(fields[at].Value(e)); got != want {
			t.Errorf("%s: summary has %s, the field %s", name, got, want)
		}
	}
}

func TestFieldsAreWellFormed(t *testing.T) {
	types := map[FieldType]reflect.Type{
		Text: reflect.TypeFor[string](), Int32: reflect.TypeFor[int32](), Int64: reflect.TypeFor[int64](), Time: reflect.TypeFor[time.Time](),
		Bool: reflect.TypeFor[bool](), TextList: reflect.TypeFor[[]string](), Int32List: reflect.TypeFor[[]int32](),
	}
	names, filters := map[string]bool{}, map[string]bool{}
	for _, f := range fields {
		if got := reflect.TypeOf(f.Value(&Event{})); got != types[f.Type] {
			t.Errorf("%s: value of type %v, want %v", f.Name, got, types[f.Type])
		}
		if names[f.Name] || f.Filter != "" && filters[f.Filter] {
			t.Errorf("%s (filter %s) stands twice", f.Name, f.Filter)
		}
		if f.Filter != "" && f.Type != Text && f.Type != TextList && !f.Numeric() {
			t.Errorf("%s: filters cannot compare its type", f.Name)
		}
		names[f.Name], filters[f.Filter] = true, true
	}
	for i, f := range FacetFields() {
		if f.Facet != i+1 || f.Filter == "" {
			t.Errorf("facet %d is %s at %d, filtered as %q", i+1, f.Name, f.Facet, f.Filter)
		}
	}
}
