package grade_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/trial"
)

// tinyLab asks for a program that prints the seed and one that ends well.
const tinyLab = `
id: tiny
title: Tiny
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [s3]
tasks: [{ id: a, title: A, text: B }]
programs: { app: { command: [sh, app.sh], timeout: 50s } }
checks:
  - id: says
    title: Says the seed
    points: 60
    hints: [a, b, c]
    steps: [{ run: { program: app, args: ["${seed}"] } }]
    expect: [{ that: "run.app[0].lines == [seed]", message: One line with the seed }]
  - id: ends
    title: Ends well
    points: 40
    hints: [a, b, c]
    steps: [{ run: { program: app, args: ["${seed}"] } }]
    expect: [{ that: "run.app[0].exit == 0", message: Ends well }]
`

const right, wrong = "echo $1\n", "echo no\n"

func labs(t *testing.T, ids ...string) map[string]*lab.Folder {
	t.Helper()
	out := map[string]*lab.Folder{}
	for _, id := range ids {
		fsys := fstest.MapFS{
			id + "/lab.yaml":        {Data: []byte(strings.Replace(tinyLab, "id: tiny", "id: "+id, 1))},
			id + "/README.md":       {},
			id + "/resources.yaml":  {Data: []byte("Resources:\n  B:\n    Type: AWS::S3::Bucket\n")},
			id + "/starter/app.sh":  {Data: []byte("exit 1\n")},
			id + "/solution/app.sh": {Data: []byte(right)},
		}
		f, err := lab.Open(fsys, id, check.Compile)
		require.NoError(t, err)
		out[id] = f
	}
	return out
}

// class is a folder with submissions, and how it is graded.
type class struct {
	t      *testing.T
	dir    string
	labs   map[string]*lab.Folder
	rules  grade.Assignment
	roster *grade.Roster
	plan   grade.PlanOptions
	run    grade.RunOptions
	zone   *time.Location
}

func newClass(t *testing.T, ids ...string) *class {
	t.Helper()
	c := &class{t: t, dir: t.TempDir(), labs: labs(t, ids...), rules: grade.Assignment{ID: "week", Title: "Week", Seed: 7}}
	for _, id := range ids {
		c.rules.Labs = append(c.rules.Labs, grade.AssignmentLab{ID: id, Points: 100})
	}
	c.run = grade.RunOptions{Driver: embedded.Driver{Provision: provision.At}, Clock: clock.New(), Parallel: 2,
		Deploy: trial.Stacks(func(e emulator.Emulator) deploy.Target {
			return deploy.Target{Endpoint: e.Endpoint(), Environ: []string{"PATH=" + os.Getenv("PATH")}}
		})}
	return c
}

// put writes files; names end with a slash for folders.
func (c *class) put(files map[string]string) {
	c.t.Helper()
	for name, text := range files {
		full := filepath.Join(c.dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			require.NoError(c.t, os.MkdirAll(full, 0o755))
			continue
		}
		require.NoError(c.t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(c.t, os.WriteFile(full, []byte(text), 0o644))
	}
}

func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.String()
}

func (c *class) people(csv string) {
	c.t.Helper()
	r, err := grade.ParseRoster("roster.csv", []byte(csv))
	require.NoError(c.t, err)
	c.roster = r
}

func (c *class) find(paths ...string) []grade.Found {
	c.t.Helper()
	found, err := grade.Find(context.Background(), grade.FindOptions{Dir: c.dir, Paths: paths, Labs: c.given(),
		Zone: c.zone, Unpack: c.t.TempDir()})
	require.NoError(c.t, err)
	return found
}

func (c *class) given() (out []*lab.Folder) {
	for _, l := range c.labs {
		out = append(out, l)
	}
	return out
}

// opens is the lab of that id.
func (c *class) opens(id string) (*lab.Folder, error) {
	if l, ok := c.labs[id]; ok {
		return l, nil
	}
	return nil, os.ErrNotExist
}

func (c *class) tree(name string) fs.FS { return os.DirFS(filepath.Join(c.dir, name)) }

func (c *class) planned(paths ...string) *grade.Plan {
	c.t.Helper()
	o := c.plan
	o.Assignment, o.Roster, o.Found, o.Work, o.Emulator = c.rules, c.roster, c.find(paths...), c.t.TempDir(), "embedded"
	o.Lab = c.opens
	p, err := grade.NewPlan(context.Background(), o)
	require.NoError(c.t, err)
	return p
}

// graded runs everything into a new output folder.
func (c *class) graded(paths ...string) *grade.Outcome {
	c.t.Helper()
	out, err := grade.OpenOutput(c.t.TempDir())
	require.NoError(c.t, err)
	defer out.Close()
	return c.into(out, paths...)
}

func (c *class) into(out *grade.Output, paths ...string) *grade.Outcome {
	c.t.Helper()
	o := c.run
	o.Output = out
	res, err := c.planned(paths...).Run(context.Background(), o)
	require.NoError(c.t, err)
	return res
}

func gitIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@x",
		"GIT_AUTHOR_DATE=2026-03-06T12:00:00Z", "GIT_COMMITTER_DATE=2026-03-06T12:00:00Z")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}
