package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/ringwall/ringwall/api"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/policy"
)

// bound are the Go types that schemas name with x-go-type. The generated code takes
// these types as they are, so nothing but the test below holds the two together.
var bound = map[string]reflect.Type{
	"asset.GatewayStatus":  reflect.TypeFor[asset.GatewayStatus](),
	"asset.ListenerStatus": reflect.TypeFor[asset.ListenerStatus](),
	"asset.Mode":           reflect.TypeFor[asset.Mode](),
	"asset.PolicyStatus":   reflect.TypeFor[asset.PolicyStatus](),
	"asset.Port":           reflect.TypeFor[asset.Port](),
	"asset.Route":          reflect.TypeFor[asset.Route](),
	"asset.ServerGroup":    reflect.TypeFor[asset.ServerGroup](),
	"asset.Service":        reflect.TypeFor[asset.Service](),
	"asset.Site":           reflect.TypeFor[asset.Site](),
	"asset.Traffic":        reflect.TypeFor[asset.Traffic](),
	"asset.UpstreamStatus": reflect.TypeFor[asset.UpstreamStatus](),
	"event.AttackCount":    reflect.TypeFor[event.AttackCount](),
	"event.AttackSeries":   reflect.TypeFor[event.AttackSeries](),
	"event.Count":          reflect.TypeFor[event.Count](),
	"event.Event":          reflect.TypeFor[event.Event](),
	"event.Facet":          reflect.TypeFor[event.Facet](),
	"event.FacetValue":     reflect.TypeFor[event.FacetValue](),
	"event.Facets":         reflect.TypeFor[event.Facets](),
	"event.Header":         reflect.TypeFor[event.Header](),
	"event.Histogram":      reflect.TypeFor[event.Histogram](),
	"event.Match":          reflect.TypeFor[event.Match](),
	"event.Page":           reflect.TypeFor[event.Page](),
	"event.RuleCount":      reflect.TypeFor[event.RuleCount](),
	"event.Step":           reflect.TypeFor[event.Step](),
	"event.Summary":        reflect.TypeFor[event.Summary](),
	"event.Table":          reflect.TypeFor[event.Table](),
	"policy.Exception":     reflect.TypeFor[policy.Exception](),
	"policy.Preview":       reflect.TypeFor[policy.Preview](),
	"policy.PreviewSample": reflect.TypeFor[policy.PreviewSample](),
	"policy.Rule":          reflect.TypeFor[policy.Rule](),
	"policy.RuleAction":    reflect.TypeFor[policy.RuleAction](),
	"policy.RuleActions":   reflect.TypeFor[policy.RuleActions](),
}

// schema is what the test reads of an OpenAPI schema.
type schema struct {
	Ref        string            `yaml:"$ref"`
	Type       string            `yaml:"type"`
	Format     string            `yaml:"format"`
	GoType     string            `yaml:"x-go-type"`
	Enum       []string          `yaml:"enum"`
	Required   []string          `yaml:"required"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
}

type document struct {
	Paths      map[string]map[string]any `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

func specification(t *testing.T) document {
	t.Helper()
	var doc document
	if err := yaml.Unmarshal(api.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSchemasAreWhatTheirGoTypesWrite(t *testing.T) {
	doc := specification(t)
	c := checker{schemas: doc.Components.Schemas, input: inputs(t, doc)}
	seen := map[string]bool{}
	for name, s := range doc.Components.Schemas {
		if s.GoType == "" {
			continue // generated from the schema
		}
		typ, ok := bound[s.GoType]
		if !ok {
			t.Errorf("%s: x-go-type %s is not in the table of this test", name, s.GoType)
			continue
		}
		seen[s.GoType] = true
		s.GoType = ""
		c.check(name, s, typ, c.input[name])
	}
	for name := range bound {
		if !seen[name] {
			t.Errorf("the table of this test has %s, but no schema names it", name)
		}
	}
	for _, p := range c.problems {
		t.Error(p)
	}
}

// inputs are the schemas that clients send. In those `required` says what a client
// must write; the manager writes every field of them all the same.
func inputs(t *testing.T, doc document) map[string]bool {
	t.Helper()
	in := map[string]bool{}
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, e := range v {
				if ref, ok := e.(string); ok && key == "$ref" {
					name := ref[strings.LastIndex(ref, "/")+1:]
					if !in[name] {
						in[name] = true
						var raw struct {
							Components struct{ Schemas map[string]any }
						}
						if err := yaml.Unmarshal(api.OpenAPI, &raw); err != nil {
							t.Fatal(err)
						}
						follow(raw.Components.Schemas[name])
					}
				}
				follow(e)
			}
		case []any:
			for _, e := range v {
				follow(e)
			}
		}
	}
	for _, item := range doc.Paths {
		for _, op := range item {
			if op, ok := op.(map[string]any); ok {
				follow(op["requestBody"])
			}
		}
	}
	if !in["Site"] || in["Event"] {
		t.Fatalf("what clients send: %v", slices.Sorted(maps.Keys(in)))
	}
	return in
}

// checker compares schemas with Go types.
type checker struct {
	schemas  map[string]schema
	input    map[string]bool
	problems []string
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// check compares one schema with the type whose JSON it describes. It does not
// follow references: they must name the schema that is bound to the type.
func (c *checker) check(place string, s schema, typ reflect.Type, input bool) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if s.Ref != "" {
		target := c.schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
		switch {
		case target.GoType != "" && bound[target.GoType] == typ:
		case len(target.Enum) > 0 && typ.Kind() == reflect.String:
		default:
			c.problem("%s: %s is not the schema of %v", place, s.Ref, typ)
		}
		return
	}
	want := ""
	switch {
	case typ == reflect.TypeFor[time.Time]():
		want = "string date-time"
	case typ == reflect.TypeFor[[]byte]():
		want = "string byte"
	case s.Type == "" && typ.Kind() == reflect.Interface:
	case typ.Kind() == reflect.Interface:
		want = "anything"
	default:
		want = kinds[typ.Kind()]
	}
	if got := strings.TrimSpace(s.Type + " " + s.Format); got != want {
		c.problem("%s: openapi.yaml has %q, %v is %q", place, got, typ, want)
		return
	}
	switch typ.Kind() {
	case reflect.Slice:
		if want != "array" {
			return
		}
		if s.Items == nil {
			c.problem("%s: items are missing", place)
			return
		}
		c.check(place+"[]", *s.Items, typ.Elem(), input)
	case reflect.Struct:
		if want == "object" {
			c.fields(place, s, typ, input)
		}
	}
}

// kinds is the OpenAPI type of each Go kind.
var kinds = map[reflect.Kind]string{
	reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer int64",
	reflect.Float64: "number", reflect.Slice: "array", reflect.Struct: "object",
}

func (c *checker) fields(place string, s schema, typ reflect.Type, input bool) {
	left := maps.Clone(s.Properties)
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		p, ok := s.Properties[name]
		if !ok {
			c.problem("%s: %v.%s (JSON %q) is not in openapi.yaml", place, typ, f.Name, name)
			continue
		}
		delete(left, name)
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		required := slices.Contains(s.Required, name)
		if required && optional {
			c.problem("%s.%s: required in openapi.yaml, but %v.%s is left out when it is empty", place, name, typ, f.Name)
		}
		if !required && !optional && !input {
			c.problem("%s.%s: not required in openapi.yaml, but %v.%s is always written", place, name, typ, f.Name)
		}
		c.check(place+"."+name, p, f.Type, input)
	}
	for name := range left {
		c.problem("%s.%s: is in openapi.yaml, but not in %v", place, name, typ)
	}
}

// The test above must find each kind of difference.
func TestSchemaDifferencesAreFound(t *testing.T) {
	type inner struct {
		A string `json:"a"`
	}
	type sample struct {
		Name  string  `json:"name"`
		Count int64   `json:"count,omitempty"`
		Inner []inner `json:"inner"`
	}
	const good = `{type: object, required: [name, inner], properties: {name: {type: string}, count: {type: integer, format: int64},
		inner: {type: array, items: {type: object, required: [a], properties: {a: {type: string}}}}}}`
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"name: {type: string},", "", "sample.Name"},
		{"count: {", "more: {type: string}, count: {", ".more: is in openapi.yaml"},
		{"[name, inner]", "[name]", ".inner: not required"},
		{"[name, inner]", "[name, inner, count]", ".count: required"},
		{"format: int64", "format: int32", ".count: openapi.yaml has"},
		{"a: {type: string}", "a: {type: boolean}", ".inner[].a: openapi.yaml has"},
		{"name: {type: string}", "name: {$ref: '#/components/schemas/Other'}", "is not the schema of string"},
	} {
		var s schema
		if err := yaml.Unmarshal([]byte(strings.Replace(good, c.old, c.new, 1)), &s); err != nil {
			t.Fatal(err)
		}
		var found checker
		found.check("x", s, reflect.TypeFor[sample](), false)
		if got := strings.Join(found.problems, "\n"); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s → %s: want …%s…, got %q", c.old, c.new, c.want, got)
		}
	}
}

func TestEveryOperationHasASummaryAndOneTag(t *testing.T) {
	n := 0
	for path, item := range specification(t).Paths {
		for method, v := range item {
			op, ok := v.(map[string]any)
			if !ok {
				continue // parameters of the path
			}
			n++
			if s, _ := op["summary"].(string); s == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
			if tags, _ := op["tags"].([]any); len(tags) != 1 {
				t.Errorf("%s %s has %d tags, want 1", method, path, len(tags))
			}
		}
	}
	if n < 40 {
		t.Fatalf("only %d operations found", n)
	}
}

// Every list can be read by pages: it takes limit and cursor, and says where the
// next page is.
func TestEveryListHasPages(t *testing.T) {
	for path, item := range specification(t).Paths {
		op, ok := item["get"].(map[string]any)
		if id, _ := op["operationId"].(string); !ok || !strings.HasPrefix(id, "list") {
			continue
		}
		text, err := json.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range [][]string{{"parameters/Limit", `"limit"`}, {"parameters/Cursor", `"cursor"`}, {"headers/Next", "Page"}} {
			if !slices.ContainsFunc(want, func(s string) bool { return strings.Contains(string(text), s) }) {
				t.Errorf("GET %s has none of %v", path, want)
			}
		}
	}
}

// The client is for tests and for programs of others.
func TestTheProductDoesNotLinkTheClient(t *testing.T) {
	const module = "github.com/ringwall/ringwall/"
	out, err := exec.Command("go", "list", "-deps", module+"cmd/ringwall").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"api/apigen") {
		t.Fatal("the product does not link the API at all?")
	}
	if slices.Contains(deps, module+"api/apigen/apiclient") {
		t.Error("cmd/ringwall links api/apigen/apiclient")
	}
}

// What filters and facets know stands in event.Fields; the description lists it.
func TestDescriptionListsFilterFieldsAndFacets(t *testing.T) {
	text := strings.Join(strings.Fields(string(api.OpenAPI)), " ")
	var filters, facets []string
	for _, f := range event.FilterFields() {
		filters = append(filters, "`"+f+"`")
	}
	for _, f := range event.FacetFields() {
		facets = append(facets, f.Filter)
	}
	for _, want := range []string{"Fields: " + strings.Join(filters, ", ") + ".", strings.Join(facets, ", ") + ": in this order"} {
		if !strings.Contains(text, want) {
			t.Errorf("openapi.yaml does not say %q", want)
		}
	}
}
