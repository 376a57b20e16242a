package cloud_test

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
)

// made is when the states below testdata were left, by a process that was
// killed: a moment after its last call.
var made = time.Date(2026, 12, 2, 7, 10, 20, 0, time.UTC)

// States that earlier releases left open for ever, and a second time after they
// were upgraded. testdata/state-<format> is never written again.
func TestNew_opensTheStatesOfAllFormats(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"state-1", "state-2"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/"+format)))
			for range 2 {
				w := start(t, dir, clock.NewManual(made))
				require.Equal(t, 48*time.Hour, w.clock.Offset().Round(time.Hour), "the clock had been moved")
				w.holdsObjects()
				w.holdsVersions()
				w.holdsUpload()
				w.holdsTable()
				w.holdsStream()
				w.holdsQueues()
				w.holdsFunctions()
				w.holdsTheRest()
				w.close()
			}
			w := start(t, dir, clock.NewManual(made))
			w.completesUpload()
			w.deliversWhatWasPending()
		})
	}
}

// body is the body of an object's version.
func (w *world) body(bucket, key, version string) string {
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := w.s3.GetObject(w.t.Context(), in)
	require.NoError(w.t, err)
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	require.NoError(w.t, err)
	return string(b)
}

func (w *world) holdsObjects() {
	t, ctx := w.t, w.t.Context()
	require.Equal(t, "plain body", w.body("plain", "a/b.txt", ""))
	require.Empty(t, w.body("plain", "empty", ""))
	require.Equal(t, "one part", w.body("plain", "done", ""))
	head, err := w.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("plain"), Key: aws.String("a/b.txt")})
	require.NoError(t, err)
	require.Equal(t, "text/plain", *head.ContentType)
	require.Equal(t, map[string]string{"x": "y"}, head.Metadata)
	list, err := w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("plain")})
	require.NoError(t, err)
	var keys []string
	for _, o := range list.Contents {
		keys = append(keys, *o.Key)
	}
	require.Equal(t, []string{"a/b.txt", "done", "empty"}, keys)
}

func (w *world) holdsVersions() {
	t, ctx := w.t, w.t.Context()
	list, err := w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("history")})
	require.NoError(t, err)
	require.Len(t, list.DeleteMarkers, 1)
	require.Equal(t, "doc", *list.DeleteMarkers[0].Key)
	require.True(t, *list.DeleteMarkers[0].IsLatest)
	var got []string
	for _, v := range list.Versions {
		got = append(got, *v.Key+": "+w.body("history", *v.Key, *v.VersionId))
		require.Equal(t, *v.VersionId == "null", *v.IsLatest)
	}
	require.Equal(t, []string{"doc: version 2", "doc: version 1", "doc: version 0",
		"other: null version", "other: stays"}, got)
	tags, err := w.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: aws.String("history"),
		Key: aws.String("doc"), VersionId: list.Versions[1].VersionId})
	require.NoError(t, err)
	require.Equal(t, "1", *tags.TagSet[0].Value)
	rules, err := w.s3.GetBucketLifecycleConfiguration(ctx,
		&s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("history")})
	require.NoError(t, err)
	require.Len(t, rules.Rules, 1)
}

// uploadID is the one upload that is not complete.
func (w *world) uploadID() *string {
	list, err := w.s3.ListMultipartUploads(w.t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("plain")})
	require.NoError(w.t, err)
	require.Len(w.t, list.Uploads, 1)
	require.Equal(w.t, "big", *list.Uploads[0].Key)
	return list.Uploads[0].UploadId
}

func (w *world) parts() []s3types.CompletedPart {
	list, err := w.s3.ListParts(w.t.Context(), &s3.ListPartsInput{Bucket: aws.String("plain"), Key: aws.String("big"),
		UploadId: w.uploadID()})
	require.NoError(w.t, err)
	var parts []s3types.CompletedPart
	for _, p := range list.Parts {
		require.EqualValues(w.t, 100, *p.Size)
		parts = append(parts, s3types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag})
	}
	return parts
}

func (w *world) holdsUpload() { require.Len(w.t, w.parts(), 2) }

func (w *world) completesUpload() {
	_, err := w.s3.CompleteMultipartUpload(w.t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String("plain"), Key: aws.String("big"), UploadId: w.uploadID(),
		MultipartUpload: &s3types.CompletedMultipartUpload{Parts: w.parts()[:1]}})
	require.NoError(w.t, err)
	require.Len(w.t, w.body("plain", "big", ""), 100)
}

func (w *world) holdsTable() {
	t, ctx := w.t, w.t.Context()
	for _, index := range []*string{nil, aws.String("ByGenre")} {
		in := &dynamodb.QueryInput{TableName: aws.String("Music"), IndexName: index,
			KeyConditionExpression:    aws.String("Artist = :a"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":a": &types.AttributeValueMemberS{Value: "Nina"}}}
		if index != nil {
			in.KeyConditionExpression = aws.String("Genre = :a")
			in.ExpressionAttributeValues[":a"] = &types.AttributeValueMemberS{Value: "jazz"}
		}
		out, err := w.ddb.Query(ctx, in)
		require.NoError(t, err)
		require.EqualValues(t, 2, out.Count)
		require.Equal(t, &types.AttributeValueMemberSS{Value: []string{"a", "b"}}, out.Items[0]["Tags"])
	}
	table, err := w.ddb.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("Music")})
	require.NoError(t, err)
	arn := table.Table.LatestStreamArn
	stream, err := w.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	require.NoError(t, err)
	var names []streamtypes.OperationType
	for _, shard := range stream.StreamDescription.Shards {
		it, err := w.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: arn,
			ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
		require.NoError(t, err)
		records, err := w.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: it.ShardIterator})
		require.NoError(t, err)
		for _, r := range records.Records {
			names = append(names, r.EventName)
		}
	}
	require.Equal(t, []streamtypes.OperationType{"INSERT", "INSERT", "INSERT", "REMOVE"}, names)
}

func (w *world) holdsStream() {
	t, ctx := w.t, w.t.Context()
	shards, err := w.kinesis.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String("clicks")})
	require.NoError(t, err)
	require.Len(t, shards.Shards, 2)
	data := map[string]bool{}
	for _, shard := range shards.Shards {
		it, err := w.kinesis.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("clicks"),
			ShardId: shard.ShardId, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
		require.NoError(t, err)
		out, err := w.kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		require.NoError(t, err)
		for _, r := range out.Records {
			data[string(r.Data)] = true
		}
	}
	require.Len(t, data, 6)
	require.True(t, data["click 3"])
	arn, err := w.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("clicks")})
	require.NoError(t, err)
	require.EqualValues(t, 1, *arn.StreamDescriptionSummary.ConsumerCount)
}

// count is an attribute of a queue, which counts messages.
func (w *world) count(queue, attribute string) string {
	url, err := w.sqs.GetQueueUrl(w.t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	require.NoError(w.t, err)
	out, err := w.sqs.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	require.NoError(w.t, err)
	return out.Attributes[attribute]
}

func (w *world) holdsQueues() {
	require.Equal(w.t, "1", w.count("orders", "ApproximateNumberOfMessages"))
	require.Equal(w.t, "1", w.count("orders", "ApproximateNumberOfMessagesNotVisible"))
	require.Equal(w.t, "60", w.count("orders", "VisibilityTimeout"))
	require.Equal(w.t, "3", w.count("lines.fifo", "ApproximateNumberOfMessages"))
}

func (w *world) holdsFunctions() {
	t, ctx := w.t, w.t.Context()
	f, err := w.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("greet"),
		Qualifier: aws.String("live")})
	require.NoError(t, err)
	require.Equal(t, "1", *f.Configuration.Version)
	require.Equal(t, map[string]string{"A": "1"}, f.Configuration.Environment.Variables)
	layers, err := w.lambda.ListLayers(ctx, &lambda.ListLayersInput{})
	require.NoError(t, err)
	require.Len(t, layers.Layers, 1)
	mappings, err := w.lambda.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	require.NoError(t, err)
	require.Len(t, mappings.EventSourceMappings, 2)
	config, err := w.lambda.GetFunctionEventInvokeConfig(ctx,
		&lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("greet")})
	require.NoError(t, err)
	require.EqualValues(t, 1, *config.MaximumRetryAttempts)
}

func (w *world) holdsTheRest() {
	t, ctx := w.t, w.t.Context()
	policy, err := w.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String("runner"),
		PolicyName: aws.String("all")})
	require.NoError(t, err)
	require.Contains(t, *policy.PolicyDocument, "Allow")
	keys, err := w.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("anna")})
	require.NoError(t, err)
	require.Len(t, keys.AccessKeyMetadata, 1)
	require.Equal(t, 3, w.logged("/app"))
	stacks, err := w.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("base")})
	require.NoError(t, err)
	require.Equal(t, "CREATE_COMPLETE", string(stacks.Stacks[0].StackStatus))
	require.Equal(t, "queue-url", *stacks.Stacks[0].Outputs[0].ExportName)
	resources, err := w.cfn.DescribeStackResources(ctx,
		&cloudformation.DescribeStackResourcesInput{StackName: aws.String("base")})
	require.NoError(t, err)
	require.Len(t, resources.StackResources, 1)
}

// logged counts the events of a log group.
func (w *world) logged(group string) int {
	out, err := w.logs.FilterLogEvents(w.t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
	require.NoError(w.t, err)
	return len(out.Events)
}

// deliversWhatWasPending makes the queue that notifications could not reach, and
// lets an hour pass: the notification arrives, and the function that failed
// runs again.
func (w *world) deliversWhatWasPending() {
	t, ctx := w.t, w.t.Context()
	_, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("events"),
		Attributes: map[string]string{"Policy": awstest.QueuePolicy("s3.amazonaws.com")}})
	require.NoError(t, err)
	before := w.logged("/aws/lambda/fails")
	require.NoError(t, w.clock.Advance(ctx, time.Hour))
	require.Equal(t, "1", w.count("events", "ApproximateNumberOfMessages"))
	require.Greater(t, w.logged("/aws/lambda/fails"), before)
}
