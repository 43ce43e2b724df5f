package seclang

import (
	"errors"
	"strings"
)

// Parse reads rule text. file is the name for error messages. It returns what it
// could read and all mistakes joined; each is an *Error.
func Parse(file, text string) ([]Directive, error) {
	var (
		list []Directive
		errs []error
	)
	for _, l := range logicalLines(file, text) {
		d, err := parseDirective(l)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, d)
	}
	return list, errors.Join(errs...)
}

// line is a logical line: physical lines joined at backslashes. origins tells
// where each part came from.
type line struct {
	file    string
	text    string
	origins []origin
}

type origin struct{ offset, line, col int }

// pos returns the position of the byte at offset of the logical line.
func (l line) pos(offset int) Pos {
	p := l.origins[0]
	for _, q := range l.origins {
		if q.offset > offset {
			break
		}
		p = q
	}
	return Pos{l.file, p.line, p.col + offset - p.offset}
}

func (l line) errorAt(offset int, msg, text, hint string) *Error {
	return &Error{Pos: l.pos(offset), Msg: msg, Text: text, Hint: hint}
}

// logicalLines joins physical lines that end in a backslash. A line that starts
// with # is a comment even between continued lines, as in ModSecurity.
func logicalLines(file, text string) []line {
	var lines []line
	cur := line{file: file}
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			cur.text = b.String()
			lines = append(lines, cur)
		}
		b.Reset()
		cur = line{file: file}
	}
	for n, raw := range strings.Split(text, "\n") {
		s := strings.TrimLeft(raw, " \t\r\v\f\ufeff")
		col := len(raw) - len(s) + 1
		s = strings.TrimRight(s, " \t\r\v\f")
		if s == "" || s[0] == '#' {
			continue
		}
		continued := s[len(s)-1] == '\\'
		if continued {
			s = s[:len(s)-1]
		}
		cur.origins = append(cur.origins, origin{b.Len(), n + 1, col})
		b.WriteString(s)
		if !continued {
			flush()
		}
	}
	flush()
	return lines
}

func parseDirective(l line) (Directive, error) {
	end := strings.IndexAny(l.text, " \t")
	if end < 0 {
		end = len(l.text)
	}
	name := l.text[:end]
	known, ok := lookup(DirectiveKind, name)
	if !ok {
		return Directive{}, unknown(DirectiveKind, l.pos(0), name)
	}
	d := Directive{Pos: l.pos(0), Name: known.Name}
	var err error
	switch d.Name {
	case "SecRule":
		d.Rule, err = parseRule(l, end)
	case "SecAction":
		d.Rule, err = parseSecAction(l, end)
	default:
		d.Args, err = parseArgs(l, end)
	}
	return d, err
}

// parseArgs splits words at blanks; quotes keep a word together.
func parseArgs(l line, at int) ([]string, error) {
	var args []string
	for {
		at = skipBlanks(l.text, at)
		if at >= len(l.text) {
			return args, nil
		}
		word, next, err := l.word(at)
		if err != nil {
			return nil, err
		}
		args = append(args, word)
		at = next
	}
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// word reads a bare or a double-quoted word. In quotes \" stands for a quote; all
// other backslashes stay, since regular expressions are full of them.
func (l line) word(at int) (string, int, error) {
	s := l.text
	if s[at] != '"' {
		end := at
		for end < len(s) && s[end] != ' ' && s[end] != '\t' {
			end++
		}
		return s[at:end], end, nil
	}
	end := closingQuote(s, at+1)
	if end < 0 {
		return "", 0, l.errorAt(at, "quote is never closed", s[at:], `end the word with "`)
	}
	return strings.ReplaceAll(s[at+1:end], `\"`, `"`), end + 1, nil
}

// closingQuote finds the first quote from at on that is not after an odd number
// of backslashes.
func closingQuote(s string, at int) int {
	odd := false
	for i := at; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			odd = !odd
		case s[i] == '"' && !odd:
			return i
		default:
			odd = false
		}
	}
	return -1
}

func parseRule(l line, at int) (*Rule, error) {
	r := &Rule{Pos: l.pos(0)}
	at = skipBlanks(l.text, at)
	if at >= len(l.text) {
		return nil, l.errorAt(at, "SecRule has no variables", "", `write SecRule ARGS "@rx …" "id:1,…"`)
	}
	targets := at
	var text string
	var err error
	if l.text[at] == '"' {
		text, at, err = l.word(at)
		if err != nil {
			return nil, err
		}
		targets++
	} else {
		text, at = l.targetWord(at)
	}
	if r.Targets, err = parseTargets(l, targets, text); err != nil {
		return nil, err
	}
	at = skipBlanks(l.text, at)
	if at >= len(l.text) {
		return nil, l.errorAt(at, "SecRule has no operator", "", `write it in quotes after the variables: "@rx …"`)
	}
	opAt := at
	op, at, err := l.word(at)
	if err != nil {
		return nil, err
	}
	if l.text[opAt] == '"' {
		opAt++
	}
	if r.Operator, err = parseOperator(l, opAt, op); err != nil {
		return nil, err
	}
	at = skipBlanks(l.text, at)
	if at >= len(l.text) {
		return r, nil
	}
	if r.Actions, err = parseActionWord(l, at); err != nil {
		return nil, err
	}
	return r, nil
}

// targetWord reads the bare list of variables: to the first blank that is not
// inside a quoted key.
func (l line) targetWord(at int) (string, int) {
	s := l.text
	quoted := false
	end := at
	for end < len(s) && (quoted || s[end] != ' ' && s[end] != '\t') {
		if s[end] == '\'' {
			quoted = !quoted
		}
		end++
	}
	if quoted { // a stray quote: read as ModSecurity does, to the first blank
		end = at
		for end < len(s) && s[end] != ' ' && s[end] != '\t' {
			end++
		}
	}
	return s[at:end], end
}

func parseSecAction(l line, at int) (*Rule, error) {
	r := &Rule{Pos: l.pos(0)}
	at = skipBlanks(l.text, at)
	if at >= len(l.text) {
		return nil, l.errorAt(at, "SecAction has no actions", "", `write SecAction "id:1,…"`)
	}
	var err error
	r.Actions, err = parseActionWord(l, at)
	return r, err
}

// parseActionWord reads the last word of a rule. A quoted list ends at the last
// quote of the line: quotes inside need no backslash, as in ModSecurity.
func parseActionWord(l line, at int) ([]Action, error) {
	s := l.text
	if s[at] != '"' {
		if i := strings.IndexAny(s[at:], " \t\""); i >= 0 {
			return nil, l.errorAt(at, "action list with blanks must be in quotes", s[at:], `write "id:1,phase:2,…"`)
		}
		return parseActions(l, at, s[at:])
	}
	if len(s)-at < 2 || s[len(s)-1] != '"' {
		return nil, l.errorAt(at, "quote is never closed", s[at:], `end the action list with "`)
	}
	return parseActions(l, at+1, s[at+1:len(s)-1])
}

// ParseTargets reads a list of targets such as ARGS|!ARGS:q. pos is where it stands.
func ParseTargets(pos Pos, text string) ([]Target, error) {
	l := line{file: pos.File, text: text, origins: []origin{{0, pos.Line, pos.Col}}}
	return parseTargets(l, 0, text)
}

func parseTargets(l line, at int, s string) ([]Target, error) {
	var list []Target
	i := 0
	for {
		t := Target{Pos: l.pos(at + i)}
		for i < len(s) && (s[i] == '!' || s[i] == '&') {
			if s[i] == '!' {
				t.Negated = true
			} else {
				t.Count = true
			}
			i++
		}
		start := i
		for i < len(s) && s[i] != ':' && s[i] != '|' {
			i++
		}
		name := strings.TrimSpace(s[start:i])
		v, ok := ParseVariable(name)
		if !ok {
			if c, known := lookup(VariableKind, name); known {
				return nil, l.errorAt(at+start, "variable "+c.Name+" is not supported", name, c.Note)
			}
			if name == "" {
				return nil, l.errorAt(at+start, "variable is missing", s, "write names separated by |")
			}
			return nil, unknown(VariableKind, l.pos(at+start), name)
		}
		t.Variable = v
		if i < len(s) && s[i] == ':' {
			keyAt := i + 1
			if !v.Keyed() {
				return nil, l.errorAt(at+i, v.String()+" has no members to select", s[i:], "remove the selector")
			}
			var err error
			if i, err = parseKey(l, at, s, keyAt, &t); err != nil {
				return nil, err
			}
		}
		list = append(list, t)
		if i >= len(s) {
			return list, nil
		}
		if s[i] != '|' {
			return nil, l.errorAt(at+i, "separator expected between variables", s[i:], "write |")
		}
		i++
	}
}

// parseKey reads what follows the colon of a target: a name, /a regular
// expression/, or '/a quoted one/'. It returns the index after it.
func parseKey(l line, at int, s string, i int, t *Target) (int, error) {
	quoted := i < len(s) && s[i] == '\''
	if quoted {
		i++
	}
	if i < len(s) && s[i] == '/' && t.Variable != XML {
		start := i + 1
		end := start
		for end < len(s) && s[end] != '/' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(s) {
			return 0, l.errorAt(at+i, "regular expression is never closed", s[i:], "end it with /")
		}
		t.Key, t.KeyIsRegexp = s[start:end], true
		i = end + 1
	} else {
		start := i
		for i < len(s) && s[i] != '|' && !(quoted && s[i] == '\'') {
			i++
		}
		t.Key = s[start:i]
		if t.Key == "" {
			return 0, l.errorAt(at+i, "selector is empty", s, "name a member or remove the colon")
		}
	}
	if quoted {
		if i >= len(s) || s[i] != '\'' {
			return 0, l.errorAt(at+i, "quote of the selector is never closed", s, "end it with '")
		}
		i++
	}
	return i, nil
}

func parseOperator(l line, at int, s string) (Operator, error) {
	op := Operator{Pos: l.pos(at)}
	rest := s
	if strings.HasPrefix(rest, "!") {
		op.Negated, rest = true, rest[1:]
	}
	if !strings.HasPrefix(rest, "@") {
		op.Name, op.Arg = "rx", strings.TrimSpace(rest)
		return op, nil
	}
	name, arg, _ := strings.Cut(rest[1:], " ")
	c, ok := lookup(OperatorKind, name)
	if !ok {
		return op, unknown(OperatorKind, op.Pos, name)
	}
	if c.Status == Refused {
		return op, &Error{op.Pos, "operator @" + c.Name + " is not supported", name, c.Note}
	}
	op.Name, op.Arg = c.Name, strings.TrimSpace(arg)
	return op, nil
}

// ParseActions reads a list of actions. pos is where it stands.
func ParseActions(pos Pos, text string) ([]Action, error) {
	l := line{file: pos.File, text: text, origins: []origin{{0, pos.Line, pos.Col}}}
	return parseActions(l, 0, text)
}

func parseActions(l line, at int, s string) ([]Action, error) {
	var list []Action
	start := 0
	quoted := false
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			switch {
			case s[i] == '\\':
				i++ // the escaped byte is neither quote nor comma
				continue
			case s[i] == '\'':
				quoted = !quoted
				continue
			case s[i] != ',' || quoted:
				continue
			}
		}
		end := min(i, len(s))
		a, err := parseAction(l, at, s, start, end)
		if err != nil {
			return nil, err
		}
		if a.Name != "" {
			list = append(list, a)
		}
		start = i + 1
	}
	if quoted {
		return nil, l.errorAt(at, "single quote in the action list is never closed", s, "end the value with '")
	}
	return list, nil
}

func parseAction(l line, at int, s string, start, end int) (Action, error) {
	start = skipBlanks(s, start)
	word := s[min(start, end):end]
	a := Action{Pos: l.pos(at + start)}
	name, arg, _ := strings.Cut(word, ":")
	a.Name = strings.ToLower(strings.TrimSpace(name))
	if a.Name == "" {
		if strings.TrimSpace(word) != "" {
			return a, l.errorAt(at+start, "action has no name", word, "write name:value")
		}
		return a, nil // a trailing comma
	}
	if _, ok := lookup(ActionKind, a.Name); !ok {
		return a, unknown(ActionKind, a.Pos, a.Name)
	}
	a.Arg = strings.TrimSpace(arg)
	if n := len(a.Arg); n >= 2 && a.Arg[0] == '\'' && a.Arg[n-1] == '\'' {
		a.Arg, a.Quoted = a.Arg[1:n-1], true
	}
	return a, nil
}
