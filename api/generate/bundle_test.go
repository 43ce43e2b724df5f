package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheBundleIsCurrent(t *testing.T) {
	text, tags, err := bundle("../openapi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(text, tags); err != nil {
		t.Error(err)
	}
	have, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text {
		t.Error("api/openapi.yaml is not what api/openapi says: run go generate ./api and commit the result")
	}
}

func TestMistakesInPartsAreTold(t *testing.T) {
	const root = "openapi: 3.0.3\ntags:\n  - {name: one}\n"
	const one = "paths:\n  /a:\n    get:\n      operationId: a\n      tags: [one]\n      summary: A\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing wrong", nil, ""},
		{"file of no tag", map[string]string{"two": one}, `no tag "two"`},
		{"tag without file", map[string]string{"one": ""}, `tag "one"`},
		{"no summary", map[string]string{"one": strings.Replace(one, "summary: A", "description: A", 1)}, "GET /a: summary is missing"},
		{"no id", map[string]string{"one": strings.Replace(one, "operationId", "x-id", 1)}, "operationId"},
		{"two tags", map[string]string{"one": strings.Replace(one, "[one]", "[one, two]", 1)}, "want exactly one"},
		{"unknown kind", map[string]string{"one": one + "components:\n  models:\n    A: {}\n"}, `"models" is not one of`},
		{"strange key", map[string]string{"one": one + "servers: []\n"}, "only root.yaml may have"},
		{"dead reference", map[string]string{"one": one + "      x: {$ref: '#/components/schemas/B'}\n"}, "leads nowhere"},
		{"path twice", map[string]string{"shared": one}, "/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{"root": root, "one": one, "shared": "components:\n  schemas:\n    A: {type: string}\n"}
			maps.Copy(files, c.files)
			for name, text := range files {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			text, tags, err := bundle(dir)
			if err == nil {
				_, err = parse(text, tags)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("want …%s…, got %v", c.want, err)
			}
		})
	}
}
