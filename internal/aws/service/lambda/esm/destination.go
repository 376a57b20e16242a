package esm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// failureRecord is what an on-failure destination gets: where the records are,
// not the records; a bucket gets the event too.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
type failureRecord struct {
	Request   requestContext   `json:"requestContext"`
	Response  *responseContext `json:"responseContext,omitempty"`
	Version   string           `json:"version"`
	Timestamp string           `json:"timestamp"`
	Kinesis   *batchInfo       `json:"KinesisBatchInfo,omitempty"`
	DynamoDB  *batchInfo       `json:"DDBStreamBatchInfo,omitempty"`
	Payload   string           `json:"payload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Invokes     int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode int32  `json:"statusCode"`
	Version    string `json:"executedVersion"`
	Error      string `json:"functionError,omitempty"`
}

type batchInfo struct {
	ShardID   string `json:"shardId"`
	Start     string `json:"startSequenceNumber"`
	End       string `json:"endSequenceNumber"`
	First     string `json:"approximateArrivalOfFirstRecord"`
	Last      string `json:"approximateArrivalOfLastRecord"`
	Size      int    `json:"batchSize"`
	StreamARN string `json:"streamArn"`
}

const stamp = "2006-01-02T15:04:05.000Z"

// discarded tells the on-failure destination, if there is one, of records that
// were given up.
//
// AWS: a record that the destination does not take is dropped and counted in
// DestinationDeliveryErrors. Here it is dropped and logged.
func (s *streamWorker) discarded(shard string, recs []*record, p *piece, condition string) {
	if s.set.failures == "" {
		return
	}
	now := s.m.host.Clock.Now()
	first, last := recs[0], recs[len(recs)-1]
	info := &batchInfo{
		ShardID: shard, Start: first.seq, End: last.seq, First: first.at.Format(stamp), Last: last.at.Format(stamp),
		Size: len(recs), StreamARN: streamARN(s.source.String()),
	}
	out := failureRecord{
		Request: requestContext{RequestID: p.last.requestID, FunctionARN: s.fn.ARN(), Condition: condition,
			Invokes: p.invokes},
		Version: "1.0", Timestamp: now.Format(stamp),
	}
	if out.Request.RequestID == "" {
		out.Request.RequestID = s.m.host.IDs.UUID()
	}
	if p.last.version != "" {
		out.Response = &responseContext{StatusCode: p.last.status, Version: p.last.version, Error: p.last.failed}
	}
	if s.kind == kindKinesis {
		out.Kinesis = info
	} else {
		out.DynamoDB = info
	}
	if err := s.sendFailure(shard, recs, out, now); err != nil {
		s.m.host.Log.Warn("on-failure destination did not take a batch", "uuid", s.key.uuid, "destination", s.set.failures,
			"error", err)
	}
}

func (s *streamWorker) sendFailure(shard string, recs []*record, out failureRecord, now time.Time) error {
	arn, err := ident.ParseARN(s.set.failures)
	if err != nil {
		return err
	}
	if arn.Service == "sqs" {
		return s.sendToQueue(arn, string(encode(out)))
	}
	events := make([]json.RawMessage, len(recs))
	for i, r := range recs {
		events[i] = r.event
	}
	out.Payload = string(encode(batchEvent{Records: events}))
	// Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
	key := fmt.Sprintf("aws/lambda/%s/%s/%s/%s-%s", s.key.uuid, shard, now.Format("2006/01/02"),
		now.Format("2006-01-02T15.04.05"), s.m.host.IDs.UUID())
	body := encode(out)
	size, kind := int64(len(body)), "application/json"
	_, err = call[s3.PutObjectOutput](s.hard, s.m.host, s.role(), s.key.scope, "s3", "PutObject",
		&s3.PutObjectInput{Bucket: &arn.Resource, Key: &key, Body: bytes.NewReader(body), ContentLength: &size,
			ContentType: &kind})
	return err
}

func (s *streamWorker) sendToQueue(arn ident.ARN, body string) error {
	url, err := QueueURL(s.hard, s.m.host, arn)
	if err != nil {
		return err
	}
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}
	if strings.HasSuffix(arn.Resource, ".fifo") {
		id := s.m.host.IDs.UUID()
		in.MessageGroupId, in.MessageDeduplicationId = &s.key.uuid, &id
	}
	_, err = call[sqs.SendMessageOutput](s.hard, s.m.host, s.role(), arn.Scope(), "sqs", "SendMessage", in)
	return err
}

// QueueURL asks for the URL of a queue. Lambda knows it without a permission of
// the execution role: AWS's managed policy for queues grants no GetQueueUrl.
// Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
func QueueURL(ctx context.Context, h *gateway.Host, arn ident.ARN) (string, error) {
	out, err := call[sqs.GetQueueUrlOutput](ctx, h, gateway.ServicePrincipal("lambda.amazonaws.com", arn.Account),
		arn.Scope(), "sqs", "GetQueueUrl",
		&sqs.GetQueueUrlInput{QueueName: &arn.Resource, QueueOwnerAWSAccountId: &arn.Account})
	if err != nil {
		return "", err
	}
	return text(out.QueueUrl), nil
}
