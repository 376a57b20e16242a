package esm

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

func invalid(format string, args ...any) error {
	return &types.InvalidParameterValueException{Type: aws.String("User"),
		Message: aws.String(fmt.Sprintf(format, args...))}
}

// check compares the parameters of a mapping with what its source allows. The
// general ranges have been checked by the model.
func check(operation string, kind sourceKind, c *types.EventSourceMappingConfiguration) error {
	if kind.queue() {
		if err := checkQueue(kind, c); err != nil {
			return err
		}
	} else if err := checkStream(operation, c); err != nil {
		return err
	}
	for _, r := range c.FunctionResponseTypes {
		if r != types.FunctionResponseTypeReportBatchItemFailures {
			return invalid("Unsupported FunctionResponseType %s.", r)
		}
	}
	return checkFilters(kind, c.FilterCriteria)
}

// notFor is the answer to a parameter that the source does not have.
func notFor(name string) error {
	return invalid("Unsupported %s parameter for given event source mapping type.", name)
}

func checkQueue(kind sourceKind, c *types.EventSourceMappingConfiguration) error {
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"BisectBatchOnFunctionError", c.BisectBatchOnFunctionError != nil},
		{"DestinationConfig", c.DestinationConfig != nil},
		{"MaximumRecordAgeInSeconds", c.MaximumRecordAgeInSeconds != nil},
		{"MaximumRetryAttempts", c.MaximumRetryAttempts != nil},
		{"ParallelizationFactor", c.ParallelizationFactor != nil},
		{"StartingPosition", c.StartingPosition != ""},
		{"StartingPositionTimestamp", c.StartingPositionTimestamp != nil},
		{"TumblingWindowInSeconds", aws.ToInt32(c.TumblingWindowInSeconds) != 0},
	} {
		if p.given {
			return notFor(p.name)
		}
	}
	size, window := int64(aws.ToInt32(c.BatchSize)), aws.ToInt32(c.MaximumBatchingWindowInSeconds)
	switch {
	case kind == kindFIFO && window > 0:
		return invalid("Batching window is not supported for FIFO queues")
	case kind == kindFIFO && size > limit("fifoBatchSizeMax"):
		return invalid("Maximum batch size for FIFO queues is %d.", limit("fifoBatchSizeMax"))
	case size > limit("batchSizeWithoutWindow") && window < 1:
		return invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than %d",
			limit("batchSizeWithoutWindow"))
	}
	return nil
}

func checkStream(operation string, c *types.EventSourceMappingConfiguration) error {
	if c.ScalingConfig != nil && c.ScalingConfig.MaximumConcurrency != nil {
		return notFor("ScalingConfig")
	}
	if age := aws.ToInt32(c.MaximumRecordAgeInSeconds); age != -1 && int64(age) < limit("recordAgeMinSeconds") {
		return invalid("MaximumRecordAgeInSeconds must be -1 or between %d and 604800.", limit("recordAgeMinSeconds"))
	}
	return checkDestination(operation, c.DestinationConfig)
}

// checkDestination takes queues and buckets.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_OnFailure.html
func checkDestination(operation string, d *types.DestinationConfig) error {
	if d == nil {
		return nil
	}
	if d.OnSuccess != nil && aws.ToString(d.OnSuccess.Destination) != "" {
		return invalid("Unsupported OnSuccess destination for given event source mapping type.")
	}
	if d.OnFailure == nil || aws.ToString(d.OnFailure.Destination) == "" {
		return nil
	}
	arn, err := ident.ParseARN(*d.OnFailure.Destination)
	if err != nil {
		return invalid("The destination ARN %s is invalid.", *d.OnFailure.Destination)
	}
	switch arn.Service {
	case "sqs", "s3":
		return nil
	case "sns":
		return gateway.Unsupported("lambda", operation, "DestinationConfig.OnFailure to Amazon SNS")
	}
	return invalid(
		"The destination ARN %s is invalid: an event source mapping's on-failure destination is an SQS queue, an SNS topic "+
			"or an S3 bucket.", *d.OnFailure.Destination)
}

func checkFilters(kind sourceKind, f *types.FilterCriteria) error {
	if f == nil {
		return nil
	}
	if int64(len(f.Filters)) > limit("filters") {
		return invalid("The number of filters exceeds the limit of %d.", limit("filters"))
	}
	for _, one := range f.Filters {
		p, err := filter.Compile(aws.ToString(one.Pattern))
		if err != nil {
			return invalid("%s", err)
		}
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html
		if key := payloadKey(kind); kind.stream() && p.Key(key) == filter.List {
			return invalid("%s The pattern of %s must be a JSON object.", filter.ErrPattern, key)
		}
	}
	return nil
}

// checkStart checks where a new mapping begins.
func checkStart(kind sourceKind, in *sdk.CreateEventSourceMappingInput, now time.Time) error {
	if kind.queue() {
		return nil // check refuses the parameters
	}
	switch in.StartingPosition {
	case "":
		return invalid(
			"1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be " +
				"null.")
	case types.EventSourcePositionAtTimestamp:
		if kind == kindDynamoDB {
			return invalid("Unsupported starting position for arn type: %s", aws.ToString(in.EventSourceArn))
		}
		if in.StartingPositionTimestamp == nil {
			return invalid("StartingPositionTimestamp must be provided when StartingPosition is AT_TIMESTAMP.")
		}
		if in.StartingPositionTimestamp.After(now) {
			return invalid("StartingPositionTimestamp cannot be in the future.")
		}
	default:
		if in.StartingPositionTimestamp != nil {
			return invalid("StartingPositionTimestamp can only be provided when StartingPosition is AT_TIMESTAMP.")
		}
	}
	return nil
}
