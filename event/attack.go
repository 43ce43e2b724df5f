package event

import (
	"cmp"
	"slices"
)

//go:generate go test . -run TestConsoleHasTheSameFamilies -update

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
	{"sqli", "SQL injection", "SQL injection",
		"Somebody tries to have a piece of SQL run by the database behind the application, which can read, change or delete everything in it.",
		[]string{"attack-sqli"}},
	{"ssti", "Template injection", "Template",
		"Somebody tries to have an expression evaluated by the server's templates, which often ends in code running on the server.",
		[]string{"attack-ssti"}},
	{"php", "PHP injection", "PHP injection",
		"Somebody tries to have PHP code run on the server, which gives away the server and all that it can reach.",
		[]string{"attack-injection-php"}},
	{"java", "Java injection", "Java injection",
		"Somebody tries to have Java code run or an object unpacked on the server (Log4Shell, Struts, deserialization), " +
			"which gives away the server.",
		[]string{"attack-injection-java"}},
	{"generic", "Code injection", "Code injection",
		"Somebody tries to have code run on the server, in a language such as JavaScript, Ruby, Perl or Python.",
		[]string{"attack-injection-generic"}},
	{"rce", "Command injection", "Command",
		"Somebody tries to have a command run by the server's shell, which gives away the server and all that it can reach.",
		[]string{"attack-rce"}},
	{"ssrf", "Server-side request forgery", "SSRF",
		"Somebody tries to have the server fetch an address of their choice, which reaches internal services and the cloud's credentials.",
		[]string{"attack-ssrf"}},
	{"rfi", "Remote file inclusion", "Remote file",
		"Somebody tries to have the application load and run a file from another server.",
		[]string{"attack-rfi"}},
	{"lfi", "Path traversal", "Path traversal",
		"Somebody tries to read files that the application does not offer, such as passwords, keys and configuration, " +
			"often by way of ../ in a path.",
		[]string{"attack-lfi"}},
	{"xss", "Cross-site scripting", "XSS",
		"Somebody tries to have a script run in the browsers of other users, which can act in their name and steal their sessions.",
		[]string{"attack-xss"}},
	{"ldap", "LDAP injection", "LDAP injection",
		"Somebody tries to change the query that the application sends to a directory, to log in as another user or to read what is in it.",
		// The Core Rule Set 4 says only which language is injected; version 3 had a tag.
		[]string{"language-ldap", "attack-ldap"}},
	{"fixation", "Session fixation", "Session fixation",
		"Somebody tries to plant a session id of their own on a user, to use the session once that user has logged in.",
		[]string{"attack-fixation"}},
	{"multipart", "Multipart evasion", "Multipart",
		"The form is put together in a way that firewalls and applications read differently, so that an attack passes unseen.",
		[]string{"attack-multipart-header"}},
	{"scanner", "Security scanner", "Scanner",
		"The client calls itself a tool that looks for weaknesses; what it finds is often attacked later.",
		[]string{"attack-reputation-scanner"}},
	{"disclosure", "Data leak", "Data leak",
		"The answer has text that should not leave the server, such as an error message with code, paths or SQL, " +
			"which tells attackers where to continue.",
		[]string{"attack-disclosure"}},
	{"protocol", "Protocol violation", "Protocol",
		"The request breaks the rules of HTTP or does what browsers do not do; proxies and servers may read it differently, " +
			"which serves to slip attacks past them.",
		[]string{"attack-protocol", "attack-deprecated-header", "attack-generic"}},
}

// technologies are the tags of the Core Rule Set that name what the attacked server
// runs on. They do not tell what is attacked, so no family has them.
var technologies = []string{
	"language-aspnet", "language-java", "language-javascript", "language-multi", "language-perl", "language-php",
	"language-powershell", "language-ruby", "language-shell",
}

// Technologies lists the tags of the Core Rule Set that name a technology and no
// family of attacks.
func Technologies() []string { return slices.Clone(technologies) }

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

// AttackName is what people call an attack family: "SQL injection" for "sqli".
func AttackName(slug string) string {
	if i := slices.IndexFunc(families, func(f Family) bool { return f.Slug == slug }); i >= 0 {
		return families[i].Name
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
