package event

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Filter is a parsed filter: one term, or parts of which all or one must hold. The
// zero value holds for every event. Match asks it of an event in memory; the lake
// translates the same tree into SQL. Treat it as immutable.
type Filter struct {
	Not   bool
	Term  *Term
	Any   bool // one of Parts must hold, else all
	Parts []Filter
}

// Term is one condition of a filter.
type Term struct {
	Field   *Field   // nil: look for Value anywhere
	Op      Op       // how a value of the field compares
	Value   string   // lower case for a bare word
	Pattern []string // for Like: the texts around the stars
	Number  int64    // for numeric fields
}

// Op compares a value of an event with that of a term.
type Op string

// The operators. All but Equal and Like are for numeric fields.
const (
	Equal        Op = "="
	Like         Op = "like"
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
)

// ParseFilter reads the filter language of api/openapi.yaml. Errors are *FilterError.
func ParseFilter(s string) (Filter, error) {
	if !utf8.ValidString(s) {
		return Filter{}, &FilterError{Msg: "the filter is not valid UTF-8"}
	}
	p := filterParser{s: s}
	f, err := p.alternatives()
	if err == nil && p.pos < len(s) {
		err = p.mistake(p.pos, "this parenthesis closes nothing; put it in quotes to look for it")
	}
	if err != nil {
		return Filter{}, err
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
	return &FilterError{Pos: pos, Text: strings.TrimSpace(p.s[pos:min(len(p.s), pos+40)]), Msg: fmt.Sprintf(format, args...)}
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
func (p *filterParser) alternatives() (Filter, error) {
	one := Filter{Any: true}
	for {
		f, err := p.all()
		if err != nil {
			return f, err
		}
		or := p.keyword("OR")
		if (or || len(one.Parts) > 0) && len(f.Parts) == 0 {
			at := min(p.pos, max(0, len(p.s)-2))
			return f, p.mistake(at, "OR needs a term on both sides; put it in quotes to look for it")
		}
		one.Parts = append(one.Parts, f)
		if !or {
			break
		}
		p.pos += len("OR")
	}
	if len(one.Parts) == 1 {
		return one.Parts[0], nil
	}
	return one, nil
}

// all reads parts that must all hold, up to OR, the end of the group or of the text.
func (p *filterParser) all() (Filter, error) {
	var f Filter
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
		part.Not = part.Not != not
		not, notAt = false, -1
		f.Parts = append(f.Parts, part)
	}
	if notAt >= 0 {
		return f, p.mistake(notAt, "NOT needs a term after it")
	}
	return f, nil
}

// part reads a term or a group, with a minus before it or not.
func (p *filterParser) part() (Filter, error) {
	if p.terms++; p.terms > maxTerms {
		return Filter{}, p.mistake(p.pos, "a filter has at most %d terms", maxTerms)
	}
	start := p.pos
	rest := p.s[start:]
	if !strings.HasPrefix(rest, "(") && !strings.HasPrefix(rest, "-(") {
		text, value, quoted, err := p.token()
		if err != nil {
			return Filter{}, err
		}
		return p.newTerm(start, text, value, quoted)
	}
	p.pos = start + strings.IndexByte(rest, '(') + 1
	if p.depth++; p.depth > maxDepth {
		return Filter{}, p.mistake(start, "parentheses stand at most %d deep", maxDepth)
	}
	f, err := p.alternatives()
	p.depth--
	switch {
	case err != nil:
		return f, err
	case p.pos == len(p.s):
		return f, p.mistake(start, "this parenthesis is never closed; put it in quotes to look for it")
	case len(f.Parts) == 0 && f.Term == nil:
		return f, p.mistake(start, "nothing stands between these parentheses")
	}
	p.pos++ // the closing one
	f.Not = f.Not != (rest[0] == '-')
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
				return "", nil, false, &FilterError{Pos: open, Text: s[open:], Msg: "this quote is never closed"}
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
func (p *filterParser) newTerm(pos int, name string, value *text, quoted bool) (Filter, error) {
	var f Filter
	t := &Term{}
	f.Term = t
	if rest, ok := strings.CutPrefix(name, "-"); ok && (rest != "" || value != nil) && p.s[pos] == '-' {
		f.Not, name = true, rest
	}
	if value == nil {
		if name == "" {
			return f, p.mistake(pos, "empty words match everything, leave them out")
		}
		t.Value = strings.ToLower(name)
		return f, nil
	}
	t.Field, t.Op, t.Value = filterField(name), Equal, value.string
	if t.Field == nil {
		return f, p.mistake(pos, "there is no field %q, known are %s", name, strings.Join(FilterFields(), ", "))
	}
	for _, op := range []Op{GreaterEqual, LessEqual, Greater, Less} {
		if rest, ok := strings.CutPrefix(t.Value, string(op)); ok && !quoted {
			if !t.Field.Numeric() {
				return f, p.mistake(pos, "%s is no number, so it cannot be compared with %s", name, op)
			}
			t.Op, t.Value = op, rest
			break
		}
	}
	if t.Field.Numeric() {
		n, err := strconv.ParseInt(t.Value, 10, 64)
		if err != nil {
			return f, p.mistake(pos, "%s wants a number", name)
		}
		t.Number = n
		return f, nil
	}
	if len(value.stars) > 0 {
		t.Op = Like
		from := 0
		for _, at := range value.stars {
			t.Pattern = append(t.Pattern, t.Value[from:at])
			from = at + 1
		}
		t.Pattern = append(t.Pattern, t.Value[from:])
	}
	return f, nil
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

// Match asks the filter of an event in memory.
func (f Filter) Match(e *Event) bool {
	var holds bool
	switch {
	case f.Term != nil:
		holds = f.Term.match(e)
	case f.Any:
		holds = slices.ContainsFunc(f.Parts, func(part Filter) bool { return part.Match(e) })
	default:
		holds = !slices.ContainsFunc(f.Parts, func(part Filter) bool { return !part.Match(e) })
	}
	return holds != f.Not
}

func (t *Term) match(e *Event) bool {
	if t.Field == nil {
		return strings.Contains(e.searchText(), t.Value)
	}
	switch v := t.Field.Value(e).(type) {
	case string:
		return t.text(v)
	case []string:
		return slices.ContainsFunc(v, t.text)
	case int32:
		return t.number(int64(v))
	case int64:
		return t.number(v)
	case []int32:
		return slices.ContainsFunc(v, func(n int32) bool { return t.number(int64(n)) })
	}
	return false // filters name no fields of other types
}

func (t *Term) text(value string) bool {
	if t.Op == Like {
		return wildcard(t.Pattern, value)
	}
	return value == t.Value
}

func (t *Term) number(n int64) bool {
	switch t.Op {
	case Less:
		return n < t.Number
	case LessEqual:
		return n <= t.Number
	case Greater:
		return n > t.Number
	case GreaterEqual:
		return n >= t.Number
	}
	return n == t.Number
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
