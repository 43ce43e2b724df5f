package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// table is a result in rows and columns.
type table struct {
	columns []string
	rows    [][]any
}

// print writes the table as aligned text, a JSON array of objects with the columns
// in order, or CSV (RFC 4180).
func (t table) print(w io.Writer, format string) error {
	switch format {
	case "json":
		return t.json(w)
	case "csv":
		cw := csv.NewWriter(w)
		cw.UseCRLF = false
		records := [][]string{t.columns}
		for _, row := range t.rows {
			records = append(records, texts(row))
		}
		return cw.WriteAll(records)
	}
	return t.text(w)
}

func (t table) json(w io.Writer) error {
	var b strings.Builder
	b.WriteString("[")
	for i, row := range t.rows {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  {")
		for j, cell := range row {
			if j > 0 {
				b.WriteString(", ")
			}
			value, err := json.Marshal(cell)
			if err != nil {
				return fmt.Errorf("column %s: %w", t.columns[j], err)
			}
			name, err := json.Marshal(t.columns[j])
			if err != nil {
				return err
			}
			b.Write(name)
			b.WriteString(": ")
			b.Write(value)
		}
		b.WriteString("}")
	}
	if len(t.rows) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("]\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// maxCell is how wide a column of the text form gets.
const maxCell = 80

func (t table) text(w io.Writer) error {
	lines := [][]string{t.columns}
	for _, row := range t.rows {
		cells := texts(row)
		for i, c := range cells {
			cells[i] = printable(c)
		}
		lines = append(lines, cells)
	}
	width := make([]int, len(t.columns))
	for _, line := range lines {
		for i, c := range line {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		for i, c := range line {
			if i == len(line)-1 {
				b.WriteString(c)
				break
			}
			b.WriteString(c)
			b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable keeps an attacker's bytes from controlling the operator's terminal,
// and a long cell from hiding its neighbours.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '·'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxCell {
		r := []rune(s)
		s = string(r[:maxCell-1]) + "…"
	}
	return s
}

func texts(row []any) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		switch v := cell.(type) {
		case nil:
			out[i] = ""
		case string:
			out[i] = v
		case time.Time:
			out[i] = v.Format("2006-01-02T15:04:05.000Z07:00")
		case []any:
			out[i] = "[" + strings.Join(texts(v), ", ") + "]"
		case float64:
			out[i] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}
