package assignment_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
)

func TestKeys_areMadeOnceForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	keys := filepath.Join(c.Dir, "made", "keys")
	c.Environ = append(c.Environ, "PIPELAB_KEYS="+keys)
	a := c.Run("assignment", "keys")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.True(t, strings.HasPrefix(a.Out, keys+"\n"), a.Out)
	require.NotContains(t, a.Out+a.Err, "SECRET")
	st, err := os.Stat(keys)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), st.Mode().Perm())
	before, err := os.ReadFile(keys)
	require.NoError(t, err)
	c.Says(t, app.ExitUsage, keys+" is there already", "another place: --output FILE", "assignment", "keys")
	after, err := os.ReadFile(keys)
	require.NoError(t, err)
	require.Equal(t, before, after)
	var made struct{ File, Recipient, Signer string }
	require.NoError(t, json.Unmarshal([]byte(c.Run("assignment", "keys", "--output", "other", "--json").Out), &made))
	require.Equal(t, filepath.Join(c.Dir, "other"), made.File)
	require.NotEmpty(t, made.Signer)
	require.True(t, strings.HasPrefix(made.Recipient, "age1"))
	c.Says(t, app.ExitEnvironment, "keys", "", "assignment", "keys", "--output", filepath.Join(keys, "below"))
}

// In a CI the variable holds the keys themselves: they are used, no file is named
// after them, and no message repeats them.
func TestKeys_inAVariableStaySecret(t *testing.T) {
	t.Parallel()
	c, text := packed(t)
	c.Environ = append(c.Environ, "PIPELAB_KEYS="+text)
	c.Dir = filepath.Join(c.Dir, "empty")
	require.NoError(t, os.Mkdir(c.Dir, 0o700))
	c.Says(t, app.ExitUsage, "PIPELAB_KEYS holds keys already", "--output FILE", "assignment", "keys")
	left, err := os.ReadDir(c.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, app.ExitOK, c.Run("assignment", "verify", "../small-week.zip", "--from", "../assignment.yaml",
		"--quick").Code)

	damaged := strings.Replace(text, "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1A", 1)
	c.Environ = append(c.Environ, "PIPELAB_KEYS="+damaged)
	a := c.Run("assignment", "verify", "../small-week.zip", "--from", "../assignment.yaml", "--quick")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.Contains(t, a.Err, "error: the keys in PIPELAB_KEYS: ")
	for _, line := range strings.Split(damaged, "\n") {
		if strings.Contains(line, "SECRET") {
			require.NotContains(t, a.Err, line)
		}
	}
}

func TestNew_refusesWhatIsNoAssignment(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	for line, want := range map[string][2]string{
		"nobodys":                              {`there is no lab "nobodys"`, "pipelab list"},
		"small --due tomorrow":                 {`--due "tomorrow" is no time`, "such as 2026-03-06 or 2026-03-06T18:00:00Z"},
		"small --opens 2026-13-01":             {`--opens "2026-13-01" is no time`, "such as"},
		"small --late-until x":                 {`--late-until "x" is no time`, "such as"},
		"small --grace 1day":                   {"--grace", "see: pipelab assignment new --help"},
		"small --points -1":                    {"points", ""},
		"small --attempts -1":                  {"attempts", ""},
		"small --late-per-day 0.1":             {"due is missing", ""},
		"small --due 2026-03-06 --late-most 2": {"most", ""},
		"small --seed x":                       {"--seed", "see: pipelab assignment new --help"},
		"small --id ../week":                   {"id \"../week\"", ""},
		"small --title Ψ":                      {"id is missing", ""},
	} {
		c.Says(t, app.ExitUsage, want[0], want[1], append([]string{"assignment", "new"}, strings.Fields(line)...)...)
	}
	require.NoFileExists(t, filepath.Join(c.Dir, "assignment.yaml"))
	c.Says(t, app.ExitEnvironment, filepath.Join(c.Dir, "no", "a.yaml"), "", "assignment", "new", "small", "--output",
		"no/a.yaml")
}

// A date is the end of that day where the instructor is.
func TestNew_readsDates(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	c.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)) }
	a := c.Run("assignment", "new", "small", "--title", "Week 1: Queues!", "--due", "2026-03-06", "--opens",
		"2026-03-01T08:00:00Z", "--json")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	var as struct {
		ID, Title  string
		Due, Opens time.Time
		Seed       uint64
		Labs       []struct {
			ID     string
			Points float64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.Out), &as))
	require.Equal(t, "week-1-queues", as.ID)
	require.Equal(t, "2026-03-06T22:59:59Z", as.Due.UTC().Format(time.RFC3339))
	require.Equal(t, "2026-03-01T08:00:00Z", as.Opens.UTC().Format(time.RFC3339))
	require.GreaterOrEqual(t, as.Seed, uint64(100_000_000_000_000), "drawn")
	require.Equal(t, "small", as.Labs[0].ID)
	require.EqualValues(t, 100, as.Labs[0].Points)
	c.Says(t, app.ExitUsage, "assignment.yaml is there already", "--output FILE", "assignment", "new", "small")
}

// packed is a terminal in whose folder small-week.zip lies, and the keys' text.
func packed(t *testing.T) (*clitest.Terminal, string) {
	t.Helper()
	c := clitest.New(t)
	c.Lab(t)
	c.Environ = append(c.Environ, "PIPELAB_KEYS=keys")
	for _, line := range []string{"assignment keys",
		"assignment new small --id small-week --due 2026-03-06 --seed 123456789012345",
		"assignment pack"} {
		a := c.Run(strings.Fields(line)...)
		require.Equal(t, app.ExitOK, a.Code, "%s: %s", line, a.Err)
	}
	b, err := os.ReadFile(filepath.Join(c.Dir, "keys"))
	require.NoError(t, err)
	return c, string(b)
}

// signer is whose keys pack: what an instructor tells.
func signer(t *testing.T, c *clitest.Terminal) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.Dir, "keys"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(b), "# signer: ")
	require.True(t, found)
	name, _, _ := strings.Cut(rest, "\n")
	return name
}

// Whoever passes an assignment on could sign it anew or pass on an older one.
func TestOpen_takesTheNewestPackageOfAKnownSigner(t *testing.T) {
	t.Parallel()
	c, _ := packed(t)
	open := []string{"assignment", "open", "small-week.zip", "--dir"}
	c.Says(t, app.ExitInvalid, "small-week.zip was signed by "+signer(t, c)+", whom you have not named before",
		"small-week.zip --signer "+signer(t, c), append(open, "a")...)
	require.NoDirExists(t, filepath.Join(c.Dir, "a"))
	require.Equal(t, app.ExitOK, c.Run(append(open, "a", "--signer", signer(t, c))...).Code)
	require.Equal(t, app.ExitOK, c.Run(append(open, "b")...).Code, "the signer is known now")

	now := c.Now()
	c.Now = func() time.Time { return now.Add(time.Hour) }
	require.Equal(t, app.ExitOK, c.Run("assignment", "pack", "--output", "newer.zip").Code)
	require.Equal(t, app.ExitOK, c.Run("assignment", "open", "newer.zip", "--dir", "c").Code)
	c.Says(t, app.ExitInvalid, "you have had one of small-week that was packed at "+
		now.Add(time.Hour).UTC().Format(time.DateTime), "take this one: --older", append(open, "d")...)
	require.NoDirExists(t, filepath.Join(c.Dir, "d"))
	c.Says(t, app.ExitInvalid, "you have had one of small-week that was packed at ", "take this one: --older",
		"grade", "--dry-run", "--assignment", "small-week.zip", "a")
	require.Equal(t, app.ExitOK, c.Run(append(open, "d", "--older")...).Code)
	require.Equal(t, app.ExitOK, c.Run("assignment", "open", "newer.zip", "--dir", "e").Code)

	state := t.TempDir()
	trust := filepath.Join(state, "trust.json")
	c.Environ = append(c.Environ, "PIPELAB_STATE="+state)
	require.NoError(t, os.WriteFile(trust, []byte("{"), 0o600))
	c.Says(t, app.ExitInvalid, "what is remembered of signers cannot be read: "+trust, "remove the file",
		append(open, "f")...)
}

func TestPack_isOpenedByLearnersAndVerifiedByItsSigner(t *testing.T) {
	t.Parallel()
	c, _ := packed(t)
	c.Says(t, app.ExitUsage, "small-week.zip is there already", "--output FILE", "assignment", "pack")
	require.Equal(t, app.ExitOK, c.Run("assignment", "pack", "assignment.yaml", "--output", "again.zip").Code)
	one, err := os.ReadFile(filepath.Join(c.Dir, "small-week.zip"))
	require.NoError(t, err)
	files := names(t, filepath.Join(c.Dir, "small-week.zip"))
	require.Equal(t, files, names(t, filepath.Join(c.Dir, "again.zip")))
	require.False(t, slices.ContainsFunc(files, func(n string) bool {
		return strings.Contains(n, "solution") || strings.Contains(n, "mutants")
	}), "%v", files)

	a := c.Run("assignment", "open", "small-week.zip", "--signer", signer(t, c))
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Contains(t, a.Out, "  lab      small, 100 points\n")
	require.FileExists(t, filepath.Join(c.Dir, "small-week", "labs", "small", "lab.yaml"))
	c.Says(t, app.ExitUsage, "small-week is there already", "another folder: --dir DIR", "assignment", "open",
		"small-week.zip")
	var opened struct {
		Folder, Signer string
		Assignment     struct{ ID string }
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("assignment", "open", "small-week.zip", "--dir", "b", "--json").Out),
		&opened))
	require.Equal(t, filepath.Join(c.Dir, "b"), opened.Folder)
	c.Says(t, app.ExitInvalid, "small-week.zip was signed by "+opened.Signer+", not by somebody", "", "assignment", "open",
		"small-week.zip", "--signer", "somebody", "--dir", "x")

	a = c.Run("assignment", "verify", "small-week.zip")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Equal(t, "small-week.zip can be handed out\n", a.Out)
	require.Contains(t, a.Err, "testing small…\n")

	// Changed anywhere, it is refused and leaves nothing.
	require.NoError(t, os.RemoveAll(filepath.Join(c.Dir, "b")))
	require.Equal(t, app.ExitOK, c.Run("assignment", "open", "small-week.zip", "--dir", "b").Code)
	c.Write(t, "b/labs/small/README.md", "another text")
	c.Says(t, app.ExitInvalid, "b: ", "", "assignment", "open", "b", "--dir", "y")
	require.NoDirExists(t, filepath.Join(c.Dir, "y"))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "cut.zip"), one[:len(one)/2], 0o600))
	c.Says(t, app.ExitInvalid, "cut.zip is neither a folder nor a zip file", "", "assignment", "open", "cut.zip")
	c.Says(t, app.ExitUsage, "there is no nowhere.zip", "pipelab assignment pack", "assignment", "open", "nowhere.zip")

	require.Equal(t, app.ExitOK, c.Run("assignment", "keys", "--output", "others").Code)
	a = c.Run("assignment", "verify", "small-week.zip", "--keys", "others")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	c.Write(t, "nokeys", "text")
	c.Says(t, app.ExitInvalid, "nokeys: this is no file of an instructor's keys", "", "assignment", "verify",
		"small-week.zip",
		"--keys", "nokeys")
}

func names(t *testing.T, file string) (out []string) {
	t.Helper()
	z, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer z.Close()
	for _, f := range z.File {
		out = append(out, f.Name)
	}
	return out
}

func TestPack_saysWhatIsWrongWithTheAssignment(t *testing.T) {
	t.Parallel()
	c, _ := packed(t)
	c.Write(t, "assignment.yaml", "labs: 7\n")
	a := c.Run("assignment", "pack")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.Contains(t, a.Err, filepath.Join(c.Dir, "assignment.yaml"))
	require.NoError(t, os.Remove(filepath.Join(c.Dir, "assignment.yaml")))
	c.Says(t, app.ExitUsage, "there is no "+filepath.Join(c.Dir, "assignment.yaml"),
		"write one: pipelab assignment new LAB…",
		"assignment", "pack")
	c.Says(t, app.ExitUsage, "there is no", "write one", "assignment", "pack", c.Dir)
}

func TestSubmit_packsTheWork(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	for _, id := range []string{"", "a b", "-x", "../x", strings.Repeat("a", 129)} {
		c.Says(t, app.ExitUsage, "who are you?", "--learner ID, or PIPELAB_LEARNER", "submit", "--learner="+id)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Err = &clitest.Seen{Do: func(string) { cancel() }}
	a := c.RunContext(ctx, "submit", "--learner", "ada")
	require.Equal(t, app.ExitInterrupted, a.Code, a.Err)
	require.NotContains(t, a.Err, "cannot be deployed", "that is not what was wrong")
	require.NoFileExists(t, filepath.Join(w.Root, "ada-small.zip"))
	c.Err = nil

	c.Environ = append(c.Environ, "PIPELAB_LEARNER=ada")
	a = c.Run("submit")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	zipped := filepath.Join(w.Root, "ada-small.zip")
	require.Equal(t, zipped+"  1 file and the list of them\n", a.Out)
	var out struct {
		File     string
		Manifest struct {
			Learner, Lab string
			Files        map[string]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("submit", "--json").Out), &out))
	require.Equal(t, "ada", out.Manifest.Learner)
	require.Equal(t, []string{"template.yaml"}, slices.Sorted(maps.Keys(out.Manifest.Files)),
		"what was packed before is no work")
	require.Len(t, names(t, zipped), 2)

	c.Write(t, "template.yaml", "Resources: { Q: { Type: AWS::SQS::Queu } }\n")
	before, err := os.ReadFile(zipped)
	require.NoError(t, err)
	a = c.Run("submit")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.Contains(t, a.Err, "error: this cannot be deployed: ")
	require.Contains(t, a.Err, "hint: put it right, or hand it in all the same: --as-it-is\n")
	after, err := os.ReadFile(zipped)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, app.ExitOK, c.Run("submit", "--as-it-is").Code)
	c.Says(t, app.ExitEnvironment, filepath.Join(w.Root, "no"), "", "submit", "--as-it-is", "--output", "no/a.zip")
}

// Whatever a folder holds, what was packed is opened by grading: the same rule of
// names, the same limits.
func TestSubmit_packsNothingThatGradingRefuses(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	for _, name := range []string{"notes: monday.md", "NUL.txt", "src/a\\b", "src/ends.", "Template.yaml", ".DS_Store",
		"Icon\r", "of\x1b[2J.txt", "\xff.txt", "kept.md"} {
		c.Write(t, name, "x")
	}
	require.NoError(t, os.Symlink("kept.md", filepath.Join(w.Root, "link")))
	a := c.Run("submit", "--learner", "ada")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	zipped := filepath.Join(w.Root, "ada-small.zip")
	require.Equal(t, zipped+"  2 files and the list of them\n", a.Out)
	require.ElementsMatch(t, []string{"template.yaml", "kept.md", "pipelab-submission.json"}, names(t, zipped))
	for _, told := range []string{
		"left out: notes: monday.md: the name notes: monday.md holds the character ':', which Windows cannot have\n",
		"left out: NUL.txt: ", `left out: src/a\b: `, "left out: src/ends.: ", "left out: link: it is a link\n",
		"left out: Template.yaml: template.yaml and Template.yaml are one name on macOS and Windows\n",
		"left out: of\ufffd[2J.txt: ", "left out: \ufffd.txt: "} {
		require.Contains(t, a.Err, told)
	}
	require.NotContains(t, a.Err, "DS_Store")
	a = c.Run("grade", "ada-small.zip", "--lab", w.Meta.Source, "--dry-run", "--json")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.NotContains(t, a.Out, "problem")
	require.NotContains(t, a.Out, "notes")
	var folder struct {
		Submissions []struct{ Problem, Digest string }
	}
	require.NoError(t, json.Unmarshal([]byte(c.Run("grade", ".", "--lab", w.Meta.Source, "--dry-run", "--json").Out),
		&folder))
	require.Empty(t, folder.Submissions[0].Problem)

	large, err := os.Create(filepath.Join(w.Root, "download.bin"))
	require.NoError(t, err)
	require.NoError(t, large.Truncate(2<<20))
	require.NoError(t, large.Close())
	before, err := os.ReadFile(zipped)
	require.NoError(t, err)
	c.Says(t, app.ExitInvalid, "grading would not take this: its files are more than 200 times as large as itself",
		"move what is no work of yours", "submit", "--learner", "ada", "--as-it-is")
	after, err := os.ReadFile(zipped)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
