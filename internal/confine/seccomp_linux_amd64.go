package confine

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_X86_64

// x32 is the bit of calls with pointers of 32 bits, which have numbers of their
// own.
const x32 = 0x40000000

func refusedHere() []uint32 {
	return []uint32{unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_KEXEC_FILE_LOAD,
		unix.SYS_MODIFY_LDT, unix.SYS_USELIB}
}

func ignoredHere() []uint32 {
	return []uint32{unix.SYS_CHMOD, unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT}
}
