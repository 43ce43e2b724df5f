// Package manager is the management server: the objects that say what is protected,
// the users and API tokens that may change them, the audit trail of every change,
// and the HTTP API of api/openapi.yaml over all of it. It only assembles its rooms:
//
//   - web: router, guard, decoding, errors, paging, and the type of operations
//   - access: users, sessions, API tokens, the slowing down of guesses
//   - object: kinds of objects; check, store, audit and publish a change
//   - activity: events, streams, overview, traffic, state of the gateways
//   - store: the database
//
// access, object and activity import web and store and not each other; who may call
// what is the sum of their Operations.
//
// It deliberately does not listen on a port, serve the console, store events or
// carry traffic: it asks the lake and the gateways through the interfaces Events and
// Gateways, and package app joins them. No switch turns its authentication off.
//
// # Several managers
//
// What managers on one database must agree on is in the database: objects and the
// policy's version, users, sessions and tokens with their last use, attempts to log
// in, and a counter of lost rights. Run polls the two versions, publishes what another
// manager changed and rechecks event streams. Left in memory, on purpose:
//
//   - event streams: they are connections of one process;
//   - slots for hashing passwords: they bound the memory of one process;
//   - traffic that was counted in the last seconds and how far counters have been
//     added: two managers that sample the same gateways would count twice, so this is
//     work for the one that leads once there is a lease;
//   - the turn of changes: it spares a manager from overtaking itself, no more.
//
// Stability: the API under /api/v1 changes only compatibly; the Go API is for
// package app.
package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager/access"
	"github.com/ringwall/ringwall/manager/activity"
	"github.com/ringwall/ringwall/manager/object"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
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
type Role = web.Role

// The roles, highest first.
const (
	Admin    = web.Admin    // also users and the audit trail
	Operator = web.Operator // also changes objects and queries the lake
	Viewer   = web.Viewer   // reads
)

// Setup is what the flags of `ringwall up` ask for.
type Setup = object.Setup

// Operations is the whole of authorisation: what is not listed is refused. A test
// compares it with openapi.yaml.
func Operations() []web.Operation {
	return slices.Concat(access.Operations(), object.Operations(), activity.Operations())
}

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
	Size(ctx context.Context) (events, bytes int64, err error)
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

// changeTimeout bounds a change: compiling the rules takes some seconds on a busy
// machine.
const changeTimeout = 30 * time.Second

// Manager is the management server. Its methods are safe for use by several
// goroutines.
type Manager struct {
	cfg   Config
	log   *slog.Logger
	now   func() time.Time // tests set it
	store *store.Store

	access   *access.Control
	objects  *object.Objects
	activity *activity.Monitor
	router   *web.Router

	rights atomic.Int64 // the counter of lost rights, as far as event streams know
}

// Open opens the database in cfg.Dir, brings it up to date and returns the manager.
// It starts no goroutine and applies no policy. The caller calls Close. A program
// that only calls SetPassword may give nil for events and gateways.
func Open(ctx context.Context, cfg Config, events Events, gateways Gateways, version string, log *slog.Logger) (*Manager, error) {
	return open(ctx, cfg, events, gateways, version, log, changeTimeout)
}

func open(
	ctx context.Context, cfg Config, events Events, gateways Gateways, version string, log *slog.Logger, timeout time.Duration,
) (*Manager, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	cfg = cfg.withDefaults()
	db, err := store.Open(ctx, filepath.Join(cfg.Dir, "ringwall.db"))
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	marks, err := db.Marks(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("manager: read traffic marks: %w", err), db.Close())
	}
	published, rights, err := db.Versions(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("manager: read versions: %w", err), db.Close())
	}
	m := &Manager{
		cfg: cfg, log: log, store: db,
		now: func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }, // as exact as the store
	}
	m.rights.Store(rights)
	now := func() time.Time { return m.now() }
	m.access = access.New(access.Config{
		Store: db, Log: log, Now: now, Version: version, SessionIdle: cfg.SessionIdle, SessionMax: cfg.SessionMax,
		Lost: func() { m.activity.Recheck() },
	})
	m.objects = object.New(object.Config{
		Store: db, Gateways: gateways, Events: events, Log: log, Now: now, Timeout: timeout, Published: published,
	})
	m.activity = activity.New(activity.Config{
		Store: db, Events: events, Gateways: gateways, Rights: m.access, Log: log, Now: now, Marks: marks,
	})
	m.router = web.NewRouter(m.access, log, Operations())
	m.access.Mount(m.router)
	m.objects.Mount(m.router)
	m.activity.Mount(m.router)
	return m, nil
}

// Handler serves /api/v1/ and /openapi.yaml, and answers every other path with 404.
func (m *Manager) Handler() http.Handler { return m.router.Handler() }

// Require lets a request through to next when it carries a session or API token
// with at least the given role. It answers all others like the API does. Use it for
// pages that other packages serve beside Handler, for example /metrics.
func (m *Manager) Require(role Role, next http.Handler) http.Handler {
	return m.router.Require(role, next)
}

// Policy compiles the stored objects.
func (m *Manager) Policy(ctx context.Context) (policy.Policy, error) { return m.objects.Policy(ctx) }

// ApplySetup makes the objects of a first start, and at later ones changes what
// setup gives explicitly; see object.Objects.ApplySetup.
func (m *Manager) ApplySetup(ctx context.Context, setup Setup) error {
	return m.objects.ApplySetup(ctx, setup)
}

// EnsureAdmin creates the user admin with a random password when there is no user
// at all. created tells whether it did; the password is nowhere else.
func (m *Manager) EnsureAdmin(ctx context.Context) (pass string, created bool, err error) {
	return m.access.EnsureAdmin(ctx)
}

// SetPassword gives the user a new password and ends the user's sessions. It is for a
// reset on the machine itself.
func (m *Manager) SetPassword(ctx context.Context, user, pass string) error {
	return m.access.SetPassword(ctx, user, pass)
}

// Close ends open event streams, counts the traffic once more and closes the
// database. Stop serving Handler before, and let Run return.
func (m *Manager) Close() error {
	m.activity.Stop()
	m.last(context.Background())
	return m.store.Close()
}

// last counts and writes what the gateways did since the last sample.
func (m *Manager) last(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	m.activity.Sample()
	m.activity.Flush(ctx)
}

// Run does the background work until ctx ends: it counts traffic, learns of the
// changes of other managers, ends old sessions and removes what is older than its
// retention. When ctx ends, so do event streams. A failure of the database is logged
// and tried again.
func (m *Manager) Run(ctx context.Context) error {
	follow := time.NewTicker(2 * time.Second)
	defer follow.Stop()
	sample := time.NewTicker(5 * time.Second)
	defer sample.Stop()
	flush := time.NewTicker(15 * time.Second)
	defer flush.Stop()
	clean := time.NewTicker(10 * time.Minute)
	defer clean.Stop()
	m.clean(ctx)
	for {
		select {
		case <-follow.C:
			m.follow(ctx)
		case <-sample.C:
			m.activity.Sample()
		case <-flush.C:
			m.activity.Flush(ctx)
		case <-clean.C:
			m.clean(ctx)
		case <-ctx.Done():
			m.activity.Stop() // first, because a server that shuts down waits for the streams
			m.last(ctx)       // Close does it again, but may never be called
			return nil
		}
	}
}

// follow learns what other processes on the same database did: other managers, and
// the command line.
func (m *Manager) follow(ctx context.Context) {
	version, rights, err := m.store.Versions(ctx)
	if err == nil {
		if m.rights.Swap(rights) != rights {
			m.activity.Recheck()
		}
		err = m.objects.Follow(ctx, version)
	}
	if err != nil && ctx.Err() == nil {
		m.log.Warn("changes of other managers not read, trying again", "err", err)
	}
}

// maxFailedLogins is how many failed logins the audit trail keeps: anybody who
// reaches the port can write one.
const maxFailedLogins = 100_000

func (m *Manager) clean(ctx context.Context) {
	now := m.now()
	err := m.store.Write(ctx, func(tx *store.Tx) error {
		return errors.Join(
			m.access.Expire(ctx, tx, now),
			m.activity.Expire(ctx, tx, now),
			tx.ExpireAudit(ctx, now.Add(-m.cfg.AuditRetention), "login-failed", maxFailedLogins),
		)
	})
	if err != nil && ctx.Err() == nil {
		m.log.Warn("old sessions and audit entries not removed, trying again", "err", err)
	}
}
