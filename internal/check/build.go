package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/tempdir"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Builds are programs in Go that were compiled for checks: "go run" would link
// them again each time that they start. What the same files make is made once.
// Make one with NewBuilds, end it with Close.
type Builds struct {
	mu   sync.Mutex
	dir  *tempdir.Dir
	made map[string]*build

	clock     Clock
	compiling sync.Mutex // of confined programs, so that it is known whose packages came
	cache     int64      // bytes that one may leave in Go's cache
}

// build is one program, or why there is none. It is done once made is closed.
type build struct {
	made   chan struct{}
	file   string
	failed *sandbox.Result // what the compiler said
	err    error
}

// NewBuilds returns builds of which none is made. The clock is the machine's, which
// compilers run in.
func NewBuilds(c Clock) *Builds {
	return &Builds{clock: c, made: map[string]*build{}, cache: buildCache}
}

// Close removes what was built.
func (b *Builds) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != nil {
		_ = b.dir.Remove() // a folder for temporary files
	}
}

// A build may take long where the SDK has never been compiled.
const buildLimit = 10 * time.Minute

// What a build may take where programs are confined: compilers and linkers take
// more than learners' programs.
const (
	buildMemory = 4 << 30
	buildDisk   = 2 << 30
	// A program with one client of the SDK, the standard library included: 120 MB.
	buildCache = 1 << 30
)

// goRun reports whether a command is "go run PACKAGE ARGUMENTS…".
func goRun(command []string) bool {
	return len(command) > 2 && command[0] == "go" && command[1] == "run" && !strings.HasPrefix(command[2], "-")
}

// prepare builds what spec is to run with "go run", and puts the program in the place of
// the command. A result is that of a build that failed, which the learner is to
// see as that of the program. The error is ours.
func (b *Builds) prepare(ctx context.Context, spec *sandbox.Spec) (*sandbox.Result, error) {
	for {
		one, mine, err := b.find(spec)
		if err != nil {
			return nil, err
		}
		if mine {
			one.failed, one.err = b.compile(ctx, *spec, one.file)
			if one.err != nil { // whoever comes next may have more luck, or more time
				b.forget(one)
			}
			close(one.made)
		}
		select {
		case <-one.made:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !mine && errors.Is(one.err, errInterrupted) {
			continue // somebody else's time was up
		}
		if one.err != nil || one.failed != nil {
			return one.failed, one.err
		}
		spec.Command = append([]string{one.file}, spec.Command[3:]...)
		spec.Policy = spec.Policy.With([]string{one.file}, nil)
		return nil, nil // it is built
	}
}

// errInterrupted is in the chain of a build's error when the time of whoever
// made it was up.
var errInterrupted = errors.New("the build was interrupted")

// find returns the build of a program; whoever is told that it is theirs makes it.
func (b *Builds) find(spec *sandbox.Spec) (one *build, mine bool, err error) {
	key, err := treeDigest(spec.Dir, spec.Command[2])
	if err != nil {
		return nil, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir == nil {
		if b.dir, err = tempdir.New("build"); err != nil {
			return nil, false, err
		}
	}
	if one := b.made[key]; one != nil {
		return one, false, nil
	}
	one = &build{made: make(chan struct{}), file: filepath.Join(b.dir.Path(), key, "program")}
	b.made[key] = one
	return one, true, nil
}

func (b *Builds) forget(one *build) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.made, func(_ string, o *build) bool { return o == one })
}

// buildAhead compiles the programs in Go of the checks that will run: the first
// time the SDK is compiled with them, which takes longer than a check may.
// Whatever is wrong with one is told by the check that runs it.
func (o *Options) buildAhead(ctx context.Context, wanted map[string]bool) {
	done := map[string]bool{}
	for _, c := range o.Lab.Checks {
		if len(wanted) > 0 && !wanted[c.ID] {
			continue
		}
		for _, step := range c.Steps {
			if step.Run == nil || done[step.Run.Program] {
				continue
			}
			done[step.Run.Program] = true
			command := o.command(o.Lab.Programs[step.Run.Program])
			if !goRun(command) || strings.Contains(command[2], "${") {
				continue
			}
			built := func() {}
			if o.Building != nil {
				built = o.Building(command[2])
			}
			spec := sandbox.Spec{Command: command, Dir: o.Workspace, Policy: o.Confine.With(nil, nil)}
			_, _ = o.Builds.prepare(ctx, &spec) // as above
			built()
		}
	}
}

// compile runs the compiler as it would run for the learner, but for what the
// machine's settings say, and confined where the program is: it only reads the
// learner's files, but they may name others.
func (b *Builds) compile(ctx context.Context, spec sandbox.Spec, file string) (*sandbox.Result, error) {
	places, err := goPlaces(ctx)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errInterrupted, ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	out := filepath.Dir(file)
	if err := os.MkdirAll(out, 0o755); err != nil { // programs may run as somebody else
		return nil, err
	}
	spec.Command = []string{"go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", file, spec.Command[2]}
	spec.Stdin, spec.Kill, spec.Together, spec.Timeout = nil, nil, nil, buildLimit
	spec.Env = []string{"GOCACHE=" + places["GOCACHE"], "GOMODCACHE=" + places["GOMODCACHE"], "GOPATH=" + places["GOPATH"],
		"GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local", "GOENV=off"}
	if spec.Policy != nil {
		// A module that is not on the machine is not found: there is no network. No C
		// compiler: it would take orders from the learner's files.
		spec.Env = append(spec.Env, "GOPROXY=off", "CGO_ENABLED=0")
		p := spec.Policy.With([]string{places["GOROOT"], places["GOMODCACHE"]}, []string{out})
		p.Caches = []string{places["GOCACHE"]}
		p.Memory, p.Disk, p.FileSize, p.Ports = buildMemory, buildDisk, buildDisk, nil
		spec.Policy = p
	}
	r, left, err := b.run(ctx, spec, places["GOCACHE"])
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errInterrupted, errors.Join(err, ctx.Err()))
	}
	if left != "" {
		return &sandbox.Result{Exit: -1, Stderr: left}, nil
	}
	if err != nil {
		return nil, err
	}
	if r.Exit == 0 {
		return nil, nil // it is built
	}
	r.Stderr = r.Stdout + r.Stderr
	r.Stdout = ""
	return &r, nil
}

// run runs a compiler; left says that it left too much in Go's cache.
func (b *Builds) run(ctx context.Context, spec sandbox.Spec, cache string) (r sandbox.Result, left string, err error) {
	if spec.Policy == nil {
		r, err = sandbox.Run(ctx, spec)
		return r, "", err
	}
	b.compiling.Lock()
	defer b.compiling.Unlock()
	watch := watchCache(cache)
	held, stop := watch.hold(ctx, b.clock, b.cache)
	r, err = sandbox.Run(held, spec)
	stop()
	return r, watch.undo(b.cache), err
}

// goPlaces asks Go where it keeps things.
func goPlaces(ctx context.Context) (map[string]string, error) {
	names := []string{"GOROOT", "GOPATH", "GOMODCACHE", "GOCACHE"}
	b, err := confine.Tool(ctx, "go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask Go for its folders: %w", err)
	}
	lines := strings.Split(strings.TrimRight(string(b), "\r\n"), "\n")
	if len(lines) != len(names) {
		return nil, fmt.Errorf("go env printed %q", b)
	}
	places := map[string]string{}
	for i, name := range names {
		places[name] = strings.TrimSpace(lines[i])
	}
	return places, nil
}

// treeDigest tells workspaces apart by whatever the compiler may read: files can
// be embedded by name even if they are hidden, but not version control's.
func treeDigest(dir, pkg string) (string, error) {
	files, err := digest.Files(os.DirFS(dir), func(folder string) bool {
		return folder == workspace.StateDir || folder == ".git"
	})
	if err != nil {
		return "", fmt.Errorf("look at the files to build: %w", err)
	}
	return digest.Of(append(files, digest.File{Name: "package", Sum: pkg})), nil
}
