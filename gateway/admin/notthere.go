package admin

import "fmt"

// notThere says that there is no such thing, and which one may have been meant.
func notThere(kind, name string, known []string) string {
	if near, ok := nearest(name, known); ok {
		return fmt.Sprintf("there is no %s %q: did you mean %q?", kind, name, near)
	}
	return fmt.Sprintf("there is no %s %q: `sluice %s list` shows what there is", kind, name, listed(kind))
}

// listed is the command that lists a kind: pools are shown by their backends.
func listed(kind string) string {
	if kind == "pool" {
		return "backend"
	}
	return kind
}

// nearest is the known name with the fewest edits, when that is at most a third of it.
func nearest(name string, known []string) (string, bool) {
	best, fewest := "", len(name)/3+1
	for _, candidate := range known {
		if d := edits(name, candidate); d < fewest || d == fewest && best == "" {
			best, fewest = candidate, d
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance of two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
