package dynamodbstreams

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Its actions are DynamoDB's:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
func (s *Service) Describe() gateway.Descriptor {
	c, d := gateway.Control, gateway.Data
	return gateway.Descriptor{
		Name: "dynamodbstreams", Title: "DynamoDB Streams",
		Errors: gateway.Errors{
			Throttled: wire.Fault{Code: "ProvisionedThroughputExceededException"},
			Wording:   wire.Wording{Failed: wire.Fault{Code: "InternalServerError"}, Sums: true},
		},
		Members: gateway.Members{Used: members()},
		Operations: gateway.With([]gateway.Operation{
			gateway.Op(c, s.ListStreams),
			gateway.Op(c, s.DescribeStream),
			gateway.Op(d, s.GetShardIterator),
			gateway.Op(d, s.GetRecords, gateway.On(func(in *dynamodbstreams.GetRecordsInput, _ *gateway.Call) []string {
				it, err := parseIterator(aws.ToString(in.ShardIterator))
				if err != nil {
					return []string{"*"} // the handler says what is wrong with it
				}
				return []string{it.ARN}
			})),
		}, gateway.Prefix("dynamodb"), gateway.Traced(gateway.LastPart, "TableName"),
			gateway.ByARN("StreamArn")),
	}
}
