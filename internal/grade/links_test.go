package grade_test

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pipelab/pipelab/internal/report"
)

// A learning system may have unpacked what was handed in, links and all. Each of
// these got a neighbour's points, ended the class or had it wait for ever.
func TestRun_whatIsNoFileAmongSubmissionsLeadsNowhere(t *testing.T) {
	link := func(c *class, to, name string) {
		c.put(map[string]string{path.Dir(name) + "/": ""})
		require.NoError(c.t, os.Symlink(to, filepath.Join(c.dir, filepath.FromSlash(name))))
	}
	pipe := func(c *class, name string) {
		c.put(map[string]string{path.Dir(name) + "/": ""})
		require.NoError(c.t, unix.Mkfifo(filepath.Join(c.dir, filepath.FromSlash(name)), 0o644))
	}
	for name, lay := range map[string]func(c *class){
		"a link to an archive": func(c *class) { link(c, "../solution.zip", "class/eve.zip") },
		"a link to an archive in a folder": func(c *class) {
			link(c, "../../solution.zip", "class/eve/x.zip")
		},
		"a link to a neighbour's archive": func(c *class) { link(c, "zoe.zip", "class/eve.zip") },
		"a link to a repository that is called an archive": func(c *class) {
			c.honest()
			link(c, "../honest", "class/eve/x.zip")
		},
		"a link to a folder": func(c *class) { link(c, "../solution", "class/eve") },
		"a link to a folder that is called an attempt": func(c *class) {
			link(c, "../../solution", "class/eve/attempt-1")
		},
		"a link to a file of many": func(c *class) {
			link(c, "../solution/app.sh", "class/eve_123_456_app.sh")
		},
		"a link to the work itself":    func(c *class) { link(c, "../../solution/app.sh", "class/eve/app.sh") },
		"a link that leads nowhere":    func(c *class) { link(c, "/nowhere", "class/eve/x.zip") },
		"a link to itself":             func(c *class) { link(c, "x.zip", "class/eve/x.zip") },
		"links around":                 func(c *class) { link(c, "..", "class/eve/src") },
		"a pipe for an archive":        func(c *class) { pipe(c, "class/eve.zip") },
		"a pipe in a folder":           func(c *class) { pipe(c, "class/eve/x.zip") },
		"a pipe for a file of many":    func(c *class) { pipe(c, "class/eve_123_456_app.sh") },
		"a pipe for a manifest":        func(c *class) { pipe(c, "class/eve/pipelab-submission.json") },
		"a link to a pipe":             func(c *class) { pipe(c, "p"); link(c, "../p", "class/eve.zip") },
		"a link to a neighbour's mark": func(c *class) { link(c, "../../solution/.pipelab", "class/eve/.pipelab") },
		"a folder for an archive": func(c *class) {
			c.put(map[string]string{"class/eve/x.zip/": ""})
		},
		"a device for an archive": func(c *class) { link(c, "/dev/zero", "class/eve.tar.gz") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			c.put(map[string]string{"class/zoe.zip": zipped(t, map[string]string{"app.sh": right}),
				"solution.zip":    zipped(t, map[string]string{"app.sh": right}),
				"solution/app.sh": right, "solution/.pipelab/workspace.json": `{"lab":"tiny"}`})
			lay(c)
			for who, g := range byLearner(c.graded("class").Book) {
				if who == "zoe tiny" || who == "honest tiny" {
					require.InDelta(t, 100, g.Points, 0)
					continue
				}
				require.Equal(t, report.Rejected, g.Status, "%s: %s", who, g.Problem)
				require.Zero(t, g.Points)
				require.NotEmpty(t, g.Problem)
			}
		})
	}
}
