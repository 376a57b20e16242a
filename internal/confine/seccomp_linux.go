//go:build amd64 || arm64

package confine

import "golang.org/x/sys/unix"

// The layout of what a filter looks at.
// Source: linux/seccomp.h, struct seccomp_data
const (
	callNumber = 0
	callArch   = 4
	callArgs   = 16
)

// mptcp has a number of its own, and Landlock does not see it.
const tcp = unix.IPPROTO_TCP

// unseen are ways to send: one connects with the first bytes that are sent, which
// Landlock does not see, the other lets the kernel keep the program's own memory
// for as long as it is not received, which counts for nobody.
const unseen = unix.MSG_FASTOPEN | unix.MSG_ZEROCOPY

// namespaces are the flags of clone that make new ones.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// newest is the last system call that was looked at for what it lets a program
// do; from 424 on numbers are the same on all machines. A kernel may know more:
// they are answered as older kernels do, so that a call which is new does not
// reach past the rules before anybody has read what it does. Looked at and left
// beyond it: setxattrat and removexattrat (463, 466) and file_setattr (469) change
// files that the domain does not let the program write, open_tree_attr (467) opens
// trees of mounts.
// Source: linux/scripts/syscall.tbl
const newest = sysMseal

// Calls that the system package does not name yet.
const (
	sysLSMSetSelfAttr = 460
	sysMseal          = 462
)

// refused are calls that a learner's program has no use for, and that reach
// beyond its files: memory that belongs to no process and outlives it, other
// processes, the machine as a whole. Lambda refuses most of them too.
func refused() []uint32 {
	return []uint32{
		unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SEMGET, unix.SYS_MSGGET,
		unix.SYS_MQ_OPEN,
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
		unix.SYS_PROCESS_MRELEASE,
		unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
		unix.SYS_USERFAULTFD,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
		unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_QUOTACTL_FD, sysLSMSetSelfAttr,
		unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_QUOTACTL, unix.SYS_ACCT, unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_SYSLOG, unix.SYS_VHANGUP,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETHOSTNAME,
		unix.SYS_SETDOMAINNAME,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		// Landlock knows files' contents and names, not their owners and notes.
		unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR,
		unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
		// Names of files that the domain does not let it see; watchers fall back to
		// looking now and then.
		unix.SYS_INOTIFY_ADD_WATCH,
		// What is in a pipe by this is the program's own memory, of which one byte
		// keeps two MiB, and counts for nobody. Rules of a domain are memory as well.
		unix.SYS_VMSPLICE, unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE,
		// A socket that listens without having been bound gets a port by itself,
		// which Landlock does not see.
		unix.SYS_LISTEN,
	}
}

// ignored are calls that do nothing and say that they did, because refusing them
// would break what copies, unpacks and starts helpers. Modes and times of files:
// Landlock does not limit them and a filter cannot see whose file it is; files
// get their modes when they are made. Sessions: the kernel shares the processor
// among sessions, and a program with a thousand of them would leave its judge a
// thousandth.
func ignored() []uint32 {
	return []uint32{unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_UTIMENSAT, unix.SYS_SETSID}
}

// own are calls that are allowed for the calling process only: the argument
// with this index, a process or thread, must be 0.
func own() map[uint32]uint32 {
	return map[uint32]uint32{
		unix.SYS_PRLIMIT64: 0, unix.SYS_SCHED_SETAFFINITY: 0, unix.SYS_SCHED_SETSCHEDULER: 0, unix.SYS_SCHED_SETPARAM: 0,
		unix.SYS_SCHED_SETATTR: 0,
	}
}

// Whom a call for priorities is about: one process or thread, not all of a user.
// Source: linux/resource.h, linux/ioprio.h
const (
	onePriority   = 0 // PRIO_PROCESS
	oneIOPriority = 1 // IOPRIO_WHO_PROCESS
)

// filter is the program that the kernel runs for each system call.
func filter() []unix.SockFilter {
	f := assembly{}
	f.load(callArch)
	f.skipIf(architecture, 1)
	f.refuse(unix.EPERM) // calls of another architecture have other numbers
	f.load(callNumber)
	if x32 != 0 {
		f.skipUnless(unix.BPF_JGE, x32, 1)
		f.refuse(unix.EPERM)
	}
	f.skipUnless(unix.BPF_JGT, newest, 1)
	f.refuse(unix.ENOSYS)
	for _, call := range append(refused(), refusedHere()...) {
		f.skipUnless(unix.BPF_JEQ, call, 1)
		f.refuse(unix.EPERM)
	}
	for _, call := range append(ignored(), ignoredHere()...) {
		f.skipUnless(unix.BPF_JEQ, call, 1)
		f.refuse(0)
	}
	// Its flags are in memory, which a filter cannot read; libraries fall back.
	f.skipUnless(unix.BPF_JEQ, unix.SYS_CLONE3, 1)
	f.refuse(unix.ENOSYS)
	f.when(unix.SYS_CLONE, clones)
	f.when(unix.SYS_CLOSE_RANGE, func(f *assembly) { f.refuseBits(2, unix.CLOSE_RANGE_UNSHARE) })
	f.when(unix.SYS_SENDTO, func(f *assembly) { f.refuseBits(3, unseen) })
	f.when(unix.SYS_SENDMSG, func(f *assembly) { f.refuseBits(2, unseen) })
	f.when(unix.SYS_SENDMMSG, func(f *assembly) { f.refuseBits(3, unseen) })
	f.when(unix.SYS_PRCTL, processOptions)
	// dnotify as inotify. Who has a lease has everybody else who opens the file wait,
	// and a file can be read that is the user's and not the program's. Locks of
	// descriptors belong to no process that they could be counted for.
	f.when(unix.SYS_FCNTL, func(f *assembly) {
		f.refuseValues(1, unix.F_NOTIFY, unix.F_SETPIPE_SZ, unix.F_SETLEASE, setDelegation, unix.F_OFD_SETLK,
			unix.F_OFD_SETLKW)
	})
	f.when(unix.SYS_FALLOCATE, plainRoom)
	for call, argument := range own() {
		f.when(call, func(f *assembly) {
			f.argument(argument)
			f.skipUnless(unix.BPF_JEQ, 0, 1)
			f.accept()
			f.refuse(unix.EPERM)
		})
	}
	f.when(unix.SYS_SETPRIORITY, func(f *assembly) { f.ownPriority(onePriority) })
	f.when(unix.SYS_IOPRIO_SET, func(f *assembly) { f.ownPriority(oneIOPriority) })
	f.when(unix.SYS_SOCKET, sockets)
	f.accept()
	return f
}

// Options of prctl and fcntl that the system package does not name.
// Source: linux/prctl.h, linux/fcntl.h
const (
	newestOption  = 77 // PR_TIMER_CREATE_RESTORE_IDS
	namedOptions  = 1 << 16
	setDelegation = 1024 + 16 // F_SETDELEG
)

// processOptions refuses what a kernel may know that is newer than what was looked at,
// as it does for calls: 78 (PR_FUTEX_HASH) takes a GiB of the kernel's memory at once,
// which counts for nobody. Options beyond namedOptions are named by letters, and old.
func processOptions(f *assembly) {
	f.argument(0)
	f.skipUnless(unix.BPF_JEQ, unix.PR_SET_DUMPABLE, 1)
	f.refuse(unix.EPERM)
	f.skipUnless(unix.BPF_JGT, newestOption, 3)
	f.skipUnless(unix.BPF_JGE, namedOptions, 1)
	f.accept()
	f.refuse(unix.EINVAL)
	f.accept()
}

// plainRoom lets room for a file be taken only so that its size shows it: other
// modes take the disk beyond the size that a file may have.
func plainRoom(f *assembly) {
	f.argument(1)
	f.skipUnless(unix.BPF_JEQ, 0, 1)
	f.accept()
	f.refuse(unix.EOPNOTSUPP)
}

// clones lets nobody begin a namespace, nor a thread that has files of its own: what a
// process has open is looked at once for all of its threads. Nor may a process be made
// a sibling: its parent is ours, which does not know it and never waits for it.
func clones(f *assembly) {
	f.argument(0)
	f.skipUnless(unix.BPF_JSET, namespaces, 1)
	f.refuse(unix.EPERM)
	f.skipUnless(unix.BPF_JSET, unix.CLONE_THREAD, 3)
	f.skipUnless(unix.BPF_JSET, unix.CLONE_FILES, 1)
	f.accept()
	f.refuse(unix.EPERM)
	f.skipUnless(unix.BPF_JSET, unix.CLONE_PARENT, 1)
	f.refuse(unix.EPERM)
	f.accept()
}

// refuseValues refuses a call where an argument has one of the values.
func (f *assembly) refuseValues(argument uint32, values ...uint32) {
	f.argument(argument)
	for _, v := range values {
		f.skipUnless(unix.BPF_JEQ, v, 1)
		f.refuse(unix.EPERM)
	}
	f.accept()
}

// ownPriority allows a call for the calling process alone: the first argument
// is the kind of whom it is about, the second who.
func (f *assembly) ownPriority(process uint32) {
	f.argument(0)
	f.skipIf(process, 1)
	f.refuse(unix.EPERM)
	f.argument(1)
	f.skipUnless(unix.BPF_JEQ, 0, 1)
	f.accept()
	f.refuse(unix.EPERM)
}

// sockets allows TCP, which Landlock limits, and questions to the kernel about
// the network's interfaces. Sockets with a path are not allowed: behind some of
// them sit container engines.
func sockets(f *assembly) {
	f.argument(0)
	f.skipUnless(unix.BPF_JEQ, unix.AF_NETLINK, 4)
	f.argument(2)
	f.skipUnless(unix.BPF_JEQ, unix.NETLINK_ROUTE, 1)
	f.accept()
	f.refuse(unix.EACCES)
	f.skipIf(unix.AF_INET, 2)
	f.skipIf(unix.AF_INET6, 1)
	f.refuse(unix.EACCES)
	f.argument(1)
	f.add(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xf) // without the flags
	f.skipIf(unix.SOCK_STREAM, 1)
	f.refuse(unix.EACCES)
	f.argument(2)
	f.skipIf(0, 2)
	f.skipIf(tcp, 1)
	f.refuse(unix.EACCES)
	f.accept()
}

// assembly is a program for the kernel's packet filter.
type assembly []unix.SockFilter

func (f *assembly) add(code uint16, k uint32) {
	*f = append(*f, unix.SockFilter{Code: code, K: k})
}

func (f *assembly) load(at uint32) { f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, at) }

// argument loads the lower half of an argument; what is looked at are ints.
func (f *assembly) argument(n uint32) { f.load(callArgs + 8*n) }

func (f *assembly) skipIf(k uint32, lines uint8) {
	*f = append(*f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: lines, K: k})
}

func (f *assembly) skipUnless(test uint16, k uint32, lines uint8) {
	*f = append(*f, unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jf: lines, K: k})
}

func (f *assembly) accept() { f.add(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW) }

func (f *assembly) refuse(with unix.Errno) {
	f.add(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ERRNO|uint32(with))
}

// when adds lines for one call; they end with a return whichever way they go.
func (f *assembly) when(call uint32, lines func(*assembly)) {
	var inner assembly
	lines(&inner)
	f.skipUnless(unix.BPF_JEQ, call, uint8(len(inner))) // some twenty
	*f = append(*f, inner...)
}

// refuseBits refuses a call that has one of the bits in an argument.
func (f *assembly) refuseBits(argument, bits uint32) {
	f.argument(argument)
	f.skipUnless(unix.BPF_JSET, bits, 1)
	f.refuse(unix.EPERM)
	f.accept()
}
