package event

import (
	"cmp"
	"slices"
)

//go:generate go test . -run TestConsoleHasTheSameFamiliesAndFields -update

// Family is a family of attacks: what the events, the lake, the API and the
// console call it, and which tags of rules belong to it.
type Family struct {
	// Slug is the family in events, filters and URLs: "sqli".
	Slug string `json:"slug"`
	// Name is what people read: "SQL injection". Short is for narrow columns.
	Name  string `json:"name"`
	Short string `json:"short"`
	// About is a sentence on what such an attack is and why it matters.
	About string `json:"about"`
	// Tags are the tags of rules, as the Core Rule Set spells them.
	Tags []string `json:"tags"`
}

// OtherAttack is the slug of matches whose rules name no family.
const OtherAttack = "other"

// families is the one list of attack families. The order is that of precedence: a
// rule with tags of several families belongs to the first, and of families with the
// same score in an event the first leads. What a rule says of a technique in
// particular stands before what it says of the effect (template injection before
// command injection), and violations of a protocol stand last.
//
// The console's list is generated from this one (go generate ./event).
var families = []Family{
	{
		"sqli", "SQL injection", "SQL injection",
		"Input that the application would pass to its database as SQL: it can read, change or delete everything in the database.",
		[]string{"attack-sqli"},
	},
	{
		"ssti", "Template injection", "Template",
		"An expression for the server's template engine; evaluating it often ends in code execution on the server.",
		[]string{"attack-ssti"},
	},
	{
		"php", "PHP injection", "PHP injection",
		"PHP code for the server to run: code execution gives access to the server and all that it can reach.",
		[]string{"attack-injection-php"},
	},
	{
		"java", "Java injection", "Java injection",
		"Java expressions or serialized objects (Log4Shell, Struts, deserialization) that end in code execution on the server.",
		[]string{"attack-injection-java"},
	},
	{
		"generic", "Code injection", "Code injection",
		"Code for the server to run, in a language such as JavaScript, Ruby, Perl or Python.",
		[]string{"attack-injection-generic"},
	},
	{
		"rce", "Command injection", "Command",
		"A command for the server's shell: command execution gives access to the server and all that it can reach.",
		[]string{"attack-rce"},
	},
	{
		"ssrf", "Server-side request forgery", "SSRF",
		"A URL that makes the server send a request to an address of the attacker's choice, such as an internal service" +
			" or the cloud's credentials.",
		[]string{"attack-ssrf"},
	},
	{
		"rfi", "Remote file inclusion", "Remote file",
		"A URL that makes the application load and run a file from another server.",
		[]string{"attack-rfi"},
	},
	{
		"lfi", "Path traversal", "Path traversal",
		"A path that leaves the folder it belongs to, to read files that the application does not offer, such as passwords," +
			" keys and configuration.",
		[]string{"attack-lfi"},
	},
	{
		"xss", "Cross-site scripting", "XSS",
		"A script that would run in the browsers of other users, where it can act in their name and steal their sessions.",
		[]string{"attack-xss"},
	},
	{
		"ldap", "LDAP injection", "LDAP injection",
		"Input that changes the application's LDAP query, to log in as another user or to read the directory.",
		// The Core Rule Set 4 says only which language is injected; version 3 had a tag.
		[]string{"language-ldap", "attack-ldap"},
	},
	{
		"fixation", "Session fixation", "Session fixation",
		"A session id chosen by the attacker and planted on a user, to take over the session once the user has logged in.",
		[]string{"attack-fixation"},
	},
	{
		"multipart", "Multipart evasion", "Multipart",
		"A form whose parts firewalls and applications read differently, so that an attack passes uninspected.",
		[]string{"attack-multipart-header"},
	},
	{
		"scanner", "Security scanner", "Scanner",
		"The client identifies itself as a vulnerability scanner; what a scanner finds is often attacked later.",
		[]string{"attack-reputation-scanner"},
	},
	{
		"disclosure", "Data leak", "Data leak",
		"A response with text that should not leave the server, such as an error message with code, paths or SQL.",
		[]string{"attack-disclosure"},
	},
	{
		"protocol", "Protocol violation", "Protocol",
		"A violation of HTTP, or something that browsers do not send: proxies and servers may read it differently, which serves" +
			" request smuggling and evasion.",
		[]string{"attack-protocol", "attack-deprecated-header", "attack-generic"},
	},
}

// Families lists the attack families in order of precedence. The caller owns the
// list, but not the tags in it.
func Families() []Family { return slices.Clone(families) }

// FamilyOf returns the family of a rule with these tags, false if it has none.
func FamilyOf(tags []string) (Family, bool) {
	for _, f := range families {
		if f.has(tags) {
			return f, true
		}
	}
	return Family{}, false
}

func (f Family) has(tags []string) bool {
	return slices.ContainsFunc(f.Tags, func(t string) bool { return slices.Contains(tags, t) })
}

func familyBySlug(slug string) (Family, bool) {
	i := slices.IndexFunc(families, func(f Family) bool { return f.Slug == slug })
	if i < 0 {
		return Family{}, false
	}
	return families[i], true
}

// AttackName is what people call an attack family: "SQL injection" for "sqli".
func AttackName(slug string) string {
	if f, ok := familyBySlug(slug); ok {
		return f.Name
	}
	return "Other"
}

// Attacks lists the attack families of the event's matches by their slugs without
// duplicates, the one with the highest score first. A rule counts for each family
// that it has a tag of. The list is empty when nothing matched.
func (e *Event) Attacks() []string {
	type found struct {
		slug        string
		score, rank int
	}
	var list []found
	for rank, f := range families {
		score := -1
		for _, m := range e.Verdict.Matches {
			if f.has(m.Tags) {
				score = max(score, 0) + m.Score
			}
		}
		if score >= 0 {
			list = append(list, found{f.Slug, score, rank})
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.rank, b.rank)) })
	var slugs []string
	for _, f := range list {
		slugs = append(slugs, f.slug)
	}
	if len(slugs) == 0 && len(e.Verdict.Matches) > 0 {
		slugs = append(slugs, OtherAttack)
	}
	return slugs
}
