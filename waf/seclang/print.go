package seclang

import "strings"

// Format prints directives so that Parse gives the same ones again, apart from
// their places. Comments are not kept, since Parse does not keep them.
func Format(list []Directive) string {
	var b strings.Builder
	for _, d := range list {
		b.WriteString(d.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// String prints the directive; actions stand one on a line.
func (d Directive) String() string {
	var b strings.Builder
	b.WriteString(d.Name)
	if d.Rule == nil {
		for _, a := range d.Args {
			b.WriteByte(' ')
			writeQuoted(&b, a)
		}
		return b.String()
	}
	if !d.Rule.Unconditional() {
		b.WriteByte(' ')
		targets := FormatTargets(d.Rule.Targets)
		if hasBareBlank(d.Rule.Targets) {
			writeQuoted(&b, targets)
		} else {
			b.WriteString(targets)
		}
		b.WriteByte(' ')
		op := d.Rule.Operator.String()
		if bare := strings.TrimPrefix(strings.Replace(op, "@rx ", "", 1), " "); !quotable(op) && d.Rule.Operator.Name == "rx" {
			op = bare // it stood without quotes, since it cannot stand in them
		}
		writeQuoted(&b, op)
	}
	if len(d.Rule.Actions) > 0 {
		b.WriteString(" \\\n    \"")
		for i, a := range d.Rule.Actions {
			if i > 0 {
				b.WriteString(",\\\n    ")
			}
			b.WriteString(a.String())
		}
		b.WriteByte('"')
	} else if d.Rule.Unconditional() {
		b.WriteString(` ""`)
	}
	return b.String()
}

// quotable reports whether s reads the same in quotes. A backslash before a quote or
// at the end does not; such words stand without quotes.
func quotable(s string) bool {
	quoted := strings.ReplaceAll(s, `"`, `\"`)
	return closingQuote(quoted+`"`, 0) == len(quoted) && strings.ReplaceAll(quoted, `\"`, `"`) == s
}

func writeQuoted(b *strings.Builder, s string) {
	if !quotable(s) && s != "" && !strings.ContainsAny(s, " \t") && s[0] != '"' {
		b.WriteString(s)
		return
	}
	b.WriteByte('"')
	b.WriteString(strings.ReplaceAll(s, `"`, `\"`))
	b.WriteByte('"')
}

// hasBareBlank reports whether a key has a blank and a quote, so that only quotes
// around all targets keep it together.
func hasBareBlank(list []Target) bool {
	for _, t := range list {
		if strings.ContainsAny(t.Key, " \t") && strings.Contains(t.Key, "'") {
			return true
		}
	}
	return false
}

// FormatTargets prints a list of targets.
func FormatTargets(list []Target) string {
	var b strings.Builder
	for i, t := range list {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(t.String())
	}
	return b.String()
}

// String prints the target: !ARGS:/re/.
func (t Target) String() string {
	var b strings.Builder
	if t.Negated {
		b.WriteByte('!')
	}
	if t.Count {
		b.WriteByte('&')
	}
	b.WriteString(t.Variable.String())
	if t.Key == "" && !t.KeyIsRegexp {
		return b.String()
	}
	b.WriteByte(':')
	key := t.Key
	if t.KeyIsRegexp {
		key = "/" + key + "/"
	}
	if !t.KeyIsRegexp && strings.ContainsAny(key, " \t|") && !strings.Contains(key, "'") || t.KeyIsRegexp && strings.ContainsAny(key, " \t") {
		key = "'" + key + "'"
	}
	b.WriteString(key)
	return b.String()
}

// String prints the operator: !@rx ….
func (o Operator) String() string {
	s := "@" + o.Name
	if o.Negated {
		s = "!" + s
	}
	if o.Arg != "" {
		s += " " + o.Arg
	}
	return s
}

// String prints the action: name, name:value or name:'value'.
func (a Action) String() string {
	switch {
	case a.Quoted:
		return a.Name + ":'" + a.Arg + "'"
	case a.Arg == "":
		return a.Name
	}
	return a.Name + ":" + a.Arg
}
