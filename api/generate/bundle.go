package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// header stands at the top of the bundle.
const header = "# Code generated from api/openapi/*.yaml by go generate ./api. DO NOT EDIT.\n"

// kinds are the sections of components that a part may have, in the bundle's order.
var kinds = []string{"securitySchemes", "parameters", "headers", "responses", "schemas"}

// bundle joins root.yaml, one file for each of its tags and shared.yaml in dir into
// one OpenAPI document. It joins lines, not values, so that order, comments and flow
// style stay as written. A reference in a part is that of the joined document,
// #/components/….
func bundle(dir string) (text string, tags []string, err error) {
	root, err := os.ReadFile(filepath.Join(dir, "root.yaml"))
	if err != nil {
		return "", nil, err
	}
	var head struct {
		Tags []struct{ Name string }
	}
	if err := yaml.Unmarshal(root, &head); err != nil {
		return "", nil, fmt.Errorf("root.yaml: %w", err)
	}
	parts := []string{"root"}
	for _, t := range head.Tags {
		tags = append(tags, t.Name)
		parts = append(parts, t.Name)
	}
	parts = append(parts, "shared")
	if err := noStrays(dir, parts); err != nil {
		return "", nil, err
	}

	var top strings.Builder
	top.WriteString(header)
	sections := map[string]string{} // by "paths" or "components/kind"
	for _, part := range parts {
		data, err := os.ReadFile(filepath.Join(dir, part+".yaml"))
		if err != nil {
			return "", nil, fmt.Errorf("tag %q of root.yaml: %w", part, err)
		}
		rest, err := split(string(data), sections)
		if err != nil {
			return "", nil, fmt.Errorf("%s.yaml: %w", part, err)
		}
		if part == "root" {
			top.WriteString(rest)
		} else if strings.TrimSpace(rest) != "" {
			return "", nil, fmt.Errorf("%s.yaml: only root.yaml may have %q", part, strings.TrimSpace(rest))
		}
	}
	var b strings.Builder
	b.WriteString(top.String() + "paths:\n" + sections["paths"] + "components:\n")
	for _, kind := range kinds {
		if s := sections["components/"+kind]; s != "" {
			b.WriteString("  " + kind + ":\n" + s)
		}
	}
	return b.String(), tags, nil
}

// noStrays refuses files that no tag asks for: they would be forgotten silently.
func noStrays(dir string, parts []string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".yaml"); !slices.Contains(parts, name) {
			return fmt.Errorf("%s.yaml: root.yaml has no tag %q", name, name)
		}
	}
	return nil
}

var topKey, kindKey = regexp.MustCompile(`^(\w+):`), regexp.MustCompile(`^  (\w+):\s*$`)

// split adds the lines of paths and of the kinds of components to sections, and
// returns all other lines.
func split(text string, sections map[string]string) (rest string, err error) {
	section := ""
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if m := topKey.FindStringSubmatch(line); m != nil {
			switch section = ""; m[1] {
			case "paths", "components":
				if section = m[1]; strings.TrimSpace(line) != section+":" {
					return "", fmt.Errorf("%s: want its content on the lines below", section)
				}
				continue
			}
		} else if m := kindKey.FindStringSubmatch(line); m != nil && strings.HasPrefix(section, "components") {
			if section = "components/" + m[1]; !slices.Contains(kinds, m[1]) {
				return "", fmt.Errorf("components: %q is not one of %v", m[1], kinds)
			}
			continue
		}
		switch section {
		case "":
			rest += line
		case "components":
			return "", fmt.Errorf("components: want one of %v, got %q", kinds, strings.TrimSpace(line))
		default:
			sections[section] += line
		}
	}
	return rest, nil
}

// object is a mapping of the parsed document.
type object = map[string]any

// parse reads the bundle and checks what OpenAPI itself does not ask for: every
// operation has a summary, an id of its own and exactly one tag, and every
// reference leads somewhere.
func parse(text string, tags []string) (object, error) {
	var doc object
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	var errs []error
	ids := map[string]bool{}
	for _, op := range operations(doc) {
		id, _ := op.value["operationId"].(string)
		if id == "" || ids[id] {
			errs = append(errs, fmt.Errorf("%s: operationId %q: want one of its own", op.where, id))
		}
		ids[id] = true
		if s, _ := op.value["summary"].(string); s == "" {
			errs = append(errs, fmt.Errorf("%s: summary is missing", op.where))
		}
		if t, _ := op.value["tags"].([]any); len(t) != 1 || !slices.Contains(tags, fmt.Sprint(t[0])) {
			errs = append(errs, fmt.Errorf("%s: tags %v: want exactly one of %v", op.where, op.value["tags"], tags))
		}
	}
	for _, ref := range references(doc) {
		if _, err := lookup(doc, ref); err != nil {
			errs = append(errs, err)
		}
	}
	return doc, errors.Join(errs...)
}

// operation is one method of a path.
type operation struct {
	where string // METHOD /path
	path  string
	value object
}

// operations lists the operations of doc.
func operations(doc object) []operation {
	var list []operation
	paths, _ := doc["paths"].(object)
	for path, item := range paths {
		for method, op := range item.(object) {
			if op, ok := op.(object); ok {
				list = append(list, operation{strings.ToUpper(method) + " " + path, path, op})
			}
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return strings.Compare(a.where, b.where) })
	return list
}

// references lists every $ref below v.
func references(v any) (list []string) {
	switch v := v.(type) {
	case object:
		for key, e := range v {
			if ref, ok := e.(string); ok && key == "$ref" {
				list = append(list, ref)
			} else {
				list = append(list, references(e)...)
			}
		}
	case []any:
		for _, e := range v {
			list = append(list, references(e)...)
		}
	}
	return list
}

// lookup follows a reference within doc.
func lookup(doc object, ref string) (any, error) {
	var at any = doc
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		o, _ := at.(object)
		if at = o[name]; at == nil {
			return nil, fmt.Errorf("$ref %q leads nowhere", ref)
		}
	}
	return at, nil
}
