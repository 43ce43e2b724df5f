package program

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/plain"
	"github.com/ringwall/ringwall/waf/seclang"
)

// RuleText is a rule in words that people read.
type RuleText struct {
	ID, Phase int
	Message   string // with macros as written
	Severity  int    // 0 emergency to 7 debug, -1 none
	Paranoia  int    // level, 0 if the rule has none
	Tags      []string
	Place     string // file:line:col
	Source    string // SecLang of the whole chain
	Looks     string // the targets and the operator of its first link, as written
	Plain     string // what it looks for in a sentence
	Does      string // what it does then, in a sentence
}

// Text returns the rule with the id in words, false if there is none.
func (p *Program) Text(id int) (RuleText, bool) {
	i, ok := p.byID[id]
	if !ok {
		return RuleText{}, false
	}
	return p.text(&p.rules[i]), true
}

func (p *Program) text(r *rule) RuleText {
	t := RuleText{
		ID: r.id, Phase: r.phase, Message: r.msg, Severity: r.severity, Tags: r.tags, Place: r.pos.String(),
		Source: seclang.Format(r.source), Looks: r.looks(), Plain: p.plain(r), Does: p.does(r),
	}
	for _, tag := range r.tags {
		if level, ok := strings.CutPrefix(tag, "paranoia-level/"); ok {
			t.Paranoia, _ = strconv.Atoi(level)
		}
	}
	return t
}

// plain says what a rule looks for.
func (p *Program) plain(r *rule) string {
	var links []plain.Link
	for j := range r.links {
		links = append(links, p.plainLink(r, j))
	}
	return plain.Rule(links)
}

func (p *Program) plainLink(r *rule, j int) plain.Link {
	l := &r.links[j]
	d := plain.Link{EachStep: l.multiMatch, Number: p.resolve}
	if j < len(r.source) && r.source[j].Rule != nil {
		d.Targets, d.Operator = r.source[j].Rule.Targets, r.source[j].Rule.Operator
	}
	for _, t := range l.transforms {
		d.Transformations = append(d.Transformations, t.Name)
	}
	if o, ok := l.op.(*phraseOperator); ok {
		d.Phrases = o.phrases
	}
	return d
}

// resolve puts what is known beforehand for the references to TX in text.
func (p *Program) resolve(text string) string {
	m, err := parseMacro(text, func(name string) int32 {
		if s, ok := p.slots[name]; ok {
			return s
		}
		return -1
	})
	if err != nil {
		return text
	}
	var b strings.Builder
	for _, part := range m.parts {
		switch {
		case part.variable == seclang.NoVariable:
			b.WriteString(part.literal)
		case part.slot >= 0 && p.initial[part.slot].set:
			b.WriteString(p.initial[part.slot].text)
		case part.variable == seclang.TX:
			b.WriteString("tx." + part.key)
		default:
			b.WriteString(part.literal)
		}
	}
	return b.String()
}

// does says what a match leads to.
func (p *Program) does(r *rule) string {
	var words []string
	status := r.status
	if status == 0 {
		status = 403
	}
	switch {
	case r.disruptive == doDeny:
		words = append(words, "refuses the transaction with "+strconv.Itoa(status))
	case r.disruptive == doAllow && r.allow == allowPhase:
		words = append(words, "ends this phase")
	case r.disruptive == doAllow && r.allow == allowRequest:
		words = append(words, "lets the request through without further rules")
	case r.disruptive == doAllow:
		words = append(words, "lets the transaction through without further rules")
	}
	sets := false
	for j := range r.links {
		for _, a := range r.links[j].actions {
			s := ""
			switch a := a.(type) {
			case *setVar:
				if a.slot < 0 || !p.isScore(a.slot) {
					sets = true
					continue
				}
				which := "anomaly score"
				if strings.HasPrefix(p.names[a.slot], "outbound") {
					which = "response's anomaly score"
				}
				if n, ok := strings.CutPrefix(p.resolve(a.value.text), "+"); ok {
					s = "adds " + n + " to the " + which + " for each match"
				} else {
					s = "changes the " + which
				}
			case *removeRules:
				s = "takes rules away from this transaction"
			case *removeTarget:
				s = "makes rules not look at " + strings.ToLower(a.variable.String())
			case *setSwitch:
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
	if r.skipMark != "" || r.skipN > 0 {
		words = append(words, "skips the rules that follow")
	}
	switch {
	case r.msg != "" && r.log && len(words) == 0:
		return "Reports it."
	case r.msg != "" && r.log:
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
