package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Try locks a file, made if need be, for this process until the file is closed
// or the process dies. The error is ErrHeld when somebody else holds it; any other
// means that the file cannot be opened, or that its file system knows no locks.
func Try(path string) (*os.File, error) {
	f, err := lock(path, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		err = errors.Join(ErrHeld, err)
	}
	return f, err
}

// Take is Try that waits for whoever holds the lock. It is for what is held for
// moments only: nothing cuts the wait short.
func Take(path string) (*os.File, error) { return lock(path, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// lock locks one byte far behind the end of the file: others cannot even read what
// is locked here, and they may want to know who holds it.
func lock(path string, flags uint32) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	at := &windows.Overlapped{Offset: 0xfffffffe, OffsetHigh: 0x7fffffff}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
