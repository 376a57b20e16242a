package emulator

import (
	"errors"
	"net/http"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Failed tells that an emulated AWS did not do its part of a call: it gave no
// answer, or one of 500 and more. That it lacks what was asked for (501) is an
// answer.
func Failed(err error) bool {
	var unsent *smithyhttp.RequestSendError
	var answer *smithyhttp.ResponseError
	if errors.As(err, &unsent) || !errors.As(err, &answer) {
		return unsent != nil
	}
	status := answer.HTTPStatusCode()
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}
