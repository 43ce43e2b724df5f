package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
)

type wafExplainCmd struct {
	Request  string `help:"File with a raw HTTP/1.1 request; - for standard input." required:"" placeholder:"FILE"`
	Response string `help:"File with the raw HTTP/1.1 response to it, for the rules that look at responses." placeholder:"FILE"`
	rules
	All    bool   `help:"List every rule with what became of it."`
	Output string `help:"table or json" default:"table" enum:"table,json" short:"o"`
}

// Run explains the verdict on one request and its response.
func (c wafExplainCmd) Run(e *env) error {
	engine, err := c.compile()
	if err != nil {
		return err
	}
	raw, err := readInput(c.Request)
	if err != nil {
		return err
	}
	var response []byte
	if c.Response != "" {
		if response, err = readInput(c.Response); err != nil {
			return err
		}
	}
	x, err := replay.Explain(engine, time.Now(), raw, response)
	if err != nil {
		return usageError{err}
	}
	for _, n := range x.Notes {
		fmt.Fprintf(e.errOut, "ringwall: %s\n", n)
	}
	if c.Output == "json" {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(explained(x).json())
	}
	if _, err := io.WriteString(e.out, explained(x).text()); err != nil || !c.All {
		return err
	}
	fmt.Fprintln(e.out)
	t := table{columns: []string{"rule", "phase", "fate", "place", "message"}}
	for _, r := range x.Rules {
		t.rows = append(t.rows, []any{r.ID, r.Phase, r.Fate, r.Place, r.Message})
	}
	return t.print(e.out, "table")
}

// explained is an explanation as the command prints it.
type explained replay.Explanation

// text is the explanation for people.
func (x explained) text() string {
	var b strings.Builder
	v := x.Verdict
	verdict := "passes"
	if v.Block {
		verdict = fmt.Sprintf("is blocked in phase %d by rule %d", v.Phase, v.RuleID)
	}
	what := "request"
	if v.Phase >= 3 {
		what = "response"
	}
	fmt.Fprintf(&b, "the %s %s: score %d, threshold %d", what, verdict, v.Score, x.Inbound.Threshold)
	if x.HasResponse {
		fmt.Fprintf(&b, "; response score %d, threshold %d", v.OutboundScore, x.Outbound.Threshold)
	}
	fmt.Fprintf(&b, "\nrules: %s\n", x.Summary())
	if v.Truncated {
		b.WriteString("a body was longer than the engine looks at; the rest was not inspected\n")
	}
	writeScore(&b, "request", x.Inbound)
	writeScore(&b, "response", x.Outbound)
	told := map[string]bool{}
	for i, m := range x.Matches {
		if i == 0 || x.Matches[i-1].RuleID != m.RuleID {
			writeRule(&b, m, told)
		}
		writeMatch(&b, m)
		last := i == len(x.Matches)-1 || x.Matches[i+1].RuleID != m.RuleID
		if !last {
			continue
		}
		for _, c := range m.Then {
			fmt.Fprintf(&b, "  and then, as condition %d wants, in %s\n", c.Condition, printable(c.Variable))
			writeBytes(&b, c.Value, c.Offset, c.Matched)
		}
	}
	if v.Omitted > 0 {
		fmt.Fprintf(&b, "\n%d more matches are not listed\n", v.Omitted)
	}
	return b.String()
}

// writeScore tells how a score came about, nothing if no rule added to it.
func writeScore(b *strings.Builder, what string, s waf.Score) {
	if len(s.Steps) == 0 {
		return
	}
	verdict := "below"
	if s.Total >= s.Threshold {
		verdict = "reaches"
	}
	fmt.Fprintf(b, "\nhow the score of the %s came about (%d, %s the threshold %d)\n", what, s.Total, verdict, s.Threshold)
	for _, step := range s.Steps {
		places := ""
		if step.Matches > 1 {
			places = fmt.Sprintf(" at %d places", step.Matches)
		}
		fmt.Fprintf(b, "  %d  %+3d → %2d / %d  %s%s (level %d)\n",
			step.RuleID, step.Added, step.Total, s.Threshold, printable(step.Message), places, step.Paranoia)
	}
	var levels []string
	for i, n := range s.Levels {
		if n != 0 {
			levels = append(levels, fmt.Sprintf("level %d: %d", i+1, n))
		}
	}
	if len(levels) > 0 {
		fmt.Fprintf(b, "  by paranoia level: %s\n", strings.Join(levels, ", "))
	}
}

// writeRule says what a rule is, and once what its kind of attack is.
func writeRule(b *strings.Builder, m waf.ExplainedMatch, told map[string]bool) {
	r := m.Rule
	fmt.Fprintf(b, "\nrule %d: %s\n", m.RuleID, printableLong(m.Message))
	facts := []string{"phase " + strconv.Itoa(m.Phase)}
	if m.Severity != "" {
		facts = append(facts, "severity "+m.Severity)
	}
	if r.Paranoia > 0 {
		facts = append(facts, "paranoia level "+strconv.Itoa(r.Paranoia))
	}
	facts = append(facts, r.Place)
	fmt.Fprintf(b, "  %s\n", strings.Join(facts, ", "))
	if family, ok := event.FamilyOf(r.Tags); ok {
		about := family.Name + "."
		if !told[family.Slug] {
			about += " " + family.About
		}
		told[family.Slug] = true
		wrap(b, about)
	}
	wrap(b, r.LooksFor)
	wrap(b, r.Does)
	if m.Data != "" {
		fmt.Fprintf(b, "  it reports: %s\n", printable(m.Data))
	}
}

// writeMatch says where and how a rule matched.
func writeMatch(b *strings.Builder, m waf.ExplainedMatch) {
	if m.Variable == "" {
		return // a rule that looks at nothing
	}
	fmt.Fprintf(b, "  found in %s", printable(m.Variable))
	if m.Score != 0 {
		fmt.Fprintf(b, ", score %+d", m.Score)
	}
	b.WriteByte('\n')
	for _, s := range m.Steps {
		how := s.Plain
		if s.Transformation != "sent" && s.Transformation != "parsed" {
			how = "after " + how + " (t:" + s.Transformation + ")"
		}
		at := 0
		if n := len(m.Value); n > 0 && m.Offset > 0 {
			at = m.Offset * len(s.Value) / n // about there
		}
		fmt.Fprintf(b, "    %s: %s\n", how, excerpt(s.Value, at, at+len(m.Matched)))
	}
	if len(m.Steps) > 0 && m.Offset < 0 {
		return // the value stands there already
	}
	writeBytes(b, m.Value, m.Offset, m.Matched)
}

// writeBytes shows the bytes that matched, or the value if it is none in particular.
func writeBytes(b *strings.Builder, value string, offset int, matched string) {
	if offset < 0 {
		fmt.Fprintf(b, "    value: %s\n", excerpt(value, 0, 0))
		return
	}
	fmt.Fprintf(b, "    matched: %s at byte %d\n", excerpt(matched, 0, 0), offset)
}

// maxExcerpt is how many bytes of a value a line shows.
const maxExcerpt = 100

// excerpt quotes the part of a value around the bytes from start to end.
func excerpt(s string, start, end int) string {
	if len(s) <= maxExcerpt {
		return strconv.Quote(s)
	}
	from := max(0, min((start+min(end, start+maxExcerpt)-maxExcerpt)/2, len(s)-maxExcerpt))
	to := min(len(s), from+maxExcerpt)
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for to < len(s) && !utf8.RuneStart(s[to]) {
		to++
	}
	text := strconv.Quote(s[from:to])
	if from > 0 {
		text = "…" + text
	}
	if to < len(s) {
		text += "…"
	}
	return fmt.Sprintf("%s (%d bytes)", text, len(s))
}

// wrap writes a paragraph in lines of about 100 characters.
func wrap(b *strings.Builder, text string) {
	width := 0
	for word := range strings.FieldsSeq(printableLong(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			b.WriteString("  ")
			width = 2
		case width+1+n > 100:
			b.WriteString("\n  ")
			width = 2
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	if width > 0 {
		b.WriteByte('\n')
	}
}

// The JSON form of an explanation; docs/guide/rules.md describes it. Fields may be
// added, none changes its meaning.
type (
	explanationJSON struct {
		Block     bool               `json:"block"`
		Status    int                `json:"status,omitempty"`
		Phase     int                `json:"phase,omitempty"`
		RuleID    int                `json:"rule_id,omitempty"`
		Truncated bool               `json:"truncated"`
		Omitted   int                `json:"omitted_matches"`
		Notes     []string           `json:"notes"`
		Inbound   scoreJSON          `json:"inbound"`
		Outbound  scoreJSON          `json:"outbound"`
		Matches   []explainedJSON    `json:"matches"`
		Fates     map[string]int     `json:"fates"`
		Rules     []ruleFateJSON     `json:"rules"`
		Texts     map[int]ruleInText `json:"rule_texts"`
	}
	scoreJSON struct {
		Total     int             `json:"total"`
		Threshold int             `json:"threshold"`
		Levels    [4]int          `json:"levels"`
		Steps     []scoreStepJSON `json:"steps"`
	}
	scoreStepJSON struct {
		RuleID   int    `json:"rule_id"`
		Message  string `json:"message"`
		Paranoia int    `json:"paranoia"`
		Matches  int    `json:"matches"`
		Added    int    `json:"added"`
		Total    int    `json:"total"`
	}
	explainedJSON struct {
		RuleID   int         `json:"rule_id"`
		Phase    int         `json:"phase"`
		Message  string      `json:"message"`
		Data     string      `json:"data"`
		Severity string      `json:"severity"`
		Score    int         `json:"score"`
		Variable string      `json:"variable"`
		Value    string      `json:"value"`
		Offset   int         `json:"offset"`
		Matched  string      `json:"matched"`
		Steps    []stepJSON  `json:"steps"`
		Then     []chainJSON `json:"then"`
	}
	stepJSON struct {
		Transformation string `json:"transformation"`
		Plain          string `json:"plain"`
		Value          string `json:"value"`
	}
	chainJSON struct {
		Condition int    `json:"condition"`
		Variable  string `json:"variable"`
		Value     string `json:"value"`
		Offset    int    `json:"offset"`
		Matched   string `json:"matched"`
	}
	ruleFateJSON struct {
		ID       int    `json:"id"`
		Phase    int    `json:"phase"`
		Message  string `json:"message"`
		Severity string `json:"severity"`
		Place    string `json:"place"`
		Looks    string `json:"looks"`
		Fate     string `json:"fate"`
	}
	ruleInText struct {
		LooksFor string   `json:"looks_for"`
		Does     string   `json:"does"`
		Family   string   `json:"family"`
		About    string   `json:"about"`
		Paranoia int      `json:"paranoia"`
		Tags     []string `json:"tags"`
		Source   string   `json:"source"`
	}
)

// json is the explanation for programs. Lists are empty rather than null.
func (x explained) json() explanationJSON {
	v := x.Verdict
	j := explanationJSON{
		Block: v.Block, Status: v.Status, Phase: v.Phase, RuleID: v.RuleID, Truncated: v.Truncated, Omitted: v.Omitted,
		Notes: append([]string{}, x.Notes...), Inbound: newScoreJSON(x.Inbound), Outbound: newScoreJSON(x.Outbound),
		Matches: []explainedJSON{}, Fates: map[string]int{}, Rules: []ruleFateJSON{}, Texts: map[int]ruleInText{},
	}
	for _, m := range x.Matches {
		e := explainedJSON{
			m.RuleID, m.Phase, m.Message, m.Data, m.Severity, m.Score,
			m.Variable, m.Value, m.Offset, m.Matched,
			[]stepJSON{},
			[]chainJSON{},
		}
		for _, s := range m.Steps {
			e.Steps = append(e.Steps, stepJSON(s))
		}
		for _, c := range m.Then {
			e.Then = append(e.Then, chainJSON(c))
		}
		j.Matches = append(j.Matches, e)
		r := m.Rule
		family, _ := event.FamilyOf(r.Tags)
		j.Texts[m.RuleID] = ruleInText{r.LooksFor, r.Does, family.Name, family.About, r.Paranoia, append([]string{}, r.Tags...), r.Source}
	}
	for _, r := range x.Rules {
		j.Rules = append(j.Rules, ruleFateJSON(r))
		j.Fates[r.Fate]++
	}
	return j
}

func newScoreJSON(s waf.Score) scoreJSON {
	j := scoreJSON{Total: s.Total, Threshold: s.Threshold, Levels: s.Levels, Steps: []scoreStepJSON{}}
	for _, step := range s.Steps {
		j.Steps = append(j.Steps, scoreStepJSON(step))
	}
	return j
}
