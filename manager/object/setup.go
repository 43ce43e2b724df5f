package object

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
)

// Setup is what the flags of `ringwall up` ask for. A zero field leaves alone what
// is stored; the comments name what is stored at the first start.
type Setup struct {
	// Upstreams become one route for everything. Without them no service is made.
	Upstreams []string
	Listen    string // address of the service's first port; "0.0.0.0:8080"
	// CertFile and KeyFile give the first port TLS. Both or neither.
	CertFile, KeyFile string
	Mode              *asset.Mode // simulation
	TrustedProxies    []string    // nobody
	AccessEvents      *bool       // false
}

// setupID is the id of the site, server group, service and route that Setup is
// about. It stays theirs when somebody renames them.
const setupID = "default"

// ApplySetup makes the objects of a first start, and at later ones changes what
// setup gives explicitly. It changes nothing, and writes no audit entry, when all is
// as asked for. Errors that match neither the database nor the gateways are mistakes
// in setup.
func (o *Objects) ApplySetup(ctx context.Context, setup Setup) error {
	err := o.change(ctx, func(tx *store.Tx) error {
		changed, err := o.applySetup(ctx, tx, setup)
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

func (o *Objects) applySetup(ctx context.Context, tx *store.Tx, setup Setup) (changed bool, err error) {
	version, err := tx.PolicyVersion(ctx)
	if err != nil {
		return false, err
	}
	first := version == 0
	if !first && setup.zero() {
		return false, nil
	}
	site, err := ensure(ctx, o, tx, sites, asset.Site{ID: setupID, Name: "default"}, func(*asset.Site) {}, &changed)
	if err != nil {
		return changed, fmt.Errorf("site: %w", err)
	}
	group := asset.ServerGroup{ID: setupID, SiteID: site.ID, Name: "default", Mode: asset.Simulation}
	group, err = ensure(ctx, o, tx, serverGroups, group, func(g *asset.ServerGroup) {
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
	service := asset.Service{
		ID: setupID, ServerGroupID: group.ID, Name: "web", Ports: []asset.Port{{Address: "0.0.0.0:8080"}}, TrustedProxies: []string{},
	}
	service, err = ensure(ctx, o, tx, services, service, setup.service, &changed)
	if err != nil {
		return changed, fmt.Errorf("service: %w", err)
	}
	_, err = tx.Route(ctx, setupID)
	if errors.Is(err, store.ErrNotFound) && len(setup.Upstreams) == 0 {
		return changed, nil
	}
	// The application sees the host name that its users typed.
	route := asset.Route{ID: setupID, ServiceID: service.ID, Upstreams: []string{}, PreserveHost: true}
	if _, err = ensure(ctx, o, tx, routes, route, setup.route, &changed); err != nil {
		return changed, fmt.Errorf("route: %w", err)
	}
	return changed, nil
}

func (s Setup) zero() bool {
	return len(s.Upstreams) == 0 && s.Listen == "" && s.CertFile == "" && s.KeyFile == "" && s.Mode == nil &&
		s.TrustedProxies == nil && s.AccessEvents == nil
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
}

// ensure creates the object with edit applied when its id is not stored, and else
// applies edit to what is stored. It sets changed when it wrote.
func ensure[T interface{ Validate() error }](
	ctx context.Context, o *Objects, tx *store.Tx, k kind[T], fresh T, edit func(*T), changed *bool,
) (T, error) {
	id, _ := k.fields(&fresh)
	stored, err := k.get(tx.Reader, ctx, *id)
	if errors.Is(err, store.ErrNotFound) {
		edit(&fresh)
		*changed = true
		return k.add(ctx, o, tx, store.CommandLine, fresh)
	}
	if err != nil {
		return stored, err
	}
	wanted := stored
	edit(&wanted)
	before, err := store.AuditJSON(stored)
	if err != nil {
		return stored, err
	}
	after, err := store.AuditJSON(wanted)
	if err != nil || before == after {
		return stored, err
	}
	*changed = true
	return k.replace(ctx, o, tx, store.CommandLine, "update", wanted)
}
