package localstack

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"

	"github.com/pipelab/pipelab/internal/emulator"
)

// startEngines makes the first call of services that LocalStack starts with it,
// as processes that take seconds, on a busy machine half a minute. Whoever calls
// first would otherwise have a program that seems slow, or that gives up.
func startEngines(ctx context.Context, at emulator.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	cfg := at.AWSConfig()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := kinesis.NewFromConfig(cfg).ListStreams(ctx, nil)
		return err
	})
	group.Go(func() error {
		_, err := dynamodb.NewFromConfig(cfg).ListTables(ctx, nil)
		return err
	})
	group.Go(func() error {
		_, err := sqs.NewFromConfig(cfg).ListQueues(ctx, nil)
		return err
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("start the engines of LocalStack's services: %w", err)
	}
	return nil
}
