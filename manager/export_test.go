package manager

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/ringwall/ringwall/manager/store"
)

// What tests need of the inside.

// OpenImpatient is Open with another bound for changes.
func OpenImpatient(
	ctx context.Context, cfg Config, events Events, gateways Gateways, log *slog.Logger, timeout time.Duration,
) (*Manager, error) {
	return open(ctx, cfg, events, gateways, "v-test", log, timeout)
}

func (m *Manager) SetNow(now func() time.Time)         { m.now = now }
func (m *Manager) Store() *store.Store                 { return m.store }
func (m *Manager) Careful(h http.Handler) http.Handler { return m.Require("", h) }
func (m *Manager) Flush(ctx context.Context)           { m.activity.Flush(ctx) }
func (m *Manager) Clean(ctx context.Context)           { m.clean(ctx) }
func (m *Manager) Sample()                             { m.activity.Sample() }
func (m *Manager) Follow(ctx context.Context)          { m.follow(ctx) }
