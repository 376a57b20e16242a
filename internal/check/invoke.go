package check

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/lab"
)

func (s *session) invoke(ctx context.Context, i *lab.Invoke) error {
	payload := i.PayloadText
	if payload == "" && i.Payload != nil {
		payload = canonical(i.Payload)
	}
	payload, err := s.expand(payload)
	if err != nil {
		return err
	}
	name := i.Name
	if name == "" {
		name = "invoke"
	}
	return s.call(ctx, i.Function, name, []byte(payload), max(i.Parallel, 1), i.Async)
}

// call invokes n times at once and keeps the answers as run.<name>.
func (s *session) call(ctx context.Context, function, name string, payload []byte, n int, async bool) error {
	function, err := s.expand(function)
	if err != nil {
		return err
	}
	kind := types.InvocationTypeRequestResponse
	if async {
		kind = types.InvocationTypeEvent
	}
	s.note("%d × Invoke %s with %s", n, short(function), first(payload))
	client := lambda.NewFromConfig(s.config)
	answers, errs, calls := make([]any, n), make([]error, n), make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			errs[i] = safely(func() error {
				out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, InvocationType: kind,
					Payload: payload})
				if err != nil {
					return err
				}
				calls[i] = requestID(out.ResultMetadata)
				answers[i] = map[string]any{"status": int64(out.StatusCode), "error": aws.ToString(out.FunctionError),
					"payload": parseJSON(out.Payload), "text": string(out.Payload)}
				return nil
			})
		})
	}
	wg.Wait()
	for _, id := range calls {
		if id != "" {
			s.follow(sending{kind: toFunction, target: function, text: string(payload[:min(len(payload), mostFollowed)]),
				call: id})
		}
	}
	s.runs[name] = answers
	return errors.Join(errs...)
}

// deliver builds the event that AWS would send.
func (s *session) deliver(ctx context.Context, d *lab.Deliver) error {
	name := d.Name
	if name == "" {
		name = "deliver"
	}
	var event any
	if d.Object != nil {
		v, err := s.expandAll(d.Object.Bucket, d.Object.Key)
		if err != nil {
			return err
		}
		event = s.objectEvent(v[0], v[1])
	} else {
		records, err := s.records(d.Records)
		if err != nil {
			return err
		}
		event = s.recordsEvent(records)
	}
	// One after the other: a second delivery comes after the first.
	all := []any{}
	for range max(d.Times, 1) {
		if err := s.call(ctx, d.Function, name, []byte(canonical(event)), 1, d.Async); err != nil {
			return err
		}
		answers, _ := s.runs[name].([]any)
		all = append(all, answers...)
	}
	s.runs[name] = all
	return nil
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func (s *session) objectEvent(bucket, key string) any {
	return map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": s.config.Region, "eventName": "ObjectCreated:Put",
		"s3": map[string]any{"s3SchemaVersion": "1.0",
			"bucket": map[string]any{"name": bucket, "arn": "arn:aws:s3:::" + bucket},
			"object": map[string]any{"key": eventKey(key)}},
	}}}
}

// eventKey writes a key as S3 does in events: URL encoding with + for a space,
// the slash left as it is.
func eventKey(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
func (s *session) recordsEvent(records []lab.Record) any {
	list := make([]any, len(records))
	for i, r := range records {
		list[i] = map[string]any{
			"eventID": fmt.Sprintf("shardId-000000000000:%d", i+1), "eventSource": "aws:kinesis", "eventVersion": "1.0",
			"eventName": "aws:kinesis:record", "awsRegion": s.config.Region,
			"kinesis": map[string]any{"kinesisSchemaVersion": "1.0", "partitionKey": r.Key, "sequenceNumber": fmt.Sprint(i + 1),
				"data": base64.StdEncoding.EncodeToString([]byte(r.Data))},
		}
	}
	return map[string]any{"Records": list}
}
