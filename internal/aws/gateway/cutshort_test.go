package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// broken is a service whose answers go wrong in the middle.
type broken struct {
	gateway.Passive
	get func(ctx context.Context) (*s3.GetObjectOutput, error)
}

func (b broken) Describe() gateway.Descriptor {
	return gateway.Descriptor{Name: "s3", Operations: []gateway.Operation{gateway.Op(gateway.Data,
		func(ctx context.Context, _ *s3.GetObjectInput) (*s3.GetObjectOutput, error) { return b.get(ctx) })}}
}

// half is a body that breaks off.
type half struct{ read bool }

func (h *half) Read(p []byte) (int, error) {
	if h.read {
		return 0, errors.New("the disk is gone")
	}
	h.read = true
	return copy(p, strings.Repeat("x", 1000)), nil
}
func (h *half) Close() error { return nil }

// Whatever goes wrong inside, no client gets an answer that looks like success.
func TestServeHTTP_neverEndsAFailureAsSuccess(t *testing.T) {
	t.Parallel()
	var get func(context.Context) (*s3.GetObjectOutput, error)
	cloud := awstest.New(t, func(*gateway.Host) gateway.Service {
		return broken{get: func(ctx context.Context) (*s3.GetObjectOutput, error) { return get(ctx) }}
	})
	client := s3.NewFromConfig(cloud.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	read := func() (string, error) {
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")})
		if err != nil {
			return "", err
		}
		defer out.Body.Close()
		b, err := io.ReadAll(out.Body)
		return string(b), err
	}
	// Of the cloud, not of the request: it is emptied or stops.
	get = func(context.Context) (*s3.GetObjectOutput, error) { return nil, context.Canceled }
	_, err := read()
	requireCode(t, err, "InternalFailure", http.StatusInternalServerError)
	get = func(context.Context) (*s3.GetObjectOutput, error) { return nil, context.DeadlineExceeded }
	_, err = read()
	requireCode(t, err, "InternalFailure", http.StatusInternalServerError)
	get = func(context.Context) (*s3.GetObjectOutput, error) { panic("no idea") }
	_, err = read()
	requireCode(t, err, "InternalFailure", http.StatusInternalServerError)
	// A body without a length would end as if it were whole.
	get = func(context.Context) (*s3.GetObjectOutput, error) { return &s3.GetObjectOutput{Body: &half{}}, nil }
	_, err = read()
	require.ErrorContains(t, err, "EOF")
	get = func(context.Context) (*s3.GetObjectOutput, error) {
		return &s3.GetObjectOutput{Body: &half{}, ContentLength: aws.Int64(5000)}, nil
	}
	_, err = read()
	require.ErrorContains(t, err, "EOF")
}
