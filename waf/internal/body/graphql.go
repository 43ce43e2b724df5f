package body

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// Errors of GraphQL.
var (
	// ErrNoGraphQL tells that a text is no executable GraphQL document.
	ErrNoGraphQL = errors.New("graphql is malformed")
	// ErrGraphQLDepth and ErrGraphQLSize tell that it is one, as far as it was read.
	ErrGraphQLDepth = errors.New("graphql is nested too deep")
	ErrGraphQLSize  = errors.New("graphql has names that are too long")
)

// maxGraphQLDepth bounds nested selections, lists and objects. Servers and what
// people write end far below.
const maxGraphQLDepth = 200

// maxGraphQLPath bounds the length of a path in bytes.
const maxGraphQLPath = 2048

// Document is a GraphQL document taken apart.
type Document struct {
	// Values has a pair for each literal, named by its path through the document:
	// graphql.query.user.id for {user(id: 1)}, with .0, .1 … in lists and .name in
	// objects; graphql.query.variable.id for the default of a variable;
	// graphql.query.user.@include.if for an argument of a directive;
	// graphql.fragment.Type.… within a fragment on Type. Strings are unescaped, other
	// literals are as written. The name of an operation is the value of its kind:
	// graphql.query.
	Values []Pair
	// Names are the paths of all fields, also by their aliases, and to all arguments,
	// once each.
	Names []string
	// Cut tells that there were more values than the limit.
	Cut bool
}

// GraphQL takes an executable document apart (GraphQL, October 2021, sections 2 and
// 6; of the draft after it, descriptions and \u{…}). limit bounds values and names
// each. What was found before an error is in the document. It takes time linear in s.
//
// The paths are made of names of the schema and of keywords, never of names that the
// client chooses, such as aliases: exceptions for a path hold for that field only.
func GraphQL(a *arena.Arena, s string, limit int) (Document, error) {
	p := graphqlParser{a: a, s: s, limit: limit, work: max(64*len(s), 64<<10), seen: map[string]bool{}}
	p.path = append(p.path, "graphql"...)
	err := p.document()
	return p.doc, err
}

// graphqlParser reads a document in one pass, by recursive descent with one token of
// look-ahead. Recursion is bounded by depth, the size of what it makes by limit and the
// length of paths, and the time of comparing these by work.
type graphqlParser struct {
	a     *arena.Arena
	s     string
	i     int             // behind the current token
	kind  token           // of the current token
	text  string          // of the current token, of strings without quotes and escapes
	path  []byte          // of what is being read
	doc   Document        // so far
	seen  map[string]bool // names so far
	limit int             // of values and of names
	work  int             // bytes of paths that may still be looked up
	depth int             // of nested selections, lists and objects
}

// token is a kind of token: the punctuator itself, or one of these.
type token byte

const (
	tokenEnd    token = 0
	tokenName   token = 'n'
	tokenNumber token = '0'
	tokenString token = '"'
	tokenSpread token = '.'
)

// next reads the next token (section 2.1).
func (p *graphqlParser) next() error {
	p.ignored()
	if p.i >= len(p.s) {
		p.kind, p.text = tokenEnd, ""
		return nil
	}
	start := p.i
	switch c := p.s[p.i]; {
	case isNameStart(c):
		for p.i < len(p.s) && (isNameStart(p.s[p.i]) || ascii.IsDigit(p.s[p.i])) {
			p.i++
		}
		p.kind, p.text = tokenName, p.s[start:p.i]
	case ascii.IsDigit(c), c == '-':
		return p.number()
	case c == '"':
		p.kind = tokenString
		var err error
		if strings.HasPrefix(p.s[p.i:], `"""`) {
			p.text, err = p.block()
		} else {
			p.text, err = p.quoted()
		}
		return err
	case strings.IndexByte("!$&():=@[]{|}", c) >= 0:
		p.i++
		p.kind, p.text = token(c), p.s[start:p.i]
	case strings.HasPrefix(p.s[p.i:], "..."):
		p.i += 3
		p.kind, p.text = tokenSpread, "..."
	default:
		return ErrNoGraphQL
	}
	return nil
}

// ignored skips what stands between tokens: blanks, line ends, commas, comments and
// byte order marks (section 2.1.7).
func (p *graphqlParser) ignored() {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == ' ', c == '\t', c == '\n', c == '\r', c == ',':
			p.i++
		case c == '#':
			for p.i < len(p.s) && p.s[p.i] != '\n' && p.s[p.i] != '\r' {
				p.i++
			}
		case strings.HasPrefix(p.s[p.i:], "\ufeff"):
			p.i += len("\ufeff")
		default:
			return
		}
	}
}

// isNameStart reports whether a name may begin with c (section 2.1.9).
func isNameStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// number reads an integer or a float (section 2.9.1 and 2.9.2).
func (p *graphqlParser) number() error {
	start := p.i
	digits := func() bool {
		from := p.i
		for p.i < len(p.s) && ascii.IsDigit(p.s[p.i]) {
			p.i++
		}
		return p.i > from
	}
	if p.s[p.i] == '-' {
		p.i++
	}
	from := p.i
	if !digits() || p.s[from] == '0' && p.i > from+1 {
		return ErrNoGraphQL
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if !digits() {
			return ErrNoGraphQL
		}
	}
	if p.i < len(p.s) && p.s[p.i]|0x20 == 'e' {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if !digits() {
			return ErrNoGraphQL
		}
	}
	// No name may follow a number, so that 0xF is not read as 0 and a name.
	if p.i < len(p.s) && (p.s[p.i] == '.' || isNameStart(p.s[p.i])) {
		return ErrNoGraphQL
	}
	p.kind, p.text = tokenNumber, p.s[start:p.i]
	return nil
}

// quoted reads a string (section 2.9.4). Without escapes it is a part of the document.
func (p *graphqlParser) quoted() (string, error) {
	p.i++
	start := p.i
	end, escaped := start, false
	for {
		if end >= len(p.s) || p.s[end] == '\n' || p.s[end] == '\r' {
			return "", ErrNoGraphQL
		}
		if p.s[end] == '"' {
			break
		}
		if p.s[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	p.i = end + 1
	if !escaped {
		return p.s[start:end], nil
	}
	out := p.a.Alloc(end - start) // an escape is never shorter than what it stands for
	n := 0
	for i := start; i < end; {
		c := p.s[i]
		i++
		if c != '\\' {
			out[n] = c
			n++
			continue
		}
		c = p.s[i]
		i++
		if c == 'u' {
			r, size := graphqlRune(p.s[i:end])
			if size == 0 {
				return "", ErrNoGraphQL
			}
			i += size
			n += utf8.EncodeRune(out[n:], r)
			continue
		}
		at := strings.IndexByte(`"\/bfnrt`, c)
		if at < 0 {
			return "", ErrNoGraphQL
		}
		out[n] = "\"\\/\b\f\n\r\t"[at]
		n++
	}
	return p.a.Shrink(out, n), nil
}

// graphqlRune reads what follows \u: four digits, two such with a \u between them for
// a surrogate pair, or digits in braces. size is 0 if it is none of these.
func graphqlRune(s string) (r rune, size int) {
	if strings.HasPrefix(s, "{") {
		end := strings.IndexByte(s, '}')
		if end < 2 || end > 9 {
			return 0, 0
		}
		n, err := strconv.ParseUint(s[1:end], 16, 32)
		if err != nil || n > utf8.MaxRune {
			return 0, 0
		}
		return rune(n), end + 1
	}
	four := func(s string) (rune, bool) {
		if len(s) < 4 {
			return 0, false
		}
		n, err := strconv.ParseUint(s[:4], 16, 16)
		return rune(n), err == nil
	}
	r, ok := four(s)
	if !ok {
		return 0, 0
	}
	if r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(s[4:], `\u`) {
		if low, ok := four(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, 10
		}
	}
	return r, 4
}

// block reads a block string: its lines without the indentation that they share and
// without blank lines around them (section 2.9.4, BlockStringValue).
func (p *graphqlParser) block() (string, error) {
	p.i += 3
	start := p.i
	for {
		end := strings.Index(p.s[p.i:], `"""`)
		if end < 0 {
			return "", ErrNoGraphQL
		}
		p.i += end + 3
		if p.s[p.i-4] != '\\' { // of an empty one that is its opening
			break
		}
	}
	raw := strings.ReplaceAll(p.s[start:p.i-3], `\"""`, `"""`)
	if !strings.ContainsAny(raw, "\n\r") {
		return raw, nil
	}
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\r", "\n"), "\n")
	common := -1
	for _, line := range lines[1:] {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		if indent < len(line) && (common < 0 || indent < common) {
			common = indent
		}
	}
	for i := range lines[1:] {
		lines[i+1] = lines[i+1][min(max(common, 0), len(lines[i+1])):]
	}
	blank := func(s string) bool { return strings.Trim(s, " \t") == "" }
	for len(lines) > 0 && blank(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n"), nil
}

// document reads all definitions; there must be one.
func (p *graphqlParser) document() error {
	if err := p.next(); err != nil {
		return err
	}
	for first := true; first || p.kind != tokenEnd; first = false {
		if err := p.definition(); err != nil {
			return err
		}
	}
	return nil
}

// definition reads an operation or a fragment.
func (p *graphqlParser) definition() error {
	base := len(p.path)
	defer func() { p.path = p.path[:base] }()
	// A description before a definition is of the draft; before a bare { it is none.
	described := p.kind == tokenString
	if described {
		if err := p.value(); err != nil {
			return err
		}
	}
	switch {
	case p.kind == '{' && !described:
		p.enter("query")
		return p.selections()
	case p.kind != tokenName:
		return ErrNoGraphQL
	}
	switch kind := p.text; kind {
	case "query", "mutation", "subscription":
		p.enter(kind)
		if err := p.next(); err != nil {
			return err
		}
		// The name of the operation is the client's choice and a value like others.
		if p.kind == tokenName {
			if err := p.leaf(p.text); err != nil {
				return err
			}
		}
	case "fragment":
		if err := p.expectName(); err != nil { // its own name, which is the client's
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
		if p.kind == '(' { // variables of fragments, which some servers take
			if err := p.variables(); err != nil {
				return err
			}
		}
		if p.kind != tokenName || p.text != "on" {
			return ErrNoGraphQL
		}
		if err := p.expectName(); err != nil {
			return err
		}
		p.enter("fragment")
		p.enter(p.text)
		if err := p.next(); err != nil {
			return err
		}
	default:
		return ErrNoGraphQL
	}
	if p.kind == '(' {
		if err := p.variables(); err != nil {
			return err
		}
	}
	if err := p.directives(); err != nil {
		return err
	}
	return p.selections()
}

// expectName reads on to a name.
func (p *graphqlParser) expectName() error {
	if err := p.next(); err != nil {
		return err
	}
	if p.kind != tokenName {
		return ErrNoGraphQL
	}
	return nil
}

// expect takes a punctuator.
func (p *graphqlParser) expect(k token) error {
	if p.kind != k {
		return ErrNoGraphQL
	}
	return p.next()
}

// variables reads the definitions of variables, from ( on (section 2.10).
func (p *graphqlParser) variables() error {
	if err := p.next(); err != nil {
		return err
	}
	for first := true; first || p.kind != ')'; first = false {
		if p.kind == tokenString { // a description
			if err := p.value(); err != nil {
				return err
			}
		}
		if p.kind != '$' {
			return ErrNoGraphQL
		}
		if err := p.expectName(); err != nil {
			return err
		}
		base := len(p.path)
		p.path = append(append(p.path, ".variable."...), p.text...)
		if err := p.next(); err != nil {
			return err
		}
		if err := p.expect(':'); err != nil {
			return err
		}
		if err := p.typeReference(); err != nil {
			return err
		}
		if p.kind == '=' {
			if err := p.next(); err != nil {
				return err
			}
			if err := p.value(); err != nil {
				return err
			}
		}
		if err := p.directives(); err != nil {
			return err
		}
		p.path = p.path[:base]
	}
	return p.next()
}

// typeReference reads the type of a variable (section 2.11).
func (p *graphqlParser) typeReference() error {
	lists := 0
	for p.kind == '[' {
		lists++
		if err := p.next(); err != nil {
			return err
		}
	}
	if err := p.expect(tokenName); err != nil {
		return err
	}
	for {
		if p.kind == '!' {
			if err := p.next(); err != nil {
				return err
			}
		}
		if lists == 0 {
			return nil
		}
		lists--
		if err := p.expect(']'); err != nil {
			return err
		}
	}
}

// directives reads any number of directives (section 2.12).
func (p *graphqlParser) directives() error {
	for p.kind == '@' {
		if err := p.expectName(); err != nil {
			return err
		}
		base := len(p.path)
		p.path = append(append(p.path, ".@"...), p.text...)
		if err := p.name(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
		if err := p.arguments(); err != nil {
			return err
		}
		p.path = p.path[:base]
	}
	return nil
}

// down counts a level of nesting; up ends it.
func (p *graphqlParser) down() error {
	if p.depth++; p.depth > maxGraphQLDepth {
		return ErrGraphQLDepth
	}
	return nil
}

// selections reads a selection set (section 2.4), from { on.
func (p *graphqlParser) selections() error {
	if err := p.down(); err != nil {
		return err
	}
	if err := p.expect('{'); err != nil {
		return err
	}
	for first := true; first || p.kind != '}'; first = false {
		var err error
		if p.kind == tokenSpread {
			err = p.spread()
		} else {
			err = p.field()
		}
		if err != nil {
			return err
		}
	}
	p.depth--
	return p.next()
}

// spread reads a fragment spread or an inline fragment (section 2.8).
func (p *graphqlParser) spread() error {
	if err := p.next(); err != nil {
		return err
	}
	if p.kind == tokenName && p.text != "on" {
		if err := p.next(); err != nil {
			return err
		}
		return p.directives()
	}
	if p.kind == tokenName {
		if err := p.expectName(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	if err := p.directives(); err != nil {
		return err
	}
	return p.selections()
}

// field reads a field with its alias, arguments, directives and selections (section
// 2.5).
func (p *graphqlParser) field() error {
	if p.kind != tokenName {
		return ErrNoGraphQL
	}
	base := len(p.path)
	defer func() { p.path = p.path[:base] }()
	p.enter(p.text)
	if err := p.name(); err != nil {
		return err
	}
	if err := p.next(); err != nil {
		return err
	}
	if p.kind == ':' { // that was its alias
		p.path = p.path[:base]
		if err := p.expectName(); err != nil {
			return err
		}
		p.enter(p.text)
		if err := p.name(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	if err := p.arguments(); err != nil {
		return err
	}
	if err := p.directives(); err != nil {
		return err
	}
	if p.kind == '{' {
		return p.selections()
	}
	return nil
}

// arguments reads arguments in parentheses, if there are some (section 2.6).
func (p *graphqlParser) arguments() error {
	if p.kind != '(' {
		return nil
	}
	if err := p.next(); err != nil {
		return err
	}
	for first := true; first || p.kind != ')'; first = false {
		if err := p.member(); err != nil {
			return err
		}
	}
	return p.next()
}

// member reads name: value.
func (p *graphqlParser) member() error {
	if p.kind != tokenName {
		return ErrNoGraphQL
	}
	base := len(p.path)
	p.enter(p.text)
	if err := p.name(); err != nil {
		return err
	}
	if err := p.next(); err != nil {
		return err
	}
	if err := p.expect(':'); err != nil {
		return err
	}
	if err := p.value(); err != nil {
		return err
	}
	p.path = p.path[:base]
	return nil
}

// value reads a literal or a variable (section 2.9).
func (p *graphqlParser) value() error {
	switch p.kind {
	case tokenString, tokenNumber, tokenName:
		return p.leaf(p.text)
	case '$':
		if err := p.expectName(); err != nil {
			return err
		}
		return p.next()
	case '[':
		if err := p.down(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
		base := len(p.path)
		for n := 0; p.kind != ']'; n++ {
			p.path = strconv.AppendInt(append(p.path, '.'), int64(n), 10)
			if err := p.value(); err != nil {
				return err
			}
			p.path = p.path[:base]
		}
		p.depth--
		return p.next()
	case '{':
		if err := p.down(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
		for p.kind != '}' {
			if err := p.member(); err != nil {
				return err
			}
		}
		p.depth--
		return p.next()
	}
	return ErrNoGraphQL
}

// enter lengthens the path.
func (p *graphqlParser) enter(name string) { p.path = append(append(p.path, '.'), name...) }

// pathText returns a copy of the path.
func (p *graphqlParser) pathText() string {
	b := p.a.Alloc(len(p.path))
	copy(b, p.path)
	return arena.String(b)
}

// leaf notes a value at the path and takes its token.
func (p *graphqlParser) leaf(value string) error {
	switch {
	case len(p.path) > maxGraphQLPath:
		return ErrGraphQLSize
	case len(p.doc.Values) >= p.limit:
		p.doc.Cut = true
	default:
		p.doc.Values = append(p.doc.Values, Pair{p.pathText(), value})
	}
	return p.next()
}

// name notes the path.
func (p *graphqlParser) name() error {
	if len(p.path) > maxGraphQLPath {
		return ErrGraphQLSize
	}
	// Looking up long paths again and again takes time that must stay linear.
	if p.work -= len(p.path); p.work < 0 {
		p.doc.Cut = true
		return nil
	}
	if p.seen[string(p.path)] {
		return nil
	}
	if len(p.doc.Names) >= p.limit {
		p.doc.Cut = true
		return nil
	}
	path := p.pathText()
	p.seen[path] = true
	p.doc.Names = append(p.doc.Names, path)
	return nil
}
