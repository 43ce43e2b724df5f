package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser opens a headless Chromium that ends with the test. What the page writes
// to its console as an error fails the test.
func browser(t *testing.T, width, height int) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(tool(t, "chromium")), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(width, height),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw: %s", ev.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if ev.Type == runtime.APITypeError {
				var words []string
				for _, a := range ev.Args {
					words = append(words, string(a.Value))
				}
				t.Errorf("the page complains: %s", strings.Join(words, " "))
			}
		}
	})
	if err := chromedp.Run(
		ctx,
		emulation.SetEmulatedMedia().
			WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
	); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func do(t *testing.T, ctx context.Context, what string, actions ...chromedp.Action) {
	t.Helper()
	step, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Run(step, actions...); err != nil {
		var text string
		_ = chromedp.Run(ctx, chromedp.Text("body", &text, chromedp.ByQuery))
		shoot(t, ctx, "failed-"+strings.ReplaceAll(what, " ", "-"))
		t.Fatalf("%s: %v\nthe page says:\n%s", what, err, text)
	}
}

// shoot keeps a screenshot in test/output, which git ignores.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	var png []byte
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		t.Errorf("screenshot %s: %v", name, err)
		return
	}
	dir := filepath.Join("..", "output")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The way of a new operator: log in, see an attack arrive live, open it, switch the
// server group to active, see the next one blocked.
func TestOperatorsFirstHourInChromium(t *testing.T) {
	p := up(t, filepath.Join(t.TempDir(), "data"), "--upstream", startShop(t), "--listen", "127.0.0.1:0")
	ctx := browser(t, 1280, 800)
	do(t, ctx, "log in",
		chromedp.Navigate(p.console+"/"),
		chromedp.WaitVisible(`input[type=password]`, chromedp.ByQuery),
		chromedp.SendKeys(`input[autocomplete=username]`, "admin", chromedp.ByQuery),
		chromedp.SendKeys(`input[type=password]`, p.password+"\r", chromedp.ByQuery),
		chromedp.WaitVisible(`nav`, chromedp.ByQuery),
		chromedp.WaitVisible(`h1`, chromedp.ByQuery))
	shoot(t, ctx, "overview-empty")

	do(t, ctx, "open the live tail", chromedp.Navigate(p.console+"/events?live=1"), chromedp.WaitVisible(`h1`, chromedp.ByQuery))
	id, status, err := attack(http.DefaultClient, p.gateway, 1)
	if err != nil || status == 403 {
		t.Fatalf("simulation: status %d, %v", status, err)
	}
	row := `[id="event-` + id + `"]`
	do(t, ctx, "see the attack arrive live", chromedp.WaitVisible(row, chromedp.ByQuery))
	shoot(t, ctx, "events-live")
	var detail string
	do(t, ctx, "open the attack",
		chromedp.Click(row, chromedp.ByQuery),
		chromedp.WaitVisible(`mark`, chromedp.ByQuery), // the matched bytes, highlighted
		chromedp.Text(`body`, &detail, chromedp.ByQuery))
	for _, want := range []string{"942100", "SQL Injection", "UNION SELECT", id} {
		if !strings.Contains(detail, want) {
			t.Errorf("the detail does not show %q:\n%s", want, detail)
		}
	}
	shoot(t, ctx, "event-detail")

	const mode = `[role=radiogroup][aria-label="Mode of default"] button.`
	const confirm = `//button[normalize-space(.)="Start blocking"]`
	do(t, ctx, "switch the server group to active",
		chromedp.Navigate(p.console+"/sites"),
		chromedp.WaitVisible(mode+"active", chromedp.ByQuery),
		chromedp.Click(mode+"active", chromedp.ByQuery),
		chromedp.WaitVisible(confirm))
	shoot(t, ctx, "mode-confirmation")
	do(t, ctx, "confirm", chromedp.Click(confirm), chromedp.WaitVisible(mode+`active[aria-checked=true]`, chromedp.ByQuery))
	id, status, err = attack(http.DefaultClient, p.gateway, 2)
	if err != nil || status != 403 {
		t.Fatalf("active: status %d, %v", status, err)
	}
	do(t, ctx, "see the next one blocked",
		chromedp.Navigate(p.console+"/events?q=action%3Ablock"),
		chromedp.WaitVisible(`[id="event-`+id+`"]`, chromedp.ByQuery))
	shoot(t, ctx, "events-blocked")
}
