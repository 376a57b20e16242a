package cloudwatchlogs_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// search reads all pages.
func (w *world) search(in *sdk.FilterLogEventsInput) (messages []string) {
	w.t.Helper()
	pages := sdk.NewFilterLogEventsPaginator(w.logs, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(w.t, err)
		for _, e := range page.Events {
			messages = append(messages, *e.Message)
		}
	}
	return messages
}

// The end of a period is part of it in FilterLogEvents, not in GetLogEvents.
func TestPeriods_haveTheEndsThatAWSGivesThem(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	w.put("g", "s", 0, "0", "1", "2", "3")
	from, to := aws.Int64(w.Clock.Now().Add(time.Second).UnixMilli()),
		aws.Int64(w.Clock.Now().Add(3*time.Second).UnixMilli())
	require.Equal(t, []string{"1", "2", "3"},
		w.search(&sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), StartTime: from, EndTime: to}))
	out, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"),
		LogStreamName: aws.String("s"), StartTime: from, EndTime: to})
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, texts(out.Events))
	_, err = w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"),
		StartTime: to, EndTime: from})
	require.ErrorContains(t, err, "InvalidParameterException")
	_, err = w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), StartTime: to,
		EndTime: from})
	require.ErrorContains(t, err, "InvalidParameterException")
}

// Who turns round at either end meets every event again.
func TestGetLogEvents_turnsRoundAtTheEnds(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	w.put("g", "s", 0, "0", "1", "2", "3")
	get := func(token *string, head bool) ([]string, *sdk.GetLogEventsOutput) {
		out, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"),
			LogStreamName: aws.String("s"),
			Limit:         aws.Int32(2), NextToken: token, StartFromHead: &head})
		require.NoError(t, err)
		return texts(out.Events), out
	}
	got, out := get(nil, false)
	require.Equal(t, []string{"2", "3"}, got)
	got, out = get(out.NextBackwardToken, false)
	require.Equal(t, []string{"0", "1"}, got)
	first := out.NextBackwardToken
	got, out = get(first, false)
	require.Empty(t, got)
	require.Equal(t, first, out.NextBackwardToken)
	got, out = get(out.NextForwardToken, true)
	require.Equal(t, []string{"0", "1"}, got)
	_, out = get(out.NextForwardToken, true)
	last := out.NextForwardToken
	got, out = get(last, true)
	require.Empty(t, got)
	require.Equal(t, last, out.NextForwardToken)
	got, _ = get(out.NextBackwardToken, false)
	require.Equal(t, []string{"2", "3"}, got)
}

// Tools know events by their ids: the first event of one group is not that of
// another, though both have the same time.
func TestEventIDs_differBetweenGroups(t *testing.T) {
	w := start(t)
	seen := map[string]bool{}
	for _, g := range []string{"a", "b"} {
		w.stream(g, "s")
		w.put(g, "s", 0, "x")
		out, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: &g})
		require.NoError(t, err)
		require.Len(t, *out.Events[0].EventId, 56)
		require.False(t, seen[*out.Events[0].EventId])
		seen[*out.Events[0].EventId] = true
	}
}

// Expired events are not shown even before they are removed, and when they are
// the group is smaller.
func TestRetention_hidesAtOnceAndShrinksTheGroup(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	w.put("g", "s", 0, "old")
	w.Advance(36 * time.Hour)
	w.put("g", "s", 0, "new")
	bytes := func() int64 {
		out, err := w.logs.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{})
		require.NoError(t, err)
		return *out.LogGroups[0].StoredBytes
	}
	before := bytes()
	_, err := w.logs.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("g"),
		RetentionInDays: aws.Int32(1)})
	require.NoError(t, err)
	require.Equal(t, []string{"new"}, w.search(&sdk.FilterLogEventsInput{LogGroupName: aws.String("g")}))
	out, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"),
		LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true)})
	require.NoError(t, err)
	require.Equal(t, []string{"new"}, texts(out.Events))
	w.Advance(2 * time.Hour)
	require.Equal(t, before/2, bytes())
	w.Advance(48 * time.Hour)
	require.Zero(t, bytes())
}

// Only events that are taken count for the span of a batch.
func TestPutLogEvents_spansADayOfWhatItTakes(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	put := func(hours ...int) (*sdk.PutLogEventsOutput, error) {
		in := &sdk.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}
		for _, h := range hours {
			in.LogEvents = append(in.LogEvents, types.InputLogEvent{Message: aws.String("x"),
				Timestamp: aws.Int64(w.Clock.Now().Add(time.Duration(h) * time.Hour).UnixMilli())})
		}
		return w.logs.PutLogEvents(ctx, in)
	}
	out, err := put(-20*24, -1, 0, 3)
	require.NoError(t, err)
	require.Equal(t, &types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1),
		TooNewLogEventStartIndex: aws.Int32(3)}, out.RejectedLogEventsInfo)
	_, err = put(-25, 0)
	require.ErrorContains(t, err, "cannot span more than 24 hours")
}

func TestCreateLogGroup_refusesOtherClasses(t *testing.T) {
	w := start(t)
	_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("g"),
		LogGroupClass: types.LogGroupClassInfrequentAccess})
	require.ErrorContains(t, err, "NotImplemented")
}

// However events are written and paged, each comes once and in order of time.
func TestFilterLogEvents_everyEventOnce(t *testing.T) {
	w := start(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		group, total := fmt.Sprint("g", n), 0
		for i := range 3 {
			w.stream(group, fmt.Sprint("s", i))
		}
		for range rapid.IntRange(0, 6).Draw(r, "batches") {
			var messages []string
			for range rapid.IntRange(1, 5).Draw(r, "events") {
				messages = append(messages, fmt.Sprint(total))
				total++
			}
			w.put(group, fmt.Sprint("s", rapid.IntRange(0, 2).Draw(r, "stream")),
				time.Duration(rapid.IntRange(-3, 3).Draw(r, "after"))*time.Second, messages...)
		}
		seen := map[string]bool{}
		for _, m := range w.search(&sdk.FilterLogEventsInput{LogGroupName: &group,
			Limit: aws.Int32(int32(rapid.IntRange(1, 4).Draw(r, "limit")))}) {
			require.False(r, seen[m], "event %s twice", m)
			seen[m] = true
		}
		require.Len(r, seen, total)
	})
}
