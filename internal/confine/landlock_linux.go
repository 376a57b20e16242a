//go:build amd64 || arm64

package confine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// needed is the version of Landlock's interface from which on signals can be
// kept inside: without that a program of the same user could kill its judge.
// Source: https://docs.kernel.org/userspace-api/landlock.html
const needed = 6

// Rights to files, as Landlock names them.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	readTree = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// What can be written can hold no devices.
	writeFile = readFile | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	writeTree = writeFile | readTree | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SYM |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_REFER
	allFiles = writeTree | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// Available says how programs can be confined on this machine, and why not
// better.
func Available() (Mode, string) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno == unix.ENOSYS || errno == unix.EOPNOTSUPP:
		return None, "the kernel has no Landlock: use Linux 6.12 or newer and boot with lsm=landlock,..."
	case errno != 0:
		return None, "Landlock is not allowed here: " + errno.Error()
	case version < needed:
		return None, fmt.Sprintf("the kernel has Landlock %d, which cannot keep signals inside; Linux 6.12 has %d", version,
			needed)
	}
	return Landlock, fmt.Sprintf("Landlock %d", version)
}

// ruleset makes a Landlock ruleset, which whoever holds the file can enter.
func ruleset(attr unix.LandlockRulesetAttr) (*os.File, error) {
	// The kernel knows the members up to Scoped.
	size := unsafe.Offsetof(attr.Scoped) + unsafe.Sizeof(attr.Scoped)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return nil, fmt.Errorf("make a Landlock ruleset: %w", errno)
	}
	return os.NewFile(fd, "landlock"), nil // closes on exec
}

// outer is the domain of the keeper: nothing but that signals stay inside.
func outer() (*os.File, error) {
	return ruleset(unix.LandlockRulesetAttr{Scoped: unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET})
}

// inner is the domain of the program.
func (p *Policy) inner() (rules *os.File, err error) {
	rules, err = ruleset(unix.LandlockRulesetAttr{
		Handled_access_fs:  allFiles,
		Handled_access_net: unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP,
		Scoped:             unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rules.Close())
		}
	}()
	for _, place := range append(systemFolders(), systemFiles()...) {
		if err := allow(rules, place, readTree); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	for _, device := range []string{"null", "zero", "full", "random", "urandom"} {
		if err := allow(rules, filepath.Join("/dev", device), writeFile); err != nil {
			return nil, err
		}
	}
	for _, place := range p.Read {
		if err := allow(rules, place, readTree); err != nil {
			return nil, err
		}
	}
	for _, place := range slices.Concat(p.Write, p.Caches) {
		if err := allow(rules, place, writeTree); err != nil {
			return nil, err
		}
	}
	for _, port := range p.Ports {
		if err := connect(rules, port); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// systemFiles are read by libraries and interpreters and tell nothing that a
// learner must not know. Of /proc only what is the same for all processes.
func systemFiles() []string {
	return []string{
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/timezone",
		"/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
		"/etc/protocols",
		"/etc/passwd", "/etc/group", "/etc/os-release", "/etc/mime.types", "/etc/locale.alias",
		"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls", "/etc/ca-certificates",
		"/proc/meminfo", "/proc/cpuinfo", "/proc/version", "/proc/filesystems", "/proc/uptime", "/proc/loadavg", "/proc/stat",
		"/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/ngroups_max",
		"/proc/sys/kernel/cap_last_cap",
		"/proc/sys/net/core/somaxconn", "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage",
	}
}

// allow adds a place to a ruleset. A file gets those of the rights that files
// can have.
func allow(rules *os.File, place string, rights uint64) error {
	fd, err := unix.Open(place, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("let a program use %s: %w", place, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("let a program use %s: %w", place, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= writeFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)} // a file descriptor
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, rules.Fd(), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("let a program use %s: %w", place, errno)
	}
	return nil
}

// netPort is the kernel's struct landlock_net_port_attr.
type netPort struct {
	access uint64
	port   uint64
}

const ruleNetPort = 2 // LANDLOCK_RULE_NET_PORT

func connect(rules *os.File, port int) error {
	rule := netPort{access: unix.LANDLOCK_ACCESS_NET_CONNECT_TCP,
		port: uint64(port)} // the kernel checks it
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, rules.Fd(), ruleNetPort, uintptr(unsafe.Pointer(&rule)), 0, 0,
		0)
	if errno != 0 {
		return fmt.Errorf("let a program connect to port %d: %w", port, errno)
	}
	return nil
}
