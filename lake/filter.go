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

// filter is a parsed filter: one term, or parts of which all or one must hold. The
// zero value holds for every event. It can be asked of the engine (where) and of an
// event in memory (match); both say the same.
type filter struct {
	not   bool
	term  *term
	any   bool // one of parts must hold, else all
	parts []filter
}

// term is one condition of a filter.
type term struct {
	field   *field   // nil: look for value anywhere
	op      string   // "=", "like", "<", "<=", ">", ">="
	value   string   // lower case for a bare word
	pattern []string // for like: the texts around the stars
	number  int64    // for numeric fields
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
	if !utf8.ValidString(s) {
		return filter{}, &event.FilterError{Msg: "the filter is not valid UTF-8"}
	}
	p := filterParser{s: s}
	f, err := p.alternatives()
	if err == nil && p.pos < len(s) {
		err = p.mistake(p.pos, "this parenthesis closes nothing; put it in quotes to look for it")
	}
	if err != nil {
		return filter{}, err
	}
	return f, nil
}

// filterParser reads a filter from left to right.
type filterParser struct {
	s            string
	pos          int
	depth, terms int
}

// maxDepth and maxTerms bound what one filter may ask for.
const (
	maxDepth = 20
	maxTerms = 500
)

func (p *filterParser) mistake(pos int, format string, args ...any) error {
	return &event.FilterError{Pos: pos, Text: strings.TrimSpace(p.s[pos:min(len(p.s), pos+40)]), Msg: fmt.Sprintf(format, args...)}
}

func (p *filterParser) blanks() {
	for p.pos < len(p.s) && (p.s[p.pos] == ' ' || p.s[p.pos] == '\t') {
		p.pos++
	}
}

// keyword reports whether a word with a meaning of its own stands here.
func (p *filterParser) keyword(word string) bool {
	rest, ok := strings.CutPrefix(p.s[p.pos:], word)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '(' || rest[0] == ')' && p.depth > 0)
}

// alternatives reads parts with OR between them.
func (p *filterParser) alternatives() (filter, error) {
	one := filter{any: true}
	for {
		f, err := p.all()
		if err != nil {
			return f, err
		}
		or := p.keyword("OR")
		if (or || len(one.parts) > 0) && len(f.parts) == 0 {
			at := min(p.pos, max(0, len(p.s)-2))
			return f, p.mistake(at, "OR needs a term on both sides; put it in quotes to look for it")
		}
		one.parts = append(one.parts, f)
		if !or {
			break
		}
		p.pos += len("OR")
	}
	if len(one.parts) == 1 {
		return one.parts[0], nil
	}
	return one, nil
}

// all reads parts that must all hold, up to OR, the end of the group or of the text.
func (p *filterParser) all() (filter, error) {
	var f filter
	not, notAt := false, -1
	for p.blanks(); p.pos < len(p.s) && p.s[p.pos] != ')' && !p.keyword("OR"); p.blanks() {
		if p.keyword("NOT") {
			not, notAt = !not, p.pos
			p.pos += len("NOT")
			continue
		}
		part, err := p.part()
		if err != nil {
			return f, err
		}
		part.not = part.not != not
		not, notAt = false, -1
		f.parts = append(f.parts, part)
	}
	if notAt >= 0 {
		return f, p.mistake(notAt, "NOT needs a term after it")
	}
	return f, nil
}

// part reads a term or a group, with a minus before it or not.
func (p *filterParser) part() (filter, error) {
	if p.terms++; p.terms > maxTerms {
		return filter{}, p.mistake(p.pos, "a filter has at most %d terms", maxTerms)
	}
	start := p.pos
	rest := p.s[start:]
	if !strings.HasPrefix(rest, "(") && !strings.HasPrefix(rest, "-(") {
		text, value, quoted, err := p.token()
		if err != nil {
			return filter{}, err
		}
		return p.newTerm(start, text, value, quoted)
	}
	p.pos = start + strings.IndexByte(rest, '(') + 1
	if p.depth++; p.depth > maxDepth {
		return filter{}, p.mistake(start, "parentheses stand at most %d deep", maxDepth)
	}
	f, err := p.alternatives()
	p.depth--
	switch {
	case err != nil:
		return f, err
	case p.pos == len(p.s):
		return f, p.mistake(start, "this parenthesis is never closed; put it in quotes to look for it")
	case len(f.parts) == 0 && f.term == nil:
		return f, p.mistake(start, "nothing stands between these parentheses")
	}
	p.pos++ // the closing one
	f.not = f.not != (rest[0] == '-')
	return f, nil
}

// text is what a token says. stars are the places of those * that stand for any
// text, rather than for themselves.
type text struct {
	string
	stars []int
}

// token reads one term: an optional field name with its value, or a bare word.
// Quotes may stand around a whole bare word or a value; \" and \\ work inside, and \*
// is a star everywhere. Within a group, a parenthesis that the word has not opened
// ends it. quoted tells that the value begins with a quote, so that it is no
// comparison.
func (p *filterParser) token() (name string, value *text, quoted bool, err error) {
	s := p.s
	var word strings.Builder
	var stars []int
	colon, opened, anyQuote := -1, 0, false
	start, i := p.pos, p.pos
	for ; i < len(s) && s[i] != ' ' && s[i] != '\t'; i++ {
		switch {
		case s[i] == '"':
			open := i
			anyQuote = true
			for i++; i < len(s) && s[i] != '"'; i++ {
				switch {
				case s[i] == '\\' && i+1 < len(s):
					i++
				case s[i] == '*':
					stars = append(stars, word.Len())
				}
				word.WriteByte(s[i])
			}
			if i >= len(s) {
				return "", nil, false, &event.FilterError{Pos: open, Text: s[open:], Msg: "this quote is never closed"}
			}
			continue
		case s[i] == ':' && colon < 0 && !anyQuote && isField(strings.TrimLeft(word.String(), "-")):
			colon = word.Len()
			continue
		case s[i] == '(':
			opened++
		case s[i] == ')' && p.depth > 0 && opened == 0:
			p.pos = i
			return p.word(start, word.String(), stars, colon, anyQuote)
		case s[i] == ')':
			opened--
		case s[i] == '*':
			stars = append(stars, word.Len())
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '*':
			i++
		}
		word.WriteByte(s[i])
	}
	p.pos = i
	return p.word(start, word.String(), stars, colon, anyQuote)
}

// word splits what token read at its colon.
func (p *filterParser) word(start int, word string, stars []int, colon int, quoted bool) (string, *text, bool, error) {
	if colon < 0 {
		return word, nil, quoted, nil
	}
	v := text{string: word[colon:]}
	for _, at := range stars {
		v.stars = append(v.stars, at-colon) // a field's name has none
	}
	return word[:colon], &v, quoted && strings.HasPrefix(p.s[start+colon+1:], `"`), nil
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

// newTerm makes a part of a term that token read at pos.
func (p *filterParser) newTerm(pos int, name string, value *text, quoted bool) (filter, error) {
	var f filter
	t := &term{}
	f.term = t
	if rest, ok := strings.CutPrefix(name, "-"); ok && (rest != "" || value != nil) && p.s[pos] == '-' {
		f.not, name = true, rest
	}
	if value == nil {
		if name == "" {
			return f, p.mistake(pos, "empty words match everything, leave them out")
		}
		t.value = strings.ToLower(name)
		return f, nil
	}
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return f, p.mistake(pos, "there is no field %q, known are %s", name, fieldNames())
	}
	t.field, t.op, t.value = &fields[i], "=", value.string
	for _, op := range []string{">=", "<=", ">", "<"} {
		if rest, ok := strings.CutPrefix(t.value, op); ok && !quoted {
			if !t.field.numeric {
				return f, p.mistake(pos, "%s is no number, so it cannot be compared with %s", name, op)
			}
			t.op, t.value = op, rest
			break
		}
	}
	if t.field.numeric {
		n, err := strconv.ParseInt(t.value, 10, 64)
		if err != nil {
			return f, p.mistake(pos, "%s wants a number", name)
		}
		t.number = n
		return f, nil
	}
	if len(value.stars) > 0 {
		t.op = "like"
		from := 0
		for _, at := range value.stars {
			t.pattern = append(t.pattern, t.value[from:at])
			from = at + 1
		}
		t.pattern = append(t.pattern, t.value[from:])
	}
	return f, nil
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

// where returns the filter as an SQL condition, in parentheses where it needs them,
// with its arguments.
func (f filter) where() (string, []any) {
	condition, args := "true", []any(nil)
	if f.term != nil {
		c, a := f.term.where()
		condition, args = c, []any{a}
	} else if len(f.parts) > 0 {
		var conditions []string
		for _, part := range f.parts {
			c, a := part.where()
			conditions = append(conditions, c)
			args = append(args, a...)
		}
		word := " AND "
		if f.any {
			word = " OR "
		}
		condition = "(" + strings.Join(conditions, word) + ")"
	}
	if f.not {
		condition = "NOT (" + condition + ")"
	}
	return condition, args
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
		arg = likePattern(t.pattern)
		right = ` ? ESCAPE '\'`
	}
	if t.field.list {
		return "len(list_filter(" + operand + ", lambda x: x " + op + right + ")) > 0", arg
	}
	return operand + " " + op + right, arg
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

// match asks the filter of an event in memory.
func (f filter) match(s *event.Summary, messages []string) bool {
	var holds bool
	switch {
	case f.term != nil:
		holds = f.term.match(s, messages)
	case f.any:
		holds = slices.ContainsFunc(f.parts, func(part filter) bool { return part.match(s, messages) })
	default:
		holds = !slices.ContainsFunc(f.parts, func(part filter) bool { return !part.match(s, messages) })
	}
	return holds != f.not
}

func (t term) match(s *event.Summary, messages []string) bool {
	if t.field == nil {
		return strings.Contains(searchText(s, messages), t.value)
	}
	return slices.ContainsFunc(t.field.text(s), t.holds)
}

func (t term) holds(value string) bool {
	if t.op == "like" {
		return wildcard(t.pattern, value)
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

// wildcard tells whether s is the texts of a pattern with any text between them.
func wildcard(parts []string, s string) bool {
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
