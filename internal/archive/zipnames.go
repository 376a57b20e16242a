package archive

import (
	"archive/zip"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// zipNames are the names of a zip's entries as their author had them, in order.
func zipNames(files []*zip.File) []string {
	names := make([]string, len(files))
	slashes := false
	for i, f := range files {
		names[i] = zipName(f)
		slashes = slashes || strings.Contains(names[i], "/")
	}
	if slashes {
		return names
	}
	// Compress-Archive of PowerShell 5, and all that is built on the .NET of those
	// days, separate folders by backslashes. Where a slash is used too, a backslash
	// is a letter of the name, as Unix has it.
	// Source: https://learn.microsoft.com/dotnet/framework/migration-guide/mitigation-ziparchiveentry-fullname-path-separator
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], `\`, "/")
	}
	return names
}

// zipName is the name of an entry: what Info-ZIP's field of extra data has as UTF-8,
// else itself if it is UTF-8, with the flag for that or, as macOS writes it, without;
// else as the code page says that its author's Windows has most likely had. It is as it
// was if none gives a name.
// Source: APPNOTE.TXT 4.6.9 and appendix D
func zipName(f *zip.File) string {
	if name, ok := unicodePath(f); ok {
		return name
	}
	if utf8.ValidString(f.Name) {
		return f.Name
	}
	best, most := f.Name, -1
	for _, page := range []*charmap.Charmap{charmap.CodePage437, charmap.CodePage850} {
		name, err := page.NewDecoder().String(f.Name)
		if err != nil || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			continue
		}
		if n := latin(name); n > most {
			best, most = name, n
		}
	}
	return best
}

// latin counts the letters of names that Western Windows writes: the wrong code page
// shows frames and Greek letters in their place.
func latin(name string) (n int) {
	for _, r := range name {
		if r >= utf8.RuneSelf && unicode.Is(unicode.Latin, r) {
			n++
		}
	}
	return n
}

// unicodePath reads Info-ZIP's field, which counts while the sum in it is that of the
// name beside it.
func unicodePath(f *zip.File) (string, bool) {
	const id, version, head = 0x7075, 1, 5
	for rest := f.Extra; len(rest) >= 4; {
		size := int(binary.LittleEndian.Uint16(rest[2:]))
		if len(rest) < 4+size {
			return "", false
		}
		data := rest[4 : 4+size]
		if binary.LittleEndian.Uint16(rest) == id && size > head && data[0] == version {
			name := string(data[head:])
			return name, binary.LittleEndian.Uint32(data[1:]) == crc32.ChecksumIEEE([]byte(f.Name)) && utf8.ValidString(name)
		}
		rest = rest[4+size:]
	}
	return "", false
}
