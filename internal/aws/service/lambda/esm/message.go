package esm

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
	"github.com/pipelab/pipelab/internal/digest"
)

// queueEvent is a message in a function's event.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
type queueEvent struct {
	MessageID         string                    `json:"messageId"`
	ReceiptHandle     string                    `json:"receiptHandle"`
	Body              string                    `json:"body"`
	Attributes        map[string]string         `json:"attributes"`
	MessageAttributes map[string]queueAttribute `json:"messageAttributes"`
	MD5OfAttributes   string                    `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody         string                    `json:"md5OfBody"`
	EventSource       string                    `json:"eventSource"`
	EventSourceARN    string                    `json:"eventSourceARN"`
	AwsRegion         string                    `json:"awsRegion"`
}

type queueAttribute struct {
	StringValue *string  `json:"stringValue,omitempty"`
	BinaryValue []byte   `json:"binaryValue,omitempty"`
	StringList  []string `json:"stringListValues"`
	BinaryList  [][]byte `json:"binaryListValues"`
	DataType    string   `json:"dataType"`
}

// event makes a function's record of a message, and the document that filters
// see: the record with its body decoded when it holds a JSON object or array.
func (q *queueWorker) event(m *types.Message) (*message, any) {
	ev := queueEvent{
		MessageID: text(m.MessageId), ReceiptHandle: text(m.ReceiptHandle), Body: text(m.Body), Attributes: m.Attributes,
		MessageAttributes: map[string]queueAttribute{}, MD5OfAttributes: text(m.MD5OfMessageAttributes),
		MD5OfBody:   text(m.MD5OfBody),
		EventSource: "aws:sqs", EventSourceARN: q.source.String(), AwsRegion: q.source.Region,
	}
	for name, a := range m.MessageAttributes {
		ev.MessageAttributes[name] = queueAttribute{
			StringValue: a.StringValue, BinaryValue: a.BinaryValue, StringList: []string{}, BinaryList: [][]byte{},
			DataType: text(a.DataType),
		}
	}
	out := &message{id: ev.MessageID, handle: ev.ReceiptHandle, group: ev.Attributes["MessageGroupId"],
		trace: ev.Attributes["AWSTraceHeader"], event: encode(ev)}
	if len(q.set.filters) == 0 {
		return out, nil
	}
	doc, _ := filter.Decode(out.event) // was written just now
	if body, err := filter.Decode([]byte(ev.Body)); err == nil {
		switch body.(type) {
		case map[string]any, []any:
			doc.(map[string]any)["body"] = body
		}
	}
	return out, doc
}

// attributes learns the queue's visibility timeout, and whether it holds any
// messages.
func (q *queueWorker) attributes() (more bool, err error) {
	out, err := call[sqs.GetQueueAttributesOutput](q.soft, q.m.host, q.role(), q.source.Scope(), "sqs",
		"GetQueueAttributes",
		&sqs.GetQueueAttributesInput{QueueUrl: &q.cfg.QueueURL, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameVisibilityTimeout, types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed}})
	if err != nil {
		return false, err
	}
	seconds, err := strconv.Atoi(out.Attributes["VisibilityTimeout"])
	if err != nil {
		return false, err
	}
	q.visibility, q.asked = time.Duration(seconds)*time.Second, q.m.host.Clock.Now()
	// Visible ones too: a message may have come to light since it was asked for.
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
		"ApproximateNumberOfMessagesDelayed"} {
		more = more || out.Attributes[name] != "0" && out.Attributes[name] != ""
	}
	return more, nil
}

// process invokes the function with a batch and deletes what it has done.
// What failed stays in the queue until its visibility timeout is over, so that
// it is received again, and again, and moved to a dead-letter queue at last. It
// reports whether all is done with.
func (q *queueWorker) process(batch []*message) (all bool) {
	events := make([]json.RawMessage, len(batch))
	for i, m := range batch {
		events[i] = m.event
	}
	if _, hit := q.m.host.Faults.Take(gateway.FaultReorder, "lambda", "Invoke", q.fn.Name); hit {
		slices.Reverse(events)
	}
	payload := encode(batchEvent{Records: events})
	a := q.attempt(payload, batch)
	done := q.succeeded(batch, a)
	if len(done) == len(batch) {
		if _, hit := q.m.host.Faults.Take(gateway.FaultDuplicate, "lambda", "Invoke", q.fn.Name); hit {
			done = q.succeeded(batch, q.attempt(payload, batch))
		}
	}
	q.remove(done)
	var last time.Time
	for _, m := range batch {
		if !slices.Contains(done, m) && m.until.After(last) {
			last = m.until
			q.m.At(last, "messages that come back", func(context.Context) {
				q.wake.poke()
				q.m.host.Clock.Settle()
			})
		}
	}
	return len(done) == len(batch)
}

// attempt invokes the function; while that is throttled it goes on trying
// until the messages are visible again.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func (q *queueWorker) attempt(payload []byte, batch []*message) answer {
	wake, trace := newWaker(q.m.host.Clock), longestChain(batch, q.fn)
	carries := make([]uint32, len(batch))
	for i, m := range batch {
		carries[i] = digest.Fingerprint(m.id)
	}
	for n := 1; ; n++ {
		a := q.invoke(payload, carries, trace)
		next := q.m.host.Clock.Now().Add(backoff(n))
		looping := gateway.ErrorCode(a.err) == "RecursiveInvocationException"
		if a.err == nil || looping || !next.Before(batch[0].until) || wake.sleep(q.soft, next) != nil {
			return a
		}
	}
}

// succeeded picks the messages that the function has dealt with.
func (q *queueWorker) succeeded(batch []*message, a answer) []*message {
	switch {
	case a.err != nil || a.failed != "":
		return nil
	case !q.set.report:
		return batch
	}
	ids, ok := failures(a.payload)
	if !ok {
		return nil
	}
	for _, id := range ids {
		if !slices.ContainsFunc(batch, func(m *message) bool { return m.id == id }) {
			return nil // a name that is not in the batch makes it a failure as a whole
		}
	}
	return slices.DeleteFunc(slices.Clone(batch), func(m *message) bool { return slices.Contains(ids, m.id) })
}

// remove deletes messages, ten at a time.
func (q *queueWorker) remove(msgs []*message) {
	for part := range slices.Chunk(msgs, receiveMax) {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.cfg.QueueURL}
		for i, m := range part {
			id := strconv.Itoa(i)
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: &m.handle})
		}
		if _, err := call[sqs.DeleteMessageBatchOutput](q.hard, q.m.host, q.role(), q.source.Scope(), "sqs",
			"DeleteMessageBatch", in); err != nil {
			q.m.host.Log.Warn("messages that are done with are not deleted", "uuid", q.key.uuid, "error", err)
		}
	}
}
