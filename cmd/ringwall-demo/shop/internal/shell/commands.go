package shell

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one command about to run.
type call struct {
	run       *run
	args      []string
	stdin     string
	out, errs *output
	depth     int
}

func (c *call) fail(format string, a ...any) int {
	c.errs.add(fmt.Sprintf(format, a...) + "\n")
	return 1
}

// readOnly names commands that exist and refuse, because a shop's server has them.
func readOnly(name string) bool {
	return slices.Contains([]string{"rm", "touch", "mkdir", "mv", "cp", "ln", "chmod", "chown", "tee", "dd", "rmdir", "truncate"}, name)
}

func sortedCommands() []string { return slices.Sorted(maps.Keys(commands())) }

// commands lists everything the shell can do. Each reads its arguments, its input
// and files of the folder, and writes text. Omitted on purpose: whatever starts a
// process, opens a socket or changes a file.
func commands() map[string]func(*call) int {
	text := func(s string) func(*call) int {
		return func(c *call) int { c.out.add(s + "\n"); return 0 }
	}
	quiet := func(status int) func(*call) int { return func(*call) int { return status } }
	return map[string]func(*call) int{
		"echo": echo, "printf": printf, "cat": cat, "head": head, "tail": tail, "ls": ls, "dir": ls,
		"sleep": sleep, "ping": ping, "grep": grep, "wc": wc, "tr": tr, "rev": rev, "base64": b64, "xxd": xxd, "expr": expr,
		"sh": sh, "bash": sh, "eval": eval, "env": env, "printenv": env, "set": env, "uname": uname, "nslookup": nslookup,
		"id":       text("uid=33(shop) gid=33(shop) groups=33(shop)"),
		"whoami":   text("shop"),
		"hostname": text("lantern-web-1"),
		"pwd":      text("/"),
		"date":     text("Sun Nov 22 09:00:00 UTC 2026"),
		"uptime":   text(" 09:00:00 up 41 days,  3:07,  0 users,  load average: 0.08, 0.03, 0.01"),
		"ps":       text("  PID TTY          TIME CMD\n    1 ?        00:00:41 shop\n 4711 ?        00:00:00 sh"),
		"ifconfig": text("eth0: inet 192.0.2.80  netmask 255.255.255.0"),
		"true":     quiet(0), ":": quiet(0), "cd": quiet(0), "exit": quiet(0), "wait": quiet(0), "false": quiet(1),
	}
}

// readFile reads a file of the folder. A path from the root and one from here
// mean the same, and ".." stops at the top, as in a chroot; os.Root holds even if
// a link points out.
func (r *run) readFile(name string) (string, error) {
	f, err := r.root.Open(inside(name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: is a directory", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxOutput))
	return string(b), err
}

func inside(name string) string {
	if p := strings.TrimPrefix(path.Clean("/"+name), "/"); p != "" {
		return p
	}
	return "."
}

// input is the files named by args, or standard input when there is none.
func (c *call) input(args []string) (string, int) {
	if len(args) == 0 {
		return c.stdin, 0
	}
	var b strings.Builder
	status := 0
	for _, name := range args {
		if name == "-" {
			b.WriteString(c.stdin)
			continue
		}
		s, err := c.run.readFile(name)
		if err != nil {
			status = c.fail("%s: No such file or directory", name)
			continue
		}
		if b.WriteString(s); b.Len() > maxOutput {
			break
		}
	}
	return b.String(), status
}

func echo(c *call) int {
	end := "\n"
	escapes := false
	for len(c.args) > 0 && (c.args[0] == "-n" || c.args[0] == "-e" || c.args[0] == "-ne") {
		if strings.Contains(c.args[0], "n") {
			end = ""
		}
		escapes = escapes || strings.Contains(c.args[0], "e")
		c.args = c.args[1:]
	}
	s := strings.Join(c.args, " ")
	if escapes {
		s = unescape(s)
	}
	c.out.add(s + end)
	return 0
}

func printf(c *call) int {
	if len(c.args) == 0 {
		return c.fail("printf: usage: printf format [arguments]")
	}
	format, args := unescape(c.args[0]), c.args[1:]
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) > 0 {
			b.WriteString(args[0])
			args = args[1:]
		}
	}
	c.out.add(b.String())
	return 0
}

func unescape(s string) string {
	s = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(s)
	for {
		i := strings.Index(s, `\x`)
		if i < 0 || i+4 > len(s) {
			return s
		}
		v, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
		if err != nil {
			return s
		}
		s = s[:i] + string([]byte{byte(v)}) + s[i+4:]
	}
}

func cat(c *call) int {
	s, status := c.input(slices.DeleteFunc(c.args, func(a string) bool { return len(a) > 1 && a[0] == '-' }))
	c.out.add(s)
	return status
}

// lines splits the options -n N and -N off and returns the input's lines.
func (c *call) lines(n int) ([]string, int, int) {
	var files []string
	for i := 0; i < len(c.args); i++ {
		a := c.args[i]
		if v, err := strconv.Atoi(strings.TrimLeft(a, "-nc")); err == nil && strings.HasPrefix(a, "-") {
			n = v
		} else if a == "-n" || a == "-c" {
			if i++; i < len(c.args) {
				n, _ = strconv.Atoi(c.args[i])
			}
		} else {
			files = append(files, a)
		}
	}
	s, status := c.input(files)
	return strings.SplitAfter(strings.TrimSuffix(s, "\n"), "\n"), max(n, 0), status
}

func head(c *call) int {
	lines, n, status := c.lines(10)
	c.print(lines[:min(n, len(lines))])
	return status
}

func tail(c *call) int {
	lines, n, status := c.lines(10)
	c.print(lines[max(len(lines)-n, 0):])
	return status
}

func (c *call) print(lines []string) {
	if s := strings.Join(lines, ""); s != "" {
		c.out.add(strings.TrimSuffix(s, "\n") + "\n")
	}
}

func ls(c *call) int {
	long, status := false, 0
	var names []string
	for _, a := range c.args {
		if strings.HasPrefix(a, "-") {
			long = long || strings.Contains(a, "l")
		} else {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		names = []string{"/"}
	}
	for _, name := range names {
		fsys := c.run.root.FS()
		info, err := fs.Stat(fsys, inside(name))
		if err != nil {
			status = c.fail("ls: cannot access '%s': No such file or directory", name)
			continue
		}
		show := []fs.FileInfo{info}
		if info.IsDir() {
			show = nil
			entries, _ := fs.ReadDir(fsys, inside(name))
			for _, e := range entries {
				if i, err := e.Info(); err == nil {
					show = append(show, i)
				}
			}
		}
		for _, i := range show {
			if long {
				c.out.add(fmt.Sprintf("%s 1 shop shop %8d Nov 22 09:00 ", i.Mode(), i.Size()))
			}
			if c.out.add(i.Name() + "\n"); c.out.full {
				return status
			}
		}
	}
	return status
}

// sleep waits, two seconds at most.
func sleep(c *call) int {
	if len(c.args) == 0 {
		return c.fail("sleep: missing operand")
	}
	s, err := strconv.ParseFloat(strings.TrimSuffix(c.args[0], "s"), 64)
	if err != nil || s < 0 || s != s {
		return c.fail("sleep: invalid time interval '%s'", c.args[0])
	}
	t := time.NewTimer(time.Duration(min(s, 2) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return 0
	case <-c.run.ctx.Done():
		return 124
	}
}

// ping answers as a host nearby would; no packet leaves.
func ping(c *call) int {
	host := ""
	for i := 0; i < len(c.args); i++ {
		switch a := c.args[i]; {
		case a == "-c" || a == "-w" || a == "-W" || a == "-i" || a == "-s":
			i++
		case !strings.HasPrefix(a, "-"):
			host = a
		}
	}
	if host == "" {
		return c.fail("ping: usage error: Destination address required")
	}
	for _, b := range []byte(host) {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '.' && b != '-' && b != ':' {
			return c.fail("ping: %s: Name or service not known", host)
		}
	}
	ms := 8 + len(host)%7
	c.out.add(fmt.Sprintf("PING %[1]s (192.0.2.80) 56(84) bytes of data.\n64 bytes from %[1]s: icmp_seq=1 ttl=58 time=%[2]d.3 ms\n\n--- %[1]s ping statistics ---\n"+
		"1 packets transmitted, 1 received, 0%% packet loss, time 0ms\n", host, ms))
	return 0
}

func nslookup(c *call) int {
	if len(c.args) == 0 {
		return 1
	}
	c.out.add("** server can't find " + c.args[0] + ": SERVFAIL\n")
	return 1
}

func grep(c *call) int {
	var rest []string
	fold, invert := false, false
	for _, a := range c.args {
		if strings.HasPrefix(a, "-") && len(a) > 1 {
			fold, invert = fold || strings.Contains(a, "i"), invert || strings.Contains(a, "v")
		} else {
			rest = append(rest, a)
		}
	}
	if len(rest) == 0 {
		return c.fail("grep: usage: grep PATTERN [FILE]")
	}
	s, _ := c.input(rest[1:])
	found := 1
	for line := range strings.Lines(s) {
		a, b := line, rest[0]
		if fold {
			a, b = strings.ToLower(a), strings.ToLower(b)
		}
		if strings.Contains(a, b) != invert {
			c.out.add(strings.TrimSuffix(line, "\n") + "\n")
			found = 0
		}
	}
	return found
}

func wc(c *call) int {
	opt := ""
	if len(c.args) > 0 && strings.HasPrefix(c.args[0], "-") {
		opt, c.args = c.args[0], c.args[1:]
	}
	s, status := c.input(c.args)
	switch opt {
	case "-l":
		c.out.add(fmt.Sprintln(strings.Count(s, "\n")))
	case "-w":
		c.out.add(fmt.Sprintln(len(strings.Fields(s))))
	case "-c", "-m":
		c.out.add(fmt.Sprintln(len(s)))
	default:
		c.out.add(fmt.Sprintln(strings.Count(s, "\n"), len(strings.Fields(s)), len(s)))
	}
	return status
}

// tr knows single characters and -d, which is what probes use it for.
func tr(c *call) int {
	if len(c.args) < 2 {
		return c.fail("tr: missing operand")
	}
	if c.args[0] == "-d" {
		set := unescape(c.args[1])
		c.out.add(strings.Map(func(r rune) rune {
			if strings.ContainsRune(set, r) {
				return -1
			}
			return r
		}, c.stdin))
		return 0
	}
	from, to := []rune(unescape(c.args[0])), []rune(unescape(c.args[1]))
	if len(to) == 0 {
		return c.fail("tr: when not truncating set1, string2 must be non-empty")
	}
	c.out.add(strings.Map(func(r rune) rune {
		if i := slices.Index(from, r); i >= 0 {
			return to[min(i, len(to)-1)]
		}
		return r
	}, c.stdin))
	return 0
}

func rev(c *call) int {
	s, status := c.input(c.args)
	for line := range strings.Lines(s) {
		r := []rune(strings.TrimSuffix(line, "\n"))
		slices.Reverse(r)
		c.out.add(string(r) + "\n")
	}
	return status
}

func b64(c *call) int {
	decode := false
	c.args = slices.DeleteFunc(c.args, func(a string) bool {
		decode = decode || a == "-d" || a == "--decode"
		return strings.HasPrefix(a, "-") && a != "-"
	})
	s, status := c.input(c.args)
	if !decode {
		c.out.add(base64.StdEncoding.EncodeToString([]byte(s)) + "\n")
		return status
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if c.out.add(string(b)); err != nil {
		return c.fail("base64: invalid input")
	}
	return status
}

func xxd(c *call) int {
	s, status := c.input(slices.DeleteFunc(c.args, func(a string) bool { return strings.HasPrefix(a, "-") }))
	for chunk := range slices.Chunk([]byte(s), 16) {
		c.out.add(hex.EncodeToString(chunk) + "  " + string(bytes.Map(func(r rune) rune {
			if r < 32 || r > 126 {
				return '.'
			}
			return r
		}, chunk)) + "\n")
	}
	return status
}

func expr(c *call) int {
	v, err := c.run.arithmetic(strings.Join(c.args, " "), c.depth)
	if err != nil {
		return c.fail("expr: syntax error")
	}
	c.out.add(v + "\n")
	return 0
}

func sh(c *call) int {
	src := c.stdin
	if len(c.args) > 1 && c.args[0] == "-c" {
		src = c.args[1]
	} else if len(c.args) > 0 {
		return c.fail("sh: 0: cannot open %s: No such file", c.args[0])
	}
	if len(src) > maxScript {
		return c.fail("sh: line too long")
	}
	c.run.script(src, "", c.out, c.depth+1)
	return c.run.status
}

func eval(c *call) int {
	c.args = []string{"-c", strings.Join(c.args, " ")}
	return sh(c)
}

func env(c *call) int {
	for _, k := range slices.Sorted(maps.Keys(c.run.vars)) {
		if k != "IFS" && k != "0" {
			c.out.add(k + "=" + c.run.vars[k] + "\n")
		}
	}
	return 0
}

func uname(c *call) int {
	if slices.Contains(c.args, "-a") {
		c.out.add("Linux lantern-web-1 6.1.0-lantern #1 SMP x86_64 GNU/Linux\n")
	} else {
		c.out.add("Linux\n")
	}
	return 0
}
