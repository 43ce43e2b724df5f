package body

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// Errors of JSON. A text that was cut at the limit of the body is ErrShort; the others are no
// matter of where it was cut.
var (
	// What is below the limit is not read: the nesting itself is the attack, or hides one.
	ErrJSONDepth = errors.New("json is nested too deep")
	// Every name on the way is repeated in each path below it.
	ErrJSONSize   = errors.New("json grows too much when its paths are written out")
	ErrJSONSyntax = errors.New("json is malformed")
	// ErrShort tells that the text ends in the middle of a value.
	ErrShort = errors.New("json ends too early")
)

// JSONLimits bound what JSON does with a body. A depth of 0 allows nothing but a bare value.
type JSONLimits struct {
	Depth  int // of nested arrays and objects
	Values int // leaves; one more for each array's length
}

// A flattened body may take so many times the body, at least flatFloor bytes.
const (
	// Deep nesting repeats paths: {"a":{"a":{"a":… with n levels and a value on each has paths of
	// n²/2 names in all.
	flatFactor = 8
	flatFloor  = 4096
)

// JSON appends a pair for every leaf of a JSON text and one with the length of
// every array that is not empty. Names are paths: json.items.0.sku. Strings are
// unescaped, null is empty, other values are as written. It reports whether the
// limit of values cut the text short, and what is wrong with the text; pairs found
// before that are kept. It accepts RFC 8259 and nothing else. Duplicate names are kept, each with
// its value: parsers differ in which of them they take (RFC 8259, section 4).
//
//	{"user":{"id":7,"tags":["a","b"]}}
//
//	json.user.id      7
//	json.user.tags.0  a
//	json.user.tags.1  b
//
// json.user.tags    2 The errors are those above.
func JSON(a *arena.Arena, dst []Pair, s string, limits JSONLimits) ([]Pair, bool, error) {
	return JSONAt("json", a, dst, s, limits)
}

// JSONAt is JSON with paths that begin with root. GraphQL's variables use it.
func JSONAt(root string, a *arena.Arena, dst []Pair, s string, limits JSONLimits) ([]Pair, bool, error) {
	p := jsonParser{a: a, s: s, dst: dst, limits: limits, room: max(flatFactor*len(s), flatFloor)}
	p.path = append(p.path, root...)
	err := p.document()
	return p.dst, p.cut, err
}

// jsonParser flattens a text in one pass, with a stack of its own rather than by recursion:
// the depth of what clients nest must not be that of our calls. It builds no tree. Its invariant:
// between steps i is before an element of the innermost open array or object, or behind the text if
// none is open.
type jsonParser struct {
	a *arena.Arena
	s string
	// i moves forward only, but for the second half of a broken surrogate pair.
	i    int    // where in s it reads
	path []byte // of the value at i
	// dst is the list of the caller, which grows.
	dst    []Pair
	limits JSONLimits
	leaves int // values and lengths so far, which are bounded apart
	arrays int
	room   int // bytes that pairs may still take: paths repeat, and would grow quadratically
	// cut tells that a leaf or a length was left out.
	cut bool
	// stack is bounded by limits.Depth.
	stack []jsonFrame
}

// jsonFrame is an open array or object.
type jsonFrame struct {
	// path is where the names of elements begin in jsonParser.path.
	path  int // length of its own path
	index int // elements so far; -1 in objects
}

// document reads the whole text. It decides by the first byte: a text is an array, an object or a
// bare value.
func (p *jsonParser) document() error {
	p.space()
	if p.i >= len(p.s) {
		return ErrShort
	}
	switch p.s[p.i] {
	case '{', '[':
	// It has the paths of a list with one element, so that rules need not know a second form.
	default: // a bare value counts as the only element of a list
		base := len(p.path)
		p.path = append(p.path, ".0"...)
		if err := p.leaf(); err != nil {
			return err
		}
		p.path = p.path[:base]
		if err := p.length(1); err != nil {
			return err
		}
		return p.trailer()
	}
	if err := p.open(); err != nil {
		return err
	}
	// Each step moves i forward, so that the loop ends with the text.
	for len(p.stack) > 0 {
		if err := p.step(); err != nil {
			return err
		}
	}
	return p.trailer()
}

// trailer reads what may follow the value: nothing but white space. A second document behind the
// first is hidden from some parsers and read by others.
func (p *jsonParser) trailer() error {
	p.space()
	if p.i < len(p.s) {
		return ErrJSONSyntax
	}
	return nil
}

// space skips white space (RFC 8259, section 2).
func (p *jsonParser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// open enters the array or object at i. The depth is tested before anything is kept.
func (p *jsonParser) open() error {
	if len(p.stack) >= p.limits.Depth {
		return ErrJSONDepth
	}
	f := jsonFrame{path: len(p.path), index: -1}
	if p.s[p.i] == '[' {
		f.index = 0
	}
	p.i++
	p.stack = append(p.stack, f)
	p.space()
	// Empty: an element is expected otherwise, so that "[,]" and "[1,]" are mistakes.
	if p.i < len(p.s) && p.s[p.i] == closer(f) {
		return p.shut()
	}
	return nil
}

// closer is the byte that ends an array or object.
func closer(f jsonFrame) byte {
	if f.index < 0 {
		return '}'
	}
	return ']'
}

// shut leaves the innermost array or object, whose end is at i, and reads what
// follows it up to the next element. The path is cut to that of what is left, by which its own
// length is noted.
func (p *jsonParser) shut() error {
	f := p.stack[len(p.stack)-1]
	p.i++
	p.stack = p.stack[:len(p.stack)-1]
	p.path = p.path[:f.path]
	// Coraza has this pair, too.
	if f.index > 0 {
		if err := p.length(f.index); err != nil {
			return err
		}
	}
	return p.after()
}

// after reads the comma or the end that follows an element. It calls shut and shut calls it, for as
// many closing brackets as stand in a row; limits.Depth bounds that. The path becomes that of the
// array or object around.
func (p *jsonParser) after() error {
	if len(p.stack) == 0 {
		return nil
	}
	// Cut back to the array or object: the element's own name goes.
	f := &p.stack[len(p.stack)-1]
	p.path = p.path[:f.path]
	p.space()
	if p.i >= len(p.s) {
		return ErrShort
	}
	switch p.s[p.i] {
	case ',':
		p.i++
		return nil
	case closer(*f):
		return p.shut()
	}
	return ErrJSONSyntax
}

// step reads one element of the innermost array or object. It reads a name where there is one, a
// value, and what follows that; of an array or object it reads the opening only.
func (p *jsonParser) step() error {
	// The path is that of the array or object, with the index or the key appended.
	f := &p.stack[len(p.stack)-1]
	p.space()
	if p.i >= len(p.s) {
		return ErrShort
	}
	// A key is appended as it is: one with dots looks like several.
	p.path = append(p.path[:f.path], '.')
	if f.index >= 0 {
		p.path = strconv.AppendInt(p.path, int64(f.index), 10)
		f.index++
	} else {
		// A name without quotes, or a comma before the closing brace: JavaScript takes both, JSON
		// neither.
		if p.s[p.i] != '"' {
			return ErrJSONSyntax
		}
		// Names are unescaped like values: "\u0061dmin" is admin to the application.
		key, err := p.text()
		if err != nil {
			return err
		}
		p.path = append(p.path, key...)
		p.space()
		if p.i >= len(p.s) {
			return ErrShort
		}
		if p.s[p.i] != ':' {
			return ErrJSONSyntax
		}
		p.i++
		p.space()
		if p.i >= len(p.s) {
			return ErrShort
		}
	}
	switch p.s[p.i] {
	case '{', '[':
		return p.open()
	}
	if err := p.leaf(); err != nil {
		return err
	}
	return p.after()
}

// leaf reads a string, number, true, false or null. i is in the text.
func (p *jsonParser) leaf() error {
	var value string
	var err error
	switch c := p.s[p.i]; {
	case c == '"':
		value, err = p.text()
	case c == 't':
		value, err = p.word("true")
	case c == 'f':
		value, err = p.word("false")
	case c == 'n':
		_, err = p.word("null")
	default:
		// Anything else begins no value, and number says so.
		value, err = p.number()
	}
	if err != nil {
		return err
	}
	// What follows is read all the same, so that malformed text is found behind the limit, too.
	if p.leaves >= p.limits.Values {
		p.cut = true
		return nil
	}
	p.leaves++
	return p.add(value)
}

// length adds the number of elements of the array at the current path.
func (p *jsonParser) length(n int) error {
	// With leaves missing, lengths would say more than there is to see.
	if p.cut {
		return nil
	}
	if p.arrays >= p.limits.Values {
		p.cut = true
		return nil
	}
	p.arrays++
	return p.add(strconv.Itoa(n))
}

// add appends a pair for the current path. The path is copied, since its buffer changes with the
// next step.
func (p *jsonParser) add(value string) error {
	if p.room -= len(p.path) + len(value); p.room < 0 {
		return ErrJSONSize
	}
	key := p.a.Alloc(len(p.path))
	copy(key, p.path)
	p.dst = append(p.dst, Pair{arena.String(key), value})
	return nil
}

// word reads a literal name. Letters are compared as they are: True of Python is no JSON.
func (p *jsonParser) word(w string) (string, error) {
	rest := p.s[p.i:]
	if len(rest) < len(w) {
		if rest == w[:len(rest)] {
			return "", ErrShort
		}
		return "", ErrJSONSyntax
	}
	if rest[:len(w)] != w {
		return "", ErrJSONSyntax
	}
	p.i += len(w)
	return rest[:len(w)], nil
}

// number reads a number as RFC 8259 writes it, section 6: other parsers take more, but what
// they take of it is for rules against malformed JSON to refuse. It is a part of the body as
// written: 1e2 stays 1e2.
//
//	-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (p *jsonParser) number() (string, error) {
	start := p.i
	digits := func() bool {
		from := p.i
		for p.i < len(p.s) && p.s[p.i]-'0' < 10 {
			p.i++
		}
		return p.i > from
	}
	if p.s[p.i] == '-' {
		p.i++
	}
	switch {
	case p.i >= len(p.s):
		return "", ErrShort
	// No digit may follow a leading zero: what follows it is left to the caller, who finds no
	// comma.
	case p.s[p.i] == '0':
		p.i++
	case !digits():
		return "", ErrJSONSyntax
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if !digits() {
			return "", p.shortOr(ErrJSONSyntax)
		}
	}
	if p.i < len(p.s) && p.s[p.i]|0x20 == 'e' {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if !digits() {
			return "", p.shortOr(ErrJSONSyntax)
		}
	}
	return p.s[start:p.i], nil
}

// shortOr returns ErrShort if the text ended, else err.
func (p *jsonParser) shortOr(err error) error {
	if p.i >= len(p.s) {
		return ErrShort
	}
	return err
}

// text reads the string at i. Without escapes it is a part of the body. i is at the opening quote
// and then behind the closing one. Invalid UTF-8 is kept as it is.
func (p *jsonParser) text() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[start : p.i-1], nil
		case c == '\\':
			return p.escaped(start)
		// Control characters must be escaped (RFC 8259, section 7).
		case c < ' ':
			return "", ErrJSONSyntax
		}
		p.i++
	}
	return "", ErrShort
}

// escaped reads a string that began at start and has its first escape at i. The escapes are those
// of RFC 8259, section 7, by which a filter that compares bytes is passed: \u0027 is a quote.
//
//	\" \\ \/ \b \f \n \r \t \uHHHH
func (p *jsonParser) escaped(start int) (string, error) {
	end := p.i
	// The closing quote is looked for first, so that the size of the result is known. A backslash
	// takes the byte after it along: no escape reaches beyond end.
	for end < len(p.s) && p.s[end] != '"' {
		if p.s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.s) {
		return "", ErrShort
	}
	out := p.a.Alloc(end - start) // an escape is never shorter than what it stands for
	n := copy(out, p.s[start:p.i])
	for p.i < end {
		c := p.s[p.i]
		p.i++
		if c < ' ' {
			return "", ErrJSONSyntax
		}
		if c != '\\' {
			out[n] = c
			n++
			continue
		}
		// In the text, since the search above passed over the byte after each backslash.
		c = p.s[p.i]
		p.i++
		switch c {
		case '"', '\\', '/':
			out[n] = c
			n++
		case 'b':
			out[n] = '\b'
			n++
		case 'f':
			out[n] = '\f'
			n++
		case 'n':
			out[n] = '\n'
			n++
		case 'r':
			out[n] = '\r'
			n++
		case 't':
			out[n] = '\t'
			n++
		case 'u':
			r, ok := p.unicode()
			if !ok {
				return "", ErrJSONSyntax
			}
			// Runes beyond U+FFFF are two escapes, a high and a low surrogate. One without the
			// other becomes U+FFFD.
			if utf16.IsSurrogate(r) && p.i+1 < end && p.s[p.i] == '\\' && p.s[p.i+1] == 'u' {
				at := p.i
				p.i += 2
				if low, ok := p.unicode(); ok {
					if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
						r = full
					} else {
						// The second escape is no low surrogate and is read again by itself.
						p.i = at
					}
				} else {
					return "", ErrJSONSyntax
				}
			}
			n += utf8.EncodeRune(out[n:], r)
		// An unknown escape is a mistake in JSON, while JavaScript drops the backslash.
		default:
			return "", ErrJSONSyntax
		}
	}
	p.i = end + 1
	return p.a.Shrink(out, n), nil
}

// unicode reads the four digits of an escape. It cannot run over the closing quote, which is no
// digit.
func (p *jsonParser) unicode() (rune, bool) {
	if p.i+4 > len(p.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.s[p.i : p.i+4]) {
		v := ascii.HexValue(c)
		if v > 15 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	p.i += 4
	return r, true
}
