package cloud_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/sdkhttp"
)

const token = "open sesame"

// world is a cloud behind a port, with clients.
type world struct {
	t      *testing.T
	cloud  *cloud.Cloud
	clock  *clock.Clock
	server *httptest.Server

	s3      *s3.Client
	ddb     *dynamodb.Client
	streams *dynamodbstreams.Client
	kinesis *kinesis.Client
	sqs     *sqs.Client
	lambda  *lambda.Client
	iam     *iam.Client
	logs    *cloudwatchlogs.Client
	cfn     *cloudformation.Client
}

// start opens the state in a folder, "" for none. A nil clock runs with the
// machine's.
func start(t *testing.T, dir string, clk *clock.Clock) *world {
	t.Helper()
	return startWith(t, options(dir, clk))
}

func startWith(t *testing.T, o cloud.Options) *world {
	t.Helper()
	if o.Clock == nil {
		o.Clock = clock.New()
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	c, err := cloud.New(context.Background(), url, o)
	if err != nil {
		require.NoError(t, listener.Close())
		require.NoError(t, err)
	}
	w := &world{t: t, cloud: c, clock: o.Clock, server: httptest.NewUnstartedServer(c)}
	require.NoError(t, w.server.Listener.Close())
	w.server.Listener = listener
	w.server.Start()
	w.connect(url)
	t.Cleanup(w.close)
	return w
}

func options(dir string, clk *clock.Clock) cloud.Options {
	return cloud.Options{
		Dir: dir, Token: token, Clock: clk, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Provision: func(client aws.HTTPClient, endpoint string, sc ident.Scope) cfn.Provider {
			return provision.At(client, endpoint, sc.Account, sc.Region)
		},
	}
}

// connect makes clients that try once, with a transport that leaves answers alone.
func (w *world) connect(url string) {
	config := aws.Config{
		Region: ident.DefaultRegion, BaseEndpoint: &url, HTTPClient: sdkhttp.New(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	w.s3 = s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	w.ddb, w.streams = dynamodb.NewFromConfig(config), dynamodbstreams.NewFromConfig(config)
	w.kinesis, w.sqs = kinesis.NewFromConfig(config), sqs.NewFromConfig(config)
	w.lambda, w.iam = lambda.NewFromConfig(config), iam.NewFromConfig(config)
	w.logs, w.cfn = cloudwatchlogs.NewFromConfig(config), cloudformation.NewFromConfig(config)
}

// close stops the cloud; a second call does nothing.
func (w *world) close() {
	if w.cloud == nil {
		return
	}
	w.server.CloseClientConnections()
	w.server.Close()
	require.NoError(w.t, w.cloud.Close())
	w.cloud = nil
}

// control calls one of the command's own endpoints.
func (w *world) control(method, path, body string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.server.URL+"/_pipelab/"+path,
		bytes.NewBufferString(body))
	require.NoError(w.t, err)
	req.Header.Set(gateway.TokenHeader, token)
	res, err := w.server.Client().Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.Less(w.t, res.StatusCode, 300, "%s %s: %s", method, path, answer)
	return string(answer)
}
