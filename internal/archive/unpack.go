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
	"time"
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
	size   int64 // unpacked so far
	count  int   // entries so far
	names  Names
}

func (u *unpacker) zip(file io.ReaderAt, size int64) error {
	listing := &bounded{from: file, left: int64(u.limits.Entries)*perEntry + ends}
	r, err := zip.NewReader(listing, size)
	if listing.left < 0 {
		return refuse("its list of files is longer than that of %d files", u.limits.Entries)
	}
	listing.left = math.MaxInt64
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked at below
		return refuse("the zip is damaged, which a cut download or upload does (%s); it is needed again",
			strings.TrimPrefix(err.Error(), "zip: "))
	}
	names := zipNames(r.File)
	for i, f := range r.File {
		name := names[i]
		if f.Flags&encrypted != 0 {
			return refuse("%s is encrypted; hand in a zip without a password", shown(name))
		}
		// A folder is one by its name or by its mode; a name that says so wins.
		mode := f.Mode()
		if strings.HasSuffix(name, "/") {
			mode |= fs.ModeDir
		}
		err := u.add(name, mode, u.zipTime(f), func(w io.Writer) error {
			from, err := f.Open()
			if err != nil {
				return refuse("%s cannot be unpacked: %v", shown(name), err)
			}
			defer from.Close()
			return u.copy(w, from, name)
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
		if err := u.add(h.Name, mode, time.Time{}, func(w io.Writer) error { return u.copy(w, r, h.Name) }); err != nil {
			return err
		}
	}
}

// add takes one entry; write gives its bytes. at is the time that it keeps, zero for none.
func (u *unpacker) add(given string, mode fs.FileMode, at time.Time, write func(io.Writer) error) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if u.count++; u.count > u.limits.Entries {
		return refuse("it has more than %d entries", u.limits.Entries)
	}
	if Surplus(given) && harmful(strings.TrimSuffix(given, "\r")) == nil {
		return nil
	}
	switch mode.Type() {
	case 0, fs.ModeDir:
	case fs.ModeSymlink:
		return refuse("%s is a link; hand in files and folders only", shown(given))
	default:
		return refuse("%s is a device, a pipe or the like; hand in files and folders only", shown(given))
	}
	name, err := u.names.Take(given, mode.IsDir())
	switch {
	case errors.Is(err, ErrUnportable) && u.limits.LeftOut != nil:
		u.limits.LeftOut(given, Reason(err))
		return nil
	case err != nil:
		return err
	case name == ".":
		return nil
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
	if err := errors.Join(write(file), file.Close()); err != nil || at.IsZero() {
		return err
	}
	return u.root.Chtimes(name, at, at)
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
