// Package nearest finds the name that a user probably meant by one that does not exist,
// for errors that say "did you mean …?".
package nearest

// Name returns the known name with the smallest edit distance to name, the first one of
// several, and "" if none is known. Letters of different case differ: callers whose names
// ignore case pass them in one case. It is meant for lists of some hundred short names.
func Name(name string, known []string) string {
	best, least := "", -1
	for _, k := range known {
		if d := Distance(name, k); least < 0 || d < least {
			best, least = k, d
		}
	}
	return best
}

// Distance is the Levenshtein distance of a and b: the least number of bytes that must
// be inserted, removed or replaced to make one the other.
func Distance(a, b string) int {
	// The matrix of Wagner and Fischer, of which one row is kept: row[j] is the distance
	// of the prefix of a so far and the first j bytes of b.
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
