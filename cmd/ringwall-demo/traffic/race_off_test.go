//go:build !race

package traffic

const underRace = false
