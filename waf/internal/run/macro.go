package run

import (
	"fmt"
	"strings"

	"github.com/ringwall/ringwall/waf/seclang"
)

// Macro is text with references to variables: %{tx.score}. It is immutable once the
// program is built. A nil macro is one without parts for Constant only.
type Macro struct {
	Text string // as written, or what it is known to expand to
	// Parts are literals and references, in order. Package build replaces references by
	// literals where it knows the values.
	Parts []MacroPart
}

// MacroPart is a literal, or a reference if Variable is not NoVariable.
type MacroPart struct {
	// Literal is the text, or of a reference its name, which it expands to if there is
	// no such member: that is what ModSecurity does.
	Literal  string
	Variable seclang.Variable
	key      string // of the member, in lower case
	// Slot is that of a variable of TX, -1 for other references. It means nothing for
	// literals.
	Slot int32
}

// ParseMacro reads text. slot returns the slot of a variable of TX, -1 if it has none. An
// error tells how macros are written. What a reference expands to is not read again, so
// that a client cannot send references.
//
//	score %{tx.inbound_anomaly_score_pl1} of %{REMOTE_ADDR}
//
// has four parts: two literals and two references, of which the first has a slot.
func ParseMacro(text string, slot func(string) int32) (*Macro, error) {
	// Text without "%{" is one literal; a percent sign alone is no reference.
	m := &Macro{Text: text}
	rest := text
	for rest != "" {
		i := strings.Index(rest, "%{")
		if i < 0 {
			m.Parts = append(m.Parts, MacroPart{Literal: rest})
			break
		}
		if i > 0 {
			m.Parts = append(m.Parts, MacroPart{Literal: rest[:i]})
		}
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 {
			return nil, fmt.Errorf("macro %q is never closed; write %%{name} or %%{collection.name}", rest[i:])
		}
		name := rest[i+2 : i+end]
		rest = rest[i+end+1:]
		// ModSecurity writes members with a dot here and with a colon in targets.
		base, key, _ := strings.Cut(name, ".")
		v, ok := seclang.ParseVariable(base)
		if !ok {
			return nil, fmt.Errorf("macro names no variable: %q; write %%{tx.name} or a variable of the language", name)
		}
		p := MacroPart{Literal: name, Variable: v, key: strings.ToLower(key), Slot: -1}
		if v == seclang.TX {
			p.Slot = slot(p.key)
		}
		m.Parts = append(m.Parts, p)
	}
	return m, nil
}

// Constant returns the text of a macro without references; it is not ok for others.
func (m *Macro) Constant() (string, bool) {
	if m == nil || len(m.Parts) == 0 {
		return "", true
	}
	if len(m.Parts) == 1 && m.Parts[0].Variable == seclang.NoVariable {
		return m.Parts[0].Literal, true
	}
	return "", false
}

// expand returns the text with the values of tx. Without references it does not allocate.
// Of one part it is the value itself, of several a text in the arena.
func (m *Macro) expand(tx *Tx) string { return m.join(tx, 1<<30) }

// expandShort is expand with each value cut after 1 KiB, for messages: a value may have
// the length of a body.
func (m *Macro) expandShort(tx *Tx) string { return m.join(tx, 1024) }

// join expands the parts, each cut after limit bytes. A cut may be within a rune.
func (m *Macro) join(tx *Tx, limit int) string {
	var texts [16]string // most macros have fewer parts; then only the result is allocated
	list := texts[:0]
	for i := range m.Parts {
		s := m.Parts[i].expand(tx)
		list = append(list, s[:min(len(s), limit)])
	}
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return tx.arena.Concat(list...)
}

// expand returns the text of one part, its own name if there is no such value.
func (p *MacroPart) expand(tx *Tx) string {
	if p.Variable == seclang.NoVariable {
		return p.Literal
	}
	if p.Slot >= 0 {
		if v := &tx.slots[p.Slot]; v.Set {
			return v.Text
		}
		return p.Literal
	}
	if s, ok := tx.lookup(p.Variable, p.key); ok {
		return s
	}
	return p.Literal
}
