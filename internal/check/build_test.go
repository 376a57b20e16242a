package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
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

func run(t *testing.T, b *Builds, dir string, policy *sandbox.Policy) sandbox.Result {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("Go is not installed")
	}
	s := &session{o: Options{Builds: b}}
	spec := sandbox.Spec{Command: []string{"go", "run", "src/app.go", "a", "b c"}, Dir: dir, Policy: policy,
		Timeout: time.Minute}
	r, err := s.execute(t.Context(), spec)
	require.NoError(t, err)
	return r
}

// files are the programs that were made.
func (b *Builds) files() (out []string) {
	for _, one := range b.made {
		out = append(out, one.file)
	}
	return out
}

const prints = `package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println(len(os.Args), os.Args[1:]); os.Exit(3) }
`

func TestBuilds_makesTheSameFilesOnce(t *testing.T) {
	b := NewBuilds(clock.New())
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints})
	t.Setenv("GOFLAGS", "-mod=vendor") // the machine's settings are not the learner's
	r := run(t, b, dir, nil)
	require.Equal(t, "3 [a b c]\n", r.Stdout, r.Stderr)
	require.Equal(t, 3, r.Exit)
	require.Len(t, b.made, 1)
	file := b.files()[0]
	before, err := os.Stat(file)
	require.NoError(t, err)
	r = run(t, b, workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints}), nil)
	require.Equal(t, 3, r.Exit)
	after, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
	require.Len(t, b.made, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "src/app.go"),
		[]byte("package main\n\nfunc main() { println(\"new\") }\n"), 0o600))
	r = run(t, b, dir, nil)
	require.Equal(t, "new\n", r.Stderr)
	require.Len(t, b.made, 2)
	b.Close()
	require.NoFileExists(t, file)
}

// What does not compile is the learner's, in the compiler's words.
func TestBuilds_tellsWhatTheCompilerSays(t *testing.T) {
	b := NewBuilds(clock.New())
	defer b.Close()
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": "package main\n\nfunc main() { missing() }\n"})
	for range 2 {
		r := run(t, b, dir, nil)
		require.Equal(t, 1, r.Exit)
		require.Contains(t, r.Stderr, "src/app.go:3:15: undefined: missing")
		require.Empty(t, r.Stdout)
	}
}

// A build that was interrupted is none.
func TestBuilds_interrupted(t *testing.T) {
	b := NewBuilds(clock.New())
	defer b.Close()
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.prepare(ctx, &sandbox.Spec{Command: []string{"go", "run", "src/app.go"}, Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	r := run(t, b, dir, nil)
	require.Equal(t, 3, r.Exit, r.Stderr)
}

// Nobody gets the program of somebody whose files differ only in what is hidden.
func TestBuilds_hiddenFiles(t *testing.T) {
	b := NewBuilds(clock.New())
	defer b.Close()
	source := "package main\n\nimport _ \"embed\"\n\n//go:embed .name\nvar name string\n\nfunc main() { print(name) }\n"
	for _, name := range []string{"one", "two"} {
		files := map[string]string{"go.mod": goMod, "src/app.go": source, "src/.name": name}
		require.Equal(t, name, run(t, b, workspaceOf(t, files), nil).Stderr)
	}
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "one.go": strings.Replace(prints, "Exit(3)", "Exit(1)", 1),
		"two.go": strings.Replace(prints, "Exit(3)", "Exit(2)", 1)})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "src"), 0o700))
	for i, to := range []string{"one.go", "two.go"} {
		link := filepath.Join(dir, "src/app.go")
		require.NoError(t, errors.Join(os.RemoveAll(link), os.Symlink("../"+to, link)))
		r := run(t, b, dir, nil)
		require.Equal(t, i+1, r.Exit, r.Stderr)
	}
}

// Who waits for a build does not suffer when whoever makes it runs out of time.
func TestBuilds_anothersTimeIsUp(t *testing.T) {
	b := NewBuilds(clock.New())
	defer b.Close()
	dir := workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints})
	spec := sandbox.Spec{Command: []string{"go", "run", "src/app.go"}, Dir: dir}
	one, mine, err := b.find(&spec)
	require.NoError(t, err)
	require.True(t, mine)
	result := make(chan sandbox.Result, 1)
	go func() { result <- run(t, b, dir, nil) }()
	select {
	case <-result:
		t.Fatal("it did not wait")
	case <-time.After(200 * time.Millisecond):
	}
	one.err = fmt.Errorf("%w: %w", errInterrupted, context.DeadlineExceeded)
	b.forget(one)
	close(one.made)
	require.Equal(t, 3, (<-result).Exit)
}

func TestBuilds_confined(t *testing.T) {
	policy, err := confine.New(t.Context())
	if errors.Is(err, confine.ErrUnavailable) {
		t.Skip(err)
	}
	require.NoError(t, err)
	b := NewBuilds(clock.New())
	defer b.Close()
	r := run(t, b, workspaceOf(t, map[string]string{"go.mod": goMod, "src/app.go": prints}), policy)
	require.Equal(t, "3 [a b c]\n", r.Stdout, r.Stderr)
	outside := workspaceOf(t, map[string]string{"go.mod": "module example.com/outside\n\ngo 1.26\n",
		"secret.txt": "SECRET",
		"outside.go": "package outside\n\nimport _ \"embed\"\n\n//go:embed secret.txt\nvar Text string\n"})
	mod := goMod + "\nrequire example.com/outside v0.0.0\n\nreplace example.com/outside => " + outside + "\n"
	source := "package main\n\nimport \"example.com/outside\"\n\nfunc main() { println(outside.Text) }\n"
	thief := map[string]string{"go.mod": mod, "src/app.go": source}
	free := NewBuilds(clock.New())
	defer free.Close()
	r = run(t, free, workspaceOf(t, thief), nil)
	require.Contains(t, r.Stderr, "SECRET") // nothing else keeps it
	r = run(t, b, workspaceOf(t, thief), policy)
	require.NotContains(t, r.Stdout+r.Stderr, "SECRET")
	require.NotEqual(t, 0, r.Exit)
	require.Contains(t, r.Stderr, "permission denied")
}

// What strangers' sources leave in Go's cache would stay on the machine for good.
func TestBuilds_leaveNoMoreInGosCacheThanTheyMay(t *testing.T) {
	policy, err := confine.New(t.Context())
	if errors.Is(err, confine.ErrUnavailable) {
		t.Skip(err)
	}
	require.NoError(t, err)
	places, err := goPlaces(t.Context())
	require.NoError(t, err)
	b := NewBuilds(clock.New())
	defer b.Close()
	b.cache = 8 << 20
	salt := strconv.FormatInt(time.Now().UnixNano(), 10)
	before := watchCache(places["GOCACHE"])
	r := run(t, b, workspaceOf(t, map[string]string{"go.mod": goMod,
		"large/large.go": "package large\n\n// " + salt + "\nvar X" + salt + " = [12 << 20]byte{(12 << 20) - 1: 1}\n",
		"src/app.go":     "package main\n\nimport _ \"example.com/app/large\"\n\nfunc main() { undefined() }\n"}), policy)
	require.Equal(t, -1, r.Exit)
	require.Contains(t, r.Stderr, "more than 8 MiB of packages in Go's cache, which were removed")
	files, size := before.grown()
	require.Less(t, size, int64(8<<20), "%q", files)
}
