package shell

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// folder makes a jail with one file in it, one file beside it and a link from
// inside to outside.
func folder(t *testing.T) *os.Root {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "jail")
	for name, text := range map[string]string{"jail/etc/passwd": "root:x:0:0\n", "jail/a.txt": "one\ntwo\nthree\n", "outside.txt": "OUTSIDE"} {
		p := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(top, "outside.txt"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestScriptsRunAsAShellWouldRunThem(t *testing.T) {
	root := folder(t)
	for script, want := range map[string]string{
		`echo a b`:                    "a b\n",
		`echo a;echo b`:               "a\nb\n",
		`false && echo a || echo b`:   "b\n",
		`true || echo a; echo b`:      "b\n",
		`echo $((1+2*3))`:             "7\n",
		`echo X$((12+34))$(echo Y)Z`:  "X46YZ\n",
		"echo `whoami`":               "shop\n",
		`echo "a  $(echo 'b  c')"`:    "a  b  c\n",
		`echo $(echo a;echo b)`:       "a b\n",
		`cat a.txt | head -n 1`:       "one\n",
		`tail -1 /a.txt`:              "three\n",
		`cat ../../../../etc/passwd`:  "root:x:0:0\n",
		`cat${IFS}/etc/passwd`:        "root:x:0:0\n",
		`/bin/cat </etc/passwd`:       "root:x:0:0\n",
		`/???/c?t /etc/pass*`:         "root:x:0:0\n",
		`X=1; echo $X${Y:-d}`:         "1d\n",
		`id 2>/dev/null`:              "uid=33(shop) gid=33(shop) groups=33(shop)\n",
		`nosuch 2>/dev/null; echo $?`: "127\n",
		`nosuch 2>&1`:                 "sh: 1: nosuch: not found\n",
		`echo aGk= | base64 -d`:       "hi",
		`sh -c "echo deep"`:           "deep\n",
		`(echo a; echo b) | wc -l`:    "2\n",
		`echo 'it''s' "it's"`:         "its it's\n",
		"ping -c 1 x\nid # comment":   "PING x (192.0.2.80) 56(84) bytes of data.\n64 bytes from x: icmp_seq=1 ttl=58 time=9.3 ms\n\n--- x ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\nuid=33(shop) gid=33(shop) groups=33(shop)\n",
		`echo "open`:                  "sh: 1: syntax error: unterminated quoted string\n",
		`echo a & echo b`:             "a\nb\n",
		`expr 6 '*' 7`:                "42\n",
		`printf '%s-%s' a b`:          "a-b",
	} {
		if got := Run(t.Context(), root, script); got != want {
			t.Errorf("%s\n got %q\nwant %q", script, got, want)
		}
	}
}

func TestNothingLeavesTheFolder(t *testing.T) {
	root := folder(t)
	for _, script := range []string{
		`cat link`, `cat ../outside.txt`, `cat /../outside.txt`, `cat < link`, `head link`, `base64 link | base64 -d`,
		`cat $(echo ..)/outside.txt`, `cat /*/../../outside.txt`, `cat ../*`, `ls ..`, `cat /proc/self/../../outside.txt`,
	} {
		if got := Run(
			t.Context(),
			root,
			script,
		); strings.Contains(got, "OUTSIDE") ||
			strings.Contains(got, "outside.txt\n") && !strings.Contains(got, "No such") {
			t.Errorf("%s left the jail: %q", script, got)
		}
	}
}

func TestNothingIsWritten(t *testing.T) {
	root := folder(t)
	for _, script := range []string{
		`echo x > new`, `echo x >> a.txt`, `echo x>new`, `touch new`, `rm a.txt`, `echo x | tee new`, `cp a.txt new`, `id 2> new`, `id &> new`,
		`wget http://127.0.0.1/`, `curl -o new http://127.0.0.1/`, `python3 -c 'open("new","w")'`, `sh -c 'echo x > new'`, `bash -i >& /dev/tcp/127.0.0.1/1 0>&1`,
	} {
		Run(t.Context(), root, script)
		if _, err := root.Stat("new"); err == nil {
			t.Fatalf("%s made a file", script)
		}
	}
	if b, err := root.ReadFile("a.txt"); err != nil || string(b) != "one\ntwo\nthree\n" {
		t.Fatalf("a.txt is now %q, %v", b, err)
	}
}

func TestEveryScriptEndsSoon(t *testing.T) {
	root := folder(t)
	for name, script := range map[string]string{
		"sleeping":  strings.Repeat("sleep 2;", 300),
		"pipes":     strings.Repeat("sleep 9999|", 300) + "id",
		"many":      strings.Repeat("id;", 1300),
		"doubling":  "A=xxxxxxxxxx;" + strings.Repeat("A=$A$A;", 300) + "echo $A",
		"nesting":   strings.Repeat("$(", 500) + "id" + strings.Repeat(")", 500),
		"brackets":  "echo $((" + strings.Repeat("(", 1500) + "1" + strings.Repeat(")", 1500) + "))",
		"recursion": `A='eval $A'; eval $A`,
		"globs":     "echo " + strings.Repeat("/*/*/*/* ", 400),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got := Run(t.Context(), root, script)
				if d := time.Since(start); d > maxTime || len(got) > maxOutput+100 {
					t.Fatalf("took %v and gave %d bytes", d, len(got))
				}
			})
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, want := Run(ctx, folder(t), "id"), "sh: timed out\n"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func FuzzRun(f *testing.F) {
	for _, s := range []string{"echo a;id|cat", "$(`id`)", `"$((1/0))"`, "a=1;${a:-$(b)}>&2", "(()", "{ id; }", "\\"} {
		f.Add(s)
	}
	root, err := os.OpenRoot(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no command runs, so no script sleeps; parsing alone is under test
	f.Fuzz(func(t *testing.T, s string) {
		Run(ctx, root, s)
		r := &run{ctx: t.Context(), root: root, vars: map[string]string{}}
		if !strings.Contains(s, "sleep") {
			r.script(s, "", new(output), 0)
		}
	})
}
