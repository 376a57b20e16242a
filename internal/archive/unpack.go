package archive

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// free is what may come out of any archive, whatever its ratio.
const free = 1 << 20

// encrypted is the bit of a zip entry's flags.
// Source: APPNOTE.TXT 4.4.4
const encrypted = 1

type unpacker struct {
	ctx    context.Context
	root   *os.Root
	limits Limits
	packed int64
	size   int64            // unpacked so far
	count  int              // entries so far
	seen   map[string]entry // by name, as folded leaves it
}

type entry struct {
	name string
	dir  bool
}

func (u *unpacker) zip(file io.ReaderAt, size int64) error {
	listing := &bounded{from: file, left: int64(u.limits.Entries)*perEntry + ends}
	r, err := zip.NewReader(listing, size)
	if listing.left < 0 {
		return refuse("its list of files is longer than that of %d files", u.limits.Entries)
	}
	listing.left = math.MaxInt64
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked at below
		return refuse("the zip is damaged: %v", err)
	}
	for _, f := range r.File {
		if f.Flags&encrypted != 0 {
			return refuse("%s is encrypted; hand in a zip without a password", shown(f.Name))
		}
		// A folder is one by its name or by its mode; a name that says so wins.
		mode := f.Mode()
		if strings.HasSuffix(f.Name, "/") {
			mode |= fs.ModeDir
		}
		err := u.add(f.Name, mode, func(w io.Writer) error {
			from, err := f.Open()
			if err != nil {
				return refuse("%s cannot be unpacked: %v", shown(f.Name), err)
			}
			defer from.Close()
			return u.copy(w, from, f.Name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// What the list of a zip takes that has as many entries as are allowed: a header,
// a long name and what systems add to it. The ends are read to find the list.
const (
	perEntry = 46 + 512
	ends     = 128 << 10
)

// bounded reads so many bytes. The list of a zip is read whole before anybody sees
// how many files are in it.
type bounded struct {
	from io.ReaderAt
	left int64
}

func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return b.from.ReadAt(p, at)
}

func (u *unpacker) gzip(file io.Reader) error {
	r, err := gzip.NewReader(file)
	if err != nil {
		return refuse("the gzip is damaged: %v", err)
	}
	defer r.Close()
	// Headers and what is skipped count too: a tar of nothing but long names
	// would else be read for ever.
	return u.tar(io.LimitReader(r, u.limits.Size+int64(u.limits.Entries)*2048))
}

func (u *unpacker) tar(file io.Reader) error {
	r := tar.NewReader(file)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // as for zip
			return refuse("the tar is damaged: %v", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // git archive writes one
			continue
		}
		mode := fs.FileMode(h.Mode).Perm() // the permission bits
		switch h.Typeflag {
		case tar.TypeReg:
		case tar.TypeDir:
			mode |= fs.ModeDir
		case tar.TypeSymlink, tar.TypeLink:
			mode |= fs.ModeSymlink
		case tar.TypeChar, tar.TypeBlock:
			mode |= fs.ModeDevice
		case tar.TypeFifo:
			mode |= fs.ModeNamedPipe
		default:
			mode |= fs.ModeIrregular
		}
		if err := u.add(h.Name, mode, func(w io.Writer) error { return u.copy(w, r, h.Name) }); err != nil {
			return err
		}
	}
}

// add takes one entry; write gives its bytes.
func (u *unpacker) add(given string, mode fs.FileMode, write func(io.Writer) error) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if u.count++; u.count > u.limits.Entries {
		return refuse("it has more than %d entries", u.limits.Entries)
	}
	name, err := checkName(given, u.limits.Depth)
	if err != nil {
		return err
	}
	if name == "." || surplus(name) {
		return nil
	}
	switch mode.Type() {
	case 0, fs.ModeDir:
	case fs.ModeSymlink:
		return refuse("%s is a link; hand in files and folders only", shown(given))
	default:
		return refuse("%s is a device, a pipe or the like; hand in files and folders only", shown(given))
	}
	if err := u.claim(name, mode.IsDir()); err != nil {
		return err
	}
	if mode.IsDir() {
		return u.root.MkdirAll(name, 0o755)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
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

// claim remembers a name with the folders that it is in. Two names that differ
// in case only are one on macOS and Windows.
func (u *unpacker) claim(name string, dir bool) error {
	for at := name; at != "."; at = path.Dir(at) {
		isDir := dir || at != name
		key := folded(at)
		old, known := u.seen[key]
		switch {
		case known && old.name != at:
			return refuse("%s and %s are one name on macOS and Windows", shown(old.name), shown(at))
		case known && old.dir != isDir:
			return refuse("%s is both a file and a folder", shown(at))
		case known && !isDir:
			return refuse("%s is in it twice", shown(at))
		}
		u.seen[key] = entry{name: at, dir: isDir}
	}
	return nil
}

// copy takes the bytes of a file, whatever size its header claims.
func (u *unpacker) copy(w io.Writer, r io.Reader, name string) error {
	most := min(u.limits.File, u.limits.Size-u.size, max(free, u.packed*u.limits.Ratio)-u.size)
	n, err := io.Copy(w, io.LimitReader(&interruptible{u.ctx, r}, most+1))
	u.size += n
	switch {
	case u.ctx.Err() != nil:
		return u.ctx.Err()
	case n > u.limits.File:
		return refuse("%s has more than %d bytes", shown(name), u.limits.File)
	case u.size > u.limits.Size:
		return refuse("its files have more than %d bytes", u.limits.Size)
	case n > most:
		return refuse("its files are more than %d times as large as itself", u.limits.Ratio)
	case err != nil:
		return fmt.Errorf("%s cannot be unpacked: %w", shown(name), errors.Join(ErrRefused, err))
	}
	return nil
}

type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
