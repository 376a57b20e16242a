//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kept are the capabilities that a program of root's keeps: to use files of
// other users, where Landlock lets it.
const kept = 1 << unix.CAP_DAC_OVERRIDE

// yields is by how much programs are nicer than their judge, which must get its
// turn among all that they may start.
const yields = 10

// noSetuidFixup keeps capabilities when a thread changes its user.
// Source: linux/securebits.h, SECBIT_NO_SETUID_FIXUP
const noSetuidFixup = 1 << 2

// nobody is the first of the users that programs of root's become. Each has one
// of its own, because the kernel counts the processes of a user, and root's not
// at all.
const nobody = firstGuest

// becomes is nobody when this process can give its programs other users and let
// them read its own files all the same; else 0.
func becomes() int {
	const needs = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETPCAP | 1<<unix.CAP_DAC_OVERRIDE
	_, data, err := capabilities()
	if err != nil || os.Getuid() != 0 || data[0].Effective&needs != needs || !mapped(nobody) {
		return 0
	}
	return nobody
}

// mapped reports whether a user exists in this namespace of users. Where root
// is another outside, its processes are counted.
func mapped(user uint64) bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		var first, outside, count uint64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err == nil && user >= first && user+1<<23 < first+count {
			return true
		}
	}
	return false
}

// tasks is the limit of processes and threads of the program's user. Somebody
// who cannot change users has others beside those of the cage.
func (c *domains) tasks() int {
	n := c.policy.processes() + threads
	if becomes() == 0 {
		n += running()
	}
	return n
}

// running is the number of all threads of this machine, or as good as none.
// Source: proc_loadavg(5)
func running() int {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 4 {
		return 0
	}
	_, all, _ := strings.Cut(fields[3], "/")
	n, _ := strconv.Atoi(all) // the kernel writes numbers
	return n
}

func capabilities() (unix.CapUserHeader, [2]unix.CapUserData, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return header, data, fmt.Errorf("read capabilities: %w", err)
	}
	return header, data, nil
}

// takeRights takes from the thread what it may have as root, for good, and lowers
// its priority. user is what becomes says.
func takeRights(user int) error {
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // 40 to 1 for -20 to 19
	if err == nil {
		err = unix.Setpriority(unix.PRIO_PROCESS, 0, min(20-now+yields, 19)) // the thread's
	}
	if err != nil {
		return fmt.Errorf("lower the priority: %w", err)
	}
	for cap := range uintptr(64) {
		if cap < 32 && kept&(1<<cap) != 0 {
			continue
		}
		if unix.Prctl(unix.PR_CAPBSET_DROP, cap, 0, 0, 0) != nil {
			break // beyond the last, or for somebody who has none to drop
		}
	}
	if user != 0 {
		if err := become(user + unix.Gettid()); err != nil {
			return fmt.Errorf("become another user: %w", err)
		}
	}
	header, data, err := capabilities()
	if err != nil {
		return err
	}
	left := data[0].Permitted & kept
	data[0], data[1] = unix.CapUserData{Effective: left, Permitted: left, Inheritable: left}, unix.CapUserData{}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	for cap := range uintptr(32) {
		if left&(1<<cap) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, cap, 0, 0); err != nil {
			return fmt.Errorf("keep a capability: %w", err)
		}
	}
	return nil
}

// become changes the thread's user and group. The system calls are made as they
// are: the functions around them change all threads of the process.
//
// Without noSetuidFixup access(2), which programs ask before they open a file,
// would not count the capability with which opening it succeeds.
// Source: capabilities(7), the securebits flags
func become(id int) error {
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, noSetuidFixup, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return errno
	}
	for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
		if _, _, errno := unix.RawSyscall(call, uintptr(id), uintptr(id),
			uintptr(id)); errno != 0 { // it is positive
			return errno
		}
	}
	return nil
}
