package cloud_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
)

// give makes a bucket with an object and a queue with a message.
func (w *world) give() {
	ctx := w.t.Context()
	_, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("plain")})
	require.NoError(w.t, err)
	w.put("first")
	q, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")})
	require.NoError(w.t, err)
	_, err = w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("one")})
	require.NoError(w.t, err)
}

func (w *world) put(body string) {
	_, err := w.s3.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String("plain"), Key: aws.String("k"),
		Body: strings.NewReader(body)})
	require.NoError(w.t, err)
}

func (w *world) snapshot() (id string) {
	var out struct{ ID string }
	require.NoError(w.t, json.Unmarshal([]byte(w.control(http.MethodPost, "snapshots", "")), &out))
	return out.ID
}

func TestNew_goesOnWhereAnEarlierProcessStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, nil)
	w.give()
	w.control(http.MethodPost, "clock/advance", `{"duration":"48h"}`)
	w.close()

	w = start(t, dir, nil)
	require.Equal(t, 48*time.Hour, w.clock.Offset().Round(time.Hour))
	require.Equal(t, "first", w.body("plain", "k", ""))
	require.Equal(t, "1", w.count("orders", "ApproximateNumberOfMessages"))
}

func TestRestore_bringsBackTheStateAndLeavesTheTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, nil)
	w.give()
	id := w.snapshot()
	w.put("second")
	w.control(http.MethodPost, "clock/advance", `{"duration":"48h"}`)
	w.control(http.MethodPost, "snapshots/"+id+"/restore", "")
	require.Equal(t, "first", w.body("plain", "k", ""))
	require.Equal(t, 48*time.Hour, w.clock.Offset().Round(time.Hour))
	w.put("third")
	w.control(http.MethodPost, "snapshots/"+id+"/restore", "")
	require.Equal(t, "first", w.body("plain", "k", ""), "a snapshot can be restored again")
	w.control(http.MethodDelete, "snapshots/"+id, "")
	w.close()

	w = start(t, dir, nil)
	require.Equal(t, 48*time.Hour, w.clock.Offset().Round(time.Hour), "time does not go back")
	require.Equal(t, "first", w.body("plain", "k", ""))
}

func TestReset_leavesNothingButTheTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, nil)
	w.give()
	w.control(http.MethodPost, "clock/advance", `{"duration":"48h"}`)
	w.control(http.MethodPost, "reset", "")
	for range 2 {
		buckets, err := w.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		require.NoError(t, err)
		require.Empty(t, buckets.Buckets)
		queues, err := w.sqs.ListQueues(t.Context(), &sqs.ListQueuesInput{})
		require.NoError(t, err)
		require.Empty(t, queues.QueueUrls)
		require.Equal(t, 48*time.Hour, w.clock.Offset().Round(time.Hour))
		w.close()
		w = start(t, dir, nil)
	}
	w.give()
	require.Equal(t, "first", w.body("plain", "k", ""))
}
