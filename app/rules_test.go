package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder writes files and returns their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const markOne = `SecAction "id:1,phase:1,pass"`

func TestRuleFilesAreReadInOrderOfName(t *testing.T) {
	dir := folder(t, map[string]string{
		"20-b.conf": markOne, "10-a.conf": "SecMarker A", "05-z.before.conf": "SecMarker Z", "sub/30.conf": "SecMarker S",
		"readme.txt": "not a rule", "words.data": "evil\n", ".hidden.conf": "SecRul", "..2026/10-a.conf": "SecRul",
	})
	r, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.Files {
		name, _ := filepath.Rel(dir, f.Name)
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "05-z.before.conf 10-a.conf 20-b.conf sub/30.conf" {
		t.Errorf("read %s", got)
	}
	if !strings.Contains(r.Before, "SecMarker Z") || strings.Contains(r.After, "SecMarker Z") || strings.Contains(r.Before, "SecMarker A") {
		t.Error("before and after are mixed up")
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	if one, err := ReadRules(filepath.Join(dir, "20-b.conf")); err != nil || len(one.Files) != 1 {
		t.Error(one, err)
	}
	if _, err := ReadRules(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no *.conf file in ") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := ReadRules(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if none, err := ReadRules(""); err != nil || len(none.Files) != 0 || none.After != "" {
		t.Error(none, err)
	}
}

func TestMistakesInRuleFilesNameEachFile(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.conf": "\nSecRule ARGZ \"@streq x\" \"id:1,deny\"",
		"b.conf": "SecMarker M\n" + `SecRule ARGS "@streq x" "id:2,deny,chain"`,
		"c.conf": `SecRule ARGS "@streq y"`,
	})
	r, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Check()
	for _, want := range []string{`a.conf:2:9: unknown variable: "ARGZ" (did you mean ARGS?)`, "b.conf:2:1: chain has no next rule (add a SecRule after it in this file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestWordListsStandBesideTheirRules(t *testing.T) {
	dir := folder(
		t,
		map[string]string{"rules/a.conf": `SecRule ARGS "@pmFromFile words.data" "id:1,phase:2,deny"`, "rules/words.data": "evilword\n"},
	)
	r, err := ReadRules(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

func TestAReloadThatFailsKeepsTheRulesAndSaysSo(t *testing.T) {
	dir := folder(t, map[string]string{"a.conf": markOne})
	var out bytes.Buffer
	var set []string
	refuse := error(nil)
	r := &ruleReloader{path: dir, log: slog.New(slog.NewTextHandler(&out, nil)), set: func(_ context.Context, _, after string) error {
		if refuse == nil {
			set = append(set, after)
		}
		return refuse
	}}
	r.reload(t.Context())
	if files, loaded, failed := r.status(); len(set) != 1 || files != 1 || loaded.IsZero() || failed != nil {
		t.Fatal(set, files, loaded, failed)
	}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "b.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("SecRul x")
	r.reload(t.Context())
	if files, _, failed := r.status(); len(set) != 1 || files != 1 || failed == nil {
		t.Error("a mistake was put in force", files, failed)
	}
	if !strings.Contains(out.String(), "those before stay in force") || !strings.Contains(out.String(), "b.conf:1:1: unknown directive") {
		t.Errorf("the log says %s", out.String())
	}
	write(`SecAction "id:2,phase:1,pass"`)
	refuse = errors.New("an exception names no rule")
	r.reload(t.Context())
	if _, _, failed := r.status(); !errors.Is(failed, refuse) {
		t.Errorf("the gateway refused, the status says %v", failed)
	}
	refuse = nil
	r.reload(t.Context())
	if files, _, failed := r.status(); len(set) != 2 || files != 2 || failed != nil {
		t.Error("good rules are not in force", files, failed)
	}
}
