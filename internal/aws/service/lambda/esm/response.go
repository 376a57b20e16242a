package esm

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

// failures reads the names of failed items out of a function's answer. ok is
// false when the answer is not of the form, which fails the whole batch.
// Nothing, null, {} and an empty list are a success.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
func failures(payload []byte) (ids []string, ok bool) {
	payload = bytes.TrimSpace(payload)
	if len(payload) == 0 || string(payload) == "null" || string(payload) == `""` {
		return nil, true
	}
	var response struct {
		Failures *[]map[string]any `json:"batchItemFailures"`
	}
	if json.Unmarshal(payload, &response) != nil {
		return nil, false
	}
	if response.Failures == nil {
		return nil, true
	}
	for _, item := range *response.Failures {
		id, isText := item["itemIdentifier"].(string)
		if !isText || id == "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// stateOf reads the tumbling window's state out of an answer.
func stateOf(payload []byte) (json.RawMessage, bool) {
	var response struct {
		State json.RawMessage `json:"state"`
	}
	if json.Unmarshal(payload, &response) != nil || response.State == nil {
		return nil, false
	}
	return response.State, true
}

// matches compares a record with a filter. A payload that is not JSON never
// matches rules about its members, whatever they say.
func matches(p filter.Pattern, kind sourceKind, doc any) bool {
	o, ok := doc.(map[string]any)
	if !ok {
		return false
	}
	key := payloadKey(kind)
	switch o[key].(type) {
	case notJSON:
		if p.Key(key) != filter.Absent {
			return false
		}
	case string: // the body of a message that is not a JSON object
		if p.Key(key) == filter.Object {
			return false
		}
	default:
		if kind.queue() && p.Key(key) == filter.List {
			return false
		}
	}
	return p.Match(doc)
}

// payloadKey is where patterns look at what the producer sent.
func payloadKey(kind sourceKind) string {
	switch kind {
	case kindKinesis:
		return "data"
	case kindDynamoDB:
		return "dynamodb"
	default:
		return "body"
	}
}

// denied reports whether a call failed for want of permission.
func denied(err error) bool {
	switch gateway.ErrorCode(err) {
	case "AccessDenied", "AccessDeniedException":
		return true
	}
	return false
}

// throttled reports whether a call came too soon after others.
func throttled(err error) bool {
	switch gateway.ErrorCode(err) {
	case "ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException", "RequestThrottled",
		"TooManyRequestsException":
		return true
	}
	return false
}

// missing reports whether a call failed because what it names is not there.
func missing(err error) bool {
	var e *gateway.Error
	code := gateway.ErrorCode(err)
	return strings.Contains(code, "NotFound") || strings.Contains(code, "NonExistent") ||
		strings.Contains(code, "DoesNotExist") ||
		errors.As(err, &e) && e.HTTPStatus() == 404
}
