package esm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

type input = lambda.CreateEventSourceMappingInput

func TestKinesis_deliversExactEvent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	uuid := c.mapping()
	require.Equal(t, "No records processed", *c.get(uuid).LastProcessingResult)
	c.put("k", "a<b>")
	require.Len(t, c.fn.events(), 1, "an idle mapping delivers at once")
	seq := c.fn.events()[0].Records[0].Kinesis.SequenceNumber
	want := fmt.Sprintf(
		`{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"k","sequenceNumber":"%s","data":"%s",`+
			`"approximateArrivalTimestamp":%d},
		"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:%s","eventName":"aws:kinesis:record",
		"invokeIdentityArn":"arn:aws:iam::000000000000:role/worker","awsRegion":"us-east-1","eventSourceARN":"%s"}]}`,
		seq, b64("a<b>"), c.Clock.Now().Unix(), seq, streamARN)
	require.JSONEq(t, want, c.fn.events()[0].raw)
	require.Equal(t, "OK", *c.get(uuid).LastProcessingResult)
}

func TestKinesis_cutsBatchesBySizeAndPace(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.put("k", "1", "2", "3", "4", "5")
	c.mapping(func(in *input) { in.BatchSize = aws.Int32(2) })
	require.Equal(t, [][]string{{"1", "2"}, {"3", "4"}, {"5"}}, c.fn.batches())
	c.pass(10 * time.Second)
	c.put("k", "6")
	c.put("k", "7")
	c.put("k", "8")
	require.NotContains(t, c.fn.batches(), []string{"8"}, "a shard is read once a second, after a burst")
	c.pass(time.Second)
	require.Equal(t, [][]string{{"6"}, {"7"}, {"8"}}, c.fn.batches()[3:])
}

func TestKinesis_batchingWindow(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.mapping(func(in *input) { in.BatchSize, in.MaximumBatchingWindowInSeconds = aws.Int32(3), aws.Int32(10) })
	begin := c.Clock.Now()
	c.put("k", "1")
	c.pass(4 * time.Second)
	c.put("k", "2")
	c.pass(5 * time.Second)
	require.Empty(t, c.fn.batches())
	c.pass(20 * time.Second)
	require.Equal(t, [][]string{{"1", "2"}}, c.fn.batches())
	require.Equal(t, begin.Add(10*time.Second), c.fn.events()[0].at)
	c.put("k", "3", "4", "5", "6")
	require.Equal(t, []string{"3", "4", "5"}, c.fn.batches()[1], "a full batch does not wait")
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"6"}}, c.fn.batches()[2:])
}

func TestKinesis_payloadLimitCutsBatches(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(4)
	c.mapping(func(in *input) { in.Enabled = aws.Bool(false) })
	big := strings.Repeat("x", 900_000)
	for range 6 { // a shard takes 1 MiB a second
		c.put("k", big)
		c.pass(2 * time.Second)
	}
	list, err := c.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
	require.NoError(t, err)
	_, err = c.lambda.UpdateEventSourceMapping(t.Context(),
		&lambda.UpdateEventSourceMappingInput{UUID: list.EventSourceMappings[0].UUID, Enabled: aws.Bool(true)})
	require.NoError(t, err)
	c.pass(time.Second)
	total := 0
	for _, e := range c.fn.events() {
		require.LessOrEqual(t, len(e.raw), 6<<20)
		total += len(e.Records)
	}
	require.Equal(t, 6, total)
	require.Greater(t, len(c.fn.events()), 1)
}

func TestKinesis_retriesBlockOnlyTheirShard(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(2)
	c.fn.handle(failing("bad"))
	uuid := c.mapping(func(in *input) { in.MaximumRetryAttempts = aws.Int32(2) })
	keys := keysOfShards(t, c)
	c.put(keys[0], "bad", "with")
	c.put(keys[1], "good")
	require.Equal(t, [][]string{{"bad", "with"}, {"good"}}, c.fn.batches())
	require.NotEmpty(t, *c.get(uuid).LastProcessingResult)
	c.put(keys[0], "behind")
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"bad", "with"}, {"bad", "with"}, {"behind"}}, c.fn.batches()[2:])
	ev := c.fn.events()
	require.Equal(t, 100*time.Millisecond, ev[2].at.Sub(ev[0].at))
	require.Equal(t, 200*time.Millisecond, ev[3].at.Sub(ev[2].at), "backoff doubles")
}

// keysOfShards finds a partition key for each shard.
func keysOfShards(t *testing.T, c *cloud) []string {
	t.Helper()
	byShard := map[string]string{}
	for i := 0; len(byShard) < 2; i++ {
		key := fmt.Sprint("key", i)
		out, err := c.kinesis.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: &key,
			Data: []byte("probe")})
		require.NoError(t, err)
		byShard[*out.ShardId] = key
	}
	c.settle()
	c.pass(10 * time.Second)
	c.fn.mu.Lock()
	c.fn.seen = nil
	c.fn.mu.Unlock()
	return []string{byShard["shardId-000000000000"], byShard["shardId-000000000001"]}
}

func TestKinesis_bisectIsolatesAndKeepsOrder(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("3"))
	c.put("k", "1", "2", "3", "4")
	c.mapping(func(in *input) { in.BisectBatchOnFunctionError, in.MaximumRetryAttempts = aws.Bool(true), aws.Int32(1) })
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"1", "2", "3", "4"}, {"1", "2"}, {"3", "4"}, {"3"}, {"3"}, {"4"}}, c.fn.batches(),
		"splitting uses up no retries: the poison record has its own")
}

// reporting answers with the sequence numbers of these payloads.
func reporting(bad ...string) func(event) (any, error) {
	return func(e event) (any, error) {
		items := []map[string]string{}
		for _, r := range e.Records {
			for _, b := range bad {
				if string(r.Kinesis.Data) == b {
					items = append(items, map[string]string{"itemIdentifier": r.Kinesis.SequenceNumber})
				}
			}
		}
		return map[string]any{"batchItemFailures": items}, nil
	}
}

func report(in *input) {
	in.FunctionResponseTypes = []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}
}

func TestKinesis_partialFailureMovesTheCheckpoint(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(reporting("4", "3"))
	c.put("k", "1", "2", "3", "4", "5")
	c.mapping(report, func(in *input) { in.MaximumRetryAttempts = aws.Int32(2) })
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"1", "2", "3", "4", "5"}, {"3", "4", "5"}, {"3", "4", "5"}}, c.fn.batches())

	c = newCloud(t)
	c.stream(1)
	c.fn.handle(reporting("3"))
	c.put("k", "1", "2", "3", "4", "5")
	c.mapping(report, func(in *input) {
		in.MaximumRetryAttempts, in.BisectBatchOnFunctionError = aws.Int32(1), aws.Bool(true)
	})
	c.pass(time.Minute)
	require.Equal(t, [][]string{{"1", "2", "3", "4", "5"}, {"3", "4", "5"}, {"3"}, {"3"}, {"4", "5"}}, c.fn.batches())
}

func TestKinesis_formsOfPartialAnswers(t *testing.T) {
	t.Parallel()
	for answer, ok := range map[string]bool{
		`null`: true, `{}`: true, `""`: true, `{"batchItemFailures":[]}`: true, `{"batchItemFailures":null}`: true,
		`{"batchItemFailures":[{"itemIdentifier":""}]}`: false, `{"batchItemFailures":[{"itemIdentifier":null}]}`: false,
		`{"batchItemFailures":[{"id":"1"}]}`: false, `{"batchItemFailures":[{"itemIdentifier":"1"}]}`: false, `"text"`: false,
		`[1]`: false,
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.stream(1)
			c.fn.handle(func(event) (any, error) { return answer, nil })
			c.put("k", "1", "2")
			c.mapping(report, func(in *input) { in.MaximumRetryAttempts = aws.Int32(1) })
			c.pass(time.Minute)
			want := [][]string{{"1", "2"}}
			if !ok {
				want = append(want, want[0])
			}
			require.Equal(t, want, c.fn.batches())
		})
	}
}

func TestKinesis_throttledInvocationsUseNoRetries(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	n := 0
	c.fn.handle(func(event) (any, error) {
		if n++; n <= 5 {
			return nil, &types.TooManyRequestsException{Message: aws.String("Rate Exceeded.")}
		}
		return nil, nil
	})
	c.put("k", "1")
	c.mapping(func(in *input) { in.MaximumRetryAttempts = aws.Int32(0) })
	c.pass(time.Minute)
	require.Len(t, c.fn.batches(), 6)
	c.put("k", "2")
	require.Equal(t, []string{"2"}, c.fn.batches()[6])
}

func TestKinesis_recordAge(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("1"))
	c.put("k", "1")
	c.mapping(func(in *input) { in.MaximumRecordAgeInSeconds = aws.Int32(60) })
	c.pass(30 * time.Second)
	c.put("k", "2")
	require.NotContains(t, c.fn.batches(), []string{"2"})
	c.pass(90 * time.Second)
	seen := c.fn.batches()
	require.Equal(t, []string{"2"}, seen[len(seen)-1])
	last := c.fn.events()[len(seen)-2]
	require.LessOrEqual(t, last.at.Sub(c.fn.events()[0].at), 60*time.Second)
}

func TestKinesis_filtersAdvanceTheCheckpoint(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	uuid := c.mapping(func(in *input) {
		in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"data":{"type":["buy"]}}`)}}}
	})
	c.put("k", `{"type":"sell"}`, `{"type":"buy"}`, `not json`, `{"type":"sell"}`)
	require.Equal(t, [][]string{{`{"type":"buy"}`}}, c.fn.batches())
	_, err := c.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid,
		FilterCriteria: &types.FilterCriteria{}})
	require.NoError(t, err)
	c.pass(time.Minute)
	c.put("k", "after")
	require.Equal(t, [][]string{{"after"}}, c.fn.batches()[1:], "filtered records are done with")
}

func TestKinesis_startingPositions(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(2)
	c.put("k", "old")
	c.pass(10 * time.Second)
	middle := c.Clock.Now()
	c.put("k", "middle")
	c.pass(10 * time.Second)
	c.mapping(func(in *input) {
		in.FunctionName, in.StartingPosition = aws.String("f-latest"), types.EventSourcePositionLatest
	})
	c.put("k", "now")
	c.pass(20 * time.Minute) // any iterator expires
	c.put("k", "later")
	require.Equal(t, [][]string{{"now"}, {"later"}}, c.fn.batches())
	c.mapping(func(in *input) {
		in.FunctionName, in.StartingPosition, in.StartingPositionTimestamp = aws.String("f-time"),
			types.EventSourcePositionAtTimestamp, aws.Time(middle)
	})
	require.Equal(t, [][]string{{"middle", "now", "later"}}, c.fn.batches()[2:])
	c.mapping(func(in *input) { in.FunctionName = aws.String("f-horizon") })
	require.Equal(t, [][]string{{"old", "middle", "now", "later"}}, c.fn.batches()[3:])
}

func TestKinesis_latestMeansCreation(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.put("k", "before")
	uuid := c.mapping(func(in *input) {
		in.StartingPosition, in.Enabled = types.EventSourcePositionLatest, aws.Bool(false)
	})
	require.Equal(t, "Disabled", *c.get(uuid).State)
	c.put("k", "while disabled")
	c.pass(time.Hour)
	require.Empty(t, c.fn.batches())
	_, err := c.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid,
		Enabled: aws.Bool(true)})
	require.NoError(t, err)
	require.Equal(t, "Enabling", *c.get(uuid).State)
	c.pass(time.Second)
	require.Equal(t, [][]string{{"while disabled"}}, c.fn.batches())
}

func TestKinesis_parentsBeforeChildren(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("1"))
	c.mapping(func(in *input) { in.BatchSize = aws.Int32(2) })
	c.put("k", "1", "2", "3")
	_, err := c.kinesis.SplitShard(t.Context(), &kinesis.SplitShardInput{StreamName: aws.String("s"),
		ShardToSplit:       aws.String("shardId-000000000000"),
		NewStartingHashKey: aws.String("170141183460469231731687303715884105728")})
	require.NoError(t, err)
	c.pass(time.Second)
	c.put("k", "4")
	c.put("j", "5")
	c.pass(time.Second)
	for _, b := range c.fn.batches() {
		require.Equal(t, []string{"1", "2"}, b)
	}
	c.fn.handle(nil)
	before := len(c.fn.batches())
	c.pass(2 * time.Minute)
	after := slices.Concat(c.fn.batches()[before:]...)
	require.Equal(t, []string{"1", "2", "3"}, after[:3])
	require.ElementsMatch(t, []string{"4", "5"}, after[3:])
}

func TestKinesis_parallelizationKeepsOrderOfKeys(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(failing("a0"))
	c.mapping(func(in *input) {
		in.ParallelizationFactor, in.BatchSize, in.MaximumRetryAttempts = aws.Int32(10), aws.Int32(1), aws.Int32(4)
	})
	for i := range 3 {
		for _, k := range []string{"a", "b", "c", "d", "e"} {
			c.put(k, fmt.Sprint(k, i))
		}
	}
	c.pass(time.Minute)
	byKey, lanes := map[string][]string{}, 0
	for _, e := range c.fn.events() {
		d := e.data()[0]
		byKey[d[:1]] = append(byKey[d[:1]], d)
	}
	for k, seen := range byKey {
		if k != "a" {
			require.Subset(t, seen, []string{k + "0", k + "1", k + "2"})
			lanes++
		}
	}
	require.Equal(t, []string{"a0", "a0", "a0", "a0", "a0", "a1", "a2"}, byKey["a"])
	require.Equal(t, 4, lanes)
}

func TestKinesis_faults(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.mapping()
	c.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultDuplicate, Service: "lambda", Operation: "Invoke", Resource: "f",
		Count: 1})
	c.put("k", "1", "2")
	require.Equal(t, [][]string{{"1", "2"}, {"1", "2"}}, c.fn.batches())
	c.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultReorder, Service: "lambda", Operation: "Invoke", Resource: "f",
		Count: 1})
	c.put("k", "3", "4")
	c.pass(time.Second)
	require.Equal(t, [][]string{{"4", "3"}}, c.fn.batches()[2:])
}
