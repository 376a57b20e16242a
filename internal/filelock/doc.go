// Package filelock keeps two processes from one folder. The kernel drops a lock
// when its process dies, so that nothing is ever left locked.
package filelock

import "errors"

// ErrHeld is wrapped by what Try returns for a file that somebody else has locked.
var ErrHeld = errors.New("it is locked by another process")
