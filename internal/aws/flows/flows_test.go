// Package flows_test follows data through several services: who called what,
// for which resource, under which call. It holds tests only.
package flows_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	cfnservice "github.com/pipelab/pipelab/internal/aws/service/cloudformation"
	dynamodbservice "github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	iamservice "github.com/pipelab/pipelab/internal/aws/service/iam"
	kinesisservice "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	lambdaservice "github.com/pipelab/pipelab/internal/aws/service/lambda"
	s3service "github.com/pipelab/pipelab/internal/aws/service/s3"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	stsservice "github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/sdkhttp"
)

// region is one emulated region whose services work together, on a clock that
// stands still. A second one may be opened over the same folder.
type region struct {
	t       *testing.T
	gateway *gateway.Gateway
	clock   *clock.Clock
	close   func()
	seen    uint64 // of the trace

	s3      *s3.Client
	sqs     *sqs.Client
	lambda  *lambda.Client
	dynamo  *dynamodb.Client
	iam     *iam.Client
	kinesis *kinesis.Client
	cfn     *cloudformation.Client
}

func open(t *testing.T, dir string, clk *clock.Clock) *region {
	t.Helper()
	st := store.New(store.Options{Dir: dir})
	g := gateway.New(st, clk, ident.NewSource(), slog.New(slog.DiscardHandler))
	h := g.Host()
	for _, s := range []gateway.Service{dynamodbservice.New(h), sqsservice.New(h), s3service.New(h), iamservice.New(h),
		stsservice.New(h), kinesisservice.New(h), lambdaservice.New(h), cfnservice.New(h,
			func(client aws.HTTPClient, endpoint string, sc ident.Scope) cfn.Provider {
				return provision.At(client, endpoint, sc.Account, sc.Region)
			})} {
		g.Register(s)
	}
	require.NoError(t, st.Open())
	server := httptest.NewServer(g)
	g.SetEndpoint(server.URL)
	scratch := t.TempDir()
	g.SetScratch(func() (string, error) { return scratch, nil })
	require.NoError(t, g.Start(t.Context()))
	cfg := aws.Config{Region: ident.DefaultRegion, BaseEndpoint: &server.URL, HTTPClient: sdkhttp.New(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} }}
	r := &region{t: t, gateway: g, clock: clk, s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		sqs: sqs.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg), dynamo: dynamodb.NewFromConfig(cfg),
		iam: iam.NewFromConfig(cfg), kinesis: kinesis.NewFromConfig(cfg), cfn: cloudformation.NewFromConfig(cfg)}
	closed := false
	r.close = func() {
		if closed {
			return
		}
		closed = true
		g.Stop()
		server.CloseClientConnections()
		server.Close()
		require.NoError(t, st.Close())
	}
	t.Cleanup(r.close)
	return r
}

func start(t *testing.T) *region {
	t.Helper()
	return open(t, "", clock.NewManual(awstest.Epoch))
}

func (r *region) pass(d time.Duration) {
	r.t.Helper()
	require.NoError(r.t, r.clock.Advance(context.Background(), d))
}

// role makes the execution role of all functions.
func (r *region) role() *string {
	r.t.Helper()
	out, err := r.iam.CreateRole(r.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("worker"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	require.NoError(r.t, err)
	return out.Role.Arn
}

// function makes a Python function that a bucket named data may call.
func (r *region) function(role *string, name, code string, more ...func(*lambda.CreateFunctionInput)) string {
	r.t.Helper()
	in := &lambda.CreateFunctionInput{FunctionName: &name, Role: role, Runtime: types.RuntimePython312,
		Handler: aws.String("app.handler"), Timeout: aws.Int32(20), Code: &types.FunctionCode{ZipFile: r.zip(code)}}
	for _, m := range more {
		m(in)
	}
	out, err := r.lambda.CreateFunction(r.t.Context(), in)
	require.NoError(r.t, err)
	_, err = r.lambda.AddPermission(r.t.Context(), &lambda.AddPermissionInput{FunctionName: &name,
		StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("s3.amazonaws.com"), SourceArn: aws.String("arn:aws:s3:::data"),
		SourceAccount: aws.String(ident.DefaultAccount)})
	require.NoError(r.t, err)
	r.pass(time.Second) // until it is active
	return *out.FunctionArn
}

// zip is code as a function has it.
func (r *region) zip(code string) []byte {
	r.t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	f, err := z.Create("app.py")
	require.NoError(r.t, err)
	_, err = f.Write([]byte(code))
	require.NoError(r.t, err)
	require.NoError(r.t, z.Close())
	return buf.Bytes()
}

func (r *region) queue(name string) (url, arn string) {
	r.t.Helper()
	arn = "arn:aws:sqs:us-east-1:" + ident.DefaultAccount + ":" + name
	out, err := r.sqs.CreateQueue(r.t.Context(), &sqs.CreateQueueInput{QueueName: &name,
		Attributes: map[string]string{"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + arn + `",
			"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::data"}}}]}`}})
	require.NoError(r.t, err)
	return *out.QueueUrl, arn
}

// received are the bodies of all messages of a queue, which it keeps.
func (r *region) received(url string) (bodies []string) {
	r.t.Helper()
	for {
		out, err := r.sqs.ReceiveMessage(r.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		require.NoError(r.t, err)
		if len(out.Messages) == 0 {
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
}

// bucket makes the bucket data, whose new objects are told to a target.
func (r *region) bucket(target string) {
	r.t.Helper()
	_, err := r.s3.CreateBucket(r.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("data")})
	require.NoError(r.t, err)
	created := []s3types.Event{"s3:ObjectCreated:*"}
	c := &s3types.NotificationConfiguration{}
	if strings.Contains(target, ":lambda:") {
		c.LambdaFunctionConfigurations = []s3types.LambdaFunctionConfiguration{{LambdaFunctionArn: &target, Events: created}}
	} else {
		c.QueueConfigurations = []s3types.QueueConfiguration{{QueueArn: &target, Events: created}}
	}
	_, err = r.s3.PutBucketNotificationConfiguration(r.t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("data"), NotificationConfiguration: c})
	require.NoError(r.t, err)
}

func (r *region) put(key string) {
	r.t.Helper()
	_, err := r.s3.PutObject(r.t.Context(), &s3.PutObjectInput{Bucket: aws.String("data"), Key: &key,
		Body: strings.NewReader("x")})
	require.NoError(r.t, err)
}

// tree draws the calls since the last tree: who called what, for which
// resource, below the call that caused it. What is not about the flow of data
// is left out.
func (r *region) tree() string {
	r.t.Helper()
	entries, _ := r.gateway.Trace().After(r.seen, 10_000)
	r.seen = r.gateway.Trace().Last()
	slices.SortStableFunc(entries, func(a, b gateway.TraceEntry) int { return a.Time.Compare(b.Time) })
	known := map[string]bool{}
	for _, e := range entries {
		known[e.ID] = true
	}
	out := "\n"
	var draw func(parent, indent string)
	draw = func(parent, indent string) {
		for _, e := range entries {
			if e.Parent != parent && (parent != "" || known[e.Parent]) ||
				slices.Contains([]string{"iam", "sts", "cloudwatchlogs"}, e.Service) {
				continue
			}
			line := fmt.Sprintf("%s%s.%s %s by %s", indent, e.Service, e.Operation, e.Resource,
				e.Principal[strings.LastIndexAny(e.Principal, ":")+1:])
			if e.Source != "" {
				line += " for " + e.Source
			}
			if e.Error != "" {
				line += " !" + e.Error
			}
			out += line + "\n"
			draw(e.ID, indent+"  ")
		}
	}
	draw("", "")
	return out
}

func TestFlow_objectToQueue(t *testing.T) {
	t.Parallel()
	r := start(t)
	url, arn := r.queue("events")
	r.bucket(arn)
	require.Contains(t, r.tree(), `
s3.PutBucketNotificationConfiguration data by root
  sqs.SendMessage events by s3.amazonaws.com for arn:aws:s3:::data
`, "the test event")
	// A fault strikes the attempt; the next one succeeds.
	r.gateway.Host().Faults.Add(gateway.Fault{Kind: gateway.FaultThrottle, Service: "sqs", Operation: "SendMessage",
		Resource: "events", Count: 2})
	r.put("a")
	r.pass(10 * time.Second)
	require.Equal(t, `
s3.PutObject data/a by root
  sqs.SendMessage events by s3.amazonaws.com for arn:aws:s3:::data !RequestThrottled
  sqs.SendMessage events by s3.amazonaws.com for arn:aws:s3:::data !RequestThrottled
  sqs.SendMessage events by s3.amazonaws.com for arn:aws:s3:::data
`, r.tree())
	require.Len(t, r.received(url), 2)
}

// writer puts an item into DynamoDB with plain HTTP, which is quicker to load
// than an SDK.
const writer = `
import os, urllib.request
def handler(event, context):
    scope = os.environ["AWS_ACCESS_KEY_ID"] + "/20260101/us-east-1/dynamodb/aws4_request"
    item = '{"TableName": "tab", "Item": {"id": {"S": "%s"}}}' % event["Records"][0]["s3"]["object"]["key"]
    urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], item.encode(), {
        "X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host, Signature=x",
        "X-Amz-Security-Token": os.environ["AWS_SESSION_TOKEN"]}))
`

func TestFlow_objectToFunctionToTable(t *testing.T) {
	t.Parallel()
	r := start(t)
	_, err := r.dynamo.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: aws.String("tab"),
		KeySchema: []ddbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddbtypes.KeyTypeHash}},
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: ddbtypes.ScalarAttributeTypeS}}, BillingMode: ddbtypes.BillingModePayPerRequest})
	require.NoError(t, err)
	fn := r.function(r.role(), "job", writer)
	r.bucket(fn)
	r.tree()
	r.gateway.Host().Faults.Add(gateway.Fault{Kind: gateway.FaultError, Service: "dynamodb", Operation: "PutItem",
		Count: 1})
	r.put("a")
	r.pass(5 * time.Minute)
	require.Equal(t, `
s3.PutObject data/a by root
  lambda.Invoke job by s3.amazonaws.com for arn:aws:s3:::data
    lambda.Invoke job by lambda.amazonaws.com
      dynamodb.PutItem tab by assumed-role/worker/job !InternalServerError
    lambda.Invoke job by lambda.amazonaws.com
      dynamodb.PutItem tab by assumed-role/worker/job
`, r.tree())
}

// failing raises, and leaves a line for each run.
const failing = `
def handler(event, context):
    if event.get("bad"):
        raise ValueError("bad event")
    return "done"
`

func TestFlow_eventToDestinationAndDeadLetters(t *testing.T) {
	t.Parallel()
	r := start(t)
	failed, failedARN := r.queue("failed")
	_, doneARN := r.queue("done")
	dead, deadARN := r.queue("dead")
	r.function(r.role(), "job", failing, func(in *lambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: &deadARN}
	})
	_, err := r.lambda.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("job"), DestinationConfig: &types.DestinationConfig{
			OnFailure: &types.OnFailure{Destination: &failedARN}, OnSuccess: &types.OnSuccess{Destination: &doneARN}}})
	require.NoError(t, err)
	send := func(payload string) {
		_, err := r.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("job"),
			InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)})
		require.NoError(t, err)
	}
	r.tree()
	send(`{}`)
	r.pass(time.Minute)
	require.Equal(t, `
lambda.Invoke job by root
  lambda.Invoke job by lambda.amazonaws.com
    sqs.SendMessage done by assumed-role/worker/job for arn:aws:lambda:us-east-1:000000000000:function:job
`, r.tree())

	// One retry is struck by a fault, which is no run of the function: it comes
	// again at once, and the minutes between runs stay. The record needs two
	// attempts.
	r.gateway.Host().Faults.Add(gateway.Fault{Kind: gateway.FaultError, Service: "lambda", Operation: "Invoke",
		Resource: "job", Skip: 2, Count: 1})
	r.gateway.Host().Faults.Add(gateway.Fault{Kind: gateway.FaultError, Service: "sqs", Operation: "SendMessage",
		Resource: "failed", Count: 1})
	send(`{"bad": 1}`)
	r.pass(10 * time.Minute)
	require.Equal(t, `
lambda.Invoke job by root
  lambda.Invoke job by lambda.amazonaws.com
  lambda.Invoke job by lambda.amazonaws.com !ServiceException
  lambda.Invoke job by lambda.amazonaws.com
  lambda.Invoke job by lambda.amazonaws.com
    sqs.SendMessage failed by assumed-role/worker/job for job !InternalFailure
    sqs.SendMessage dead by assumed-role/worker/job for job
    sqs.SendMessage failed by assumed-role/worker/job for job
`, strings.ReplaceAll(r.tree(), "for arn:aws:lambda:us-east-1:000000000000:function:", "for "))
	require.Len(t, r.received(failed), 1)
	require.Equal(t, []string{`{"bad": 1}`}, r.received(dead))
}

// The process ends in the middle: what was on its way arrives after, once, and
// a function goes on where its retries are.
func TestFlow_goesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir, clk := t.TempDir(), clock.NewManual(awstest.Epoch)
	r := open(t, dir, clk)
	url, arn := r.queue("events")
	r.bucket(arn)
	r.function(r.role(), "job", failing)
	_, failedARN := r.queue("failed")
	_, err := r.lambda.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("job"), DestinationConfig: &types.DestinationConfig{
			OnFailure: &types.OnFailure{Destination: &failedARN}}})
	require.NoError(t, err)
	_, err = r.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("job"),
		InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"bad": 1}`)})
	require.NoError(t, err)
	r.pass(90 * time.Second) // the second attempt has failed, the third is due in half a minute
	for n := range 20 {
		r.put(fmt.Sprint("object-", n))
	}
	r.close()

	r = open(t, dir, clk)
	attributes := func(of string) map[string]string {
		out, err := r.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &of,
			AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages}})
		require.NoError(t, err)
		return out.Attributes
	}
	require.Equal(t, "1", attributes(url)["ApproximateNumberOfMessages"], "the test event")
	r.tree()
	r.pass(0)
	require.Equal(t, "21", attributes(url)["ApproximateNumberOfMessages"])
	require.Equal(t, 20, strings.Count(r.tree(), "sqs.SendMessage events by s3.amazonaws.com for arn:aws:s3:::data\n"))
	r.pass(time.Hour)
	require.Equal(t, `
lambda.Invoke job by lambda.amazonaws.com
  sqs.SendMessage failed by assumed-role/worker/job for arn:aws:lambda:us-east-1:000000000000:function:job
`, r.tree())
}
