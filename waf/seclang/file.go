package seclang

import (
	"strconv"
	"strings"
)

// File is rule text with the name that places in it have.
type File struct{ Name, Text string }

// fileMark begins a line that Join writes; to Parse it is a comment.
const fileMark = "#ringwall:file "

// Join makes one text of several files that records where each begins, so that
// Split gives them back.
func Join(files []File) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString(fileMark + strconv.Quote(f.Name) + "\n")
		b.WriteString(f.Text)
		if !strings.HasSuffix(f.Text, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Split returns the files that were joined. Text before the first of them, such as
// all of a text that was not joined, is a file with the given name.
func Split(name, text string) []File {
	var files []File
	begin := 0
	add := func(end int) {
		if end > begin {
			files = append(files, File{name, text[begin:end]})
		}
	}
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if quoted, ok := strings.CutPrefix(text[at:end], fileMark); ok {
			if next, err := strconv.Unquote(strings.TrimSuffix(quoted, "\n")); err == nil {
				add(at)
				name, begin = next, end
			}
		}
		at = end
	}
	add(len(text))
	return files
}
