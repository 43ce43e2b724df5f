package seclang

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxIncludes bounds Include, so that files that include each other end.
const maxIncludes = 1000

// Load parses text and replaces each Include by the directives of the files that
// it names, which are looked up in fsys: first beside the including file, then
// from the root. It returns what it could read and all mistakes joined.
func Load(fsys fs.FS, file, text string) ([]Directive, error) {
	l := loader{fsys: fsys}
	list := l.text(file, text, ".")
	return list, errors.Join(l.errs...)
}

type loader struct {
	fsys  fs.FS
	count int
	errs  []error
}

func (l *loader) text(file, text, dir string) []Directive {
	parsed, err := Parse(file, text)
	if err != nil {
		l.errs = append(l.errs, err)
	}
	var list []Directive
	for _, d := range parsed {
		if d.Name != "Include" {
			list = append(list, d)
			continue
		}
		for _, pattern := range d.Args {
			list = append(list, l.include(d.Pos, pattern, dir)...)
		}
	}
	return list
}

func (l *loader) include(pos Pos, pattern, dir string) []Directive {
	if l.fsys == nil {
		l.errs = append(l.errs, &Error{pos, "there are no files to include", pattern, "put the rules in place of Include"})
		return nil
	}
	var names []string
	for _, p := range []string{path.Join(dir, pattern), strings.TrimPrefix(path.Clean(pattern), "/")} {
		found, err := fs.Glob(l.fsys, p)
		if err != nil {
			l.errs = append(l.errs, &Error{pos, "pattern of file names is malformed", pattern, err.Error()})
			return nil
		}
		if len(found) > 0 {
			names = found
			break
		}
	}
	if len(names) == 0 {
		const hint = "check the name; names are relative to the including file"
		l.errs = append(l.errs, &Error{pos, "no file to include has this name", pattern, hint})
		return nil
	}
	slices.Sort(names)
	var list []Directive
	for _, name := range names {
		if l.count++; l.count > maxIncludes {
			l.errs = append(l.errs, &Error{pos, "too many files included", name, "files include each other"})
			return list
		}
		text, err := fs.ReadFile(l.fsys, name)
		if err != nil {
			l.errs = append(l.errs, &Error{pos, "file to include cannot be read", name, err.Error()})
			continue
		}
		list = append(list, l.text(name, string(text), path.Dir(name))...)
	}
	return list
}
