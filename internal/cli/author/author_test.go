package author_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
)

func TestNew_writesALabThatIsWell(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	a := c.Run("lab", "new", "labs/my-lab")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	dir := filepath.Join(c.Dir, "labs", "my-lab")
	require.Equal(t, dir+"\n\nnext: pipelab lab test labs/my-lab\n", a.Out)
	const unfinished = "note: my-lab: it has 2 mutants; a finished lab has at least 5\n" +
		"note: my-lab: README.md still says what pipelab lab new has written: " +
		`"What the learner should care about, and why."` + "\n" +
		"note: my-lab: README.md still says what pipelab lab new has written: " +
		`"How AWS behaves here, and what differs from the real one."` + "\n1 lab, no problems\n"
	require.Equal(t, clitest.Answer{Err: unfinished}, c.Run("lab", "lint", "labs/my-lab"))
	require.Equal(t, clitest.Answer{Err: unfinished}, c.Run("lab", "lint", "labs"), "a folder of labs")
	require.NoError(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		if !d.IsDir() {
			b, err := os.ReadFile(p)
			require.NoError(t, err)
			require.NotContains(t, string(b), "skeleton", p)
		}
		return nil
	}))
	c.Says(t, app.ExitUsage, dir+" is there already", "", "lab", "new", dir)
	for _, id := range []string{"My", "a--b", "-a", "a-", "1a", "a_b", "a.b"} {
		c.Says(t, app.ExitUsage, `"`+id+`" cannot be a lab's id`, "my-lab", "lab", "new", "labs/"+id)
	}
	file := c.Write(t, "file", "")
	c.Says(t, app.ExitEnvironment, file, "", "lab", "new", "file/below/a")
}

func TestLint_tellsEveryProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	dir := c.Lab(t)
	text, err := os.ReadFile(filepath.Join(dir, "lab.yaml"))
	require.NoError(t, err)
	c.Write(t, "small/lab.yaml", strings.NewReplacer("level: beginner", "level: beginer", "minutes: 5",
		"minutes: 5\ncapabilities: [quantum]").Replace(string(text)))
	a := c.Run("lab", "lint", "small")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.Contains(t, a.Out, `small/lab.yaml:1:1: capabilities: there is no capability "quantum"`)
	require.Regexp(t, `(?m)^small/lab.yaml:4:1: level: `, a.Out)
	require.Equal(t, "error: 2 problems in 1 lab\n", a.Err)
	var problems []struct {
		File, Place, Message string
		Line, Column         int
	}
	a = c.Run("lab", "lint", dir, "--json")
	require.Equal(t, app.ExitInvalid, a.Code, a.Err)
	require.NoError(t, json.Unmarshal([]byte(a.Out), &problems))
	require.Len(t, problems, 2)
	require.Equal(t, "small/lab.yaml", problems[0].File)
	c.Says(t, app.ExitUsage, "nowhere holds no lab.yaml", "pipelab lab new", "lab", "lint", "nowhere")
	c.Write(t, "small/lab.yaml", string(text))
	a = c.Run("lab", "lint", "small", "--json")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Equal(t, "[]\n", a.Out)
	require.Regexp(t, "(?m)^1 lab, no problems$", a.Err)

	c.Write(t, "small/lab.yaml", strings.Replace(string(text), "checks:",
		"checks:\n  - { id: x, that: [a, b].map(i, i.id) == [1], title: T }", 1))
	a = c.Run("lab", "lint", "small")
	require.Equal(t, app.ExitInvalid, a.Code)
	require.Contains(t, a.Out, "quote an expression that holds a comma, a colon or brackets")
	require.Equal(t, 1, strings.Count(a.Out, "\n"), "nothing follows from what could not be read: %s", a.Out)
}

func TestTest_refusesWhatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	for line, want := range map[string][2]string{
		"":                               {"which labs?", "pipelab lab test --all"},
		"--all small":                    {"--all and names exclude each other", ""},
		"small --repeat 0":               {"--repeat 0 is less than one", ""},
		"small --mutate=-1":              {"--mutate -1 is less than none", ""},
		"small --mutate --only solution": {"--mutate and --only exclude each other", ""},
		"small --seed 1":                 {"one seed cannot show", "give two: --seed 1 --seed 2"},
		"small --seeds 1":                {"--seeds 1 cannot show", "--seeds 2"},
		"small --seeds 2 --seed 7":       {"--seeds and --seed exclude each other", ""},
		"small --only mutant/x":          {"--only mutant/x names no tree of small", "--only 'mutants/*'"},
		"smal":                           {`there is no lab "smal"`, "pipelab list"},
		"small --emulator embeded":       {`there is no emulator "embeded"`, "did you mean embedded?"},
		"small --mutate --emulator x":    {`there is no emulator "x"`, "embedded (the default)"},
		"small --seed one":               {"--seed", "see: pipelab lab test --help"},
	} {
		c.Says(t, app.ExitUsage, want[0], want[1], append([]string{"lab", "test"}, strings.Fields(line)...)...)
	}
}

func TestTest_ofALabThatHoldsAndOneThatDoesNot(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	dir := c.Lab(t)
	a := c.Run("lab", "test", "small", "--repeat", "1")
	require.Equal(t, app.ExitOK, a.Code, a.Out+a.Err)
	for _, tree := range []string{"starter", "solution", "mutants/other-name"} {
		require.Regexp(t, `(?m)^  ok +small `+tree+`, seed 1$`, a.Err)
	}
	a = c.Run("lab", "test", dir, "--mutate")
	require.Equal(t, app.ExitFailed, a.Code, "no check looks at the timeout: %s", a.Out)
	require.Regexp(t, `(?m)without Queue\.QueueName: noticed by named$`, a.Err)
	require.Regexp(t, `(?m)without Queue\.VisibilityTimeout: noticed by NOBODY$`, a.Err)

	c.Write(t, "small/mutants/other-name/expect.yaml", "title: Another name\nfails: [given]\n")
	a = c.Run("lab", "test", "small", "--only", "mutants/*", "--json")
	require.Equal(t, app.ExitFailed, a.Code, a.Err)
	var out []struct {
		Lab string
		OK  *bool
	}
	require.NoError(t, json.Unmarshal([]byte(a.Out), &out))
	require.Len(t, out, 1)
	require.False(t, *out[0].OK)
}

func TestTest_interruptedEndsSoon(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Lab(t)
	for _, line := range []string{"lab test small", "lab test small --mutate"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, clitest.Answer{Code: app.ExitInterrupted}, c.RunContext(ctx, strings.Fields(line)...),
			"what is not whole is not told")
	}
}
