package grade_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// hidden is a program whose answer lies in a file that no digest has.
const hidden = `if [ -f src/__pycache__/answer ]; then echo $1; else echo no; fi
`

func TestRun_aFileThatIsInNoDigestTakesNoPart(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{
		"class/ada.zip": zipped(t, map[string]string{"app.sh": hidden, "src/__pycache__/answer": "x"}),
		"class/bob.zip": zipped(t, map[string]string{"app.sh": hidden}),
	})
	book := byLearner(c.graded("class").Book)
	require.Equal(t, book["bob tiny"].Submission.Digest, book["ada tiny"].Submission.Digest)
	require.InDelta(t, 40, book["ada tiny"].Points, 0, "what is hidden is not run")
	require.InDelta(t, 40, book["bob tiny"].Points, 0, "nor does a neighbour get what it did")
}

func TestRun_theManifestIsNoFileOfTheSubmission(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{
		"class/ada/app.sh":                  "if [ -f pipelab-submission.json ]; then echo $1; fi\n",
		"class/ada/pipelab-submission.json": `{"version":1,"learner":"ada","lab":"tiny","files":{},"answer":"x"}`,
	})
	require.InDelta(t, 40, byLearner(c.graded("class").Book)["ada tiny"].Points, 0)
}

// repositories makes an honest repository and returns its folder.
func (c *class) honest() string {
	c.t.Helper()
	c.put(map[string]string{"class/honest/app.sh": right})
	tree := filepath.Join(c.dir, "class", "honest")
	gitIn(c.t, tree, "init", "-q", "-b", "main")
	gitIn(c.t, tree, "add", "-A")
	gitIn(c.t, tree, "commit", "-q", "-m", "done")
	return tree
}

func TestRun_aRepositoryCannotBorrowFromANeighbour(t *testing.T) {
	for name, lay := range map[string]func(c *class, honest string){
		"a file that leads to it": func(c *class, honest string) {
			c.put(map[string]string{"class/eve/.git": "gitdir: ../honest/.git\n"})
		},
		"a link to it": func(c *class, honest string) {
			c.put(map[string]string{"class/eve/": ""})
			require.NoError(c.t, os.Symlink("../honest/.git", filepath.Join(c.dir, "class", "eve", ".git")))
		},
		"its common folder": func(c *class, honest string) {
			c.put(map[string]string{"class/eve/.git/commondir": "../../honest/.git\n",
				"class/eve/.git/HEAD":     "ref: refs/heads/main\n",
				"class/eve/.git/objects/": "", "class/eve/.git/refs/": ""})
		},
		"its objects": func(c *class, honest string) {
			head, err := os.ReadFile(filepath.Join(honest, ".git", "refs", "heads", "main"))
			require.NoError(c.t, err)
			c.put(map[string]string{"class/eve/.git/objects/info/alternates": honest + "/.git/objects\n",
				"class/eve/.git/HEAD": string(head), "class/eve/.git/refs/": ""})
		},
		"a link to its objects": func(c *class, honest string) {
			head, err := os.ReadFile(filepath.Join(honest, ".git", "refs", "heads", "main"))
			require.NoError(c.t, err)
			c.put(map[string]string{"class/eve/HEAD": string(head), "class/eve/refs/": ""})
			require.NoError(c.t, os.Symlink(honest+"/.git/objects", filepath.Join(c.dir, "class", "eve", "objects")))
		},
		"its objects, named in a configuration": func(c *class, honest string) {
			head, err := os.ReadFile(filepath.Join(honest, ".git", "refs", "heads", "main"))
			require.NoError(c.t, err)
			c.put(map[string]string{"class/eve/.git/HEAD": string(head), "class/eve/.git/refs/": "",
				"class/eve/.git/objects/": "",
				"class/eve/.git/config":   "[include]\n\tpath = /etc/passwd\n[core]\n\tworktree = " + honest + "\n"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			lay(c, c.honest())
			book := byLearner(c.graded("class").Book)
			require.Equal(t, report.Rejected, book["eve tiny"].Status, book["eve tiny"].Problem)
			require.Zero(t, book["eve tiny"].Points)
			require.NotContains(t, book["eve tiny"].Problem, "passwd")
			require.InDelta(t, 100, book["honest tiny"].Points, 0, "the neighbour's own stays")
		})
	}
}

func TestRun_aPipeInARepositoryKeepsNobodyWaiting(t *testing.T) {
	c := newClass(t, "tiny")
	c.honest()
	c.put(map[string]string{"class/eve/.git/objects/": "", "class/eve/.git/refs/": ""})
	require.NoError(t, unix.Mkfifo(filepath.Join(c.dir, "class", "eve", ".git", "HEAD"), 0o644))
	book := byLearner(c.graded("class").Book)
	require.Equal(t, report.Rejected, book["eve tiny"].Status)
	require.Contains(t, book["eve tiny"].Problem, "HEAD, which is no file")
}

// commit makes a repository whose commit has a tree that no checkout would
// make: entries are lines of git mktree.
func (c *class) commit(name string, entries ...string) {
	c.t.Helper()
	tree := filepath.Join(c.dir, "class", name)
	c.put(map[string]string{"class/" + name + "/": ""})
	gitIn(c.t, tree, "init", "-q", "-b", "main")
	run := func(stdin string, args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = tree, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a",
			"GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.Output()
		require.NoError(c.t, err)
		return strings.TrimSpace(string(out))
	}
	blob := run(right, "hash-object", "-w", "--stdin")
	folder := run("100644 blob "+blob+"\tapp.sh\n", "mktree")
	for range 12 { // each level lists the one below ten times
		if !strings.Contains(strings.Join(entries, ""), "BOMB") {
			break
		}
		var lines strings.Builder
		for i := range 10 {
			lines.WriteString("040000 tree " + folder + "\td" + string(rune('0'+i)) + "\n")
		}
		folder = run(lines.String(), "mktree")
	}
	text := strings.NewReplacer("BLOB", blob, "TREE", folder, "BOMB", "").Replace(strings.Join(entries, ""))
	top := run(text, "mktree", "--missing")
	run("", "update-ref", "refs/heads/main", run("x", "commit-tree", top))
}

func TestRun_oneStrangeRepositoryIsItsOwnersProblem(t *testing.T) {
	for name, entries := range map[string][]string{
		"a long name":           {"100644 blob BLOB\t" + strings.Repeat("n", 300) + "\n"},
		"a name twice":          {"100644 blob BLOB\tapp.sh\n", "100644 blob BLOB\tapp.sh\n"},
		"a file in a file":      {"100644 blob BLOB\tapp\n", "040000 tree TREE\tapp\n"},
		"what it does not have": {"100644 blob 0123456789012345678901234567890123456789\tapp.sh\n"},
		"files without end":     {"100644 blob BLOB\tapp.sh\n", "040000 tree TREE\tBOMBd\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			c.honest()
			c.commit("eve", entries...)
			book := byLearner(c.graded("class").Book)
			require.Equal(t, report.Rejected, book["eve tiny"].Status, book["eve tiny"].Problem)
			require.InDelta(t, 100, book["honest tiny"].Points, 0)
		})
	}
}

func TestRun_gitReadsInACage(t *testing.T) {
	if mode, why := confine.Available(); mode != confine.Landlock {
		t.Skip(why)
	}
	policy, err := sandbox.NewPolicy(t.Context())
	require.NoError(t, err)
	c := newClass(t, "tiny")
	c.plan.Confine = policy
	c.honest()
	g := byLearner(c.graded("class").Book)["honest tiny"]
	require.InDelta(t, 100, g.Points, 0, g.Problem)
}

func TestRun_aManifestUsesUpNobodysAttempts(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Attempts = 1
	c.people("id\nvictim\n")
	c.put(map[string]string{
		"class/victim/app.sh": right,
		"class/zzz/app.sh":    wrong,
		"class/zzz/pipelab-submission.json": `{"version":1,"learner":"victim","lab":"tiny",` +
			`"submitted":"2020-01-01T00:00:00Z",` +
			`"files":{}}`,
	})
	g := byLearner(c.graded("class").Book)["victim tiny"]
	require.InDelta(t, 100, g.Points, 0)
	require.Equal(t, []string{"class/zzz says that it is this learner's too; it does not count"}, g.Flags)
	require.Empty(t, g.Submission.Note)
}
