package provision_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	kinesissvc "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/provision"
)

// mappings is a lambda service with nothing but event source mappings and the
// functions that they ask for.
type mappings struct{ *esm.Mappings }

func (m mappings) Describe() gateway.Descriptor {
	return gateway.Descriptor{Name: "lambda", Operations: append(m.Mappings.Operations(), gateway.Op(gateway.Control,
		func(_ context.Context, in *lambda.GetFunctionConfigurationInput) (*lambda.GetFunctionConfigurationOutput, error) {
			return &lambda.GetFunctionConfigurationOutput{FunctionName: in.FunctionName,
				Role: aws.String("arn:aws:iam::000000000000:role/r")}, nil
		}))}
}

func TestEventSourceMapping(t *testing.T) {
	t.Parallel()
	cloud := awstest.NewWithClock(t, clock.New(), kinesissvc.New, func(h *gateway.Host) gateway.Service {
		return mappings{esm.New(h)}
	})
	streams := kinesis.NewFromConfig(cloud.Config())
	_, err := streams.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	p := provision.New(cloud.Config(), ident.DefaultAccount, nil)
	r := cfn.Resource{Stack: "st", LogicalID: "Map", Type: "AWS::Lambda::EventSourceMapping", Properties: map[string]any{
		"FunctionName": "f", "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
		"StartingPosition":          "AT_TIMESTAMP",
		"StartingPositionTimestamp": json.Number("1.5"), "BatchSize": json.Number("7"), "BisectBatchOnFunctionError": true,
		"FunctionResponseTypes": []any{"ReportBatchItemFailures"},
		"FilterCriteria":        map[string]any{"Filters": []any{map[string]any{"Pattern": `{"data":{"a":[1]}}`}}},
		"DestinationConfig": map[string]any{"OnFailure": map[string]any{
			"Destination": "arn:aws:sqs:us-east-1:000000000000:dlq"}},
	}}
	made, err := p.Create(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, made.PhysicalID, made.Attributes["Id"])
	client := lambda.NewFromConfig(cloud.Config())
	get := func() *lambda.GetEventSourceMappingOutput {
		out, err := client.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &made.PhysicalID})
		require.NoError(t, err)
		return out
	}
	require.Equal(t, "Enabled", *get().State)
	require.EqualValues(t, 7, *get().BatchSize)
	require.EqualValues(t, 1500, get().StartingPositionTimestamp.UnixMilli())
	require.Equal(t, *get().EventSourceMappingArn, made.Attributes["EventSourceMappingArn"])

	found, err := p.Read(t.Context(), r)
	require.NoError(t, err, "a creation that was cut short is found again")
	require.Equal(t, made.PhysicalID, found.PhysicalID)

	r.PhysicalID, r.Previous, r.Attributes = made.PhysicalID, r.Properties, made.Attributes
	r.Properties = map[string]any{}
	for k, v := range r.Previous {
		r.Properties[k] = v
	}
	r.Properties["BatchSize"], r.Properties["Enabled"] = json.Number("9"), false
	_, err = p.Update(t.Context(), r)
	require.NoError(t, err)
	require.EqualValues(t, 9, *get().BatchSize)
	require.Equal(t, "Disabled", *get().State)

	require.NoError(t, p.Delete(t.Context(), r))
	require.ErrorIs(t, p.Delete(t.Context(), r), cfn.ErrNotFound)
}
