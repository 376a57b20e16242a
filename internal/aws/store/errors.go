package store

import (
	"errors"
	"fmt"
	"path/filepath"
)

// ErrCorrupt is wrapped by errors about stored state that cannot be read back.
// Nothing of such a state is changed.
var ErrCorrupt = errors.New("stored state is damaged")

// ErrNewer is wrapped by Open when a later release wrote the state.
var ErrNewer = errors.New("the stored state was written by a newer pipelab")

// ErrClosed is returned by writes to a store that is closed.
var ErrClosed = errors.New("the store is closed")

// DamageError says where stored state stops making sense. It wraps ErrCorrupt.
type DamageError struct {
	File    string // with its folder
	Offset  int64  // of the first byte that cannot be read, from the file's start
	Changes uint64 // that were read before it, over all files
	Reason  string // what is wrong there
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: %s at byte %d: %s; the %d changes before it can be read, and nothing was altered",
		ErrCorrupt, e.File, e.Offset, e.Reason, e.Changes)
}

// Unwrap makes errors.Is find ErrCorrupt.
func (e *DamageError) Unwrap() error { return ErrCorrupt }

// Dir is the folder of the state.
func (e *DamageError) Dir() string { return filepath.Dir(e.File) }
