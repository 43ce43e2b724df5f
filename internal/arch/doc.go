// Package arch holds the house rules as tests: which room may import which, and
// what no package may do. It has no code of its own; ARCHITECTURE.md gives the
// reasons.
package arch
