package cloud_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/cloud"
)

// pages is a cloud that has three of everything that can be listed, named 0, 1 and 2
// behind the name of what they are.
type pages struct {
	t      testing.TB
	clock  *clock.Clock
	config aws.Config

	s3      *s3.Client
	ddb     *dynamodb.Client
	streams *dynamodbstreams.Client
	kinesis *kinesis.Client
	sqs     *sqs.Client
	lambda  *lambda.Client
	iam     *iam.Client
	logs    *cloudwatchlogs.Client

	shard  string  // of the stream, with its records
	table  string  // the ARN of the first table's stream
	upload *string // with three parts
	policy string  // with three versions
	mail   *string // the URL of the queue with messages
}

func newPages(t testing.TB) *pages {
	t.Helper()
	clk := clock.NewManual(awstest.Epoch)
	config := serve(t, cloud.Options{Clock: clk}).config()
	w := &pages{t: t, clock: clk, config: config,
		s3:  s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		ddb: dynamodb.NewFromConfig(config), streams: dynamodbstreams.NewFromConfig(config),
		kinesis: kinesis.NewFromConfig(config), sqs: sqs.NewFromConfig(config), lambda: lambda.NewFromConfig(config),
		iam: iam.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config)}
	ctx := context.Background()
	for i := range 3 {
		w.some(ctx, fmt.Sprint(i))
	}
	w.advance(time.Minute) // tables, streams and functions are active
	for i := range 3 {
		w.within(ctx, fmt.Sprint(i))
	}
	w.rest(ctx)
	return w
}

func (w *pages) advance(d time.Duration) {
	require.NoError(w.t, w.clock.Advance(context.Background(), d))
}

// ok takes what a call of a client returns.
func (w *pages) ok(_ any, err error) {
	w.t.Helper()
	require.NoError(w.t, err)
}

// must is what a call of a client returns that has not failed.
func must[O any](out O, err error) O {
	if err != nil {
		panic(err)
	}
	return out
}

func arnIn(service, resource string) *string {
	return aws.String("arn:aws:" + service + ":us-east-1:000000000000:" + resource)
}

// some makes one of each kind of resource.
func (w *pages) some(ctx context.Context, n string) {
	name := func(kind string) *string { return aws.String(kind + n) }
	w.ok(w.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name("stream"), ShardCount: aws.Int32(3)}))
	w.ok(w.ddb.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: name("table"),
		BillingMode: ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"},
			{AttributeName: aws.String("sk"), AttributeType: "S"}},
		KeySchema: []ddbtypes.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: ddbtypes.KeyTypeHash},
			{AttributeName: aws.String("sk"), KeyType: ddbtypes.KeyTypeRange}},
		StreamSpecification: &ddbtypes.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: ddbtypes.StreamViewTypeKeysOnly}}))
	if n == "0" {
		w.ok(w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("dead")}))
		w.mail = must(w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("mail"),
			Attributes: map[string]string{"VisibilityTimeout": "1"}})).QueueUrl
	}
	w.ok(w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name("queue"), Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"` + *arnIn("sqs", "dead") + `","maxReceiveCount":"100"}`}}))
	w.ok(w.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name("group")}))
	w.ok(w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name("bucket")}))
	w.ok(w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name("user")}))
	w.ok(w.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: name("group")}))
	w.ok(w.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: name("profile")}))
	role := must(w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name("role"),
		AssumeRolePolicyDocument: aws.String(trust)})).Role.Arn
	policy := must(w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: name("policy"),
		PolicyDocument: aws.String(allowing(n))})).Policy.Arn
	if n == "0" {
		w.policy = *policy
	}
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	_, err := must(z.Create("main.py")).Write([]byte("def handler(*_): pass\n"))
	require.NoError(w.t, err)
	require.NoError(w.t, z.Close())
	w.ok(w.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: name("function"), Role: role,
		Runtime: lambdatypes.RuntimePython312, Handler: aws.String("main.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}}))
	w.ok(w.lambda.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: name("layer"),
		Content: &lambdatypes.LayerVersionContentInput{ZipFile: code.Bytes()}}))
	if n != "0" { // further versions of the first
		w.ok(w.lambda.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("layer0"),
			Content: &lambdatypes.LayerVersionContentInput{ZipFile: code.Bytes()}}))
		w.ok(w.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &w.policy,
			PolicyDocument: aws.String(allowing(n))}))
	}
}

func allowing(bucket string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + bucket +
		`"}]}`
}

// within makes one of what the first resource of a kind has several of.
func (w *pages) within(ctx context.Context, n string) {
	name := func(kind string) *string { return aws.String(kind + n) }
	tag := map[string]string{"tag" + n: n}
	w.ok(w.kinesis.AddTagsToStream(ctx, &kinesis.AddTagsToStreamInput{StreamName: aws.String("stream0"), Tags: tag}))
	w.ok(w.kinesis.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: arnIn("kinesis", "stream/stream0"), ConsumerName: name("consumer")}))
	w.shard = *must(w.kinesis.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("stream0"),
		PartitionKey: aws.String("k"), Data: []byte(n)})).ShardId
	w.ok(w.ddb.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("table0"),
		Item: map[string]ddbtypes.AttributeValue{"pk": &ddbtypes.AttributeValueMemberS{Value: "p"},
			"sk": &ddbtypes.AttributeValueMemberS{Value: n}}}))
	w.ok(w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: w.mail, MessageBody: &n}))
	w.ok(w.sqs.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: arnIn("sqs", "dead")}))
	w.advance(time.Minute) // one task at a time
	w.ok(w.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("group0"),
		LogStreamName: name("stream")}))
	w.ok(w.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("group0"),
		LogStreamName: aws.String("stream0"), LogEvents: []logstypes.InputLogEvent{{
			Timestamp: aws.Int64(w.clock.Now().UnixMilli()), Message: &n}}}))
	w.uploads(ctx, n)
	first := aws.String("user0")
	w.ok(w.iam.TagUser(ctx, &iam.TagUserInput{UserName: first,
		Tags: []iamtypes.Tag{{Key: name("tag"), Value: &n}}}))
	w.ok(w.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("role0"),
		Tags: []iamtypes.Tag{{Key: name("tag"), Value: &n}}}))
	w.ok(w.iam.TagInstanceProfile(ctx, &iam.TagInstanceProfileInput{InstanceProfileName: aws.String("profile0"),
		Tags: []iamtypes.Tag{{Key: name("tag"), Value: &n}}}))
	w.ok(w.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name("profile"),
		RoleName: aws.String("role0")}))
	w.ok(w.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: first, GroupName: name("group")}))
	if n != "0" { // it has been added above
		w.ok(w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: first}))
		w.ok(w.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: name("user"), GroupName: aws.String("group0")}))
	}
	document, policy := aws.String(allowing(n)), aws.String(strings.TrimSuffix(w.policy, "0")+n)
	w.ok(w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: first, PolicyName: name("p"),
		PolicyDocument: document}))
	w.ok(w.iam.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: aws.String("group0"), PolicyName: name("p"),
		PolicyDocument: document}))
	w.ok(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("role0"), PolicyName: name("p"),
		PolicyDocument: document}))
	w.ok(w.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: first, PolicyArn: policy}))
	w.ok(w.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("group0"), PolicyArn: policy}))
	w.ok(w.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("role0"), PolicyArn: policy}))
	w.functions(ctx, n)
}

// functions make versions, an alias with its settings, and mappings that do not run.
func (w *pages) functions(ctx context.Context, n string) {
	name, tag := aws.String("function0"), map[string]string{"TAG": n}
	w.ok(w.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name,
		Environment: &lambdatypes.Environment{Variables: tag}}))
	w.advance(time.Minute)
	version := must(w.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: name})).Version
	w.advance(time.Minute)
	w.ok(w.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: name, Name: aws.String("alias" + n),
		FunctionVersion: version}))
	w.ok(w.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name,
		Qualifier: aws.String("alias" + n), MaximumRetryAttempts: aws.Int32(0)}))
	w.ok(w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("role0"), PolicyName: aws.String("p0"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*",` +
			`"Resource":"*"}]}`)}))
	w.ok(w.lambda.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: name,
		EventSourceArn: arnIn("sqs", "queue"+n), Enabled: aws.Bool(false)}))
}

// uploads make an object and a version of one, a part, an upload of another key and one
// more of the same.
func (w *pages) uploads(ctx context.Context, n string) {
	bucket := aws.String("bucket0")
	if n == "0" {
		w.ok(w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String("bucket1"),
			VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}))
		w.upload = must(w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("bucket2"),
			Key: aws.String("parts")})).UploadId
	}
	w.ok(w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("key" + n)}))
	w.ok(w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket1"), Key: aws.String("key")}))
	w.ok(w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket,
		Key: aws.String("upload" + strings.ReplaceAll(n, "2", "1"))}))
	w.ok(w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("bucket2"), Key: aws.String("parts"),
		UploadId: w.upload, PartNumber: aws.Int32(int32(n[0]-'0') + 1), Body: bytes.NewReader(make([]byte, 5<<20))}))
}

// rest are an object of three parts and another upload of three, and the stream of the
// first table.
func (w *pages) rest(ctx context.Context) {
	bucket, key := aws.String("bucket2"), aws.String("parts")
	parts := must(w.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: w.upload})).Parts
	var whole s3types.CompletedMultipartUpload
	for _, p := range parts {
		whole.Parts = append(whole.Parts, s3types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag})
	}
	w.ok(w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: w.upload,
		MultipartUpload: &whole}))
	w.upload = must(w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})).UploadId
	for i := range int32(3) {
		w.ok(w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: w.upload,
			PartNumber: aws.Int32(i + 1), Body: strings.NewReader("part")}))
	}
	w.table = *must(w.ddb.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("table0")})).
		Table.LatestStreamArn
	require.Len(w.t, must(w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: w.mail,
		MaxNumberOfMessages: 10, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"}})).Messages, 3)
}
