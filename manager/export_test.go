package manager

import (
	"context"
	"net/http"
	"time"

	"github.com/ringwall/ringwall/manager/store"
)

// What tests need of the inside.

type Operation struct {
	ID, Pattern string
	Role        Role
}

func Operations() []Operation {
	var out []Operation
	for _, op := range operations {
		out = append(out, Operation{op.id, op.pattern, op.role})
	}
	return out
}

func (m *Manager) SetNow(now func() time.Time)         { m.now = now }
func (m *Manager) Store() *store.Store                 { return m.store }
func (m *Manager) Careful(h http.Handler) http.Handler { return m.careful(h) }
func (m *Manager) Flush(ctx context.Context)           { m.flush(ctx) }
func (m *Manager) Clean(ctx context.Context)           { m.clean(ctx) }
func (m *Manager) Sample()                             { m.traffic.sample(m.now(), m.gateways.Status()) }

func (m *Manager) SetChangeTimeout(d time.Duration) { m.changeTimeout = d }
