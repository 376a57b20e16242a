package sqs_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The names are those of AWS's raw answers, recorded.
func TestErrors_haveTheirWholeNamesInJSON(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	q := *create(t, client, "q", nil)
	for _, e := range []struct {
		operation, want string
		members         map[string]string
	}{
		{"GetQueueUrl", `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`,
			map[string]string{"QueueName": "none"}},
		{"SendMessage", `{"__type":"com.amazon.coral.service#MissingRequiredParameterException",` +
			`"message":"The request must contain the parameter MessageBody."}`, map[string]string{"QueueUrl": q}},
		{"SendMessage", `{"__type":"com.amazon.coral.service#InvalidParameterValueException","message":"Value 901 for ` +
			`parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."}`,
			map[string]string{"QueueUrl": q, "MessageBody": "m", "DelaySeconds": "901"}},
	} {
		require.JSONEq(t, e.want, speakJSON(t, c, e.operation, e.members))
	}
}
