// Command generate writes what is made from api/openapi: the bundled openapi.yaml,
// the models, a server package for each tag and the client. It runs in api by
// go generate ./api.
//
//	generate          write the files
//	generate -check   write nothing, fail if a file is not what would be written
//
// Stability: internal to the build.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

func main() {
	check := flag.Bool("check", false, "write nothing, fail if a file is not what would be written")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// module is where the generated packages are imported from.
const module = "github.com/ringwall/ringwall/api/apigen"

// run generates into the working directory, which is api. With check it compares
// instead, in a folder of its own: the result does not depend on what git knows.
func run(check bool) (err error) {
	dir, err := os.MkdirTemp("", "ringwall-api-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := generate("openapi", dir); err != nil {
		return err
	}
	if check {
		return compare(dir, ".")
	}
	if err := os.RemoveAll("apigen"); err != nil {
		return err
	}
	if err := os.CopyFS(".", only(dir, "apigen")); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "openapi.yaml"))
	if err != nil {
		return err
	}
	return os.WriteFile("openapi.yaml", data, 0o644) //nolint:gosec // a source file
}

// only is the part of dir below name, under that name.
func only(dir, name string) fs.FS { return subtree{os.DirFS(dir), name} }

type subtree struct {
	fs.FS
	name string
}

// ReadDir implements fs.ReadDirFS.
func (s subtree) ReadDir(path string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(s.FS, path)
	if path == "." {
		list = slices.DeleteFunc(list, func(e fs.DirEntry) bool { return e.Name() != s.name })
	}
	return list, err
}

// generate reads the parts in source and writes openapi.yaml and apigen/ below out.
func generate(source, out string) error {
	text, tags, err := bundle(source)
	if err != nil {
		return err
	}
	doc, err := parse(text, tags)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "openapi.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "ringwall-oapi-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary folder
	// The parts refer to the schemas of this file, which the import mapping turns into
	// the types of package apigen.
	if err := writeJSON(filepath.Join(work, "openapi.yaml"), doc); err != nil {
		return err
	}
	models := object{}
	maps.Copy(models, doc)
	models["paths"] = object{}
	if err := oapi(work, out, "apigen", "apigen", models, object{"models": true}); err != nil {
		return err
	}
	for _, tag := range tags {
		server := object{"models": true, "std-http-server": true, "strict-server": true}
		if err := oapi(work, out, "apigen/"+tag+"api", tag+"api", pathsOf(doc, tag), server); err != nil {
			return err
		}
	}
	return oapi(work, out, "apigen/apiclient", "apiclient", pathsOf(doc, ""), object{"models": true, "client": true})
}

// pathsOf is doc with the operations of one tag, of all for "", and without
// components: schemas refer to openapi.yaml, everything else is inlined.
func pathsOf(doc object, tag string) object {
	paths := object{}
	for path, item := range doc["paths"].(object) {
		kept := object{}
		has := false
		for key, v := range item.(object) {
			if op, ok := v.(object); ok {
				if tag != "" && op["tags"].([]any)[0] != tag {
					continue
				}
				has = true
			}
			kept[key] = inline(doc, v)
		}
		if has {
			paths[path] = kept
		}
	}
	return object{"openapi": doc["openapi"], "info": doc["info"], "paths": paths}
}

func inline(doc object, v any) any {
	switch v := v.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			if strings.HasPrefix(ref, "#/components/schemas/") {
				return object{"$ref": "openapi.yaml" + ref}
			}
			target, err := lookup(doc, ref)
			if err != nil {
				panic(err) // parse has followed every reference
			}
			return inline(doc, target)
		}
		out := object{}
		for key, e := range v {
			out[key] = inline(doc, e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = inline(doc, e)
		}
		return out
	}
	return v
}

// oapi runs oapi-codegen on doc into the package dir below out.
func oapi(work, out, dir, name string, doc, kinds object) error {
	spec, config := filepath.Join(work, name+".json"), filepath.Join(work, name+".config.yaml")
	target := filepath.Join(out, filepath.FromSlash(dir))
	if err := os.MkdirAll(target, 0o755); err != nil { //nolint:gosec // source files
		return err
	}
	if err := writeJSON(spec, doc); err != nil {
		return err
	}
	options := object{"nullable-type": true}
	if name == "apigen" {
		options["skip-prune"] = true // without paths nothing is used
	}
	data, err := yaml.Marshal(object{
		"package": name, "generate": kinds, "output": filepath.Join(target, name+".gen.go"), "output-options": options,
		"import-mapping": object{"openapi.yaml": module},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(config, data, 0o600); err != nil {
		return err
	}
	modfile, err := filepath.Abs("../tools/go.mod")
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "tool", "-modfile="+modfile, "oapi-codegen", "-config", config, spec)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("oapi-codegen for %s: %w: %s", dir, err, strings.TrimSpace(said.String()))
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// compare tells every generated file in which the two folders differ.
func compare(want, have string) error {
	names := map[string]bool{"openapi.yaml": true}
	for _, dir := range []string{want, have} {
		err := filepath.WalkDir(filepath.Join(dir, "apigen"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			names[rel] = true
			return err
		})
		if err != nil {
			return err
		}
	}
	var errs []error
	for name := range names {
		a, erra := read(filepath.Join(want, name))
		b, errb := read(filepath.Join(have, name))
		if err := errors.Join(erra, errb); err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			errs = append(errs, fmt.Errorf("api/%s is not what api/openapi says: run go generate ./api and commit the result",
				filepath.ToSlash(name)))
		}
	}
	return errors.Join(errs...)
}

// read returns nil for a file that does not exist.
func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(f)
}
