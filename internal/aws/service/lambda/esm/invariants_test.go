package esm_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	ktypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// consumer is a function that fails by a script and notes what it has done.
type consumer struct {
	mu     sync.Mutex
	script []int // 0 succeeds, 1 fails, n > 1 reports the n-2nd record
	at     int
	report bool
	done   map[string][]int // by key, in order of processing, without repeats
	wrong  []string
}

func (c *consumer) handle(e event) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	verdict := 0
	if c.at < len(c.script) {
		verdict = c.script[c.at]
		c.at++
	}
	count, failed := len(e.Records), -1
	switch {
	case verdict == 1:
		count = 0
	case verdict > 1 && c.report:
		failed = (verdict - 2) % len(e.Records)
		count = failed
	}
	inBatch := map[string]int{}
	for i, r := range e.Records {
		var n int
		if _, err := fmt.Sscan(string(r.Kinesis.Data), &n); err != nil {
			return nil, err
		}
		key := r.Kinesis.PartitionKey
		// All that was put before under this key is done, or before it in here.
		if last, ok := inBatch[key]; ok && n != last+1 || !ok && n > len(c.done[key]) {
			c.wrong = append(c.wrong, fmt.Sprintf("%s %d out of order behind %v in %v", key, n, c.done[key], e.data()))
		}
		inBatch[key] = n
		if i < count && n == len(c.done[key]) {
			c.done[key] = append(c.done[key], n)
		}
	}
	switch {
	case verdict == 1:
		return nil, errUser
	case failed >= 0:
		return map[string]any{"batchItemFailures": []any{map[string]string{
			"itemIdentifier": e.Records[failed].Kinesis.SequenceNumber}}}, nil
	}
	return nil, nil
}

// Whatever fails and restarts, no record is lost, the order of each partition
// key is kept and checkpoints only rise.
func TestInvariant_nothingLostInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := newCloud(t)
		f := &consumer{done: map[string][]int{}, report: rapid.Bool().Draw(rt, "report"),
			script: rapid.SliceOfN(rapid.IntRange(0, 6), 0, 30).Draw(rt, "script")}
		c.fn.handle(f.handle)
		c.stream(int32(rapid.IntRange(1, 3).Draw(rt, "shards")))
		uuid := c.mapping(func(in *input) {
			in.BatchSize = aws.Int32(int32(rapid.IntRange(1, 7).Draw(rt, "batch")))
			in.ParallelizationFactor = aws.Int32(int32(rapid.IntRange(1, 4).Draw(rt, "factor")))
			in.MaximumBatchingWindowInSeconds = aws.Int32(int32(rapid.IntRange(0, 3).Draw(rt, "window")))
			in.BisectBatchOnFunctionError = aws.Bool(rapid.Bool().Draw(rt, "bisect"))
			if f.report {
				report(in)
			}
		})
		next, before, split := map[string]int{}, map[string]string{}, 0
		rise := func() {
			for shard, seq := range c.fn.Checkpoints(uuid) {
				require.GreaterOrEqual(rt, seq, before[shard])
				before[shard] = seq
			}
		}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"put", "put", "pass", "restart", "split"}).Draw(rt, "step") {
			case "put":
				var in kinesis.PutRecordsInput
				for range rapid.IntRange(1, 12).Draw(rt, "records") {
					key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "key")
					in.Records = append(in.Records, ktypes.PutRecordsRequestEntry{PartitionKey: &key,
						Data: fmt.Append(nil, next[key])})
					next[key]++
				}
				in.StreamName = aws.String("s")
				_, err := c.kinesis.PutRecords(t.Context(), &in)
				require.NoError(rt, err)
			case "pass":
				c.Advance(time.Duration(rapid.IntRange(1, 4000).Draw(rt, "milliseconds")) * time.Millisecond)
			case "restart":
				c.fn.Stop()
				require.NoError(rt, c.fn.Start(t.Context()))
			case "split":
				if split++; split > 2 {
					continue
				}
				list, err := c.kinesis.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s"),
					ShardFilter: &ktypes.ShardFilter{Type: ktypes.ShardFilterTypeAtLatest}})
				require.NoError(rt, err)
				_, err = c.kinesis.UpdateShardCount(t.Context(), &kinesis.UpdateShardCountInput{StreamName: aws.String("s"),
					TargetShardCount: aws.Int32(int32(len(list.Shards) + 1)), ScalingType: ktypes.ScalingTypeUniformScaling})
				require.NoError(rt, err)
				c.Advance(time.Second)
			}
			rise()
		}
		c.pass(time.Hour)
		rise()
		f.mu.Lock()
		defer f.mu.Unlock()
		require.Empty(rt, strings.Join(f.wrong, "\n"))
		for key, n := range next {
			require.Len(rt, f.done[key], n, key)
		}
	})
}

// Whatever fails and restarts, no message is lost, and a FIFO queue's groups
// keep their order.
func TestInvariant_queues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"q", "q.fifo"}).Draw(rt, "queue")
		q := newQueues(t, name, map[string]string{"VisibilityTimeout": "5"})
		var mu sync.Mutex
		script, at := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 20).Draw(rt, "script"), 0
		partial := rapid.Bool().Draw(rt, "report")
		done, ordered := map[string]bool{}, map[string][]string{}
		q.fn.handle(func(e event) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			failed := len(e.Records)
			if at++; at <= len(script) && script[at-1] > 0 {
				failed = 0
				if partial {
					failed = (script[at-1] - 1) % len(e.Records)
				}
			}
			items := []any{}
			for i, r := range e.Records {
				if i >= failed {
					items = append(items, map[string]string{"itemIdentifier": r.MessageID})
				} else if !done[r.Body] {
					done[r.Body] = true
					ordered[r.Body[:1]] = append(ordered[r.Body[:1]], r.Body)
				}
			}
			if !partial && failed == 0 {
				return nil, errUser
			}
			return map[string]any{"batchItemFailures": items}, nil
		})
		q.mapping(func(in *input) {
			in.BatchSize = aws.Int32(int32(rapid.IntRange(1, 10).Draw(rt, "batch")))
			if partial {
				report(in)
			}
		})
		sent := map[string][]string{}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"send", "send", "pass", "restart"}).Draw(rt, "step") {
			case "send":
				group := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "group")
				var bodies []string
				for range rapid.IntRange(1, 12).Draw(rt, "messages") {
					bodies = append(bodies, fmt.Sprint(group, len(sent[group])+len(bodies)))
				}
				sent[group] = append(sent[group], bodies...)
				q.send(group, bodies...)
			case "pass":
				q.Advance(time.Duration(rapid.IntRange(1, 8000).Draw(rt, "milliseconds")) * time.Millisecond)
			case "restart":
				q.fn.Stop()
				require.NoError(rt, q.fn.Start(t.Context()))
			}
		}
		q.pass(10 * time.Minute)
		require.Equal(rt, "0+0", q.left())
		mu.Lock()
		defer mu.Unlock()
		for group, bodies := range sent {
			if name == "q" {
				require.ElementsMatch(rt, bodies, ordered[group])
			} else {
				require.Equal(rt, bodies, ordered[group])
			}
		}
	})
}
