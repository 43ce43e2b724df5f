package seclang

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/guide/seclang.md again")

const guide = "../../docs/guide/seclang.md"

const guideHead = `# The rule language

Ringwall reads SecLang, the language of ModSecurity, Coraza and the OWASP Core Rule Set. This page lists every word of it
with what becomes of it here:

- **supported**: it does what the ModSecurity v3 reference manual says.
- **accepted**: it is read and has no effect here, for the reason given; ` + "`Engine.Notices`" + ` and the policy check list each use.
- **refused**: it is an error that names file, line and column; the reason is the hint of the error.

Nothing is silently ignored. Where ModSecurity and Coraza differ, Ringwall does what Coraza does, since the regression tests of
the rule set run on it. Some things that are good to know:

- Regular expressions have RE2 syntax: linear time, no look-around, no backreferences. The flags s and m are set.
- A rule without a phase runs in phase 2. Every rule needs an id of its own.
- skipAfter goes forward only, to a marker that exists; both mistakes are errors when the rules are compiled.
- Rules that take others away at run time (ctl:ruleRemove…) must come before them: write them before the Core Rule Set.
- Names of arguments, headers and cookies are compared in any case.
- IP, SESSION, USER, GLOBAL and RESOURCE outlive a transaction: see [rules](rules.md#remembering-between-requests).

What a body is taken apart by depends on its type:

- Content codings gzip, deflate, br and zstd are undone, also on top of each other; others are a body error (REQBODY_ERROR, rule 200002).
- The charset that Content-Type, a part of a form, the field ` + "`_charset_`" + ` or an XML declaration names: if it is not UTF-8, rules see the values
  as received and in each way in which servers read them. Differing readings are further members of ARGS_GET, ARGS_POST, XML and REQUEST_BODY of
  the same name. A charset that cannot be read (UTF-7), or two different ones, are a body error.
- GraphQL documents: see [rules](rules.md#graphql).

The tables are made from the parser's own list: ` + "`go test ./waf/seclang -run Guide -update`" + `.
`

func guideText() string {
	list := Constructs()
	kinds := []Kind{DirectiveKind, VariableKind, OperatorKind, TransformationKind, ActionKind, CtlKind}
	slices.SortStableFunc(list, func(a, b Construct) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
		)
	})
	var b strings.Builder
	b.WriteString(guideHead)
	kind := Kind("")
	for _, c := range list {
		if c.Kind != kind {
			kind = c.Kind
			title := map[Kind]string{
				DirectiveKind: "Directives", VariableKind: "Variables", OperatorKind: "Operators",
				TransformationKind: "Transformations", ActionKind: "Actions", CtlKind: "ctl settings",
			}[kind]
			fmt.Fprintf(&b, "\n## %s\n\n| word | status | remark |\n|---|---|---|\n", title)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Status, strings.ReplaceAll(c.Note, "|", `\|`))
	}
	return b.String()
}

func TestGuideListsEveryConstruct(t *testing.T) {
	want := guideText()
	if *update {
		if err := os.WriteFile(guide, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/guide/seclang.md differs from the parser's list; run go test ./waf/seclang -run Guide -update")
	}
}

func TestEveryConstructHasAReasonUnlessSupported(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Constructs() {
		key := string(c.Kind) + " " + strings.ToLower(c.Name)
		if seen[key] {
			t.Errorf("%s is listed twice", key)
		}
		seen[key] = true
		if c.Status != Supported && c.Note == "" {
			t.Errorf("%s is %s without a reason", key, c.Status)
		}
	}
}
