package cloudwatchlogs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/require"
)

func TestWrongRequests_areRefusedAsAWSDoes(t *testing.T) {
	l := start(t)
	l.group("g", "s", "other")
	l.put("g", "s", l.at(0, "one"))
	const (
		bad     = "InvalidParameterException"
		gone    = "ResourceNotFoundException"
		exists  = "ResourceAlreadyExistsException"
		missing = "NotImplemented"
	)
	g, s, no := aws.String("g"), aws.String("s"), aws.String("nosuch")
	put := func(events ...types.InputLogEvent) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := l.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: g, LogStreamName: s, LogEvents: events})
			return err
		}
	}
	filter := func(in cloudwatchlogs.FilterLogEventsInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := l.FilterLogEvents(ctx, &in); return err }
	}
	pattern := func(p string) func(context.Context) error {
		return filter(cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, FilterPattern: &p})
	}
	get := func(in cloudwatchlogs.GetLogEventsInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := l.GetLogEvents(ctx, &in); return err }
	}
	create := func(in cloudwatchlogs.CreateLogGroupInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := l.CreateLogGroup(ctx, &in); return err }
	}
	streams := func(in cloudwatchlogs.DescribeLogStreamsInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := l.DescribeLogStreams(ctx, &in); return err }
	}
	groups := func(in cloudwatchlogs.DescribeLogGroupsInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := l.DescribeLogGroups(ctx, &in); return err }
	}
	tooMany := map[string]string{}
	for i := range 49 {
		tooMany[fmt.Sprint(i)] = ""
	}
	arn := func(group string) *string {
		return aws.String("arn:aws:logs:us-east-1:000000000000:log-group:" + group)
	}
	for name, c := range map[string]struct {
		code string
		call func(context.Context) error
	}{
		"group exists":          {exists, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: g})},
		"group name characters": {bad, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("a b")})},
		"group name reserved":   {bad, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("aws/x")})},
		"group name too long":   {bad, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(many(513))})},
		"group class unknown":   {bad, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: no, LogGroupClass: "CHEAP"})},
		"group class":           {missing, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: no, LogGroupClass: types.LogGroupClassInfrequentAccess})},
		"group key":             {missing, create(cloudwatchlogs.CreateLogGroupInput{LogGroupName: no, KmsKeyId: aws.String("k")})},
		"delete no group": {gone, func(ctx context.Context) error {
			_, err := l.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: no})
			return err
		}},
		"prefix and pattern": {bad, groups(cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: g, LogGroupNamePattern: g})},
		"groups token":       {bad, groups(cloudwatchlogs.DescribeLogGroupsInput{NextToken: g})},
		"groups limit":       {bad, groups(cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(51)})},
		"groups elsewhere":   {missing, groups(cloudwatchlogs.DescribeLogGroupsInput{IncludeLinkedAccounts: aws.Bool(true)})},
		"retention of days": {bad, func(ctx context.Context) error {
			_, err := l.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: g, RetentionInDays: aws.Int32(2)})
			return err
		}},
		"retention of nothing": {gone, func(ctx context.Context) error {
			_, err := l.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: no})
			return err
		}},
		"too many tags": {"TooManyTagsException", func(ctx context.Context) error {
			for _, k := range []string{"a", "b"} {
				if _, err := l.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn("g"), Tags: map[string]string{k: ""}}); err != nil {
					return err
				}
			}
			_, err := l.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn("g"), Tags: tooMany})
			return err
		}},
		"tag nothing": {gone, func(ctx context.Context) error {
			_, err := l.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn("nosuch"), Tags: map[string]string{"a": ""}})
			return err
		}},
		"tags of another thing": {bad, func(ctx context.Context) error {
			_, err := l.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:us-east-1:000000000000:destination:d")})
			return err
		}},
		"stream exists": {exists, func(ctx context.Context) error {
			_, err := l.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: g, LogStreamName: s})
			return err
		}},
		"stream of no group": {gone, func(ctx context.Context) error {
			_, err := l.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: no, LogStreamName: s})
			return err
		}},
		"stream name characters": {bad, func(ctx context.Context) error {
			_, err := l.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: g, LogStreamName: aws.String("a:b")})
			return err
		}},
		"delete no stream": {gone, func(ctx context.Context) error {
			_, err := l.DeleteLogStream(ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: g, LogStreamName: no})
			return err
		}},
		"streams of no group":     {gone, streams(cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: no})},
		"streams of two groups":   {bad, streams(cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: g, LogGroupIdentifier: g})},
		"streams of neither":      {bad, streams(cloudwatchlogs.DescribeLogStreamsInput{})},
		"streams by time, prefix": {bad, streams(cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: g, LogStreamNamePrefix: s, OrderBy: types.OrderByLastEventTime})},
		"streams token":           {bad, streams(cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: g, NextToken: g})},
		"batch out of order":      {bad, put(l.at(time.Second, "b"), l.at(0, "a"))},
		"batch of two days":       {bad, put(l.at(-24*time.Hour, "a"), l.at(time.Second, "b"))},
		"batch too large":         {bad, put(l.at(0, many(1<<19)), l.at(0, many(1<<19)))},
		"batch too large by 26":   {bad, put(l.at(0, many(1<<20-25)))},
		"batch empty":             {bad, put([]types.InputLogEvent{}...)},
		"batch too long":          {bad, put(make10001(l)...)},
		"event empty":             {bad, put(l.at(0, ""))},
		"put nowhere": {gone, func(ctx context.Context) error {
			_, err := l.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: g, LogStreamName: no, LogEvents: []types.InputLogEvent{l.at(0, "a")}})
			return err
		}},
		"put an entity": {missing, func(ctx context.Context) error {
			_, err := l.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: g, LogStreamName: s, LogEvents: []types.InputLogEvent{l.at(0, "a")}, Entity: &types.Entity{}})
			return err
		}},
		"get from nowhere":         {gone, get(cloudwatchlogs.GetLogEventsInput{LogGroupName: g, LogStreamName: no})},
		"get token":                {bad, get(cloudwatchlogs.GetLogEventsInput{LogGroupName: g, LogStreamName: s, NextToken: g})},
		"get another stream's":     {bad, get(cloudwatchlogs.GetLogEventsInput{LogGroupName: g, LogStreamName: aws.String("other"), NextToken: l.tokenOf("g", "s")})},
		"get limit":                {bad, get(cloudwatchlogs.GetLogEventsInput{LogGroupName: g, LogStreamName: s, Limit: aws.Int32(10001)})},
		"get backwards in time":    {bad, get(cloudwatchlogs.GetLogEventsInput{LogGroupName: g, LogStreamName: s, StartTime: aws.Int64(9), EndTime: aws.Int64(8)})},
		"filter nowhere":           {gone, filter(cloudwatchlogs.FilterLogEventsInput{LogGroupName: no})},
		"filter no stream":         {gone, filter(cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, LogStreamNames: []string{"nosuch"}})},
		"filter names and prefix":  {bad, filter(cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, LogStreamNames: []string{"s"}, LogStreamNamePrefix: s})},
		"filter token":             {bad, filter(cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, NextToken: g})},
		"filter back from 2023":    {bad, filter(cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, StartFromHead: aws.Bool(false), StartTime: aws.Int64(1)})},
		"pattern: term characters": {bad, pattern("foo.bar")},
		"pattern: open quote":      {bad, pattern(`"foo`)},
		"pattern: open brace":      {bad, pattern(`{ $.a = 1`)},
		"pattern: open bracket":    {bad, pattern(`[a, b`)},
		"pattern: regex groups":    {bad, pattern(`%(a)%`)},
		"query": {missing, func(ctx context.Context) error {
			_, err := l.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{LogGroupName: g, QueryString: aws.String("fields @message"), StartTime: aws.Int64(0), EndTime: aws.Int64(1)})
			return err
		}},
		"metric filter": {missing, func(ctx context.Context) error {
			_, err := l.PutMetricFilter(ctx, &cloudwatchlogs.PutMetricFilterInput{LogGroupName: g, FilterName: s, FilterPattern: aws.String(""),
				MetricTransformations: []types.MetricTransformation{{MetricName: s, MetricNamespace: s, MetricValue: aws.String("1")}}})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.code, code(t, c.call(t.Context())))
		})
	}
	require.Equal(t, []string{"one"}, l.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: g}), "nothing of it was stored")
}

func make10001(l *lab) []types.InputLogEvent {
	out := make([]types.InputLogEvent, 10001)
	for i := range out {
		out[i] = l.at(0, "x")
	}
	return out
}

func (l *lab) tokenOf(group, stream string) *string {
	out, err := l.GetLogEvents(l.t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream})
	require.NoError(l.t, err)
	return out.NextForwardToken
}
