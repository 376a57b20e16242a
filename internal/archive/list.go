package archive

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"time"
)

// List are the names in a zip as their authors had them, folders with a slash at their
// end, without unpacking it. An error wraps ErrRefused where it is about the zip.
func List(path string, entries int) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, refuse("%s is not a file", path)
	}
	listing := &bounded{from: file, left: int64(entries)*perEntry + ends}
	r, err := zip.NewReader(listing, info.Size())
	if listing.left < 0 {
		return nil, refuse("its list of files is longer than that of %d files", entries)
	}
	listing.left = math.MaxInt64
	if r == nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return zipNames(r.File), nil
}

// zipTime is the time of an entry, zero where none is kept or known. The field of MS-DOS
// is the local time of whoever wrote the zip; other fields say which moment they mean.
// Source: APPNOTE.TXT 4.4.6, 4.5.5, and Info-ZIP's extrafld.txt
func (u *unpacker) zipTime(f *zip.File) time.Time {
	const earliest = 1990 // the field begins in 1980, where those stand who do not know
	at := f.Modified
	if u.limits.Times == nil || at.Year() < earliest {
		return time.Time{}
	}
	for rest := f.Extra; len(rest) >= 4; {
		switch binary.LittleEndian.Uint16(rest) {
		case 0x000a, 0x000d, 0x5455, 0x5855: // NTFS, Unix, extended timestamp, Info-ZIP's Unix
			return at
		}
		size := 4 + int(binary.LittleEndian.Uint16(rest[2:]))
		if size > len(rest) {
			break
		}
		rest = rest[size:]
	}
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, u.limits.Times)
}
