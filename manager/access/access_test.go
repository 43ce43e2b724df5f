package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringwall/ringwall/manager/access/internal/password"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func control(t *testing.T) *Control {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(Config{
		Store: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
		SessionIdle: time.Hour, SessionMax: time.Hour, Lost: func() {},
	})
}

// People type passwords into the wrong field; the store must not keep them.
func TestGuessesKeepNoNamesThatNobodyHas(t *testing.T) {
	keys := map[string]bool{}
	for i := range 20_000 {
		name := fmt.Sprintf("secret %d", i)
		g := newGuess("192.0.2.1", name, store.User{})
		if strings.Contains(g.byUser+g.byAddress, "secret") {
			t.Fatalf("%q is kept as %+v", name, g)
		}
		keys[g.byUser] = true
	}
	if len(keys) > 4096 {
		t.Errorf("%d keys tell names apart, so they could be searched for", len(keys))
	}
	if newGuess("192.0.2.1", "Bob", store.User{}) != newGuess("192.0.2.1", "bob", store.User{}) {
		t.Error("case gives more attempts")
	}
	if newGuess("192.0.2.1", "a", store.User{ID: "u"}) == newGuess("192.0.2.2", "a", store.User{ID: "u"}) {
		t.Error("another address locks the user out")
	}
}

func TestARefusedAttemptCountsForNeitherKey(t *testing.T) {
	c := control(t)
	g := newGuess("192.0.2.1", "a", store.User{ID: "u"})
	for i := range 20 {
		wait, err := c.guesses.take(t.Context(), c.store, g, noon)
		if err != nil || (wait > 0) != (i >= 5) {
			t.Fatalf("attempt %d: wait %v, %v", i, wait, err)
		}
	}
	for key, want := range map[string]int{g.byUser: 5, g.byAddress: 5} {
		if a, err := c.store.Attempts(t.Context(), key); err != nil || a.Count != want {
			t.Errorf("%s: %d attempts, want %d, %v", key, a.Count, want, err)
		}
	}
	if err := c.guesses.undo(t.Context(), c.store, g); err != nil {
		t.Fatal(err)
	}
	if wait, err := c.guesses.take(t.Context(), c.store, g, noon); err != nil || wait > 0 {
		t.Errorf("after taking one back: wait %v, %v", wait, err)
	}
	err := c.store.Write(t.Context(), func(tx *store.Tx) error { return c.guesses.right(t.Context(), tx, g) })
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{g.byUser: 0, g.byAddress: 4} {
		if a, err := c.store.Attempts(t.Context(), key); err != nil || a.Count != want {
			t.Errorf("%s after a right password: %d attempts, want %d, %v", key, a.Count, want, err)
		}
	}
}

func TestTooManyPasswordsAtOnceAreRefusedForAWhile(t *testing.T) {
	c := control(t)
	c.passwords = password.New(1, 0)
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range 8 {
		wg.Go(func() {
			_, err := c.hash(t.Context(), "four random words here")
			if err == nil {
				return
			}
			refused.Add(1)
			if e, ok := errors.AsType[*web.Error](err); !ok || e.Status != http.StatusTooManyRequests || e.RetryAfter <= 0 {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if refused.Load() == 0 {
		t.Error("nobody was refused")
	}
}

func TestALastUseThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	c := control(t)
	n := 0
	for range 2 {
		c.touch(t.Context(), "k", func(context.Context, *store.Tx) error {
			n++
			// A request that comes while this one writes does not wait for it.
			c.touch(t.Context(), "k", func(context.Context, *store.Tx) error { n += 10; return nil })
			return errors.New("no space left on device")
		})
	}
	if n != 2 {
		t.Errorf("written %d times, want 2", n)
	}
}
