package program

import (
	"fmt"
	"strings"

	"github.com/ringwall/ringwall/waf/seclang"
)

// macro is text with references to variables: %{tx.score}.
type macro struct {
	text  string
	parts []macroPart
}

type macroPart struct {
	literal  string // also what an unknown member expands to
	variable seclang.Variable
	key      string // in lower case
	slot     int32  // of TX, -1 if the key is no slot
}

// parseMacro reads text. slot returns the slot of a TX variable.
func parseMacro(text string, slot func(string) int32) (*macro, error) {
	m := &macro{text: text}
	rest := text
	for rest != "" {
		i := strings.Index(rest, "%{")
		if i < 0 {
			m.parts = append(m.parts, macroPart{literal: rest})
			break
		}
		if i > 0 {
			m.parts = append(m.parts, macroPart{literal: rest[:i]})
		}
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 {
			return nil, fmt.Errorf("macro %q is never closed; write %%{name} or %%{collection.name}", rest[i:])
		}
		name := rest[i+2 : i+end]
		rest = rest[i+end+1:]
		base, key, _ := strings.Cut(name, ".")
		v, ok := seclang.ParseVariable(base)
		if !ok {
			return nil, fmt.Errorf("macro names no variable: %q; write %%{tx.name} or a variable of the language", name)
		}
		p := macroPart{literal: name, variable: v, key: strings.ToLower(key), slot: -1}
		if v == seclang.TX {
			p.slot = slot(p.key)
		}
		m.parts = append(m.parts, p)
	}
	return m, nil
}

// constant returns the text of a macro without references.
func (m *macro) constant() (string, bool) {
	if m == nil || len(m.parts) == 0 {
		return "", true
	}
	if len(m.parts) == 1 && m.parts[0].variable == seclang.NoVariable {
		return m.parts[0].literal, true
	}
	return "", false
}

// expand returns the text with the values of tx. Without references it does not
// allocate.
func (m *macro) expand(tx *Tx) string { return m.join(tx, 1<<30) }

// expandShort is expand with each value cut after so many bytes, for texts that
// people read.
func (m *macro) expandShort(tx *Tx) string { return m.join(tx, 1024) }

func (m *macro) join(tx *Tx, limit int) string {
	var texts [16]string
	list := texts[:0]
	for i := range m.parts {
		s := m.parts[i].expand(tx)
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

func (p *macroPart) expand(tx *Tx) string {
	if p.variable == seclang.NoVariable {
		return p.literal
	}
	if p.slot >= 0 {
		if v := &tx.slots[p.slot]; v.set {
			return v.text
		}
		return p.literal
	}
	if s, ok := tx.lookup(p.variable, p.key); ok {
		return s
	}
	return p.literal
}
