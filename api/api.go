// Package api holds the management API's contract: openapi.yaml is the source of
// truth, apigen the server interface and the typed client generated from it. It
// has no logic.
//
// Stability: /api/v1 changes only compatibly.
package api

import _ "embed"

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml

// OpenAPI is the specification as served at /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
