package emulator

// StateError says that a driver cannot use the state that it was given. Nothing
// of the state was changed.
type StateError struct {
	Dir   string // the folder of the state
	Newer bool   // a newer pipelab wrote it; otherwise it is damaged
	Cause error
}

// Error implements error.
func (e *StateError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *StateError) Unwrap() error { return e.Cause }
