// Package prose says in English what a rule looks for.
//
// It makes sentences of what the rule language says, so it does for rules of an operator
// what it does for those of the Core Rule Set. It knows nothing of transactions and
// decides nothing. It does not say what a rule does when it matches: that is in package
// run, which knows the actions.
//
// A condition reads "subject, after transformations, predicate":
//
//   - prose.go: conditions, from targets as the subject to operators as the predicate.
//   - pattern.go: regular expressions, which are told by the words in them.
//   - words.go: the nouns for variables and the verbs for transformations.
//
// All functions are pure and safe for use by several goroutines. They run when somebody
// reads an explanation and are not made to be fast. Quotations are shortened and control
// characters in them replaced, since rules may come from others than the reader.
//
// Stability: the wording may change at any time; it is for people, not for programs.
package prose

import (
	"fmt"
	"strings"

	"github.com/ringwall/ringwall/waf/seclang"
)

// Link is one condition of a rule; a chain has several.
type Link struct {
	// Targets and Operator are those of the rule, none for one that looks at nothing.
	// Exceptions (!ARGS:q) are among the targets.
	Targets  []seclang.Target
	Operator seclang.Operator
	// Transformations are the names of those that a value goes through, in order, in any
	// case.
	Transformations []string
	// EachStep tells that the value is tested before and after each of them (multiMatch).
	EachStep bool
	// Phrases is the list of an operator that has one, such as @pmFromFile. If it is
	// empty the words of the argument are taken.
	Phrases []string
	// Number resolves the argument of an operator that compares, "%{tx.max_num_args}",
	// nil if it is as written. It returns what it cannot resolve in some readable form.
	Number func(arg string) string
}

// Rule returns a sentence for the conditions of a rule: "Matches if …, and if …". It is
// "" for no conditions.
//
//	SecRule REQUEST_METHOD "@streq POST" "id:1,chain"
//	    SecRule &ARGS "@eq 0"
//	Matches if the method is “POST”, and then if there is no parameter.
func Rule(links []Link) string {
	if len(links) == 0 {
		return ""
	}
	var b strings.Builder
	for i, l := range links {
		switch {
		case len(l.Targets) == 0 && len(links) == 1:
			return "Applies to every request; it looks at nothing."
		// A link without a test in the middle of a chain is no condition.
		case len(l.Targets) == 0:
			continue
		case b.Len() == 0:
			b.WriteString("Matches if ")
		case i > 0:
			b.WriteString(", and then if ")
		}
		b.WriteString(l.String())
	}
	b.WriteByte('.')
	return b.String()
}

// String is the condition as a clause without a full stop. It may be long: every target
// is in it.
//
// A value is the subject of one test of many, so the sentence says "any parameter", which
// is how rules look at collections: one member that fulfils the predicate is enough.
//
//	SecRule ARGS|REQUEST_COOKIES "@detectSQLi" "t:urlDecodeUni,t:removeNulls"
//	any parameter or cookie, after URL decoding and removing NUL bytes, is SQL injection …
func (l Link) String() string {
	// "There is no request header “Host”" reads better than "the number of request
	// headers named “Host” is 0", which is what the rule says.
	if s, ok := l.presence(); ok {
		return s
	}
	subject := targets(l.Targets)
	verb := operator(l)
	if how := transformations(l.Transformations); how != "" {
		if l.EachStep {
			how = "as it is or at any step of " + how
		} else {
			how = "after " + how
		}
		return subject + ", " + how + ", " + verb
	}
	return subject + " " + verb
}

// presence says what a rule asks that only wants to know whether something is there:
// "there is no request header “Host”". It is not ok for other rules: for several targets,
// where each would need a clause, and with transformations, which change what is counted.
//
//	&REQUEST_HEADERS:Host "@eq 0"   there is no request header “Host”
//	REQBODY_ERROR "!@eq 0"          the request body cannot be parsed
//	&TX:mine "@eq 0"                the value tx.mine is not set
func (l Link) presence() (string, bool) {
	if len(l.Targets) != 1 || len(l.Transformations) > 0 {
		return "", false
	}
	arg := l.Operator.Arg
	if l.Number != nil {
		arg = l.Number(arg)
	}
	var there bool
	// The ways in which rules write "none" and "some", by the operator with its argument.
	switch l.Operator.Name + " " + arg {
	case "eq 0", "lt 1":
		there = false
	case "eq 1":
		there = true
		// Of a variable of TX there is one at most, so exactly one is some.
		if t := l.Targets[0]; t.Count && t.Variable != seclang.TX {
			return "", false // exactly one
		}
	case "gt 0", "ge 1":
		there = true
	default:
		return "", false
	}
	// "!@eq 0" is some, "!@gt 0" none.
	there = there != l.Operator.Negated
	t := l.Targets[0]
	t.Count = false
	// Marks are variables that are 1 if something is so. Their nouns in words.go are
	// worded so that what follows is a clause by itself.
	if mark, ok := strings.CutPrefix(target(t), "the mark that "); ok && there {
		return mark, true
	}
	switch {
	case !l.Targets[0].Count:
		return "", false
	case t.Variable == seclang.TX && t.Key != "" && !t.KeyIsRegexp:
		if there {
			return target(t) + " is set", true
		}
		return target(t) + " is not set", true
	}
	// The article goes, since "there is a" brings one.
	s := strings.TrimPrefix(strings.TrimPrefix(target(t), "any "), "the ")
	switch {
	case !there:
		return "there is no " + s, true
	// No noun that comes here begins with u.
	case strings.ContainsRune("aeio", rune(s[0])):
		return "there is an " + s, true
	}
	return "there is a " + s, true
}

// targets is a list such as "any cookie, parameter or the path (but not …)", in the order
// of the rule. Exceptions come last and in parentheses, whatever their place in the rule,
// since they hold for all targets of their variable:
//
//	ARGS|!ARGS:note|REQUEST_BASENAME
//	any parameter or the last part of the path (but not the parameter “note”)
func targets(list []seclang.Target) string {
	var yes, no []string
	afterAny := false // the one before is "any …" too, which stands for both
	for _, t := range list {
		s := target(t)
		if t.Negated {
			no = append(no, s)
			continue
		}
		// TX is left out of this, since its noun has a clause after it.
		if bare, ok := strings.CutPrefix(s, "any "); ok && afterAny {
			s = bare
		} else {
			afterAny = ok && t.Variable != seclang.TX
		}
		yes = append(yes, s)
	}
	s := join(yes, "or")
	if len(no) > 0 {
		s += " (but not " + join(no, "or") + ")"
	}
	return s
}

// target is one group of values in words. What words.go lacks goes by its name in the
// language, with "member of" for collections.
//
//	ARGS          any parameter
//	ARGS:q        the parameter “q”
//	ARGS:/^q/     any parameter whose name matches “^q”
//	&ARGS         the number of parameters
//	REQUEST_URI   the path with the query
func target(t seclang.Target) string {
	n, known := nouns[t.Variable]
	if !known {
		n = noun{one: t.Variable.String()}
		if t.Variable.Keyed() {
			n = noun{one: "member of " + t.Variable.String(), many: "members of " + t.Variable.String()}
		}
	}
	switch {
	case t.Variable == seclang.TX:
		return txVariable(t)
	// The keys of XML are XPath expressions, which say little to most readers; the engine
	// knows texts (/*) and attributes (//@*).
	case t.Variable == seclang.XML && t.Key != "":
		what := "text in XML"
		if strings.Contains(t.Key, "@") {
			what = "attribute value in XML"
		}
		if t.Count {
			return "the number of " + what + "s"
		}
		if t.Negated {
			return what
		}
		return "any " + what
	// From here on counts come first: a noun without a plural is a variable of one value.
	case t.Count && n.many == "":
		return "the number of values of " + n.one
	case t.Count && t.Key == "":
		return "the number of " + n.many
	case t.Count:
		return "the number of " + n.many + " named " + key(t)
	case n.many == "":
		return n.one
	case t.Key == "":
		return n.any()
	case t.KeyIsRegexp:
		return n.any() + " whose name matches " + quote(t.Key)
	}
	return "the " + n.one + " " + key(t)
}

// key is the name of a member in words, for nouns in the plural: "named “q”", "named like
// “^q”".
func key(t seclang.Target) string {
	if t.KeyIsRegexp {
		return "like " + quote(t.Key)
	}
	return quote(t.Key)
}

// txVariable is a variable that rules set: a setting, a score, or what a pattern
// captured. Captures have digits for names, TX:0 the whole match.
func txVariable(t seclang.Target) string {
	var what string
	switch {
	case t.Key == "" || t.KeyIsRegexp:
		what = "any value that rules noted"
		if t.KeyIsRegexp {
			what += " under a name that matches " + quote(t.Key)
		}
		if t.Count {
			return "the number of " + strings.TrimPrefix(strings.Replace(what, "any value", "any values", 1), "any ")
		}
		return what
	case t.Key == "0":
		what = "what the pattern found"
	case len(t.Key) == 1 && t.Key[0] >= '1' && t.Key[0] <= '9':
		what = "part " + t.Key + " of what the pattern found"
	default:
		what = "the value tx." + strings.ToLower(t.Key)
	}
	// The number of a single variable is whether it is set.
	if t.Count {
		return "whether " + what + " is set, 1 or 0,"
	}
	return what
}

// join makes "a, b or c". It is "" for an empty list.
func join(list []string, word string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + word + " " + list[len(list)-1]
}

// quote puts text between quotation marks, cut if it is long. Nothing in it is escaped:
// typographic marks keep apart what rules write with straight ones.
func quote(s string) string { return "“" + shorten(s, maxQuote) + "”" }

// maxQuote is how many characters of a pattern or an argument a sentence shows. A longer
// pattern is told by its words, see pattern.
const maxQuote = 90

// shorten cuts a text after so many characters, and makes those visible that a terminal
// would obey: control characters, escape among them. limit counts runes, with the
// ellipsis.
func shorten(s string, limit int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·")))
	if len(runes) <= limit {
		return string(runes)
	}
	return string(runes[:limit-1]) + "…"
}

// transformations is "URL decoding and removing NUL bytes", "" for none.
func transformations(names []string) string {
	var words []string
	for _, n := range names {
		w, ok := steps[strings.ToLower(n)]
		if !ok {
			w = "the transformation " + n
		}
		words = append(words, w)
	}
	return join(words, "and")
}

// Transformation says in a few words what a transformation does: "URL decoding". Names
// that are not known come back as they are. The name may be in any case.
func Transformation(name string) string {
	if w, ok := steps[strings.ToLower(name)]; ok {
		return w
	}
	return name
}

// operator is the predicate: "contains one of …". A negated one has its own wording, as
// "not" before a clause of several words reads badly: not "more than" is "at most".
func operator(l Link) string {
	o := l.Operator
	arg := o.Arg
	if l.Number != nil {
		arg = l.Number(arg)
	}
	not := func(yes, no string) string {
		if o.Negated {
			return no
		}
		return yes
	}
	is := not("is ", "is not ")
	switch o.Name {
	// The names are in the spelling of package seclang. A pattern is told as written:
	// Number would take %{ in it for a reference.
	case "rx", "rxGlobal":
		return not("matches ", "does not match ") + pattern(o.Arg)
	// Phrases are in the file or the argument; the argument alone may be the name of a
	// file.
	case "pm", "pmFromFile", "pmf":
		return not("contains ", "contains none of ") + phrases(l, not("one of ", ""))
	case "contains", "strmatch":
		return not("contains ", "does not contain ") + quote(arg)
	case "containsWord":
		return not("contains the word ", "does not contain the word ") + quote(arg)
	case "beginsWith":
		return not("begins with ", "does not begin with ") + quote(arg)
	case "endsWith":
		return not("ends with ", "does not end with ") + quote(arg)
	// An empty argument would leave empty quotation marks.
	case "streq":
		if arg == "" {
			return is + "empty"
		}
		return is + quote(arg)
	// The value is searched for in the argument, the reverse of contains. Rule sets write
	// lists of allowed values that way, with blanks or bars between.
	case "within":
		return not("is part of the list ", "is not in the list ") + quote(strings.TrimSpace(arg))
	// Comparisons of numbers. The argument is without quotation marks, since it is a
	// number once its references are resolved.
	case "eq":
		return is + arg
	case "gt":
		return not("is more than ", "is at most ") + arg
	case "ge":
		return not("is at least ", "is less than ") + arg
	case "lt":
		return not("is less than ", "is at least ") + arg
	case "le":
		return not("is at most ", "is more than ") + arg
	case "ipMatch":
		return is + "one of the addresses " + quote(arg)
	case "ipMatchFromFile", "ipMatchF":
		return is + "one of the addresses in " + arg
	// That it is libinjection's opinion matters to who looks at a false alarm.
	case "detectSQLi":
		return not("is", "is not") + " SQL injection in the eyes of libinjection, which reads it as SQL would"
	case "detectXSS":
		return not("is", "is not") + " script injection in the eyes of libinjection, which reads it as a browser would"
	// The validate operators match what is not valid, so the sentence says what is wrong.
	case "validateByteRange":
		return not("has a byte outside ", "has no byte outside ") + byteRanges(arg)
	case "validateUrlEncoding":
		return not("has", "has no") + " broken URL encoding: a % without two hexadecimal digits"
	case "validateUtf8Encoding":
		return not("is no valid UTF-8", "is valid UTF-8")
	// The verify operators match what is valid: data that is not to leave.
	case "verifyCC":
		return not("has", "has no") + " a payment card number with the right check digit"
	case "verifyCPF":
		return not("has", "has no") + " a Brazilian CPF with the right check digits"
	case "verifySSN":
		return not("has", "has no") + " a social security number of the United States that may be given out"
	case "verifySVNR":
		return not("has", "has no") + " an Austrian social insurance number with the right check digit"
	case "validateNid":
		return not("has", "has no") + " a valid identity number (" + quote(arg) + ")"
	case "unconditionalMatch":
		return not("has any value", "never")
	case "noMatch":
		return not("never", "has any value")
	}
	// Operators that have no words here, such as those that the engine refuses, go by
	// name.
	return not("fulfils ", "does not fulfil ") + "@" + o.Name + " " + quote(arg)
}

// phrases is a list of phrases with some examples. of is what comes before several of
// them, "one of " or nothing. Up to six are shown as they are; the lists of the Core Rule
// Set have hundreds, of which three from all over the list say more than the first ones
// would. A list of one phrase is that phrase. A file is named with its number of phrases:
//
//	contains one of 5 phrases from unix-shell.data, such as “bin/bash”, “bin/ls” or …
func phrases(l Link, of string) string {
	list := l.Phrases
	if len(list) == 0 {
		list = strings.Fields(l.Operator.Arg)
	}
	// Operators whose names end with File read their phrases from a file of the rule set.
	from := ""
	if strings.HasSuffix(l.Operator.Name, "File") || l.Operator.Name == "pmf" {
		from = " from " + l.Operator.Arg
	}
	// One phrase needs no "one of".
	if len(list) == 1 {
		return quote(list[0])
	}
	if from == "" && len(list) <= 6 {
		return of + quotes(list)
	}
	return fmt.Sprintf("%s%d phrases%s, such as %s", of, len(list), from, quotes(spread(list, 3)))
}

// quotes lists words between quotation marks, each of 30 characters at most. A phrase of
// a list is an example, which its first characters show.
func quotes(list []string) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = "“" + shorten(s, 30) + "”"
	}
	return join(words, "or")
}

// spread takes n elements from all over a list, the first and the last among them. n is
// two at least; a shorter list comes back as it is.
func spread(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	var some []string
	for i := range n {
		some = append(some, list[i*(len(list)-1)/(n-1)])
	}
	return some
}

// byteRanges says what @validateByteRange allows. It names the ranges that the Core Rule
// Set uses, others are told as numbers. The clause after it begins with "has a byte
// outside", hence "1 to 255, which is a NUL byte": what is outside is named, since that
// is what was found.
func byteRanges(arg string) string {
	switch strings.ReplaceAll(arg, " ", "") {
	case "1-255":
		return "1 to 255, which is a NUL byte"
	case "32-126":
		return "32 to 126, the printable characters of ASCII"
	case "9,10,13,32-126,128-255":
		return "the printable ones, so a control character"
	}
	return strings.ReplaceAll(strings.ReplaceAll(arg, ",", ", "), "-", " to ")
}
