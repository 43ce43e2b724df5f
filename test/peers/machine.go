package peers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Heading writes what a number is worthless without: date, command, machine,
// commit and versions.
func Heading(ctx context.Context, command string, out io.Writer) {
	say := func(name, value string) { fmt.Fprintf(out, "%-10s %s\n", name+":", value) }
	say("date", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	say("command", command)
	commit := said(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if said(ctx, "git", "status", "--porcelain", "--untracked-files=no") != "" {
		commit += " with local changes"
	}
	say("commit", commit)
	say(
		"machine",
		fmt.Sprintf(
			"%s, %d CPUs, %s, Linux %s",
			valueOf("/proc/cpuinfo", "model name"),
			runtime.NumCPU(),
			valueOf("/proc/meminfo", "MemTotal"),
			said(ctx, "uname", "-r"),
		),
	)
	load, _ := os.ReadFile("/proc/loadavg") // only to be shown
	say("load", strings.TrimSpace(string(load))+" (at the start)")
	say("go", runtime.Version())
	for _, p := range []string{"nginx", "libnginx-mod-http-modsecurity", "libmodsecurity3", "wrk"} {
		if v := said(ctx, "dpkg-query", "-W", "-f", "${Version}", p); v != "" {
			say(p, v)
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if slices.Contains([]string{"github.com/corazawaf/coraza/v3", "github.com/corazawaf/coraza-coreruleset/v4"}, d.Path) {
				say(strings.TrimPrefix(filepath.Dir(d.Path), "github.com/corazawaf/"), d.Version)
			}
		}
	}
}

// said runs a command and returns its output, "" if it cannot.
func said(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// valueOf returns the value of the first line "name : value" of a file.
func valueOf(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if n, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

// Create makes the file DIR/DATE-NAME.txt for a result. An older one of the same
// day is kept.
func Create(dir, name string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	day := time.Now().UTC().Format("2006-01-02")
	for n := 1; ; n++ {
		file := fmt.Sprintf("%s-%s.txt", day, name)
		if n > 1 {
			file = fmt.Sprintf("%s-%s-%d.txt", day, name, n)
		}
		f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !os.IsExist(err) {
			return f, err
		}
	}
}
