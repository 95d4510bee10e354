package strict

import (
	"slices"
	"strconv"
	"strings"
)

// maxListed is how many known words a fault lists where none is near.
const maxListed = 24

// Nearest is the known word that differs from word by the fewest slips (a letter too many, missing, wrong, or two
// swapped: optimal string alignment), or "" where none is near. Case is no difference. Of equals, the first.
func Nearest(word string, known []string) string {
	best, bestDistance := "", len(word)/3+1
	if bestDistance > 3 {
		bestDistance = 3
	}
	bestDistance++
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance && d < len(k) {
			best, bestDistance = k, d
		}
	}
	return best
}

// writeOne leads a list of words that could stand there.
const writeOne = "write one of"

// hint says what to write in place of word.
func hint(word string, known []string, lead string) string {
	if near := Nearest(word, known); near != "" {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	switch {
	case len(known) == 0 || len(known) > maxListed:
		return ""
	case len(known) == 1 && lead == writeOne:
		return "write " + known[0]
	}
	return lead + ": " + strings.Join(known, ", ")
}

// distance is the optimal string alignment distance of a and b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return len(x) + len(y)
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

func contains(words []string, word string) bool { return slices.Contains(words, word) }
