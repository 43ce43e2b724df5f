// Package api holds the management API's contract. The source of truth is openapi/:
// root.yaml, one file for each tag and shared.yaml with what several tags use. From
// them `go generate ./api` (program generate) makes openapi.yaml, which is the whole
// document, and below apigen the models, a server interface for each tag (sitesapi,
// eventsapi …) and the typed client (apiclient), which the product does not link. It
// has no logic.
//
// Stability: /api/v1 changes only compatibly.
package api

import _ "embed"

//go:generate go run ./generate

// OpenAPI is the specification as served at /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
