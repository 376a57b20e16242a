package lambda_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	iamservice "github.com/pipelab/pipelab/internal/aws/service/iam"
	"github.com/pipelab/pipelab/internal/aws/service/lambda"
	s3service "github.com/pipelab/pipelab/internal/aws/service/s3"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	stsservice "github.com/pipelab/pipelab/internal/aws/service/sts"
)

// runsOf counts the runs of a function in the trace.
func (w *world) runsOf(name string) (n int) {
	entries, _ := w.Gateway.Trace().After(0, 10000)
	for _, e := range entries {
		if e.Service == "lambda" && e.Operation == "Invoke" && e.Resource == name && e.Error == "" &&
			e.Principal == "lambda.amazonaws.com" {
			n++
		}
	}
	return n
}

// looped moves the clock until nothing runs any more.
func (w *world) looped() {
	for range 30 {
		w.Advance(time.Second)
	}
}

func (w *world) queueWith(name string, attributes map[string]string) (url, arn string) {
	w.t.Helper()
	ctx := context.Background()
	out, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	require.NoError(w.t, err)
	got, err := w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: out.QueueUrl,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	require.NoError(w.t, err)
	return *out.QueueUrl, got.Attributes["QueueArn"]
}

func (w *world) received(url string) []sqstypes.Message {
	w.t.Helper()
	out, err := w.sqs.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(url),
		MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll}})
	require.NoError(w.t, err)
	return out.Messages
}

// signed sends one request to a REST API with the credentials of the function.
const signed = awstest.Caller + `
def rest(method, service, path, body, **more):
    env = os.environ
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"x-amz-date": now, "x-amz-security-token": env["AWS_SESSION_TOKEN"], **more,
        "authorization": "AWS4-HMAC-SHA256 Credential=" + "/".join([env["AWS_ACCESS_KEY_ID"], now[:8],
            env["AWS_REGION"], service, "aws4_request"]) + ", SignedHeaders=host;x-amz-date, Signature=00"}
    request = urllib.request.Request(env["AWS_ENDPOINT_URL"] + path, body, headers, method=method)
    return urllib.request.urlopen(request).read()
`

// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
func TestRecursion_ofAFunctionThatInvokesItselfIsStopped(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	dead, arn := w.queueWith("dead", nil)
	w.python("loop", signed+`
def handler(event, context):
    rest("POST", "lambda", "/2015-03-31/functions/loop/invocations", b'{"again": true}',
        **{"x-amz-invocation-type": "Event"})
`, func(in *sdk.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String(arn)}
	})
	_, err := w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("loop"),
		InvocationType: types.InvocationTypeEvent})
	require.NoError(t, err)
	w.looped()
	require.Equal(t, 16, w.runsOf("loop"))
	left := w.received(dead)
	require.Len(t, left, 1)
	require.JSONEq(t, `{"again": true}`, *left[0].Body)
	require.Contains(t, *left[0].MessageAttributes["ErrorMessage"].StringValue, "recursive loop")

	mode, err := w.lambda.GetFunctionRecursionConfig(ctx,
		&sdk.GetFunctionRecursionConfigInput{FunctionName: aws.String("loop")})
	require.NoError(t, err)
	require.Equal(t, types.RecursiveLoopTerminate, mode.RecursiveLoop)
}

func TestRecursion_thatIsAllowedGoesOn(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("down", signed+`
def handler(event, context):
    if event["left"]:
        body = json.dumps({"left": event["left"] - 1}).encode()
        rest("POST", "lambda", "/2015-03-31/functions/down/invocations", body, **{"x-amz-invocation-type": "Event"})
`)
	_, err := w.lambda.PutFunctionRecursionConfig(ctx, &sdk.PutFunctionRecursionConfigInput{
		FunctionName: aws.String("down"), RecursiveLoop: types.RecursiveLoopAllow})
	require.NoError(t, err)
	_, err = w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("down"),
		InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"left": 19}`)})
	require.NoError(t, err)
	w.looped()
	require.Equal(t, 20, w.runsOf("down"))
}

func TestRecursion_throughAQueueGoesToItsDeadLetterQueue(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	dead, deadARN := w.queueWith("dead", nil)
	url, arn := w.queueWith("work", map[string]string{"VisibilityTimeout": "3",
		"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":"1"}`})
	w.python("loop", awstest.Caller+`
def handler(event, context):
    for record in event["Records"]:
        n = int(record["body"]) + 1
        call("sqs", "AmazonSQS.SendMessage", {"QueueUrl": os.environ["QUEUE"], "MessageBody": str(n)}, version="1.0")
`, func(in *sdk.CreateFunctionInput) {
		in.Timeout = aws.Int32(2)
		in.Environment = &types.Environment{Variables: map[string]string{"QUEUE": url}}
	})
	_, err := w.lambda.CreateEventSourceMapping(ctx, &sdk.CreateEventSourceMappingInput{FunctionName: aws.String("loop"),
		EventSourceArn: aws.String(arn)})
	require.NoError(t, err)
	w.Advance(time.Second)
	_, err = w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(url), MessageBody: aws.String("0")})
	require.NoError(t, err)
	w.looped()
	require.Equal(t, 16, w.runsOf("loop"))
	left := w.received(dead)
	require.Len(t, left, 1)
	require.Equal(t, "16", *left[0].Body)
	require.Contains(t, left[0].Attributes["AWSTraceHeader"], "Lineage=")
}

// The classic accident: the function writes to the bucket that it is called for.
func TestRecursion_throughABucketIsStopped(t *testing.T) {
	w := worldOf(t, awstest.New(t, as(iamservice.New), as(stsservice.New), as(sqsservice.New), as(s3service.New),
		as(lambda.New)))
	client := s3.NewFromConfig(w.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	ctx := context.Background()
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	made := w.python("thumb", signed+`
def handler(event, context):
    key = event["Records"][0]["s3"]["object"]["key"]
    rest("PUT", "s3", "/data/x" + key, b"x")
`)
	_, err = w.lambda.AddPermission(ctx, &sdk.AddPermissionInput{FunctionName: aws.String("thumb"),
		StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("s3.amazonaws.com")})
	require.NoError(t, err)
	_, err = client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("data"), NotificationConfiguration: &s3types.NotificationConfiguration{
			LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{LambdaFunctionArn: made.FunctionArn,
				Events: []s3types.Event{"s3:ObjectCreated:*"}}}}})
	require.NoError(t, err)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("a"),
		Body: strings.NewReader("x")})
	require.NoError(t, err)
	w.looped()
	require.Equal(t, 16, w.runsOf("thumb"))
}

func TestTrace_ofTheCallerIsHandedOn(t *testing.T) {
	w := start(t)
	made := w.python("f", "import os\ndef handler(e, c): return os.environ['_X_AMZN_TRACE_ID']",
		func(in *sdk.CreateFunctionInput) {
			in.TracingConfig = &types.TracingConfig{Mode: types.TracingModeActive}
		})
	require.Equal(t, types.TracingModeActive, made.TracingConfig.Mode)
	var header string
	require.NoError(t, json.Unmarshal(w.invoke("f", "{}").Payload, &header))
	require.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1;Lineage=[0-9a-f]{8}:1$`, header)
}
