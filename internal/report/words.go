package report

import (
	"strconv"
	"strings"
)

// Count is a number of things in words: 1 line, 2 lines, no entry of "1 items". thing is
// the singular; its last word is made the plural.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + plural(thing)
}

func plural(thing string) string {
	if len(thing) < 2 {
		return thing + "s"
	}
	switch end, before := thing[len(thing)-1], thing[len(thing)-2]; {
	case end == 'y' && !strings.ContainsRune("aeiou", rune(before)):
		return thing[:len(thing)-1] + "ies"
	case end == 's', end == 'x', end == 'h' && (before == 's' || before == 'c'):
		return thing + "es"
	}
	return thing + "s"
}
