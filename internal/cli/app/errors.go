package app

import (
	"errors"
	"fmt"
)

// Exit codes, the same for every command.
const (
	ExitOK          = 0
	ExitFailed      = 1   // checks failed
	ExitUsage       = 2   // the command line is wrong
	ExitEnvironment = 3   // this machine or the emulator cannot do it now
	ExitInvalid     = 4   // the lab or the submission is invalid
	ExitUntrusted   = 5   // a result exists but cannot be trusted
	ExitInterrupted = 130 // Ctrl-C
)

// Error is what a person is told: one sentence, what to do next, and the exit
// code. An empty Message exits silently, when everything has been said.
type Error struct {
	Code    int
	Message string
	Hints   []string
	Cause   error
}

func (e *Error) Error() string {
	if e.Message == "" && e.Cause != nil {
		return e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Hint adds a line that says what to do next, with a command to type.
func (e *Error) Hint(h string) *Error {
	e.Hints = append(e.Hints, h)
	return e
}

// Usagef is an error of the command line; %w keeps its cause.
func Usagef(format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: ExitUsage, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Environmentf is an error of the machine or the emulator; %w keeps its cause.
func Environmentf(format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: ExitEnvironment, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Invalidf is an error in a lab or in the learner's files; %w keeps its cause.
func Invalidf(format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: ExitInvalid, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Silent ends with a code and prints nothing more.
func Silent(code int) *Error { return &Error{Code: code} }

// Code is the exit code for err.
func Code(err error) int {
	var e *Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.Code
	}
	return ExitEnvironment
}
