package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kills is how often grading is killed in all; PIPELAB_GRADE_KILLS asks for
// more than CI has time for.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("PIPELAB_GRADE_KILLS"))
	if err != nil {
		return 6
	}
	return n
}

const killLab = `
id: tiny
title: Tiny
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [s3]
tasks: [{ id: a, title: A, text: B }]
programs: { app: { command: [sh, app.sh] } }
checks:
  - id: stores
    title: Stores the seed
    points: 60
    partial: true
    hints: [a, b, c]
    steps:
      - run: { program: app, args: ["${seed}"] }
      - putObject: { bucket: "${outputs.Bucket}", key: "a-${seed}", body: "x" }
    probes: { objects: { objects: { bucket: "${outputs.Bucket}" } } }
    expect:
      - { that: "run.app[0].lines == [seed]", message: One line with the seed, seen: run.app }
      - { that: "size(objects) == 1", message: One object }
  - id: ends
    title: Ends well
    points: 40
    hints: [a, b, c]
    steps: [{ run: { program: app, args: ["${seed}"] } }]
    expect: [{ that: "run.app[0].exit == 0", message: Ends well }]
`

// killClass lays out a lab and a class of twelve.
func killClass(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"tiny/lab.yaml": killLab, "tiny/README.md": "", "tiny/starter/app.sh": "exit 1\n",
		"tiny/solution/app.sh": "echo $1\n",
		"tiny/resources.yaml": "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: { BucketName: things " +
			"}\nOutputs:\n  Bucket: { Value: !Ref B }\n",
		"class/broken.zip":        "no zip",
		"class/bad/template.yaml": "Resources: { X: { Type: Nothing } }\n",
		"roster.csv":              "id,name\nabsent,Absent\nbad,Bad\n",
	}
	for i := range 10 {
		id := fmt.Sprintf("s%02d", i)
		files["class/"+id+"/app.sh"] = []string{"echo $1", "echo no", "exit 3", "ls /nowhere; pwd; echo $1"}[i%4] + " # " +
			id + "\n"
		files["roster.csv"] += id + ",Learner " + id + "\n"
	}
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(text), 0o600))
	}
	return dir
}

func gradeClass(dir, out string) *exec.Cmd {
	cmd := exec.Command("pipelab", "grade", "class", "--lab", "tiny", "--roster", "roster.csv", "--seed", "7",
		"--variants", "--no-cache", "-j", "2",
		"--format", "csv", "--format", "text", "--out", out)
	cmd.Dir = dir
	return cmd
}

// A run that is killed, wherever that hits it, and typed again, comes to the
// same bytes as one that nothing disturbed.
func TestGrade_survivesKills(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the submissions are shell scripts")
	}
	dir := killClass(t)
	began := time.Now()
	output, err := gradeClass(dir, "whole").CombinedOutput()
	require.NoError(t, err, string(output))
	whole := time.Since(began)
	want := map[string][]byte{}
	for _, name := range []string{"gradebook.json", "csv.csv", "text.txt"} {
		b, err := os.ReadFile(filepath.Join(dir, "whole", name))
		require.NoError(t, err)
		want[name] = b
	}
	require.Equal(t, 11, bytes.Count(want["gradebook.json"], []byte(`"verdict": "pass"`)), string(want["gradebook.json"]))

	killed, resumed := 0, 0
	for round := 0; killed < kills(t); round++ {
		out := fmt.Sprintf("out%d", round)
		for {
			cmd := gradeClass(dir, out)
			var b bytes.Buffer
			cmd.Stdout, cmd.Stderr = &b, &b
			require.NoError(t, cmd.Start())
			stop := time.AfterFunc(time.Duration(rand.Int64N(int64(whole))), func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			stop.Stop()
			if strings.Contains(b.String(), "going on: an interrupted run has left") {
				resumed++
			}
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == -1 {
				killed++
				continue
			}
			require.NoError(t, err, b.String())
			break
		}
		for name, b := range want {
			got, err := os.ReadFile(filepath.Join(dir, out, name))
			require.NoError(t, err)
			require.Equal(t, string(b), string(got), "%s after kills", name)
		}
	}
	t.Logf("killed %d times, of which %d left results to go on from", killed, resumed)
}

// Ctrl-C ends with 130 and says how to go on.
func TestGrade_interrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no interrupt to send")
	}
	dir := killClass(t)
	// The last submission waits for a file that never comes.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "class", "s09", "app.sh"), []byte("exec sleep 50\n"), 0o600))
	cmd := gradeClass(dir, "out")
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	require.NoError(t, cmd.Start())
	var b bytes.Buffer
	buf := make([]byte, 4096)
	for sent := false; ; {
		n, err := pipe.Read(buf)
		b.Write(buf[:n])
		if !sent && strings.Contains(b.String(), "  3 of ") {
			sent = true
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
		}
		if err != nil {
			break
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, 130, exit.ExitCode(), b.String())
	require.Contains(t, b.String(), "of 11 submissions; their results are kept")
	require.Contains(t, b.String(),
		"go on: pipelab grade class --format csv --format text --jobs 2 --lab tiny --no-cache --output out --roster "+
			"roster.csv --seed 7 --variants\n")
	require.Empty(t, stdout.String())
	require.NoFileExists(t, filepath.Join(dir, "out", "gradebook.json"))
	require.NoDirExists(t, filepath.Join(dir, "out", ".work"))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "class", "s09", "app.sh"), []byte("echo $1\n"), 0o600))
	output, err := gradeClass(dir, "out").CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "going on: an interrupted run has left")
}
