//go:build amd64 || arm64

package confine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Names of control groups: that in which this program and what it starts are, and
// before the number of the process that has made them, those of cages.
const (
	judges = "pipelab"
	cages  = "pipelab-cage-"
)

// aboveMemory is what a group may take beyond the memory of its policy, in bytes. The
// watch counts what a program has and decides, everywhere alike; the group bounds what
// the watch does not see or sees late, caches of files included.
const aboveMemory = 64 << 20

// group is the control group of one cage; nil where there is none.
type group struct {
	folder string
	ending sync.Once
}

// Groups says whether programs get control groups of their own here, in which the
// kernel bounds their memory and processes: the folder below which they are made, or
// what keeps them from it, an error that wraps ErrNoGroups. The first call makes the
// place, and each ends what judges that were killed have left there.
// Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
func Groups() (folder string, err error) {
	own, err := ownGroup()
	if err != nil {
		return "", err
	}
	if filepath.Base(own) == judges { // we, or who has started us, have made it
		sweep(filepath.Dir(own))
		return filepath.Dir(own), usable(filepath.Dir(own))
	}
	err = delegate(own)
	if now, again := ownGroup(); err != nil && again == nil && now == filepath.Join(own, judges) {
		err = usable(own) // another call has made it meanwhile
	}
	return own, err
}

// LeaveGroups undoes what Groups has made, where nobody else is in it any more.
func LeaveGroups(folder string) {
	if folder == "" {
		return
	}
	// It works for who is alone, and for others it is not needed: an error is as good.
	_ = os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("-memory -pids"), 0)
	_ = os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
	_ = os.Remove(filepath.Join(folder, judges))
}

// ErrNoGroups is wrapped where programs get no control groups.
var ErrNoGroups = errors.New("no control groups")

// ownGroup is the folder of this process' group.
func ownGroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	place := ""
	for line := range strings.Lines(string(mounts)) {
		if words := strings.Fields(line); len(words) > 2 && words[2] == "cgroup2" {
			place = words[1]
			break
		}
	}
	if place == "" {
		return "", fmt.Errorf("%w: this machine has only version 1 of them", ErrNoGroups)
	}
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok && !strings.Contains(path, "..") {
			return filepath.Join(place, path), nil
		}
	}
	return "", fmt.Errorf("%w: this process is in none of version 2", ErrNoGroups)
}

// delegate makes a group of which this process is the only member one with groups
// below: in a group that hands on the control of something there can be no
// processes, so this one goes into one of its own first.
func delegate(own string) error {
	controllers, err := os.ReadFile(filepath.Join(own, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	for _, c := range []string{"memory", "pids"} {
		if !strings.Contains(" "+strings.TrimSpace(string(controllers))+" ", " "+c+" ") {
			return fmt.Errorf("%w: the control group of this process (version 2) has no control over %s", ErrNoGroups, c)
		}
	}
	if unix.Access(filepath.Join(own, "cgroup.subtree_control"), unix.W_OK) != nil ||
		unix.Access(own, unix.W_OK) != nil {
		return fmt.Errorf("%w: the control group of this process is not delegated to this user", ErrNoGroups)
	}
	members, err := os.ReadFile(filepath.Join(own, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	self := strconv.Itoa(os.Getpid())
	if strings.TrimSpace(string(members)) != self {
		return fmt.Errorf("%w: others are in the control group of this process, so it is not ours to divide", ErrNoGroups)
	}
	leaf := filepath.Join(own, judges)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(self), 0); err != nil {
		return fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	if err := os.WriteFile(filepath.Join(own, "cgroup.subtree_control"), []byte("+memory +pids"), 0); err != nil {
		back := os.WriteFile(filepath.Join(own, "cgroup.procs"), []byte(self), 0)
		return fmt.Errorf("%w: %w", ErrNoGroups, errors.Join(err, back, os.Remove(leaf)))
	}
	sweep(own)
	return nil
}

// usable reports whether groups below a folder have control of what is needed.
func usable(folder string) error {
	b, err := os.ReadFile(filepath.Join(folder, "cgroup.subtree_control"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoGroups, err)
	}
	if text := " " + strings.TrimSpace(string(b)) + " "; !strings.Contains(text, " memory ") ||
		!strings.Contains(text, " pids ") {
		return fmt.Errorf("%w: those below %s have no control over memory and pids", ErrNoGroups, folder)
	}
	return nil
}

// sweep ends what judges that were killed have left.
func sweep(folder string) {
	left, _ := filepath.Glob(filepath.Join(folder, cages+"*")) // the pattern is ours
	for _, f := range left {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(f), cages), "-")
		if pid, err := strconv.Atoi(number); err == nil && unix.Kill(pid, 0) == unix.ESRCH {
			(&group{folder: f}).end()
		}
	}
}

// newGroup makes a group for one cage below a folder.
func (p *Policy) newGroup(folder string) (*group, error) {
	g := &group{folder: filepath.Join(folder, cages+strconv.Itoa(os.Getpid())+"-"+strings.ToLower(rand.Text()))}
	if err := os.Mkdir(g.folder, 0o755); err != nil {
		return nil, err
	}
	most := p.memory() + aboveMemory
	if _, inMemory := p.free(); inMemory { // files there count as memory
		most += p.disk()
	}
	for _, set := range []struct{ file, value string }{
		{"memory.max", strconv.FormatInt(most, 10)},
		{"pids.max", strconv.Itoa(p.processes() + threads)},
		{"memory.swap.max", "0"},
	} {
		err := os.WriteFile(filepath.Join(g.folder, set.file), []byte(set.value), 0)
		if set.file == "memory.swap.max" && errors.Is(err, os.ErrNotExist) {
			continue // a kernel without swap
		}
		if err != nil {
			g.end()
			return nil, err
		}
	}
	return g, nil
}

// add puts a process into the group.
func (g *group) add(pid int) error {
	if g == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(g.folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

// full reports whether the kernel has ended a process of the group because of its
// memory.
func (g *group) full() bool {
	if g == nil {
		return false
	}
	b, err := os.ReadFile(filepath.Join(g.folder, "memory.events"))
	return err == nil && field(string(b), "oom_kill ") != "0" && field(string(b), "oom_kill ") != ""
}

// end kills what is in the group, whatever became of its keeper, and removes it.
func (g *group) end() {
	if g == nil {
		return
	}
	g.ending.Do(func() {
		_ = os.WriteFile(filepath.Join(g.folder, "cgroup.kill"), []byte("1"), 0) // none is left if it fails
		for until := time.Now().Add(patience); ; {
			err := unix.Rmdir(g.folder)
			if err != unix.EBUSY || time.Now().After(until) {
				return
			}
			time.Sleep(time.Millisecond) // they are ending, and there is nothing to wait on
		}
	})
}
