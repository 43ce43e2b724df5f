package lake

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/event"
)

// summaryFields lists the members of event.Summary with the field that each is filled
// from: the one that filters know by the name in JSON, else the column of that name.
func summaryFields() []event.Field {
	all := event.Fields()
	t := reflect.TypeFor[event.Summary]()
	list := make([]event.Field, t.NumField())
	for i := range list {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		at := slices.IndexFunc(all, func(f event.Field) bool { return f.Filter == name && !f.List() })
		if at < 0 {
			at = slices.IndexFunc(all, func(f event.Field) bool { return f.Name == name })
		}
		if at < 0 {
			panic("lake: no field fills the member " + name + " of a summary") // a test sees it first
		}
		list[i] = all[at]
	}
	return list
}

// summaryColumns is the SELECT list for scanSummary.
func summaryColumns() string {
	var list []string
	for _, f := range summaryFields() {
		list = append(list, expression(f))
	}
	return strings.Join(list, ", ")
}

// scanSummary reads a row of summaryColumns.
func scanSummary(rows *sql.Rows) (event.Summary, error) {
	var s event.Summary
	v := reflect.ValueOf(&s).Elem()
	targets := make([]any, v.NumField())
	for i := range targets {
		switch member := v.Field(i); member.Interface().(type) {
		case []string:
			targets[i] = texts{member.Addr().Interface().(*[]string)}
		case []int:
			targets[i] = integers{member.Addr().Interface().(*[]int)}
		default: // database/sql converts to the kinds of string and integer
			targets[i] = member.Addr().Interface()
		}
	}
	err := rows.Scan(targets...)
	s.Time = s.Time.UTC()
	return s, err
}

// texts and integers scan the driver's lists. The result is never nil.
type (
	texts    struct{ list *[]string }
	integers struct{ list *[]int }
)

// Scan implements sql.Scanner.
func (t texts) Scan(src any) error {
	list, err := elements(src)
	*t.list = make([]string, len(list))
	for i, v := range list {
		(*t.list)[i] = fmt.Sprint(v)
	}
	return err
}

// Scan implements sql.Scanner.
func (n integers) Scan(src any) error {
	list, err := elements(src)
	*n.list = make([]int, len(list))
	for i, v := range list {
		number, ok := v.(int32)
		if !ok {
			return fmt.Errorf("element %d of a list is %T, want an integer", i, v)
		}
		(*n.list)[i] = int(number)
	}
	return err
}

func elements(src any) ([]any, error) {
	switch list := src.(type) {
	case nil:
		return nil, nil
	case []any:
		return list, nil
	}
	return nil, fmt.Errorf("want a list, got %T", src)
}
