package archive

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest names that every system takes, in bytes: of one part, and of the
// whole below a folder that itself has a name.
const (
	longestPart = 255
	longestName = 1024
)

// checkName returns a name without what means nothing ("./a//b/"). A name that
// leads outside, or that some system cannot have, is refused.
func checkName(given string, depth int) (string, error) {
	switch {
	case given == "" || !utf8.ValidString(given):
		return "", refuse("the name %q is not UTF-8 text", given)
	case len(given) > longestName:
		return "", refuse("the name %s... has more than %d bytes", shown(given[:40]), longestName)
	case strings.HasPrefix(given, "/"):
		return "", refuse("%s leads outside: it begins at the root", shown(given))
	case strings.IndexFunc(given, unicode.IsControl) >= 0:
		return "", refuse("the name %q holds control characters", given)
	}
	if strings.IndexFunc(given, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }) >= 0 {
		return "", refuse("the name %q turns what is shown of it round", given)
	}
	if i := strings.IndexAny(given, `\:<>"|?*`); i >= 0 {
		return "", refuse("the name %s holds the character %q, which Windows cannot have", shown(given), given[i])
	}
	name := path.Clean(given)
	parts := strings.Split(name, "/")
	if len(parts) > depth {
		return "", refuse("%s is more than %d folders deep", shown(given), depth)
	}
	for _, part := range strings.Split(given, "/") {
		if part == ".." {
			return "", refuse("%s leads outside: it holds \"..\"", shown(given))
		}
	}
	if name == "." {
		return name, nil
	}
	for _, part := range parts {
		switch {
		case len(part) > longestPart:
			return "", refuse("the name %s... has more than %d bytes", shown(part[:40]), longestPart)
		case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return "", refuse("the name %s ends with a dot or a space, which Windows cannot have", shown(given))
		case reserved(part):
			return "", refuse("the name %s is that of a device on Windows", shown(given))
		}
	}
	return name, nil
}

// reserved are the devices of Windows, with any ending.
// Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func reserved(part string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(part), ".")
	switch stem = strings.TrimRight(stem, " "); stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && stem[3] >= '1' &&
		stem[3] <= '9'
}

// surplus is what macOS adds to archives by itself.
func surplus(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "__MACOSX" || part == ".DS_Store" || strings.HasPrefix(part, "._") {
			return true
		}
	}
	return false
}

// shown is a name as a message shows it.
func shown(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
		return fmt.Sprintf("%q", name)
	}
	return name
}
