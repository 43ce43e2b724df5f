package lake

import (
	"strings"

	"github.com/ringwall/ringwall/event"
)

// where translates a filter into an SQL condition, in parentheses where it needs
// them, with its arguments. It holds for the rows of those events that f.Match holds
// for.
func where(f event.Filter) (string, []any) {
	condition, args := "true", []any(nil)
	if f.Term != nil {
		c, a := comparison(f.Term)
		condition, args = c, []any{a}
	} else if len(f.Parts) > 0 {
		var conditions []string
		for _, part := range f.Parts {
			c, a := where(part)
			conditions = append(conditions, c)
			args = append(args, a...)
		}
		word := " AND "
		if f.Any {
			word = " OR "
		}
		condition = "(" + strings.Join(conditions, word) + ")"
	}
	if f.Not {
		condition = "NOT (" + condition + ")"
	}
	return condition, args
}

func comparison(t *event.Term) (string, any) {
	if t.Field == nil {
		return "contains(search, ?)", t.Value
	}
	operand, arg := expression(*t.Field), any(t.Value)
	if t.Field.Numeric() {
		arg = t.Number
	}
	compare := string(t.Op) + " ?"
	if t.Op == event.Like {
		arg = likePattern(t.Pattern)
		compare = `LIKE ? ESCAPE '\'`
	}
	if t.Field.List() {
		return "len(list_filter(" + operand + ", lambda x: x " + compare + ")) > 0", arg
	}
	return operand + " " + compare, arg
}

// likePattern puts % between the texts of a pattern and takes the meaning from what
// LIKE knows in them.
func likePattern(pattern []string) string {
	escaped := make([]string, len(pattern))
	for i, text := range pattern {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
	}
	return strings.Join(escaped, "%")
}
