package esm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

func filters(patterns ...string) *types.FilterCriteria {
	f := &types.FilterCriteria{}
	for _, p := range patterns {
		f.Filters = append(f.Filters, types.Filter{Pattern: &p})
	}
	return f
}

func onFailure(arn string) *types.DestinationConfig {
	return &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &arn}}
}

func TestCreate_refusesForStreams(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	const bad = "InvalidParameterValueException"
	table := "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
	for name, k := range map[string]struct {
		change        func(*input)
		code, message string
	}{
		"no source": {func(in *input) { in.EventSourceArn = nil }, bad, "Unrecognized event source."},
		"other source": {func(in *input) {
			in.EventSourceArn = aws.String("arn:aws:sns:us-east-1:000000000000:x")
		}, bad, "Unrecognized event source"},
		"kafka": {func(in *input) {
			in.EventSourceArn = aws.String("arn:aws:kafka:us-east-1:000000000000:cluster/x/y")
		}, "NotImplemented", "kafka"},
		"no stream":       {func(in *input) { in.EventSourceArn = aws.String(streamARN + "x") }, bad, "Stream not found"},
		"no table stream": {func(in *input) { in.EventSourceArn = &table }, bad, "Stream not found"},
		"no function": {func(in *input) {
			in.FunctionName = aws.String("gone")
		}, "ResourceNotFoundException", "Function not found"},
		"no position":  {func(in *input) { in.StartingPosition = "" }, bad, "'startingPosition'"},
		"no timestamp": {func(in *input) { in.StartingPosition = "AT_TIMESTAMP" }, bad, "StartingPositionTimestamp"},
		"timestamp unasked": {func(in *input) {
			in.StartingPositionTimestamp = aws.Time(awstest.Epoch)
		}, bad, "StartingPositionTimestamp"},
		"future timestamp": {func(in *input) {
			in.StartingPosition, in.StartingPositionTimestamp = "AT_TIMESTAMP", aws.Time(awstest.Epoch.Add(time.Hour))
		}, bad, "future"},
		"timestamp for table": {func(in *input) {
			in.EventSourceArn, in.StartingPosition, in.StartingPositionTimestamp = &table, "AT_TIMESTAMP",
				aws.Time(awstest.Epoch)
		}, bad, "Unsupported starting position"},
		"position":        {func(in *input) { in.StartingPosition = "MIDDLE" }, bad, "startingPosition"},
		"batch of none":   {func(in *input) { in.BatchSize = aws.Int32(0) }, "ValidationException", "batchSize"},
		"batch too large": {func(in *input) { in.BatchSize = aws.Int32(10001) }, "ValidationException", "batchSize"},
		"window too long": {func(in *input) {
			in.MaximumBatchingWindowInSeconds = aws.Int32(301)
		}, "ValidationException", "maximumBatchingWindowInSeconds"},
		"factor": {func(in *input) {
			in.ParallelizationFactor = aws.Int32(11)
		}, "ValidationException", "parallelizationFactor"},
		"retries": {func(in *input) {
			in.MaximumRetryAttempts = aws.Int32(10001)
		}, "ValidationException", "maximumRetryAttempts"},
		"age": {func(in *input) {
			in.MaximumRecordAgeInSeconds = aws.Int32(604801)
		}, "ValidationException", "maximumRecordAgeInSeconds"},
		"age too short": {func(in *input) {
			in.MaximumRecordAgeInSeconds = aws.Int32(59)
		}, bad, "MaximumRecordAgeInSeconds"},
		"tumbling": {func(in *input) {
			in.TumblingWindowInSeconds = aws.Int32(901)
		}, "ValidationException", "tumblingWindowInSeconds"},
		"concurrency": {func(in *input) {
			in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(5)}
		}, bad, "Unsupported ScalingConfig"},
		"response type": {func(in *input) {
			in.FunctionResponseTypes = []types.FunctionResponseType{"All"}
		}, bad, "functionResponseTypes"},
		"filter": {func(in *input) {
			in.FilterCriteria = filters(`{"data":"x"}`)
		}, bad, "Invalid filter pattern definition."},
		"filter on text": {func(in *input) {
			in.FilterCriteria = filters(`{"data":["x"]}`)
		}, bad, "Invalid filter pattern definition."},
		"six filters": {func(in *input) {
			in.FilterCriteria = filters(strings.Split(strings.Repeat(`{"a":[1]};`, 6), ";")[:6]...)
		}, bad, "filters"},
		"topic": {func(in *input) {
			in.DestinationConfig = onFailure("arn:aws:sns:us-east-1:000000000000:x")
		}, "NotImplemented", "SNS"},
		"lambda destination": {func(in *input) {
			in.DestinationConfig = onFailure("arn:aws:lambda:us-east-1:000000000000:function:x")
		}, bad, "destination"},
		"destination": {func(in *input) { in.DestinationConfig = onFailure("queue") }, "ValidationException", "destination"},
		"on success": {func(in *input) {
			in.DestinationConfig = &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: aws.String(
				"arn:aws:sqs:us-east-1:000000000000:q")}}
		}, bad, "OnSuccess"},
	} {
		in := &input{FunctionName: aws.String("f"), EventSourceArn: aws.String(streamARN),
			StartingPosition: types.EventSourcePositionTrimHorizon}
		k.change(in)
		_, err := c.lambda.CreateEventSourceMapping(t.Context(), in)
		t.Run(name, func(t *testing.T) { wantError(t, err, k.code, k.message) })
	}
	list, err := c.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
	require.NoError(t, err)
	require.Empty(t, list.EventSourceMappings)
}

func TestMapping_life(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	in := &input{FunctionName: aws.String("f:live"), EventSourceArn: aws.String(streamARN),
		StartingPosition: types.EventSourcePositionLatest}
	made, err := c.lambda.CreateEventSourceMapping(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "Creating", *made.State)
	require.Equal(t, "User action", *made.StateTransitionReason)
	require.Equal(t, "arn:aws:lambda:us-east-1:000000000000:function:f:live", *made.FunctionArn)
	require.EqualValues(t, []int32{100, 0, -1, -1, 1, 0}, []int32{*made.BatchSize, *made.MaximumBatchingWindowInSeconds,
		*made.MaximumRecordAgeInSeconds,
		*made.MaximumRetryAttempts, *made.ParallelizationFactor, *made.TumblingWindowInSeconds})
	require.Equal(t, "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:"+*made.UUID, *made.EventSourceMappingArn)
	_, err = c.lambda.CreateEventSourceMapping(t.Context(), in)
	wantError(t, err, "ResourceConflictException", "Please update or delete the existing mapping with UUID "+*made.UUID)
	_, err = c.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: made.UUID,
		BatchSize: aws.Int32(5)})
	wantError(t, err, "ResourceInUseException", "")
	_, err = c.lambda.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: made.UUID})
	wantError(t, err, "ResourceInUseException", "")
	c.pass(time.Second)
	require.Equal(t, "Enabled", *c.get(*made.UUID).State)

	update := func(in *lambda.UpdateEventSourceMappingInput) *lambda.UpdateEventSourceMappingOutput {
		in.UUID = made.UUID
		out, err := c.lambda.UpdateEventSourceMapping(t.Context(), in)
		require.NoError(t, err)
		c.pass(time.Second)
		return out
	}
	require.Equal(t, "Updating", *update(&lambda.UpdateEventSourceMappingInput{BatchSize: aws.Int32(5)}).State)
	require.Equal(t, "Disabling", *update(&lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(false)}).State)
	require.Equal(t, "Disabled", *c.get(*made.UUID).State)
	require.EqualValues(t, 5, *c.get(*made.UUID).BatchSize, "an update leaves what it does not name")
	moved := update(&lambda.UpdateEventSourceMappingInput{FunctionName: aws.String("f2"), Enabled: aws.Bool(true)})
	require.Equal(t, "Enabling", *moved.State)
	require.True(t, strings.HasSuffix(*moved.FunctionArn, ":f2"))

	gone, err := c.lambda.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: made.UUID})
	require.NoError(t, err)
	require.Equal(t, "Deleting", *gone.State)
	require.Equal(t, "Deleting", *c.get(*made.UUID).State)
	c.pass(time.Second)
	_, err = c.lambda.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: made.UUID})
	wantError(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")
	_, err = c.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: made.UUID})
	wantError(t, err, "ResourceNotFoundException", "")
	c.put("k", "1")
	require.Empty(t, c.fn.batches())
}

func TestUpdate_refuses(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	uuid := c.mapping()
	c.mapping(func(in *input) { in.FunctionName = aws.String("f2") })
	for name, in := range map[string]*lambda.UpdateEventSourceMappingInput{
		"InvalidParameterValueException age":         {MaximumRecordAgeInSeconds: aws.Int32(10)},
		"InvalidParameterValueException concurrency": {ScalingConfig: &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}},
		"InvalidParameterValueException filter":      {FilterCriteria: filters(`{`)},
		"ValidationException batch":                  {BatchSize: aws.Int32(-1)},
		"ResourceNotFoundException function":         {FunctionName: aws.String("gone")},
		"ResourceConflictException function":         {FunctionName: aws.String("f2")},
		"NotImplemented topic":                       {DestinationConfig: onFailure("arn:aws:sns:us-east-1:000000000000:x")},
	} {
		in.UUID = &uuid
		_, err := c.lambda.UpdateEventSourceMapping(t.Context(), in)
		code, _, _ := strings.Cut(name, " ")
		wantError(t, err, code, "")
	}
	require.Equal(t, "Enabled", *c.get(uuid).State)
}

func TestList_filtersAndPages(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	for i := range 5 {
		c.mapping(func(in *input) { in.FunctionName = aws.String(fmt.Sprint("f", i)) })
	}
	p := lambda.NewListEventSourceMappingsPaginator(c.lambda,
		&lambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(streamARN), MaxItems: aws.Int32(2)})
	seen := map[string]bool{}
	for pages := 0; p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, len(out.EventSourceMappings), 2)
		for _, m := range out.EventSourceMappings {
			seen[*m.FunctionArn] = true
		}
	}
	require.Len(t, seen, 5)
	for name, want := range map[string]int{"f3": 1, "arn:aws:lambda:us-east-1:000000000000:function:f3": 1,
		"000000000000:function:f3": 1, "f3:live": 0, "fx": 0} {
		out, err := c.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &name})
		require.NoError(t, err)
		require.Len(t, out.EventSourceMappings, want, name)
	}
	out, err := c.lambda.ListEventSourceMappings(t.Context(),
		&lambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(streamARN + "x")})
	require.NoError(t, err)
	require.Empty(t, out.EventSourceMappings)
}
