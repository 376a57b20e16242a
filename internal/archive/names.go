package archive

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest names that every system takes, in bytes: of one part, and of the
// whole below a folder that itself has a name.
const (
	longestPart = 255
	longestName = 1024
)

// ErrUnportable is wrapped, beside ErrRefused, by the errors about a name that
// harms nobody and that some system cannot have: the file may be left out, and
// the rest taken.
var ErrUnportable = errors.New("not every system can have the name")

// unportable is the refusal of a name that may be left out instead.
type unportable struct{ error }

func (u unportable) Unwrap() []error { return []error{u.error, ErrRefused, ErrUnportable} }

func leaveOut(format string, args ...any) error { return unportable{fmt.Errorf(format, args...)} }

// Reason is what an error that wraps ErrRefused says of what is wrong.
func Reason(err error) string {
	if _, why, ok := strings.Cut(err.Error(), ErrRefused.Error()+": "); ok {
		return why
	}
	return err.Error()
}

// Names is the rule of names for one tree of what is handed in, the same where it
// is packed and where it is opened. The zero value is ready.
type Names struct {
	depth int              // folders within folders at most; 32 when 0
	seen  map[string]entry // by name, as folded leaves it
}

type entry struct {
	name string
	dir  bool
}

// Take adds a name with slashes and returns it without what means nothing
// ("./a//b/"). An error wraps ErrRefused: the name leads outside, shows as another,
// or is one with another of the tree; or, with ErrUnportable too, is one that some
// system cannot have. What is not taken is not remembered.
func (n *Names) Take(given string, dir bool) (string, error) {
	name, err := checkName(given, or(n.depth, Limits{}.filled().Depth))
	if err != nil || name == "." {
		return name, err
	}
	return name, n.claim(name, dir)
}

// checkName returns a name without what means nothing ("./a//b/"). A name that
// leads outside, or that some system cannot have, is refused.
func checkName(given string, depth int) (string, error) {
	if err := harmful(given); err != nil {
		return "", err
	}
	switch {
	case given == "" || !utf8.ValidString(given):
		return "", leaveOut("the name %q is not UTF-8 text", given)
	case len(given) > longestName:
		return "", leaveOut("the name %s... has more than %d bytes", shown(given[:40]), longestName)
	}
	if i := strings.IndexAny(given, `\:<>"|?*`); i >= 0 {
		return "", leaveOut("the name %s holds the character %q, which Windows cannot have", shown(given), given[i])
	}
	name := path.Clean(given)
	parts := strings.Split(name, "/")
	if len(parts) > depth {
		return "", leaveOut("%s is more than %d folders deep", shown(given), depth)
	}
	if name == "." {
		return name, nil
	}
	for _, part := range parts {
		switch {
		case len(part) > longestPart:
			return "", leaveOut("the name %s... has more than %d bytes", shown(part[:40]), longestPart)
		case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return "", leaveOut("the name %s ends with a dot or a space, which Windows cannot have", shown(given))
		case reserved(part):
			return "", leaveOut("the name %s is that of a device on Windows", shown(given))
		}
	}
	return name, nil
}

// harmful refuses names that nobody gives by accident. Both separators are looked
// at, whichever of them counts here: on some system the name leads outside.
func harmful(given string) error {
	text := strings.ToValidUTF8(given, "\uFFFD")
	if len(text) > longestName {
		text = text[:longestName] // its end is not shown, and a longer name is not taken
	}
	switch {
	case strings.HasPrefix(given, "/") || strings.HasPrefix(given, `\`):
		return refuse("%s leads outside: it begins at the root", shown(text))
	case len(given) > 1 && given[1] == ':' && (given[0]|0x20 >= 'a' && given[0]|0x20 <= 'z') &&
		(len(given) == 2 || given[2] == '/' || given[2] == '\\'):
		return refuse("%s leads outside: it begins with a drive of Windows", shown(text))
	case strings.IndexFunc(given, unicode.IsControl) >= 0:
		return refuse("the name %q holds control characters", text)
	case strings.IndexFunc(given, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }) >= 0:
		return refuse("the name %q turns what is shown of it round", text)
	}
	for part := range strings.FieldsFuncSeq(given, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == ".." {
			return refuse("%s leads outside on Windows or elsewhere: it holds \"..\"", shown(text))
		}
	}
	return nil
}

// claim remembers a name with the folders that it is in. Two names that differ
// in case only are one on macOS and Windows.
func (n *Names) claim(name string, dir bool) error {
	for at := name; at != "."; at = path.Dir(at) {
		isDir := dir || at != name
		old, known := n.seen[folded(at)]
		switch {
		case known && old.name != at:
			return refuse("%s and %s are one name on macOS and Windows", shown(old.name), shown(at))
		case known && old.dir != isDir:
			return refuse("%s is both a file and a folder", shown(at))
		case known && !isDir:
			return refuse("%s is in it twice", shown(at))
		}
	}
	if n.seen == nil {
		n.seen = map[string]entry{}
	}
	for at := name; at != "."; at = path.Dir(at) {
		n.seen[folded(at)] = entry{name: at, dir: dir || at != name}
	}
	return nil
}

// folded is the same for all spellings of a name that are one on macOS or Windows:
// in another case, with accents of their own, with letters that are written as another.
func folded(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		if r == 'ß' || r == 'ẞ' {
			b.WriteString("SS")
			continue
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		b.WriteRune(least)
	}
	return b.String()
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

// Surplus is what macOS adds to folders and archives by itself, which is nobody's work.
// A folder's own picture is in a file whose name ends with a carriage return.
func Surplus(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "__MACOSX" || part == ".DS_Store" || part == "Icon\r" || strings.HasPrefix(part, "._") {
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
