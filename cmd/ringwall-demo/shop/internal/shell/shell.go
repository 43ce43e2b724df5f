// Package shell is a tiny shell that looks real to an attacker and can harm
// nobody. It understands the grammar that command injection lives on (; & && ||
// | newlines, quotes, $(…), backticks, variables, arithmetic, globs) and runs a
// handful of commands written in Go below.
//
// What is absent on purpose: it starts no process, opens no socket, writes no
// file and reads none outside its folder, which is its "/". Time, steps, depth
// and output are bounded.
//
// Stability: for the demo shop only.
package shell

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits of one Run. They are generous for a probe and small for a machine.
const (
	maxTime   = 3 * time.Second
	maxScript = 4 << 10
	maxOutput = 64 << 10
	maxSteps  = 400
	maxDepth  = 12
)

// Run interprets script with root as its file system and returns what a terminal
// would have shown, standard output and errors together. It never fails: a
// mistake in the script is text in the result, and a script that exceeds a limit
// is cut short with a line that says so. It returns within about three seconds
// or soon after ctx ends.
func Run(ctx context.Context, root *os.Root, script string) string {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	if len(script) > maxScript {
		return "sh: line too long\n"
	}
	r := &run{ctx: ctx, root: root, vars: map[string]string{
		"HOME": "/", "PWD": "/", "USER": "shop", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "HOSTNAME": "lantern-web-1", "IFS": " \t\n", "0": "sh",
	}}
	var out output
	r.script(script, "", &out, 0)
	if r.stopped != "" {
		out.extra(r.stopped)
	}
	return out.b.String()
}

// output is text with a lid on it. Errors go where the output goes, as with 2>&1,
// unless a redirection sends one of them away.
type output struct {
	b    strings.Builder
	full bool
}

func (o *output) add(s string) {
	if room := maxOutput - o.b.Len(); len(s) > room {
		s, o.full = s[:max(room, 0)], true
	}
	o.b.WriteString(s)
}

func (o *output) extra(s string) { o.b.WriteString(s + "\n") }

type run struct {
	ctx     context.Context // one Run, one context: it is a call's argument in all but name
	root    *os.Root
	vars    map[string]string
	status  int
	steps   int
	stopped string
}

// over tells that the script has had enough; nothing more is run then.
func (r *run) over() bool {
	switch {
	case r.stopped != "":
	case r.ctx.Err() != nil:
		r.stopped = "sh: timed out"
	case r.steps >= maxSteps:
		r.stopped = "sh: too many commands"
	}
	return r.stopped != ""
}

// script runs a list of pipelines.
func (r *run) script(src, stdin string, out *output, depth int) {
	if depth > maxDepth {
		r.stopped = "sh: nested too deep"
		return
	}
	parts, err := splitList(src)
	if err != nil {
		out.add("sh: 1: " + err.Error() + "\n")
		r.status = 2
		return
	}
	for i, p := range parts {
		if r.over() || out.full {
			return
		}
		if i > 0 {
			before := parts[i-1].sep
			if before == "&&" && r.status != 0 || before == "||" && r.status == 0 {
				continue // the status stays, so "false && a || b" still runs b
			}
		}
		r.pipeline(p.text, stdin, out, depth)
	}
}

func (r *run) pipeline(src, stdin string, out *output, depth int) {
	cmds, err := splitPipe(src)
	if err != nil {
		out.add("sh: 1: " + err.Error() + "\n")
		r.status = 2
		return
	}
	in := stdin
	for i, c := range cmds {
		if r.over() {
			return
		}
		if i == len(cmds)-1 {
			r.command(c, in, out, out, depth)
			return
		}
		var mid output
		r.command(c, in, &mid, out, depth)
		in = mid.b.String()
	}
}

func (r *run) command(src, stdin string, out, errs *output, depth int) {
	src = strings.TrimSpace(src)
	if src == "" {
		return
	}
	r.steps++
	if open, shut := src[0], src[len(src)-1]; len(src) > 1 && (open == '(' && shut == ')' || open == '{' && shut == '}') {
		r.script(src[1:len(src)-1], stdin, out, depth+1)
		return
	}
	words, err := r.words(src, depth)
	if err != nil {
		errs.add("sh: 1: " + err.Error() + "\n")
		r.status = 2
		return
	}
	args, out, errs, in, err := r.redirect(words, stdin, out, errs)
	if err != nil {
		errs.add("sh: 1: " + err.Error() + "\n")
		r.status = 2
		return
	}
	for len(args) > 0 {
		name, value, ok := strings.Cut(args[0], "=")
		if !ok || !isName(name) {
			break
		}
		if len(r.vars) < 64 {
			r.vars[name] = value
		}
		args, r.status = args[1:], 0
	}
	if len(args) == 0 {
		return
	}
	r.exec(args, in, out, errs, depth)
}

func (r *run) exec(args []string, stdin string, out, errs *output, depth int) {
	name := args[0]
	for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"} {
		name = strings.TrimPrefix(name, dir)
	}
	cmd, ok := commands()[name]
	switch {
	case ok:
		r.status = cmd(&call{run: r, args: args[1:], stdin: stdin, out: out, errs: errs, depth: depth})
	case readOnly(name):
		errs.add(name + ": Read-only file system\n")
		r.status = 1
	default:
		errs.add("sh: 1: " + args[0] + ": not found\n")
		r.status = 127
	}
}

// redirect takes redirections out of words. Reading is allowed inside the
// folder; writing only to /dev/null, to a stream or not at all.
func (r *run) redirect(words []word, stdin string, out, errs *output) (args []string, o, e *output, in string, err error) {
	in = stdin
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !w.operator {
			args = append(args, w.text)
			continue
		}
		if strings.Contains(w.text, "&") && w.text != "&>" { // 2>&1, 1>&2
			switch w.text {
			case "2>&1":
				errs = out
			case "1>&2", ">&2":
				out = errs
			}
			continue
		}
		i++
		if i >= len(words) || words[i].operator {
			return args, out, errs, in, fmt.Errorf("syntax error: newline unexpected")
		}
		target := words[i].text
		switch {
		case w.text == "<":
			b, err := r.readFile(target)
			if err != nil {
				return args, out, errs, in, fmt.Errorf("cannot open %s: No such file", target)
			}
			in = b
		case target == "/dev/null" && w.text[0] == '2':
			errs = new(output)
		case target == "/dev/null" && w.text == "&>":
			out, errs = new(output), new(output)
		case target == "/dev/null":
			out = new(output)
		case target == "/dev/stdout", target == "/dev/stderr", target == "/dev/tty":
		default:
			return args, out, errs, in, fmt.Errorf("cannot create %s: Read-only file system", target)
		}
	}
	return args, out, errs, in, nil
}

// variable is the value behind a $name.
func (r *run) variable(name string) string {
	switch name {
	case "?":
		return strconv.Itoa(r.status)
	case "$":
		return "4711"
	case "#":
		return "0"
	case "@", "*", "!", "-":
		return ""
	}
	return r.vars[name]
}

func isName(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
