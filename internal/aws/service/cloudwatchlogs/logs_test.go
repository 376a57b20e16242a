package cloudwatchlogs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs"
)

type world struct {
	*awstest.Cloud
	t    testing.TB
	logs *sdk.Client
}

var ctx = context.Background()

func start(t testing.TB) *world {
	t.Helper()
	c := awstest.New(t, func(h *gateway.Host) gateway.Service { return cloudwatchlogs.New(h) })
	return &world{Cloud: c, t: t, logs: sdk.NewFromConfig(c.Config())}
}

func (w *world) stream(group, stream string) {
	w.t.Helper()
	_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: &group})
	if err != nil {
		require.ErrorContains(w.t, err, "ResourceAlreadyExistsException")
	}
	_, err = w.logs.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
	require.NoError(w.t, err)
}

// put writes messages a second apart, the first after so long from now.
func (w *world) put(group, stream string, after time.Duration, messages ...string) *sdk.PutLogEventsOutput {
	w.t.Helper()
	in := &sdk.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
	for i, m := range messages {
		at := w.Clock.Now().Add(after + time.Duration(i)*time.Second).UnixMilli()
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Message: aws.String(m), Timestamp: &at})
	}
	out, err := w.logs.PutLogEvents(ctx, in)
	require.NoError(w.t, err)
	return out
}

func texts(events []types.OutputLogEvent) (out []string) {
	for _, e := range events {
		out = append(out, *e.Message)
	}
	return out
}

func TestGetLogEvents_pagesInBothDirections(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	w.put("g", "s", 0, "1", "2", "3", "4", "5")
	get := func(in sdk.GetLogEventsInput) *sdk.GetLogEventsOutput {
		in.LogGroupName, in.LogStreamName = aws.String("g"), aws.String("s")
		out, err := w.logs.GetLogEvents(ctx, &in)
		require.NoError(t, err)
		return out
	}
	require.Equal(t, []string{"4", "5"}, texts(get(sdk.GetLogEventsInput{Limit: aws.Int32(2)}).Events),
		"without startFromHead the newest")
	page := get(sdk.GetLogEventsInput{Limit: aws.Int32(2), StartFromHead: aws.Bool(true)})
	require.Equal(t, []string{"1", "2"}, texts(page.Events))
	page = get(sdk.GetLogEventsInput{Limit: aws.Int32(2), NextToken: page.NextForwardToken})
	require.Equal(t, []string{"3", "4"}, texts(page.Events))
	require.Equal(t, []string{"1", "2"},
		texts(get(sdk.GetLogEventsInput{Limit: aws.Int32(2), NextToken: page.NextBackwardToken}).Events))
	page = get(sdk.GetLogEventsInput{NextToken: page.NextForwardToken})
	require.Equal(t, []string{"5"}, texts(page.Events))
	end := get(sdk.GetLogEventsInput{NextToken: page.NextForwardToken})
	require.Empty(t, end.Events)
	require.Equal(t, page.NextForwardToken, end.NextForwardToken, "at the end the same token comes back")
	w.put("g", "s", 10*time.Second, "6")
	require.Equal(t, []string{"6"}, texts(get(sdk.GetLogEventsInput{NextToken: end.NextForwardToken}).Events))
	from := w.Clock.Now().Add(time.Second).UnixMilli()
	to := w.Clock.Now().Add(3 * time.Second).UnixMilli()
	require.Equal(t, []string{"2", "3"},
		texts(get(sdk.GetLogEventsInput{StartTime: &from, EndTime: &to, StartFromHead: aws.Bool(true)}).Events))
}

func TestFilterLogEvents_searchesStreamsByTime(t *testing.T) {
	w := start(t)
	w.stream("g", "a/1")
	w.stream("g", "a/2")
	w.stream("g", "b")
	w.put("g", "a/1", 0, "ERROR one", "fine")
	w.put("g", "a/2", 500*time.Millisecond, "ERROR two", "fine")
	w.put("g", "b", 0, "ERROR three")
	filter := func(in sdk.FilterLogEventsInput) []string {
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(1)
		var out []string
		pages := sdk.NewFilterLogEventsPaginator(w.logs, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			require.NoError(t, err)
			for _, e := range page.Events {
				out = append(out, *e.LogStreamName+": "+*e.Message)
			}
		}
		return out
	}
	require.Equal(t, []string{"a/1: ERROR one", "b: ERROR three", "a/2: ERROR two"},
		filter(sdk.FilterLogEventsInput{FilterPattern: aws.String("ERROR")}))
	require.Equal(t, []string{"a/1: ERROR one", "a/2: ERROR two"},
		filter(sdk.FilterLogEventsInput{FilterPattern: aws.String("ERROR"), LogStreamNamePrefix: aws.String("a/")}))
	require.Equal(t, []string{"b: ERROR three"}, filter(sdk.FilterLogEventsInput{LogStreamNames: []string{"b"}}))
}

func TestPutLogEvents_rejectsWhatIsTooOldOrTooNew(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	require.Equal(t, int32(1), *w.put("g", "s", -15*24*time.Hour, "old").RejectedLogEventsInfo.TooOldLogEventEndIndex)
	require.Equal(t, int32(0), *w.put("g", "s", 3*time.Hour, "new").RejectedLogEventsInfo.TooNewLogEventStartIndex)
	_, err := w.logs.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("g"),
		RetentionInDays: aws.Int32(1)})
	require.NoError(t, err)
	require.Equal(t, int32(1), *w.put("g", "s", -25*time.Hour, "expired").RejectedLogEventsInfo.ExpiredLogEventEndIndex)
	require.Nil(t, w.put("g", "s", 0, "kept").RejectedLogEventsInfo)
	out, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g")})
	require.NoError(t, err)
	require.Len(t, out.Events, 1)
	w.Advance(26 * time.Hour)
	out, err = w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g")})
	require.NoError(t, err)
	require.Empty(t, out.Events, "retention has removed it")
}

func TestDescribe_ordersAndPages(t *testing.T) {
	w := start(t)
	for i := range 5 {
		w.stream("g", fmt.Sprintf("s%d", i))
		w.put("g", fmt.Sprintf("s%d", i), time.Duration((i*3)%5)*time.Minute, "x")
		_, err := w.logs.CreateLogGroup(ctx,
			&sdk.CreateLogGroupInput{LogGroupName: aws.String(fmt.Sprintf("/aws/lambda/f%d", i))})
		require.NoError(t, err)
	}
	list := func(in sdk.DescribeLogStreamsInput) (out []string) {
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(2)
		pages := sdk.NewDescribeLogStreamsPaginator(w.logs, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			require.NoError(t, err)
			for _, s := range page.LogStreams {
				out = append(out, *s.LogStreamName)
			}
		}
		return out
	}
	require.Equal(t, []string{"s0", "s1", "s2", "s3", "s4"}, list(sdk.DescribeLogStreamsInput{}))
	require.Equal(t, []string{"s4", "s3", "s2", "s1", "s0"}, list(sdk.DescribeLogStreamsInput{Descending: aws.Bool(true)}))
	// Last events at 0, 3, 1, 4, 2 minutes.
	require.Equal(t, []string{"s3", "s1", "s4", "s2", "s0"},
		list(sdk.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)}))
	var names []string
	pages := sdk.NewDescribeLogGroupsPaginator(w.logs,
		&sdk.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/"), Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		for _, g := range page.LogGroups {
			names = append(names, *g.LogGroupName)
		}
	}
	require.Len(t, names, 5)
	_, err := w.logs.DeleteLogStream(ctx, &sdk.DeleteLogStreamInput{LogGroupName: aws.String("g"),
		LogStreamName: aws.String("s0")})
	require.NoError(t, err)
	out, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: aws.String("g")})
	require.NoError(t, err)
	require.Len(t, out.Events, 4)
	_, err = w.logs.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("g")})
	require.NoError(t, err)
}

func TestWrongRequests_getAWSErrors(t *testing.T) {
	w := start(t)
	w.stream("g", "s")
	now := w.Clock.Now().UnixMilli()
	g, s, missing := aws.String("g"), aws.String("s"), aws.String("missing")
	ev := func(at int64, m string) types.InputLogEvent {
		return types.InputLogEvent{Timestamp: &at, Message: &m}
	}
	var many []types.InputLogEvent
	for range 10001 {
		many = append(many, ev(now, "x"))
	}
	put := func(g, s *string, events ...types.InputLogEvent) error {
		_, err := w.logs.PutLogEvents(ctx, &sdk.PutLogEventsInput{LogGroupName: g, LogStreamName: s, LogEvents: events})
		return err
	}
	for name, c := range map[string]struct {
		code string
		do   func() error
	}{
		"group exists": {"ResourceAlreadyExistsException", func() error {
			_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: g})
			return err
		}},
		"group name": {"InvalidParameterException", func() error {
			_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("a b")})
			return err
		}},
		"group name length": {"InvalidParameterException", func() error {
			_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String(strings.Repeat("x", 513))})
			return err
		}},
		"group class": {"InvalidParameterException", func() error {
			_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: missing, LogGroupClass: "X"})
			return err
		}},
		"customer key": {"NotImplemented", func() error {
			_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: missing, KmsKeyId: g})
			return err
		}},
		"delete group": {"ResourceNotFoundException", func() error {
			_, err := w.logs.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: missing})
			return err
		}},
		"stream exists": {"ResourceAlreadyExistsException", func() error {
			_, err := w.logs.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: g, LogStreamName: s})
			return err
		}},
		"stream in nothing": {"ResourceNotFoundException", func() error {
			_, err := w.logs.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: missing, LogStreamName: s})
			return err
		}},
		"stream name": {"InvalidParameterException", func() error {
			_, err := w.logs.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: g, LogStreamName: aws.String("a:b")})
			return err
		}},
		"delete stream": {"ResourceNotFoundException", func() error {
			_, err := w.logs.DeleteLogStream(ctx, &sdk.DeleteLogStreamInput{LogGroupName: g, LogStreamName: missing})
			return err
		}},
		"put group":   {"ResourceNotFoundException", func() error { return put(missing, s, ev(now, "x")) }},
		"put stream":  {"ResourceNotFoundException", func() error { return put(g, missing, ev(now, "x")) }},
		"put nothing": {"InvalidParameterException", func() error { return put(g, s, []types.InputLogEvent{}...) }},
		"put empty":   {"InvalidParameterException", func() error { return put(g, s, ev(now, "")) }},
		"put order":   {"InvalidParameterException", func() error { return put(g, s, ev(now, "x"), ev(now-1, "y")) }},
		"put span": {"InvalidParameterException", func() error {
			return put(g, s, ev(now-86400001, "x"), ev(now, "y"))
		}},
		"put large event": {"InvalidParameterException", func() error {
			return put(g, s, ev(now, strings.Repeat("x", 1<<20)))
		}},
		"put large batch": {"InvalidParameterException", func() error {
			return put(g, s, ev(now, strings.Repeat("x", 600000)), ev(now, strings.Repeat("x", 600000)))
		}},
		"put many": {"InvalidParameterException", func() error { return put(g, s, many...) }},
		"get stream": {"ResourceNotFoundException", func() error {
			_, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: g, LogStreamName: missing})
			return err
		}},
		"get token": {"InvalidParameterException", func() error {
			_, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: g, LogStreamName: s, NextToken: s})
			return err
		}},
		"get no group": {"InvalidParameterException", func() error {
			_, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogStreamName: s})
			return err
		}},
		"get limit": {"InvalidParameterException", func() error {
			_, err := w.logs.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: g, LogStreamName: s,
				Limit: aws.Int32(10001)})
			return err
		}},
		"filter group": {"ResourceNotFoundException", func() error {
			_, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: missing})
			return err
		}},
		"filter stream": {"ResourceNotFoundException", func() error {
			_, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: g,
				LogStreamNames: []string{"missing"}})
			return err
		}},
		"filter pattern": {"InvalidParameterException", func() error {
			_, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: g, FilterPattern: aws.String("{ $.a")})
			return err
		}},
		"filter both": {"InvalidParameterException", func() error {
			_, err := w.logs.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: g, LogStreamNames: []string{"s"},
				LogStreamNamePrefix: s})
			return err
		}},
		"retention": {"InvalidParameterException", func() error {
			_, err := w.logs.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: g,
				RetentionInDays: aws.Int32(2)})
			return err
		}},
		"retention group": {"ResourceNotFoundException", func() error {
			_, err := w.logs.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: missing,
				RetentionInDays: aws.Int32(3)})
			return err
		}},
		"streams by time": {"InvalidParameterException", func() error {
			_, err := w.logs.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupName: g,
				OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: s})
			return err
		}},
		"groups both": {"InvalidParameterException", func() error {
			_, err := w.logs.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{LogGroupNamePrefix: g, LogGroupNamePattern: g})
			return err
		}},
		"groups token": {"InvalidParameterException", func() error {
			_, err := w.logs.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{NextToken: aws.String("!")})
			return err
		}},
		"insights": {"NotImplemented", func() error {
			_, err := w.logs.StartQuery(ctx, &sdk.StartQueryInput{StartTime: &now, EndTime: &now, QueryString: s})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var api smithy.APIError
			err := c.do()
			require.ErrorAs(t, err, &api)
			require.Equal(t, c.code, api.ErrorCode(), api.ErrorMessage())
			require.NotEmpty(t, api.ErrorMessage())
		})
	}
}
