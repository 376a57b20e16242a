package gateway_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

func TestClient_callsOnBehalfWithoutASocket(t *testing.T) {
	t.Parallel()
	var get func(context.Context) (*s3.GetObjectOutput, error)
	cloud := awstest.New(t, func(*gateway.Host) gateway.Service {
		return broken{get: func(ctx context.Context) (*s3.GetObjectOutput, error) { return get(ctx) }}
	})
	alice := gateway.Principal{Kind: gateway.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice"}
	cfg := cloud.Config()
	cfg.BaseEndpoint = aws.String("http://nowhere.invalid")
	cfg.HTTPClient = cloud.Host.Client(gateway.Behalf{Principal: alice, Parent: "cause", Via: []string{"x.amazonaws.com"},
		Scope: ident.Scope{Account: "111122223333", Region: "eu-west-1"}})
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	read := func(ctx context.Context) (string, error) {
		out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")})
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(out.Body)
		return string(b), err
	}
	get = func(ctx context.Context) (*s3.GetObjectOutput, error) {
		c := gateway.From(ctx)
		require.Equal(t, alice, c.Principal)
		require.Equal(t, "eu-west-1", c.Scope.Region, "not the one of the signature")
		require.Equal(t, "cause", c.Parent)
		require.Equal(t, []string{"x.amazonaws.com"}, c.Via)
		require.True(t, c.Internal())
		return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader("body"))}, nil
	}
	body, err := read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "body", body)

	// What cuts a connection is an error here too.
	get = func(context.Context) (*s3.GetObjectOutput, error) { return &s3.GetObjectOutput{Body: &half{}}, nil }
	_, err = read(t.Context())
	require.Error(t, err)
	cloud.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultDrop, Service: "s3", Count: 1})
	_, err = read(t.Context())
	require.ErrorContains(t, err, "connection cut")

	ctx, cancel := context.WithCancel(t.Context())
	get = func(context.Context) (*s3.GetObjectOutput, error) {
		cancel()
		return nil, errors.New("too late")
	}
	_, err = read(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
