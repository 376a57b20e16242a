package esm

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// CreateEventSourceMapping makes a mapping between a source and a function.
func (m *Mappings) CreateEventSourceMapping(ctx context.Context,
	in *sdk.CreateEventSourceMappingInput) (*sdk.CreateEventSourceMappingOutput, error) {
	c := gateway.From(ctx)
	arn, kind, err := sourceOf(in)
	if err != nil {
		return nil, err
	}
	if err := checkStart(kind, in, c.Time); err != nil {
		return nil, err
	}
	row := mapping{Enabled: in.Enabled == nil || *in.Enabled, Pending: "Creating", Settled: c.Time.Add(settling),
		Config: fresh(kind, in)}
	row.Tags = in.Tags
	if err := CheckTags(row.Tags); err != nil {
		return nil, err
	}
	cfg := &row.Config
	if err := check("CreateEventSourceMapping", kind, cfg); err != nil {
		return nil, err
	}
	fn, timeout, err := m.attach(ctx, &row, aws.ToString(in.FunctionName), c.Scope)
	if err != nil {
		return nil, err
	}
	if err := m.unique(c.Scope, cfg, kind, ""); err != nil {
		return nil, err
	}
	started, err := m.reach(ctx, &row, kind, arn, fn, timeout)
	if err != nil {
		return nil, err
	}
	key := workerKey{c.Scope, m.host.IDs.UUID()}
	cfg.UUID, cfg.LastModified = &key.uuid, aws.Time(c.Time)
	cfg.EventSourceMappingArn = aws.String(c.Scope.ARN("lambda", "event-source-mapping:"+key.uuid))
	err = m.host.Store.Update(func(tx *store.Tx) error {
		m.mappings.Put(tx, key.scope, key.uuid, row)
		for shard, p := range started {
			m.progress.Put(tx, key.scope, progressKey(key, shard), p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.relaunch(key)
	return fill(new(sdk.CreateEventSourceMappingOutput), row.show(c.Time)), nil
}

// sourceOf finds out what kind of source is meant.
func sourceOf(in *sdk.CreateEventSourceMappingInput) (ident.ARN, sourceKind, error) {
	if aws.ToString(in.EventSourceArn) == "" {
		return ident.ARN{}, kindOther, invalid("Unrecognized event source.")
	}
	arn, err := ident.ParseARN(*in.EventSourceArn)
	if err != nil {
		return arn, kindOther, invalid("Unrecognized event source, must be kinesis, dynamodb stream or sqs. Provided ARN: %s",
			*in.EventSourceArn)
	}
	kind := kindOf(arn)
	if kind != kindOther {
		return arn, kind, nil
	}
	switch arn.Service {
	case "kafka", "mq", "rds":
		return arn, kind, gateway.Unsupported("lambda", "CreateEventSourceMapping", "event sources of the service "+
			arn.Service)
	}
	return arn, kind, invalid("Unrecognized event source, must be kinesis, dynamodb stream or sqs. Provided ARN: %s",
		*in.EventSourceArn)
}

// fresh is the configuration of a new mapping, with the source's defaults.
func fresh(kind sourceKind, in *sdk.CreateEventSourceMappingInput) types.EventSourceMappingConfiguration {
	c := types.EventSourceMappingConfiguration{
		EventSourceArn: in.EventSourceArn, BatchSize: in.BatchSize,
		MaximumBatchingWindowInSeconds: in.MaximumBatchingWindowInSeconds,
		BisectBatchOnFunctionError:     in.BisectBatchOnFunctionError, DestinationConfig: in.DestinationConfig,
		FilterCriteria:        in.FilterCriteria,
		FunctionResponseTypes: in.FunctionResponseTypes, MaximumRecordAgeInSeconds: in.MaximumRecordAgeInSeconds,
		MaximumRetryAttempts: in.MaximumRetryAttempts, ParallelizationFactor: in.ParallelizationFactor,
		ScalingConfig:    in.ScalingConfig,
		StartingPosition: in.StartingPosition, StartingPositionTimestamp: in.StartingPositionTimestamp,
		TumblingWindowInSeconds: in.TumblingWindowInSeconds,
	}
	if c.FunctionResponseTypes == nil {
		c.FunctionResponseTypes = []types.FunctionResponseType{}
	}
	preset(&c.MaximumBatchingWindowInSeconds, 0)
	if kind.queue() {
		preset(&c.BatchSize, limit("queueBatchSize"))
		c.StateTransitionReason = aws.String("USER_INITIATED")
		return c
	}
	preset(&c.BatchSize, limit("streamBatchSize"))
	preset(&c.MaximumRecordAgeInSeconds, -1)
	preset(&c.MaximumRetryAttempts, -1)
	preset(&c.ParallelizationFactor, 1)
	preset(&c.TumblingWindowInSeconds, 0)
	if c.BisectBatchOnFunctionError == nil {
		c.BisectBatchOnFunctionError = aws.Bool(false)
	}
	if c.DestinationConfig == nil {
		c.DestinationConfig = &types.DestinationConfig{}
	}
	if c.DestinationConfig.OnFailure == nil {
		c.DestinationConfig.OnFailure = &types.OnFailure{}
	}
	c.StateTransitionReason, c.LastProcessingResult = aws.String("User action"), aws.String(resultNone)
	return c
}

func preset(field **int32, value int64) {
	if *field == nil {
		*field = aws.Int32(int32(value))
	}
}

// attach looks the function up and fills in what the mapping keeps of it.
func (m *Mappings) attach(ctx context.Context, row *mapping, name string, scope ident.Scope) (fn Function,
	timeout int32, err error) {
	if fn, err = ParseFunction(name, scope); err != nil {
		return fn, 0, invalid("%s", err)
	}
	conf, err := m.configuration(ctx, fn)
	if err != nil {
		return fn, 0, err
	}
	row.Config.FunctionArn, row.Role = aws.String(fn.ARN()), aws.ToString(conf.Role)
	timeout = 3
	if conf.Timeout != nil {
		timeout = *conf.Timeout
	}
	return fn, timeout, nil
}

// unique refuses a second mapping between the same source and function.
func (m *Mappings) unique(scope ident.Scope, c *types.EventSourceMappingConfiguration, kind sourceKind,
	but string) error {
	now := m.host.Clock.Now()
	return m.host.Store.View(func(tx *store.Tx) (err error) {
		m.mappings.Scan(tx, scope, "", "", func(uuid string, other mapping) bool {
			if uuid == but || other.gone(now) || *other.Config.EventSourceArn != *c.EventSourceArn ||
				*other.Config.FunctionArn != *c.FunctionArn {
				return true
			}
			text := "The event source arn (\" %s \") and function (\" %s \") provided mapping already exists. Please update " +
				"or delete the existing mapping with UUID %s"
			if kind.queue() {
				text = "An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. Please update or " +
					"delete the existing mapping with UUID %s"
			}
			fn, _ := ParseFunction(*c.FunctionArn, scope) // was made by Function.ARN
			err = &types.ResourceConflictException{Type: aws.String("User"), Message: aws.String(
				fmt.Sprintf(text, *c.EventSourceArn, fn.Name, uuid))}
			return false
		})
		return err
	})
}

// reach makes sure, as the execution role, that the source is there and can be
// read, and fixes where reading starts.
func (m *Mappings) reach(ctx context.Context, row *mapping, kind sourceKind, arn ident.ARN, fn Function,
	timeout int32) (map[string]progress, error) {
	who := gateway.RolePrincipal(row.Role, fn.Name, fn.Scope.Account)
	if kind.queue() {
		return nil, m.reachQueue(ctx, row, who, arn, timeout)
	}
	src := source(m.host, who, row.Role, arn)
	_, created, err := src.describe(ctx)
	row.Created = created
	var started map[string]progress
	if err == nil {
		started, err = m.begin(ctx, src, string(row.Config.StartingPosition),
			aws.ToTime(row.Config.StartingPositionTimestamp), m.host.Clock.Now())
	}
	switch {
	case err == nil:
		return started, nil
	case denied(err):
		return nil,
			invalid("Cannot access stream %s. Please ensure the role can perform the GetRecords, GetShardIterator, "+
				"DescribeStream, and ListStreams Actions on your stream in IAM.", arn)
	case missing(err):
		return nil, invalid("Stream not found: %s", arn)
	}
	return nil, err
}

func (m *Mappings) reachQueue(ctx context.Context, row *mapping, who gateway.Principal, arn ident.ARN,
	timeout int32) error {
	url, err := queueURL(ctx, m.host, arn)
	var out *sqs.GetQueueAttributesOutput
	if err == nil {
		out, err = call[sqs.GetQueueAttributesOutput](ctx, m.host, who, arn.Scope(), "sqs", "GetQueueAttributes",
			&sqs.GetQueueAttributesInput{QueueUrl: &url,
				AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameVisibilityTimeout}})
	}
	switch {
	case denied(err):
		return invalid("The provided execution role does not have permissions to call ReceiveMessage on SQS")
	case err != nil && missing(err):
		return invalid(
			"Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: " +
				"The specified queue does not exist.")
	case err != nil:
		return err
	}
	row.QueueURL = url
	visibility, _ := strconv.Atoi(out.Attributes["VisibilityTimeout"]) // the service's own number
	// Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	if visibility < int(timeout) {
		return invalid("Queue visibility timeout: %d seconds is less than Function timeout: %d seconds", visibility, timeout)
	}
	return nil
}
