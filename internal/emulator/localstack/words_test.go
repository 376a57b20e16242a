package localstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"
	"github.com/stretchr/testify/require"

	pins "github.com/pipelab/pipelab/localstack"
)

func TestNeedsToken_knowsTheTags(t *testing.T) {
	for image, needs := range map[string]bool{
		"localstack/localstack":                             true,
		"localstack/localstack:latest":                      true,
		"localstack/localstack:stable":                      true,
		"docker.io/localstack/localstack:2026.03":           true,
		"localstack/localstack:2026.8.3":                    true,
		"localstack/localstack-pro:4.14.0":                  true,
		"localstack/localstack:4.14.0":                      false,
		"localstack/localstack:4.14.0@sha256:3ebc":          false,
		"localstack/localstack:community-archive":           false,
		"localstack/localstack@sha256:3ebc":                 false,
		"registry.example:5000/localstack/localstack:4.9.2": false,
		"registry.example:5000/localstack/localstack":       true,
		"pipelab/localstack:4.14.0":                         false,
		"ministackorg/ministack:latest":                     false,
	} {
		require.Equal(t, needs, needsToken(image) != "", image)
	}
}

func TestPins_nameWhatTheDriverAsksFor(t *testing.T) {
	p := pins.Pins()
	for _, kind := range []string{"LOCALSTACK", "MINISTACK"} {
		for _, name := range []string{kind + "_IMAGE", kind + "_BUILT_IMAGE"} {
			require.Contains(t, p[name], ":", name)
			require.Empty(t, needsToken(p[name]), name)
		}
		require.True(t, strings.HasSuffix(p[kind+"_BUILT_IMAGE"], ":"+p[kind+"_VERSION"]),
			"the tag of what is built is the version it is built of")
	}
	require.Contains(t, p["LOCALSTACK_IMAGE"], "@sha256:")
	require.Contains(t, p["LOCALSTACK_IMAGE"], ":"+p["LOCALSTACK_VERSION"]+"@",
		"what is pulled and what is built are one version")
	require.NotEmpty(t, needsToken(p["LOCALSTACK_TOKEN_IMAGE"]))
}

func TestImage_refusesATagThatNeedsATokenBeforeItAsksTheEngine(t *testing.T) {
	d := &Driver{Image: "localstack/localstack:latest", Environ: []string{TokenVariable + "="}}
	_, err := d.image(context.Background(), nil)
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.Contains(t, problem.Message, "does not start without an account token")
	require.Contains(t, problem.Hint, TokenVariable)
}

func TestImage_knowsItsKinds(t *testing.T) {
	_, err := (&Driver{Kind: "moto"}).image(context.Background(), nil)
	require.ErrorContains(t, err, `no kind of container "moto"`)
}

func TestEnded_explainsExitCode55(t *testing.T) {
	require.Contains(t, ended("x", 55, "License activation failed").Message, "account token")
	require.Contains(t, ended("x", 1, "no space left").Message, "exit code 1: no space left")
}

func TestNoEngine_tellsTheReasonsApart(t *testing.T) {
	require.Contains(t, noEngine(context.DeadlineExceeded).Message, "three seconds")
	require.Contains(t, noEngine(errors.New("dial unix /var/run/docker.sock: connect: permission denied")).Hint, "usermod")
	require.Contains(t, noEngine(errors.New("rootless Docker not found")).Hint, "--emulator embedded")
}

func TestBinding_isLoopbackOnly(t *testing.T) {
	for addr, want := range map[string]string{"": "127.0.0.1:0", "127.0.0.1:0": "127.0.0.1:0",
		"127.0.0.1:4566": "127.0.0.1:4566", "[::1]:1": "::1:1"} {
		b, err := binding(addr)
		require.NoError(t, err)
		require.Equal(t, want, b.HostIP.String()+":"+b.HostPort)
	}
	for _, addr := range []string{"0.0.0.0:4566", ":4566", "example.com:1", "127.0.0.1"} {
		_, err := binding(addr)
		require.Error(t, err, addr)
	}
}

func TestOwner_isGoneWhenItsProcessIs(t *testing.T) {
	me, err := self()
	require.NoError(t, err)
	read, err := parseOwner(me.String())
	require.NoError(t, err)
	require.Equal(t, me, read)
	require.False(t, me.gone(me.host), "this process lives")

	reused := me
	reused.started -= 60_000
	require.True(t, reused.gone(me.host), "the number is another process's now")
	require.False(t, reused.gone("elsewhere"), "another machine's processes cannot be seen from here")

	child := exec.Command("true")
	require.NoError(t, child.Run())
	dead := owner{host: me.host, pid: int32(child.Process.Pid), started: me.started}
	require.True(t, dead.gone(me.host))

	killed := exec.Command("sleep", "1000")
	require.NoError(t, killed.Start())
	unwaited := owner{host: me.host, pid: int32(killed.Process.Pid)}
	p, err := process.NewProcess(unwaited.pid)
	require.NoError(t, err)
	unwaited.started, err = p.CreateTime()
	require.NoError(t, err)
	require.False(t, unwaited.gone(me.host))
	require.NoError(t, killed.Process.Kill())
	require.Eventually(t, func() bool {
		return unwaited.gone(me.host)
	}, time.Minute, time.Millisecond, "dead, though nobody has waited for it")
	require.Error(t, killed.Wait(), "it was killed")

	for _, s := range []string{"", "a/b/c", "a/1", "a/1/x", "a/99999999999/1"} {
		_, err := parseOwner(s)
		require.Error(t, err, s)
	}
}

func TestRecovered_turnsPanicsIntoErrors(t *testing.T) {
	cause := errors.New("no socket")
	f := func(with any) (err error) {
		defer recovered(&err)
		panic(with)
	}
	require.ErrorIs(t, f(cause), cause)
	require.EqualError(t, f("rootless"), "rootless")
}

// The library remembers what it found until the process ends, so each look at
// an engine takes a process.
func TestAvailable_saysPlainlyWhatIsWrong(t *testing.T) {
	if os.Getenv("PIPELAB_LOOK") != "" {
		err := Available(context.Background())
		var problem *Error
		if errors.As(err, &problem) {
			fmt.Println("said:", problem.Message)
		}
		return
	}
	look := func(host string) string {
		t.Helper()
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = []string{"PIPELAB_LOOK=1", "DOCKER_HOST=" + host, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	silent, err := net.Listen("unix", filepath.Join(t.TempDir(), "docker.sock"))
	require.NoError(t, err)
	defer silent.Close()
	require.Contains(t, look("unix:///nowhere/docker.sock"),
		"said: no container engine answers at unix:///nowhere/docker.sock, where DOCKER_HOST says it is",
		"even if another one answers")
	require.Contains(t, look("unix://"+silent.Addr().String()),
		"said: the container engine does not answer within three seconds")
}
