package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/internal/password"
	"github.com/ringwall/ringwall/manager/store"
)

// Setup is what the flags of `ringwall up` ask for. A zero field leaves alone what
// is stored; the comments name what is stored at the first start.
type Setup struct {
	SiteName string // "default"
	// Upstreams become one route for everything. Without them no service is made.
	Upstreams []string
	Listen    string // address of the service's first port; "0.0.0.0:8080"
	// CertFile and KeyFile give the first port TLS. Both or neither.
	CertFile, KeyFile string
	Mode              *asset.Mode // simulation
	TrustedProxies    []string    // nobody
	AccessEvents      *bool       // false
	PreserveHost      *bool       // true: the application sees the name that its users typed
}

// setupID is the id of the site, server group, service and route that Setup is
// about. It stays theirs when somebody renames them.
const setupID = "default"

// ApplySetup makes the objects of a first start, and at later ones changes what
// setup gives explicitly. It changes nothing, and writes no audit entry, when all is
// as asked for. Errors that match neither the database nor the gateways are mistakes
// in setup.
func (m *Manager) ApplySetup(ctx context.Context, setup Setup) error {
	err := m.change(ctx, func(tx *store.Tx) error {
		changed, err := m.applySetup(ctx, tx, setup)
		if err == nil && !changed {
			err = errSame
		}
		return err
	})
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

func (m *Manager) applySetup(ctx context.Context, tx *store.Tx, setup Setup) (changed bool, err error) {
	version, err := tx.PolicyVersion(ctx)
	if err != nil {
		return false, err
	}
	first := version == 0
	if !first && setup.zero() {
		return false, nil
	}
	site, err := ensure(ctx, m, tx, sites, asset.Site{ID: setupID, Name: "default"}, func(s *asset.Site) {
		if setup.SiteName != "" {
			s.Name = setup.SiteName
		}
	}, &changed)
	if err != nil {
		return changed, fmt.Errorf("site: %w", err)
	}
	group, err := ensure(ctx, m, tx, serverGroups, asset.ServerGroup{ID: setupID, SiteID: site.ID, Name: "default", Mode: asset.Simulation}, func(g *asset.ServerGroup) {
		if setup.Mode != nil {
			g.Mode = *setup.Mode
		}
	}, &changed)
	if err != nil {
		return changed, fmt.Errorf("server group: %w", err)
	}
	_, err = tx.Service(ctx, setupID)
	if errors.Is(err, store.ErrNotFound) && len(setup.Upstreams) == 0 {
		return changed, nil // nothing to protect yet
	}
	service := asset.Service{ID: setupID, ServerGroupID: group.ID, Name: "web", Ports: []asset.Port{{Address: "0.0.0.0:8080"}}, TrustedProxies: []string{}}
	service, err = ensure(ctx, m, tx, services, service, setup.service, &changed)
	if err != nil {
		return changed, fmt.Errorf("service: %w", err)
	}
	_, err = tx.Route(ctx, setupID)
	if errors.Is(err, store.ErrNotFound) && len(setup.Upstreams) == 0 {
		return changed, nil
	}
	route := asset.Route{ID: setupID, ServiceID: service.ID, Upstreams: []string{}, PreserveHost: true}
	if _, err = ensure(ctx, m, tx, routes, route, setup.route, &changed); err != nil {
		return changed, fmt.Errorf("route: %w", err)
	}
	return changed, nil
}

func (s Setup) zero() bool {
	return s.SiteName == "" && len(s.Upstreams) == 0 && s.Listen == "" && s.CertFile == "" && s.KeyFile == "" && s.Mode == nil &&
		s.TrustedProxies == nil && s.AccessEvents == nil && s.PreserveHost == nil
}

func (s Setup) service(v *asset.Service) {
	v.Ports = slices.Clone(v.Ports)
	if s.Listen != "" {
		v.Ports[0].Address = s.Listen
	}
	if s.CertFile != "" || s.KeyFile != "" {
		v.Ports[0].CertFile, v.Ports[0].KeyFile = s.CertFile, s.KeyFile
	}
	if s.TrustedProxies != nil {
		v.TrustedProxies = s.TrustedProxies
	}
	if s.AccessEvents != nil {
		v.AccessEvents = *s.AccessEvents
	}
}

func (s Setup) route(v *asset.Route) {
	if len(s.Upstreams) > 0 {
		v.Upstreams = s.Upstreams
	}
	if s.PreserveHost != nil {
		v.PreserveHost = *s.PreserveHost
	}
}

// ensure creates the object with edit applied when its id is not stored, and else
// applies edit to what is stored. It sets changed when it wrote.
func ensure[T interface{ Validate() error }](ctx context.Context, m *Manager, tx *store.Tx, o object[T], fresh T, edit func(*T), changed *bool) (T, error) {
	id, _ := o.fields(&fresh)
	stored, err := o.get(tx.Reader, ctx, *id)
	if errors.Is(err, store.ErrNotFound) {
		edit(&fresh)
		*changed = true
		return o.add(ctx, m, tx, commandLine, fresh)
	}
	if err != nil {
		return stored, err
	}
	wanted := stored
	edit(&wanted)
	before, err := auditJSON(stored)
	if err != nil {
		return stored, err
	}
	after, err := auditJSON(wanted)
	if err != nil || before == after {
		return stored, err
	}
	*changed = true
	return o.replace(ctx, m, tx, commandLine, "update", wanted)
}

// EnsureAdmin creates the user admin with a random password when there is no user
// at all. created tells whether it did; the password is nowhere else.
func (m *Manager) EnsureAdmin(ctx context.Context) (pass string, created bool, err error) {
	users, err := m.store.Users(ctx)
	if err != nil || len(users) > 0 {
		return "", false, err
	}
	pass = newPassword()
	if _, err := m.createUser(ctx, commandLine, "admin", pass, Admin); err != nil {
		return "", false, fmt.Errorf("create user admin: %w", err)
	}
	return pass, true, nil
}

// newPassword returns 24 random letters and digits in groups (118 bits), without
// those that look alike.
func newPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789" // 31
	var b strings.Builder
	for b.Len() < 27 {
		if b.Len()%7 == 6 {
			b.WriteByte('-')
			continue
		}
		var one [1]byte
		rand.Read(one[:])                                        // never fails (crypto/rand)
		if n := int(one[0]); n < 256/len(letters)*len(letters) { // no letter more often than another
			b.WriteByte(letters[n%len(letters)])
		}
	}
	return b.String()
}

// SetPassword gives the user a new password and ends the user's
// sessions. It is for a reset on the machine itself.
func (m *Manager) SetPassword(ctx context.Context, user, pass string) error {
	u, err := m.store.UserByName(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("user %q does not exist", user)
	}
	if err != nil {
		return err
	}
	if err := password.Check(u.Name, pass); err != nil {
		return err
	}
	hash, err := m.passwords.Hash(ctx, pass)
	if err != nil {
		return err
	}
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		return m.putPassword(ctx, tx, commandLine, u.ID, hash, "")
	})
	if err == nil {
		m.streams.check()
	}
	return err
}
