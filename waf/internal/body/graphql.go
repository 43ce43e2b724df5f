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
	// ErrNoGraphQL tells that a text is no executable GraphQL document. Whoever guesses that an
	// argument may be a document gets it for all that is none.
	ErrNoGraphQL = errors.New("graphql is malformed")
	// ErrGraphQLDepth and ErrGraphQLSize tell that it is one, as far as it was read. The rest of
	// the document was not read: rules do not see it.
	ErrGraphQLDepth = errors.New("graphql is nested too deep")
	ErrGraphQLSize  = errors.New("graphql has names that are too long")
)

// maxGraphQLDepth bounds nested selections, lists and objects. Servers and what
// people write end far below. Each level costs a few frames of the goroutine's stack.
const maxGraphQLDepth = 200

// maxGraphQLPath bounds the length of a path in bytes. Together with limit it bounds the memory of
// a document whose paths repeat: 2 KiB for each value.
const maxGraphQLPath = 2048

// Document is a GraphQL document taken apart. Its strings point into the text or the arena.
//
// Values are what rules look at as arguments, Names what they look at as names of arguments.
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
// The paths of values are made of names of the schema and of keywords, not of names that the client
// chooses, such as aliases: exceptions for a path hold for that field only. The one name of the
// client's in a path is that of a variable with a default.
//
// It does not know the schema: types are not checked, fragments are not put in where they are
// spread, and what variables hold is in the JSON beside the document. Example:
//
//	mutation M { pay(to: "x", sum: 3) { id: number } }
//
//	Values  graphql.mutation       M
//	        graphql.mutation.pay.to   x
//	        graphql.mutation.pay.sum  3
//	Names   graphql.mutation.pay, .pay.to, .pay.sum, .pay.id, .pay.number
func GraphQL(a *arena.Arena, s string, limit int) (Document, error) {
	p := graphqlParser{a: a, s: s, limit: limit, work: max(64*len(s), 64<<10), seen: map[string]bool{}}
	p.path = append(p.path, "graphql"...)
	err := p.document()
	return p.doc, err
}

// graphqlParser reads a document in one pass, by recursive descent with one token of
// look-ahead. Recursion is bounded by depth, the size of what it makes by limit and the
// length of paths, and the time of comparing these by work. Each method begins with its construct
// at the current token and ends with the token behind it, unless it says otherwise. After an error
// the parser is not used any more, so that path and depth need not be right.
type graphqlParser struct {
	a    *arena.Arena
	s    string
	i    int    // behind the current token
	kind token  // of the current token
	text string // of the current token, of strings without quotes and escapes
	path []byte // of what is being read
	// doc is what was found so far; after an error it is returned as it is.
	doc   Document        // so far
	seen  map[string]bool // names so far
	limit int             // of values and of names
	// work is spent by name: each look-up costs the length of its path. It is 64 times the text, at
	// least 64 KiB.
	work  int // bytes of paths that may still be looked up
	depth int // of nested selections, lists and objects
}

// token is a kind of token: the punctuator itself, or one of these. Punctuators are their own byte,
// the other kinds a byte that begins no punctuator.
type token byte

const (
	tokenEnd    token = 0
	tokenName   token = 'n'
	tokenNumber token = '0'
	tokenString token = '"'
	tokenSpread token = '.'
)

// next reads the next token (section 2.1). Anything that begins no token is ErrNoGraphQL.
//
//	Token  Punctuator  Name  Int  Float  String
func (p *graphqlParser) next() error {
	p.ignored()
	if p.i >= len(p.s) {
		p.kind, p.text = tokenEnd, ""
		return nil
	}
	start := p.i
	switch c := p.s[p.i]; {
	// Names are of ASCII only: a letter of another script is no token.
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
	// Two dots are none; a number takes its own.
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
		// A comment runs to the end of its line. What stands in it is no argument, and rules that
		// look at the body as text still see it.
		case c == '#':
			for p.i < len(p.s) && p.s[p.i] != '\n' && p.s[p.i] != '\r' {
				p.i++
			}
		// Ignored everywhere, not only at the beginning, as the grammar has it.
		case strings.HasPrefix(p.s[p.i:], "\ufeff"):
			p.i += len("\ufeff")
		default:
			return
		}
	}
}

// isNameStart reports whether a name may begin with c (section 2.1.9).
func isNameStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// number reads an integer or a float (section 2.9.1 and 2.9.2). Its text is as written.
//
//	-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (p *graphqlParser) number() error {
	start := p.i
	// digits passes over digits and reports whether there was one.
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
	// No leading zeros: 0123 is no number.
	if !digits() || p.s[from] == '0' && p.i > from+1 {
		return ErrNoGraphQL
	}
	// Both a fraction and an exponent need digits.
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

// quoted reads a string (section 2.9.4). Without escapes it is a part of the document. Escapes hide
// attacks from rules that look at the document as one text: \u0027 is a quote. Unlike JSON's it may
// have control characters other than line ends.
func (p *graphqlParser) quoted() (string, error) {
	p.i++
	start := p.i
	end, escaped := start, false
	for {
		// A string ends on its line.
		if end >= len(p.s) || p.s[end] == '\n' || p.s[end] == '\r' {
			return "", ErrNoGraphQL
		}
		if p.s[end] == '"' {
			break
		}
		// The byte after a backslash does not end the string, whatever it is.
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
		// Within the string: the loop above passed over the byte after each backslash.
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
		// The two strings have an escape and what it stands for at the same place.
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
// a surrogate pair, or digits in braces. size is 0 if it is none of these. A surrogate without its
// other half is no error here, though it is in the draft: EncodeRune makes U+FFFD of it.
//
//	0027         ->  '
//	{27}         ->  '
//	d83d\ude00   ->  U+1F600
func graphqlRune(s string) (r rune, size int) {
	if strings.HasPrefix(s, "{") {
		end := strings.IndexByte(s, '}')
		// One to eight digits: more than six are leading zeros, or beyond Unicode.
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
		// s[4:6] is the \u between the two.
		if low, ok := four(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, 10
		}
	}
	return r, 4
}

// block reads a block string: its lines without the indentation that they share and
// without blank lines around them (section 2.9.4, BlockStringValue). It has no escape but \""" for
// three quotes. Its time is linear.
//
//	"""          ->  SELECT 1
//	  SELECT 1   ->    FROM t
//	    FROM t
//	"""
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
	// The first line keeps its indentation, so that there is nothing to remove from a single one.
	if !strings.ContainsAny(raw, "\n\r") {
		return raw, nil
	}
	// CR LF, CR and LF all end lines.
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\r", "\n"), "\n")
	// common is the least indentation of all lines but the first, -1 if all of these are blank.
	common := -1
	for _, line := range lines[1:] {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		if indent < len(line) && (common < 0 || indent < common) {
			common = indent
		}
	}
	// A blank line may be shorter than the indentation.
	for i := range lines[1:] {
		lines[i+1] = lines[i+1][min(max(common, 0), len(lines[i+1])):]
	}
	// Blanks and tabs are the only white space within a line.
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
	// The first token; every method after it finds its own already read.
	if err := p.next(); err != nil {
		return err
	}
	// A document without a definition is none.
	for first := true; first || p.kind != tokenEnd; first = false {
		if err := p.definition(); err != nil {
			return err
		}
	}
	return nil
}

// definition reads an operation or a fragment. Type definitions, which are no part of executable
// documents, are ErrNoGraphQL.
//
//	OperationDefinition  SelectionSet
//	                     OperationType Name? VariablesDefinition? Directives? SelectionSet
//	FragmentDefinition   fragment Name on NamedType Directives? SelectionSet
func (p *graphqlParser) definition() error {
	// All that the definition enters is cut off at its end, in whatever way it ends.
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
	// The short form of a query.
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
		// The type names the fragment in paths, since its own name is the client's.
		p.enter("fragment")
		p.enter(p.text)
		if err := p.next(); err != nil {
			return err
		}
	// schema, type, extend and other definitions that servers do not execute.
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

// expectName reads on to a name. It ends with the name as the current token.
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
//
//	VariablesDefinition  ( VariableDefinition+ )
//	VariableDefinition   $Name : Type DefaultValue? Directives?
func (p *graphqlParser) variables() error {
	if err := p.next(); err != nil {
		return err
	}
	// Empty parentheses are no GraphQL.
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
		// This name is the client's choice, unlike all others in a path.
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

// typeReference reads the type of a variable (section 2.11). Brackets are counted instead of a
// recursion; types are no values.
//
//	Type  Name  [Type]  Name!  [Type]!
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
//
//	Directive  @Name Arguments?
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
//
//	SelectionSet  { Selection+ }
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

// spread reads a fragment spread or an inline fragment (section 2.8). The current token is the
// three dots.
//
//	FragmentSpread  ... Name Directives?
//	InlineFragment  ... TypeCondition? Directives? SelectionSet
func (p *graphqlParser) spread() error {
	if err := p.next(); err != nil {
		return err
	}
	// The name of a fragment, whose own definition has its fields.
	if p.kind == tokenName && p.text != "on" {
		if err := p.next(); err != nil {
			return err
		}
		return p.directives()
	}
	// The type is left out of the path: its fields are those of the field around.
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
//
//	Field  Alias? Name Arguments? Directives? SelectionSet?
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
	// The alias was noted as a name, since it comes back in the response and may be an attack; the
	// path goes on with the field.
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
//
//	Arguments  ( Argument+ )
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

// member reads name: value. It serves arguments and fields of objects, which are written alike.
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

// value reads a literal or a variable (section 2.9). Enumeration values, true, false and null are
// names and values as written.
//
//	Value  $Name  Int  Float  String  Boolean  null  Enum  [ Value* ]  { ObjectField* }
func (p *graphqlParser) value() error {
	switch p.kind {
	case tokenString, tokenNumber, tokenName:
		return p.leaf(p.text)
	// What a variable holds is not in the document.
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
		// Fields of an object have their names, after the path of the argument.
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

// enter lengthens the path. Whoever calls it cuts the path again; only a definition and its kind
// share one cut.
func (p *graphqlParser) enter(name string) { p.path = append(append(p.path, '.'), name...) }

// pathText returns a copy of the path. The path's own buffer changes with the next name.
func (p *graphqlParser) pathText() string {
	b := p.a.Alloc(len(p.path))
	copy(b, p.path)
	return arena.String(b)
}

// leaf notes a value at the path and takes its token. Beyond the limit it reads on without keeping
// values, so that what is malformed is found.
func (p *graphqlParser) leaf(value string) error {
	switch {
	// The path is longer than any schema makes it: nested names or objects.
	case len(p.path) > maxGraphQLPath:
		return ErrGraphQLSize
	case len(p.doc.Values) >= p.limit:
		p.doc.Cut = true
	default:
		p.doc.Values = append(p.doc.Values, Pair{p.pathText(), value})
	}
	return p.next()
}

// name notes the path. It does so once for each path, up to the limit, and does not take the token.
// Paths are compared as a whole, so that a document with long paths costs more than its length;
// beyond work the rest of the names is left out and the document counts as cut.
func (p *graphqlParser) name() error {
	if len(p.path) > maxGraphQLPath {
		return ErrGraphQLSize
	}
	// Looking up long paths again and again takes time that must stay linear.
	if p.work -= len(p.path); p.work < 0 {
		p.doc.Cut = true
		return nil
	}
	// The conversion in the index allocates nothing.
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
