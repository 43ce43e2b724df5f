//go:build race

package traffic

// underRace makes the two tests that drive the engine take a sample: it is some
// twenty times slower under the race detector.
const underRace = true
