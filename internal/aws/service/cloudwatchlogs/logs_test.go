package cloudwatchlogs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	service "github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs"
	"github.com/pipelab/pipelab/internal/aws/store"
)

type lab struct {
	*awstest.Cloud
	*cloudwatchlogs.Client
	t *testing.T
}

func start(t *testing.T) *lab {
	t.Helper()
	c := awstest.New(t, func(h *gateway.Host) gateway.Service { return service.New(h) })
	return &lab{c, cloudwatchlogs.NewFromConfig(c.Config()), t}
}

func (l *lab) group(name string, streams ...string) {
	l.t.Helper()
	_, err := l.CreateLogGroup(l.t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name})
	require.NoError(l.t, err)
	for _, s := range streams {
		_, err = l.CreateLogStream(l.t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &name, LogStreamName: &s})
		require.NoError(l.t, err)
	}
}

// at makes an event some time after the present.
func (l *lab) at(d time.Duration, message string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: aws.Int64(l.Clock.Now().Add(d).UnixMilli()), Message: &message}
}

func (l *lab) put(group, stream string, events ...types.InputLogEvent) *cloudwatchlogs.PutLogEventsOutput {
	l.t.Helper()
	out, err := l.PutLogEvents(l.t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	require.NoError(l.t, err)
	return out
}

// filter reads all pages.
func (l *lab) filter(in *cloudwatchlogs.FilterLogEventsInput) []string {
	l.t.Helper()
	got := []string{}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(l.Client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(l.t.Context())
		require.NoError(l.t, err)
		for _, e := range page.Events {
			got = append(got, *e.Message)
		}
	}
	return got
}

// stored counts the events in the store itself.
func (l *lab) stored() int {
	all, err := l.DescribeLogGroups(l.t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	require.NoError(l.t, err)
	n := int64(0)
	for _, g := range all.LogGroups {
		n += *g.StoredBytes
	}
	return int(n)
}

func TestGroups_areMadeListedAndDeleted(t *testing.T) {
	l := start(t)
	for _, n := range []string{"/aws/lambda/b", "/aws/lambda/a", "other", "/aws/x"} {
		l.group(n)
	}
	names := func(in *cloudwatchlogs.DescribeLogGroupsInput) []string {
		got := []string{}
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(l.Client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, g := range page.LogGroups {
				got = append(got, *g.LogGroupName)
			}
		}
		return got
	}
	require.Equal(t, []string{"/aws/lambda/a", "/aws/lambda/b", "/aws/x", "other"}, names(&cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(1)}))
	require.Equal(t, []string{"/aws/lambda/a", "/aws/lambda/b"}, names(&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/"), Limit: aws.Int32(1)}))
	require.Equal(t, []string{"/aws/lambda/a", "/aws/lambda/b"}, names(&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("ambda")}))
	require.Equal(t, []string{"other"}, names(&cloudwatchlogs.DescribeLogGroupsInput{LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:000000000000:log-group:other"}}))
	_, err := l.PutLogGroupDeletionProtection(t.Context(), &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: aws.String("other"), DeletionProtectionEnabled: aws.Bool(true)})
	require.NoError(t, err)
	_, err = l.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("other")})
	require.ErrorContains(t, err, "deletion protection")
	_, err = l.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/x")})
	require.NoError(t, err)
	require.NotContains(t, names(&cloudwatchlogs.DescribeLogGroupsInput{}), "/aws/x")
}

func TestTags_inBothForms(t *testing.T) {
	l := start(t)
	l.group("g")
	arn := aws.String("arn:aws:logs:us-east-1:000000000000:log-group:g")
	_, err := l.TagResource(t.Context(), &cloudwatchlogs.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}})
	require.NoError(t, err)
	_, err = l.TagLogGroup(t.Context(), &cloudwatchlogs.TagLogGroupInput{LogGroupName: aws.String("g"), Tags: map[string]string{"c": "3"}}) //nolint:staticcheck // the older form
	require.NoError(t, err)
	_, err = l.UntagResource(t.Context(), &cloudwatchlogs.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "z"}})
	require.NoError(t, err)
	out, err := l.ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: arn})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b": "2", "c": "3"}, out.Tags)
	_, err = l.UntagLogGroup(t.Context(), &cloudwatchlogs.UntagLogGroupInput{LogGroupName: aws.String("g"), Tags: []string{"b"}}) //nolint:staticcheck // the older form
	require.NoError(t, err)
	old, err := l.ListTagsLogGroup(t.Context(), &cloudwatchlogs.ListTagsLogGroupInput{LogGroupName: aws.String("g")}) //nolint:staticcheck // the older form
	require.NoError(t, err)
	require.Equal(t, map[string]string{"c": "3"}, old.Tags)
}

func TestStreams_inBothOrders(t *testing.T) {
	l := start(t)
	l.group("g", "a1", "a2", "b1")
	l.put("g", "a1", l.at(-time.Minute, "m"))
	l.put("g", "b1", l.at(-time.Hour, "m"), l.at(-time.Minute*2, "m"))
	list := func(in *cloudwatchlogs.DescribeLogStreamsInput) []string {
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(1)
		got := []string{}
		pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(l.Client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, s := range page.LogStreams {
				got = append(got, *s.LogStreamName)
			}
		}
		return got
	}
	require.Equal(t, []string{"a1", "a2", "b1"}, list(&cloudwatchlogs.DescribeLogStreamsInput{}))
	require.Equal(t, []string{"b1", "a2", "a1"}, list(&cloudwatchlogs.DescribeLogStreamsInput{Descending: aws.Bool(true)}))
	require.Equal(t, []string{"a1", "a2"}, list(&cloudwatchlogs.DescribeLogStreamsInput{LogStreamNamePrefix: aws.String("a")}))
	require.Equal(t, []string{"a1", "b1", "a2"}, list(&cloudwatchlogs.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)}))
	out, err := l.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("g"), LogStreamNamePrefix: aws.String("b")})
	require.NoError(t, err)
	require.Equal(t, l.Clock.Now().Add(-time.Hour).UnixMilli(), *out.LogStreams[0].FirstEventTimestamp)
	require.Equal(t, l.Clock.Now().Add(-2*time.Minute).UnixMilli(), *out.LogStreams[0].LastEventTimestamp)
	_, err = l.DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b1")})
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "a2"}, list(&cloudwatchlogs.DescribeLogStreamsInput{}))
	require.Equal(t, []string{"m"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))
}

func TestPutLogEvents_leavesOutWhatIsTooOldOrTooNew(t *testing.T) {
	l := start(t)
	l.group("g", "s")
	require.Nil(t, l.put("g", "s", l.at(0, "fine")).RejectedLogEventsInfo)
	const day = 24 * time.Hour
	out := l.put("g", "s", l.at(-20*day, "old"), l.at(-15*day, "old"), l.at(-time.Hour, "kept"), l.at(3*time.Hour, "new"))
	require.Equal(t, &types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(2), TooNewLogEventStartIndex: aws.Int32(3)}, out.RejectedLogEventsInfo)
	_, err := l.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(3)})
	require.NoError(t, err)
	out = l.put("g", "s", l.at(-4*day, "expired"), l.at(0, "kept too"))
	require.Equal(t, &types.RejectedLogEventsInfo{ExpiredLogEventEndIndex: aws.Int32(1)}, out.RejectedLogEventsInfo)
	require.Equal(t, []string{"kept", "fine", "kept too"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))
}

func TestGetLogEvents_tokensLeadBothWaysAndRepeatAtTheEnds(t *testing.T) {
	l := start(t)
	l.group("g", "s")
	for i := range 7 {
		l.put("g", "s", l.at(time.Duration(i)*time.Second, fmt.Sprint(i)))
	}
	get := func(token *string, head bool) (string, *cloudwatchlogs.GetLogEventsOutput) {
		out, err := l.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"),
			Limit: aws.Int32(3), NextToken: token, StartFromHead: &head})
		require.NoError(t, err)
		got := ""
		for _, e := range out.Events {
			got += *e.Message
		}
		return got, out
	}
	got, out := get(nil, false)
	require.Equal(t, "456", got, "the latest, in order of time")
	got, out = get(out.NextBackwardToken, false)
	require.Equal(t, "123", got)
	got, out = get(out.NextBackwardToken, false)
	require.Equal(t, "0", got)
	start := out.NextBackwardToken
	got, out = get(start, false)
	require.Empty(t, got)
	require.Equal(t, start, out.NextBackwardToken)
	got, out = get(out.NextForwardToken, true)
	require.Equal(t, "012", got)
	got, out = get(out.NextForwardToken, true)
	require.Equal(t, "345", got)
	got, out = get(out.NextForwardToken, true)
	require.Equal(t, "6", got)
	end := out.NextForwardToken
	got, out = get(end, true)
	require.Empty(t, got)
	require.Equal(t, end, out.NextForwardToken)
	l.put("g", "s", l.at(time.Minute, "7"))
	got, _ = get(end, true)
	require.Equal(t, "7", got, "the same token goes on when more was written")

	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"),
		StartTime: aws.Int64(l.Clock.Now().Add(time.Second).UnixMilli()), EndTime: aws.Int64(l.Clock.Now().Add(3 * time.Second).UnixMilli())}
	between, err := l.GetLogEvents(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, between.Events, 2, "the end is not included")
}

func TestFilterLogEvents_mergesStreamsByTime(t *testing.T) {
	l := start(t)
	l.group("g", "a1", "a2", "b")
	l.put("g", "a1", l.at(1*time.Second, "a1 ERROR x"), l.at(4*time.Second, "a1 fine"))
	l.put("g", "a2", l.at(2*time.Second, "a2 ERROR y"), l.at(4*time.Second, "a2 ERROR z"))
	l.put("g", "b", l.at(3*time.Second, `{"level":"ERROR","n":5}`))
	group := aws.String("g")
	all := []string{"a1 ERROR x", "a2 ERROR y", `{"level":"ERROR","n":5}`, "a1 fine", "a2 ERROR z"}
	require.Equal(t, all, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, Limit: aws.Int32(1)}))
	require.Equal(t, all[:2], l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, LogStreamNamePrefix: aws.String("a"), FilterPattern: aws.String("ERROR -z")}))
	require.Equal(t, all[2:3], l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String(`{ $.level = "ERR*" && $.n > 4 }`)}))
	require.Equal(t, []string{all[0], all[3], all[2]}[:2], l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, LogStreamNames: []string{"a1", "a1"}}))
	now := l.Clock.Now()
	require.Equal(t, all[1:3], l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:000000000000:log-group:g"),
		StartTime: aws.Int64(now.Add(2 * time.Second).UnixMilli()), EndTime: aws.Int64(now.Add(3 * time.Second).UnixMilli())}), "the end is included")
	back := []string{all[4], all[3], all[2], all[1], all[0]}
	require.Equal(t, back, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, Limit: aws.Int32(2), StartFromHead: aws.Bool(false),
		StartTime: aws.Int64(now.UnixMilli())}))
	out, err := l.TestMetricFilter(t.Context(), &cloudwatchlogs.TestMetricFilterInput{FilterPattern: aws.String("[ip, status = 4*, ...]"),
		LogEventMessages: []string{"1.2.3.4 404 x", "1.2.3.4 200 x"}})
	require.NoError(t, err)
	require.Len(t, out.Matches, 1)
	require.Equal(t, map[string]string{"$ip": "1.2.3.4", "$status": "404"}, out.Matches[0].ExtractedValues)
	require.EqualValues(t, 1, out.Matches[0].EventNumber)
}

// However events are written and paged, each comes once, in order of time.
func TestFilterLogEvents_everyEventOnce(t *testing.T) {
	l := start(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		group := fmt.Sprint("g", n)
		l.group(group, "s0", "s1", "s2")
		total := 0
		for range rapid.IntRange(0, 6).Draw(r, "batches") {
			at, events := time.Duration(0), []types.InputLogEvent{}
			for range rapid.IntRange(1, 5).Draw(r, "events") {
				at += time.Duration(rapid.IntRange(0, 2).Draw(r, "gap")) * time.Millisecond
				events = append(events, l.at(at, fmt.Sprint(total)))
				total++
			}
			l.put(group, fmt.Sprint("s", rapid.IntRange(0, 2).Draw(r, "stream")), events...)
		}
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group, Limit: aws.Int32(int32(rapid.IntRange(1, 4).Draw(r, "limit")))}
		if rapid.Bool().Draw(r, "back") {
			in.StartFromHead, in.StartTime = aws.Bool(false), aws.Int64(l.Clock.Now().UnixMilli())
		}
		seen := map[string]bool{}
		for _, m := range l.filter(in) {
			require.False(r, seen[m], "event %s twice", m)
			seen[m] = true
		}
		require.Len(r, seen, total)
	})
}

func TestRetention_removesEventsWhenTheClockMoves(t *testing.T) {
	l := start(t)
	l.group("g", "s")
	l.group("kept", "s")
	for i := range 10 {
		l.put("g", "s", l.at(0, fmt.Sprint(i)))
		l.put("kept", "s", l.at(0, fmt.Sprint(i)))
		l.Advance(12 * time.Hour)
	}
	before := l.stored()
	_, err := l.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(3)})
	require.NoError(t, err)
	l.Advance(0)
	require.Less(t, l.stored(), before, "the store shrinks, answers do not only hide")
	require.Equal(t, []string{"4", "5", "6", "7", "8", "9"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))
	l.Advance(25 * time.Hour)
	require.Equal(t, []string{"7", "8", "9"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))
	// A restart takes the removal up again.
	l.Gateway.Stop()
	require.NoError(t, l.Gateway.Start(t.Context()))
	l.Advance(10 * 24 * time.Hour)
	require.Equal(t, before/2, l.stored(), "only the group without retention has events")
	require.Len(t, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("kept")}), 10)
	_, err = l.DeleteRetentionPolicy(t.Context(), &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String("g")})
	require.NoError(t, err)
	l.put("g", "s", l.at(0, "for ever"))
	l.Advance(1000 * 24 * time.Hour)
	require.Equal(t, []string{"for ever"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))
}

func TestEvents_outliveARestartOfTheStore(t *testing.T) {
	l := start(t)
	l.group("g", "s")
	l.put("g", "s", l.at(0, "grüße"))
	var snapshot *store.Snapshot
	l.Gateway.Stop()
	snapshot = l.Host.Store.Snapshot()
	require.NoError(t, l.Gateway.Start(t.Context()))
	l.put("g", "s", l.at(0, "later"))
	l.Gateway.Stop()
	require.NoError(t, l.Host.Store.Restore(snapshot))
	require.NoError(t, l.Gateway.Start(t.Context()))
	require.Equal(t, []string{"grüße"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))
}

func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	require.True(t, errors.As(err, &api), "not an API error: %v", err)
	return api.ErrorCode()
}

func many(n int) string { return strings.Repeat("x", n) }
