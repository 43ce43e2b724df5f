package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite generated files")

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ringwall.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsBeatEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	path := write(t, "mode: active\nlisten: 127.0.0.1:1\nconsole: 127.0.0.1:2\nupstream: [http://a, http://b]\nretention_days: 7\n")
	environ := []string{"RINGWALL_LISTEN=127.0.0.1:3", "RINGWALL_CONSOLE=127.0.0.1:4", "RINGWALL_TRUSTED_PROXY=10.0.0.0/8,192.0.2.1"}
	loaded, err := Load(path, environ, map[string][]string{"console": {"127.0.0.1:5"}, "access-events": {"true"}})
	if err != nil {
		t.Fatal(err)
	}
	c := loaded
	c.origin = nil
	want := Config{
		Data: "./ringwall-data",
		Site: Site{
			Mode: "active", Listen: "127.0.0.1:3", Upstreams: []string{"http://a", "http://b"},
			TrustedProxies: []string{"10.0.0.0/8", "192.0.2.1"}, AccessEvents: true,
		},
		Manager: Manager{Console: "127.0.0.1:5"},
		Spool:   Spool{MaxBytes: 1 << 30},
		Lake:    Lake{RetentionDays: 7},
		Log:     Log{Level: "info", Format: "text"},
	}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(Config{})); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	c = loaded
	origins := map[string]string{}
	for _, s := range c.Settings() {
		origins[s.Key] = s.Origin
	}
	for key, want := range map[string]string{"mode": "file " + path, "listen": "environment RINGWALL_LISTEN", "console": "flag --console", "data": "default"} {
		if origins[key] != want {
			t.Errorf("%s comes from %q, want %q", key, origins[key], want)
		}
	}
	if !c.Given("mode") || c.Given("data") {
		t.Error("Given does not tell defaults from values")
	}
}

func TestMistakesNameThePlaceAndTheWayOut(t *testing.T) {
	for _, tc := range []struct {
		file  string
		env   []string
		flags map[string][]string
		want  []string
	}{
		{file: "upstraem: http://a\n", want: []string{"ringwall.yaml", `did you mean "upstream"`}},
		{file: "mode: [a, b]\n", want: []string{"mode", "want one value"}},
		{file: "mode: aktive\n", want: []string{"ringwall.yaml", `"aktive" is no mode`}},
		{file: "a: [\n", want: []string{"ringwall.yaml", "[1:"}},
		{env: []string{"RINGWALL_RETENTION_DAYS=many"}, want: []string{"environment RINGWALL_RETENTION_DAYS", "no whole number"}},
		{flags: map[string][]string{"upstream": {"my-app:3000"}, "listen": {"8080"}}, want: []string{"--upstream", "http://host:port", "--listen", "host:port"}},
		{flags: map[string][]string{"console": {"0.0.0.0:8080"}}, want: []string{"--console", "gateway's address too"}},
		{flags: map[string][]string{"tls-cert": {"x"}}, want: []string{"together"}},
		{env: []string{"RINGWALL_LAKE_MAX_MB=-1"}, want: []string{"environment RINGWALL_LAKE_MAX_MB: -1: must not be negative"}},
		{flags: map[string][]string{"spool-max-mb": {"0"}}, want: []string{"--spool-max-mb: 0: must be positive"}},
		{flags: map[string][]string{"spool-max-mb": {"9223372036854775807"}}, want: []string{"--spool-max-mb", "too large"}},
		{flags: map[string][]string{"trusted-proxy": {"proxy"}}, want: []string{"--trusted-proxy", "10.0.0.0/8"}},
	} {
		path := ""
		if tc.file != "" {
			path = write(t, tc.file)
		}
		_, err := Load(path, tc.env, tc.flags)
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: got %v, want %q", tc, err, want)
			}
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil); err == nil {
		t.Error("a missing file was accepted")
	}
}

// docs/guide/config.md is made of the tags; go test ./config -update rewrites it.
func TestTheGuideListsEveryKey(t *testing.T) {
	c, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Configuration

A setting has one name, its key. It stands in the YAML file that --config names (with dashes or underscores), in the environment, or on
the command line; the command line goes before the environment, that before the file. ` + "`ringwall config print`" + ` shows every value that
` + "`ringwall up`" + ` would use and where it comes from. An unknown key is an error.

What is protected (sites, server groups, services, exceptions …) is not configuration: it lives in the manager's store and is changed in the
console or by the API. The settings of the first site seed it at the first start; later, only those that are given change it.

<!-- Made from config/config.go by: go test ./config -update -->
`)
	section := "-"
	for _, s := range c.Settings() {
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "\n## %s\n\n| key | environment | default | what |\n|---|---|---|---|\n", title(section))
		}
		value := ""
		if s.Value != "" {
			value = "`" + s.Value + "`"
		}
		what := s.Help
		if s.List && s.Separator == "" {
			what += " (a list in the file, the flag several times, separated by commas in the environment)"
		} else if s.List {
			what += " (a list in the file, separated by commas elsewhere)"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Key, s.Env(), value, what)
	}
	path := filepath.Join("..", "docs", "guide", "config.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s is not made from config/config.go; run go test ./config -update (-want +got)\n%s", path, diff)
	}
}

func title(section string) string {
	if section == "" {
		return "General"
	}
	return section
}

func FuzzFile(f *testing.F) {
	f.Add("mode: active\nupstream: [http://a]\n")
	f.Add("? [a]\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(write(t, text), nil, nil)
		if err == nil && c.Validate() != nil {
			t.Fatalf("%q: loaded but invalid", text)
		}
	})
}
