package run

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/prose"
	"github.com/ringwall/ringwall/waf/seclang"
)

// RuleText is a rule in words that people read. It is made when somebody asks, from what
// the directives say and what is known of TX. Its strings are its own or the program's,
// and outlive any transaction.
type RuleText struct {
	ID, Phase int    // as in Rule
	Message   string // with macros as written
	Severity  int    // 0 emergency to 7 debug, -1 none
	Paranoia  int    // level, 0 if the rule has none
	Tags      []string
	Pos       string // file:line:col
	Source    string // SecLang of the whole chain
	Looks     string // the targets and the operator of its first link, as written
	LooksFor  string // what it looks for in a sentence
	Does      string // what it does then, in a sentence
}

// Text returns the rule with the id in words, false if there is none. It works for rules
// that cannot run, too. It is safe for use by several goroutines.
func (p *Program) Text(id int) (RuleText, bool) {
	i, ok := p.ByID[id]
	if !ok {
		return RuleText{}, false
	}
	return p.text(&p.Rules[i]), true
}

// text tells a rule in words.
func (p *Program) text(r *Rule) RuleText {
	t := RuleText{
		ID: r.ID, Phase: r.Phase, Message: r.Message, Severity: r.Severity, Tags: r.Tags, Pos: r.Pos.String(),
		Source: seclang.Format(r.Directives), Looks: r.looks(), LooksFor: p.looksFor(r), Does: p.does(r),
	}
	// The Core Rule Set tells the level of a rule by a tag only.
	for _, tag := range r.Tags {
		if level, ok := strings.CutPrefix(tag, "paranoia-level/"); ok {
			t.Paranoia, _ = strconv.Atoi(level)
		}
	}
	return t
}

// looksFor says what a rule looks for, the conditions of a chain in one sentence.
func (p *Program) looksFor(r *Rule) string {
	var links []prose.Link
	for j := range r.Links {
		links = append(links, p.proseLink(r, j))
	}
	return prose.Rule(links)
}

// proseLink is what package prose must know of a link. Targets and operator are those of
// the directive, which SecRuleUpdateTargetById has changed already; transformations are
// those of the link, with the ones that SecDefaultAction adds.
func (p *Program) proseLink(r *Rule, j int) prose.Link {
	l := &r.Links[j]
	d := prose.Link{EachStep: l.MultiMatch, Number: p.resolve}
	if j < len(r.Directives) && r.Directives[j].Rule != nil {
		d.Targets, d.Operator = r.Directives[j].Rule.Targets, r.Directives[j].Rule.Operator
	}
	for _, t := range l.Transforms {
		d.Transformations = append(d.Transformations, t.Name)
	}
	// The directive names a file; the phrases in it are known to the operator only.
	if o, ok := l.Operator.(*phraseOperator); ok {
		d.Phrases = o.phrases
	}
	return d
}

// resolve puts what is known beforehand for the references to TX in text: the values at
// the start of a transaction, so that a sentence says 5 and not %{tx.inbound_threshold}.
// What is not known keeps its name.
func (p *Program) resolve(text string) string {
	m, err := ParseMacro(text, func(name string) int32 {
		if s, ok := p.Slots[name]; ok {
			return s
		}
		return -1
	})
	if err != nil {
		return text
	}
	var b strings.Builder
	for _, part := range m.Parts {
		switch {
		case part.Variable == seclang.NoVariable:
			b.WriteString(part.Literal)
		case part.Slot >= 0 && p.Initial[part.Slot].Set:
			b.WriteString(p.Initial[part.Slot].Text)
		case part.Variable == seclang.TX:
			b.WriteString("tx." + part.key)
		default:
			b.WriteString(part.Literal)
		}
	}
	return b.String()
}

// does says what a match leads to, in a sentence of verbs without a subject.
func (p *Program) does(r *Rule) string {
	// What each match does comes after what the rule asks for once; bookkeeping is told only
	// if there is nothing else.
	var words []string
	status := r.Status
	if status == 0 {
		status = 403
	}
	switch {
	case r.Disruption == Deny:
		words = append(words, "refuses the transaction with "+strconv.Itoa(status))
	case r.Disruption == Allow && r.AllowScope == AllowPhase:
		words = append(words, "ends this phase")
	case r.Disruption == Allow && r.AllowScope == AllowRequest:
		words = append(words, "lets the request through without further rules")
	case r.Disruption == Allow:
		words = append(words, "lets the transaction through without further rules")
	}
	sets := false
	for j := range r.Links {
		for _, a := range r.Links[j].Actions {
			s := ""
			switch a := a.(type) {
			case *SetVar:
				// Other variables are the rule set's bookkeeping, which would hide what
				// matters.
				if a.Slot < 0 || !p.isScore(a.Slot) {
					sets = true
					continue
				}
				which := "anomaly score"
				if strings.HasPrefix(p.SlotNames[a.Slot], "outbound") {
					which = "response's anomaly score"
				}
				// CRS adds %{tx.critical_anomaly_score} and its like, which are constant
				// in a program.
				if n, ok := strings.CutPrefix(p.resolve(a.Value.Text), "+"); ok {
					s = "adds " + n + " to the " + which + " for each match"
				} else {
					s = "changes the " + which
				}
			case *RemoveRules:
				s = "takes rules away from this transaction"
			case *RemoveTarget:
				s = "makes rules not look at " + strings.ToLower(a.Variable.String())
			case *ChangeSetting:
				s = "changes how this transaction is inspected"
			}
			if s != "" && !slices.Contains(words, s) {
				words = append(words, s)
			}
		}
	}
	if sets && len(words) == 0 {
		words = append(words, "notes something for other rules")
	}
	if r.SkipMarker != "" || r.SkipCount > 0 {
		words = append(words, "skips the rules that follow")
	}
	switch {
	case r.Message != "" && r.Log && len(words) == 0:
		return "Reports it."
	case r.Message != "" && r.Log:
		words = append(words, "reports it")
	case len(words) == 0:
		return "Does nothing by itself."
	}
	s := words[0]
	if n := len(words); n > 1 {
		s = strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
