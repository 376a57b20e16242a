// Package probe tries capabilities of an emulator where a trial is cheap: it
// makes a queue, table or stream, looks, and removes it again. It says nothing
// about capabilities that it does not know.
package probe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/emulator"
)

// patience bounds a trial: what has not shown itself by then counts as missing.
const patience = time.Minute

// errLacks is what a trial ends with that ran and saw that it is not so.
var errLacks = errors.New("it does not do so")

// trials are the capabilities that can be tried. A trial gets a name that
// nobody uses and removes what it makes.
func trials() map[emulator.Capability]func(ctx context.Context, cfg aws.Config, name string) error {
	return map[emulator.Capability]func(context.Context, aws.Config, string) error{
		emulator.S3PublicBlock:    publicBlock,
		emulator.SQSFIFO:          fifo,
		emulator.DynamoDBTransact: transactions,
		emulator.DynamoDBStreams:  tableStreams,
		emulator.KinesisLimits:    shardLimits,
	}
}

// Can reports whether a capability can be tried.
func Can(c emulator.Capability) bool { return trials()[c] != nil }

// Verify tries those of the capabilities that can be tried, all at once, and
// returns why the ones fail that do.
func Verify(ctx context.Context, cfg aws.Config, capabilities []emulator.Capability) map[emulator.Capability]error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	name := "pipelab-trial-" + hex.EncodeToString(random[:])
	failed := map[emulator.Capability]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c, try := range trials() {
		if !slices.Contains(capabilities, c) {
			continue
		}
		wg.Go(func() {
			if err := try(ctx, cfg, name+"-"+strings.ReplaceAll(string(c), ".", "-")); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[c] = err
			}
		})
	}
	wg.Wait()
	return failed
}

// publicBlock publishes a bucket that blocks public policies.
func publicBlock(ctx context.Context, cfg aws.Config, name string) error {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return err
	}
	defer func() {
		_, _ = client.DeleteBucket(context.WithoutCancel(ctx), &s3.DeleteBucketInput{Bucket: &name}) // it was ours
	}()
	on := aws.Bool(true)
	if _, err := client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &name,
		PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: on, BlockPublicPolicy: on,
			IgnorePublicAcls: on, RestrictPublicBuckets: on}}); err != nil {
		return err
	}
	_, err := client.PutBucketPolicy(ctx,
		&s3.PutBucketPolicyInput{Bucket: &name,
			Policy: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` +
					`"Resource":"arn:aws:s3:::` + name + `/*"}]}`)})
	var api smithy.APIError
	switch {
	case err == nil:
		return fmt.Errorf("a public policy is taken where they are blocked: %w", errLacks)
	case errors.As(err, &api) && api.ErrorCode() == "AccessDenied":
		return nil
	}
	return err
}

// fifo sends a message twice under one deduplication id and another one after
// it: two must come, in order.
func fifo(ctx context.Context, cfg aws.Config, name string) error {
	client := sqs.NewFromConfig(cfg)
	q, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name + ".fifo"),
		Attributes: map[string]string{"FifoQueue": "true"}})
	if err != nil {
		return err
	}
	defer func() {
		_, _ = client.DeleteQueue(context.WithoutCancel(ctx), &sqs.DeleteQueueInput{QueueUrl: q.QueueUrl}) // it was ours
	}()
	for _, id := range []string{"a", "a", "b"} {
		if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: &id,
			MessageDeduplicationId: &id, MessageGroupId: aws.String("g")}); err != nil {
			return err
		}
	}
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 10,
		WaitTimeSeconds: 1})
	if err != nil {
		return err
	}
	if len(out.Messages) != 2 || aws.ToString(out.Messages[0].Body) != "a" || aws.ToString(out.Messages[1].Body) != "b" {
		return fmt.Errorf("of a, a again and b it gave %d messages: %w", len(out.Messages), errLacks)
	}
	return nil
}

// table makes a table and waits until it can be used.
func table(ctx context.Context, client *dynamodb.Client, name string, stream *types.StreamSpecification) (drop func(),
	streamARN *string, err error) {
	out, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: &name,
		BillingMode: types.BillingModePayPerRequest, StreamSpecification: stream,
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: types.ScalarAttributeTypeS}}})
	if err != nil {
		return nil, nil, err
	}
	drop = func() {
		_, _ = client.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &name}) // it was ours
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, patience); err != nil {
		drop()
		return nil, nil, err
	}
	return drop, out.TableDescription.LatestStreamArn, nil
}

func item(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}
}

// transactions puts two items of which one has a condition that does not hold:
// neither may be there.
func transactions(ctx context.Context, cfg aws.Config, name string) error {
	client := dynamodb.NewFromConfig(cfg)
	drop, _, err := table(ctx, client, name, nil)
	if err != nil {
		return err
	}
	defer drop()
	_, err = client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &name, Item: item("a")}},
		{Put: &types.Put{TableName: &name, Item: item("b"), ConditionExpression: aws.String("attribute_exists(id)")}},
	}})
	var cancelled *types.TransactionCanceledException
	switch {
	case err == nil:
		return fmt.Errorf("a transaction with a condition that does not hold is carried out: %w", errLacks)
	case !errors.As(err, &cancelled):
		return err
	}
	out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: item("a"),
		ConsistentRead: aws.Bool(true)})
	if err == nil && len(out.Item) > 0 {
		return fmt.Errorf("half of a cancelled transaction is carried out: %w", errLacks)
	}
	return err
}

// tableStreams puts an item and reads it from the table's stream.
func tableStreams(ctx context.Context, cfg aws.Config, name string) error {
	client := dynamodb.NewFromConfig(cfg)
	drop, arn, err := table(ctx, client, name, &types.StreamSpecification{StreamEnabled: aws.Bool(true),
		StreamViewType: types.StreamViewTypeNewImage})
	if err != nil {
		return err
	}
	defer drop()
	if arn == nil {
		return fmt.Errorf("a table with a stream has none: %w", errLacks)
	}
	if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &name, Item: item("a")}); err != nil {
		return err
	}
	streams := dynamodbstreams.NewFromConfig(cfg)
	d, err := streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		return err
	}
	if len(d.StreamDescription.Shards) == 0 {
		return fmt.Errorf("a stream has no shards: %w", errLacks)
	}
	it, err := streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: arn,
		ShardId:           d.StreamDescription.Shards[0].ShardId,
		ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return err
	}
	// A shard that is open has always a next iterator. What was put may take a moment;
	// of one shard AWS allows five reads a second.
	for next, wait := it.ShardIterator, 20*time.Millisecond; next != nil; wait = min(2*wait, time.Second) {
		out, err := streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return err
		}
		if len(out.Records) > 0 {
			return nil
		}
		next = out.NextShardIterator
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("the stream of a table does not show what was put: %w", errors.Join(errLacks, err))
		}
	}
	return fmt.Errorf("the stream of a table does not show what was put: %w", errLacks)
}

// pause waits in machine time: an emulator need not have a clock that tells.
func pause(ctx context.Context, d time.Duration) error {
	wait, stop := context.WithTimeout(ctx, d)
	defer stop()
	<-wait.Done()
	return ctx.Err()
}

// shardLimits sends one shard more than 1,000 records at once: some must fail.
func shardLimits(ctx context.Context, cfg aws.Config, name string) error {
	client := kinesis.NewFromConfig(cfg)
	if _, err := client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name,
		ShardCount: aws.Int32(1)}); err != nil {
		return err
	}
	defer func() {
		_, _ = client.DeleteStream(context.WithoutCancel(ctx), &kinesis.DeleteStreamInput{StreamName: &name}) // it was ours
	}()
	waiter := kinesis.NewStreamExistsWaiter(client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: &name}, patience); err != nil {
		return err
	}
	// A second and a half's worth of bytes, and of records, in one go.
	entries := make([]kinesistypes.PutRecordsRequestEntry, 500)
	for i := range entries {
		entries[i] = kinesistypes.PutRecordsRequestEntry{Data: make([]byte, 5<<10), PartitionKey: aws.String("k")}
	}
	for range 3 {
		out, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &name, Records: entries})
		if err != nil {
			return err
		}
		if aws.ToInt32(out.FailedRecordCount) > 0 {
			return nil
		}
	}
	return fmt.Errorf("a shard takes 1,500 records at once: %w", errLacks)
}
