package esm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"
)

// counting answers with the number of records that the window has had. trouble
// may spoil an answer.
func counting(trouble func(e event, answer map[string]any) error) func(event) (any, error) {
	return func(e event) (any, error) {
		var state struct{ N int }
		if err := json.Unmarshal(e.State, &state); err != nil {
			return nil, err
		}
		state.N += len(e.Records)
		answer := map[string]any{"state": state}
		return answer, trouble(e, answer)
	}
}

func tumbling(in *input) { in.TumblingWindowInSeconds = aws.Int32(60) }

func TestWindow_finalInvocationIsRetried(t *testing.T) {
	t.Parallel()
	for retries, want := range map[int32]int{-1: 5, 1: 2} { // four failures, then success; or given up after one retry
		c := newCloud(t)
		c.stream(1)
		finals := 0
		c.fn.handle(counting(func(e event, _ map[string]any) error {
			if e.Final {
				if finals++; finals <= 4 {
					return errUser
				}
			}
			return nil
		}))
		c.mapping(tumbling, func(in *input) { in.MaximumRetryAttempts = &retries })
		c.put("k", "1")
		c.pass(10 * time.Minute)
		require.Equal(t, want, finals)
		c.put("k", "2")
		ev := c.fn.events()
		require.JSONEq(t, `{}`, string(ev[len(ev)-1].State), "a new window begins")
	}
}

func TestWindow_answerWithoutStateIsAFailure(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	n := 0
	c.fn.handle(counting(func(_ event, answer map[string]any) error {
		if n++; n == 1 {
			delete(answer, "state")
		}
		return nil
	}))
	c.mapping(tumbling)
	c.put("k", "1")
	c.pass(time.Second)
	require.Equal(t, [][]string{{"1"}, {"1"}}, c.fn.batches())
}

func TestWindow_partialFailureKeepsTheState(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	first := true
	c.fn.handle(func(e event) (any, error) {
		if first {
			first = false
			return map[string]any{"state": "half",
				"batchItemFailures": []any{map[string]string{"itemIdentifier": e.Records[1].Kinesis.SequenceNumber}}}, nil
		}
		return map[string]any{"state": "whole"}, nil
	})
	c.mapping(tumbling, report)
	c.put("k", "1", "2")
	c.pass(time.Second)
	require.Equal(t, [][]string{{"1", "2"}, {"2"}}, c.fn.batches())
	require.JSONEq(t, `"half"`, string(c.fn.events()[1].State))
}

// A shard that ends closes its window at once; its children begin afresh.
func TestWindow_endsWithItsShard(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	c.fn.handle(counting(func(event, map[string]any) error { return nil }))
	c.mapping(tumbling)
	c.put("k", "1")
	_, err := c.kinesis.SplitShard(t.Context(), &kinesis.SplitShardInput{StreamName: aws.String("s"),
		ShardToSplit:       aws.String("shardId-000000000000"),
		NewStartingHashKey: aws.String("170141183460469231731687303715884105728")})
	require.NoError(t, err)
	c.pass(time.Second)
	c.put("k", "2")
	c.pass(time.Second)
	ev := c.fn.events()
	require.Len(t, ev, 3)
	require.True(t, ev[1].Final)
	require.JSONEq(t, `{"N":1}`, string(ev[1].State))
	require.JSONEq(t, `{}`, string(ev[2].State))
}

// A function is called by its name and qualifier, whatever form names it.
func TestMapping_formsOfFunctionNames(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.stream(1)
	for _, name := range []string{"f1", "f2:live", "000000000000:function:f3:live", "us-east-1:000000000000:function:f4",
		"arn:aws:lambda:us-east-1:000000000000:function:f5:7"} {
		c.mapping(func(in *input) { in.FunctionName = &name })
	}
	c.put("k", "1")
	c.pass(time.Minute)
	require.ElementsMatch(t, []string{"f1", "f2:live", "f3:live", "f4", "f5:7"}, c.fn.invoked())
}
