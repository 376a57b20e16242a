package grade_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
)

// gradedWarning grades a class of two with this cache, and requires that the cache
// cost nobody a grade and raised one warning.
func gradedWarning(t *testing.T, dir string) {
	t.Helper()
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": right, "class/bob/app.sh": wrong})
	c.run.Cache = grade.Cache{Dir: dir}
	var warnings []string
	c.run.Warn = func(text string) { warnings = append(warnings, text) }
	g := byLearner(c.graded("class").Book)
	require.InDelta(t, 100, g["ada tiny"].Points, 1e-9)
	require.InDelta(t, 40, g["bob tiny"].Points, 1e-9)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "costs time and no grade")
}

// mounted is a small file system of its own, which takes root.
func mounted(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a file system can be mounted only by root, on Linux: %v: %s", err, out)
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", dir).Run()) })
	return dir
}

func TestRun_gradesWithoutACacheThatIsBelowAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	gradedWarning(t, filepath.Join(file, "grades"))
}

func TestRun_gradesWithoutACacheOnAReadOnlyFileSystem(t *testing.T) {
	gradedWarning(t, mounted(t, "ro,size=64k"))
}

func TestRun_gradesWithoutACacheOnAFullFileSystem(t *testing.T) {
	dir := mounted(t, "size=8k")
	full, err := os.Create(filepath.Join(dir, "full"))
	require.NoError(t, err)
	defer full.Close()
	for err == nil {
		_, err = full.Write(make([]byte, 4096))
	}
	gradedWarning(t, dir)
}

func TestRun_gradesWithoutACacheThatMayNotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	gradedWarning(t, dir)
}

// What another program has written over is as good as nothing.
func TestRun_gradesAnewWhatTheCacheHoldsInPieces(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": right})
	c.run.Cache = grade.Cache{Dir: t.TempDir()}
	require.Equal(t, 1, c.graded("class").Ran)
	require.Equal(t, 1, c.graded("class").Kept)
	rows, err := filepath.Glob(filepath.Join(c.run.Cache.Dir, "*", "*.json"))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	for _, text := range []string{"", "{", `{"key":"another"}`, "null"} {
		require.NoError(t, os.WriteFile(rows[0], []byte(text), 0o600))
		o := c.graded("class")
		require.Equal(t, 1, o.Ran, text)
		require.InDelta(t, 100, o.Book.Grades[0].Points, 1e-9)
	}
}

// Results that an earlier release kept may be another submission's: the files that it
// looked at were not all that ran.
func TestRenew_dropsWhatAnEarlierRuleHasKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/ada/app.sh": right})
	c.run.Cache = grade.Cache{Dir: dir}
	dropped, err := c.run.Cache.Renew()
	require.NoError(t, err)
	require.Zero(t, dropped, "there was nothing")
	c.graded("class")
	kept, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	dropped, err = c.run.Cache.Renew()
	require.NoError(t, err)
	require.Zero(t, dropped, "of today's rule")
	require.FileExists(t, kept[0])

	require.NoError(t, os.Remove(filepath.Join(dir, "rule"))) // as a release without one has left it
	dropped, err = c.run.Cache.Renew()
	require.NoError(t, err)
	require.Equal(t, 1, dropped)
	require.NoFileExists(t, kept[0])
}
