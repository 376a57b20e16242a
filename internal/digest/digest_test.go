package digest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/digest"
)

func none(string) bool { return false }

// Whatever makes a folder another one makes its digest another one.
func TestOf_tellsFoldersApart(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]string{}
	look := func(what string) {
		t.Helper()
		files, err := digest.Files(os.DirFS(dir), none)
		require.NoError(t, err)
		d := digest.Of(files)
		require.Len(t, d, 64)
		require.Empty(t, seen[d], "%s is as %s", what, seen[d])
		seen[d] = what
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	look("nothing")
	require.NoError(t, os.WriteFile(in("a"), []byte("1"), 0o600))
	look("a file")
	require.NoError(t, os.WriteFile(in("a"), []byte("2"), 0o600))
	look("another content")
	require.NoError(t, os.Chmod(in("a"), 0o700))
	look("a program")
	require.NoError(t, os.Rename(in("a"), in(".a")))
	look("a hidden file")
	require.NoError(t, os.Symlink(".a", in("b")))
	look("a link")
	require.NoError(t, os.Remove(in("b")))
	require.NoError(t, os.Symlink("c", in("b")))
	look("a link that leads elsewhere")
	require.NoError(t, os.Remove(in("b")))
	require.NoError(t, os.WriteFile(in("b"), []byte("c"), 0o600))
	look("a file with the text of the link")
	require.NoError(t, os.Mkdir(in("d"), 0o700))
	require.NoError(t, os.Rename(in("b"), in("d/b")))
	look("a file in a folder")
}

func TestFiles_leavesOut(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"skip", "keep"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "in", name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "in", name, "f"), nil, 0o600))
	}
	files, err := digest.Files(os.DirFS(dir), func(name string) bool { return name == "skip" })
	require.NoError(t, err)
	require.Equal(t,
		[]digest.File{{Name: "in/keep/f", Sum: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}, files)
	_, err = digest.Files(os.DirFS(filepath.Join(dir, "missing")), none)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A name that is not UTF-8, as Windows' zips leave them on Linux, is nothing that an
// fs.FS opens; the rest of the folder is listed all the same.
func TestFiles_listsWhatItCannotOpen(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), nil, 0o600))
	if err := os.WriteFile(filepath.Join(dir, "b\xff"), nil, 0o600); err != nil {
		t.Skip("this system has no such names")
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "c\xff"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c\xff", "d"), nil, 0o600))
	files, err := digest.Files(os.DirFS(dir), none)
	require.NoError(t, err)
	require.Len(t, files, 3)
	require.Equal(t, digest.File{Name: "b\xff", Odd: true}, files[1])
	require.Equal(t, digest.File{Name: "c\xff", Odd: true}, files[2])
}
