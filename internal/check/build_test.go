package check

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/sandbox"
)

const goMod = "module example.com/app\n\ngo 1.26\n"

// workspace holds files, by name and text.
func workspaceOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return dir
}

func run(t *testing.T, b *Builds, dir string, policy *sandbox.Policy) (sandbox.Result, string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("Go is not installed")
	}
	s := &session{o: Options{Builds: b}}
	spec := sandbox.Spec{Command: []string{"go", "run", "src/app.go", "a", "b c"}, Dir: dir, Policy: policy, Timeout: time.Minute}
	r, err := s.execute(t.Context(), spec)
	require.NoError(t, err)
	if len(b.made) == 0 {
		return r, ""
	}
	for _, one := range b.made {
		return r, one.file
	}
	return r, ""
}

const prints = `package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println(len(os.Args), os.Args[1:]); os.Exit(3) }
`

func TestBuilds_makesTheSameFilesOnce(t *testing.T) {
	b := NewBuilds()
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints})
	t.Setenv("GOFLAGS", "-mod=vendor") // the machine's settings are not the learner's
	r, file := run(t, b, dir, nil)
	require.Equal(t, "3 [a b c]\n", r.Stdout, r.Stderr)
	require.Equal(t, 3, r.Exit)
	before, err := os.Stat(file)
	require.NoError(t, err)
	r, _ = run(t, b, workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints}), nil)
	require.Equal(t, 3, r.Exit)
	after, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
	require.Len(t, b.made, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "src/app.go"), []byte("package main\n\nfunc main() { println(\"new\") }\n"), 0o600))
	r, _ = run(t, b, dir, nil)
	require.Equal(t, "new\n", r.Stderr)
	require.Len(t, b.made, 2)
	b.Close()
	require.NoFileExists(t, file)
}

// What does not compile is the learner's, in the compiler's words.
func TestBuilds_tellsWhatTheCompilerSays(t *testing.T) {
	b := NewBuilds()
	defer b.Close()
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": "package main\n\nfunc main() { missing() }\n"})
	for range 2 {
		r, _ := run(t, b, dir, nil)
		require.Equal(t, 1, r.Exit)
		require.Contains(t, r.Stderr, "src/app.go:3:15: undefined: missing")
		require.Empty(t, r.Stdout)
	}
}

// A build that was interrupted is none.
func TestBuilds_interrupted(t *testing.T) {
	b := NewBuilds()
	defer b.Close()
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.prepare(ctx, &sandbox.Spec{Command: []string{"go", "run", "src/app.go"}, Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	r, _ := run(t, b, dir, nil)
	require.Equal(t, 3, r.Exit, r.Stderr)
}

func TestBuilds_confined(t *testing.T) {
	policy, err := confine.New(t.Context())
	if errors.Is(err, confine.ErrUnavailable) {
		t.Skip(err)
	}
	require.NoError(t, err)
	b := NewBuilds()
	defer b.Close()
	r, _ := run(t, b, workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints}), policy)
	require.Equal(t, "3 [a b c]\n", r.Stdout, r.Stderr)
	outside := workspaceOf(t, map[string]string{"go.mod": "module example.com/outside\n\ngo 1.26\n", "secret.txt": "SECRET",
		"outside.go": "package outside\n\nimport _ \"embed\"\n\n//go:embed secret.txt\nvar Text string\n"})
	mod := goMod + "\nrequire example.com/outside v0.0.0\n\nreplace example.com/outside => " + outside + "\n"
	source := "package main\n\nimport \"example.com/outside\"\n\nfunc main() { println(outside.Text) }\n"
	thief := map[string]string{"go.mod": mod, "src/app.go": source}
	r, _ = run(t, NewBuilds(), workspaceOf(t, thief), nil)
	require.Contains(t, r.Stderr, "SECRET") // nothing else keeps it
	r, _ = run(t, b, workspaceOf(t, thief), policy)
	require.NotContains(t, r.Stdout+r.Stderr, "SECRET")
	require.NotEqual(t, 0, r.Exit)
	require.Contains(t, r.Stderr, "permission denied")
}
