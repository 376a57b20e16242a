package kinesis

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources of actions:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisdatastreams.html
func (s *Service) Describe() gateway.Descriptor {
	return gateway.Descriptor{
		Name: "kinesis", Title: "Kinesis Data Streams",
		Errors:  gateway.Errors{Throttled: wire.Fault{Code: "ProvisionedThroughputExceededException"}},
		Members: gateway.Members{Used: members(), Kept: kept()},
		Operations: gateway.With(append(s.streamOperations(), s.recordOperations()...),
			gateway.Prefix("kinesis"),
			gateway.About(streamARN, "StreamARN", "StreamName"), gateway.About(streamARN, "ResourceARN"),
			gateway.Traced(nil, "StreamName"), gateway.Traced(gateway.LastPart, "StreamARN")),
	}
}

// streamARN is the ARN of a stream, or of what an ARN names.
func streamARN(name string, scope ident.Scope) string {
	return scope.Named("kinesis", "stream/", name)
}

// streamOperations manage streams and consumers.
func (s *Service) streamOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateStream),
		gateway.Op(c, s.DeleteStream),
		gateway.Op(c, s.DescribeStream),
		gateway.Op(c, s.DescribeStreamSummary),
		gateway.Op(c, s.DescribeLimits),
		gateway.Op(c, s.ListStreams),
		gateway.Op(c, s.ListShards, gateway.On(func(in *kinesis.ListShardsInput, c *gateway.Call) []string {
			return s.ofToken(c, in.StreamARN, in.StreamName, in.NextToken)
		})),
		gateway.Op(c, s.SplitShard),
		gateway.Op(c, s.MergeShards),
		gateway.Op(c, s.UpdateShardCount, gateway.Anything()),
		gateway.Op(c, s.IncreaseStreamRetentionPeriod),
		gateway.Op(c, s.DecreaseStreamRetentionPeriod),
		gateway.Op(c, s.AddTagsToStream),
		gateway.Op(c, s.RemoveTagsFromStream),
		gateway.Op(c, s.ListTagsForStream),
		gateway.Op(c, s.TagResource),
		gateway.Op(c, s.UntagResource),
		gateway.Op(c, s.ListTagsForResource),
		gateway.Op(c, s.PutResourcePolicy),
		gateway.Op(c, s.GetResourcePolicy),
		gateway.Op(c, s.DeleteResourcePolicy),
		gateway.Op(c, s.StartStreamEncryption),
		gateway.Op(c, s.StopStreamEncryption),
		gateway.Op(c, s.EnableEnhancedMonitoring, gateway.Anything()),
		gateway.Op(c, s.DisableEnhancedMonitoring, gateway.Anything()),
		gateway.Op(c, s.UpdateMaxRecordSize),
		gateway.Op(c, s.UpdateStreamMode, gateway.Anything()),
		gateway.Op(c, s.DescribeAccountSettings),
		gateway.Op(c, s.RegisterStreamConsumer),
		gateway.Op(c, s.DeregisterStreamConsumer,
			gateway.On(func(in *kinesis.DeregisterStreamConsumerInput, c *gateway.Call) []string {
				return s.consumerARN(c, in.ConsumerARN, in.StreamARN, in.ConsumerName)
			})),
		gateway.Op(c, s.DescribeStreamConsumer,
			gateway.On(func(in *kinesis.DescribeStreamConsumerInput, c *gateway.Call) []string {
				return s.consumerARN(c, in.ConsumerARN, in.StreamARN, in.ConsumerName)
			})),
		gateway.Op(c, s.ListStreamConsumers),
	}
}

// recordOperations move records.
func (s *Service) recordOperations() []gateway.Operation {
	d := gateway.Data
	return []gateway.Operation{
		gateway.Op(d, s.PutRecord),
		gateway.Op(d, s.PutRecords, gateway.Batched(splitRecords)),
		gateway.Op(d, s.GetShardIterator),
		gateway.Op(d, s.GetRecords, gateway.On(func(in *kinesis.GetRecordsInput, c *gateway.Call) []string {
			if in.StreamARN != nil {
				return []string{*in.StreamARN}
			}
			it, err := decodeIterator(aws.ToString(in.ShardIterator))
			if err != nil {
				return []string{"*"} // the handler will say what is wrong with it
			}
			return []string{streamARN(it.Stream, c.Scope)}
		})),
		gateway.StreamOp[kinesis.SubscribeToShardInput, kinesis.SubscribeToShardOutput](d, s.SubscribeToShard,
			gateway.On(func(in *kinesis.SubscribeToShardInput, c *gateway.Call) []string {
				return s.consumerARN(c, in.ConsumerARN, nil, nil)
			})),
	}
}

// ofToken is the stream of a list, which its next pages name in their token.
func (s *Service) ofToken(c *gateway.Call, arn, name, token *string) []string {
	switch {
	case arn != nil:
		return []string{*arn}
	case name != nil:
		return []string{streamARN(*name, c.Scope)}
	}
	page, err := decodeToken(aws.ToString(token), c.Time)
	if err != nil {
		return []string{"*"} // as with iterators
	}
	return []string{streamARN(page.Stream, c.Scope)}
}

// consumerARN is the ARN of a consumer that a request names in either way. A
// consumer that does not exist has none: the stream's stands for it.
func (s *Service) consumerARN(c *gateway.Call, arn, stream, name *string) []string {
	if arn != nil {
		return []string{*arn}
	}
	found := []string{"*"}
	if stream != nil {
		found = []string{*stream}
	}
	_ = s.host.Store.View(func(tx *store.Tx) error { // only reads
		if k, _, _, err := s.findConsumer(tx, c, nil, stream, name); err == nil {
			found = []string{k.ARN}
		}
		return nil
	})
	return found
}

// kept are the members that change nothing here, each with the reason.
func kept() map[string]string {
	return map[string]string{
		"UpdateShardCountInput.ScalingType": "UNIFORM_SCALING is the only one; the model refuses others",
		"StopStreamEncryptionInput.KeyId":   "whichever key it names, encryption ends",
		"ListStreamConsumersInput.StreamCreationTimestamp": "tells a stream from a namesake that was deleted, which is " +
			"gone here with its consumers",
	}
}
