package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
	c, err := Load(path, []string{"RINGWALL_LISTEN=127.0.0.1:3", "RINGWALL_CONSOLE=127.0.0.1:4", "RINGWALL_TRUSTED_PROXY=10.0.0.0/8,192.0.2.1"}, map[string][]string{"console": {"127.0.0.1:5"}, "access-events": {"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Mode != "active" || c.Listen != "127.0.0.1:3" || c.Console != "127.0.0.1:5" || !slices.Equal(c.Upstreams, []string{"http://a", "http://b"}) ||
		!slices.Equal(c.TrustedProxies, []string{"10.0.0.0/8", "192.0.2.1"}) || c.RetentionDays != 7 || !c.AccessEvents || c.Data != "./ringwall-data" {
		t.Fatalf("got %+v", c)
	}
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
