package check

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/emulator"
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
	if n > 1 {
		why += fmt.Sprintf(", and so were %d more calls", n-1)
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

type refused struct{ operation, code, message string }

// Error is for the learner: AWS's own words.
func (r *refused) Error() string {
	if r.message == "" {
		return fmt.Sprintf("%s was refused: %s", r.operation, r.code)
	}
	return fmt.Sprintf("%s was refused: %s: %s", r.operation, r.code, r.message)
}
