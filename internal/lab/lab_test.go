package lab_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
)

var update = flag.Bool("update", false, "write goldens and the schema anew")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", file, d)
	}
}

func TestSchema_isFresh(t *testing.T) {
	got, err := lab.MakeSchema(".")
	require.NoError(t, err)
	golden(t, "schema.json", got)
}

// The README's table of labs is the catalogue.
func TestReadme_hasARowForEachLab(t *testing.T) {
	ids, err := lab.IDs(os.DirFS("../../labs"))
	require.NoError(t, err)
	b, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(b), "\n## Labs\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S").FindAllStringSubmatch(table, -1) {
		rows = append(rows, m[1])
	}
	require.ElementsMatch(t, ids, rows)
}

func TestParse_acceptsTheCatalogue(t *testing.T) {
	fsys := os.DirFS("../../labs")
	ids, err := lab.IDs(fsys)
	require.NoError(t, err)
	require.Contains(t, ids, "kinesis-partition-keys")
	for _, id := range ids {
		l, err := lab.Load(fsys, id)
		require.NoError(t, err)
		require.Equal(t, id, l.ID)
		require.NotEmpty(t, l.Checks)
	}
}

func TestParse_reportsEveryProblemWithItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			_, err = lab.Parse("lab.yaml", src, func(e string, _ []string) error {
				if strings.Contains(e, "((") {
					return errors.New("syntax error: ((")
				}
				return nil
			})
			require.Error(t, err)
			golden(t, strings.TrimSuffix(f, ".yaml")+".golden", []byte(err.Error()+"\n"))
		})
	}
}

func TestOpen_holdsMutantsToTheChecksAndFiles(t *testing.T) {
	src, err := os.ReadFile("../../labs/kinesis-partition-keys/lab.yaml")
	require.NoError(t, err)
	fsys := fstest.MapFS{
		"kinesis-partition-keys/lab.yaml":                    {Data: src},
		"kinesis-partition-keys/README.md":                   {},
		"kinesis-partition-keys/resources.yaml":              {},
		"kinesis-partition-keys/solution/a.py":               {Data: []byte("a\n")},
		"kinesis-partition-keys/mutants/none/x.py":           {},
		"kinesis-partition-keys/mutants/odd/expect.yaml":     {Data: []byte("title: T\nfails: [even-shard]\nmistake: low\n")},
		"kinesis-partition-keys/mutants/odd/solution.patch":  {Data: []byte("--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-a\n+b\n")},
		"kinesis-partition-keys/mutants/good/src/a.py":       {},
		"kinesis-partition-keys/mutants/good/expect.yaml":    {Data: []byte("title: T\nfails: [even-shards]\n")},
		"kinesis-partition-keys/mutants/good/solution.patch": {Data: []byte("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n")},
	}
	f, err := lab.Open(fsys, "kinesis-partition-keys", nil)
	require.EqualError(t, err, strings.Join([]string{
		`kinesis-partition-keys/mutants/good/src:1:1: only expect.yaml and solution.patch belong to a mutant: put the ` +
			`change into the patch`,
		`kinesis-partition-keys/mutants/none/expect.yaml:1:1: expect.yaml is missing`,
		`kinesis-partition-keys/mutants/odd/expect.yaml:2:9: fails[0]: there is no check "even-shard" (did you mean ` +
			`even-shards?)`,
		`kinesis-partition-keys/mutants/odd/expect.yaml:3:1: mistake: there is no mistake "low"`,
		`kinesis-partition-keys/mutants/odd/solution.patch:1:1: the solution has no file b.py`,
		`kinesis-partition-keys/starter:1:1: starter is missing`,
	}, "\n"))
	require.Len(t, f.Mutants, 2)
}

func TestOrder_putsNeedsFirst(t *testing.T) {
	l := &lab.Lab{Checks: []lab.Check{{ID: "a", Needs: []string{"c"}}, {ID: "b"}, {ID: "c"}}}
	var ids []string
	for _, c := range l.Order() {
		ids = append(ids, c.ID)
	}
	require.Equal(t, []string{"c", "a", "b"}, ids)
}

func TestParse_putsSharedQueriesInTheirPlaces(t *testing.T) {
	const src = `
id: l
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
tasks: [{ id: a, title: A, text: B }]
data: { few: { generator: stock, count: 1 } }
queries: { both: SELECT 1 }
checks:
  - id: c
    title: C
    points: 100
    hints: [a, b, c]
    steps: [{ putRecords: { stream: s, records: [{ key: k, data: d }], skip: 1 } }]
    expect: [{ sql: { tables: { t: data.few }, expected: "${queries.both}", actual: "${queries.bot}" }, message: M }]
`
	_, err := lab.Parse("lab.yaml", []byte(src), nil)
	require.EqualError(t, err,
		"lab.yaml:17:15: checks[0].steps[0].putRecords: skip and count choose entries of a data set, and are not negative\n"+
			`lab.yaml:18:77: checks[0].expect[0].sql.actual: there is no query "bot" (did you mean both?)`)
	l, err := lab.Parse("lab.yaml",
		[]byte(strings.NewReplacer("queries.bot}", "queries.both}", ", skip: 1", "").Replace(src)), nil)
	require.NoError(t, err)
	require.Equal(t, "SELECT 1", l.Checks[0].Expect[0].SQL.Expected)
	require.Equal(t, "SELECT 1", l.Checks[0].Expect[0].SQL.Actual)
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"../../labs/*/lab.yaml", "testdata/bad/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			src, err := os.ReadFile(name)
			require.NoError(f, err)
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := lab.Parse("lab.yaml", src, nil)
		if err == nil && len(l.Checks) == 0 {
			t.Fatal("a lab without checks was accepted")
		}
	})
}

func TestProgram_choosesTheLanguageThatIsThere(t *testing.T) {
	p := lab.Program{Command: []string{"python3", "src/app.py", "put"}, Alternatives: [][]string{{"node", "src/app.mjs"},
		{"go", "run", "./src"}}}
	for file, want := range map[string]string{"src/app.py": "python3", "src/app.mjs": "node", "./src": "go",
		"other": "python3"} {
		require.Equal(t, want, p.Choose(func(f string) bool { return f == file })[0], file)
	}
	p.Command = []string{"sh", "-c", "cat; echo"}
	require.Equal(t, "sh", p.Choose(func(string) bool { return false })[0], "a command without a file always fits")
}

func TestOpen_addsHiddenChecks(t *testing.T) {
	src, err := os.ReadFile("../../labs/kinesis-partition-keys/lab.yaml")
	require.NoError(t, err)
	fsys := fstest.MapFS{
		"kinesis-partition-keys/lab.yaml":       {Data: src},
		"kinesis-partition-keys/README.md":      {},
		"kinesis-partition-keys/resources.yaml": {},
		"kinesis-partition-keys/starter/a.py":   {},
		"kinesis-partition-keys/solution/a.py":  {},
	}
	const good = `
data: { secret: { generator: clickstream, count: 9 } }
checks:
  - id: more
    title: M
    points: 20
    needs: [even-shards]
    hints: [a, b, c]
    mistakes: [{ when: size(records) == 8, mistake: low-cardinality-key }]
    steps: [{ run: { program: PROGRAM, stdinData: secret } }]
    expect: [{ that: "size(records) == 9", message: Nine }]
`
	visible, err := lab.Open(fsys, "kinesis-partition-keys", nil)
	require.NoError(t, err)
	require.Empty(t, visible.Hidden)
	program := ""
	for name := range visible.Programs {
		program = name
	}
	fsys["kinesis-partition-keys/sealed/checks.yaml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(good, "PROGRAM",
		program))}
	f, err := lab.Open(fsys, "kinesis-partition-keys", nil)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"more": true}, f.Hidden)
	require.Len(t, f.Checks, len(visible.Checks)+1)
	require.Contains(t, f.Data, "secret")

	// Further files add more, and may use what the files before them have. What learners
	// work with knows of none, nor of the wrong answers that only these checks catch.
	fsys["kinesis-partition-keys/sealed/own.yaml"] = &fstest.MapFile{Data: []byte(strings.NewReplacer("PROGRAM", program,
		"id: more", "id: own", "{ secret: {", "{ own: {", "checks:", `mistakes: [{ id: shy, title: S, explanation: E }]
checks:`).Replace(good))}
	for name, fails := range map[string]string{"a": "[even-shards, own]", "b": "[more]", "c": "[own]\nmistake: shy",
		"d": "[even-shards]\nmistake: shy", "e": "[even-shards]\nmistake: hot-key\nalso: [shy]"} {
		fsys["kinesis-partition-keys/mutants/"+name+"/expect.yaml"] = &fstest.MapFile{
			Data: []byte("title: T\nfails: " + fails + "\n")}
		fsys["kinesis-partition-keys/mutants/"+name+"/solution.patch"] = &fstest.MapFile{Data: []byte(
			"--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n+wrong\n")}
	}
	f, err = lab.Open(fsys, "kinesis-partition-keys", nil)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"more": true, "own": true}, f.Hidden)
	require.Len(t, f.Mutants, 5)
	seen := f.Visible()
	require.Equal(t, visible.Lab, seen.Lab)
	require.Empty(t, seen.Hidden)
	require.Equal(t, []lab.Mutant{
		{Name: "a", Expectation: lab.Expectation{Title: "T", Fails: []string{"even-shards"}}},
		{Name: "e", Expectation: lab.Expectation{Title: "T", Fails: []string{"even-shards"}, Mistake: "hot-key",
			Also: []string{}}},
	}, seen.Mutants)
	require.Equal(t, []string{"even-shards", "own"}, f.Mutants[0].Fails, "the whole lab keeps what it has")
	require.Same(t, seen, seen.Visible())
	delete(fsys, "kinesis-partition-keys/sealed/own.yaml")
	for name := range fsys {
		if strings.Contains(name, "/mutants/") {
			delete(fsys, name)
		}
	}

	fsys["kinesis-partition-keys/sealed/checks.yaml"] = &fstest.MapFile{Data: []byte(strings.NewReplacer("PROGRAM",
		"nobody", "secret: {", "events: {", "id: more", "id: even-shards", "mistake: low-", "mistake: slow-").Replace(good))}
	_, err = lab.Open(fsys, "kinesis-partition-keys", nil)
	for _, want := range []string{`lab.yaml, or a sealed file before this one, has "events" already`,
		`the id "even-shards" is taken`,
		`there is no mistake "slow-cardinality-key"`, `sealed/checks.yaml:10:`, `"nobody"`} {
		require.ErrorContains(t, err, want)
	}

	// What learners receive has no solution.
	delete(fsys, "kinesis-partition-keys/sealed/checks.yaml")
	delete(fsys, "kinesis-partition-keys/solution/a.py")
	_, err = lab.Open(fsys, "kinesis-partition-keys", nil)
	require.ErrorContains(t, err, "solution is missing")
	fsys["kinesis-partition-keys/sealed/lab.age"] = &fstest.MapFile{}
	_, err = lab.Open(fsys, "kinesis-partition-keys", nil)
	require.NoError(t, err)
}

// Labs that were written when CloudWatch Logs had two names go on working.
func TestParse_hasOneNameForEachService(t *testing.T) {
	src, err := os.ReadFile("../../labs/s3-upload-function/lab.yaml")
	require.NoError(t, err)
	require.Contains(t, string(src), "sqs, cloudwatchlogs]")
	for _, name := range []string{"logs", "cloudwatchlogs"} {
		text := strings.Replace(string(src), "sqs, cloudwatchlogs]", "sqs, "+name+"]", 1)
		l, err := lab.Parse("lab.yaml", []byte(text), nil)
		require.NoError(t, err)
		require.Contains(t, l.Services, "cloudwatchlogs")
		require.NotContains(t, l.Services, "logs")
	}
}
