package build

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/rx"
)

// operatorContext is what operators are made from. Equal expressions and equal lists of
// phrases are compiled once: the rule set has many of both.
//
// Operators with the same expression share its automaton and the states that values made of it.
type operatorContext struct {
	// files is nil if there are none.
	files fs.FS
	// dir is where data files are looked for first.
	dir  string // of the file of the rule
	slot func(string) int32
	// regexps are by the pattern as written.
	regexps map[string]*rx.Regexp
	// phrases are named by the text of the list or by the file.
	phrases map[string]run.Operator
}

// regexp compiles a regular expression, once. Patterns that are wrong are not kept.
func (c *operatorContext) regexp(pattern string) (*rx.Regexp, error) {
	if r, ok := c.regexps[pattern]; ok {
		return r, nil
	}
	r, err := rx.Compile(pattern)
	if err == nil {
		c.regexps[pattern] = r
	}
	return r, err
}

// newOperator returns the operator of that name with an argument as written. name is in the
// language's spelling. An error says what is wrong and, after a semicolon, what to write.
//
//	"@rx ^a"          regexp
//	"@pmFromFile f"   list of phrases, in the file beside the rule
//	"@eq %{tx.n}"     comparison with a text that may have references
func newOperator(c *operatorContext, name, arg string) (run.Operator, error) {
	switch name {
	// rxGlobal captures all matches in ModSecurity; whether there is one decides in both.
	case "rx", "rxGlobal":
		r, err := c.regexp(arg)
		if err != nil {
			return nil, fmt.Errorf("%w; the syntax is RE2's, without look-around and backreferences", err)
		}
		return run.NewRegexp(r), nil
	// Words are separated by white space.
	case "pm":
		return c.phraseList(strings.Fields(arg), arg)
	case "pmFromFile", "pmf":
		lines, err := c.lines(arg)
		if err != nil {
			return nil, err
		}
		return c.phraseList(lines, "file:"+arg)
	// Addresses and networks in CIDR notation, both families.
	case "ipMatch":
		return run.NewIPMatch(strings.Split(arg, ","))
	case "ipMatchFromFile", "ipMatchF":
		lines, err := c.lines(arg)
		if err != nil {
			return nil, err
		}
		return run.NewIPMatch(lines)
	// The argument lists bytes and ranges, "32-126,9"; a value with any other byte matches.
	case "validateByteRange":
		return run.NewByteRange(arg)
	// A regular expression finds candidates, a check sum decides (Luhn for credit cards).
	case "verifyCC", "verifyCPF", "verifySSN", "verifySVNR":
		r, err := c.regexp(arg)
		if err != nil {
			return nil, err
		}
		return run.NewIDCheck(name, r), nil
	// The argument is a country and a regular expression.
	case "validateNid":
		country, pattern, _ := strings.Cut(strings.TrimSpace(arg), " ")
		r, err := c.regexp(strings.TrimSpace(pattern))
		if err != nil {
			return nil, err
		}
		op := run.NewNationalIDCheck(country, r)
		if op == nil {
			return nil, fmt.Errorf("@validateNid knows no country %q; write cl or us and a regular expression", country)
		}
		return op, nil
	}
	// Detectors have no argument: @detectSQLi, @detectXSS and the like.
	if op := run.NewDetector(name); op != nil {
		return op, nil
	}
	// All others compare with an argument that may have references.
	m, err := run.ParseMacro(arg, c.slot)
	if err != nil {
		return nil, err
	}
	if op := run.NewComparison(name, m); op != nil {
		return op, nil
	}
	return nil, fmt.Errorf("operator @%s is not implemented", name)
}

// lines reads the lines of a data file beside the rule, without comments. Blank lines and those
// that begin with # are comments. The file is read whole, into memory; lines have at most 1 MiB.
func (c *operatorContext) lines(name string) ([]string, error) {
	if c.files == nil {
		return nil, errors.New("there are no data files here; write the words in the rule with @pm")
	}
	// Names are slash-separated paths of an fs.FS, which has no way out of its root.
	text, err := fs.ReadFile(c.files, path.Join(c.dir, name))
	if err != nil {
		// Rules of the operator may name data files of the rule set.
		if text, err = fs.ReadFile(c.files, path.Clean(name)); err != nil {
			return nil, fmt.Errorf("data file %q cannot be read; it must stand beside the rule", name)
		}
	}
	var list []string
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if l := strings.TrimSpace(sc.Text()); l != "" && l[0] != '#' {
			list = append(list, l)
		}
	}
	return list, sc.Err()
}

// phraseList returns the operator for a list; equal lists share one.
func (c *operatorContext) phraseList(list []string, name string) (run.Operator, error) {
	if o, ok := c.phrases[name]; ok {
		return o, nil
	}
	o, err := run.NewPhrases(name, list)
	if err != nil {
		return nil, err
	}
	c.phrases[name] = o
	return o, nil
}
