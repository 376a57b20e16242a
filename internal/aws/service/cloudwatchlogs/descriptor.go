package cloudwatchlogs

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources of actions:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
func (s *Service) Describe() gateway.Descriptor {
	return gateway.Descriptor{
		Name: "cloudwatchlogs", Title: "CloudWatch Logs",
		Errors:  gateway.Errors{Wording: wire.Wording{Invalid: wire.Fault{Code: "InvalidParameterException"}}},
		Members: gateway.Members{Used: members(), Kept: kept()},
		Operations: gateway.With(s.operations(),
			gateway.Prefix("logs"),
			gateway.About(anyStream, "LogGroupName", "LogGroupIdentifier"),
			gateway.ByARN("ResourceArn"),
			gateway.Traced(nil, "LogGroupName")),
	}
}

func (s *Service) operations() []gateway.Operation {
	c, d := gateway.Control, gateway.Data
	return []gateway.Operation{
		gateway.Op(c, s.CreateLogGroup),
		gateway.Op(c, s.DeleteLogGroup),
		gateway.Op(c, s.DescribeLogGroups,
			gateway.On(func(_ *sdk.DescribeLogGroupsInput, c *gateway.Call) []string {
				return []string{anyStream("", c.Scope)}
			})),
		gateway.Op(c, s.PutRetentionPolicy),
		gateway.Op(c, s.DeleteRetentionPolicy),
		gateway.Op(c, s.TagResource),
		gateway.Op(c, s.UntagResource),
		gateway.Op(c, s.ListTagsForResource),
		gateway.Op(c, s.TagLogGroup),
		gateway.Op(c, s.UntagLogGroup),
		gateway.Op(c, s.ListTagsLogGroup),
		gateway.Op(c, s.CreateLogStream, gateway.On(func(in *sdk.CreateLogStreamInput, c *gateway.Call) []string {
			return oneStream(c, in.LogGroupName, in.LogStreamName)
		})),
		gateway.Op(c, s.DeleteLogStream, gateway.On(func(in *sdk.DeleteLogStreamInput, c *gateway.Call) []string {
			return oneStream(c, in.LogGroupName, in.LogStreamName)
		})),
		gateway.Op(c, s.DescribeLogStreams),
		gateway.Op(d, s.PutLogEvents, gateway.On(func(in *sdk.PutLogEventsInput, c *gateway.Call) []string {
			return oneStream(c, in.LogGroupName, in.LogStreamName)
		})),
		gateway.Op(d, s.GetLogEvents, gateway.On(func(in *sdk.GetLogEventsInput, c *gateway.Call) []string {
			group := in.LogGroupName
			if group == nil {
				group = in.LogGroupIdentifier
			}
			return oneStream(c, group, in.LogStreamName)
		})),
		gateway.Op(d, s.FilterLogEvents),
		gateway.Op(d, s.TestMetricFilter),
	}
}

// anyStream is how a group appears in the resource of a call that is about all
// of it: a policy has to allow "log-group:NAME:*" for it, except for tagging.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
func anyStream(group string, scope ident.Scope) string {
	if ident.IsARN(group) {
		return strings.TrimSuffix(group, ":*") + ":log-stream:"
	}
	return groupARN(scope, group) + ":log-stream:"
}

func oneStream(c *gateway.Call, group, stream *string) []string {
	return []string{anyStream(aws.ToString(group), c.Scope) + aws.ToString(stream)}
}

// kept are the members that change nothing here, each with the reason.
func kept() map[string]string {
	return map[string]string{
		"PutLogEventsInput.SequenceToken": `"now ignored in PutLogEvents actions", API_PutLogEvents`,
		"GetLogEventsInput.Unmask":        "without data protection policies nothing is masked",
		"FilterLogEventsInput.Unmask":     "without data protection policies nothing is masked",
		"FilterLogEventsInput.Interleaved": `"this parameter is ignored and the value is assumed to be true", ` +
			"API_FilterLogEvents",
	}
}
