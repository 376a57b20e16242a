package lab_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
)

func wrong(t *testing.T, patch string) (map[string]string, error) {
	t.Helper()
	f := &lab.Folder{FS: fstest.MapFS{
		"solution/src/app.py":            {Data: []byte("one\ntwo\nthree\nfour\ntwo\nfive\nnine two\n")},
		"solution/go.mod.txt":            {Data: []byte("module m\n")},
		"mutants/wrong/solution.patch":   {Data: []byte(patch)},
		"mutants/another/solution.patch": {},
	}}
	files, err := f.Wrong("wrong")
	out := map[string]string{}
	for name, b := range files {
		out[name] = string(b)
		if b == nil {
			out[name] = "(gone)"
		}
	}
	return out, err
}

func TestWrong_makesTheMutant(t *testing.T) {
	const changed = "one\ntwo\n3\nfour\ntwo\nfive\nnine two\n"
	for name, c := range map[string]struct {
		patch string
		want  map[string]string
	}{
		"of diff -ruN": {"diff -ruN solution/src/app.py wrong/src/app.py\n--- solution/src/app.py\t2026-11-29 " +
			"10:00:00.000000000 +0000\n+++ wrong/src/app.py\t2026-11-29 10:00:01.000000000 +0000\n@@ -2,3 +2,3 @@\n " +
			"two\n-three\n+3\n four\n", map[string]string{"src/app.py": changed}},
		"of git": {"diff --git a/src/app.py b/src/app.py\nindex 1111111..2222222 100644\n--- a/src/app.py\n+++ " +
			"b/src/app.py\n@@ -3 +3 @@ in some place\n-three\n+3\n", map[string]string{"src/app.py": changed}},
		// The solution has moved since; the lines tell where it belongs.
		"with other numbers": {"--- a/src/app.py\n+++ b/src/app.py\n@@ -40,1 +41,1 @@\n-three\n+3\n",
			map[string]string{"src/app.py": changed}},
		"several places": {"--- a/src/app.py\n+++ b/src/app.py\n@@ -1,2 +1,1 @@\n one\n-two\n@@ -6,1 +5,2 @@\n " +
			"five\n+six\n", map[string]string{"src/app.py": "one\nthree\nfour\ntwo\nfive\nsix\nnine two\n"}},
		"a new file": {"diff --git a/src/new.py b/src/new.py\nnew file mode 100644\nindex 0000000..2222222\n--- " +
			"/dev/null\n+++ b/src/new.py\n@@ -0,0 +1,2 @@\n+a\n+b\n", map[string]string{"src/new.py": "a\nb\n"}},
		"one less": {"--- a/src/app.py\n+++ /dev/null\n@@ -1,7 +0,0 " +
			"@@\n-one\n-two\n-three\n-four\n-two\n-five\n-nine two\n", map[string]string{"src/app.py": "(gone)"}},
		"a module's own file": {"--- a/go.mod\n+++ b/go.mod\n@@ -1 +1 @@\n-module m\n+module n\n",
			map[string]string{"go.mod": "module n\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wrong(t, c.patch)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestWrong_saysWhatDoesNotFit(t *testing.T) {
	const head = "--- a/src/app.py\n+++ b/src/app.py\n"
	for want, patch := range map[string]string{
		"it changes nothing": "",
		"src/app.py, change 1: its lines are in the solution more than once: give it more lines around the change": head +
			"@@ -2 +2 @@\n-two\n+2\n",
		"src/app.py, change 2: its lines are not in the solution: make the patch anew": head +
			"@@ -1 +1 @@\n-one\n+1\n@@ -3 +3 @@\n-threee\n+3\n",
		"src/app.py, change 1: no line says where it belongs": head + "@@ -1,0 +2 @@\n+zero\n",
		"the solution has no file src/none.py": "--- a/src/none.py\n+++ b/src/none.py\n@@ -1 +1 " +
			"@@\n-one\n+1\n",
		"src/app.py: it changes twice": head + "@@ -1 +1 @@\n-one\n+1\n" + head +
			"@@ -3 +3 @@\n-three\n+3\n",
		"../app.py: only lines of files below the solution can change": "--- /dev/null\n+++ b/../app.py\n@@ -0,0 +1 @@\n+a\n",
	} {
		_, err := wrong(t, patch)
		require.EqualError(t, err, want)
	}
	_, err := wrong(t, head+"@@ -1,9 +1 @@\n-one\n+1\n")
	require.ErrorContains(t, err, "gitdiff")
}
