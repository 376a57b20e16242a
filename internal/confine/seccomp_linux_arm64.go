package confine

import "golang.org/x/sys/unix"

const architecture = unix.AUDIT_ARCH_AARCH64

// x32 is a matter of amd64.
const x32 = 0

func refusedHere() []uint32 { return []uint32{unix.SYS_KEXEC_FILE_LOAD} }

func ignoredHere() []uint32 { return nil }
