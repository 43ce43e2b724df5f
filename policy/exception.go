package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/asset"
)

// Exception takes a rule, or what it looks at, away from those requests of a service
// that fulfil all its conditions. An empty condition holds for every request.
type Exception struct {
	ID        string `json:"id"`
	Revision  int64  `json:"revision"`
	ServiceID string `json:"service_id"`
	// RuleID is a rule, up to RuleIDLast if that is not zero; or Tag is a tag of
	// rules. One of RuleID and Tag is set.
	RuleID     int    `json:"rule_id,omitempty"`
	RuleIDLast int    `json:"rule_id_last,omitempty"`
	Tag        string `json:"tag,omitempty"`
	// Target is what the rules do not look at any more: a variable or a member of
	// one, "ARGS:q" or "REQUEST_COOKIES:/^sess/". Empty takes the whole rules away.
	Target string `json:"target,omitempty"`
	// PathPrefix holds for the path and what is below it, compared as sent. It holds
	// for no path with escapes, dot segments or doubled slashes, since these may mean
	// another path to the application.
	PathPrefix string   `json:"path_prefix,omitempty"`
	Methods    []string `json:"methods"`
	Sources    []string `json:"sources"` // networks of clients, CIDR or single address
	// Expires is when the exception ends; zero means never.
	Expires time.Time `json:"expires,omitzero"`
	// Owner and Comment are for people: whom to ask, and why there is an exception.
	Owner   string    `json:"owner"`
	Comment string    `json:"comment"`
	Enabled bool      `json:"enabled"`
	Created time.Time `json:"created,omitzero"`
}

// Limits of an exception's lists and texts, so that nothing grows without end.
const (
	maxExceptionList = 100
	maxExceptionText = 2000
)

// Validate returns every problem of the exception, joined. Whether the rules and the
// variable exist is for the engine to say.
func (x Exception) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if x.ServiceID == "" {
		wrong("service_id: an exception belongs to a service")
	}
	if (x.RuleID == 0) == (x.Tag == "") {
		wrong("rule_id: name either a rule or a tag")
	}
	if x.RuleID < 0 || x.RuleIDLast != 0 && x.RuleIDLast < x.RuleID {
		wrong("rule_id_last: must not be below rule_id, and neither may be negative")
	}
	if x.RuleIDLast != 0 && x.RuleID == 0 {
		wrong("rule_id_last: needs rule_id as the first of the range")
	}
	if _, err := parseTarget(x.Target); err != nil {
		wrong("target: %w", err)
	}
	if p := x.PathPrefix; p != "" && (!strings.HasPrefix(p, "/") || !plainPath(p) || strings.ContainsAny(p, "? \x00")) {
		wrong("path_prefix %q: must start with / and be plain: without escapes, semicolons, dot segments, doubled slashes or a query", p)
	}
	for i, m := range x.Methods {
		if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			wrong("methods[%d]: %q: want a method in capitals, such as GET", i, m)
		}
	}
	for i, s := range x.Sources {
		if _, err := asset.ParseNetwork(s); err != nil {
			wrong("sources[%d]: %w", i, err)
		}
	}
	if len(x.Methods) > maxExceptionList || len(x.Sources) > maxExceptionList {
		wrong("methods, sources: at most %d each", maxExceptionList)
	}
	if strings.TrimSpace(x.Comment) == "" {
		wrong("comment: say why, for those who find the exception later")
	}
	for _, f := range []struct{ name, text string }{
		{"tag", x.Tag},
		{"target", x.Target},
		{"path_prefix", x.PathPrefix},
		{"owner", x.Owner},
		{"comment", x.Comment},
	} {
		if len(f.text) > maxExceptionText {
			wrong("%s: at most %d bytes", f.name, maxExceptionText)
		}
	}
	return errors.Join(errs...)
}

// String is the scope in a few words: "rule 942100, ARGS:q, GET /search".
func (x Exception) String() string {
	parts := []string{"tag " + x.Tag}
	switch {
	case x.RuleIDLast > x.RuleID:
		parts[0] = fmt.Sprintf("rules %d to %d", x.RuleID, x.RuleIDLast)
	case x.Tag == "":
		parts[0] = fmt.Sprintf("rule %d", x.RuleID)
	}
	if x.Target != "" {
		parts = append(parts, x.Target)
	}
	if where := strings.TrimSpace(strings.Join(x.Methods, ", ") + " " + x.PathPrefix); where != "" {
		parts = append(parts, where)
	}
	if len(x.Sources) > 0 {
		parts = append(parts, "from "+strings.Join(x.Sources, ", "))
	}
	return strings.Join(parts, ", ")
}

// Networks is Sources parsed.
func (x Exception) Networks() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range x.Sources {
		p, err := asset.ParseNetwork(s)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// plainPath reports whether a path means the same to everybody. It says what the
// engine says (waf.Exception.PathPrefix); a test of the gateway holds both together.
func plainPath(path string) bool {
	return !strings.ContainsAny(path, `%\;`) && !strings.Contains(path, "/.") && !strings.Contains(path, "//")
}

// target is a parsed Exception.Target. The zero value is the empty one.
type target struct {
	variable string         // in capitals
	key      string         // "" for every member
	re       *regexp.Regexp // instead of key
}

// computed are the variables that the engine looks at whatever an exception says.
var computed = []string{"HIGHEST_SEVERITY", "MATCHED_VAR", "MATCHED_VAR_NAME", "MATCHED_VARS", "MATCHED_VARS_NAMES", "RULE", "TX"}

// parseTarget reads a target: a variable, NAME:member or NAME:/expression/. Negation,
// counting and lists, which rules know too, say nothing in an exception.
func parseTarget(s string) (target, error) {
	if s == "" {
		return target{}, nil
	}
	name, member, keyed := strings.Cut(s, ":")
	if name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return target{}, fmt.Errorf("%q: want a variable such as ARGS, or a member such as ARGS:q", s)
	}
	t := target{variable: strings.ToUpper(name), key: member}
	if slices.Contains(computed, t.variable) {
		return target{}, fmt.Errorf("%q: this is what the rules themselves computed; leave the target out to take the whole rule away", s)
	}
	if !keyed {
		return t, nil
	}
	if member == "" {
		return target{}, fmt.Errorf("%q: name a member after the colon, or leave the colon out", s)
	}
	if member[0] != '/' || t.variable == "XML" { // members of XML are paths
		if strings.ContainsAny(member, "|'") {
			return target{}, fmt.Errorf(`%q: a member with | or ' needs an expression, such as ARGS:/^a\x7cb$/`, s)
		}
		return t, nil
	}
	expr := member[1:]
	end := 0
	for end < len(expr) && expr[end] != '/' {
		if expr[end] == '\\' {
			end++
		}
		end++
	}
	if end != len(expr)-1 {
		return target{}, fmt.Errorf(`%q: an expression stands between two slashes; write one inside it as \/`, s)
	}
	re, err := regexp.Compile("(?i)" + expr[:end])
	if err != nil {
		return target{}, fmt.Errorf("%q: %w", s, err)
	}
	t.key, t.re = "", re
	return t, nil
}

// covers reports whether a match at a variable, "ARGS:q", is one of what the target
// takes away.
func (t target) covers(variable string) bool {
	name, member, _ := strings.Cut(variable, ":")
	if !slices.Contains(alsoNamed(t.variable), name) {
		return false
	}
	switch {
	case t.re != nil:
		return t.re.MatchString(member)
	case t.key == "":
		return true
	}
	return strings.EqualFold(t.key, member)
}

// alsoNamed returns the variables that are the same values under other names.
func alsoNamed(variable string) []string {
	switch variable {
	case "ARGS", "ARGS_NAMES":
		group, suffix := "ARGS", strings.TrimPrefix(variable, "ARGS")
		return []string{variable, group + "_GET" + suffix, group + "_POST" + suffix}
	}
	return []string{variable}
}
