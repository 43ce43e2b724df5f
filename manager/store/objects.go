package store

import (
	"context"
	"fmt"

	"github.com/ringwall/ringwall/asset"
)

const (
	siteColumns        = `id, revision, name`
	serverGroupColumns = `id, revision, site_id, name, mode, pass_when_disabled`
	serviceColumns     = `id, revision, server_group_id, name, ports, trusted_proxies, access_events,
		paranoia, inbound_threshold, outbound_threshold, max_body_bytes, fail_closed`
	routeColumns = `id, revision, service_id, priority, host, path_prefix, upstreams, preserve_host, insecure_skip_verify`
)

func scanSite(row scanner) (s asset.Site, err error) {
	return s, row.Scan(&s.ID, &s.Revision, &s.Name)
}

func scanServerGroup(row scanner) (g asset.ServerGroup, err error) {
	return g, row.Scan(&g.ID, &g.Revision, &g.SiteID, &g.Name, &g.Mode, &g.PassWhenDisabled)
}

func scanService(row scanner) (s asset.Service, err error) {
	return s, row.Scan(&s.ID, &s.Revision, &s.ServerGroupID, &s.Name, jsonList[asset.Port]{&s.Ports}, jsonList[string]{&s.TrustedProxies},
		&s.AccessEvents, &s.Paranoia, &s.InboundThreshold, &s.OutboundThreshold, &s.MaxBodyBytes, &s.FailClosed)
}

func scanRoute(row scanner) (r asset.Route, err error) {
	return r, row.Scan(&r.ID, &r.Revision, &r.ServiceID, &r.Priority, &r.Host, &r.PathPrefix,
		jsonList[string]{&r.Upstreams}, &r.PreserveHost, &r.InsecureSkipVerify)
}

// Sites lists every site by name.
func (r Reader) Sites(ctx context.Context) ([]asset.Site, error) {
	return all(ctx, r, scanSite, `SELECT `+siteColumns+` FROM sites ORDER BY name, id`)
}

// Site returns one site or ErrNotFound.
func (r Reader) Site(ctx context.Context, id string) (asset.Site, error) {
	return one(ctx, r, scanSite, `SELECT `+siteColumns+` FROM sites WHERE id = $1`, id)
}

// ServerGroups lists the server groups of a site by name, all for siteID "".
func (r Reader) ServerGroups(ctx context.Context, siteID string) ([]asset.ServerGroup, error) {
	return all(ctx, r, scanServerGroup, `SELECT `+serverGroupColumns+` FROM server_groups
		WHERE $1 = '' OR site_id = $1 ORDER BY name, id`, siteID)
}

// ServerGroup returns one server group or ErrNotFound.
func (r Reader) ServerGroup(ctx context.Context, id string) (asset.ServerGroup, error) {
	return one(ctx, r, scanServerGroup, `SELECT `+serverGroupColumns+` FROM server_groups WHERE id = $1`, id)
}

// Services lists the services of a server group by name, all for groupID "".
func (r Reader) Services(ctx context.Context, groupID string) ([]asset.Service, error) {
	return all(ctx, r, scanService, `SELECT `+serviceColumns+` FROM services WHERE $1 = '' OR server_group_id = $1 ORDER BY name, id`, groupID)
}

// Service returns one service or ErrNotFound.
func (r Reader) Service(ctx context.Context, id string) (asset.Service, error) {
	return one(ctx, r, scanService, `SELECT `+serviceColumns+` FROM services WHERE id = $1`, id)
}

// Routes lists the routes of a service by priority, all for serviceID "".
func (r Reader) Routes(ctx context.Context, serviceID string) ([]asset.Route, error) {
	return all(ctx, r, scanRoute, `SELECT `+routeColumns+` FROM routes WHERE $1 = '' OR service_id = $1 ORDER BY priority, id`, serviceID)
}

// Route returns one route or ErrNotFound.
func (r Reader) Route(ctx context.Context, id string) (asset.Route, error) {
	return one(ctx, r, scanRoute, `SELECT `+routeColumns+` FROM routes WHERE id = $1`, id)
}

// PolicyVersion is the number of changes made to the objects so far.
func (r Reader) PolicyVersion(ctx context.Context) (n int64, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT value FROM counters WHERE name = 'policy'`).Scan(&n)
	return n, err
}

// Versions returns PolicyVersion and how often somebody lost a right. Managers on one
// database poll it to learn of each other's changes.
func (r Reader) Versions(ctx context.Context) (policy, rights int64, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT p.value, r.value FROM counters p, counters r
		WHERE p.name = 'policy' AND r.name = 'rights'`).Scan(&policy, &rights)
	return policy, rights, err
}

// LoseRights tells every manager on this database that somebody lost a right.
func (t *Tx) LoseRights(ctx context.Context) error {
	_, err := t.next(ctx, "rights")
	return err
}

// NextPolicyVersion counts PolicyVersion up and returns it.
func (t *Tx) NextPolicyVersion(ctx context.Context) (int64, error) { return t.next(ctx, "policy") }

// CreateSite writes a new site as revision 1. It returns ErrTaken for a name in use.
func (t *Tx) CreateSite(ctx context.Context, s asset.Site) (asset.Site, error) {
	s.Revision = 1
	_, err := t.exec(ctx, `INSERT INTO sites (`+siteColumns+`) VALUES ($1, $2, $3)`, s.ID, s.Revision, s.Name)
	return s, err
}

// UpdateSite replaces the site and returns it with its new revision. It returns
// ErrStale unless s.Revision is the stored one, and ErrTaken for a name in use.
// The same holds for the other Update methods.
func (t *Tx) UpdateSite(ctx context.Context, s asset.Site) (asset.Site, error) {
	err := t.change(ctx, ErrStale, `UPDATE sites SET revision = revision + 1, name = $3 WHERE id = $1 AND revision = $2`,
		s.ID, s.Revision, s.Name)
	s.Revision++
	return s, err
}

// CreateServerGroup writes a new server group as revision 1.
func (t *Tx) CreateServerGroup(ctx context.Context, g asset.ServerGroup) (asset.ServerGroup, error) {
	g.Revision = 1
	_, err := t.exec(ctx, `INSERT INTO server_groups (`+serverGroupColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		g.ID, g.Revision, g.SiteID, g.Name, string(g.Mode), g.PassWhenDisabled)
	return g, err
}

// UpdateServerGroup is like UpdateSite.
func (t *Tx) UpdateServerGroup(ctx context.Context, g asset.ServerGroup) (asset.ServerGroup, error) {
	err := t.change(ctx, ErrStale, `UPDATE server_groups
		SET revision = revision + 1, site_id = $3, name = $4, mode = $5, pass_when_disabled = $6 WHERE id = $1 AND revision = $2`,
		g.ID, g.Revision, g.SiteID, g.Name, string(g.Mode), g.PassWhenDisabled)
	g.Revision++
	return g, err
}

// CreateService writes a new service as revision 1.
func (t *Tx) CreateService(ctx context.Context, s asset.Service) (asset.Service, error) {
	s.Revision = 1
	_, err := t.exec(ctx, `INSERT INTO services (`+serviceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.ID, s.Revision, s.ServerGroupID, s.Name, encode(s.Ports), encode(s.TrustedProxies), s.AccessEvents, s.Paranoia,
		s.InboundThreshold, s.OutboundThreshold, s.MaxBodyBytes, s.FailClosed)
	return s, err
}

// UpdateService is like UpdateSite.
func (t *Tx) UpdateService(ctx context.Context, s asset.Service) (asset.Service, error) {
	err := t.change(ctx, ErrStale, `UPDATE services
		SET revision = revision + 1, server_group_id = $3, name = $4, ports = $5, trusted_proxies = $6, access_events = $7,
		paranoia = $8, inbound_threshold = $9, outbound_threshold = $10, max_body_bytes = $11, fail_closed = $12 WHERE id = $1 AND revision = $2`,
		s.ID, s.Revision, s.ServerGroupID, s.Name, encode(s.Ports), encode(s.TrustedProxies), s.AccessEvents, s.Paranoia,
		s.InboundThreshold, s.OutboundThreshold, s.MaxBodyBytes, s.FailClosed)
	s.Revision++
	return s, err
}

// CreateRoute writes a new route as revision 1.
func (t *Tx) CreateRoute(ctx context.Context, r asset.Route) (asset.Route, error) {
	r.Revision = 1
	_, err := t.exec(ctx, `INSERT INTO routes (`+routeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.ID, r.Revision, r.ServiceID, r.Priority, r.Host, r.PathPrefix, encode(r.Upstreams), r.PreserveHost, r.InsecureSkipVerify)
	return r, err
}

// UpdateRoute is like UpdateSite.
func (t *Tx) UpdateRoute(ctx context.Context, r asset.Route) (asset.Route, error) {
	err := t.change(ctx, ErrStale, `UPDATE routes
		SET revision = revision + 1, service_id = $3, priority = $4, host = $5, path_prefix = $6, upstreams = $7,
		preserve_host = $8, insecure_skip_verify = $9 WHERE id = $1 AND revision = $2`,
		r.ID, r.Revision, r.ServiceID, r.Priority, r.Host, r.PathPrefix, encode(r.Upstreams), r.PreserveHost, r.InsecureSkipVerify)
	r.Revision++
	return r, err
}

// Kind names a table of objects.
type Kind string

// The kinds of objects, spelled as in the audit trail.
const (
	Sites        Kind = "site"
	ServerGroups Kind = "server_group"
	Services     Kind = "service"
	Routes       Kind = "route"
	Exceptions   Kind = "exception"
)

// Delete removes one object or returns ErrNotFound. What hangs on it must be gone.
func (t *Tx) Delete(ctx context.Context, kind Kind, id string) error {
	var table string
	switch kind {
	case Sites:
		table = "sites"
	case ServerGroups:
		table = "server_groups"
	case Services:
		table = "services"
	case Routes:
		table = "routes"
	case Exceptions:
		table = "exceptions"
	default:
		return fmt.Errorf("delete: unknown kind %q", kind)
	}
	return t.change(ctx, ErrNotFound, `DELETE FROM `+table+` WHERE id = $1`, id)
}
