package gateway

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
)

// Error is an AWS error that the SDK does not model as a type of its own:
// ValidationException of many services, nearly all errors of S3 and IAM.
// Handlers return the SDK's error type where there is one.
type Error struct {
	Code    string // "NoSuchBucketPolicy"
	Message string
	Status  int // HTTP status; 0 means 400
	// Fields are further elements of the error document, such as S3's
	// BucketName or Key, in no particular order.
	Fields map[string]string
	// Header are headers of the answer, such as S3's x-amz-delete-marker.
	Header http.Header
}

// Errorf makes an Error.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

// With adds elements to the error document: name, value, name, value.
func (e *Error) With(elements ...string) *Error {
	if e.Fields == nil {
		e.Fields = map[string]string{}
	}
	for i := 0; i+1 < len(elements); i += 2 {
		e.Fields[elements[i]] = elements[i+1]
	}
	return e
}

// Stopping answers a call that comes while its service is stopped: the cloud
// ends, or its state is being replaced. Clients try again.
func Stopping() *Error {
	return Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The emulator is stopping.")
}

// Error implements error in the form that the SDK prints.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode implements smithy.APIError.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// Unsupported is the answer to a parameter that is not emulated: never accept
// and ignore one.
func Unsupported(service, operation, what string) *Error {
	return Errorf(http.StatusNotImplemented, "NotImplemented",
		"PipeLab does not emulate %s of %s.%s", what, service, operation)
}

// Asked is something that is not emulated, and whether a call asks for it.
type Asked struct {
	What string
	Is   bool
}

// Refuse is the answer to values that are not emulated, where a member has others
// that are; nil when a call asks for none of them. Whole members are not refused
// by handlers: the descriptor's Members do that.
func Refuse(service, operation string, asked ...Asked) error {
	for _, a := range asked {
		if a.Is {
			return Unsupported(service, operation, a.What)
		}
	}
	return nil
}

// ErrorCode returns the AWS code of err, or "" when it is not an AWS error.
func ErrorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// ErrorMessage is the message of an AWS error, "" for others.
func ErrorMessage(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

// ErrorHeader are headers of the answer.
func (e *Error) ErrorHeader() http.Header { return e.Header }

// ErrorFields are the further elements of the error document.
func (e *Error) ErrorFields() map[string]string { return e.Fields }
