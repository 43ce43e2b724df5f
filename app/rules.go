package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Rules are rule files of the operator's own. The zero value is none.
type Rules struct {
	// Before and After are what goes before and after the Core Rule Set, in the form
	// of waf.Config.
	Before, After string
	// Files are the rule files in order, without word lists.
	Files []seclang.File
}

// ReadRules reads one rule file, or the *.conf files below a folder in order of
// name. Files named *.before.conf go before the Core Rule Set, the others after it.
// Files named *.data are word lists for operators such as @pmFromFile. What begins
// with a dot is left out. An empty path is no rules.
func ReadRules(path string) (Rules, error) {
	var r Rules
	if path == "" {
		return r, nil
	}
	var before, after []seclang.File
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != path && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		data := filepath.Ext(name) == ".data"
		if name != path && filepath.Ext(name) != ".conf" && !data {
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f := seclang.File{Name: filepath.ToSlash(name), Text: string(b)}
		switch {
		case data:
			after = append(after, f)
			return nil
		case strings.HasSuffix(name, ".before.conf"):
			before = append(before, f)
		default:
			after = append(after, f)
		}
		r.Files = append(r.Files, f)
		return nil
	})
	if err != nil {
		return Rules{}, err
	}
	if len(r.Files) == 0 {
		return Rules{}, fmt.Errorf("there is no *.conf file in %s", path)
	}
	r.Before, r.After = seclang.Join(before), seclang.Join(after)
	return r, nil
}

// Check compiles the rules with all of the Core Rule Set. An error has
// file:line:col of each mistake and a way out.
func (r Rules) Check() error {
	_, err := waf.Compile(waf.Config{Paranoia: 4, Before: r.Before, Directives: r.After})
	return err
}

// ruleReloader holds the operator's rules and reads them anew. Its methods are safe
// for use by several goroutines.
type ruleReloader struct {
	path string
	set  func(ctx context.Context, before, after string) error
	log  *slog.Logger

	mu     sync.Mutex
	files  int
	loaded time.Time
	failed error // of the last reload
}

// read reads and checks the rules and notes how that went.
func (r *ruleReloader) read() (Rules, error) {
	rules, err := ReadRules(r.path)
	if err == nil && r.path != "" {
		err = rules.Check()
	}
	if err != nil {
		err = fmt.Errorf("rules: %w", err)
	}
	return rules, err
}

func (r *ruleReloader) note(files int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
	if err == nil {
		r.files, r.loaded = files, time.Now()
	}
}

// status tells how many files are in force since when, and why the last reload
// failed, nil if it did not.
func (r *ruleReloader) status() (files int, loaded time.Time, failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files, r.loaded, r.failed
}

// reload puts the rules as they are on disk in force. If they are wrong, those
// before stay; the log and the metrics say so.
func (r *ruleReloader) reload(ctx context.Context) {
	if r.path == "" {
		r.log.Info("there are no rule files to reload; start with --rules")
		return
	}
	rules, err := r.read()
	if err == nil {
		err = r.set(ctx, rules.Before, rules.After)
	}
	r.note(len(rules.Files), err)
	if err != nil {
		r.log.Error("rules not reloaded, those before stay in force", "path", r.path, "error", err)
		return
	}
	r.log.Info("rules reloaded", "path", r.path, "files", len(rules.Files))
}

// run reloads the rules for each signal until ctx ends.
func (r *ruleReloader) run(ctx context.Context, signals <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			r.reload(ctx)
		}
	}
}
