// Package foreign reads text that other systems wrote: editors and spreadsheets on
// Windows, learning platforms, macOS. It knows no format.
package foreign

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"
)

// ErrEncoding is returned for text of which nobody can be certain what its bytes mean.
var ErrEncoding = errors.New(`it is not UTF-8 text: save it as UTF-8 (in a spreadsheet, as "CSV UTF-8")`)

// mark is the byte order mark of UTF-8.
const mark = "\xef\xbb\xbf"

// Text returns text as UTF-8 without a byte order mark. One that says UTF-16 is
// believed; text without one is UTF-8 or ErrEncoding, since a guess would change
// people's names.
func Text(b []byte) ([]byte, error) {
	if Wide(b) {
		out, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(b)
		if err != nil || bytes.ContainsRune(out, utf8.RuneError) { // half a character: it is cut, or is something else
			return nil, ErrEncoding
		}
		return out, nil
	}
	b = bytes.TrimPrefix(b, []byte(mark))
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 { // UTF-16 without a mark is full of zeros
		return nil, ErrEncoding
	}
	return b, nil
}

// Wide reports whether text says of itself that it is UTF-16.
func Wide(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
}

// Key is the same for all spellings of one word: composed and decomposed, of full and
// half width, in either case, with any of the characters that are typed as an
// apostrophe or a hyphen.
func Key(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '’', '‘', 'ʼ', 'ʹ', '`', '´', '′', 'ʻ', '＇':
			return '\''
		case '‐', '‑', '–', '−', '﹣', '－':
			return '-'
		case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff': // they show as nothing
			return -1
		}
		return r
	}, s)
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}
