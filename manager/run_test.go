package manager

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter is a gateway with one more request each time it is asked.
type counter struct {
	Gateways
	requests int64
}

func (c *counter) Status() []asset.GatewayStatus {
	c.requests++
	return []asset.GatewayStatus{{ID: "a", Traffic: []asset.Traffic{{ServiceID: "v", ServerGroupID: "g", Requests: c.requests}}}}
}

func TestRunCountsAndCleansUp(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gateways := &counter{}
		m, err := Open(
			t.Context(), Config{Dir: dir, SessionIdle: 25 * time.Minute}, nil, gateways, "v", slog.New(slog.NewTextHandler(io.Discard, nil)),
		)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		now := time.Now()
		err = m.store.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(
				tx.CreateUser(t.Context(), store.User{ID: "u", Name: "u"}),
				tx.CreateSession(t.Context(), store.Session{Hash: "h", UserID: "u", Created: now, LastSeen: now}),
			)
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(31 * time.Minute) // of the bubble's clock
		if _, err := m.store.Session(t.Context(), "h"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an idle session is still stored: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		minutes, err := m.store.Minutes(t.Context(), now.Add(-time.Minute), time.Now().Add(time.Minute), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		var n int64
		for _, minute := range minutes {
			n += minute.Requests
		}
		if n != gateways.requests || n < 31*12 {
			t.Errorf("%d requests, %d counted", gateways.requests, n)
		}
	})
}
