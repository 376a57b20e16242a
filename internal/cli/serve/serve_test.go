package serve_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/emulator"
)

// served runs emulator serve until use has had its say, and returns what it did.
func served(t *testing.T, c *clitest.Terminal, use func(app.Ready), args ...string) clitest.Answer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Out = &clitest.Seen{Do: func(all string) {
		defer cancel()
		require.Equal(t, 1, strings.Count(all, "\n"), "one line, whole: %q", all)
		var ready app.Ready
		require.NoError(t, json.Unmarshal([]byte(all), &ready))
		use(ready)
	}}
	a := c.RunContext(ctx, append([]string{"emulator", "serve"}, args...)...)
	c.Out = nil
	return a
}

func TestServe_saysWhereItIsAndEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "PIPELAB_TOKEN=secret")
	var at string
	dir := filepath.Join(c.Dir, "state")
	a := served(t, c, func(r app.Ready) {
		at = r.URL
		require.Equal(t, os.Getpid(), r.PID)
		require.Equal(t, "embedded", r.Emulator)
		require.Contains(t, r.Capabilities, emulator.ClockAdvance)
		_, err := emulator.NewControl(emulator.NewEndpoint(r.URL, "secret")).Faults(t.Context())
		require.NoError(t, err)
		_, err = emulator.NewControl(emulator.NewEndpoint(r.URL, "guessed")).Faults(t.Context())
		require.Error(t, err)
	}, "--addr", "127.0.0.1:0", "--dir", dir)
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.DirExists(t, dir)
	_, err := emulator.NewControl(emulator.NewEndpoint(at, "secret")).Faults(t.Context())
	require.Error(t, err)
}

func TestServe_withoutATokenLetsNobodySteerIt(t *testing.T) {
	t.Parallel()
	served(t, clitest.New(t), func(r app.Ready) {
		_, err := emulator.NewControl(emulator.NewEndpoint(r.URL, "")).Faults(t.Context())
		require.Error(t, err)
	}, "--addr", "127.0.0.1:0")
}

// It ends when nothing uses it, but not while something in it would be lost; and when
// its folder goes away.
func TestServe_endsWhenNobodyUsesIt(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "PIPELAB_TOKEN=secret")
	a := c.Run("emulator", "serve", "--addr", "127.0.0.1:0", "--idle", "20ms")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Equal(t, "nothing has used it for 20ms; the emulator ends\n", a.Err)

	folder := filepath.Join(c.Dir, "bound")
	require.NoError(t, os.Mkdir(folder, 0o700))
	c.Out = &clitest.Seen{Do: func(all string) {
		var ready app.Ready
		require.NoError(t, json.Unmarshal([]byte(all), &ready))
		ctl := emulator.NewControl(emulator.NewEndpoint(ready.URL, "secret"))
		_, err := ctl.AddFault(t.Context(), emulator.Fault{Kind: "error"})
		require.NoError(t, err)
		use, err := ctl.Use(t.Context())
		require.NoError(t, err)
		require.Zero(t, use.Idle, "a fault is in force")
		require.Positive(t, use.Memory)
		require.NoError(t, os.Remove(folder))
	}}
	a = c.Run("emulator", "serve", "--addr", "127.0.0.1:0", "--idle", "400ms", "--bound", folder)
	c.Out = nil
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Equal(t, "the folder "+folder+" is gone; the emulator ends\n", a.Err)
}

func TestServe_whereSomebodyElseIs(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	addr := taken.Addr().String()
	c := clitest.New(t)
	c.Says(t, app.ExitEnvironment, addr+" is taken by another program", "--addr 127.0.0.1:0", "emulator", "serve",
		"--addr",
		addr)
	a := served(t, c, func(r app.Ready) { require.NotContains(t, r.URL, addr) }, "--addr", addr, "--or-free-port")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
}

func TestServe_refusesWhatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	file := c.Write(t, "file", "")
	for line, want := range map[string][2]string{
		"--addr 0.0.0.0:0":                            {"0.0.0.0:0 is not a loopback address", "127.0.0.1:0"},
		"--addr nowhere":                              {"nowhere", "127.0.0.1:0"},
		"--addr 127.0.0.1:http-or-so":                 {"http-or-so", "127.0.0.1:0"},
		"--dir d --emulator http://127.0.0.1:1":       {"--dir is for the embedded emulator", ""},
		"--iam on":                                    {"--iam on: want off, soft or enforced", ""},
		"--iam soft --emulator http://127.0.0.1:1":    {"--iam is for the embedded emulator", ""},
		"--max-bytes -1":                              {"--max-bytes is a positive number", ""},
		"--max-bytes 9 --emulator http://127.0.0.1:1": {"--max-bytes is a positive number, and for the embedded", ""},
		"--idle -1s":                                  {"--idle -1s is no time", ""},
		"--bound nowhere":                             {"nowhere", ""},
		"--max-bytes much":                            {"--max-bytes", "see: pipelab emulator serve --help"},
		"--emulator embeded":                          {`there is no emulator "embeded"`, "did you mean embedded?"},
	} {
		c.Says(t, app.ExitUsage, want[0], want[1], append([]string{"emulator", "serve"}, strings.Fields(line)...)...)
	}
	c.Says(t, app.ExitEnvironment, file, "", "emulator", "serve", "--addr", "127.0.0.1:0", "--dir", filepath.Join(file,
		"below"))
	c.Says(t, app.ExitEnvironment, "127.0.0.1:1", "is it running? see: pipelab doctor", "emulator", "serve", "--addr",
		"127.0.0.1:0", "--emulator", "http://127.0.0.1:1")
}
