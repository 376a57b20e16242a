//go:build unix

package grade_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/ordinary"
	"github.com/pipelab/pipelab/internal/report"
)

// Whoever grades is rarely root, and may not read what root may.
func TestRun_asAnOrdinaryUser(t *testing.T) {
	ordinary.Rerun(t, "^TestRun_(whatIsNoFile|whatNobodyMayRead|aManifestSays|aRepository|aHead|aFileThat|theManifest|"+
		"aPipe|oneStrange|functionsThat)", "git")
}

func TestRun_whatNobodyMayReadIsItsOwnersProblem(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything; see TestRun_asAnOrdinaryUser")
	}
	for name, shut := range map[string]string{
		"a file": "class/eve/app.sh", "a folder in it": "class/eve/src", "the folder": "class/eve",
		"an archive": "class/eve.zip", "an archive in a folder": "class/eve/x.zip",
		"the manifest": "class/eve/pipelab-submission.json", "the mark": "class/eve/.pipelab/workspace.json",
		"the mark's folder": "class/eve/.pipelab", "an attempt": "class/eve/attempt-1",
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			c.put(map[string]string{"class/zoe.zip": zipped(t, map[string]string{"app.sh": right})})
			if filepath.Ext(shut) != ".zip" {
				c.put(map[string]string{"class/eve/app.sh": right, "class/eve/src/more.sh": right})
			}
			full := filepath.Join(c.dir, filepath.FromSlash(shut))
			if _, err := os.Stat(full); err != nil {
				c.put(map[string]string{shut: "{}"})
			}
			require.NoError(t, os.Chmod(full, 0))
			t.Cleanup(func() { require.NoError(t, os.Chmod(full, 0o700)) }) // so that it can be removed
			for who, g := range byLearner(c.graded("class").Book) {
				if who == "zoe tiny" {
					require.InDelta(t, 100, g.Points, 0)
					continue
				}
				require.Equal(t, report.Rejected, g.Status, "%s: %s", who, g.Problem)
				require.Regexp(t, "(may not|cannot) be read|permission", g.Problem, who)
			}
		})
	}
}
