package confine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Mode is a way of confining.
type Mode string

// The modes.
const (
	Landlock  Mode = "landlock"  // rules of the kernel, see the package comment
	Container Mode = "container" // a container for each program, see NewContainer
	None      Mode = "none"      // programs have the rights of whoever runs pipelab
)

// ErrUnavailable is wrapped when this machine cannot confine.
var ErrUnavailable = errors.New("programs cannot be confined on this machine")

// ErrNoImage is wrapped when the image of containers is not on this machine.
var ErrNoImage = errors.New("there is no image")

// What a policy means where it gives no number.
const (
	DefaultMemory    = 1 << 30
	DefaultProcesses = 64
	DefaultFileSize  = 256 << 20
	DefaultDisk      = 512 << 20
)

// threads is how many threads the processes of a cage may have beside one each.
const threads = 192

// Policy is what a program may do. The zero value allows the system's programs
// and nothing else, with the default limits. A nil *Policy does not confine.
type Policy struct {
	// Read are folders and files that may be read and executed, Write folders
	// that may be changed too. They must exist.
	Read, Write []string
	// Caches are folders that may be changed too and whose growth does not count:
	// for tools that write what is ours. Containers do not have them.
	Caches []string
	// Ports are TCP ports that may be connected to.
	Ports []int
	// Path is where programs are looked for; empty means the system's folders.
	Path string
	// Memory bounds what all processes together hold, in bytes.
	Memory int64
	// Processes bounds how many run at a time; threads do not count.
	Processes int
	// FileSize bounds one file, Disk what the folders of Write may grow by, in
	// bytes.
	FileSize, Disk int64
	// Groups is the folder below which each program gets a control group, see the
	// function of that name; empty for none.
	Groups string

	container *container // where programs run; nil for here
}

// New returns a policy with which the interpreters of this machine run, Python
// and Node.js where they are found on PATH. The error wraps ErrUnavailable and
// says what is missing.
func New(ctx context.Context) (*Policy, error) {
	if mode, reason := Available(); mode == None {
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, reason)
	}
	p := &Policy{}
	path := slices.Concat(p.python(ctx), p.node(ctx), p.golang(ctx))
	p.Path = strings.Join(append(path, systemPath()...), string(os.PathListSeparator))
	return p, nil
}

// python adds Python's own folders and returns where the interpreter is.
// Version managers put scripts on PATH, so the interpreter itself is asked; a
// virtual environment has two homes.
func (p *Policy) python(ctx context.Context) []string {
	lines := ask(ctx, "python3", "-c", "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep='\\n')")
	if len(lines) != 3 {
		return nil
	}
	p.add(lines[1:]...)
	return []string{filepath.Dir(lines[0])}
}

// node does the same for Node.js, whose modules may be beside it.
func (p *Policy) node(ctx context.Context) []string {
	lines := ask(ctx, "node", "-p", "process.execPath")
	if len(lines) != 1 {
		return nil
	}
	bin := filepath.Dir(lines[0])
	p.add(lines[0], filepath.Join(bin, "..", "lib", "node_modules"))
	return []string{bin}
}

// golang does the same for Go, whose compiler learners' programs may need.
func (p *Policy) golang(ctx context.Context) []string {
	lines := ask(ctx, "go", "env", "GOROOT")
	if len(lines) != 1 || lines[0] == "" {
		return nil
	}
	p.add(lines...)
	return []string{filepath.Join(lines[0], "bin")}
}

// Tool is a program of this machine that is asked about the machine, for us and not for
// a learner: it runs at the root of the file system. In the folder that we are in, a
// submission called boto3.py would be what Python imports, and a go.mod what Go goes by.
func Tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = string(filepath.Separator)
	return cmd
}

// ask runs a program of this machine and returns the lines that it prints; a
// program that is missing or fails prints none.
func ask(ctx context.Context, name string, args ...string) []string {
	out, err := Tool(ctx, name, args...).Output()
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// add lets places be read that exist and are not readable anyway.
func (p *Policy) add(places ...string) {
	for _, place := range places {
		real, err := filepath.EvalSymlinks(place)
		if err == nil && !within(real, append(systemFolders(), p.Read...)) {
			p.Read = append(p.Read, real)
		}
	}
}

// within reports whether a place is one of the folders or inside of one.
func within(place string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return place == f || strings.HasPrefix(place, f+string(filepath.Separator))
	})
}

// With returns the policy with more folders and ports. That of a nil policy is
// nil: what is not confined stays so.
func (p *Policy) With(read, write []string, ports ...int) *Policy {
	if p == nil {
		return nil
	}
	q := *p
	q.Read = slices.Concat(p.Read, read)
	q.Write = slices.Concat(p.Write, write)
	q.Ports = slices.Concat(p.Ports, ports)
	return &q
}

// LookPath finds a program in Path, which need not be the environment's. A name
// with a separator is the program's own folder's matter.
func (p *Policy) LookPath(name string) (string, error) {
	if p == nil {
		return exec.LookPath(name)
	}
	if strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	if p.container != nil {
		return p.container.lookPath(name)
	}
	for _, dir := range filepath.SplitList(p.SearchPath()) {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// SearchPath is the PATH that a program gets.
func (p *Policy) SearchPath() string {
	switch {
	case p == nil:
		return os.Getenv("PATH")
	case p.Path != "":
		return p.Path
	}
	return strings.Join(systemPath(), string(os.PathListSeparator))
}

func (p *Policy) memory() int64   { return or(p.Memory, DefaultMemory) }
func (p *Policy) processes() int  { return or(p.Processes, DefaultProcesses) }
func (p *Policy) fileSize() int64 { return or(p.FileSize, DefaultFileSize) }
func (p *Policy) disk() int64     { return or(p.Disk, DefaultDisk) }

func or[T int | int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func systemPath() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

// systemFolders hold programs and libraries, for everybody to read.
func systemFolders() []string {
	return []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"}
}
