package cloud_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/flows/toy"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// held is a service whose handlers stop before they do anything.
type held struct {
	gateway.Service
	at  chan struct{} // a handler is there
	let chan struct{} // closed when it may go on
}

// Describe implements gateway.Service.
func (h *held) Describe() gateway.Descriptor {
	d := h.Service.Describe()
	for i := range d.Operations {
		handle := d.Operations[i].Handle
		d.Operations[i].Handle = func(ctx context.Context, input any) (any, error) {
			h.at <- struct{}{}
			<-h.let
			return handle(ctx, input)
		}
	}
	return d
}

func (w *world) toy() *toy.Client {
	return toy.NewClient(aws.Config{Region: "us-east-1", BaseEndpoint: &w.server.URL, HTTPClient: w.server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

// resetting empties the cloud in the background; the channel is closed when that is
// done.
func (w *world) resetting() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.control(http.MethodPost, "reset", "")
	}()
	return done
}

// A handler at work when the cloud is emptied goes to its end first; what it writes is
// emptied too.
func TestReset_waitsForHandlersAtWork(t *testing.T) {
	t.Parallel()
	h := &held{at: make(chan struct{}), let: make(chan struct{})}
	o := options("", nil)
	o.Services = []func(*gateway.Host) gateway.Service{func(host *gateway.Host) gateway.Service {
		h.Service = toy.New(host)
		return h
	}}
	w := startWith(t, o)
	create := map[string]any{"Name": "clicks"}
	answers := make(chan error)
	go func() { answers <- w.toy().Call(t.Context(), "CreateCounter", create, nil) }()
	<-h.at
	done := w.resetting()
	select { // does it wait? One that does not has long been done when the handler goes on.
	case <-done:
	case <-w.after(200 * time.Millisecond):
	}
	close(h.let)
	require.NoError(t, <-answers)
	<-done
	go func() { answers <- w.toy().Call(t.Context(), "CreateCounter", create, nil) }()
	<-h.at
	require.NoError(t, <-answers, "there is no counter of that name")
}

// after is closed when a time of the machine's has passed.
func (w *world) after(d time.Duration) <-chan struct{} {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	w.t.Cleanup(cancel)
	return ctx.Done()
}

// A call that a fault holds until the cloud has been emptied does nothing any more.
func TestReset_letsNoEarlierCallGoOn(t *testing.T) {
	t.Parallel()
	w := start(t, "", nil)
	w.control(http.MethodPost, "faults",
		`{"kind":"latency","service":"sqs","operation":"CreateQueue","latency":500000000}`)
	answers := make(chan error)
	go func() {
		_, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		answers <- err
	}()
	require.Eventually(t, func() bool {
		return strings.Contains(w.control(http.MethodGet, "faults", ""), `"hits":1`)
	}, time.Minute, time.Millisecond)
	<-w.resetting()
	err := <-answers
	w.empty()
	if err != nil { // unless the machine was slower than the fault
		require.Equal(t, "ServiceUnavailable", gateway.ErrorCode(err))
	}
}

// An upload of which a part has come in holds up nobody, and leaves no object.
func TestReset_cutsUploads(t *testing.T) {
	t.Parallel()
	w := start(t, "", nil)
	bucket := &s3.CreateBucketInput{Bucket: aws.String("landing")}
	_, err := w.s3.CreateBucket(t.Context(), bucket)
	require.NoError(t, err)
	body, in := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.server.URL+"/landing/k", body)
	require.NoError(t, err)
	req.ContentLength = 32 << 20
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	answers := make(chan int)
	var upload sync.WaitGroup
	upload.Go(func() {
		res, err := w.server.Client().Do(req)
		if err != nil {
			answers <- 0
			return
		}
		_ = res.Body.Close()
		answers <- res.StatusCode
	})
	// More than lies between the two: when all of it is gone, the handler reads.
	_, err = in.Write(make([]byte, 24<<20))
	require.NoError(t, err)
	<-w.resetting()
	require.Equal(t, http.StatusServiceUnavailable, <-answers)
	require.NoError(t, in.CloseWithError(io.ErrUnexpectedEOF))
	upload.Wait()
	w.empty()
	_, err = w.s3.CreateBucket(t.Context(), bucket)
	require.NoError(t, err)
	list, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket.Bucket})
	require.NoError(t, err)
	require.Empty(t, list.Contents)
}
