//go:build unix

package confine

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/procgroup"
)

//go:embed tunnel.py
var tunnelScript string

// engineLimit is how long an engine may take for a question, startLimit for a
// container to be ready, on a machine that is busy with others.
const engineLimit, startLimit = 3 * time.Second, time.Minute

// container is where the programs of a policy run.
type container struct {
	tool  string // docker or podman
	image string

	mu    sync.Mutex
	found map[string]error // programs that were looked for in the image
}

// NewContainer returns a policy under which each program runs in a container
// of its own, without a network: a tunnel carries connections to the policy's
// ports. The image must have what the programs need, Python 3 first of all. The error
// wraps ErrUnavailable and says what is missing.
func NewContainer(ctx context.Context, image string) (*Policy, error) {
	c := &container{image: image, found: map[string]error{}}
	for _, tool := range []string{"docker", "podman"} {
		if path, err := exec.LookPath(tool); err == nil {
			c.tool = path
			break
		}
	}
	if c.tool == "" {
		return nil, fmt.Errorf("%w: there is neither docker nor podman on PATH", ErrUnavailable)
	}
	if out, err := c.ask(ctx, "version", "--format", "{{.Server.Version}}"); err != nil {
		line, _, _ := strings.Cut(out, "\n")
		return nil, fmt.Errorf("%w: the container engine does not answer: %s", ErrUnavailable, line)
	}
	env, err := c.ask(ctx, "image", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", image)
	if err != nil {
		return nil, fmt.Errorf("%w: %w %s", ErrUnavailable, ErrNoImage, image)
	}
	p := &Policy{container: c}
	for line := range strings.Lines(env) {
		if path, ok := strings.CutPrefix(line, "PATH="); ok {
			p.Path = strings.TrimSpace(path)
		}
	}
	switch _, err := p.LookPath("python3"); {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w: the image %s has no python3", ErrUnavailable, image)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return p, nil
}

// ask asks the engine something that it can say at once.
func (c *container) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, engineLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.tool, args...).CombinedOutput() // arguments of ours
	text := strings.TrimSpace(string(out))
	if err != nil {
		if ctx.Err() != nil {
			text = "no answer within " + engineLimit.String()
		}
	}
	return text, err
}

// lookPath tells whether the image has a program; its name is enough to start it.
func (c *container) lookPath(name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err, known := c.found[name]
	if !known {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		out, e := exec.CommandContext(ctx, c.tool, "run", "--rm", "--network", "none", "--entrypoint", "sh", c.image,
			"-c", `command -v "$1" >/dev/null || exit 99`, "sh", name).CombinedOutput()
		var exit *exec.ExitError
		switch {
		case errors.As(e, &exit) && exit.ExitCode() == 99:
			err = &exec.Error{Name: name, Err: exec.ErrNotFound}
		case e != nil: // the engine's own trouble: it may be over next time
			line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
			return "", fmt.Errorf("look for %s in the image %s: %w: %s", name, c.image, e, line)
		}
		c.found[name] = err
	}
	return name, err
}

// box is a cage that is a container.
type box struct {
	policy Policy
	name   string

	ending sync.Once
	main   *exec.Cmd // the container's first process, the tunnel's other end
	tunnel *tunnel
	ended  chan struct{} // closed when that has ended
	done   chan struct{} // closed by End
	watch  sync.WaitGroup

	mu     sync.Mutex
	breach string
}

func (p *Policy) box() (jail, error) {
	return &box{policy: *p, name: "pipelab-" + strings.ToLower(rand.Text()), done: make(chan struct{})}, nil
}

// Start starts the container, and cmd in it.
func (b *box) Start(cmd *exec.Cmd) error {
	if err := b.begin(); err != nil {
		return err
	}
	args := []string{"exec", "--interactive"}
	if cmd.Dir != "" {
		args = append(args, "--workdir", cmd.Dir)
	}
	for _, v := range cmd.Env {
		args = append(args, "--env", v)
	}
	// The engine's tool is ours and needs our environment; the program has its own.
	cmd.Args = slices.Concat([]string{b.policy.container.tool}, args, []string{b.name}, cmd.Args)
	cmd.Path, cmd.Err, cmd.Env, cmd.Dir = b.policy.container.tool, nil, os.Environ(), ""
	procgroup.Own(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	b.watch.Go(b.guard)
	return nil
}

// begin starts the container. It ends with its input, so also when pipelab has died.
func (b *box) begin() error {
	args := []string{
		"run", "--rm", "--interactive", "--init", "--name", b.name, "--label", "pipelab=sandbox",
		"--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--memory", strconv.FormatInt(b.policy.memory(), 10), "--memory-swap", strconv.FormatInt(b.policy.memory(), 10),
		"--pids-limit", strconv.Itoa(b.policy.processes() + threads),
		"--ulimit", "core=0", "--ulimit", "fsize=" + strconv.FormatInt(b.policy.fileSize(), 10),
		"--tmpfs", "/tmp:rw,nosuid,size=" + strconv.FormatInt(b.policy.disk(), 10),
		"--entrypoint", "python3",
	}
	if runtime.GOOS == "linux" { // elsewhere the engine maps owners by itself
		args = append(args, "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()))
	}
	for i, folders := range [][]string{b.policy.Read, b.policy.Write} {
		for _, f := range folders {
			if i == 0 && within(f, b.policy.Write) {
				continue
			}
			mount := "type=bind,source=" + f + ",target=" + f
			if strings.ContainsRune(f, ',') {
				return fmt.Errorf("a container cannot have the folder %s: there is a comma in its name", f)
			}
			if i == 0 {
				mount += ",readonly"
			}
			args = append(args, "--mount", mount)
		}
	}
	args = append(args, b.policy.container.image, "-c", tunnelScript)
	for _, port := range b.policy.Ports {
		args = append(args, strconv.Itoa(port))
	}
	b.main = exec.Command(b.policy.container.tool, args...) //nolint:noctx // arguments of ours; End ends it
	procgroup.Own(b.main)
	var said strings.Builder
	b.main.Stderr = &said
	in, err := b.main.StdinPipe()
	if err != nil {
		return err
	}
	out, err := b.main.StdoutPipe()
	if err != nil {
		return err
	}
	if err := b.main.Start(); err != nil {
		return fmt.Errorf("start a container: %w", err)
	}
	b.ended = make(chan struct{})
	b.tunnel = newTunnel(in, out, b.policy.Ports)
	ready := make(chan error, 1)
	go func() {
		err := b.tunnel.await()
		ready <- err
		if err == nil {
			b.tunnel.serve()
		}
		_ = b.main.Wait() // how it ended does not matter: it is over
		close(b.ended)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case err = <-ready:
	case <-limit.C:
		err = fmt.Errorf("it is not ready after %s", startLimit)
	}
	if err != nil {
		b.End()
		<-b.ended
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("start a container of %s: %w: %s", b.policy.container.image, err, line)
	}
	return nil
}

// guard watches what the kernel does not bound: what folders grow by.
func (b *box) guard() {
	ticker := time.NewTicker(boxInterval)
	defer ticker.Stop()
	before := b.policy.diskUse()
	for {
		select {
		case <-b.done:
			return
		case <-ticker.C:
		}
		if now := b.policy.diskUse(); now.bytes-before.bytes > b.policy.disk() || now.deep && !before.deep {
			b.tell(fmt.Sprintf("it wrote more than %d MiB", b.policy.disk()>>20))
			b.kill()
			return
		}
	}
}

const boxInterval = 100 * time.Millisecond

func (b *box) tell(breach string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.breach == "" {
		b.breach = breach
	}
}

// kill ends the container with all that is in it, and waits for that.
func (b *box) kill() {
	b.tunnel.close()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	_ = exec.CommandContext(ctx, b.policy.container.tool, "kill",
		b.name).Run() // our name; an error means that it has ended
	select {
	case <-b.ended:
	case <-ctx.Done():
	}
}

// End kills everything in the container.
func (b *box) End() {
	b.ending.Do(func() {
		close(b.done)
		b.watch.Wait()
		if b.main == nil || b.main.Process == nil {
			return
		}
		// The kernel may have ended a process of the container for its memory.
		// Source: cgroups(7), memory.events; memory.oom_control of version 1
		// one of the files is missing: an error
		out, _ := b.policy.container.ask(context.Background(), "exec", b.name, "sh", "-c",
			"cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null")
		for line := range strings.Lines(out) {
			if n, ok := strings.CutPrefix(line, "oom_kill "); ok && strings.TrimSpace(n) != "0" {
				b.tell(fmt.Sprintf("it took more than %d MiB of memory", b.policy.memory()>>20))
			}
		}
		b.kill()
	})
}

// Breach is the limit that the program broke.
func (b *box) Breach() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.breach
}
