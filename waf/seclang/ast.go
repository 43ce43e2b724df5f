// Package seclang reads and prints the rule language of ModSecurity, Coraza and
// the OWASP Core Rule Set.
//
// It knows words, not effects: Parse gives directives with their places, Load
// follows Include, Check tells what this engine refuses and why, Format prints
// text that parses to the same directives again. Constructs lists every word of
// the language with what becomes of it; nothing is silently ignored.
//
// The package opens no files but those of the fs.FS that Load is given.
//
// Stability: the types may grow fields; text that parses will go on parsing.
package seclang

import (
	"fmt"
	"strings"
)

// Pos is a place in rule text. Line and Col count from 1, Col in bytes.
type Pos struct {
	File      string
	Line, Col int
}

// String returns file:line:col.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Error is a mistake in rule text: where, what, the text it is about, and a way out.
type Error struct {
	Pos Pos
	// Msg says what is wrong, Text is the offending text, Hint the way out. Text
	// and Hint may be empty.
	Msg, Text, Hint string
}

// Error returns `file:line:col: message: "text" (hint)`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Pos.String())
	b.WriteString(": ")
	b.WriteString(e.Msg)
	if e.Text != "" {
		text := e.Text
		if len(text) > 80 {
			text = text[:77] + "..."
		}
		fmt.Fprintf(&b, ": %q", text)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Directive is one statement of the language.
type Directive struct {
	Pos Pos
	// Name in its usual spelling: "SecRule", "SecMarker", "Include".
	Name string
	// Args are the unquoted words after the name, nil for SecRule and SecAction.
	Args []string
	// Rule is set for SecRule and SecAction, else nil.
	Rule *Rule
}

// Rule is a SecRule or a SecAction. A rule that continues a chain is a directive
// of its own that follows the one with the action "chain".
type Rule struct {
	Pos Pos
	// Targets and Operator are empty for SecAction.
	Targets  []Target
	Operator Operator
	Actions  []Action
}

// Unconditional reports whether r is a SecAction.
func (r *Rule) Unconditional() bool { return len(r.Targets) == 0 }

// Find returns the last action with the name, as a later one overrides an earlier.
func (r *Rule) Find(name string) (Action, bool) {
	for i := len(r.Actions) - 1; i >= 0; i-- {
		if r.Actions[i].Name == name {
			return r.Actions[i], true
		}
	}
	return Action{}, false
}

// Target names values that a rule looks at: ARGS, &ARGS, ARGS:q, !ARGS:/re/.
type Target struct {
	Pos Pos
	// Negated takes values away from the targets before it; Count stands for the
	// number of values.
	Negated, Count bool
	Variable       Variable
	// Key selects members of a collection, "" all. With KeyIsRegexp it is a
	// regular expression, written between slashes.
	Key         string
	KeyIsRegexp bool
}

// Operator is the test of a rule. Name is in its usual spelling without the @.
type Operator struct {
	Pos     Pos
	Negated bool
	Name    string
	Arg     string
}

// Action is one word of an action list. Name is in lower case. Quoted tells that
// Arg stood between single quotes, which are not part of it.
type Action struct {
	Pos    Pos
	Name   string
	Arg    string
	Quoted bool
}
