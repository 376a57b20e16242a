package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

// broke words the first call that an emulator of others answered with a failure
// of its own, "" if there is none. A lab that wants programs to be ready for such
// answers injects them, and those do not count here.
func broke(calls []emulator.Call) string {
	n, first := 0, emulator.Call{}
	for _, c := range calls {
		if c.Broke == 0 {
			continue
		}
		if n++; n == 1 {
			first = c
		}
	}
	if n == 0 {
		return ""
	}
	why := fmt.Sprintf("%s %s was answered with %s", first.Service, first.Operation,
		strings.TrimSpace(fmt.Sprintf("%d %s", first.Broke, first.Error)))
	if n == 2 {
		why += ", and so was 1 more call"
	} else if n > 2 {
		why += ", and so were " + report.Count(n-1, "more call")
	}
	return why
}

// refusal is what AWS answers to a call on the learner's resources when it is
// the learner's to put right: a resource that is missing, access that is
// denied, a request that their configuration does not allow. It is nil for
// everything else: an emulator that cannot be reached, answers 5xx, or does
// not know an operation says nothing about the learner's work.
func refusal(err error) *refused {
	var response *awshttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		return nil
	}
	switch status := response.HTTPStatusCode(); {
	case status < http.StatusBadRequest, status >= http.StatusInternalServerError:
		return nil
	}
	out := &refused{code: api.ErrorCode(), message: api.ErrorMessage()}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		out.operation = operation.Service() + " " + operation.Operation()
	}
	return out
}

// unmade says why a call was never sent, when the client could make no request of
// what it was given: an ARN where a bucket's name should be, nothing where a key
// should be. It is "" for everything that was on its way: whoever did not answer then
// says nothing about the learner's work.
func unmade(err error) string {
	var operation *smithy.OperationError
	var sending *smithyhttp.RequestSendError
	var response *smithyhttp.ResponseError
	var network net.Error
	if !errors.As(err, &operation) || errors.As(err, &sending) || errors.As(err, &response) ||
		errors.As(err, &network) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ""
	}
	return fmt.Sprintf("%s %s cannot be called with what the outputs and answers say: %v", operation.Service(),
		operation.Operation(), operation.Err)
}

// unusable is a value of the learner's with which no program can be started.
type unusable struct{ where, value, why string }

func (u *unusable) Error() string {
	return fmt.Sprintf("no program can be started with this %s, which %s: %s", u.where, u.why, brief(u.value))
}

// mostWord bounds one argument or variable of a program. Linux takes 128 KiB.
const mostWord = 100 << 10

// word makes sure that a program can be given a text.
func word(where, text string) error {
	switch {
	case strings.ContainsRune(text, 0):
		return &unusable{where, text, "holds a NUL"}
	case len(text) > mostWord:
		return &unusable{where, text, fmt.Sprintf("has more than %d bytes", mostWord)}
	}
	return nil
}

type refused struct{ operation, code, message string }

// Error is for the learner: AWS's own words.
func (r *refused) Error() string {
	if r.message == "" {
		return fmt.Sprintf("%s was refused: %s", r.operation, r.code)
	}
	return fmt.Sprintf("%s was refused: %s: %s", r.operation, r.code, r.message)
}
