package sqs_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

// speak sends a request as boto3 writes it: with the members that were given, 0
// too, which the Go SDK leaves out.
type speak func(t *testing.T, c *awstest.Cloud, operation string, members map[string]string) string

func speakJSON(t *testing.T, c *awstest.Cloud, operation string, members map[string]string) string {
	t.Helper()
	doc := map[string]json.RawMessage{}
	for name, text := range members {
		doc[name] = json.RawMessage(text)
		if !json.Valid(doc[name]) || name == "MessageBody" {
			doc[name] = json.RawMessage(`"` + text + `"`)
		}
	}
	b, err := json.Marshal(doc)
	require.NoError(t, err)
	return post(t, c, string(b), map[string]string{"Content-Type": "application/x-amz-json-1.0",
		"X-Amz-Target": "AmazonSQS." + operation})
}

func speakQuery(t *testing.T, c *awstest.Cloud, operation string, members map[string]string) string {
	t.Helper()
	form := url.Values{"Action": {operation}, "Version": {"2012-11-05"}}
	for name, text := range members {
		form.Set(name, text)
	}
	return post(t, c, form.Encode(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
}

func post(t *testing.T, c *awstest.Cloud, body string, header map[string]string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL, strings.NewReader(body))
	require.NoError(t, err)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/sqs/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b)
}

func TestZeros_countAsSent(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]speak{"json": speakJSON, "query": speakQuery} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, client := start(t)
			q := create(t, client, "q", map[string]string{"DelaySeconds": "60", "VisibilityTimeout": "30"})
			say(t, c, "SendMessage", map[string]string{"QueueUrl": *q, "MessageBody": "now", "DelaySeconds": "0"})
			say(t, c, "SendMessage", map[string]string{"QueueUrl": *q, "MessageBody": "later"})
			for range 3 { // hidden not at all: each look sees it
				got := say(t, c, "ReceiveMessage", map[string]string{"QueueUrl": *q, "VisibilityTimeout": "0",
					"MaxNumberOfMessages": "10"})
				require.Contains(t, got, "now")
				require.NotContains(t, got, "later")
			}
			require.Contains(t, say(t, c, "ReceiveMessage", map[string]string{"QueueUrl": *q}), "now")
			require.NotContains(t, say(t, c, "ReceiveMessage", map[string]string{"QueueUrl": *q}), "now")
			got := say(t, c, "ReceiveMessage", map[string]string{"QueueUrl": *q, "MaxNumberOfMessages": "0"})
			require.Contains(t, got, "Value 0 for parameter MaxNumberOfMessages is invalid.")
			got = say(t, c, "ChangeMessageVisibility", map[string]string{"QueueUrl": *q, "ReceiptHandle": "x"})
			require.Contains(t, got, "The request must contain the parameter VisibilityTimeout.")
		})
	}
}

func TestZeros_countInEntriesOfABatch(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	q := create(t, client, "q", map[string]string{"DelaySeconds": "60"})
	speakJSON(t, c, "SendMessageBatch", map[string]string{"QueueUrl": *q, "Entries": `[
		{"Id":"a","MessageBody":"later"}, {"Id":"b","MessageBody":"now","DelaySeconds":0},
		{"Id":"c","MessageBody":"none","DelaySeconds":null}]`})
	require.Equal(t, []string{"now"}, bodies(receive(t, client, q, 10)))
	speakQuery(t, c, "SendMessageBatch", map[string]string{"QueueUrl": *q,
		"Entries.1.Id": "a", "Entries.1.MessageBody": "later",
		"Entries.2.Id": "b", "Entries.2.MessageBody": "query",
		"Entries.2.DelaySeconds": "0"})
	require.Equal(t, []string{"query"}, bodies(receive(t, client, q, 10)))
}

// A queue's own wait does not hold a receive that says 0: it answers on a clock
// that nobody moves.
func TestZeros_doNotWait(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	q := create(t, client, "q", map[string]string{"ReceiveMessageWaitTimeSeconds": "20"})
	before := c.Clock.Now()
	got := speakJSON(t, c, "ReceiveMessage", map[string]string{"QueueUrl": *q, "WaitTimeSeconds": "0"})
	require.NotContains(t, got, "MessageId")
	require.Equal(t, before, c.Clock.Now())
}

func TestZeros_ofFIFOQueuesLeaveTheDelayToTheQueue(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	q := create(t, client, "q.fifo", map[string]string{"DelaySeconds": "60", "ContentBasedDeduplication": "true"})
	speakJSON(t, c, "SendMessage", map[string]string{"QueueUrl": *q, "MessageBody": "m", "DelaySeconds": "0",
		"MessageGroupId": `"g"`})
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q})
	require.NoError(t, err)
	require.Empty(t, out.Messages)
	c.Advance(time.Minute)
	out, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q})
	require.NoError(t, err)
	require.Equal(t, "m", aws.ToString(out.Messages[0].Body))
}
