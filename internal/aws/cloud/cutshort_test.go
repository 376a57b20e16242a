package cloud_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kt "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
	`"Action":"sts:AssumeRole"}]}`

// function makes a Python function of a body.
func (w *port) function(name, code string, variables map[string]string) {
	w.t.Helper()
	ctx := context.Background()
	role, err := iam.NewFromConfig(w.config()).CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name,
		AssumeRolePolicyDocument: aws.String(trust)})
	require.NoError(w.t, err)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("main.py")
	require.NoError(w.t, err)
	_, err = io.WriteString(f, code)
	require.NoError(w.t, err)
	require.NoError(w.t, z.Close())
	client := lambda.NewFromConfig(w.config())
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &name, Role: role.Role.Arn,
		Runtime: types.RuntimePython312, Handler: aws.String("main.handler"), Timeout: aws.Int32(60),
		Code:        &types.FunctionCode{ZipFile: b.Bytes()},
		Environment: &types.Environment{Variables: variables}})
	require.NoError(w.t, err)
	require.NoError(w.t, lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay = time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute))
}

// An invocation that is cut short answers that it has failed. An answer of 200
// without a body would be taken for the function's.
func TestReset_failsTheInvocationsThatItCutsShort(t *testing.T) {
	for _, path := range []string{"/_localstack/state/reset", "/_pipelab/reset"} {
		w := serve(t, cloud.Options{})
		running := make(chan struct{})
		bell := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(running) }))
		defer bell.Close()
		w.function("slow", `
import os, time, urllib.request
def handler(event, context):
    urllib.request.urlopen(os.environ["BELL"]).read()
    time.sleep(50)
    return "done"
`, map[string]string{"BELL": bell.URL})
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/2015-03-31/functions/slow/invocations",
			strings.NewReader("{}"))
		require.NoError(t, err)
		w.sign(req, "lambda")
		answered := make(chan answer, 1)
		go func() { answered <- w.do(req) }()
		<-running
		require.Equal(t, http.StatusOK, w.send("POST", path, "", gateway.TokenHeader, secret).status)
		got := <-answered
		require.Equal(t, http.StatusInternalServerError, got.status, got.body)
		require.Equal(t, "ServiceException", got.header.Get("X-Amzn-Errortype"))
		require.Empty(t, got.header.Get("X-Amz-Function-Error"), "it is not the function that has failed")
	}
}

// A subscription that is cut short ends with an error: its end would say that
// the time of the subscription was over.
func TestReset_failsTheEventStreamsThatItCutsShort(t *testing.T) {
	w := serve(t, cloud.Options{})
	client, ctx := kinesis.NewFromConfig(w.config()), t.Context()
	_, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	pass := func() {
		require.Equal(t, http.StatusOK,
			w.send("POST", "/_pipelab/clock/advance", `{"duration":"5s"}`, gateway.TokenHeader, secret).status)
	}
	pass()
	stream := aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/s")
	c, err := client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{StreamARN: stream,
		ConsumerName: aws.String("c")})
	require.NoError(t, err)
	pass()
	out, err := client.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: c.Consumer.ConsumerARN,
		ShardId:          aws.String("shardId-000000000000"),
		StartingPosition: &kt.StartingPosition{Type: kt.ShardIteratorTypeLatest}})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, w.send("POST", "/_pipelab/reset", "", gateway.TokenHeader, secret).status)
	for range out.GetStream().Events() { // only their end matters
	}
	require.ErrorContains(t, out.GetStream().Err(), "InternalFailure")
}
