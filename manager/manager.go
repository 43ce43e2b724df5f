// Package manager is the management server: the objects that say what is protected,
// the users and API tokens that may change them, the audit trail of every change,
// and the HTTP API of api/openapi.yaml over all of it.
//
// It deliberately does not listen on a port, serve the console, store events or
// carry traffic: it asks the lake and the gateways through the interfaces Events and
// Gateways, and package app joins them. No switch turns its authentication off.
//
// Stability: the API under /api/v1 changes only compatibly; the Go API is for
// package app.
package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/internal/password"
	"github.com/ringwall/ringwall/manager/internal/throttle"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/policy"
)

// Config says where the management server keeps its things and for how long.
type Config struct {
	// Dir is an existing folder for ringwall.db. Only the server's own user should
	// be able to read it.
	Dir string
	// SessionIdle ends a session that was not used for so long. Zero means 12 h.
	SessionIdle time.Duration
	// SessionMax ends a session so long after the login. Zero means 7 days.
	SessionMax time.Duration
	// AuditRetention is how long the audit trail is kept. Zero means 400 days.
	AuditRetention time.Duration
}

// Validate returns every problem of the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: a folder for the database is needed"))
	}
	if c.SessionIdle < 0 || c.SessionMax < 0 || c.AuditRetention < 0 {
		errs = append(errs, errors.New("session_idle, session_max, audit_retention: must not be negative"))
	}
	if d := c.withDefaults(); d.SessionIdle > d.SessionMax {
		errs = append(errs, fmt.Errorf("session_idle %v: must not be longer than session_max %v", d.SessionIdle, d.SessionMax))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.SessionIdle == 0 {
		c.SessionIdle = 12 * time.Hour
	}
	if c.SessionMax == 0 {
		c.SessionMax = 7 * 24 * time.Hour
	}
	if c.AuditRetention == 0 {
		c.AuditRetention = 400 * 24 * time.Hour
	}
	return c
}

// Role is what a user or API token may do. Each role may do all that the ones below
// it may.
type Role = apigen.Role

// The roles, highest first.
const (
	Admin    Role = apigen.Admin    // also users and the audit trail
	Operator Role = apigen.Operator // also changes objects and queries the lake
	Viewer   Role = apigen.Viewer   // reads
)

// Events is what the manager needs of the lake. All methods are called by several
// goroutines at once and must stop when ctx ends. A mistake in a filter or cursor is
// an *event.FilterError. SQL's errors are taken for mistakes in the statement and
// shown to the user, unless ctx has ended.
type Events interface {
	List(ctx context.Context, q event.Query) (event.Page, error)
	// Get returns an error that matches fs.ErrNotExist for an unknown id.
	Get(ctx context.Context, id string) (event.Event, error)
	Facets(ctx context.Context, q event.Query) (event.Facets, error)
	Histogram(ctx context.Context, q event.Query) (event.Histogram, error)
	// Matched calls fn with the newest events in which rules matched, as far as q asks
	// for them and perhaps some more, and tells whether there were more than q.Limit.
	Matched(ctx context.Context, q event.MatchQuery, fn func(*event.Event)) (more bool, err error)
	Stats(ctx context.Context, q event.Query) (event.Stats, error)
	SQL(ctx context.Context, statement string, limit int) (event.Table, error)
	Size(ctx context.Context) (events, bytes int64)
	// Subscribe sends the new events that match filter until ctx ends, and closes
	// the channel then. dropped tells how many events were left out so far because
	// the receiver was slow.
	Subscribe(ctx context.Context, filter string) (events <-chan event.Summary, dropped func() int64, err error)
}

// Gateways is what the manager needs of the data plane. All methods are called by
// several goroutines at once, from the moment Open returned, also before Run.
type Gateways interface {
	// Status returns the state of every gateway without waiting for the network.
	Status() []asset.GatewayStatus
	// Check finds out whether the gateways would take p and changes nothing. The error
	// has everything that they would refuse and is shown to the user. It may take long
	// and is not called within a transaction.
	Check(ctx context.Context, p policy.Policy) error
	// Publish hands over a policy that is stored. It does not wait for gateways that
	// are elsewhere; one in the same process may have p in force when Publish returns.
	// What became of p is in Status. It is called by one goroutine at a time, in the
	// order of versions as far as this manager knows of them.
	Publish(p policy.Policy)
	// TestAttack sends the request of the API's test-attack operation through the
	// gateway of a service.
	TestAttack(ctx context.Context, serviceID string) (eventID string, status int, err error)
	// Rule returns a rule that is in force somewhere, in words, false if there is none.
	Rule(id int) (policy.Rule, bool)
}

// Manager is the management server. Its methods are safe for use by several
// goroutines.
type Manager struct {
	cfg      Config
	events   Events
	gateways Gateways
	version  string
	log      *slog.Logger
	now      func() time.Time

	store     *store.Store
	passwords *password.Hasher
	// Guesses are counted for user and address together, so that nobody can lock a
	// user out from elsewhere, and for the address alone, so that one address cannot
	// try all users.
	byUser    *throttle.Throttle
	byAddress *throttle.Throttle
	touched   touches
	traffic   *traffic
	streams   streams

	// turn has room for the one change that is under way, so that gateways get policies
	// in the order of their versions.
	turn          chan struct{}
	changeTimeout time.Duration
	published     atomic.Int64 // version of the last policy handed to the gateways

	stopped chan struct{} // closed when streams must end
	stop    func()        // closes it, once
}

// Open opens the database in cfg.Dir, brings it up to date and returns the manager.
// It starts no goroutine and applies no policy. The caller calls Close. A program
// that only calls SetPassword may give nil for events and gateways.
func Open(ctx context.Context, cfg Config, events Events, gateways Gateways, version string, log *slog.Logger) (*Manager, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	db, err := store.Open(ctx, filepath.Join(cfg.Dir, "ringwall.db"))
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	marks, err := db.Marks(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("manager: read traffic marks: %w", err), db.Close())
	}
	stopped := make(chan struct{})
	return &Manager{
		cfg: cfg.withDefaults(), events: events, gateways: gateways, version: version, log: log,
		now:       func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }, // as exact as the store
		store:     db,
		passwords: password.New(2, 32),
		byUser:    throttle.New(throttle.Rule{Free: 5, First: time.Second, Longest: 15 * time.Minute, Keys: 20_000}),
		byAddress: throttle.New(throttle.Rule{Free: 30, First: time.Second, Longest: 5 * time.Minute, Keys: 20_000}),
		traffic:   newTraffic(marks),
		stopped:   stopped,
		turn:      make(chan struct{}, 1),
		// Compiling the rules and opening ports takes some seconds on a busy machine.
		changeTimeout: 30 * time.Second,
		stop:          sync.OnceFunc(func() { close(stopped) }),
	}, nil
}

// Close ends open event streams, counts the traffic once more and closes the
// database. Stop serving Handler before, and let Run return.
func (m *Manager) Close() error {
	m.stop()
	if m.gateways != nil {
		m.last(context.Background())
	}
	return m.store.Close()
}

// last counts and writes what the gateways did since the last sample.
func (m *Manager) last(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	m.traffic.sample(m.now(), m.gateways.Status())
	m.flush(ctx)
}

// Run does the background work until ctx ends: it counts traffic, ends old sessions
// and removes what is older than its retention. When ctx ends, so do event streams.
// A failure of the database is logged and tried again.
func (m *Manager) Run(ctx context.Context) error {
	sample := time.NewTicker(5 * time.Second)
	defer sample.Stop()
	flush := time.NewTicker(15 * time.Second)
	defer flush.Stop()
	clean := time.NewTicker(10 * time.Minute)
	defer clean.Stop()
	m.clean(ctx)
	for {
		select {
		case <-sample.C:
			m.traffic.sample(m.now(), m.gateways.Status())
		case <-flush.C:
			m.flush(ctx)
		case <-clean.C:
			m.clean(ctx)
		case <-ctx.Done():
			m.stop()    // first, because a server that shuts down waits for the streams
			m.last(ctx) // Close does it again, but may never be called
			return nil
		}
	}
}

// flush writes what was counted in memory.
func (m *Manager) flush(ctx context.Context) {
	if err := m.touched.flush(ctx, m.store); err != nil {
		m.log.Warn("last use of sessions not written, trying again", "err", err)
	}
	if err := m.traffic.flush(ctx, m.store); err != nil {
		m.log.Warn("traffic counts not written, trying again", "err", err)
	}
}

// trafficRetention is how far back the overview's counts reach.
const trafficRetention = 30 * 24 * time.Hour

// maxFailedLogins is how many failed logins the audit trail keeps: anybody who
// reaches the port can write one.
const maxFailedLogins = 100_000

func (m *Manager) clean(ctx context.Context) {
	now := m.now()
	err := m.store.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(
			tx.ExpireSessions(ctx, now.Add(-m.cfg.SessionIdle), now.Add(-m.cfg.SessionMax)),
			tx.ExpireTraffic(ctx, now.Add(-trafficRetention)),
			tx.ExpireAudit(ctx, now.Add(-m.cfg.AuditRetention), "login-failed", maxFailedLogins),
		)
	})
	if err != nil && ctx.Err() == nil {
		m.log.Warn("old sessions and audit entries not removed, trying again", "err", err)
	}
}

// Policy compiles the stored objects.
func (m *Manager) Policy(ctx context.Context) (p policy.Policy, err error) {
	err = m.store.View(ctx, func(r store.Reader) error {
		p, err = compile(ctx, r)
		return err
	})
	if err != nil {
		return policy.Policy{}, fmt.Errorf("compile policy: %w", err)
	}
	return p, nil
}

func compile(ctx context.Context, r store.Reader) (p policy.Policy, err error) {
	version, err := r.PolicyVersion(ctx)
	if err != nil {
		return p, err
	}
	var o policy.Objects
	if o.Sites, err = r.Sites(ctx); err != nil {
		return p, err
	}
	if o.ServerGroups, err = r.ServerGroups(ctx, ""); err != nil {
		return p, err
	}
	if o.Services, err = r.Services(ctx, ""); err != nil {
		return p, err
	}
	if o.Routes, err = r.Routes(ctx, ""); err != nil {
		return p, err
	}
	if o.Exceptions, err = r.Exceptions(ctx, ""); err != nil {
		return p, err
	}
	if o.RuleActions, err = r.RuleActions(ctx); err != nil {
		return p, err
	}
	p, err = policy.Compile(version, o)
	if err != nil {
		return p, invalid(err)
	}
	return p, nil
}
