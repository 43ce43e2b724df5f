package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/app"
	"github.com/ringwall/ringwall/waf"
	"github.com/ringwall/ringwall/waf/replay"
	"github.com/ringwall/ringwall/waf/seclang"
)

type wafCmd struct {
	Check   wafCheckCmd   `cmd:"" help:"Check rule files: say where they are wrong, or that they are fine."`
	Explain wafExplainCmd `cmd:"" help:"Say what the rules make of a request, and why."`
	Test    wafTestCmd    `cmd:"" help:"Run tests written in the schema of the Core Rule Set."`
	Bench   wafBenchCmd   `cmd:"" help:"Measure what inspecting a request costs."`
}

// rules are the flags that choose the rules.
type rules struct {
	Rules    string `help:"File or folder with rules of your own, as \"ringwall up\" takes it." placeholder:"PATH"`
	Setup    string `help:"File with settings that go before the Core Rule Set, as crs-setup.conf does." placeholder:"FILE"`
	Paranoia int    `help:"Paranoia level, 1 to 4." default:"1"`
}

// compile builds the engine from the Core Rule Set and the folder.
func (r rules) compile() (*waf.Engine, error) {
	cfg := waf.Config{Paranoia: r.Paranoia}
	if r.Setup != "" {
		b, err := os.ReadFile(r.Setup)
		if err != nil {
			return nil, err
		}
		cfg.Before = seclang.Join([]seclang.File{{Name: r.Setup, Text: string(b)}})
	}
	own, err := app.ReadRules(r.Rules)
	if err != nil {
		return nil, err
	}
	cfg.Before += own.Before
	cfg.Directives = own.After
	return waf.Compile(cfg)
}

type wafCheckCmd struct {
	Path string `arg:"" help:"File or folder with *.conf files, as \"ringwall up --rules\" takes it."`
}

// Run checks every file by itself and all of them together with the Core Rule Set.
func (c wafCheckCmd) Run(e *env) error {
	own, err := app.ReadRules(c.Path)
	if err != nil {
		return err
	}
	var errs []error
	count := 0
	for _, f := range own.Files {
		list, err := seclang.Parse(f.Name, f.Text)
		errs = append(errs, err)
		count += len(list)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	engine, err := rules{Rules: c.Path, Paranoia: 4}.compile()
	if err != nil {
		return err
	}
	for _, n := range engine.Notices() {
		if !strings.HasPrefix(n, "@") { // those of the Core Rule Set's own files are known
			fmt.Fprintf(e.errOut, "ringwall: %s\n", n)
		}
	}
	_, err = fmt.Fprintf(e.out, "directives: %d, files: %d, all fine\n", count, len(own.Files))
	return err
}

// readInput reads a file, or standard input for "-".
func readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, 64<<20))
	}
	return os.ReadFile(name)
}

type wafTestCmd struct {
	Dir string `arg:"" help:"Folder with *.yaml tests."`
	rules
}

// Run runs the tests against the engine as a library.
func (c wafTestCmd) Run(e *env) error {
	engine, err := c.compile()
	if err != nil {
		return err
	}
	list, err := replay.Load(os.DirFS(c.Dir))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("there is no test in %s", c.Dir)
	}
	inspect := replay.Inspector(engine, true)
	failed := 0
	for _, t := range list {
		if wrong := t.Run(inspect); len(wrong) > 0 {
			failed++
			fmt.Fprintf(e.out, "FAIL %s %s: %s\n", path.Join(c.Dir, t.File), t.Name(), strings.Join(wrong, "; "))
		}
	}
	fmt.Fprintf(e.out, "%d passed, %d failed\n", len(list)-failed, failed)
	if failed > 0 {
		return fmt.Errorf("%d of %d tests failed", failed, len(list))
	}
	return nil
}

type wafBenchCmd struct {
	Files []string `arg:"" optional:"" help:"Raw HTTP/1.1 requests; without any, three of our own." name:"file"`
	rules
	Time   time.Duration `help:"How long to measure each." default:"1s"`
	Output string        `help:"table, json or csv" default:"table" enum:"table,json,csv" short:"o"`
}

// Run inspects each request again and again and prints the median cost.
func (c wafBenchCmd) Run(e *env) error {
	engine, err := c.compile()
	if err != nil {
		return err
	}
	const browser = "Host: shop.example.com\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\n"
	requests := []seclang.File{
		{Name: "get", Text: "GET /products?page=2&sort=price HTTP/1.1\r\n" + browser + "Cookie: session=8f14e45fceea167a; theme=dark\r\n\r\n"},
		{Name: "form", Text: "POST /checkout HTTP/1.1\r\n" + browser +
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 62\r\n\r\n" +
			"name=Ann+Example&street=Main+Road+7&city=Springfield&zip=12345"},
		{Name: "attack", Text: "GET /search?q=1'+UNION+SELECT+username,password+FROM+users--+- HTTP/1.1\r\n" + browser + "\r\n"},
	}
	if len(c.Files) > 0 {
		requests = nil
	}
	for _, name := range c.Files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		requests = append(requests, seclang.File{Name: name, Text: string(b)})
	}
	t := table{columns: []string{"request", "verdict", "µs", "bytes", "allocations"}}
	for _, r := range requests {
		x, err := replay.ParseRequest([]byte(r.Text))
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		once := func() waf.Verdict {
			tx := engine.Begin(replay.Head(x, time.Now()))
			defer tx.Close()
			tx.RequestHeaders()
			tx.RequestBody(x.Body)
			tx.EndRequest()
			return tx.Verdict()
		}
		verdict := "passes"
		if v := once(); v.Block {
			verdict = fmt.Sprintf("blocked, score %d", v.Score)
		}
		var times []time.Duration
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for begin := time.Now(); time.Since(begin) < c.Time && e.ctx.Err() == nil; {
			at := time.Now()
			once()
			times = append(times, time.Since(at))
		}
		runtime.ReadMemStats(&after)
		if len(times) == 0 {
			return e.ctx.Err()
		}
		slices.Sort(times)
		n := uint64(len(times))
		t.rows = append(t.rows, []any{
			r.Name, verdict, float64(times[n/2].Nanoseconds()/10) / 100,
			(after.TotalAlloc - before.TotalAlloc) / n, (after.Mallocs - before.Mallocs) / n,
		})
	}
	return t.print(e.out, c.Output)
}
