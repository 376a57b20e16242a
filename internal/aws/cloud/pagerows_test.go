package cloud_test

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// rows are the operations that answer a page at a time, as the cloud of the test has
// their items.
func (w *pages) rows() []paged {
	var all []paged
	for _, rows := range [][]paged{w.kinesisPages(), w.dynamoPages(), w.sqsPages(), w.logsPages(), w.s3Pages(),
		iamPages(w.policy), lambdaPages()} {
		all = append(all, rows...)
	}
	return all
}

func (w *pages) kinesisPages() []paged {
	stream, ctx := aws.String("stream0"), context.Background()
	start := must(w.kinesis.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: stream, ShardId: &w.shard,
		ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})).ShardIterator
	return []paged{
		{in: &kinesis.ListStreamsInput{}, items: "StreamNames", tokens: "NextToken=NextToken"},
		{in: &kinesis.DescribeStreamInput{StreamName: stream}, items: "StreamDescription.Shards.ShardId",
			next: func(out any, items []string) any {
				if !*out.(*kinesis.DescribeStreamOutput).StreamDescription.HasMoreShards {
					return nil
				}
				return &kinesis.DescribeStreamInput{StreamName: stream, ExclusiveStartShardId: last(items)}
			}},
		{in: &kinesis.ListShardsInput{StreamName: stream}, items: "Shards.ShardId", next: func(out any, _ []string) any {
			if token := out.(*kinesis.ListShardsOutput).NextToken; token != nil { // which stands for the stream too
				return &kinesis.ListShardsInput{NextToken: token}
			}
			return nil
		}},
		{in: &kinesis.ListTagsForStreamInput{StreamName: stream}, items: "Tags.Key",
			next: func(out any, items []string) any {
				if !*out.(*kinesis.ListTagsForStreamOutput).HasMoreTags {
					return nil
				}
				return &kinesis.ListTagsForStreamInput{StreamName: stream, ExclusiveStartTagKey: last(items)}
			}},
		{in: &kinesis.ListStreamConsumersInput{StreamARN: arnIn("kinesis", "stream/stream0")},
			items: "Consumers.ConsumerName", tokens: "NextToken=NextToken"},
		{in: &kinesis.GetRecordsInput{ShardIterator: start}, items: "Records.SequenceNumber",
			before: func() { w.advance(time.Second) },
			next: func(out any, items []string) any {
				if len(items) == 0 { // an open shard has no end
					return nil
				}
				w.advance(time.Second) // five a second
				return &kinesis.GetRecordsInput{ShardIterator: out.(*kinesis.GetRecordsOutput).NextShardIterator}
			}},
	}
}

func last(items []string) *string { return &items[len(items)-1] }

func (w *pages) dynamoPages() []paged {
	const api = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_"
	ctx, table := context.Background(), aws.String("table0")
	shard := must(w.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &w.table})).
		StreamDescription.Shards[0].ShardId
	start := must(w.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: &w.table,
		ShardId: shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})).ShardIterator
	return []paged{
		{in: &dynamodb.ListTablesInput{}, items: "TableNames", tokens: "LastEvaluatedTableName=ExclusiveStartTableName"},
		{in: &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("pk = :p"),
			ExpressionAttributeValues: map[string]ddbtypes.AttributeValue{":p": &ddbtypes.AttributeValueMemberS{Value: "p"}}},
			items: "Items.sk.Value", tokens: "LastEvaluatedKey=ExclusiveStartKey", source: api + "Query.html"},
		{in: &dynamodb.ScanInput{TableName: table}, items: "Items.sk.Value", tokens: "LastEvaluatedKey=ExclusiveStartKey",
			source: api + "Scan.html"},
		{in: &dynamodb.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM "` + *table + `"`)},
			items: "Items.sk.Value", tokens: "NextToken=NextToken", source: api + "ExecuteStatement.html"},
		{in: &dynamodbstreams.ListStreamsInput{}, items: "Streams.StreamArn",
			tokens: "LastEvaluatedStreamArn=ExclusiveStartStreamArn", high: 100, source: api + "streams_ListStreams.html"},
		{in: &dynamodbstreams.DescribeStreamInput{StreamArn: &w.table}, items: "StreamDescription.Shards.ShardId",
			tokens: "StreamDescription.LastEvaluatedShardId=ExclusiveStartShardId", count: 1, high: 100,
			source: api + "streams_DescribeStream.html"},
		{in: &dynamodbstreams.GetRecordsInput{ShardIterator: start}, items: "Records.Dynamodb.SequenceNumber",
			high: 1000, source: api + "streams_GetRecords.html", next: func(out any, items []string) any {
				if len(items) == 0 {
					return nil
				}
				return &dynamodbstreams.GetRecordsInput{
					ShardIterator: out.(*dynamodbstreams.GetRecordsOutput).NextShardIterator}
			}},
	}
}

func (w *pages) sqsPages() []paged {
	const api = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_"
	receive := &sqs.ReceiveMessageInput{QueueUrl: w.mail}
	dead := must(w.sqs.GetQueueUrl(context.Background(), &sqs.GetQueueUrlInput{QueueName: aws.String("dead")})).QueueUrl
	return []paged{
		{in: &sqs.ListQueuesInput{}, items: "QueueUrls", tokens: "NextToken=NextToken", count: 5, high: 1000,
			source: api + "ListQueues.html"},
		{in: &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead}, items: "QueueUrls", tokens: "NextToken=NextToken",
			high: 1000, source: api + "ListDeadLetterSourceQueues.html"},
		{in: &sqs.ListMessageMoveTasksInput{SourceArn: arnIn("sqs", "dead")}, items: "Results.StartedTimestamp",
			absent: 1, newest: true, high: 10, source: api + "ListMessageMoveTasks.html"},
		{in: receive, items: "Messages.MessageId", absent: 3, high: 10, source: api + "ReceiveMessage.html",
			next: func(_ any, items []string) any {
				if len(items) == 0 {
					return nil
				}
				again := *receive // what was received is not visible
				return &again
			},
			before: func() { w.advance(2 * time.Second) },
			zero: func() error {
				_, err := w.sqs.ReceiveMessage(context.Background(), receive, func(o *sqs.Options) {
					o.APIOptions = append(o.APIOptions, body(`{"QueueUrl":"`+*w.mail+`","MaxNumberOfMessages":0}`))
				})
				return err
			}},
	}
}

// body makes a request have this body in place of the client's.
func body(text string) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		return s.Serialize.Add(middleware.SerializeMiddlewareFunc("body", func(ctx context.Context,
			in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput,
			middleware.Metadata, error) {
			req, err := in.Request.(*smithyhttp.Request).SetStream(strings.NewReader(text))
			if err != nil {
				return middleware.SerializeOutput{}, middleware.Metadata{}, err
			}
			in.Request = req
			return next.HandleSerialize(ctx, in)
		}), middleware.After)
	}
}

func (w *pages) logsPages() []paged {
	group, stream := aws.String("group0"), aws.String("stream0")
	return []paged{
		{in: &cloudwatchlogs.DescribeLogGroupsInput{}, items: "LogGroups.LogGroupName", tokens: "NextToken=NextToken"},
		{in: &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group}, items: "LogStreams.LogStreamName",
			tokens: "NextToken=NextToken"},
		{in: &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group}, items: "Events.Message",
			tokens: "NextToken=NextToken"},
		{in: &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, StartFromHead: aws.Bool(true)},
			items: "Events.Message", next: func(out any, items []string) any {
				if len(items) == 0 { // the token goes on for ever
					return nil
				}
				return &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream,
					StartFromHead: aws.Bool(true), NextToken: out.(*cloudwatchlogs.GetLogEventsOutput).NextForwardToken}
			}},
	}
}

func (w *pages) s3Pages() []paged {
	const api = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_"
	bucket, parts := aws.String("bucket0"), aws.String("bucket2")
	return []paged{
		{in: &s3.ListBucketsInput{}, items: "Buckets.Name", tokens: "ContinuationToken=ContinuationToken"},
		{in: &s3.ListObjectsV2Input{Bucket: bucket}, items: "Contents.Key", high: 1000, cut: "MaxKeys", none: true,
			tokens: "NextContinuationToken=ContinuationToken", source: api + "ListObjectsV2.html"},
		{in: &s3.ListObjectsInput{Bucket: bucket}, items: "Contents.Key", high: 1000, cut: "MaxKeys", none: true,
			source: api + "ListObjects.html", next: func(out any, items []string) any {
				if !*out.(*s3.ListObjectsOutput).IsTruncated {
					return nil
				}
				return &s3.ListObjectsInput{Bucket: bucket, Marker: last(items)}
			}},
		{in: &s3.ListObjectVersionsInput{Bucket: aws.String("bucket1")}, items: "Versions.VersionId", high: 1000,
			cut: "MaxKeys", none: true, tokens: "NextKeyMarker=KeyMarker NextVersionIdMarker=VersionIdMarker",
			source: api + "ListObjectVersions.html"},
		{in: &s3.ListMultipartUploadsInput{Bucket: bucket}, items: "Uploads.UploadId", high: 1000, cut: "MaxUploads",
			none: true, source: api + "ListMultipartUploads.html", next: func(out any, _ []string) any {
				o := out.(*s3.ListMultipartUploadsOutput)
				if !*o.IsTruncated {
					return nil
				}
				return &s3.ListMultipartUploadsInput{Bucket: bucket, KeyMarker: o.NextKeyMarker,
					UploadIdMarker: o.NextUploadIdMarker}
			}},
		{in: &s3.ListPartsInput{Bucket: parts, Key: aws.String("parts"), UploadId: w.upload}, items: "Parts.PartNumber",
			high: 1000, cut: "MaxParts", none: true, source: api + "ListParts.html", next: func(out any, _ []string) any {
				o := out.(*s3.ListPartsOutput)
				if !*o.IsTruncated {
					return nil
				}
				return &s3.ListPartsInput{Bucket: parts, Key: aws.String("parts"), UploadId: w.upload,
					PartNumberMarker: o.NextPartNumberMarker}
			}},
		{in: &s3.GetObjectAttributesInput{Bucket: parts, Key: aws.String("parts"),
			ObjectAttributes: []s3types.ObjectAttributes{s3types.ObjectAttributesObjectParts}},
			items: "ObjectParts.Parts.PartNumber", high: 1000, cut: "ObjectParts.MaxParts", none: true,
			source: api + "GetObjectAttributes.html", tokens: "ObjectParts.NextPartNumberMarker=PartNumberMarker"},
	}
}

func iamPages(policy string) []paged {
	user, group, role := aws.String("user0"), aws.String("group0"), aws.String("role0")
	all := []paged{
		{in: &iam.ListUsersInput{}, items: "Users.UserName"},
		{in: &iam.ListUserTagsInput{UserName: user}, items: "Tags.Key"},
		{in: &iam.ListAccessKeysInput{UserName: user}, items: "AccessKeyMetadata.AccessKeyId", count: 2}, // two at the most
		{in: &iam.ListGroupsForUserInput{UserName: user}, items: "Groups.GroupName"},
		{in: &iam.ListUserPoliciesInput{UserName: user}, items: "PolicyNames"},
		{in: &iam.ListAttachedUserPoliciesInput{UserName: user}, items: "AttachedPolicies.PolicyArn"},
		{in: &iam.GetGroupInput{GroupName: group}, items: "Users.UserName"},
		{in: &iam.ListGroupsInput{}, items: "Groups.GroupName"},
		{in: &iam.ListGroupPoliciesInput{GroupName: group}, items: "PolicyNames"},
		{in: &iam.ListAttachedGroupPoliciesInput{GroupName: group}, items: "AttachedPolicies.PolicyArn"},
		{in: &iam.ListRolesInput{}, items: "Roles.RoleName"},
		{in: &iam.ListRoleTagsInput{RoleName: role}, items: "Tags.Key"},
		{in: &iam.ListRolePoliciesInput{RoleName: role}, items: "PolicyNames"},
		{in: &iam.ListAttachedRolePoliciesInput{RoleName: role}, items: "AttachedPolicies.PolicyArn"},
		{in: &iam.ListInstanceProfilesInput{}, items: "InstanceProfiles.InstanceProfileName"},
		{in: &iam.ListInstanceProfilesForRoleInput{RoleName: role}, items: "InstanceProfiles.InstanceProfileName"},
		{in: &iam.ListInstanceProfileTagsInput{InstanceProfileName: aws.String("profile0")}, items: "Tags.Key"},
		{in: &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal}, items: "Policies.Arn"},
		{in: &iam.ListPolicyVersionsInput{PolicyArn: &policy}, items: "Versions.VersionId"},
	}
	for i := range all {
		all[i].tokens = "Marker=Marker"
	}
	return all
}

func lambdaPages() []paged {
	name := aws.String("function0")
	all := []paged{
		{in: &lambda.ListFunctionsInput{}, items: "Functions.FunctionName"},
		{in: &lambda.ListVersionsByFunctionInput{FunctionName: name}, items: "Versions.Version", count: 4}, // and $LATEST
		{in: &lambda.ListAliasesInput{FunctionName: name}, items: "Aliases.Name"},
		{in: &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: name},
			items: "FunctionEventInvokeConfigs.FunctionArn"},
		{in: &lambda.ListLayersInput{}, items: "Layers.LayerName"},
		{in: &lambda.ListLayerVersionsInput{LayerName: aws.String("layer0")}, items: "LayerVersions.Version"},
		{in: &lambda.ListEventSourceMappingsInput{}, items: "EventSourceMappings.UUID"},
	}
	for i := range all {
		all[i].tokens = "NextMarker=Marker"
	}
	return all
}
