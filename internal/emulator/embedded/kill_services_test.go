//go:build unix

package embedded_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// writes are ways to write the names that a test reads back, one call each.
func writes(cfg aws.Config, queue string) map[string]func(ctx context.Context, id string) ([]string, error) {
	tables, queues, roles, logs := dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg), iam.NewFromConfig(cfg),
		cloudwatchlogs.NewFromConfig(cfg)
	objects, layers, stacks := s3Client(cfg), lambda.NewFromConfig(cfg), cloudformation.NewFromConfig(cfg)
	item := func(id string) map[string]ddb.AttributeValue {
		return map[string]ddb.AttributeValue{"id": &ddb.AttributeValueMemberS{Value: id}}
	}
	table := aws.String("kept")
	return map[string]func(context.Context, string) ([]string, error){
		"PutItem": func(ctx context.Context, id string) ([]string, error) {
			_, err := tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item(id)})
			return []string{id}, err
		},
		"TransactWriteItems": func(ctx context.Context, id string) ([]string, error) {
			_, err := tables.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []ddb.TransactWriteItem{
				{Put: &ddb.Put{TableName: table, Item: item(id + "/left")}},
				{Put: &ddb.Put{TableName: table, Item: item(id + "/right")}}}})
			return []string{id + "/left", id + "/right"}, err
		},
		"BatchWriteItem": func(ctx context.Context, id string) ([]string, error) {
			_, err := tables.BatchWriteItem(ctx,
				&dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{"kept": {
					{PutRequest: &ddb.PutRequest{Item: item(id + "/1")}}, {PutRequest: &ddb.PutRequest{Item: item(id + "/2")}}}}})
			return []string{id + "/1", id + "/2"}, err
		},
		"SendMessage": func(ctx context.Context, id string) ([]string, error) {
			_, err := queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &id})
			return []string{id}, err
		},
		"SendMessageBatch": func(ctx context.Context, id string) ([]string, error) {
			_, err := queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &queue,
				Entries: []types.SendMessageBatchRequestEntry{
					{Id: aws.String("a"), MessageBody: aws.String(id + "/a")},
					{Id: aws.String("b"), MessageBody: aws.String(id + "/b")}}})
			return []string{id + "/a", id + "/b"}, err
		},
		"PutLogEvents": func(ctx context.Context, id string) ([]string, error) {
			at := aws.Int64(time.Now().UnixMilli())
			_, err := logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("kept"),
				LogStreamName: aws.String("kept"), LogEvents: []logtypes.InputLogEvent{
					{Timestamp: at, Message: aws.String(id + "/first")}, {Timestamp: at, Message: aws.String(id + "/second")}}})
			return []string{id + "/first", id + "/second"}, err
		},
		"PutObject": func(ctx context.Context, id string) ([]string, error) {
			_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("kept"), Key: &id,
				Body: strings.NewReader(strings.Repeat(id, 1000))})
			return []string{id}, err
		},
		"PublishLayerVersion": func(ctx context.Context, id string) ([]string, error) {
			_, err := layers.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: &id,
				Content: &lambdatypes.LayerVersionContentInput{ZipFile: emptyZip()}})
			return []string{id}, err
		},
		"CreateStack": func(ctx context.Context, id string) ([]string, error) {
			_, err := stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &id,
				TemplateBody: aws.String("Resources: { Queue: { Type: AWS::SQS::Queue } }")})
			return []string{id}, err
		},
		"CreateRole": func(ctx context.Context, id string) ([]string, error) {
			_, err := roles.CreateRole(ctx,
				&iam.CreateRoleInput{RoleName: &id,
					AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
			return []string{id}, err
		},
	}
}

func s3Client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// emptyZip is an archive of no files.
func emptyZip() []byte { return append([]byte("PK\x05\x06"), make([]byte, 18)...) }

// keptObjects reads the bodies too: an object without its body is lost.
func keptObjects(t *testing.T, cfg aws.Config, all map[string]bool) {
	t.Helper()
	client := s3Client(cfg)
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String("kept")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, o := range page.Contents {
			out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("kept"), Key: o.Key})
			require.NoError(t, err)
			body, err := io.ReadAll(out.Body)
			require.NoError(t, err)
			require.Equal(t, strings.Repeat(*o.Key, 1000), string(body))
			all[*o.Key] = true
		}
	}
	layers := lambda.NewListLayersPaginator(lambda.NewFromConfig(cfg), &lambda.ListLayersInput{})
	for layers.HasMorePages() {
		page, err := layers.NextPage(t.Context())
		require.NoError(t, err)
		for _, l := range page.Layers {
			all[*l.LayerName] = true
		}
	}
	stacks := cloudformation.NewListStacksPaginator(cloudformation.NewFromConfig(cfg), &cloudformation.ListStacksInput{})
	for stacks.HasMorePages() {
		page, err := stacks.NextPage(t.Context())
		require.NoError(t, err)
		for _, s := range page.StackSummaries {
			all[*s.StackName] = true
		}
	}
}

// kept is everything that can be read back.
func kept(t *testing.T, cfg aws.Config, queue string) map[string]bool {
	t.Helper()
	ctx, all := t.Context(), map[string]bool{}
	items := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(cfg), &dynamodb.ScanInput{TableName: aws.String("kept"),
		ConsistentRead: aws.Bool(true)})
	for items.HasMorePages() {
		page, err := items.NextPage(ctx)
		require.NoError(t, err)
		for _, item := range page.Items {
			all[item["id"].(*ddb.AttributeValueMemberS).Value] = true
		}
	}
	roles := iam.NewListRolesPaginator(iam.NewFromConfig(cfg), &iam.ListRolesInput{})
	for roles.HasMorePages() {
		page, err := roles.NextPage(ctx)
		require.NoError(t, err)
		for _, r := range page.Roles {
			all[*r.RoleName] = true
		}
	}
	events := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(cfg),
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("kept")})
	for events.HasMorePages() {
		page, err := events.NextPage(ctx)
		require.NoError(t, err)
		for _, e := range page.Events {
			require.False(t, all[*e.Message], "log event %s came twice", *e.Message)
			all[*e.Message] = true
		}
	}
	keptObjects(t, cfg, all)
	queues := sqs.NewFromConfig(cfg)
	for {
		out, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10,
			VisibilityTimeout: 43200})
		require.NoError(t, err)
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			require.False(t, all[*m.Body], "message %s came twice", *m.Body)
			all[*m.Body] = true
		}
	}
}

// Every kind of write, at once, to an emulator that is killed again and again:
// what was answered is there, transactions and batches whole, and nothing else
// but what was on its way.
func TestKill_losesNoAcknowledgedWriteOfAnyService(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	tables := dynamodb.NewFromConfig(c.config)
	_, err := tables.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: aws.String("kept"),
		BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema: []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddb.KeyTypeHash}}})
	require.NoError(t, err)
	require.NoError(t, dynamodb.NewTableExistsWaiter(tables, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	}).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("kept")}, time.Minute))
	queue, err := sqs.NewFromConfig(c.config).CreateQueue(t.Context(),
		&sqs.CreateQueueInput{QueueName: aws.String("kept")})
	require.NoError(t, err)
	_, err = s3Client(c.config).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("kept")})
	require.NoError(t, err)
	logs := cloudwatchlogs.NewFromConfig(c.config)
	_, err = logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("kept")})
	require.NoError(t, err)
	_, err = logs.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("kept"),
		LogStreamName: aws.String("kept")})
	require.NoError(t, err)

	var mu sync.Mutex
	var acked []string
	for round := range killRounds(t, 10) {
		answered := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for kind, write := range writes(c.config, *queue.QueueUrl) {
			writers.Go(func() {
				for i := 0; ; i++ {
					names, err := write(ctx, fmt.Sprintf("%s-%d-%d", kind, round, i))
					if err != nil {
						return
					}
					mu.Lock()
					acked = append(acked, names...)
					mu.Unlock()
					select {
					case answered <- struct{}{}:
					case <-ctx.Done():
						return
					}
				}
			})
		}
		for range 10 + round*13%37 { // die at another point of the writing each time
			<-answered
		}
		c.kill(t)
		stop()
		writers.Wait()
		c = startChild(t, dir)
	}
	there := kept(t, c.config, *queue.QueueUrl)
	for _, name := range acked {
		require.True(t, there[name], "%s was acknowledged", name)
	}
	for name := range there {
		if left, ok := strings.CutSuffix(name, "/left"); ok {
			require.True(t, there[left+"/right"], "half of the transaction %s", left)
		}
		if batch, ok := strings.CutSuffix(name, "/first"); ok {
			require.True(t, there[batch+"/second"], "half of the log events %s", batch)
		}
	}
	c.kill(t)
}
