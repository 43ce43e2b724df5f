package lake

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"github.com/ringwall/ringwall/event"
)

// columns are the columns of the lake's files: one for each field of events that is
// stored, then the whole event as JSON. docs/guide/events.md describes them; adding
// one is compatible, changing one is not. A file that was written with fewer lacks
// those that came later, and upgrades says what its rows have there.
var columns = append(storedFields(), event.Field{Name: "event", Type: event.Text, Distinct: true})

func storedFields() []event.Field {
	var list []event.Field
	for _, f := range event.Fields() {
		if !f.Derived {
			list = append(list, f)
		}
	}
	return list
}

// derived has the SQL expression of each field that is not stored.
var derived = map[string]string{
	"total_score": "(score + outbound_score)",
}

// upgrades has, for each column that came after the first version, what a row has
// there that was written without it.
var upgrades = map[string]string{
	"kind":            "CASE action WHEN 'pass' THEN 'access' ELSE 'detection' END",
	"account":         "''",
	"region":          "''",
	"site_id":         "''",
	"server_group_id": "''",
	"service_id":      "coalesce(json_extract_string(event, '$.service_id'), '')",
	"tls":             "coalesce(json_extract_string(event, '$.request.tls'), '')",
	"rule_id":         "coalesce(" + lead() + ".rule, 0)",
	"message":         "coalesce(" + lead() + ".message, '')",
}

// lead is event.Event.Lead of a row in SQL: the match that comes first by whether it is
// of the leading family, by score, and by rule.
func lead() string {
	var tags strings.Builder
	for _, f := range event.Families() {
		fmt.Fprintf(&tags, "WHEN '%s' THEN ['%s'] ", f.Slug, strings.Join(f.Tags, "', '"))
	}
	return `list_min(list_transform(from_json(json_extract(event, '$.verdict.matches'),
		'[{"rule_id": "INTEGER", "score": "INTEGER", "message": "VARCHAR", "tags": ["VARCHAR"]}]'),
		lambda m: {other: NOT list_has_any(coalesce(m.tags, []), CASE attack ` + tags.String() + `ELSE [] END),
			below: -m.score, rule: m.rule_id, message: m.message}))`
}

// expression is a field in SQL.
func expression(f event.Field) string {
	if f.Derived {
		return derived[f.Name]
	}
	return f.Name
}

// schema is the Parquet schema of columns, in their order. It is made of a struct
// type because groups of parquet-go sort their members by name.
var schema = parquet.SchemaOf(reflect.Zero(rowType()).Interface())

func rowType() reflect.Type {
	list := make([]reflect.StructField, len(columns))
	for i, c := range columns {
		tag := c.Name
		switch {
		case c.Type == event.Time:
			// UTC without a zone: with one, DuckDB takes every date function through ICU,
			// which was measured 12 times slower.
			tag += ",timestamp(microsecond:local),delta"
		case c.List():
			tag += ",list"
		case !c.Distinct && c.Type != event.Bool:
			tag += ",dict"
		}
		if c.Type != event.Bool {
			tag += ",zstd"
		}
		list[i] = reflect.StructField{
			Name: fmt.Sprintf("F%d", i), Type: goType(c.Type), Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", tag)),
		}
	}
	return reflect.StructOf(list)
}

func goType(t event.FieldType) reflect.Type {
	switch t {
	case event.Int32:
		return reflect.TypeFor[int32]()
	case event.Int64, event.Time:
		return reflect.TypeFor[int64]()
	case event.Bool:
		return reflect.TypeFor[bool]()
	case event.TextList:
		return reflect.TypeFor[[]string]()
	case event.Int32List:
		return reflect.TypeFor[[]int32]()
	}
	return reflect.TypeFor[string]()
}

// appendRow appends the values of an event's row, column by column; whole is its
// JSON. The values point into the event and into whole.
func appendRow(row []parquet.Value, e *event.Event, whole []byte) []parquet.Value {
	for i, c := range columns {
		if c.Value == nil {
			row = append(row, parquet.ByteArrayValue(whole).Level(0, 0, i))
			continue
		}
		switch v := c.Value(e).(type) {
		case string:
			row = append(row, textValue(v).Level(0, 0, i))
		case int32:
			row = append(row, parquet.Int32Value(v).Level(0, 0, i))
		case int64:
			row = append(row, parquet.Int64Value(v).Level(0, 0, i))
		case time.Time:
			row = append(row, parquet.Int64Value(v.UnixMicro()).Level(0, 0, i))
		case bool:
			row = append(row, parquet.BooleanValue(v).Level(0, 0, i))
		case []string:
			row = appendList(row, i, v, textValue)
		case []int32:
			row = appendList(row, i, v, parquet.Int32Value)
		default:
			panic(fmt.Sprintf("lake: field %s has a value of type %T", c.Name, v)) // see event.FieldType
		}
	}
	return row
}

// textValue points into s instead of copying it: the writer copies it into its page,
// and nothing writes through it.
func textValue(s string) parquet.Value {
	return parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// appendList adds the values of a list column: the first at repetition level 0, the
// others at 1; an empty list is a null at definition level 0.
func appendList[T any](row []parquet.Value, column int, list []T, value func(T) parquet.Value) []parquet.Value {
	if len(list) == 0 {
		return append(row, parquet.NullValue().Level(0, 0, column))
	}
	for i, v := range list {
		row = append(row, value(v).Level(min(i, 1), 1, column))
	}
	return row
}

// upgraded wraps the FROM clause of files of which some lack columns.
func upgraded(from string) string {
	var replace []string
	for _, c := range columns {
		if older, ok := upgrades[c.Name]; ok {
			replace = append(replace, fmt.Sprintf("coalesce(%s, %s) AS %s", c.Name, older, c.Name))
		}
	}
	return "(SELECT * REPLACE (" + strings.Join(replace, ", ") + ") FROM " + from + ")"
}
