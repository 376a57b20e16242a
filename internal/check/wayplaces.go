package check

import (
	"context"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
)

// shownPlace is what a probe looks at, in words; "" for what holds no records.
func (s *session) shownPlace(p lab.Probe) string {
	name := func(kind, value string) string {
		v, err := s.expand(value)
		if err != nil {
			return ""
		}
		return kind + " " + short(path.Base(v))
	}
	switch {
	case p.Records != nil:
		return name("the stream", p.Records.Stream)
	case p.Objects != nil:
		return name("the bucket", p.Objects.Bucket)
	case p.Items != nil:
		return name("the table", p.Items.Table)
	case p.Messages != nil:
		return name("the queue", p.Messages.Queue)
	}
	return ""
}

// change is a record of a table's stream.
type change struct{ id, image string }

// changed are the ids of the records that a write of an item has left in the table's
// stream; none where it has no stream, or the stream has forgotten it.
func (t *trail) changed(ctx context.Context, r *sending) (ids []string) {
	all, read := t.changes[r.target]
	if !read {
		all = t.readChanges(ctx, r.target)
		t.changes[r.target] = all
	}
	image := canonical(r.fields)
	for _, c := range all {
		if c.image == image {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// mostChanges bounds what is read of a stream to find one record.
const mostChanges = 20_000

func (t *trail) readChanges(ctx context.Context, table string) (out []change) {
	client := dynamodbstreams.NewFromConfig(t.s.looks)
	list, err := client.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{TableName: &table})
	if err != nil {
		return nil // what cannot be seen is not told
	}
	for _, stream := range list.Streams {
		about, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: stream.StreamArn})
		if err != nil {
			return out
		}
		for _, shard := range about.StreamDescription.Shards {
			id := aws.ToString(shard.ShardId)
			it, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: stream.StreamArn,
				ShardId: &id, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
			if err != nil {
				return out
			}
			for next := it.ShardIterator; next != nil && len(out) < mostChanges; {
				page, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
				if err != nil || len(page.Records) == 0 {
					break
				}
				for _, r := range page.Records {
					if d := r.Dynamodb; d != nil && d.NewImage != nil {
						out = append(out, change{digest.InShard(id, aws.ToString(d.SequenceNumber)), canonical(streamItem(d.NewImage))})
					}
				}
				next = page.NextShardIterator
			}
		}
	}
	return out
}

// streamItem is an item of a stream as expressions see items.
func streamItem(m map[string]streamtypes.AttributeValue) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = streamValue(v)
	}
	return out
}

func streamValue(v streamtypes.AttributeValue) any {
	switch t := v.(type) {
	case *streamtypes.AttributeValueMemberS:
		return t.Value
	case *streamtypes.AttributeValueMemberN:
		return plainNumber(t.Value)
	case *streamtypes.AttributeValueMemberBOOL:
		return t.Value
	case *streamtypes.AttributeValueMemberM:
		return streamItem(t.Value)
	case *streamtypes.AttributeValueMemberL:
		out := make([]any, len(t.Value))
		for i, e := range t.Value {
			out[i] = streamValue(e)
		}
		return out
	}
	return nil
}
