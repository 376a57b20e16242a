package grade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/archive"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/lab"
)

// What a class's download may hold: hundreds of submissions, each with its own bounds.
const (
	mostInDownload    = 100_000
	mostDownloadBytes = 8 << 30
)

// BadDownloadError is a download that cannot be unpacked.
type BadDownloadError struct{ Path, Why string }

func (e *BadDownloadError) Error() string {
	return fmt.Sprintf("%s cannot be unpacked: %s", e.Path, e.Why)
}

// download unpacks a zip that a learning platform made of a class's submissions, and finds
// them in it. ok is false when it is no such zip, but perhaps one submission.
func (f *finder) download(ctx context.Context, full, source string) (ok bool, err error) {
	names, err := archive.List(full, mostInDownload)
	if err != nil || !f.holdsClass(names) {
		return false, nil // what is wrong with it shows when it is opened as a submission
	}
	into := filepath.Join(f.Unpack, strconv.Itoa(len(f.found)))
	var lost []string
	zone := f.Zone
	if zone == nil {
		zone = f.names.zone
	}
	err = archive.Open(ctx, full, into, archive.Limits{Packed: mostDownloadBytes, Size: mostDownloadBytes,
		File: mostBytes, Entries: mostInDownload, Times: zone, LeftOut: func(name, why string) { lost = append(lost, name) }})
	if errors.Is(err, archive.ErrRefused) {
		return true, &BadDownloadError{source, archive.Reason(err)}
	}
	if err != nil {
		return true, err
	}
	dir := into
	for { // folders around everything
		inside, err := os.ReadDir(dir)
		if err != nil {
			return true, err
		}
		if len(inside) != 1 || !inside[0].IsDir() || f.names.read(inside[0].Name(), true).group != "" {
			break
		}
		dir = filepath.Join(dir, inside[0].Name())
	}
	if err := f.class(dir, source); err != nil {
		return true, err
	}
	for _, name := range lost {
		top, rest, _ := strings.Cut(name, "/")
		f.refuse(filepath.Join(into, top), source+"/"+name, f.names.read(top, rest != ""),
			"not every system can have its name; unpack the download yourself and give it another")
	}
	return true, nil
}

// holdsClass tells a zip of many submissions from one submission by its names.
func (f *finder) holdsClass(names []string) bool {
	below := map[string][]string{} // what is in each name at the top
	for {
		clear(below)
		for _, name := range names {
			if top, rest, _ := strings.Cut(name, "/"); !archive.Surplus(name) && top != "" {
				below[top] = append(below[top], rest)
			}
		}
		only := ""
		for top := range below {
			only = top
		}
		if len(below) != 1 || slices.Contains(below[only], "") && len(below[only]) == 1 || f.ours(only) ||
			f.names.read(only, true).group != "" {
			break
		}
		names = below[only] // one folder around everything
	}
	named, archives, trees := 0, 0, 0
	for top, inside := range below {
		switch {
		case top == metadataFile:
			return true
		case f.ours(top):
			return false
		case f.names.read(top, len(inside) > 1 || inside[0] != "").group != "":
			named++
		case isArchive(top):
			archives++
		case slices.ContainsFunc(inside, func(name string) bool { return f.ours(name) || isArchive(name) }):
			trees++
		}
	}
	return 2*named > len(below) || named+archives+trees == len(below) && len(below) > 1
}

// ours tells whether a name at the top is that of something a submission is made of.
func (f *finder) ours(name string) bool {
	if name == ManifestFile || slices.Contains(deploy.Files(), name) {
		return true
	}
	return slices.ContainsFunc(f.Labs, func(l *lab.Folder) bool {
		return name == l.ID || slices.Contains(expected(l), name) || slices.Contains(tops(l), name)
	})
}
