package lab_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
)

const base = `id: base
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [s3]
tasks: [{ id: a, title: A, text: B }]
programs: { app: { command: [sh, app.sh] } }
checks:
  # The first.
  - id: ends
    title: It ends
    points: 60
    hints: [a, b, c]
    steps: [{ run: { program: app } }]
    expect: [{ that: "run.app[0].exit == 0", message: Ends }]
  - id: again
    title: It ends again
    needs: [ends]
    points: 40
    hints: [a, b, c]
    steps: [{ run: { program: app, times: 2 } }]
    expect: [{ that: "run.app[1].exit == 0", message: Ends }]
`

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func catalogue() fstest.MapFS {
	return fstest.MapFS{"base/lab.yaml": text(base), "base/README.md": text("The base"),
		"base/resources.yaml": text("r"), "base/starter/app.sh": text("exit 1\n"), "base/solution/app.sh": text("true\n"),
		"base/mutants/bad/expect.yaml":    text("title: Bad\nfails: [ends]\n"),
		"base/mutants/bad/solution.patch": text("--- a/app.sh\n+++ b/app.sh\n@@ -1 +1 @@\n-true\n+false\n")}
}

func TestDerive_makesALabThatBuildsOnAnother(t *testing.T) {
	mine := fstest.MapFS{}
	files, err := lab.Derive(catalogue(), "base", "mine")
	require.NoError(t, err)
	for name, b := range files {
		mine["mine/"+name] = &fstest.MapFile{Data: b}
	}
	mine["mine/README.md"], mine["mine/.git/config"], mine["mine/.gitignore"] = text("Mine"), text("x"), text("x")
	mine["mine/mutants/bad/expect.yaml"] = text("title: Bad\nfails: [ends]\nalso: []\n")
	tree, err := lab.Extended(mine, "mine", catalogue())
	require.NoError(t, err)
	f, err := lab.Open(tree, "mine", nil)
	require.NoError(t, err)
	require.Equal(t, "mine", f.ID)
	require.Equal(t, map[string]bool{"own-ends": true}, f.Hidden)
	own, first := f.Checks[2], f.Checks[0]
	require.Equal(t, []string{"ends"}, own.Needs)
	require.InDelta(t, 10, own.Points, 0)
	require.Equal(t, first.Steps, own.Steps)
	require.Equal(t, first.Expect, own.Expect)
	require.Len(t, f.Visible().Checks, 2)
	require.Len(t, f.Mutants, 1, "its patch is the other lab's")
	for name, want := range map[string]string{"README.md": "Mine", "starter/app.sh": "exit 1\n"} {
		b, err := fs.ReadFile(f.FS, name)
		require.NoError(t, err)
		require.Equal(t, want, string(b), name)
	}
	for _, name := range []string{".git/config", ".gitignore"} {
		_, err := fs.Stat(f.FS, name)
		require.ErrorIs(t, err, fs.ErrNotExist, "no part of a lab")
	}

	// A lab that extends none is opened from where it lies.
	same, err := lab.Extended(catalogue(), "base", fstest.MapFS{})
	require.NoError(t, err)
	require.Equal(t, catalogue(), same)
}

func TestExtended_tellsWhatIsWrongWithItsPlace(t *testing.T) {
	for src, want := range map[string]string{
		"id: mine\nextends: bse\n":            `mine/lab.yaml:2:1: extends: there is no lab "bse" in the catalogue`,
		"id: other\nextends: base\n":          `mine/lab.yaml:1:1: id: the id is "other", the folder is "mine"`,
		"id: mine\nextends: base\ntitle: T\n": `mine/lab.yaml:3:`,
	} {
		_, err := lab.Extended(fstest.MapFS{"mine/lab.yaml": text(src)}, "mine", catalogue())
		var ps lab.Problems
		require.ErrorAs(t, err, &ps)
		require.Len(t, ps, 1)
		require.True(t, strings.HasPrefix(ps[0].String(), want), "%s", ps[0])
	}
}
