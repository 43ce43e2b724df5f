package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with a file, or writes the file with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); -update rewrites it:\n%s", name, diff)
	}
}

var sieved = regexp.MustCompile(`[0-9]+ tested, [0-9]+ impossible`)

func TestExplanationsAreInWordsThatPeopleUnderstand(t *testing.T) {
	own, err := os.ReadFile("testdata/explain/own.conf")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := waf.Compile(waf.Config{Paranoia: 2, Directives: string(own)})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/explain/*.http")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".http")
		t.Run(filepath.Base(name), func(t *testing.T) {
			request, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			response, err := os.ReadFile(name + ".response")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			x, err := replay.Explain(engine, time.Now(), request, response)
			if err != nil {
				t.Fatal(err)
			}
			// How many rules the engine proves impossible is its own affair.
			text := sieved.ReplaceAllString(strings.Join(append(x.Notes, explained(x).text()), "\n"), "N tested, N impossible")
			golden(t, name+".txt", text)
			total := 0
			for _, s := range x.Inbound.Steps {
				total += s.Added
			}
			if total != x.Inbound.Total {
				t.Errorf("the steps add up to %d, the score is %d", total, x.Inbound.Total)
			}
		})
	}
}

// TestExplanationsHaveAStableJSONForm holds the names and shapes that programs rely
// on. The rules beside the match are left out, since there are hundreds.
func TestExplanationsHaveAStableJSONForm(t *testing.T) {
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		t.Fatal(err)
	}
	request, err := os.ReadFile("testdata/explain/chain.http")
	if err != nil {
		t.Fatal(err)
	}
	x, err := replay.Explain(engine, time.Now(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	j := explained(x).json()
	if len(j.Rules) < 500 {
		t.Errorf("%d rules, want all of them", len(j.Rules))
	}
	j.Rules = slices.DeleteFunc(j.Rules, func(r ruleFateJSON) bool { return r.ID != 920170 })
	j.Fates = map[string]int{"matched": j.Fates["matched"]}
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/explain/chain.json", string(b)+"\n")
}

func TestExplainTellsWhatIsWrongWithAResponse(t *testing.T) {
	engine, err := waf.Compile(waf.Config{})
	if err != nil {
		t.Fatal(err)
	}
	request := []byte("GET / HTTP/1.1\nHost: a.example\n\n")
	for response, want := range map[string]string{
		"hello": "response: ",
		"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Type: text/html\n\nplain":         "response: gzip body: ",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Type: text/html\n\nzz\nplain": "response: chunked body: ",
	} {
		if _, err := replay.Explain(engine, time.Now(), request, []byte(response)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", response, err)
		}
	}
	x, err := replay.Explain(engine, time.Now(), request, []byte("HTTP/1.1 200 OK\nContent-Type: image/png\n\nx"))
	if err != nil || len(x.Notes) == 0 || !strings.Contains(x.Notes[0], `"image/png"`) {
		t.Error(x.Notes, err)
	}
}
