package manager

import (
	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/policy"
)

// operation is one entry of the API. Whoever has the role, or a higher one, may
// call it.
type operation struct {
	id, pattern string
	role        Role
	body        func() any // a new value to read the request's body into, nil without
}

// public is the role of operations that need no login.
const public Role = ""

// operations is the whole of authorisation: what is not listed is refused. A test
// compares it with openapi.yaml.
var operations = []operation{
	{"login", "POST /login", public, body[apigen.Credentials]},
	{"logout", "POST /logout", Viewer, nil},
	{"getSession", "GET /session", Viewer, nil},
	{"changePassword", "POST /session/password", Viewer, body[apigen.PasswordChange]},

	{"listUsers", "GET /users", Admin, nil},
	{"createUser", "POST /users", Admin, body[apigen.UserCreate]},
	{"updateUser", "PATCH /users/{id}", Admin, body[apigen.UserUpdate]},
	{"deleteUser", "DELETE /users/{id}", Admin, nil},
	{"listTokens", "GET /tokens", Viewer, nil},                        // one's own; all for an admin
	{"createToken", "POST /tokens", Viewer, body[apigen.TokenCreate]}, // at most the own role
	{"deleteToken", "DELETE /tokens/{id}", Viewer, nil},
	{"listAudit", "GET /audit", Admin, nil},

	{"listSites", "GET /sites", Viewer, nil},
	{"createSite", "POST /sites", Operator, body[asset.Site]},
	{"getSite", "GET /sites/{id}", Viewer, nil},
	{"updateSite", "PUT /sites/{id}", Operator, body[asset.Site]},
	{"deleteSite", "DELETE /sites/{id}", Operator, nil},
	{"listServerGroups", "GET /server-groups", Viewer, nil},
	{"createServerGroup", "POST /server-groups", Operator, body[asset.ServerGroup]},
	{"getServerGroup", "GET /server-groups/{id}", Viewer, nil},
	{"updateServerGroup", "PUT /server-groups/{id}", Operator, body[asset.ServerGroup]},
	{"deleteServerGroup", "DELETE /server-groups/{id}", Operator, nil},
	{"setMode", "PUT /server-groups/{id}/mode", Operator, body[apigen.ModeChange]},
	{"listServices", "GET /services", Viewer, nil},
	{"createService", "POST /services", Operator, body[asset.Service]},
	{"getService", "GET /services/{id}", Viewer, nil},
	{"updateService", "PUT /services/{id}", Operator, body[asset.Service]},
	{"deleteService", "DELETE /services/{id}", Operator, nil},
	{"sendTestAttack", "POST /services/{id}/test-attack", Operator, nil},
	{"listRoutes", "GET /routes", Viewer, nil},
	{"createRoute", "POST /routes", Operator, body[asset.Route]},
	{"getRoute", "GET /routes/{id}", Viewer, nil},
	{"updateRoute", "PUT /routes/{id}", Operator, body[asset.Route]},
	{"deleteRoute", "DELETE /routes/{id}", Operator, nil},

	{"getRule", "GET /rules/{id}", Viewer, nil},
	{"getRuleActions", "GET /services/{id}/actions", Viewer, nil},
	{"setRuleActions", "PUT /services/{id}/actions", Operator, body[policy.RuleActions]},
	{"listExceptions", "GET /exceptions", Viewer, nil},
	{"createException", "POST /exceptions", Operator, body[policy.Exception]},
	{"previewException", "POST /exceptions/preview", Operator, body[apigen.ExceptionPreview]},
	{"getException", "GET /exceptions/{id}", Viewer, nil},
	{"updateException", "PUT /exceptions/{id}", Operator, body[policy.Exception]},
	{"deleteException", "DELETE /exceptions/{id}", Operator, nil},

	{"listGateways", "GET /gateways", Viewer, nil},
	{"getOverview", "GET /overview", Viewer, nil},
	{"listEvents", "GET /events", Viewer, nil},
	{"eventFacets", "GET /events/facets", Viewer, nil},
	{"eventHistogram", "GET /events/histogram", Viewer, nil},
	{"streamEvents", "GET /events/stream", Viewer, nil},
	{"getEvent", "GET /events/{id}", Viewer, nil},
	{"queryLake", "POST /lake/query", Operator, body[apigen.LakeQuery]},
}

func body[T any]() any { return new(T) }

// may reports whether somebody with role has may do what needs role needs.
func may(has, needs Role) bool { return rank(has) >= rank(needs) }

func rank(r Role) int {
	switch r {
	case Admin:
		return 3
	case Operator:
		return 2
	case Viewer:
		return 1
	}
	return 0
}
