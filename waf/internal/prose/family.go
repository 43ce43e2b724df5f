package prose

import "slices"

// Family is a kind of attack, the same for all rules with its tag.
type Family struct {
	Tag  string // as rules have it: "attack-sqli"
	Name string // "SQL injection"
	// About is a sentence on what it is and why it matters.
	About string
}

// Families are the kinds of attacks that the Core Rule Set tells apart. A rule with
// tags of several belongs to the one that stands first.
var Families = []Family{
	{"attack-sqli", "SQL injection", "Somebody tries to have a piece of SQL run by the database behind the application, which can read, change or delete everything in it."},
	{"attack-xss", "cross-site scripting", "Somebody tries to have a script run in the browsers of other users, which can act in their name and steal their sessions."},
	{"attack-injection-php", "PHP injection", "Somebody tries to have PHP code run on the server, which gives away the server and all that it can reach."},
	{"attack-injection-java", "Java injection", "Somebody tries to have Java code run or an object unpacked on the server (Log4Shell, Struts, deserialisation), which gives away the server."},
	{"attack-ssrf", "server-side request forgery", "Somebody tries to have the server fetch an address of their choice, which reaches inner services and the cloud's credentials."},
	{"attack-ssti", "template injection", "Somebody tries to have an expression evaluated by the server's templates, which often ends in code running on the server."},
	{"attack-rce", "command execution", "Somebody tries to have a command run by the server's shell, which gives away the server and all that it can reach."},
	{"attack-rfi", "remote file inclusion", "Somebody tries to have the application load and run a file from another server."},
	{"attack-lfi", "file access", "Somebody tries to read files that the application does not offer, such as passwords, keys and configuration, often by way of ../ in a path."},
	{"language-ldap", "LDAP injection", "Somebody tries to change the question that the application asks a directory, to log in as another or to read what is in it."},
	{"attack-fixation", "session fixation", "Somebody tries to plant a session id of their own on a user, to use the session once that user has logged in."},
	{"attack-injection-generic", "code injection", "Somebody tries to have code run on the server, in a language such as JavaScript, Ruby, Perl or Python."},
	{"attack-reputation-scanner", "scanner", "The client calls itself a tool that looks for weaknesses; what it finds is often attacked later."},
	{"attack-multipart-header", "multipart evasion", "The form is put together in a way that firewalls and applications read differently, so that an attack passes unseen."},
	{"attack-deprecated-header", "outdated header", "The request has a header that nobody needs any more and that serves to get around filters."},
	{"attack-disclosure", "data leakage", "The answer has text that should not leave the server, such as an error message with code, paths or SQL, which tells attackers where to press."},
	{"attack-protocol", "protocol violation", "The request breaks the rules of HTTP or does what browsers do not do; proxies and servers may read it differently, which serves to slip attacks past them."},
	{"attack-generic", "suspicious request", "The request has properties that ordinary ones do not have and that attacks do."},
}

// FamilyOf returns the family of a rule with these tags, false if it has none.
func FamilyOf(tags []string) (Family, bool) {
	for _, f := range Families {
		if slices.Contains(tags, f.Tag) {
			return f, true
		}
	}
	return Family{}, false
}
