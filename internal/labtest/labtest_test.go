package labtest_test

import (
	"context"
	"strings"
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

const tiny = `
id: tiny
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
tasks: [{ id: a, title: A, text: B }]
data: { events: { generator: orders, count: 5 } }
programs: { app: { command: [sh, app.sh] } }
checks:
  - id: echoes
    title: E
    points: 60
    hints: [a, b, c]
    steps: [{ run: { program: app, stdinData: events } }]
    expect: [{ that: "size(run.app[0].lines) == 5", message: Five lines }]
  - id: ends
    title: N
    points: 40
    hints: [a, b, c]
    steps: [{ run: { program: app, stdinData: events } }]
    expect: [{ that: "run.app[0].exit == 0", message: Ends well }]
`

func TestTest_findsMutantsThatSurvive(t *testing.T) {
	fsys := fstest.MapFS{
		"tiny/lab.yaml":                      {Data: []byte(tiny)},
		"tiny/README.md":                     {},
		"tiny/resources.yaml":                {},
		"tiny/starter/app.sh":                {Data: []byte("exit 1\n")},
		"tiny/solution/app.sh":               {Data: []byte("cat\n")},
		"tiny/mutants/silent/solution.patch": {Data: []byte("--- a/app.sh\n+++ b/app.sh\n@@ -1 +1 @@\n-cat\n+true\n")},
		"tiny/mutants/silent/expect.yaml":    {Data: []byte("title: Prints nothing\nfails: [echoes]\n")},
		"tiny/mutants/survivor/solution.patch": {Data: []byte(
			"--- a/app.sh\n+++ b/app.sh\n@@ -1 +1,2 @@\n+# right\n cat\n--- /dev/null\n+++ b/more/notes.txt\n@@ -0,0 +1 " +
				"@@\n+mine\n")},
		"tiny/mutants/survivor/expect.yaml": {Data: []byte("title: Is right\nfails: [echoes]\n")},
		"tiny/mutants/wide/solution.patch":  {Data: []byte("--- a/app.sh\n+++ /dev/null\n@@ -1 +0,0 @@\n-cat\n")},
		"tiny/mutants/wide/expect.yaml":     {Data: []byte("title: Has no program\nfails: [ends]\n")},
	}
	f, err := lab.Open(fsys, "tiny", check.Compile)
	require.NoError(t, err)
	out, err := labtest.Test(context.Background(), labtest.Options{Lab: f, Driver: embedded.Driver{}, Clock: clock.New(),
		Deploy: func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
			return nil, nil
		}})
	require.NoError(t, err)
	problems := map[string][]string{}
	for _, r := range out.Runs {
		if len(r.Problems) > 0 {
			problems[r.Name] = r.Problems
		}
	}
	require.Equal(t, map[string][]string{
		"mutants/survivor": {"echoes should fail: pass"},
		"mutants/wide":     {"echoes fails and is not named: Five lines"},
	}, problems)
	require.False(t, out.OK)
	require.Zero(t, out.FlakeRate)
	var b strings.Builder
	require.NoError(t, labtest.Closing(&b, []*labtest.Outcome{{Lab: "fine", OK: true}, out}))
	require.Equal(t, `1 of 2 labs hold
  tiny, mutants/survivor, seed 1: echoes should fail: pass
  tiny, mutants/survivor, seed 2: echoes should fail: pass
  tiny, mutants/wide, seed 1: echoes fails and is not named: Five lines
mutants: 1 of 3 fail as they should; 0 named rightly, 0 not named, 0 named wrongly; `+
		"3 are no known mistake, and none is named\n", b.String())
}

// A mistake is named for its own mutants and for no other answer.
func TestTest_findsMistakesThatAreNamedForOthers(t *testing.T) {
	text := strings.Replace(tiny, "checks:\n", `mistakes:
  - { id: silent, title: Silent, explanation: It prints nothing }
  - { id: short, title: Short, explanation: It stops too early }
checks:
`, 1)
	text = strings.Replace(text, "message: Five lines }]", `message: Five lines }]
    mistakes:
      - { when: "size(run.app[0].lines) == 0", mistake: silent }
      - { when: "size(run.app[0].lines) != 3", mistake: short }`, 1)
	fsys := fstest.MapFS{
		"tiny/lab.yaml": {Data: []byte(text)}, "tiny/README.md": {}, "tiny/resources.yaml": {},
		"tiny/starter/app.sh": {Data: []byte("exit 1\n")}, "tiny/solution/app.sh": {Data: []byte("cat\n")},
	}
	for name, m := range map[string][2]string{
		"silent":     {"true", "mistake: silent"},
		"short":      {"head -n 4", "mistake: short"},
		"unknown":    {"head -n 3", "mistake: short"}, // the conditions know nothing of it
		"mute":       {"exit 0", "mistake: short"},    // and are wrong here
		"both":       {"exit 0", "mistake: short, also: [silent]"},
		"unforeseen": {"head -n 3", ""},
		"guessed":    {"head -n 2", ""},
	} {
		expect := "title: T\nfails: [echoes]\n" + strings.ReplaceAll(m[1], ", ", "\n") + "\n"
		fsys["tiny/mutants/"+name+"/expect.yaml"] = &fstest.MapFile{Data: []byte(expect)}
		fsys["tiny/mutants/"+name+"/solution.patch"] = &fstest.MapFile{Data: []byte(
			"--- a/app.sh\n+++ b/app.sh\n@@ -1 +1 @@\n-cat\n+" + m[0] + "\n")}
	}
	f, err := lab.Open(fsys, "tiny", check.Compile)
	require.NoError(t, err)
	out, err := labtest.Test(t.Context(), labtest.Options{Lab: f, Driver: embedded.Driver{}, Clock: clock.New(),
		Only: "mutants/*", Seeds: []uint64{4, 5},
		Deploy: func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
			return nil, nil
		}})
	require.NoError(t, err)
	const hint = `. Let its "when" hold for what %s alone leaves behind, or list it under "also" of the mutant`
	mute := "echoes names silent; it should be short or nothing" + strings.ReplaceAll(hint, "%s", "silent")
	guessed := "echoes names short; nothing may be named: the mutant is no mistake of the lab" +
		strings.ReplaceAll(hint, "%s", "short")
	checks := map[uint64]int{}
	for _, r := range out.Runs {
		checks[r.Seed] += len(r.Result.Checks)
		switch r.Name {
		case "mutants/mute":
			require.Equal(t, labtest.NamedWrongly, r.Diagnosis)
			require.Equal(t, []string{mute}, r.Problems)
		case "mutants/guessed":
			require.Equal(t, []string{guessed}, r.Problems)
		case "mutants/unknown", "mutants/both":
			require.Equal(t, labtest.NotNamed, r.Diagnosis)
			require.Empty(t, r.Problems, "saying nothing is no fault")
		default:
			require.Equal(t, labtest.NamedRightly, r.Diagnosis, r.Name)
			require.Empty(t, r.Problems)
		}
	}
	require.Equal(t, map[uint64]int{4: 14, 5: 7}, checks, "with further seeds, what must fail")
	require.False(t, out.OK)
	require.Equal(t, labtest.Tally{All: 7, Caught: 7, Right: 2, None: 2, Wrong: 2, Unforeseen: 1}, out.Mutants)
	var b strings.Builder
	require.NoError(t, labtest.Text(&b, out))
	require.Contains(t, b.String(), "  mutants: 7 of 7 fail as they should; "+
		"2 named rightly, 2 not named, 2 named wrongly; 1 is no known mistake, and none is named\n")
	b.Reset()
	require.NoError(t, labtest.Closing(&b, []*labtest.Outcome{out, out}))
	require.Contains(t, b.String(), "  tiny, mutants/mute, seed 5: "+mute+"\n")
	require.Contains(t, b.String(), "mutants: 14 of 14 fail as they should; 4 named rightly, 4 not named")
}

func TestTest_solutionMeetsFurtherSeeds(t *testing.T) {
	fsys := fstest.MapFS{
		"tiny/lab.yaml":        {Data: []byte(tiny)},
		"tiny/README.md":       {},
		"tiny/resources.yaml":  {},
		"tiny/starter/app.sh":  {Data: []byte("exit 1\n")},
		"tiny/solution/app.sh": {Data: []byte("cat\n")},
	}
	f, err := lab.Open(fsys, "tiny", check.Compile)
	require.NoError(t, err)
	out, err := labtest.Test(t.Context(), labtest.Options{Lab: f, Driver: embedded.Driver{}, Clock: clock.New(),
		Only: "solution", Seeds: []uint64{3, 7}, Variants: 2,
		Deploy: func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
			return nil, nil
		}})
	require.NoError(t, err)
	var seeds []uint64
	for _, r := range out.Runs {
		seeds = append(seeds, r.Seed)
	}
	require.Equal(t, []uint64{3, 7, 8, 9}, seeds, "each of its own, and two more, once each")
	require.True(t, out.OK)
	require.Zero(t, out.FlakeRate, "what is run once repeats nothing")
}

func TestTest_solutionsInOtherLanguages(t *testing.T) {
	text := strings.Replace(tiny, "command: [sh, app.sh]",
		"command: [sh, app.sh], alternatives: [[sh, app.bash], [nosuch, app.nosuch]]", 1)
	fsys := fstest.MapFS{
		"tiny/lab.yaml":                   {Data: []byte(text)},
		"tiny/README.md":                  {},
		"tiny/resources.yaml":             {},
		"tiny/starter/app.sh":             {Data: []byte("exit 1\n")},
		"tiny/solution/app.sh":            {Data: []byte("cat\n")},
		"tiny/solution-sh/app.bash":       {Data: []byte("head -n 4\n")},
		"tiny/solution-nosuch/app.nosuch": {Data: []byte("cat\n")},
	}
	f, err := lab.Open(fsys, "tiny", check.Compile)
	require.NoError(t, err)
	out, err := labtest.Test(context.Background(), labtest.Options{Lab: f, Driver: embedded.Driver{}, Clock: clock.New(),
		Only: "solution-*",
		Deploy: func(context.Context, emulator.Emulator, *lab.Folder, string) (map[string]string, error) {
			return nil, nil
		}})
	require.NoError(t, err)
	require.Len(t, out.Runs, 4, "each with two seeds")
	for _, r := range out.Runs {
		if r.Name == "solution-sh" {
			require.Equal(t, []string{"echoes: fail, not pass: Five lines"}, r.Problems)
			continue
		}
		require.Equal(t, "nosuch is not on this machine; install it to test this solution", r.Skipped)
		require.Empty(t, r.Problems)
	}
	var shown strings.Builder
	require.NoError(t, labtest.Text(&shown, out))
	require.Contains(t, shown.String(), "  skipped  solution-nosuch, seed 1: nosuch is not on this machine")
}
