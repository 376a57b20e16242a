package grade_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a repository says of itself decides nothing: of what it holds, the files of the
// commit that was asked for are taken, byte for byte.
func TestRun_aRepositorySaysWhatItLikesAndIsReadAsItIs(t *testing.T) {
	for name, lay := range map[string]func(t *testing.T, tree string){
		"a commit is replaced": func(t *testing.T, tree string) {
			gitIn(t, tree, "checkout", "-q", "-b", "other")
			write(t, tree, "app.sh", right)
			gitIn(t, tree, "commit", "-q", "-am", "right")
			gitIn(t, tree, "replace", "main", "other")
			gitIn(t, tree, "checkout", "-q", "-f", "main")
		},
		"a commit is grafted": func(t *testing.T, tree string) {
			write(t, tree, ".git/info/grafts", strings.Repeat("a", 40)+" "+strings.Repeat("b", 40)+"\n")
		},
		"it is shallow at nothing": func(t *testing.T, tree string) {
			write(t, tree, ".git/shallow", strings.Repeat("a", 40)+"\n")
		},
		"attributes name filters": func(t *testing.T, tree string) {
			write(t, tree, ".git/info/attributes", "* filter=x export-subst ident text eol=crlf "+
				"working-tree-encoding=UTF-16\n")
			write(t, tree, ".git/config", "[core]\n\trepositoryformatversion = 0\n"+
				"[filter \"x\"]\n\tsmudge = echo 'echo $1'\n"+
				"\tprocess = touch ran\n\trequired = true\n")
		},
		"hooks": func(t *testing.T, tree string) {
			for _, hook := range []string{"post-checkout", "reference-transaction", "post-index-change"} {
				write(t, tree, ".git/hooks/"+hook, "#!/bin/sh\ntouch "+tree+"/ran\n")
				require.NoError(t, os.Chmod(filepath.Join(tree, ".git", "hooks", hook), 0o755))
			}
		},
		"a checkout that is sparse": func(t *testing.T, tree string) {
			write(t, tree, ".git/info/sparse-checkout", "/none\n")
			gitIn(t, tree, "config", "core.sparseCheckout", "true")
		},
		"a tree beside the commit": func(t *testing.T, tree string) { write(t, tree, "app.sh", right) },
		"an index beside the commit": func(t *testing.T, tree string) {
			write(t, tree, "app.sh", right)
			gitIn(t, tree, "add", "-A")
		},
		"a bitmap of nonsense": func(t *testing.T, tree string) {
			gitIn(t, tree, "repack", "-q", "-a", "-d")
			packs, err := filepath.Glob(filepath.Join(tree, ".git", "objects", "pack", "*.pack"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(strings.TrimSuffix(packs[0], "pack")+"bitmap", []byte("BITM"), 0o600))
		},
		"a list of commits of nonsense": func(t *testing.T, tree string) {
			write(t, tree, ".git/objects/info/commit-graph", "CGPH\x01\x01\x00\x00")
		},
		"a submodule": func(t *testing.T, tree string) {
			write(t, tree, ".gitmodules", "[submodule \"x\"]\n\tpath = x\n"+
				"\turl = ext::sh -c touch% ran\n\tupdate = !touch ran\n")
			gitIn(t, tree, "add", ".gitmodules")
			gitIn(t, tree, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("a", 40)+",x")
			gitIn(t, tree, "commit", "-q", "-m", "x")
		},
		"names in a list of references": func(t *testing.T, tree string) {
			write(t, tree, ".git/packed-refs", "# pack-refs with: peeled fully-peeled sorted\n"+strings.Repeat("a", 40)+
				" refs/heads/../../../../etc/passwd\n")
		},
		"an extension that nobody knows": func(t *testing.T, tree string) {
			write(t, tree, ".git/config", "[core]\n\trepositoryformatversion = 1\n"+
				"[extensions]\n\tpartialClone = x\n\tnope = 1\n"+
				"[remote \"x\"]\n\turl = ext::sh -c touch% ran\n\tpromisor = true\n")
		},
		"a worktree of its own": func(t *testing.T, tree string) {
			write(t, tree, ".git/config.worktree", "[core]\n\tworktree = /etc\n")
			write(t, tree, ".git/worktrees/x/gitdir", "/etc\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			c.put(map[string]string{"class/eve/app.sh": wrong, "class/zoe/app.sh": right})
			tree := filepath.Join(c.dir, "class", "eve")
			gitIn(t, tree, "init", "-q", "-b", "main")
			gitIn(t, tree, "add", "-A")
			gitIn(t, tree, "commit", "-q", "-m", "wrong")
			lay(t, tree)
			book := byLearner(c.graded("class").Book)
			require.InDelta(t, 100, book["zoe tiny"].Points, 0)
			require.InDelta(t, 40, book["eve tiny"].Points, 0, book["eve tiny"].Problem)
			require.NoFileExists(t, filepath.Join(tree, "ran"))
			require.NoFileExists(t, "ran")
		})
	}
}

func TestRun_aHeadThatLeadsElsewhereLeadsNowhere(t *testing.T) {
	for name, head := range map[string]string{
		"a path":             "ref: ../../zoe/.git/refs/heads/main\n",
		"an absolute path":   "ref: /etc/passwd\n",
		"a name of a secret": "ref: refs/heads/../../config\n",
		"an option":          "ref: --upload-pack=touch ran\n",
		"itself":             "ref: HEAD\n",
		"nothing":            "",
		"a name without end": "ref: refs/heads/" + strings.Repeat("x", 100_000) + "\n",
		"no text":            "\x00\xff",
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			c.honest()
			c.put(map[string]string{"class/eve/app.sh": right})
			tree := filepath.Join(c.dir, "class", "eve")
			gitIn(t, tree, "init", "-q", "-b", "main")
			gitIn(t, tree, "add", "-A")
			gitIn(t, tree, "commit", "-q", "-m", "right")
			write(t, tree, ".git/HEAD", head)
			book := byLearner(c.graded("class").Book)
			require.InDelta(t, 100, book["honest tiny"].Points, 0)
			require.Zero(t, book["eve tiny"].Points)
			require.NotContains(t, book["eve tiny"].Problem, "root:")
			require.Less(t, len(book["eve tiny"].Problem), 5000)
			require.NotEmpty(t, book["eve tiny"].Problem)
		})
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(t, os.WriteFile(full, []byte(text), 0o600))
}
