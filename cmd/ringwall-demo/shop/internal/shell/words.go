package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

type piece struct{ text, sep string }

// splitList cuts a script at ; & && || and newlines that no quote or bracket
// protects, and drops comments.
func splitList(src string) ([]piece, error) {
	var parts []piece
	start := 0
	cut := func(end, next int, sep string) {
		parts = append(parts, piece{src[start:end], sep})
		start = next
	}
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n;&|(", src[i-1]) >= 0):
			end := strings.IndexByte(src[i:], '\n')
			if end < 0 {
				end = len(src) - i
			}
			src = src[:i] + src[i+end:]
		case c == '>' && strings.HasPrefix(src[i:], ">&"), c == '&' && strings.HasPrefix(src[i:], "&>"):
			i += 2
		case strings.HasPrefix(src[i:], "&&"), strings.HasPrefix(src[i:], "||"):
			cut(i, i+2, src[i:i+2])
			i += 2
		case c == ';' || c == '&' || c == '\n' || c == '\r':
			cut(i, i+1, ";")
			i++
		default:
			n, err := skip(src, i)
			if err != nil {
				return nil, err
			}
			i = n
		}
	}
	cut(len(src), len(src), "")
	return parts, nil
}

// splitPipe cuts a pipeline at its | signs.
func splitPipe(src string) ([]string, error) {
	var parts []string
	start := 0
	for i := 0; i < len(src); {
		if src[i] == '|' {
			parts = append(parts, src[start:i])
			start = i + 1
			if start < len(src) && src[start] == '&' {
				start++
			}
			i = start
			continue
		}
		n, err := skip(src, i)
		if err != nil {
			return nil, err
		}
		i = n
	}
	return append(parts, src[start:]), nil
}

// skip returns the index behind the element at src[i]: one byte, or a whole quoted
// or bracketed group.
func skip(src string, i int) (int, error) {
	switch src[i] {
	case '\\':
		return min(i+2, len(src)), nil
	case '\'':
		end := strings.IndexByte(src[i+1:], '\'')
		if end < 0 {
			return 0, errors.New("syntax error: unterminated quoted string")
		}
		return i + end + 2, nil
	case '"':
		for j := i + 1; j < len(src); {
			switch src[j] {
			case '"':
				return j + 1, nil
			case '\'': // an apostrophe inside double quotes means itself
				j++
			case '(': // so does a bracket that no $ precedes
				j++
			default:
				n, err := skip(src, j)
				if err != nil {
					return 0, err
				}
				j = n
			}
		}
		return 0, errors.New("syntax error: unterminated quoted string")
	case '`':
		for j := i + 1; j < len(src); j++ {
			if src[j] == '\\' {
				j++
			} else if src[j] == '`' {
				return j + 1, nil
			}
		}
		return 0, errors.New("syntax error: EOF in backquote substitution")
	case '$':
		if i+1 < len(src) && (src[i+1] == '(' || src[i+1] == '{') {
			return skip(src, i+1)
		}
	case '(', '{':
		if src[i] == '{' && (i == 0 || src[i-1] != '$') && (i+1 >= len(src) || src[i+1] != ' ') {
			return i + 1, nil // a brace in a word is a brace
		}
		closing := byte(')')
		if src[i] == '{' {
			closing = '}'
		}
		for j := i + 1; j < len(src); {
			if src[j] == closing {
				return j + 1, nil
			}
			n, err := skip(src, j)
			if err != nil {
				return 0, err
			}
			j = n
		}
		return 0, errors.New("syntax error: end of file unexpected (expecting \")\")")
	case ')':
		return 0, errors.New("syntax error: \")\" unexpected")
	}
	return i + 1, nil
}

// A word is an argument after expansion, or a redirection operator.
type word struct {
	text     string
	operator bool
}

// words expands one simple command into its words.
func (r *run) words(src string, depth int) ([]word, error) {
	var list []word
	var cur strings.Builder
	open, glob := false, false
	flush := func() {
		if !open {
			return
		}
		for _, t := range r.globbed(cur.String(), glob) {
			list = append(list, word{text: t})
		}
		cur.Reset()
		open, glob = false, false
	}
	split := func(s string) { // an unquoted expansion falls apart at white space
		for i, f := range strings.Fields(s) {
			if i > 0 || strings.TrimLeft(s, " \t\n") != s {
				flush()
			}
			cur.WriteString(f)
			open = true
		}
		if strings.TrimRight(s, " \t\n") != s {
			flush()
		}
	}
	for i := 0; i < len(src); {
		if cur.Len() > maxOutput || len(list) > maxSteps {
			return nil, errors.New("argument list too long")
		}
		c := src[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			flush()
			i++
			continue
		}
		if op := redirection(src[i:], open); op != "" {
			flush()
			list = append(list, word{op, true})
			i += len(op)
			continue
		}
		n, err := skip(src, i)
		if err != nil {
			return nil, err
		}
		element := src[i:n]
		switch {
		case c == '\\':
			cur.WriteString(element[1:])
			open = true
		case c == '\'':
			cur.WriteString(element[1 : len(element)-1])
			open = true
		case c == '"':
			s, err := r.quoted(element[1:len(element)-1], depth)
			if err != nil {
				return nil, err
			}
			cur.WriteString(s)
			open = true
		case c == '$' || c == '`':
			s, size, err := r.substitute(src[i:], depth)
			if err != nil {
				return nil, err
			}
			split(s)
			n = i + size
		default:
			glob = glob || strings.ContainsAny(element, "*?[")
			cur.WriteString(element)
			open = true
		}
		i = n
	}
	flush()
	return list, nil
}

// redirection returns the operator that src begins with. Inside a word a digit
// belongs to the word: "a2>x" writes "a2".
func redirection(src string, inWord bool) string {
	for _, op := range []string{"2>&1", "1>&2", "2>>", "1>>", "2>", "1>", "0<"} {
		if !inWord && strings.HasPrefix(src, op) {
			return op
		}
	}
	for _, op := range []string{"&>", ">&2", ">>", ">", "<"} {
		if strings.HasPrefix(src, op) {
			return op
		}
	}
	return ""
}

// quoted expands what stands between double quotes.
func (r *run) quoted(src string, depth int) (string, error) {
	var b strings.Builder
	for i := 0; i < len(src); {
		if b.Len() > maxOutput {
			return "", errors.New("argument list too long")
		}
		switch c := src[i]; {
		case c == '\\' && i+1 < len(src) && strings.IndexByte("$`\"\\\n", src[i+1]) >= 0:
			b.WriteByte(src[i+1])
			i += 2
		case c == '$' || c == '`':
			s, size, err := r.substitute(src[i:], depth)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
			i += size
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), nil
}

// substitute expands the $… or `…` that src begins with and tells its length.
func (r *run) substitute(src string, depth int) (string, int, error) {
	if src[0] == '`' {
		n, err := skip(src, 0)
		if err != nil {
			return "", 0, err
		}
		inner := strings.NewReplacer("\\`", "`", `\\`, `\`, `\$`, `$`).Replace(src[1 : n-1])
		return r.capture(inner, depth), n, nil
	}
	if len(src) == 1 {
		return "$", 1, nil
	}
	switch c := src[1]; {
	case strings.HasPrefix(src, "$(("):
		n, err := skip(src, 0)
		if err != nil {
			return "", 0, err
		}
		if inner, ok := strings.CutSuffix(src[3:n], "))"); ok {
			v, err := r.arithmetic(inner, depth)
			return v, n, err
		}
		return r.capture(src[2:n-1], depth), n, nil
	case c == '(':
		n, err := skip(src, 0)
		if err != nil {
			return "", 0, err
		}
		return r.capture(src[2:n-1], depth), n, nil
	case c == '{':
		n, err := skip(src, 0)
		if err != nil {
			return "", 0, err
		}
		name, fallback, _ := strings.Cut(src[2:n-1], ":-")
		if v := r.variable(name); v != "" || fallback == "" {
			return v, n, nil
		}
		v, err := r.quoted(fallback, depth+1)
		return v, n, err
	case strings.IndexByte("?$#@*!-", c) >= 0 || c >= '0' && c <= '9':
		return r.variable(src[1:2]), 2, nil
	}
	n := 1
	for n < len(src) && isName(src[1:n+1]) {
		n++
	}
	if n == 1 {
		return "$", 1, nil
	}
	return r.variable(src[1:n]), n, nil
}

// capture runs a command substitution.
func (r *run) capture(src string, depth int) string {
	var out output
	r.script(src, "", &out, depth+1)
	return strings.TrimRight(out.b.String(), "\n")
}

// arithmetic evaluates + - * / % and brackets over integers.
func (r *run) arithmetic(src string, depth int) (string, error) {
	if depth > maxDepth {
		return "", errors.New("nested too deep")
	}
	text, err := r.quoted(src, depth+1)
	if err != nil {
		return "", err
	}
	p := sum{src: text, vars: r.vars}
	v := p.terms(0)
	if p.space(); p.i < len(p.src) || p.bad {
		return "", fmt.Errorf("arithmetic expression: expecting primary: %q", strings.TrimSpace(text))
	}
	return fmt.Sprint(v), nil
}

type sum struct {
	src  string
	i    int
	bad  bool
	vars map[string]string
}

func (p *sum) space() {
	for p.i < len(p.src) && strings.IndexByte(" \t\n", p.src[p.i]) >= 0 {
		p.i++
	}
}

func (p *sum) next(set string) byte {
	if p.space(); p.i < len(p.src) && strings.IndexByte(set, p.src[p.i]) >= 0 {
		p.i++
		return p.src[p.i-1]
	}
	return 0
}

func (p *sum) terms(depth int) int64 {
	v := p.factors(depth)
	for op := p.next("+-"); op != 0; op = p.next("+-") {
		if w := p.factors(depth); op == '+' {
			v += w
		} else {
			v -= w
		}
	}
	return v
}

func (p *sum) factors(depth int) int64 {
	v := p.primary(depth)
	for op := p.next("*/%"); op != 0; op = p.next("*/%") {
		w := p.primary(depth)
		switch {
		case op == '*':
			v *= w
		case w == 0:
			p.bad = true
		case op == '/':
			v /= w
		default:
			v %= w
		}
	}
	return v
}

func (p *sum) primary(depth int) int64 {
	if depth > 64 {
		p.bad = true
		return 0
	}
	switch p.next("(+-") {
	case '(':
		v := p.terms(depth + 1)
		p.bad = p.bad || p.next(")") == 0
		return v
	case '-':
		return -p.primary(depth + 1)
	case '+':
		return p.primary(depth + 1)
	}
	start := p.i
	for p.i < len(p.src) && (isName("a"+p.src[start:p.i+1]) || p.src[p.i] >= '0' && p.src[p.i] <= '9') {
		p.i++
	}
	text := p.src[start:p.i]
	if isName(text) {
		text = p.vars[text]
		if text == "" {
			text = "0"
		}
	}
	var v int64
	if _, err := fmt.Sscanf(text, "%d", &v); err != nil {
		p.bad = true
	}
	return v
}

// globbed expands file name patterns; one that matches nothing, or commands such
// as /???/c?t, stays as it is or becomes the command.
func (r *run) globbed(text string, glob bool) []string {
	if !glob || len(text) > 256 || strings.Count(text, "*") > 4 {
		return []string{text}
	}
	if dir := path.Dir(text); dir != "." {
		for _, name := range sortedCommands() {
			if ok, _ := path.Match(text, "/bin/"+name); ok {
				return []string{"/bin/" + name}
			}
		}
	}
	names, err := fs.Glob(r.root.FS(), strings.TrimPrefix(path.Clean(text), "/"))
	if err != nil || len(names) == 0 {
		return []string{text}
	}
	slices.Sort(names)
	if strings.HasPrefix(text, "/") {
		for i := range names {
			names[i] = "/" + names[i]
		}
	}
	return names
}
