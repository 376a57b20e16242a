package labtest_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/labtest"
)

const doubles = `
id: doubles
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
tasks: [{ id: a, title: A, text: B }]
programs: { app: { command: [python3, app.py] } }
checks:
  - id: doubles
    title: E
    points: 100
    hints: [a, b, c]
    steps: [{ run: { program: app, stdin: "1\n2\n" } }]
    expect: [{ that: "run.app[0].lines == [2, 4] && run.app[0].exit == 0", message: Doubled }]
`

const program = `"""Doubles numbers."""
import sys
import given


def main():
    for line in sys.stdin:
        number = int(line)
        if number < 0:
            number = 0
        print(2 * number)
    sys.stdout.flush()


main()
`

func mutations(t *testing.T, sample labtest.Sample, files map[string]string) *labtest.Mutations {
	t.Helper()
	fsys := fstest.MapFS{
		"doubles/lab.yaml": {Data: []byte(doubles)}, "doubles/README.md": {}, "doubles/resources.yaml": {},
		"doubles/starter/app.py": {}, "doubles/solution/app.py": {Data: []byte(program)},
		// What the starter has too is not the learner's work.
		"doubles/starter/given.py":       {Data: []byte("def unused():\n    return 1\n")},
		"doubles/solution/given.py":      {Data: []byte("def unused():\n    return 1\n")},
		"doubles/solution/template.yaml": {Data: []byte("Resources:\n  Q:\n    Properties:\n      A: 1\n      B: true\n")},
	}
	for name, text := range files {
		fsys["doubles/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	f, err := lab.Open(fsys, "doubles", check.Compile)
	require.NoError(t, err)
	told := 0
	out, err := labtest.Mutate(t.Context(), labtest.Options{Lab: f, Driver: embedded.Driver{}, Clock: clock.New(),
		Deploy: func(_ context.Context, _ emulator.Emulator, _ *lab.Folder, dir string) (map[string]string, error) {
			text, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
			if err == nil && !bytes.Contains(text, []byte("A: 1")) {
				return nil, os.ErrInvalid
			}
			return nil, err
		}}, sample, func(labtest.Mutation) { told++ })
	require.NoError(t, err)
	require.Equal(t, len(out.Tried), told)
	return out
}

func TestMutate_listsWhatNobodyNotices(t *testing.T) {
	out := mutations(t, labtest.Sample{}, nil)
	by := map[string]string{}
	for _, m := range out.Tried {
		by[m.String()] = m.By
	}
	require.Equal(t, map[string]string{
		"app.py:7: main: without for line in sys.stdin:": "doubles",
		"app.py:8: main: without number = int(line)":     "doubles",
		"app.py:9: main: without if number < 0:":         "",
		"app.py:9: main: the contrary in if number < 0:": "doubles",
		"app.py:10: main: without number = 0":            "",
		"app.py:11: main: without print(2 * number)":     "doubles",
		"app.py:12: main: without sys.stdout.flush()":    "",
		"app.py:15: without main()":                      "doubles",
		"template.yaml:4: without Q.A":                   "deploy",
		"template.yaml:4: Q.A: 3 instead of 1":           "deploy",
		"template.yaml:5: without Q.B":                   "",
		"template.yaml:5: Q.B: false instead of true":    "",
	}, by)
	require.False(t, out.OK)
	var text bytes.Buffer
	require.NoError(t, labtest.MutationText(&text, out))
	require.Contains(t, text.String(), "SURVIVES   app.py:10: main: without number = 0\n")
	require.Contains(t, text.String(), "doubles: 12 of 12 changes tried, 7 noticed, 0 explained, 5 survive\n")
}

func TestMutate_reasonsMustFit(t *testing.T) {
	const reasons = `survivors:
  - { file: app.py, change: "main: without if number < 0:", reason: No number is below zero }
  - { file: app.py, change: "main: without number = 0", reason: No number is below zero }
  - { file: app.py, change: "main: without sys.stdout.flush()", reason: The end of the program flushes }
  - { file: template.yaml, change: without Q.B, reason: It is the default }
  - { file: template.yaml, change: "Q.B: false instead of true", reason: Nobody looks }
`
	out := mutations(t, labtest.Sample{}, map[string]string{"mutants/survivors.yaml": reasons})
	require.True(t, out.OK)
	require.Empty(t, out.Problems)

	out = mutations(t, labtest.Sample{}, map[string]string{"mutants/survivors.yaml": reasons +
		"  - { file: app.py, change: without main(), reason: Wrong }\n"})
	require.False(t, out.OK)
	require.Equal(t, []string{`mutants/survivors.yaml explains "without main()" of app.py, which does not survive`},
		out.Problems)
}

func TestMutate_sampleIsTheSameForASeed(t *testing.T) {
	names := func(s labtest.Sample) (names []string) {
		for _, m := range mutations(t, s, nil).Tried {
			names = append(names, m.String())
		}
		return names
	}
	first := names(labtest.Sample{N: 3, Seed: 1})
	require.Len(t, first, 3)
	require.Equal(t, first, names(labtest.Sample{N: 3, Seed: 1}))
	require.NotEqual(t, first, names(labtest.Sample{N: 3, Seed: 2}))
}
