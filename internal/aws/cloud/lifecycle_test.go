package cloud_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
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

func TestNew_answersThatItIsFull(t *testing.T) {
	t.Parallel()
	o := options("", nil)
	o.MaxBytes = 200_000
	w := startWith(t, o)
	w.give()
	q, err := w.sqs.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("orders")})
	require.NoError(t, err)
	large := func() error {
		_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("plain"), Key: aws.String("large"),
			Body: strings.NewReader(strings.Repeat("x", 190_000))})
		return err
	}
	w.put(strings.Repeat("y", 100_000))
	requireAnswer(t, large(), http.StatusServiceUnavailable, "SlowDown")
	_, err = w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl,
		MessageBody: aws.String(strings.Repeat("x", 150_000))})
	requireAnswer(t, err, http.StatusInternalServerError, "InternalFailure")
	require.Equal(t, "1", w.count("orders", "ApproximateNumberOfMessages"))
	w.put("small") // makes room
	_, err = w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl,
		MessageBody: aws.String(strings.Repeat("x", 150_000))})
	require.NoError(t, err)
}

func requireAnswer(t *testing.T, err error, status int, code string) {
	t.Helper()
	var res interface{ HTTPStatusCode() int }
	require.ErrorAs(t, err, &res)
	require.Equal(t, status, res.HTTPStatusCode())
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode())
}

// Overwrites and deletions of objects leave nearly nothing on the disk.
func TestDeleteObject_leavesNothingOnTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, nil)
	w.give()
	for i := range 40 {
		w.put(strconv.Itoa(i) + strings.Repeat("x", 1<<20))
	}
	_, err := w.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("plain"), Key: aws.String("k")})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		size := int64(0)
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				if info, err := d.Info(); err == nil {
					size += info.Size()
				}
			}
			return nil
		})
		return size < 200<<10
	}, 30*time.Second, 10*time.Millisecond)
}
