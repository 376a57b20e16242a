package gateway_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
)

func TestServeHTTP_refusesWhatTheModelForbidsAndRecordsIt(t *testing.T) {
	t.Parallel()
	cloud := awstest.New(t, kinesis.New)
	_, err := sdk.NewFromConfig(cloud.Config()).CreateStream(t.Context(), &sdk.CreateStreamInput{
		StreamName: aws.String("not a name"), ShardCount: aws.Int32(1),
	})
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, "ValidationException", api.ErrorCode())
	require.Contains(t, api.ErrorMessage(), "Value 'not a name' at 'streamName'")

	calls, _ := cloud.Gateway.Trace().After(0, 10)
	require.Len(t, calls, 1)
	require.Equal(t, "ValidationException", calls[0].Error)
}

// requireCode holds an error against an AWS code and an HTTP status.
func requireCode(t testing.TB, err error, code string, status int) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode())
	var resp *awshttp.ResponseError
	require.ErrorAs(t, err, &resp)
	require.Equal(t, status, resp.HTTPStatusCode())
}
