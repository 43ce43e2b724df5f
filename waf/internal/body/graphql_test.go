package body

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ringwall/ringwall/waf/internal/arena"
)

const graphqlDocument = `# a comment with "no string"
query Shop($id: [ID!]! = ["7"], $n: Int = 5 @dep(why: "old")) @cached(ttl: 60) {
  mine: user(id: $id, name: "O'Hara \u0027\u{1F600}\uD83D\uDE00 \"x\"\n", tags: [RED, true, null, -1.5e3]) @include(if: $yes) {
    ...Rest @skip(if: false)
    ... on Admin { posts(where: {title: {like: "a%"}, list: []}) { id } }
    ... { plain }
    note(text: """
      union
        select \""" x

    """)
  }
}
fragment Rest on User { posts(first: 10) { id } }
mutation { add(x: """""") { id } }`

func TestGraphQL(t *testing.T) {
	var a arena.Arena
	doc, err := GraphQL(&a, graphqlDocument, 1000)
	if err != nil || doc.Cut {
		t.Fatalf("%v, %v", doc, err)
	}
	want := []Pair{
		{"graphql.query", "Shop"},
		{"graphql.query.variable.id.0", "7"},
		{"graphql.query.variable.n", "5"},
		{"graphql.query.variable.n.@dep.why", "old"},
		{"graphql.query.@cached.ttl", "60"},
		{"graphql.query.user.name", "O'Hara '😀😀 \"x\"\n"},
		{"graphql.query.user.tags.0", "RED"},
		{"graphql.query.user.tags.1", "true"},
		{"graphql.query.user.tags.2", "null"},
		{"graphql.query.user.tags.3", "-1.5e3"},
		{"graphql.query.user.@skip.if", "false"},
		{"graphql.query.user.posts.where.title.like", "a%"},
		{"graphql.query.user.note.text", "union\n  select \"\"\" x"},
		{"graphql.fragment.User.posts.first", "10"},
		{"graphql.mutation.add.x", ""},
	}
	for i, w := range want {
		if i >= len(doc.Values) || doc.Values[i] != w {
			t.Fatalf("value %d: got %q\nwant %q", i, doc.Values[min(i, len(doc.Values)-1):], w)
		}
	}
	if len(doc.Values) != len(want) {
		t.Errorf("got %q", doc.Values)
	}
	for _, n := range []string{"graphql.query.mine", "graphql.query.user", "graphql.query.user.id", "graphql.query.user.posts.id", "graphql.query.user.plain", "graphql.fragment.User.posts.id"} {
		if !slices.Contains(doc.Names, n) {
			t.Errorf("no name %s in %q", n, doc.Names)
		}
	}
}

func TestBlockStringsLoseTheirIndentation(t *testing.T) {
	for text, want := range map[string]string{
		`"""x"""`:       "x",
		`""" x " y """`: ` x " y `,
		`""""""`:        "",
		`"""a\"""b"""`:  `a"""b`,
		`"""a\nb"""`:    `a\nb`,
		"\"\"\"\n    Hello,\r      World!\r\n\n    Yours.\n  \"\"\"": "Hello,\n  World!\n\nYours.",
		"\"\"\"first\n  second\n\tthird\"\"\"":                       "first\n second\nthird",
		"\"\"\"\n\n\"\"\"":                                           "",
	} {
		var a arena.Arena
		doc, err := GraphQL(&a, "{f(x:"+text+")}", 10)
		if err != nil || len(doc.Values) != 1 || doc.Values[0].Value != want {
			t.Errorf("%q: got %q, %v; want %q", text, doc.Values, err, want)
		}
	}
}

func TestWhatIsNoGraphQLIsTold(t *testing.T) {
	var a arena.Arena
	for _, s := range []string{
		"", " ", "shoes", "query", "query something", "{", "{}", "{a", "{a(}", "{a()}", "{a(b)}", "{a(b:)}", `{"a":1}`, `{a:"b"}`, `{a(b:"c)}`, `{a(b:"\x")}`, `{a(b:"\u12")}`,
		`{a(b:"\u{110000}")}`, `{a(b:"""c)}`, "{a(b:01)}", "{a(b:1x)}", "{a(b:1.)}", "{a} b", "{a}}", "type A { b: C }", "fragment F { a }", "fragment on on A", "query($a:){b}", "query($a:[B){b}",
		"{a(b:\"c\nd\")}", "{a(b:\"c", "{a(b:[1)}", "{a(b:{c})}", "{a @}", "{...}", "{a;b}", "{a(b:$)}", `"d" {a}`, "query()", "{a(b:\"\\",
	} {
		if doc, err := GraphQL(&a, s, 100); !errors.Is(err, ErrNoGraphQL) {
			t.Errorf("%q: %q, %v", s, doc.Values, err)
		}
	}
	for _, s := range []string{"{a}", "\ufeff{a,b c}", "query Q{a}", "{a}{b}", "subscription S{a}", `"d" query {a}`, "fragment F($x: Int = 1) on A {b}", "{query mutation on fragment true}", "query on($on:on){on}"} {
		if _, err := GraphQL(&a, s, 100); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestGraphQLIsBounded(t *testing.T) {
	var a arena.Arena
	for _, s := range []string{
		strings.Repeat("{a", 500) + strings.Repeat("}", 500), "{a(b:" + strings.Repeat("[", 500) + strings.Repeat("]", 500) + ")}", "{a(b:" + strings.Repeat("{c:", 500) + "1" + strings.Repeat("}", 500) + ")}",
		"query($a:A=" + strings.Repeat("[", 500_000),
	} {
		if _, err := GraphQL(&a, s, 100); !errors.Is(err, ErrGraphQLDepth) {
			t.Errorf("%.10s…: %v", s, err)
		}
	}
	if _, err := GraphQL(&a, "{"+strings.Repeat("x", 5000)+"}", 100); !errors.Is(err, ErrGraphQLSize) {
		t.Errorf("long name: %v", err)
	}
	if doc, err := GraphQL(&a, "{a(x:["+strings.Repeat("1,", 500)+"])"+"}", 100); err != nil || !doc.Cut || len(doc.Values) != 100 {
		t.Errorf("%d values, %v, %v", len(doc.Values), doc.Cut, err)
	}
	// Long ways again and again.
	deep := strings.Repeat("{"+strings.Repeat("x", 19), 100) + "{" + strings.Repeat("a ", 500_000) + "}" + strings.Repeat("}", 100)
	if doc, err := GraphQL(&a, deep, 100); err != nil || len(doc.Names) > 101 {
		t.Errorf("%d names, %v", len(doc.Names), err)
	}
}

func FuzzGraphQL(f *testing.F) {
	f.Add(graphqlDocument)
	f.Add(`{a(b:"\u{41}\uD83D\uDE00",c:"""x""",d:[1,-2.5e3],e:{f:$g})@h{i}}`)
	f.Add(`query Q($a:[A!]!=[B]@c){...D ...on E{f}}fragment D on G{h}`)
	f.Fuzz(func(t *testing.T, s string) {
		var a arena.Arena
		const limit = 50
		doc, err := GraphQL(&a, s, limit)
		if len(doc.Values) > limit || len(doc.Names) > limit {
			t.Fatalf("%d values, %d names", len(doc.Values), len(doc.Names))
		}
		for _, v := range doc.Values {
			if len(v.Value) > len(s) || !strings.HasPrefix(v.Key, "graphql") {
				t.Fatalf("%q has the value %q", s, v)
			}
		}
		if err != nil {
			return
		}
		// Two documents are one; a comment changes nothing.
		if len(doc.Values) < limit/2 && len(doc.Names) < limit/2 && !doc.Cut {
			twice, err := GraphQL(&a, "#\n"+s+"\n"+s, limit)
			if err != nil || len(twice.Values) != 2*len(doc.Values) || len(twice.Names) != len(doc.Names) {
				t.Fatalf("%q twice: %q, %q, %v", s, twice.Values, twice.Names, err)
			}
		}
	})
}
