package cloud_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func putObject(bucket string) func(context.Context, *world, int) error {
	return func(ctx context.Context, w *world, n int) error {
		body := fmt.Sprintf("%d %s", n, strings.Repeat("x", n*37%20000))
		_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"),
			Body: strings.NewReader(body)})
		return err
	}
}

func seenObject(bucket string) func(context.Context, *world) (int, error) {
	return func(ctx context.Context, w *world) (int, error) {
		out, err := w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")})
		if err != nil {
			return 0, err
		}
		defer out.Body.Close()
		b, err := io.ReadAll(out.Body)
		if err != nil {
			return 0, err
		}
		n, _, _ := strings.Cut(string(b), " ")
		return strconv.Atoi(n)
	}
}

func (w *world) openUpload(ctx context.Context) (*string, error) {
	list, err := w.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: aws.String("plain")})
	if err != nil {
		return nil, err
	}
	return list.Uploads[0].UploadId, nil
}

func uploadPart(ctx context.Context, w *world, n int) error {
	id, err := w.openUpload(ctx)
	if err != nil {
		return err
	}
	_, err = w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("plain"), Key: aws.String("big"), UploadId: id,
		PartNumber: aws.Int32(int32(n)), Body: strings.NewReader(fmt.Sprint("part ", n))}) // a few thousand
	return err
}

func seenPart(ctx context.Context, w *world) (n int, err error) {
	id, err := w.openUpload(ctx)
	if err != nil {
		return 0, err
	}
	pages := s3.NewListPartsPaginator(w.s3, &s3.ListPartsInput{Bucket: aws.String("plain"), Key: aws.String("big"),
		UploadId: id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += len(page.Parts)
	}
	return n, nil
}

func putItem(ctx context.Context, w *world, n int) error {
	_, err := w.ddb.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("tab"),
		Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "k"}, "n": &types.AttributeValueMemberN{Value: strconv.Itoa(n)}}})
	return err
}

func seenItem(ctx context.Context, w *world) (int, error) {
	out, err := w.ddb.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("tab"),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "k"}}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Item["n"].(*types.AttributeValueMemberN).Value)
}

func sendMessage(ctx context.Context, w *world, n int) error {
	q, err := w.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	if err != nil {
		return err
	}
	_, err = w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String(strconv.Itoa(n))})
	return err
}

func seenMessages(ctx context.Context, w *world) (int, error) {
	q, err := w.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	if err != nil {
		return 0, err
	}
	out, err := w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: q.QueueUrl,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
}

func putRecord(ctx context.Context, w *world, n int) error {
	_, err := w.kinesis.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("p"),
		Data: []byte(strconv.Itoa(n))})
	return err
}

func seenRecords(ctx context.Context, w *world) (n int, err error) {
	it, err := w.kinesis.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("s"),
		ShardId: aws.String("shardId-000000000000"), ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return 0, err
	}
	for next := it.ShardIterator; ; {
		out, err := w.kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return 0, err
		}
		if n += len(out.Records); aws.ToInt64(out.MillisBehindLatest) == 0 {
			return n, nil
		}
		next = out.NextShardIterator
	}
}

func putLog(ctx context.Context, w *world, n int) error {
	_, err := w.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"),
		LogStreamName: aws.String("s"), LogEvents: []logtypes.InputLogEvent{{Message: aws.String(strconv.Itoa(n)),
			Timestamp: aws.Int64(w.clock.Now().UnixMilli())}}})
	return err
}

func seenLogs(ctx context.Context, w *world) (n int, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(w.logs,
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += len(page.Events)
	}
	return n, nil
}

func updateRole(ctx context.Context, w *world, n int) error {
	_, err := w.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("r"),
		Description: aws.String(strconv.Itoa(n))})
	return err
}

func seenRole(ctx context.Context, w *world) (int, error) {
	out, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(*out.Role.Description)
}

func publishLayer(ctx context.Context, w *world, n int) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("n.txt")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(f, n); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	_, err = w.lambda.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("l"),
		Content: &lambdatypes.LayerVersionContentInput{ZipFile: b.Bytes()}})
	return err
}

func seenLayer(ctx context.Context, w *world) (int, error) {
	out, err := w.lambda.ListLayers(ctx, &lambda.ListLayersInput{})
	if err != nil || len(out.Layers) == 0 {
		return 0, err
	}
	return int(out.Layers[0].LatestMatchingVersion.Version), nil
}

func createStack(ctx context.Context, w *world, n int) error {
	_, err := w.cfn.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String(fmt.Sprint("s", n)),
		TemplateBody: aws.String(`{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}}}`)})
	return err
}

func seenStacks(ctx context.Context, w *world) (n int, err error) {
	pages := cloudformation.NewDescribeStacksPaginator(w.cfn, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += len(page.Stacks)
	}
	return n, nil
}
