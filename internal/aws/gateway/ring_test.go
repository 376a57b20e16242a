package gateway

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// An entry comes back with all its fields, those of tomorrow too.
func TestTrace_givesBackEveryField(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		trace := NewTrace()
		var want []TraceEntry
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			e := rapid.Make[TraceEntry]().Draw(rt, "entry")
			e.Time = time.Unix(rapid.Int64Range(0, 1<<33).Draw(rt, "time"), 7).UTC()
			trace.keep(&e)
			want = append(want, e)
		}
		from := rapid.IntRange(0, len(want)).Draw(rt, "from")
		got, _ := trace.After(uint64(from), 10)
		require.Equal(t, want[from:min(len(want), from+10)], append([]TraceEntry{}, got...))
	})
	full := reflect.ValueOf(TraceEntry{})
	require.LessOrEqual(t, full.NumField(), 64, "one bit a field")
}

func TestTrace_keepsTheLatestCallsWithinItsBounds(t *testing.T) {
	t.Parallel()
	trace := NewTrace()
	calls := func(n, long int) {
		for i := range n {
			trace.keep(&TraceEntry{ID: fmt.Sprintf("%036d", i), Time: time.Unix(int64(i), 0).UTC(), Service: "s3",
				Operation: "PutObject", Resource: fmt.Sprintf("bucket/%0*d", long, i), Millis: 0.25, Bytes: 100})
		}
	}
	calls(traceSize+10_000, 20)
	require.LessOrEqual(t, trace.ring.count, traceSize)
	require.Greater(t, trace.ring.count, traceSize-2000, "a page goes at a time")
	require.Less(t, trace.ring.bytes, traceBytes)
	got, _ := trace.After(0, 5)
	require.EqualValues(t, traceSize+10_000-trace.ring.count+1, got[0].Seq)
	got, _ = trace.After(trace.Last()-1, 5)
	require.Len(t, got, 1)
	require.Equal(t, trace.Last(), got[0].Seq)
	calls(100_000, 1000)
	require.LessOrEqual(t, trace.ring.bytes, traceBytes)
	require.Less(t, trace.ring.count, 40_000)
}

func TestTrace_makesAChannelForWhoWaits(t *testing.T) {
	t.Parallel()
	trace := NewTrace()
	_, more := trace.After(0, 1)
	_, same := trace.After(0, 1)
	require.Equal(t, more, same)
	trace.keep(&TraceEntry{ID: strings.Repeat("x", 3)})
	select {
	case <-more:
	default:
		require.Fail(t, "nobody was told of the call")
	}
	require.Nil(t, trace.more)
}

func BenchmarkTrace(b *testing.B) {
	trace, now := NewTrace(), time.Unix(1_700_000_000, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		trace.End(&TraceEntry{ID: "0c1d2e3f-0000-4000-8000-00000000000" + string(rune('0'+i%10)), Time: now, Service: "s3",
			Operation: "PutObject", Resource: "bucket/key", Principal: "arn:aws:iam::000000000000:root"}, now, nil, nil)
	}
	b.ReportMetric(float64(trace.ring.bytes)/float64(trace.ring.count), "kept-B/call")
}
