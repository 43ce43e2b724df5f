package web

import (
	"net/http"

	"github.com/ringwall/ringwall/api/apigen"
)

// Role is what a user or API token may do. Each role may do all that the ones below
// it may.
type Role = apigen.Role

// The roles, highest first.
const (
	Admin    Role = apigen.Admin    // also users and the audit trail
	Operator Role = apigen.Operator // also changes objects and queries the lake
	Viewer   Role = apigen.Viewer   // reads
	// Public is the role of operations that need no login.
	Public Role = ""
)

// Operation is one entry of the API. Whoever has the role, or a higher one, may call
// it. Operations that no room lists are refused.
type Operation struct {
	ID      string // operationId in openapi.yaml
	Pattern string // "METHOD /path"
	Role    Role
	// Body returns a new value to read the request's body into, nil for operations
	// without a body.
	Body func() any
}

// Body is Operation.Body for a body of type T.
func Body[T any]() any { return new(T) }

// May reports whether somebody with role has may do what needs role needs.
func May(has, needs Role) bool { return rank(has) >= rank(needs) }

// Known reports whether r is one of the roles that users have.
func Known(r Role) bool { return rank(r) > 0 }

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

// Guard decides who may call what.
type Guard interface {
	// Admit returns who the request comes from, or an error if they may not do what
	// needs role. For Public it admits everybody, with an Identity without a user.
	Admit(role Role, r *http.Request) (Identity, error)
}
