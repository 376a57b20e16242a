package check_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

func TestCompile_acceptsTheCatalogue(t *testing.T) {
	fsys := os.DirFS("../../labs")
	ids, err := lab.IDs(fsys)
	require.NoError(t, err)
	require.NotEmpty(t, ids)
	for _, id := range ids {
		l, err := lab.Open(fsys, id, check.Compile)
		require.NoError(t, err)
		names := slices.Clone(l.Capabilities)
		for _, c := range l.Checks {
			names = append(names, c.Capabilities...)
		}
		for _, name := range names {
			require.Contains(t, emulator.KnownCapabilities(), emulator.Capability(name), id)
		}
	}
	require.ErrorContains(t, check.Compile("size(nothing)", nil), "undeclared reference")
}

// head is what every lab has.
const head = `
id: tiny
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [kinesis]
tasks: [{ id: a, title: A, text: B }]
`

const tiny = head + `
mistakes: [{ id: lost, title: L, explanation: E }]
data: { events: { generator: orders, count: 40, defects: { duplicates: 0.2, poison: 0.1 } } }
programs: { echo: { command: [sh, -c, "cat; echo $NAME >&2"], env: { NAME: "${outputs.Name}" } },
    head: { command: [head, -n, "3"] }, slow: { command: [sleep, "60"] }, sums: { command: [sh, -c,
        "wc -c < $INPUT_FILE; sha256sum < $INPUT_FILE"] } }
checks:
  - id: all
    title: All lines come back
    points: 20
    hints: [a, b, c]
    steps: [{ run: { program: echo, stdinData: events } }]
    eventually: { until: "size(run.echo) == 1", settle: { watch: size(run.echo), for: 60ms } }
    expect:
      - { that: "run.echo[0].exit == 0 && run.echo[0].stderr.startsWith('stream-a')", message: It ends well }
      - { that: "run.echo[0].lines.size() == 40 && size(without(data.events, ['poison'])) < 40", message: Forty lines }
      - that: sameCounts(countBy(without(data.events, ["poison"]), "id"), countBy(run.echo[0].lines.filter(l,
            type(l) == map), "id"))
        message: Each id as often as it was sent
  - id: some
    title: Partial
    points: 20
    partial: true
    hints: [a, b, c]
    steps: [{ run: { program: head, stdinData: events } }]
    expect:
      - { that: "run.head[0].exit == 0", message: It ends well, weight: 3 }
      - { that: "size(run.head[0].lines) == 40", message: Forty lines, expected: size(data.events),
            seen: "size(run.head[0].lines)" }
    mistakes: [{ when: "size(run.head[0].lines) < 40", mistake: lost }]
  - id: also
    title: Another side of the same run
    points: 0
    observes: some
    hints: [a, b, c]
    expect: [{ that: "size(run.head) == 1 && run.head[0].lines.size() == 3", message: Three lines }]
  - id: after
    title: Depends
    points: 20
    needs: [some]
    hints: [a, b, c]
    expect: [{ that: "true", message: m }]
  - id: killed
    title: Is killed
    points: 20
    hints: [a, b, c]
    steps: [{ run: { program: slow, killAfter: 50ms, parallel: 2 } }]
    expect: [{ that: "run.slow.all(r, r.killed) && size(run.slow) == 2", message: Both are killed }]
  - id: file
    title: Is given a file
    points: 0
    hints: [a, b, c]
    steps:
      - run: { program: sums, file: { name: big.bin, bytes: 100000 } }
      - run: { program: sums, name: again, file: { name: big.bin, bytes: 100000 } }
      - run: { program: sums, name: other, file: { name: other.bin, bytes: 100000 } }
    expect:
      - { that: "run.sums[0].lines == [100000, run.sums[0].inputSha256 + '  -']", message: It is whole }
      - { that: "run.again == run.sums && run.other[0].inputSha256 != run.sums[0].inputSha256",
            message: It is what its name says }
  - id: late
    title: Takes too long
    points: 5
    timeout: 100ms
    mistakes: [{ when: "seed >= 0", mistake: lost }]
    hints: [a, b, c]
    steps: [{ run: { program: slow } }]
    expect: [{ that: "true", message: m }]
  - id: output
    title: Needs an output
    points: 5
    hints: [a, b, c]
    steps: [{ putObject: { bucket: "${outputs.Missing}", key: k } }]
    expect: [{ that: "true", message: m }]
  - id: odd
    title: Needs a capability
    points: 10
    capabilities: [quantum]
    hints: [a, b, c]
    expect: [{ that: "true", message: m }]
`

func run(t *testing.T, seed uint64) *report.Result {
	t.Helper()
	o := options(t, tiny)
	o.Driver, o.Seed, o.Outputs = "embedded", seed, map[string]string{"Name": "stream-a"}
	return judge(t, o)
}

func TestRun_givesEachCheckItsVerdict(t *testing.T) {
	r := run(t, 7)
	verdicts := map[string]report.Verdict{}
	byID := map[string]report.Check{}
	for _, c := range r.Checks {
		verdicts[c.ID], byID[c.ID] = c.Verdict, c
	}
	require.Equal(t, map[string]report.Verdict{"all": report.Pass, "some": report.Partial, "also": report.Pass,
		"after":  report.Skipped,
		"killed": report.Pass, "file": report.Pass, "late": report.Timeout, "output": report.Fail, "odd": report.Unsupported},
		verdicts, "%+v", r.Checks)
	some := byID["some"]
	require.InDelta(t, 15, some.Points, 0.01)
	require.Equal(t, "40", some.Expected)
	require.Equal(t, "3", some.Seen)
	require.Equal(t, "lost", some.Mistake)
	require.Equal(t, "a", some.Hint)
	require.NotEmpty(t, some.Sent)
	require.Equal(t, some.Sent, byID["also"].Sent, "what was sent was sent once, for both")
	require.Equal(t, "the stack has no output Missing", byID["output"].Message)
	require.Contains(t, byID["late"].Message, "did not end within 100ms")
	require.Zero(t, byID["late"].Points)
	_, _, final := r.Score()
	require.False(t, final, "an unsupported check leaves the score open")
	require.Less(t, byID["killed"].Millis, (30 * time.Second).Milliseconds())
}

// Judged alone, a check that observes another does that one's steps itself.
func TestRun_doesWhatIsObserved(t *testing.T) {
	o := options(t, tiny)
	o.Seed, o.Only, o.Outputs = 1, []string{"also"}, map[string]string{"Name": "stream-a"}
	r := judge(t, o)
	require.Len(t, r.Checks, 1)
	require.Equal(t, report.Pass, r.Checks[0].Verdict, "%+v", r.Checks)
}

func TestRun_textComesBeforeData(t *testing.T) {
	const text = head + `
data: { events: { generator: orders, count: 3 } }
programs: { echo: { command: [cat] } }
checks:
  - id: both
    title: B
    points: 100
    hints: [a, b, c]
    steps: [{ run: { program: echo, times: 2, stdin: "1\n", stdinData: events } }]
    expect:
      - { that: "size(run.echo) == 2 && run.echo.all(r, r.lines[0] == 1
            && r.lines.slice(1, 4) == data.events.map(e, e.row))", message: Text then data }
`
	o := options(t, text)
	o.Seed = 1
	r := judge(t, o)
	require.Equal(t, report.Pass, r.Checks[0].Verdict, "%+v", r.Checks)
	require.Contains(t, r.Checks[0].Sent[0], "4 lines on standard input")
}

// A check's time is for what it judges: compiling a program in Go is no part of it.
func TestRun_compilesBeforeItJudges(t *testing.T) {
	real, err := exec.LookPath("go")
	if err != nil {
		t.Skip("Go is not installed")
	}
	const text = head + `
programs: { app: { command: [go, run, app.go] } }
checks:
  - id: quick
    title: B
    points: 100
    timeout: 1s
    hints: [a, b, c]
    steps: [{ run: { program: app } }]
    expect:
      - { that: "run.app[0].stdout.startsWith('made')", message: It prints }
`
	o := options(t, text)
	tools, dir := t.TempDir(), o.Workspace
	slow := "#!/bin/sh\n[ \"$1\" = build ] && sleep 2\nexec " + real + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "go"), []byte(slow), 0o755)) // a program
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	source := "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"made\") }\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/app\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app.go"), []byte(source), 0o600))
	var building []string
	o.Seed = 1
	o.Building = func(program string) func() { return func() { building = append(building, program) } }
	r := judge(t, o)
	require.Equal(t, report.Pass, r.Checks[0].Verdict, "%+v", r.Checks)
	require.Equal(t, []string{"app.go"}, building)
}
