package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/sandbox"
)

// Builds are programs in Go that were compiled for checks: "go run" would link
// them again each time that they start. What the same files make is made once.
// Make one with NewBuilds, end it with Close.
type Builds struct {
	mu   sync.Mutex
	dir  string
	made map[string]*build
}

// build is one program, or why there is none.
type build struct {
	once   sync.Once
	file   string
	failed *sandbox.Result // what the compiler said
	err    error
}

// NewBuilds returns builds of which none is made.
func NewBuilds() *Builds { return &Builds{made: map[string]*build{}} }

// Close removes what was built.
func (b *Builds) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // a folder for temporary files
	}
}

// A build may take long where the SDK has never been compiled.
const buildLimit = 10 * time.Minute

// What a build may take where programs are confined: compilers and linkers take
// more than learners' programs.
const (
	buildMemory = 4 << 30
	buildDisk   = 2 << 30
)

// goRun reports whether a command is "go run PACKAGE ARGUMENTS…".
func goRun(command []string) bool {
	return len(command) > 2 && command[0] == "go" && command[1] == "run" && !strings.HasPrefix(command[2], "-")
}

// prepare builds what spec is to run with "go run", and puts the program in the place of
// the command. A result is that of a build that failed, which the learner is to
// see as that of the program. The error is ours.
func (b *Builds) prepare(ctx context.Context, spec *sandbox.Spec) (*sandbox.Result, error) {
	key, err := treeDigest(spec.Dir, spec.Command[2])
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	if b.dir == "" {
		b.dir, err = os.MkdirTemp("", "pipelab-build-")
	}
	one := b.made[key]
	if one == nil {
		one = &build{file: filepath.Join(b.dir, key, "program")}
		b.made[key] = one
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	one.once.Do(func() { one.failed, one.err = compile(ctx, *spec, one.file) })
	if one.err != nil || one.failed != nil {
		if ctx.Err() != nil { // who comes later may have the time
			b.mu.Lock()
			delete(b.made, key)
			b.mu.Unlock()
		}
		return one.failed, one.err
	}
	spec.Command = append([]string{one.file}, spec.Command[3:]...)
	spec.Policy = spec.Policy.With([]string{one.file}, nil)
	return nil, nil //nolint:nilnil // it is built
}

// compile runs the compiler as it would run for the learner, but for what the
// machine's settings say, and confined where the program is: it only reads the
// learner's files, but they may name others.
func compile(ctx context.Context, spec sandbox.Spec, file string) (*sandbox.Result, error) {
	places, err := goPlaces(ctx)
	if err != nil {
		return nil, err
	}
	out := filepath.Dir(file)
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // programs may run as somebody else
		return nil, err
	}
	spec.Command = []string{"go", "build", "-ldflags=-s -w", "-o", file, spec.Command[2]}
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
	r, err := sandbox.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	if r.Exit == 0 {
		return nil, nil //nolint:nilnil // it is built
	}
	r.Stderr = r.Stdout + r.Stderr
	r.Stdout = ""
	return &r, nil
}

// goPlaces asks Go where it keeps things.
func goPlaces(ctx context.Context) (map[string]string, error) {
	names := []string{"GOROOT", "GOPATH", "GOMODCACHE", "GOCACHE"}
	b, err := exec.CommandContext(ctx, "go", append([]string{"env"}, names...)...).Output() //nolint:gosec // names of ours
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

// treeDigest tells workspaces apart by their files, but for hidden ones.
func treeDigest(dir, pkg string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", pkg)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone while we looked
			return nil
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, f); err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %x\n", name, sum.Sum(nil))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("look at the files to build: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
