package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
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

// tell sends an ended event to its destination and, when it failed, to the
// dead-letter queue.
//
// AWS: counts what a destination does not take in a metric. Here it is logged.
func (s *Service) tell(ctx context.Context, e event) {
	v, err := s.callable(ctx, e.Function)
	if err != nil {
		return // the function is gone
	}
	who := gateway.RolePrincipal(*v.Config.Role, *v.Config.FunctionName, e.Function.Scope.Account)
	to := s.config(e.Function).Destinations
	var target *string
	if to != nil && e.Done.Failed {
		target = failure(to.OnFailure)
	} else if to != nil {
		target = destination(to.OnSuccess)
	}
	if arn := aws.ToString(target); arn != "" {
		if err := s.deliver(ctx, who, arn, e); err != nil {
			s.host.Log.Warn("destination did not take a record", "function", e.Function.ARN(), "destination", arn, "error", err)
		}
	}
	if dead := v.Config.DeadLetterConfig; dead != nil && e.Done.Failed {
		if err := s.bury(ctx, who, aws.ToString(dead.TargetArn), e); err != nil {
			s.host.Log.Warn("dead-letter queue did not take an event", "function", e.Function.ARN(), "error", err)
		}
	}
}

func (s *Service) deliver(ctx context.Context, who gateway.Principal, target string, e event) error {
	full := e.Function
	if full.Qualifier == "" {
		full.Qualifier = latest
	}
	now := s.host.Clock.Now()
	r := record{Version: "1.0", Timestamp: now.Format("2006-01-02T15:04:05.000Z"), Payload: e.Payload,
		Answer: e.Done.Payload,
		Request: requestContext{ID: strings.TrimSuffix(e.ID, "-again"), Function: full.ARN(), Condition: e.Done.Condition,
			Runs: e.Runs}}
	if e.Done.Version != "" {
		r.Response = &response{Status: 200, Version: e.Done.Version}
		if e.Done.Failed {
			r.Response.Error = "Unhandled"
		}
	}
	if !json.Valid(r.Answer) { // a custom runtime may answer anything
		r.Answer, _ = json.Marshal(string(r.Answer)) // a string always encodes
	}
	if e.Done.Payload == nil {
		r.Answer = nil
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	arn, err := ident.ParseARN(target)
	if err != nil {
		return err
	}
	switch arn.Service {
	case "sqs":
		return s.send(ctx, who, arn, &sqs.SendMessageInput{MessageBody: aws.String(string(body))})
	case "lambda":
		_, err = gateway.Invoke[sdk.InvokeOutput](ctx, s.host, gateway.Call{Principal: who, Scope: arn.Scope(),
			Service: "lambda", Operation: "Invoke",
			Input: &sdk.InvokeInput{FunctionName: &target, InvocationType: types.InvocationTypeEvent, Payload: body}})
		return err
	default: // s3: nothing else is accepted
		key := fmt.Sprintf("aws/lambda/async/%s/%s/%s-%s", e.Function.Name, now.Format("2006/01/02"),
			now.Format("2006-01-02T15.04.05"), s.host.IDs.UUID())
		size := int64(len(body))
		_, err = gateway.Invoke[s3.PutObjectOutput](ctx, s.host, gateway.Call{Principal: who, Scope: e.Function.Scope,
			Service: "s3", Operation: "PutObject",
			Input: &s3.PutObjectInput{Bucket: &arn.Resource, Key: &key, Body: bytes.NewReader(body), ContentLength: &size,
				ContentType: aws.String("application/json")}})
		return err
	}
}

// send puts a message into a queue as the execution role.
func (s *Service) send(ctx context.Context, who gateway.Principal, queue ident.ARN, in *sqs.SendMessageInput) error {
	url, err := esm.QueueURL(ctx, s.host, queue)
	if err != nil {
		return err
	}
	in.QueueUrl = &url
	_, err = gateway.Invoke[sqs.SendMessageOutput](ctx, s.host, gateway.Call{Principal: who, Scope: queue.Scope(),
		Service: "sqs", Operation: "SendMessage", Input: in})
	return err
}

// bury sends the event itself to the dead-letter queue.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
func (s *Service) bury(ctx context.Context, who gateway.Principal, target string, e event) error {
	arn, err := ident.ParseARN(target)
	if err != nil {
		return err
	}
	code, text := "429", "Rate Exceeded."
	if e.Done.Payload != nil {
		var fault struct {
			Text string `json:"errorMessage"`
		}
		_ = json.Unmarshal(e.Done.Payload, &fault) // without one the text stays empty
		code, text = "200", fault.Text
	}
	attribute := func(kind, value string) sqstypes.MessageAttributeValue {
		return sqstypes.MessageAttributeValue{DataType: &kind, StringValue: &value}
	}
	in := &sqs.SendMessageInput{MessageBody: aws.String(string(e.Payload)),
		MessageAttributes: map[string]sqstypes.MessageAttributeValue{
			"RequestID": attribute("String", strings.TrimSuffix(e.ID, "-again")), "ErrorCode": attribute("Number", code)}}
	if text != "" {
		in.MessageAttributes["ErrorMessage"] = attribute("String", text[:min(len(text), 1024)])
	}
	return s.send(ctx, who, arn, in)
}
