package esm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
)

// queues is a cloud with a queue "q", or "q.fifo".
type queues struct {
	*cloud
	sqs  *sqs.Client
	url  *string
	arn  string
	fifo bool
}

func newQueues(t testing.TB, name string, attributes map[string]string, more ...gateway.Service) *queues {
	t.Helper()
	c := newCloud(t, more...)
	q := &queues{cloud: c, sqs: sqs.NewFromConfig(c.Config()), arn: "arn:aws:sqs:us-east-1:000000000000:" + name,
		fifo: name != "q"}
	if attributes == nil {
		attributes = map[string]string{}
	}
	if q.fifo {
		attributes["FifoQueue"] = "true"
	}
	out, err := q.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	require.NoError(t, err)
	q.url = out.QueueUrl
	return q
}

func (q *queues) mapping(change ...func(*input)) string {
	q.t.Helper()
	return q.cloud.mapping(append([]func(*input){func(in *input) { in.EventSourceArn, in.StartingPosition = &q.arn, "" }},
		change...)...)
}

// send sends messages, of one group in a FIFO queue.
func (q *queues) send(group string, bodies ...string) {
	q.t.Helper()
	for part := range slices.Chunk(bodies, 10) {
		in := &sqs.SendMessageBatchInput{QueueUrl: q.url}
		for i, b := range part {
			e := sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &b}
			if q.fifo {
				e.MessageGroupId, e.MessageDeduplicationId = &group, aws.String(group+b)
			}
			in.Entries = append(in.Entries, e)
		}
		out, err := q.sqs.SendMessageBatch(q.t.Context(), in)
		require.NoError(q.t, err)
		require.Empty(q.t, out.Failed)
	}
	q.settle()
}

// left counts the messages in the queue, visible or not.
func (q *queues) left() string {
	q.t.Helper()
	out, err := q.sqs.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.url,
		AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	require.NoError(q.t, err)
	return out.Attributes["ApproximateNumberOfMessages"] + "+" + out.Attributes["ApproximateNumberOfMessagesNotVisible"]
}

func (q *queues) received() []string { return slices.Concat(q.fn.batches()...) }

func TestQueue_deliversExactEvent(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", nil)
	q.mapping()
	_, err := q.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String(`{"a":"<1>"}`),
		MessageAttributes: map[string]sqstypes.MessageAttributeValue{
			"kind": {DataType: aws.String("String"), StringValue: aws.String("x")},
			"raw":  {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}}}})
	require.NoError(t, err)
	q.settle()
	require.Len(t, q.fn.events(), 1, "an idle mapping delivers at once")
	var got map[string][]map[string]any
	require.NoError(t, json.Unmarshal([]byte(q.fn.events()[0].raw), &got))
	rec := got["Records"][0]
	for _, k := range []string{"messageId", "receiptHandle", "md5OfMessageAttributes"} {
		require.NotEmpty(t, rec[k], k)
		delete(rec, k)
	}
	sent := rec["attributes"].(map[string]any)
	require.Equal(t, "1", sent["ApproximateReceiveCount"])
	require.Equal(t, fmt.Sprint(q.Clock.Now().UnixMilli()), sent["SentTimestamp"])
	require.NotEmpty(t, sent["SenderId"])
	require.NotEmpty(t, sent["ApproximateFirstReceiveTimestamp"])
	delete(rec, "attributes")
	b, err := json.Marshal(rec)
	require.NoError(t, err)
	require.JSONEq(t,
		`{"body":"{\"a\":\"<1>\"}","md5OfBody":"2079d7e9115903c71f1aa171c95314fe","eventSource":"aws:sqs","eventSourceARN":"`+
			q.arn+`","awsRegion":"us-east-1",
		"messageAttributes":{"kind":{"stringValue":"x","dataType":"String","stringListValues":[],"binaryListValues":[]},
		"raw":{"binaryValue":"AQI=","dataType":"Binary","stringListValues":[],"binaryListValues":[]}}}`, string(b))
	require.Equal(t, "0+0", q.left())
}

func TestQueue_failuresComeBackUntilTheyAreMoved(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", nil)
	dead, err := q.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("dead")})
	require.NoError(t, err)
	_, err = q.sqs.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q.url,
		Attributes: map[string]string{
			"VisibilityTimeout": "10",
			"RedrivePolicy":     `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"3"}`}})
	require.NoError(t, err)
	q.fn.handle(failing("bad"))
	q.mapping()
	q.send("", "bad")
	q.send("", "good")
	require.Equal(t, "0+1", q.left(), "a failed message stays for its visibility timeout")
	q.pass(time.Minute)
	ev := q.fn.events()
	require.Equal(t, []string{"bad", "good", "bad", "bad"}, q.received())
	require.Equal(t, "3", ev[3].Records[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, 10*time.Second, ev[2].at.Sub(ev[0].at))
	out, err := q.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: dead.QueueUrl})
	require.NoError(t, err)
	require.Len(t, out.Messages, 1)
	require.Equal(t, "0+0", q.left())
}

// lateQueue answers the first ReceiveMessage with nothing: the message comes to
// light a moment after it was asked for.
type lateQueue struct {
	gateway.Service
	asked atomic.Bool
}

func (l *lateQueue) at(h *gateway.Host) gateway.Service {
	l.Service = sqsservice.New(h)
	return l
}

func (l *lateQueue) Describe() gateway.Descriptor {
	d := l.Service.Describe()
	ops := d.Operations
	for i, op := range ops {
		if op.Name == "ReceiveMessage" {
			ops[i].Handle = func(ctx context.Context, in any) (any, error) {
				if l.asked.CompareAndSwap(false, true) {
					return &sqs.ReceiveMessageOutput{}, nil
				}
				return op.Handle(ctx, in)
			}
		}
	}
	return d
}

func TestQueue_messageThatComesToLightAfterALookIsFound(t *testing.T) {
	t.Parallel()
	late := &lateQueue{}
	q := newQueues(t, "q", nil, late)
	_, err := q.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("m")})
	require.NoError(t, err)
	q.mapping()
	q.pass(10 * time.Second)
	require.True(t, late.asked.Load())
	require.Equal(t, []string{"m"}, q.received())
	require.Equal(t, "0+0", q.left())
}

func TestQueue_partialFailures(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", nil)
	first := true
	q.fn.handle(func(e event) (any, error) {
		items := []map[string]string{}
		for _, r := range e.Records {
			if first && r.Body == "bad" {
				items = append(items, map[string]string{"itemIdentifier": r.MessageID})
			}
		}
		first = false
		return map[string]any{"batchItemFailures": items}, nil
	})
	q.mapping(report)
	q.send("", "1", "bad", "2")
	require.Equal(t, "0+1", q.left(), "only what succeeded is deleted")
	q.pass(time.Minute)
	require.Equal(t, []string{"1", "bad", "2", "bad"}, q.received())
	require.Equal(t, "0+0", q.left())
}

func TestQueue_malformedPartialAnswerFailsAll(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"batchItemFailures":[{"itemIdentifier":""}]}`,
		`{"batchItemFailures":[{"itemIdentifier":"who"}]}`, `{"batchItemFailures":[{"id":"1"}]}`} {
		q := newQueues(t, "q", nil)
		q.fn.handle(func(event) (any, error) { return answer, nil })
		q.mapping(report)
		q.send("", "1", "2")
		require.Equal(t, "0+2", q.left(), answer)
	}
}

func TestQueue_batchingWindow(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", map[string]string{"VisibilityTimeout": "60"})
	q.mapping(func(in *input) { in.BatchSize, in.MaximumBatchingWindowInSeconds = aws.Int32(25), aws.Int32(20) })
	begin := q.Clock.Now()
	q.send("", "a")
	q.pass(5 * time.Second)
	q.send("", "b")
	q.pass(10 * time.Second)
	require.Empty(t, q.fn.batches())
	q.pass(10 * time.Second)
	require.Equal(t, [][]string{{"a", "b"}}, q.fn.batches())
	require.Equal(t, begin.Add(20*time.Second), q.fn.events()[0].at)
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprint(i))
	}
	q.send("", many...)
	require.Len(t, q.fn.batches()[1], 25, "a full batch does not wait")
	q.pass(time.Minute)
	require.Len(t, q.fn.batches()[2], 5)
	require.Equal(t, "0+0", q.left())
}

func TestQueue_filteredMessagesAreDeleted(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", nil)
	q.mapping(func(in *input) {
		in.FilterCriteria = filters(`{"body":{"n":[{"numeric":[">",1]}]}}`, `{"body":["plain"]}`)
	})
	q.send("", `{"n":1}`, `{"n":2}`, `plain`, `other`, `"plain"`, `[1]`)
	require.Equal(t, []string{`{"n":2}`, `plain`}, q.received())
	require.Equal(t, "0+0", q.left())
}

func TestQueue_fifoKeepsTheOrderOfGroups(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q.fifo", nil)
	fails := 2
	q.fn.handle(func(e event) (any, error) {
		items := []map[string]string{}
		for _, r := range e.Records { // all behind a failure fail too, as AWS advises
			if r.Body == "a2" && fails > 0 || len(items) > 0 {
				items = append(items, map[string]string{"itemIdentifier": r.MessageID})
			}
		}
		fails--
		return map[string]any{"batchItemFailures": items}, nil
	})
	q.mapping(report)
	q.send("a", "a1", "a2", "a3")
	q.send("b", "b1", "b2")
	q.pass(2 * time.Minute)
	var a, b []string
	for _, m := range q.received() {
		if m[0] == 'a' {
			a = append(a, m)
		} else {
			b = append(b, m)
		}
	}
	require.Equal(t, []string{"a1", "a2", "a3", "a2", "a3", "a2", "a3"}[:len(a)], a)
	require.Contains(t, [][]string{{"b1", "b2"}}, b)
	require.Equal(t, "0+0", q.left())
}

func TestQueue_concurrency(t *testing.T) {
	t.Parallel()
	for want, scaling := range map[int]*types.ScalingConfig{5: nil, 2: {MaximumConcurrency: aws.Int32(2)}} {
		q := newQueues(t, "q", map[string]string{"VisibilityTimeout": "600"})
		gate, entered := make(chan struct{}), make(chan struct{}, 100)
		q.fn.handle(func(event) (any, error) {
			entered <- struct{}{}
			<-gate
			return nil, nil
		})
		q.mapping(func(in *input) { in.BatchSize, in.ScalingConfig = aws.Int32(1), scaling })
		in := &sqs.SendMessageBatchInput{QueueUrl: q.url}
		for i := range 10 {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)),
				MessageBody: aws.String("m")})
		}
		_, err := q.sqs.SendMessageBatch(t.Context(), in)
		require.NoError(t, err)
		for range want {
			<-entered
		}
		require.Empty(t, entered)
		require.Equal(t, fmt.Sprintf("%d+%d", 10-want, want), q.left())
		close(gate)
		q.pass(time.Minute)
		require.Len(t, q.received(), 10)
		require.Equal(t, "0+0", q.left())
	}
}

func TestQueue_throttledMessagesComeBack(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", map[string]string{"VisibilityTimeout": "30"})
	throttles := 4
	q.fn.handle(func(event) (any, error) {
		if throttles--; throttles >= 0 {
			return nil, &types.TooManyRequestsException{Message: aws.String("Rate Exceeded.")}
		}
		return nil, nil
	})
	q.mapping()
	q.send("", "1")
	q.pass(20 * time.Second)
	ev := q.fn.events()
	require.Len(t, ev, 5)
	require.Equal(t, "1", ev[4].Records[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, "0+0", q.left())
}

func TestQueue_pausesAndRestarts(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", nil)
	uuid := q.mapping()
	_, err := q.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid,
		Enabled: aws.Bool(false)})
	require.NoError(t, err)
	q.pass(time.Second)
	q.send("", "1")
	q.pass(time.Minute)
	require.Equal(t, "1+0", q.left())
	q.fn.Stop()
	require.NoError(t, q.fn.Start(t.Context()))
	_, err = q.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid,
		Enabled: aws.Bool(true)})
	require.NoError(t, err)
	q.pass(time.Second)
	require.Equal(t, []string{"1"}, q.received())
	require.Nil(t, q.get(uuid).LastProcessingResult)
}

func TestQueue_faults(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", nil)
	q.mapping()
	q.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultDuplicate, Service: "lambda", Operation: "Invoke", Resource: "f",
		Count: 1})
	q.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultReorder, Service: "lambda", Operation: "Invoke", Resource: "f",
		Count: 1})
	q.send("", "1", "2")
	require.Equal(t, [][]string{{"2", "1"}, {"2", "1"}}, q.fn.batches())
	require.Equal(t, "0+0", q.left())
}

func TestCreate_refusesForQueues(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", map[string]string{"VisibilityTimeout": "10"})
	_, err := q.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q.fifo"),
		Attributes: map[string]string{"FifoQueue": "true"}})
	require.NoError(t, err)
	const bad = "InvalidParameterValueException"
	for name, k := range map[string]struct {
		change  func(*input)
		message string
	}{
		"no queue": {func(in *input) {
			in.EventSourceArn = aws.String(q.arn + "x")
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		"position": {func(in *input) { in.StartingPosition = "LATEST" }, "Unsupported StartingPosition"},
		"bisect": {func(in *input) {
			in.BisectBatchOnFunctionError = aws.Bool(true)
		}, "Unsupported BisectBatchOnFunctionError"},
		"retries": {func(in *input) { in.MaximumRetryAttempts = aws.Int32(1) }, "Unsupported MaximumRetryAttempts"},
		"age": {func(in *input) {
			in.MaximumRecordAgeInSeconds = aws.Int32(60)
		}, "Unsupported MaximumRecordAgeInSeconds"},
		"factor":      {func(in *input) { in.ParallelizationFactor = aws.Int32(2) }, "Unsupported ParallelizationFactor"},
		"tumbling":    {func(in *input) { in.TumblingWindowInSeconds = aws.Int32(2) }, "Unsupported TumblingWindowInSeconds"},
		"destination": {func(in *input) { in.DestinationConfig = onFailure(q.arn) }, "Unsupported DestinationConfig"},
		"batch": {func(in *input) {
			in.BatchSize = aws.Int32(11)
		}, "Maximum batch window in seconds must be greater than 0"},
		"filter": {func(in *input) {
			in.FilterCriteria = filters(`{"body":[{"near":1}]}`)
		}, "Invalid filter pattern definition."},
		"fifo window": {func(in *input) {
			in.EventSourceArn, in.MaximumBatchingWindowInSeconds = aws.String(q.arn+".fifo"), aws.Int32(1)
		}, "FIFO"},
		"fifo batch": {func(in *input) {
			in.EventSourceArn, in.BatchSize = aws.String(q.arn+".fifo"), aws.Int32(11)
		}, "FIFO"},
		"no concurrency": {func(in *input) { in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(1)} }, ""},
	} {
		in := &input{FunctionName: aws.String("f"), EventSourceArn: &q.arn}
		k.change(in)
		_, err := q.lambda.CreateEventSourceMapping(t.Context(), in)
		code := bad
		if k.message == "" {
			code = "ValidationException"
		}
		t.Run(name, func(t *testing.T) { wantError(t, err, code, k.message) })
	}
	q.fn.timeout = 11
	_, err = q.lambda.CreateEventSourceMapping(t.Context(), &input{FunctionName: aws.String("f"), EventSourceArn: &q.arn})
	wantError(t, err, bad, "Queue visibility timeout: 10 seconds is less than Function timeout: 11 seconds")
}

// While all pollers are busy more are added, 300 a minute.
func TestQueue_pollersAreAdded(t *testing.T) {
	t.Parallel()
	q := newQueues(t, "q", map[string]string{"VisibilityTimeout": "600"})
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	q.fn.handle(func(event) (any, error) {
		entered <- struct{}{}
		<-gate
		return nil, nil
	})
	q.mapping(func(in *input) { in.BatchSize = aws.Int32(1) })
	for range 2 {
		in := &sqs.SendMessageBatchInput{QueueUrl: q.url}
		for i := range 10 {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)),
				MessageBody: aws.String("m")})
		}
		_, err := q.sqs.SendMessageBatch(t.Context(), in)
		require.NoError(t, err)
	}
	for range 5 {
		<-entered
	}
	go q.Advance(200 * time.Millisecond) // stands still for as long as functions hang
	<-entered
	require.Empty(t, entered)
	close(gate)
	q.settle()
	require.Len(t, q.received(), 20)
}
