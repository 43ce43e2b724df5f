package policy

// Rule is a rule of the running rule set in words that people read. The words may
// change with any version.
type Rule struct {
	ID       int      `json:"id"`
	Phase    int      `json:"phase"`
	Message  string   `json:"message"`  // with macros as written
	Severity string   `json:"severity"` // "critical", "error", "warning", "notice" or ""
	Paranoia int      `json:"paranoia"` // level, 0 if the rule has none
	Tags     []string `json:"tags"`
	// Family is the kind of attack and About a sentence on it; empty if no tag tells.
	Family string `json:"family"`
	About  string `json:"about"`
	// LooksFor is a sentence on what the rule looks for, Does one on what it does then.
	LooksFor string `json:"looks_for"`
	Does     string `json:"does"`
	Place    string `json:"place"` // file:line:col
	// Source is SecLang, with all rules of a chain.
	Source string `json:"source"`
}
