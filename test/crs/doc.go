// Package crs has the regression tests of the OWASP Core Rule Set sent through a
// real gateway as real HTTP, with the reference client of the tests' authors in
// front of it and their reference server behind it. It has tests only.
package crs
