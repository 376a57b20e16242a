package esm

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
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

// arrivals is how a failure record writes when records came: those of a table's stream
// in whole seconds.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
func (k sourceKind) arrivals() string {
	if k == kindKinesis {
		return stamp
	}
	return "2006-01-02T15:04:05Z"
}

// failurePolicy is how long a failure record is tried.
//
// AWS: says nothing of retries, and counts records that the destination does
// not take in DestinationDeliveryErrors. Here they are logged.
func failurePolicy() outbox.Policy {
	return outbox.Policy{Attempts: 5, First: time.Second, Longest: time.Minute}
}

// discarded is what the on-failure destination gets of records that are given
// up.
func (s *streamWorker) discarded(shard string, recs []*record, p *piece, condition string) outbox.Delivery {
	now := s.m.host.Clock.Now()
	first, last := recs[0], recs[len(recs)-1]
	info := &batchInfo{
		ShardID: shard, Start: first.seq, End: last.seq, First: first.at.Format(s.kind.arrivals()),
		Last: last.at.Format(s.kind.arrivals()), Size: len(recs), StreamARN: streamARN(s.source.String()),
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
	if bucketDestination(s.set.failures) { // a bucket gets the event too
		events := make([]json.RawMessage, len(recs))
		for i, r := range recs {
			events[i] = r.event
		}
		out.Payload = string(encode(batchEvent{Records: events}))
	}
	return outbox.Delivery{
		Carries: carried(shard, recs), Cause: p.last.requestID, SourceARN: s.fn.ARN(),
		SourceAccount: s.fn.Scope.Account, Scope: s.key.scope,
		Sender: outbox.Sender{Service: "lambda.amazonaws.com", Role: s.cfg.Role, Session: s.fn.Name,
			Account: s.fn.Scope.Account},
		Target: s.set.failures, Payload: encode(out), Group: s.key.uuid, Order: s.key.uuid + "/" + shard,
		Policy: failurePolicy(),
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
		Name: fmt.Sprintf("aws/lambda/%s/%s/%s/%s-%s", s.key.uuid, shard, now.Format("2006/01/02"),
			now.Format("2006-01-02T15.04.05"), s.m.host.IDs.UUID()),
	}
}

func bucketDestination(arn string) bool {
	a, err := ident.ParseARN(arn)
	return err == nil && a.Service == "s3"
}

// queueURL asks for the URL of a queue. Lambda knows it without a permission of
// the execution role: AWS's managed policy for queues grants no GetQueueUrl.
// Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
func queueURL(ctx context.Context, h *gateway.Host, arn ident.ARN) (string, error) {
	out, err := call[sqs.GetQueueUrlOutput](ctx, h, gateway.ServicePrincipal("lambda.amazonaws.com", arn.Account),
		arn.Scope(), "sqs", "GetQueueUrl",
		&sqs.GetQueueUrlInput{QueueName: &arn.Resource, QueueOwnerAWSAccountId: &arn.Account})
	if err != nil {
		return "", err
	}
	return text(out.QueueUrl), nil
}
