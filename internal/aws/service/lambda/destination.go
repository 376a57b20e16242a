package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// record is what a destination gets.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type record struct {
	Version   string          `json:"version"`
	Timestamp string          `json:"timestamp"`
	Request   requestContext  `json:"requestContext"`
	Payload   json.RawMessage `json:"requestPayload"`
	Response  *response       `json:"responseContext,omitempty"`
	Answer    json.RawMessage `json:"responsePayload,omitempty"`
}

type requestContext struct {
	ID        string `json:"requestId"`
	Function  string `json:"functionArn"`
	Condition string `json:"condition"`
	Runs      int    `json:"approximateInvokeCount"`
}

type response struct {
	Status  int    `json:"statusCode"`
	Version string `json:"executedVersion"`
	Error   string `json:"functionError,omitempty"`
}

// destinationPolicy is how long a record or a dead letter is tried.
//
// AWS: says nothing of retries, and counts what a destination does not take in
// the metrics DestinationDeliveryErrors and DeadLetterErrors. Here it is logged.
func destinationPolicy() outbox.Policy {
	return outbox.Policy{Attempts: 5, First: time.Second, Longest: time.Minute}
}

// conclude is the end of an event: its destination and, when it failed, its
// dead-letter queue are sent to, with what settles the event.
func (s *Service) conclude(d *outbox.Delivery, fn esm.Function, e event, end ending) error {
	var v version
	err := s.host.Store.View(func(tx *store.Tx) (err error) {
		v, err = s.find(tx, fn)
		return err
	})
	if err != nil { // the function is gone, and its destinations with it
		return &outbox.GiveUp{Err: err}
	}
	from := outbox.Delivery{Cause: e.Last, Trace: s.traceHeader(fn, d.Trace, v.Config.TracingConfig.Mode),
		SourceARN: fn.ARN(), SourceAccount: fn.Scope.Account, Scope: fn.Scope,
		Policy: destinationPolicy(),
		Sender: outbox.Sender{Service: "lambda.amazonaws.com", Role: *v.Config.Role, Session: *v.Config.FunctionName,
			Account: fn.Scope.Account}}
	if from.Cause == "" { // it never ran
		from.Cause = d.Cause
	}
	if to := s.destination(fn, end); to != "" {
		record := from
		record.Target = to
		if record.Payload, err = s.record(d, fn, e, end); err != nil {
			return &outbox.GiveUp{Err: err}
		}
		now := s.host.Clock.Now()
		record.Name = fmt.Sprintf("aws/lambda/async/%s/%s/%s-%s", fn.Name, now.Format("2006/01/02"),
			now.Format("2006-01-02T15.04.05"), s.host.IDs.UUID())
		d.Commit(func(tx *store.Tx) { s.host.Outbox.Send(tx, record) })
	}
	if !end.Failed {
		return nil
	}
	if dead := v.Config.DeadLetterConfig; dead != nil && aws.ToString(dead.TargetArn) != "" {
		from.Target, from.Payload, from.Attributes = *dead.TargetArn, d.Payload, deadLetterAttributes(e, end)
		d.DeadLetter = &from
	}
	return &outbox.GiveUp{Err: errors.New(end.Condition)}
}

// destination is where the record of an event goes, empty for nowhere.
func (s *Service) destination(fn esm.Function, end ending) string {
	to := s.config(fn).Destinations
	switch {
	case to == nil:
		return ""
	case end.Failed:
		return aws.ToString(failure(to.OnFailure))
	}
	return aws.ToString(destination(to.OnSuccess))
}

// record is what a destination gets of an event.
func (s *Service) record(d *outbox.Delivery, fn esm.Function, e event, end ending) ([]byte, error) {
	if fn.Qualifier == "" {
		fn.Qualifier = latest
	}
	r := record{Version: "1.0", Timestamp: s.host.Clock.Now().Format("2006-01-02T15:04:05.000Z"), Payload: d.Payload,
		Answer:  end.Payload,
		Request: requestContext{ID: e.RequestID, Function: fn.ARN(), Condition: end.Condition, Runs: e.Runs}}
	if end.Version != "" {
		r.Response = &response{Status: 200, Version: end.Version}
		if end.Failed {
			r.Response.Error = "Unhandled"
		}
	}
	if !json.Valid(r.Answer) { // a custom runtime may answer anything
		r.Answer, _ = json.Marshal(string(r.Answer)) // a string always encodes
	}
	if end.Payload == nil {
		r.Answer = nil
	}
	return json.Marshal(r)
}

// deadLetterAttributes stand beside the event in the dead-letter queue.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
func deadLetterAttributes(e event, end ending) map[string]outbox.Attribute {
	code, text := "429", "Rate Exceeded."
	if end.Recursive {
		code, text = "400", recursiveText
	}
	if end.Payload != nil {
		var fault struct {
			Text string `json:"errorMessage"`
		}
		_ = json.Unmarshal(end.Payload, &fault) // without one the text stays empty
		code, text = "200", fault.Text
	}
	out := map[string]outbox.Attribute{"RequestID": {Type: "String", Value: e.RequestID},
		"ErrorCode": {Type: "Number", Value: code}}
	if text != "" {
		out["ErrorMessage"] = outbox.Attribute{Type: "String", Value: text[:min(len(text), 1024)]}
	}
	return out
}
