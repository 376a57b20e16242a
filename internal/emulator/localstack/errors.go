package localstack

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Error is what a person is told: one sentence, and what to do next.
type Error struct {
	Message string
	Hint    string
	Cause   error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns what the engine said.
func (e *Error) Unwrap() error { return e.Cause }

// exitNoLicence is LocalStack's exit code when it finds no account token, or
// cannot have it confirmed.
const exitNoLicence = 55

const buildHint = "build one that needs neither network nor account: localstack/image/build.sh"

// calendar are the tags of LocalStack since March 2026: 2026.03, 2026.8.3.
var calendar = regexp.MustCompile(`^20\d\d\.`)

// needsToken tells why an image does not start without an account token; empty
// for those that do. "latest" and its like changed their meaning on 23 March
// 2026.
func needsToken(image string) string {
	name, _, _ := strings.Cut(image, "@")
	tag := ""
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		name, tag = name[:i], name[i+1:]
	}
	switch base := path.Base(name); {
	case base == "localstack-pro":
		return "it is the paid edition"
	case base != "localstack" || !strings.HasSuffix(name, "localstack/localstack"):
		return ""
	case tag == "" && strings.Contains(image, "@"):
		return "" // a digest alone says nothing
	case tag == "" || tag == "latest" || tag == "stable" || tag == "s3-latest" || tag == "dev":
		return "since 23 March 2026 that tag is the edition with an account"
	case calendar.MatchString(tag):
		return "LocalStack's tags of that form are the edition with an account"
	}
	return ""
}

func noToken(image, why string) *Error {
	return &Error{
		Message: fmt.Sprintf("%s does not start without an account token: %s", image, why),
		Hint:    "set " + TokenVariable + ", or leave the image to pipelab: it takes the last one that is free",
	}
}

// hostError is about the engine that DOCKER_HOST names.
type hostError struct {
	host  string
	cause error
}

func (e *hostError) Error() string { return e.host + ": " + e.cause.Error() }
func (e *hostError) Unwrap() error { return e.cause }

// noEngine words that no container engine answers.
func noEngine(cause error) *Error {
	e := &Error{Message: "no container engine answers on this machine", Cause: cause,
		Hint: "start Docker, or work without it: --emulator embedded"}
	var named *hostError
	switch text := strings.ToLower(cause.Error()); {
	case errors.Is(cause, context.DeadlineExceeded):
		e.Message = "the container engine does not answer within three seconds"
		e.Hint = "see what it does: docker info; or work without it: --emulator embedded"
	case strings.Contains(text, "permission denied"):
		e.Message = "this user may not use the container engine"
		e.Hint = "join its group: sudo usermod -aG docker $USER, then log in again"
	case errors.As(cause, &named):
		e.Message = "no container engine answers at " + named.host + ", where DOCKER_HOST says it is"
		e.Hint = "start it, or unset DOCKER_HOST to use this machine's; or work without one: --emulator embedded"
	}
	return e
}

// ended words the end of a container that should be running.
func ended(image string, code int, lines string) *Error {
	if code == exitNoLicence {
		return &Error{Message: image + " ended because LocalStack could not confirm an account token (exit code 55)",
			Hint: "set a valid " + TokenVariable + "; it is confirmed over the network, at LocalStack's servers"}
	}
	return &Error{Message: fmt.Sprintf("the container of %s ended with exit code %d: %s", image, code, lines),
		Hint: "run it by itself to see more: docker run --rm " + image}
}

// recovered turns a panic of the container library into an error: it panics
// where it finds no socket.
func recovered(err *error) {
	if p := recover(); p != nil {
		if cause, ok := p.(error); ok {
			*err = cause
			return
		}
		*err = fmt.Errorf("%v", p)
	}
}
