package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Limits bound what an archive may hold. A zero member means its default.
type Limits struct {
	Packed  int64 // bytes of the archive itself; 64 MiB
	Size    int64 // bytes of all files together; 256 MiB
	File    int64 // bytes of one file; 64 MiB
	Entries int   // files and folders; 10,000
	Depth   int   // folders within folders; 32
	// Ratio is how many times larger than the archive its files may be; 200. The
	// first MiB is free.
	Ratio int64
	// Keep are names that a submission itself has at its top, such as "src". One
	// folder that holds everything is taken away unless it has such a name.
	Keep []string
	// LeftOut is called for each file that is left out for a name that some system
	// cannot have, with the reason. Without it, an archive with one is refused.
	LeftOut func(name, why string)
	// Times keeps the times that a zip has for its files, and is the zone of those that
	// come without one; nil gives files the time at which they are unpacked.
	Times *time.Location
}

func (l Limits) filled() Limits {
	l.Packed, l.Size, l.File = or(l.Packed, 64<<20), or(l.Size, 256<<20), or(l.File, 64<<20)
	l.Entries, l.Depth, l.Ratio = or(l.Entries, 10_000), or(l.Depth, 32), or(l.Ratio, 200)
	return l
}

func or[T int | int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// ErrRefused is wrapped by the errors about what is in an archive: the fault of
// whoever made it, to be told to them.
var ErrRefused = errors.New("the archive is refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Open unpacks the archive at path into a folder that does not exist yet. It
// appears when it is complete; on an error there is none. One folder around
// everything, as downloads from GitHub have it, is taken away; what macOS adds is
// left out; files that can be executed stay so.
func Open(ctx context.Context, path, into string, limits Limits) (err error) {
	l := limits.filled()
	if _, err := os.Lstat(into); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("unpack %s: the folder %s is there already", path, into), err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // to open a pipe is to wait for ever
		return refuse("%s is not a file", path)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return refuse("it may not be read: its owner has to allow it (chmod u+r)")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if info.Size() > l.Packed {
		return refuse("it has %d bytes, more than %d", info.Size(), l.Packed)
	}
	building, err := os.MkdirTemp(filepath.Dir(into), ".opening-")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.RemoveAll(building); err != nil { // once renamed, nothing is there
			err = errors.Join(err, gone)
		}
	}()
	root, err := os.OpenRoot(building)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{ctx: ctx, root: root, limits: l, packed: info.Size(), names: Names{depth: l.Depth}}
	if err := u.unpack(file, info.Size()); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(path), err)
	}
	top, err := u.top(building)
	if err != nil {
		return err
	}
	if err := os.Chmod(top, 0o755); err != nil {
		return err
	}
	return os.Rename(top, into)
}

// unpack finds out by its content what an archive is.
func (u *unpacker) unpack(file *os.File, size int64) error {
	head := make([]byte, 512)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return u.zip(file, size)
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return u.gzip(file)
	case n == 512 && string(head[257:262]) == "ustar":
		return u.tar(file)
	case bytes.HasPrefix(head, []byte("7z\xbc\xaf")), bytes.HasPrefix(head, []byte("Rar!")),
		bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte("\xfd7zXZ")),
		bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return refuse("it is packed in a way that is not read here; hand in a zip or a tar.gz")
	}
	return refuse("it is no zip, tar or tar.gz")
}

// top is the folder that becomes the submission's.
func (u *unpacker) top(building string) (string, error) {
	names, err := os.ReadDir(building)
	if err != nil {
		return "", err
	}
	if len(u.names.seen) == 0 {
		return "", refuse("it is empty")
	}
	if len(names) == 1 && names[0].IsDir() && !slices.Contains(u.limits.Keep, names[0].Name()) {
		return filepath.Join(building, names[0].Name()), nil
	}
	return building, nil
}
