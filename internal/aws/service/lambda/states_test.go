package lambda_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"
)

// Recorded on AWS in https://github.com/hashicorp/terraform-provider-aws/issues/43395 and
// https://github.com/getmoto/moto (tests marked aws_verified).
func TestStates_areThoseOfAWS(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	made := w.python("f", "def handler(e, c): return 1", func(in *sdk.CreateFunctionInput) { in.Publish = true })
	require.Equal(t, types.StatePending, made.State)
	require.Equal(t, types.StateReasonCodeCreating, made.StateReasonCode)
	require.Empty(t, made.LastUpdateStatus)
	require.Contains(t, *made.RuntimeVersionConfig.RuntimeVersionArn, "arn:aws:lambda:us-east-1::runtime:")
	require.True(t, strings.HasSuffix(*made.FunctionArn, ":f:1"), *made.FunctionArn)
	get := func(qualifier string) *sdk.GetFunctionConfigurationOutput {
		out, err := w.lambda.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{
			FunctionName: aws.String("f"), Qualifier: aws.String(qualifier)})
		require.NoError(t, err)
		return out
	}
	active := get("1")
	require.Equal(t, types.StateActive, active.State)
	require.Equal(t, types.LastUpdateStatusSuccessful, active.LastUpdateStatus)
	require.NotEqual(t, *made.RevisionId, *active.RevisionId, "becoming active is a change")

	before := get("$LATEST")
	update, err := w.lambda.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: made.FunctionArn,
		RevisionId: before.RevisionId, Publish: true,
		ZipFile: zipped(t, map[string]string{"app.py": "def handler(e, c): return 2"})})
	require.NoError(t, err)
	require.Equal(t, "2", *update.Version)
	require.Equal(t, types.StateActive, update.State)
	require.Equal(t, types.LastUpdateStatusInProgress, update.LastUpdateStatus)
	require.Equal(t, "The function is being created.", *update.LastUpdateStatusReason)
	require.Equal(t, types.LastUpdateStatusReasonCode("Creating"), update.LastUpdateStatusReasonCode)
	require.Equal(t, types.StatePending, get("2").State)
	require.Empty(t, get("2").LastUpdateStatus)
	w.Advance(time.Second)
	require.Equal(t, types.StateActive, get("2").State)

	_, err = w.lambda.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), MemorySize: aws.Int32(256)})
	require.NoError(t, err)
	w.Advance(time.Second)
	three, err := w.lambda.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Equal(t, types.StatePending, three.State)
	require.Empty(t, three.LastUpdateStatus)
	require.NotNil(t, three.RuntimeVersionConfig)

	all, err := w.lambda.ListFunctions(ctx, &sdk.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	require.NoError(t, err)
	require.Equal(t, "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", *all.Functions[0].FunctionArn)
	require.Empty(t, all.Functions[0].State)
	require.Nil(t, all.Functions[0].RuntimeVersionConfig)
}

func TestEnvironment_thatIsEmptyComesBack(t *testing.T) {
	w := start(t)
	made := w.python("f", "def handler(e, c): return 1", func(in *sdk.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{}}
	})
	require.NotNil(t, made.Environment)
	require.NotNil(t, made.Environment.Variables)
	require.Empty(t, made.Environment.Variables)
}

func TestLocation_isAURLThatWorksForTenMinutes(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("f", "def handler(e, c): return 1")
	out, err := w.lambda.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	status, body := fetch(t, *out.Code.Location)
	require.Equal(t, http.StatusOK, status)
	sum := sha256.Sum256(body)
	require.Equal(t, *out.Configuration.CodeSha256, base64.StdEncoding.EncodeToString(sum[:]))
	status, _ = fetch(t, strings.Replace(*out.Code.Location, "Signature=", "Signature=0", 1))
	require.Equal(t, http.StatusForbidden, status)

	content := zipped(t, map[string]string{"python/x.py": "x = 1"})
	layer, err := w.lambda.PublishLayerVersion(ctx, &sdk.PublishLayerVersionInput{LayerName: aws.String("l"),
		Content: &types.LayerVersionContentInput{ZipFile: content}})
	require.NoError(t, err)
	_, body = fetch(t, *layer.Content.Location)
	require.Equal(t, content, body)

	w.Advance(11 * time.Minute)
	status, body = fetch(t, *out.Code.Location)
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, string(body), "Request has expired")
}

func fetch(t testing.TB, url string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	require.NoError(t, err)
	out, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	return out.StatusCode, body
}
