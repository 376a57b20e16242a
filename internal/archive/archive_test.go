package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/archive"
)

// item is one entry of an archive, in the words of tar.
type item struct {
	name, body string
	kind       byte // a file when 0
	mode       int64
}

func zipped(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, i := range items {
		h := &zip.FileHeader{Name: i.name, Method: zip.Deflate}
		mode := fs.FileMode(0o644)
		if i.mode != 0 {
			mode = fs.FileMode(i.mode)
		}
		switch i.kind {
		case tar.TypeSymlink, tar.TypeLink:
			mode |= fs.ModeSymlink
		case tar.TypeChar:
			mode |= fs.ModeDevice | fs.ModeCharDevice
		case tar.TypeFifo:
			mode |= fs.ModeNamedPipe
		case tar.TypeDir:
			mode |= fs.ModeDir
		}
		h.SetMode(mode)
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		if i.kind != tar.TypeDir {
			_, err = w.Write([]byte(i.body))
			require.NoError(t, err)
		}
	}
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func tarred(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Typeflag: i.kind, Mode: i.mode, Size: int64(len(i.body))}
		if i.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if i.kind == tar.TypeSymlink || i.kind == tar.TypeLink {
			h.Linkname, h.Size = i.body, 0
		}
		require.NoError(t, w.WriteHeader(h))
		if h.Size > 0 {
			_, err := w.Write([]byte(i.body))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// open opens an archive and returns what is in the folder: the text of files,
// with "+x" at the names of those that can be executed.
func open(t testing.TB, content []byte, limits archive.Limits) (map[string]string, error) {
	t.Helper()
	parent := t.TempDir()
	// The name tells nothing.
	file := filepath.Join(t.TempDir(), "submission.bin")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	into := filepath.Join(parent, "into")
	err := archive.Open(context.Background(), file, into, limits)
	if err != nil {
		names, listErr := os.ReadDir(parent)
		require.NoError(t, listErr)
		require.Empty(t, names, "something is left")
		return nil, err
	}
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(into, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		require.True(t, d.Type().IsRegular())
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(into, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&0o100 != 0 {
			rel += "+x"
		}
		found[filepath.ToSlash(rel)] = string(b)
		return nil
	}))
	names, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Len(t, names, 1)
	return found, nil
}

// kinds are the ways to pack the same entries.
func kinds(t testing.TB, items ...item) map[string][]byte {
	t.Helper()
	packed := tarred(t, items...)
	return map[string][]byte{"zip": zipped(t, items...), "tar": packed, "tar.gz": gzipped(t, packed)}
}

func TestOpen(t *testing.T) {
	submission := []item{{name: "template.yaml", body: "Resources: {}\n"}, {name: "src/", kind: tar.TypeDir, mode: 0o755},
		{name: "src/app.py", body: "print(1)\n"}, {name: "./deploy.sh", body: "#!/bin/sh\n", mode: 0o755},
		{name: "ä/ö.txt", body: "ü"}, {name: "empty", body: ""}}
	want := map[string]string{"template.yaml": "Resources: {}\n", "src/app.py": "print(1)\n", "deploy.sh+x": "#!/bin/sh\n",
		"ä/ö.txt": "ü", "empty": ""}
	for name, content := range kinds(t, submission...) {
		t.Run(name, func(t *testing.T) {
			found, err := open(t, content, archive.Limits{})
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, found))
		})
	}
	around := []item{{name: "repo-main/", kind: tar.TypeDir, mode: 0o755}, {name: "__MACOSX/repo-main/._x", body: "x"},
		{name: "repo-main/.DS_Store", body: "x"}, {name: "repo-main/._template.yaml", body: "x"}}
	for _, i := range submission {
		i.name = "repo-main/" + strings.TrimPrefix(i.name, "./")
		around = append(around, i)
	}
	for name, content := range kinds(t, around...) {
		t.Run(name+" in one folder", func(t *testing.T) {
			found, err := open(t, content, archive.Limits{})
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, found))
		})
	}
	t.Run("a folder of the submission itself stays", func(t *testing.T) {
		found, err := open(t, zipped(t, item{name: "src/load.py", body: "x"}), archive.Limits{Keep: []string{"src"}})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"src/load.py": "x"}, found)
	})
}

func TestOpen_refusesInAllKinds(t *testing.T) {
	ok := item{name: "template.yaml", body: "x"}
	for name, c := range map[string]struct {
		items []item
		want  string
	}{
		"the root":          {[]item{ok, {name: "/etc/passwd", body: "x"}}, "leads outside"},
		"up":                {[]item{ok, {name: "../x", body: "x"}}, "leads outside"},
		"down and up":       {[]item{ok, {name: "a/../../x", body: "x"}}, "leads outside"},
		"up at the end":     {[]item{ok, {name: "a/..", kind: tar.TypeDir}}, "leads outside"},
		"a drive":           {[]item{ok, {name: "C:/x", body: "x"}}, "Windows"},
		"backslashes":       {[]item{ok, {name: `..\x`, body: "x"}}, "Windows"},
		"a link":            {[]item{ok, {name: "link", body: "/etc/passwd", kind: tar.TypeSymlink}}, "is a link"},
		"a link within":     {[]item{ok, {name: "link", body: "template.yaml", kind: tar.TypeSymlink}}, "is a link"},
		"a hard link":       {[]item{ok, {name: "link", body: "template.yaml", kind: tar.TypeLink}}, "is a link"},
		"a device":          {[]item{ok, {name: "null", kind: tar.TypeChar}}, "is a device"},
		"a pipe":            {[]item{ok, {name: "pipe", kind: tar.TypeFifo}}, "is a device"},
		"twice":             {[]item{ok, ok}, "in it twice"},
		"twice in disguise": {[]item{ok, {name: "./template.yaml", body: "y"}}, "in it twice"},
		"a file as folder":  {[]item{{name: "a", body: "x"}, {name: "a/b", body: "x"}}, "both a file and a folder"},
		"a folder as file":  {[]item{{name: "a/b", body: "x"}, {name: "a", body: "x"}}, "both a file and a folder"},
		"cases": {[]item{{name: "Readme", body: "x"}, {name: "README", body: "x"}},
			"one name on macOS and Windows"},
		"cases of folders": {[]item{{name: "Src/a", body: "x"}, {name: "src/b", body: "x"}}, "one name on macOS and Windows"},
		"reserved":         {[]item{ok, {name: "src/NUL.txt", body: "x"}}, "device on Windows"},
		"a dot at the end": {[]item{ok, {name: "src./x", body: "x"}}, "Windows"},
		"a colon":          {[]item{ok, {name: "a:b", body: "x"}}, "Windows"},
		"a control":        {[]item{ok, {name: "a\x1b[31mb", body: "x"}}, "control characters"},
		"a long part":      {[]item{ok, {name: strings.Repeat("x", 256), body: "x"}}, "255 bytes"},
		"a long name":      {[]item{ok, {name: strings.Repeat("x/", 600) + "x", body: "x"}}, "1024 bytes"},
		"depth":            {[]item{ok, {name: strings.Repeat("x/", 40) + "x", body: "x"}}, "folders deep"},
		"nothing":          {nil, "is empty"},
		"only macOS's":     {[]item{{name: "__MACOSX/x", body: "x"}}, "is empty"},
	} {
		for kind, content := range kinds(t, c.items...) {
			if name == "nothing" && kind != "zip" {
				continue // a tar of nothing is not known as one
			}
			t.Run(name+" "+kind, func(t *testing.T) {
				_, err := open(t, content, archive.Limits{})
				require.ErrorIs(t, err, archive.ErrRefused)
				require.ErrorContains(t, err, c.want)
			})
		}
	}
}

func TestOpen_limits(t *testing.T) {
	random := func(n int) string { // compresses badly
		b := make([]byte, n)
		state := uint32(1)
		for i := range b {
			state = state*1664525 + 1013904223
			b[i] = byte(state >> 24)
		}
		return string(b)
	}
	var many []item
	for n := range 20 {
		many = append(many, item{name: fmt.Sprintf("f%d", n), body: random(1000)})
	}
	for name, c := range map[string]struct {
		items  []item
		limits archive.Limits
		want   string
	}{
		"one file": {[]item{{name: "a", body: random(2000)}}, archive.Limits{File: 1999}, "more than 1999 bytes"},
		"all":      {many, archive.Limits{Size: 19_999, Packed: 1 << 20}, "more than 19999 bytes"},
		"entries":  {many, archive.Limits{Entries: 19}, "more than 19 entries"},
		"packed":   {many, archive.Limits{Packed: 1000}, "more than 1000"},
	} {
		for kind, content := range kinds(t, c.items...) {
			t.Run(name+" "+kind, func(t *testing.T) {
				_, err := open(t, content, c.limits)
				require.ErrorIs(t, err, archive.ErrRefused)
				require.ErrorContains(t, err, c.want)
			})
		}
	}
	// Just within them, all is well.
	for _, content := range kinds(t, many...) {
		found, err := open(t, content, archive.Limits{File: 1000, Size: 20_000, Entries: 20, Packed: 1 << 20})
		require.NoError(t, err)
		require.Len(t, found, 20)
	}
	zeros := item{name: "zeros", body: strings.Repeat("\x00", 8<<20)}
	for kind, content := range kinds(t, zeros) {
		_, err := open(t, content, archive.Limits{})
		if kind == "tar" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, archive.ErrRefused)
		require.ErrorContains(t, err, "times as large")
	}
}

func TestOpen_tellsWhatIsWrong(t *testing.T) {
	whole := zipped(t, item{name: "a", body: "x"})
	secret := bytes.Clone(whole)
	for _, signature := range []string{"PK\x03\x04", "PK\x01\x02"} { // both headers have flags
		at := bytes.Index(secret, []byte(signature)) + map[byte]int{3: 6, 1: 8}[signature[2]]
		secret[at] |= 1
	}
	long := tarred(t, item{name: "a", body: strings.Repeat("x", 5000)})
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"encrypted":      {secret, "without a password"},
		"cut zip":        {whole[:len(whole)-5], "the zip is damaged"},
		"cut tar":        {long[:2000], "cannot be unpacked"},
		"cut gzip":       {gzipped(t, long)[:40], "damaged"},
		"not an archive": {[]byte("hello"), "no zip, tar or tar.gz"},
		"empty file":     {nil, "no zip, tar or tar.gz"},
		"7z":             {[]byte("7z\xbc\xaf\x27\x1c"), "hand in a zip or a tar.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, c.content, archive.Limits{})
			require.ErrorIs(t, err, archive.ErrRefused)
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Run("a header that lies about the size", func(t *testing.T) {
		content := zipped(t, item{name: "zeros", body: strings.Repeat("\x00", 1<<20)})
		at := bytes.Index(content, []byte("PK\x01\x02"))
		copy(content[at+24:], []byte{1, 0, 0, 0})
		_, err := open(t, content, archive.Limits{})
		require.ErrorIs(t, err, archive.ErrRefused)
	})
	t.Run("the folder is there", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.zip")
		require.NoError(t, os.WriteFile(file, whole, 0o600))
		into := t.TempDir()
		require.ErrorContains(t, archive.Open(t.Context(), file, into, archive.Limits{}), "is there already")
		require.DirExists(t, into)
	})
	t.Run("interrupted", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.zip")
		require.NoError(t, os.WriteFile(file, whole, 0o600))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		into := filepath.Join(t.TempDir(), "into")
		require.ErrorIs(t, archive.Open(ctx, file, into, archive.Limits{}), context.Canceled)
		require.NoDirExists(t, into)
	})
}

// Whatever the bytes, nothing is made outside of the folder, and nothing at all
// after an error.
func FuzzOpen(f *testing.F) {
	items := []item{{name: "repo/template.yaml", body: "x"}, {name: "repo/src/app.py", body: "y", mode: 0o755}}
	for _, content := range kinds(f, items...) {
		f.Add(content)
	}
	f.Add(zipped(f, item{name: "../x", body: "x"}))
	f.Add(tarred(f, item{name: "l", body: "/etc", kind: tar.TypeSymlink}, item{name: "l/x", body: "x"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		found, err := open(t, content, archive.Limits{Size: 1 << 20, File: 1 << 20, Entries: 50})
		if err == nil && len(found) > 50 {
			t.Fatal("more files than entries")
		}
	})
}
