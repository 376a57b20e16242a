package app_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/endpoint"
)

func TestApp_readsTheEnvironmentItIsGiven(t *testing.T) {
	t.Parallel()
	a := &app.App{Environ: []string{"A=1", "AB=2", "A=3=4", "EMPTY="}, Dir: "/work"}
	require.Equal(t, "3=4", a.Getenv("A"), "the later counts, as for programs")
	require.Equal(t, "2", a.Getenv("AB"))
	require.Empty(t, a.Getenv("EMPTY")+a.Getenv("B"))
	require.Equal(t, "/work/x", a.Path("./y/../x"))
	require.Equal(t, "/x", a.Path("/y/../x"))
	a.Environ = []string{"PIPELAB_CACHE=/c", "PIPELAB_STATE=/s"}
	require.Equal(t, "/c/python", a.PythonDir())
	require.Equal(t, "/s/progress.jsonl", a.Progress().Path)
}

// Programs of learners get neither a real account nor our secrets, all else stays.
func TestCleanEnviron_dropsAccountsAndTokens(t *testing.T) {
	t.Parallel()
	a := &app.App{Environ: []string{"AWS_PROFILE=p", "AWS_SECRET_ACCESS_KEY=k", "PIPELAB_TOKEN=t", "PIPELAB_TOKENS=kept",
		"AWSOME=kept", "X=AWS_"}}
	require.Equal(t, []string{"PIPELAB_TOKENS=kept", "AWSOME=kept", "X=AWS_"}, a.CleanEnviron())
	require.Len(t, a.Environ, 6, "one's own is as it was")
}

func TestPreferPython_putsTheOwnOneFirstOnce(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	a := &app.App{Environ: []string{"PATH=/bin", "PIPELAB_CACHE=" + cache}}
	set := map[string]string{}
	setenv := func(k, v string) error { set[k] = v; return nil }
	require.NoError(t, a.PreferPython(setenv))
	require.Empty(t, set, "there is none yet")
	bin := filepath.Join(cache, "python", app.VenvBin)
	require.NoError(t, os.MkdirAll(bin, 0o700))
	want := bin + string(os.PathListSeparator) + "/bin"
	for range 2 {
		require.NoError(t, a.PreferPython(setenv))
		require.Equal(t, map[string]string{"PATH": want}, set)
		require.Equal(t, want, a.Getenv("PATH"))
	}
}

func TestBeside_setsTextWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app.App{Out: &out}
	text := strings.Repeat("word ", 20) + "end"
	a.Beside("lead  ", text)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	require.True(t, strings.HasPrefix(lines[0], "lead  word") && strings.HasPrefix(lines[1], "      word"), out.String())
	out.Reset()
	a.Beside(strings.Repeat("l", 70)+"  ", "short text")
	require.Equal(t, strings.Repeat("l", 70)+"\n    short text\n", out.String(), "below where there is none")
	out.Reset()
	a.Beside("é: ", "x\x1b[31m\n::error::y") // what learners wrote steers nothing
	require.NotContains(t, out.String(), "\x1b")
	require.NotContains(t, out.String(), "\n::")
}

func TestWidth_isThatOfAPipeWhereThereIsNoTerminal(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer f.Close()
	for _, out := range []*app.Output{app.NewOutput(&bytes.Buffer{}), app.NewOutput(f)} {
		require.Equal(t, 80, (&app.App{Out: out}).Width())
		require.False(t, app.Terminal(out))
	}
	require.Same(t, f, app.Beneath(app.NewOutput(f)))
}

func TestErrors_keepCodeAndCause(t *testing.T) {
	t.Parallel()
	for code, err := range map[int]*app.Error{app.ExitUsage: app.Usagef("a: %w", context.Canceled),
		app.ExitEnvironment: app.Environmentf("a: %w", context.Canceled),
		app.ExitInvalid:     app.Invalidf("a: %w", context.Canceled)} {
		require.Equal(t, code, app.Code(err.Hint("h")))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "a: context canceled", err.Error())
		require.Equal(t, []string{"h"}, err.Hints)
	}
	require.Equal(t, app.ExitOK, app.Code(nil))
	require.Equal(t, app.ExitEnvironment, app.Code(errors.New("any")))
	require.Equal(t, "why", (&app.Error{Cause: errors.New("why")}).Error())
	require.NoError(t, errors.Unwrap(app.Usagef("100 %%")))
}

// What could not be used says what to type, also where a folder's name is not
// plain: it is for a shell.
func TestStartProblem_saysWhatToType(t *testing.T) {
	t.Parallel()
	hints := func(err error) (int, string) {
		var e *app.Error
		require.ErrorAs(t, app.StartProblem(err), &e)
		require.Equal(t, err.Error(), e.Message)
		return e.Code, strings.Join(e.Hints, "\n")
	}
	require.NoError(t, app.StartProblem(nil))
	own := app.Usagef("told")
	require.Same(t, own, app.StartProblem(own))
	code, said := hints(&emulator.StateError{Dir: "/it's mine/", Cause: errors.New("torn")})
	require.Equal(t, app.ExitEnvironment, code)
	require.Contains(t, said, `mv '/it'\''s mine' '/it'\''s mine.aside'`)
	_, said = hints(&emulator.StateError{Dir: "/plain", Newer: true, Cause: errors.New("new")})
	require.Contains(t, said, "mv /plain /plain.aside")
	require.Contains(t, said, "pipelab --version")
	code, said = hints(endpoint.ErrReal)
	require.Equal(t, app.ExitUsage, code)
	require.Contains(t, said, "--i-know-this-is-real-aws")
	code, said = hints(errors.New("refused"))
	require.Equal(t, app.ExitEnvironment, code)
	require.Contains(t, said, "pipelab doctor")
}

func TestReadJSON_tellsMissingFromDamaged(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f.json")
	var v map[string]int
	found, err := app.ReadJSON(file, &v)
	require.NoError(t, err)
	require.False(t, found)
	require.NoError(t, os.WriteFile(file, []byte(`{"a":1}`), 0o600))
	found, err = app.ReadJSON(file, &v)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, 1, v["a"])
	require.NoError(t, os.WriteFile(file, []byte(`{"a":`), 0o600))
	_, err = app.ReadJSON(file, &v)
	require.ErrorContains(t, err, file+" is damaged: ")
	_, err = app.ReadJSON(filepath.Dir(file), &v)
	require.ErrorIs(t, err, syscall.EISDIR)
}

// GitHub names the files; several steps append to them.
func TestReportOptions_appendToWhatGitHubNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := &app.App{Now: time.Now, Environ: []string{"GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary"),
		"GITHUB_OUTPUT=" + filepath.Join(dir, "no", "output")}}
	_, _, err := a.ReportOptions("github")
	require.ErrorIs(t, err, fs.ErrNotExist)
	o, done, err := a.ReportOptions("html")
	require.NoError(t, err, "other formats write to neither")
	require.Nil(t, o.Summary)
	done()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "no"), 0o700))
	for range 2 {
		o, done, err := a.ReportOptions("github")
		require.NoError(t, err)
		_, err = o.Summary.Write([]byte("one\n"))
		require.NoError(t, err)
		done()
		_, err = o.Summary.Write([]byte("late"))
		require.ErrorIs(t, err, fs.ErrClosed)
	}
	b, err := os.ReadFile(filepath.Join(dir, "summary"))
	require.NoError(t, err)
	require.Equal(t, "one\none\n", string(b))
}

func TestWall_sleepsUntilInterrupted(t *testing.T) {
	t.Parallel()
	a := &app.App{Now: time.Now}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.Wall().Sleep(ctx, time.Hour), context.Canceled)
	require.NoError(t, a.Wall().Sleep(t.Context(), time.Nanosecond))
}

func TestDriver_ofAWordThatIsNone(t *testing.T) {
	t.Parallel()
	a := &app.App{}
	for _, use := range []func() error{
		func() error { _, err := a.Driver("ministak"); return err },
		func() error { return a.Reach(t.Context(), "ministak") },
		func() error { _, err := a.CapabilitiesNamed(t.Context(), "ministak"); return err },
	} {
		var e *app.Error
		require.ErrorAs(t, use(), &e)
		require.Equal(t, app.ExitUsage, e.Code)
		require.Equal(t, "did you mean ministack?", e.Hints[0])
	}
	n, err := a.Sweep(t.Context(), "embedded")
	require.NoError(t, err)
	require.Zero(t, n)
	for _, k := range app.Kinds() {
		_, err := a.Driver(string(k))
		require.NoError(t, err)
		has, err := a.CapabilitiesNamed(t.Context(), string(k))
		require.NoError(t, err)
		require.Equal(t, emulator.CapabilitiesOf(k), has)
		require.NotEqual(t, emulator.CapabilitiesOf(emulator.AtURL), has, "%s has a column of its own", k)
	}
}

func TestSelf_isWhatCanBeTyped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "pipelab")
	require.NoError(t, os.WriteFile(program, nil, 0o700))
	require.Equal(t, "pipelab", (&app.App{}).Self(), "nobody knows where the program is")
	on := &app.App{Program: program, Environ: []string{"PATH=" + t.TempDir() + string(os.PathListSeparator) + dir}}
	require.Equal(t, "pipelab", on.Self())
	require.Empty(t, on.PathHint())
	off := &app.App{Program: program, Environ: []string{"PATH=" + t.TempDir()}}
	require.Equal(t, program, off.Self())
	require.Equal(t, "export PATH="+dir+":$PATH", off.PathHint())
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "pipelab"), []byte("older"), 0o700))
	hidden := &app.App{Program: program, Environ: []string{"PATH=" + other + string(os.PathListSeparator) + dir}}
	require.Equal(t, program, hidden.Self(), "another one comes first")
}
