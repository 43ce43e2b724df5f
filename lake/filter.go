package lake

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ringwall/ringwall/event"
)

// filter is a parsed filter: all terms must hold. It can be asked of the engine
// (where) and of an event in memory (match); both say the same.
type filter []term

// term is one condition of a filter.
type term struct {
	field  *field // nil: look for value anywhere
	not    bool
	op     string // "=", "like", "<", "<=", ">", ">="
	value  string // lower case for a bare word
	number int64  // for numeric fields
}

// field is something that filters can name.
type field struct {
	name    string
	column  string                          // SQL expression
	numeric bool                            // compares as a number
	list    bool                            // column is a list; the condition holds for one of it
	text    func(s *event.Summary) []string // the values in memory
}

// fields lists what a filter can name.
var fields = []field{
	{name: "action", column: "action", text: func(s *event.Summary) []string { return []string{string(s.Action)} }},
	{name: "attack", column: "attacks", list: true, text: func(s *event.Summary) []string { return s.Attacks }},
	{name: "severity", column: "severity", text: func(s *event.Summary) []string { return []string{s.Severity} }},
	{name: "rule", column: "rule_ids", list: true, numeric: true, text: func(s *event.Summary) []string { return numbers(s.RuleIDs...) }},
	{name: "site", column: "site", text: func(s *event.Summary) []string { return []string{s.Site} }},
	{name: "server_group", column: "server_group", text: func(s *event.Summary) []string { return []string{s.ServerGroup} }},
	{name: "service", column: "service", text: func(s *event.Summary) []string { return []string{s.Service} }},
	{name: "gateway", column: "gateway", text: func(s *event.Summary) []string { return []string{s.Gateway} }},
	{name: "client", column: "client", text: func(s *event.Summary) []string { return []string{s.Client} }},
	{name: "method", column: "method", text: func(s *event.Summary) []string { return []string{s.Method} }},
	{name: "host", column: "host", text: func(s *event.Summary) []string { return []string{s.Host} }},
	{name: "path", column: "path", text: func(s *event.Summary) []string { return []string{s.Path} }},
	{name: "query", column: "query", text: func(s *event.Summary) []string { return []string{s.Query} }},
	{name: "user_agent", column: "user_agent", text: func(s *event.Summary) []string { return []string{s.UserAgent} }},
	{name: "status", column: "status", numeric: true, text: func(s *event.Summary) []string { return numbers(s.Status) }},
	{name: "mode", column: "mode", text: func(s *event.Summary) []string { return []string{s.Mode} }},
	{name: "score", column: "(score + outbound_score)", numeric: true, text: func(s *event.Summary) []string { return numbers(s.Score) }},
	{name: "duration_us", column: "duration_us", numeric: true, text: func(s *event.Summary) []string { return numbers(int(s.DurationUS)) }},
	{name: "id", column: "id", text: func(s *event.Summary) []string { return []string{s.ID} }},
}

func numbers(list ...int) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = strconv.Itoa(n)
	}
	return out
}

// parseFilter reads the filter language of api/openapi.yaml. Errors are
// *event.FilterError.
func parseFilter(s string) (filter, error) {
	var f filter
	not := false
	for pos := 0; pos < len(s); {
		if s[pos] == ' ' || s[pos] == '\t' {
			pos++
			continue
		}
		start := pos
		text, value, quoted, end, err := token(s, pos)
		if err != nil {
			return nil, err
		}
		pos = end
		if text == "NOT" && value == nil {
			not = !not
			continue
		}
		t, err := newTerm(s, start, text, value, quoted)
		if err != nil {
			return nil, err
		}
		t.not = t.not != not
		not = false
		f = append(f, t)
	}
	if not {
		return nil, &event.FilterError{Pos: max(0, len(s)-3), Text: "NOT", Msg: "NOT needs a term after it"}
	}
	return f, nil
}

// token reads one term: an optional field name with its value, or a bare word.
// Quotes may stand around a whole bare word or a value; \" and \\ work inside.
// quoted tells that the value begins with one, so that it is no comparison.
func token(s string, pos int) (text string, value *string, quoted bool, end int, err error) {
	var word strings.Builder
	colon := -1
	i := pos
	for i < len(s) && s[i] != ' ' && s[i] != '\t' {
		switch {
		case s[i] == '"':
			open := i
			quoted = true
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				word.WriteByte(s[i])
			}
			if i == len(s) {
				return "", nil, false, 0, &event.FilterError{Pos: open, Text: s[open:], Msg: "this quote is never closed"}
			}
			i++
		case s[i] == ':' && colon < 0 && !quoted && isField(strings.TrimLeft(word.String(), "-")):
			colon = word.Len()
			i++
		default:
			word.WriteByte(s[i])
			i++
		}
	}
	text = word.String()
	if colon >= 0 {
		v := text[colon:]
		return text[:colon], &v, quoted && strings.HasPrefix(s[pos+colon+1:], `"`), i, nil
	}
	if quoted && text == "NOT" {
		text = "not" // a quoted NOT is a word; bare words are compared in lower case
	}
	return text, nil, quoted, i, nil
}

// isField accepts what looks like a field's name, so that a mistyped one is an
// error and http://… is a word.
func isField(s string) bool {
	if s == "" || s == "http" || s == "https" {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return true
}

func newTerm(s string, pos int, text string, value *string, quoted bool) (term, error) {
	var t term
	mistake := func(format string, args ...any) (term, error) {
		return term{}, &event.FilterError{Pos: pos, Text: strings.TrimSpace(s[pos:min(len(s), pos+40)]), Msg: fmt.Sprintf(format, args...)}
	}
	if !utf8.ValidString(s) {
		return mistake("the filter is not valid UTF-8")
	}
	if rest, ok := strings.CutPrefix(text, "-"); ok && (rest != "" || value != nil) && s[pos] == '-' {
		t.not, text = true, rest
	}
	if value == nil {
		if text == "" {
			return mistake("empty words match everything, leave them out")
		}
		t.value = strings.ToLower(text)
		return t, nil
	}
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == text })
	if i < 0 {
		return mistake("there is no field %q, known are %s", text, fieldNames())
	}
	t.field, t.op, t.value = &fields[i], "=", *value
	for _, op := range []string{">=", "<=", ">", "<"} {
		if rest, ok := strings.CutPrefix(t.value, op); ok && !quoted {
			if !t.field.numeric {
				return mistake("%s is no number, so it cannot be compared with %s", text, op)
			}
			t.op, t.value = op, rest
			break
		}
	}
	if t.field.numeric {
		n, err := strconv.ParseInt(t.value, 10, 64)
		if err != nil {
			return mistake("%s wants a number", text)
		}
		t.number = n
		return t, nil
	}
	if strings.Contains(t.value, "*") {
		t.op = "like"
	}
	return t, nil
}

func fieldNames() string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

// searchText is what bare words are looked for in, in lower case. The lake stores
// it with each event, so that both sides look in the same text.
func searchText(s *event.Summary, messages []string) string {
	parts := append([]string{s.Host, s.Path, s.Query, decode(s.Query), s.Client, s.UserAgent, s.ID}, messages...)
	return strings.ToLower(strings.ToValidUTF8(strings.Join(parts, "\n"), "\uFFFD"))
}

// decode undoes the percent-encoding of a query. A percent sign that begins no
// valid escape stays.
func decode(query string) string {
	if q, err := url.QueryUnescape(query); err == nil {
		return q
	}
	var b strings.Builder
	query = strings.ReplaceAll(query, "+", " ")
	for i := 0; i < len(query); i++ {
		if query[i] == '%' && i+2 < len(query) {
			if n, err := strconv.ParseUint(query[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(query[i])
	}
	return b.String()
}

// where returns the filter as an SQL condition with its arguments.
func (f filter) where() (string, []any) {
	conditions := []string{"true"}
	var args []any
	for _, t := range f {
		c, a := t.where()
		if t.not {
			c = "NOT (" + c + ")"
		}
		conditions = append(conditions, c)
		args = append(args, a)
	}
	return strings.Join(conditions, " AND "), args
}

func (t term) where() (string, any) {
	if t.field == nil {
		return "contains(search, ?)", t.value
	}
	operand, op, arg := t.field.column, t.op, any(t.value)
	if t.field.numeric {
		arg = t.number
	}
	right := " ?"
	if op == "like" {
		arg = likePattern(t.value)
		right = ` ? ESCAPE '\'`
	}
	if t.field.list {
		return "len(list_filter(" + operand + ", lambda x: x " + op + right + ")) > 0", arg
	}
	return operand + " " + op + right, arg
}

// likePattern turns * into % and takes the meaning from what LIKE knows beside.
func likePattern(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`).Replace(s)
}

// match asks the filter of an event in memory.
func (f filter) match(s *event.Summary, messages []string) bool {
	for _, t := range f {
		if t.match(s, messages) == t.not {
			return false
		}
	}
	return true
}

func (t term) match(s *event.Summary, messages []string) bool {
	if t.field == nil {
		return strings.Contains(searchText(s, messages), t.value)
	}
	return slices.ContainsFunc(t.field.text(s), t.holds)
}

func (t term) holds(value string) bool {
	if t.op == "like" {
		return wildcard(t.value, value)
	}
	if !t.field.numeric {
		return value == t.value
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return false
	}
	switch t.op {
	case "<":
		return n < t.number
	case "<=":
		return n <= t.number
	case ">":
		return n > t.number
	case ">=":
		return n >= t.number
	}
	return n == t.number
}

// wildcard matches a pattern in which * stands for any text.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}
