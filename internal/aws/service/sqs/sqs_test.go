package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	service "github.com/pipelab/pipelab/internal/aws/service/sqs"
)

func start(t testing.TB) (*awstest.Cloud, *sqs.Client) {
	t.Helper()
	c := awstest.New(t, func(h *gateway.Host) gateway.Service { return service.New(h) })
	return c, sqs.NewFromConfig(c.Config())
}

func create(t testing.TB, client *sqs.Client, name string, attrs map[string]string) *string {
	t.Helper()
	if strings.HasSuffix(name, ".fifo") {
		if attrs == nil {
			attrs = map[string]string{}
		}
		attrs["FifoQueue"] = "true"
	}
	out, err := client.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attrs})
	require.NoError(t, err)
	return out.QueueUrl
}

func send(t testing.TB, client *sqs.Client, url *string, body string) *sqs.SendMessageOutput {
	t.Helper()
	out, err := client.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
	require.NoError(t, err)
	return out
}

func receive(t testing.TB, client *sqs.Client, url *string, n int32) []types.Message {
	t.Helper()
	out, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: n,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"}})
	require.NoError(t, err)
	return out.Messages
}

func bodies(ms []types.Message) []string {
	out := []string{}
	for _, m := range ms {
		out = append(out, *m.Body)
	}
	return out
}

func TestMessage_isHiddenComesBackAndIsDeleted(t *testing.T) {
	c, client := start(t)
	url := create(t, client, "jobs", map[string]string{"VisibilityTimeout": "10"})
	// The SDK compares all three checksums with its own.
	_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("grüße"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"kind": {DataType: aws.String("String.kind"), StringValue: aws.String("order")},
			"n":    {DataType: aws.String("Number"), StringValue: aws.String("12.5")},
			"raw":  {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		}})
	require.NoError(t, err)
	first := receive(t, client, url, 1)
	require.Equal(t, []string{"grüße"}, bodies(first))
	require.Equal(t, "1", first[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, []byte{0, 255}, first[0].MessageAttributes["raw"].BinaryValue)
	require.Empty(t, receive(t, client, url, 10), "it is hidden")

	c.Advance(10 * time.Second)
	second := receive(t, client, url, 10)
	require.Equal(t, "2", second[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, first[0].Attributes["ApproximateFirstReceiveTimestamp"],
		second[0].Attributes["ApproximateFirstReceiveTimestamp"])

	// The handle of the first receipt is stale: no error, nothing deleted.
	_, err = client.DeleteMessage(t.Context(),
		&sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: first[0].ReceiptHandle})
	require.NoError(t, err)
	require.Equal(t, "1", attribute(t, client, url, "ApproximateNumberOfMessagesNotVisible"))
	_, err = client.DeleteMessage(t.Context(),
		&sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: second[0].ReceiptHandle})
	require.NoError(t, err)
	require.Equal(t, "0", attribute(t, client, url, "ApproximateNumberOfMessagesNotVisible"))
}

func attribute(t testing.TB, client *sqs.Client, url *string, name string) string {
	t.Helper()
	out, err := client.GetQueueAttributes(context.Background(), &sqs.GetQueueAttributesInput{QueueUrl: url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeName(name)}})
	require.NoError(t, err)
	return out.Attributes[name]
}

func TestVisibility_canBeChanged(t *testing.T) {
	c, client := start(t)
	url := create(t, client, "jobs", nil)
	send(t, client, url, "a")
	m := receive(t, client, url, 1)[0]
	change := func(seconds int32) error {
		_, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: url,
			ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
		return err
	}
	require.NoError(t, change(100))
	c.Advance(99 * time.Second)
	require.Empty(t, receive(t, client, url, 1))
	require.NoError(t, change(0))
	again := receive(t, client, url, 1)
	require.Len(t, again, 1)
	c.Advance(30 * time.Second)
	m = again[0]
	var idle *types.MessageNotInflight
	require.ErrorAs(t, change(5), &idle)
}

func TestDelayAndRetention(t *testing.T) {
	c, client := start(t)
	url := create(t, client, "jobs", map[string]string{"DelaySeconds": "5", "MessageRetentionPeriod": "60"})
	send(t, client, url, "a")
	_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("b"),
		DelaySeconds: 20})
	require.NoError(t, err)
	require.Equal(t, "2", attribute(t, client, url, "ApproximateNumberOfMessagesDelayed"))
	c.Advance(5 * time.Second)
	require.Equal(t, []string{"a"}, bodies(receive(t, client, url, 10)))
	c.Advance(56 * time.Second)
	require.Empty(t, receive(t, client, url, 10), "both are older than a minute")
	require.Equal(t, "0", attribute(t, client, url, "ApproximateNumberOfMessages"))
}

func TestLongPoll_endsWithTheMessageOrTheWait(t *testing.T) {
	c, client := start(t)
	url := create(t, client, "jobs", map[string]string{"ReceiveMessageWaitTimeSeconds": "20"})
	poll := func() chan []types.Message {
		got := make(chan []types.Message, 1)
		go func() {
			out, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
			if err != nil {
				close(got)
				return
			}
			got <- out.Messages
		}()
		return got
	}
	got := poll()
	send(t, client, url, "woken")
	require.Equal(t, []string{"woken"}, bodies(<-got))
	// When the poll arrives is the machine's affair, so the clock moves until
	// the wait is over; what is hidden may come back meanwhile.
	got = poll()
	require.Eventually(t, func() bool {
		c.Advance(20 * time.Second)
		return len(got) == 1
	}, 10*time.Second, time.Millisecond)
}

func TestDeadLetters_andTheWayBack(t *testing.T) {
	c, client := start(t)
	dead := create(t, client, "dead", nil)
	url := create(t, client, "jobs", map[string]string{"VisibilityTimeout": "1",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"2"}`})
	for i := range 3 {
		send(t, client, url, fmt.Sprint(i))
	}
	for range 2 {
		require.Len(t, receive(t, client, url, 10), 3)
		c.Advance(time.Second)
	}
	require.Empty(t, receive(t, client, url, 10))
	letters := receive(t, client, dead, 10)
	require.Equal(t, []string{"0", "1", "2"}, bodies(letters))
	require.Equal(t, "3", letters[0].Attributes["ApproximateReceiveCount"])
	require.Equal(t, "arn:aws:sqs:us-east-1:000000000000:jobs", letters[0].Attributes["DeadLetterQueueSourceArn"])
	sources, err := client.ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead})
	require.NoError(t, err)
	require.Equal(t, []string{*url}, sources.QueueUrls)

	c.Advance(30 * time.Second)
	arn := aws.String("arn:aws:sqs:us-east-1:000000000000:dead")
	_, err = client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: arn,
		MaxNumberOfMessagesPerSecond: aws.Int32(2)})
	require.NoError(t, err)
	c.Advance(0)
	_, err = client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: arn})
	var unsupported *types.UnsupportedOperation
	require.ErrorAs(t, err, &unsupported, "one task at a time")
	c.Advance(time.Second)
	require.Equal(t, []string{"0", "1", "2"}, bodies(receive(t, client, url, 10)))
	tasks, err := client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: arn})
	require.NoError(t, err)
	require.Equal(t, "COMPLETED", *tasks.Results[0].Status)
	require.EqualValues(t, 3, tasks.Results[0].ApproximateNumberOfMessagesMoved)
}

func fifoSend(t testing.TB, client *sqs.Client, url *string, group, id, body string) *sqs.SendMessageOutput {
	t.Helper()
	out, err := client.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body,
		MessageGroupId: &group, MessageDeduplicationId: &id})
	require.NoError(t, err)
	return out
}

func TestFIFO_deduplicatesForFiveMinutes(t *testing.T) {
	c, client := start(t)
	url := create(t, client, "jobs.fifo", nil)
	first := fifoSend(t, client, url, "g", "1", "a")
	c.Advance(4*time.Minute + 59*time.Second)
	again := fifoSend(t, client, url, "g", "1", "other body")
	require.Equal(t, first.MessageId, again.MessageId)
	require.Equal(t, first.SequenceNumber, again.SequenceNumber)
	c.Advance(time.Second)
	later := fifoSend(t, client, url, "g", "1", "b")
	require.Greater(t, *later.SequenceNumber, *first.SequenceNumber)
	require.Equal(t, []string{"a", "b"}, bodies(receive(t, client, url, 10)))
}

func TestFIFO_aHiddenMessageHoldsUpItsGroupOnly(t *testing.T) {
	_, client := start(t)
	url := create(t, client, "jobs.fifo", nil)
	for i, g := range []string{"a", "a", "b", "a", "b"} {
		fifoSend(t, client, url, g, fmt.Sprint(i), fmt.Sprintf("%s%d", g, i))
	}
	first := receive(t, client, url, 1)
	require.Equal(t, []string{"a0"}, bodies(first))
	require.Equal(t, []string{"b2", "b4"}, bodies(receive(t, client, url, 10)))
	_, err := client.DeleteMessage(t.Context(),
		&sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: first[0].ReceiptHandle})
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "a3"}, bodies(receive(t, client, url, 10)))
}

// Whatever is received, given back and deleted: each group is deleted in the
// order of sending, and nothing is lost.
func TestFIFO_keepsOrderInvariant(t *testing.T) {
	c, client := start(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		url := create(t, client, fmt.Sprintf("q%d.fifo", n), map[string]string{"VisibilityTimeout": "10"})
		count := rapid.IntRange(1, 25).Draw(rt, "messages")
		for i := range count {
			fifoSend(t, client, url, fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "group")), fmt.Sprint(i), fmt.Sprintf("%03d", i))
		}
		last, gone := map[string]string{}, 0
		for range 400 {
			if gone == count {
				return
			}
			for _, m := range receive(t, client, url, int32(rapid.IntRange(1, 10).Draw(rt, "max"))) { // small
				if !rapid.Bool().Draw(rt, "delete") {
					break // what comes after it in the batch is given back too
				}
				group := m.Attributes["MessageGroupId"]
				require.Greater(rt, *m.Body, last[group])
				last[group] = *m.Body
				gone++
				_, err := client.DeleteMessage(context.Background(),
					&sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle})
				require.NoError(rt, err)
			}
			c.Advance(10 * time.Second)
		}
		require.Equal(rt, count, gone)
	})
}

func TestBatches_failByEntry(t *testing.T) {
	c, client := start(t)
	url := create(t, client, "jobs", map[string]string{"MaximumMessageSize": "1024"})
	c.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultEntries, Service: "sqs", Skip: 1, Count: 1})
	out, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: url,
		Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("1")},
			{Id: aws.String("b"), MessageBody: aws.String("2")},
			{Id: aws.String("c"), MessageBody: aws.String(strings.Repeat("x", 1025))},
		}})
	require.NoError(t, err)
	require.Len(t, out.Successful, 1)
	require.Equal(t, "b", *out.Failed[0].Id)
	require.False(t, out.Failed[0].SenderFault)
	require.Equal(t, "InvalidParameterValue", *out.Failed[1].Code)
	require.True(t, out.Failed[1].SenderFault)
	ms := receive(t, client, url, 10)
	deleted, err := client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: url,
		Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("x"), ReceiptHandle: ms[0].ReceiptHandle},
			{Id: aws.String("y"), ReceiptHandle: aws.String("nonsense")}}})
	require.NoError(t, err)
	require.Equal(t, "x", *deleted.Successful[0].Id)
	require.Equal(t, "ReceiptHandleIsInvalid", *deleted.Failed[0].Code)
}

func TestQueues_lifeAndNames(t *testing.T) {
	c, client := start(t)
	for i := range 5 {
		create(t, client, fmt.Sprintf("q%d", i), nil)
	}
	create(t, client, "q3", nil) // the same again is no error
	var names []string
	pages := sqs.NewListQueuesPaginator(client, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("q"),
		MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		names = append(names, page.QueueUrls...)
	}
	require.Len(t, names, 5)
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q3")})
	require.NoError(t, err)
	require.Equal(t, names[3], *url.QueueUrl)

	send(t, client, url.QueueUrl, "x")
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: url.QueueUrl})
	require.NoError(t, err)
	require.Empty(t, receive(t, client, url.QueueUrl, 1))
	var busy *types.PurgeQueueInProgress
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: url.QueueUrl})
	require.ErrorAs(t, err, &busy)
	c.Advance(time.Minute)
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: url.QueueUrl})
	require.NoError(t, err)

	_, err = client.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: url.QueueUrl,
		Tags: map[string]string{"a": "1", "b": "2"}})
	require.NoError(t, err)
	_, err = client.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: url.QueueUrl, TagKeys: []string{"a"}})
	require.NoError(t, err)
	tags, err := client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: url.QueueUrl})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b": "2"}, tags.Tags)

	_, err = client.AddPermission(t.Context(), &sqs.AddPermissionInput{QueueUrl: url.QueueUrl, Label: aws.String("l"),
		Actions: []string{"SendMessage"}, AWSAccountIds: []string{"111122223333"}})
	require.NoError(t, err)
	require.Contains(t, attribute(t, client, url.QueueUrl, "Policy"), "SQS:SendMessage")
	_, err = client.RemovePermission(t.Context(), &sqs.RemovePermissionInput{QueueUrl: url.QueueUrl,
		Label: aws.String("l")})
	require.NoError(t, err)
	require.Empty(t, attribute(t, client, url.QueueUrl, "Policy"))

	_, err = client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url.QueueUrl})
	require.NoError(t, err)
	var missing *types.QueueDoesNotExist
	_, err = client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q3")})
	require.ErrorAs(t, err, &missing)
}

func TestWrongRequests(t *testing.T) {
	_, client := start(t)
	ctx := t.Context()
	url, fifo := create(t, client, "plain", nil), create(t, client, "ordered.fifo", nil)
	gone := aws.String(strings.Replace(*url, "plain", "gone", 1))
	attrs := func(name, queue string, kv ...string) func() error {
		return func() error {
			m := map[string]string{}
			for i := 0; i < len(kv); i += 2 {
				m[kv[i]] = kv[i+1]
			}
			_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &queue, Attributes: m})
			return err
		}
	}
	msg := func(in sqs.SendMessageInput) func() error {
		return func() error { _, err := client.SendMessage(ctx, &in); return err }
	}
	recv := func(in sqs.ReceiveMessageInput) func() error {
		return func() error { _, err := client.ReceiveMessage(ctx, &in); return err }
	}
	batch := func(ids ...string) func() error {
		return func() error {
			in := &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{}}
			for i := range ids {
				in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: &ids[i],
					MessageBody: aws.String(strings.Repeat("x", 200_000))})
			}
			_, err := client.SendMessageBatch(ctx, in)
			return err
		}
	}
	a, text := aws.String, func(k, v string) map[string]types.MessageAttributeValue {
		return map[string]types.MessageAttributeValue{k: {DataType: aws.String(v), StringValue: aws.String("x")}}
	}
	for _, row := range []struct {
		name, code string
		call       func() error
	}{
		{"queue name with a dot", "InvalidParameterValue", attrs("", "a.b")},
		{"queue name too long", "InvalidParameterValue", attrs("", strings.Repeat("q", 81))},
		{"fifo suffix without the attribute", "InvalidParameterValue", attrs("", "x.fifo")},
		{"fifo attribute without the suffix", "InvalidParameterValue", attrs("", "x", "FifoQueue", "true")},
		{"unknown attribute", "InvalidAttributeName", attrs("", "x", "Colour", "red")},
		{"fifo attribute of a standard queue", "InvalidAttributeName", attrs("", "x", "ContentBasedDeduplication", "true")},
		{"delay too long", "InvalidAttributeValue", attrs("", "x", "DelaySeconds", "901")},
		{"visibility not a number", "InvalidAttributeValue", attrs("", "x", "VisibilityTimeout", "soon")},
		{"message size too small", "InvalidAttributeValue", attrs("", "x", "MaximumMessageSize", "1023")},
		{"retention too short", "InvalidAttributeValue", attrs("", "x", "MessageRetentionPeriod", "59")},
		{"policy not JSON", "InvalidAttributeValue", attrs("", "x", "Policy", "{")},
		{"redrive policy not JSON", "InvalidParameterValue", attrs("", "x", "RedrivePolicy", "{")},
		{"redrive without a target", "InvalidParameterValue", attrs("", "x", "RedrivePolicy", `{"maxReceiveCount":3}`)},
		{"redrive to nowhere", "InvalidParameterValue",
			attrs("", "x", "RedrivePolicy",
				`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:nowhere","maxReceiveCount":3}`)},
		{"redrive to another type", "InvalidParameterValue",
			attrs("", "x", "RedrivePolicy",
				`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:ordered.fifo","maxReceiveCount":3}`)},
		{"redrive after no receipt", "InvalidParameterValue",
			attrs("", "x", "RedrivePolicy",
				`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:plain","maxReceiveCount":0}`)},
		{"the same name, other attributes", "QueueAlreadyExists", attrs("", "plain", "DelaySeconds", "3")},
		{"no such queue", "NonExistentQueue", msg(sqs.SendMessageInput{QueueUrl: gone, MessageBody: a("x")})},
		{"no queue in the URL", "InvalidAddress",
			msg(sqs.SendMessageInput{QueueUrl: a("http://127.0.0.1/"), MessageBody: a("x")})},
		{"empty body", "MissingParameter", msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("")})},
		{"control character", "InvalidMessageContents", msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("a\x01")})},
		{"body too large", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a(strings.Repeat("x", 1<<20+1))})},
		{"message delay too long", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("x"), DelaySeconds: 901})},
		{"deduplication in a standard queue", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("x"), MessageDeduplicationId: a("d")})},
		{"no group in a fifo queue", "MissingParameter",
			msg(sqs.SendMessageInput{QueueUrl: fifo, MessageBody: a("x"), MessageDeduplicationId: a("d")})},
		{"no deduplication id", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: fifo, MessageBody: a("x"), MessageGroupId: a("g")})},
		{"delay in a fifo queue", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: fifo, MessageBody: a("x"), MessageGroupId: a("g"), MessageDeduplicationId: a("d"),
				DelaySeconds: 1})},
		{"attribute of an unknown type", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("x"), MessageAttributes: text("n", "Date")})},
		{"attribute with AWS's prefix", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("x"), MessageAttributes: text("AWS.n", "String")})},
		{"number that is none", "InvalidParameterValue",
			msg(sqs.SendMessageInput{QueueUrl: url, MessageBody: a("x"), MessageAttributes: text("n", "Number")})},
		{"eleven messages", "InvalidParameterValue", recv(sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 11})},
		{"wait too long", "InvalidParameterValue", recv(sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 21})},
		{"empty batch", "EmptyBatchRequest", batch()},
		{"batch of eleven", "TooManyEntriesInBatchRequest", batch("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")},
		{"the same id twice", "BatchEntryIdsNotDistinct", batch("1", "1")},
		{"odd id", "InvalidBatchEntryId", batch("a b")},
		{"batch too large", "BatchRequestTooLong", batch("1", "2", "3", "4", "5", "6")},
		{"nonsense for a handle", "ReceiptHandleIsInvalid", func() error {
			_, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: a("x")})
			return err
		}},
		{"unknown attribute asked for", "InvalidAttributeName", func() error {
			_, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url,
				AttributeNames: []types.QueueAttributeName{"Colour"}})
			return err
		}},
		{"moving from a queue that is no dead-letter queue", "InvalidParameterValue", func() error {
			_, err := client.StartMessageMoveTask(ctx,
				&sqs.StartMessageMoveTaskInput{SourceArn: a("arn:aws:sqs:us-east-1:000000000000:plain")})
			return err
		}},
		{"tampered token", "InvalidParameterValue", func() error {
			_, err := client.ListQueues(ctx, &sqs.ListQueuesInput{NextToken: a("x"), MaxResults: aws.Int32(1)})
			return err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var api smithy.APIError
			var resp *awshttp.ResponseError
			err := row.call()
			require.ErrorAs(t, err, &api)
			require.Equal(t, row.code, strings.TrimPrefix(api.ErrorCode(), "AWS.SimpleQueueService."), err.Error())
			require.NotEmpty(t, api.ErrorMessage())
			require.True(t, errors.As(err, &resp) && resp.HTTPStatusCode() >= 400 && resp.HTTPStatusCode() < 500)
		})
	}
}

func BenchmarkSendMessage(b *testing.B) {
	_, client := start(b)
	url := create(b, client, "jobs", nil)
	for b.Loop() {
		send(b, client, url, "a message of some bytes")
	}
}
