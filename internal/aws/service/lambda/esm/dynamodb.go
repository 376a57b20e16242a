package esm

import (
	"context"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

// dynamoSource reads the stream of a table.
type dynamoSource struct {
	caller
	arn string
}

// pace is unbounded: the emulated stream sets no limit on reads.
func (d *dynamoSource) pace() float64 { return 0 }

func (d *dynamoSource) shards(ctx context.Context) ([]shardInfo, error) {
	var out []shardInfo
	for in := (&sdk.DescribeStreamInput{StreamArn: &d.arn}); ; {
		page, err := call[sdk.DescribeStreamOutput](ctx, d.host, d.who, d.scope, "dynamodbstreams", "DescribeStream", in)
		if err != nil {
			return nil, err
		}
		for _, s := range page.StreamDescription.Shards {
			info := shardInfo{id: *s.ShardId, closed: s.SequenceNumberRange != nil &&
				s.SequenceNumberRange.EndingSequenceNumber != nil}
			if s.ParentShardId != nil {
				info.parents = []string{*s.ParentShardId}
			}
			out = append(out, info)
		}
		last := page.StreamDescription.LastEvaluatedShardId
		if last == nil {
			return out, nil
		}
		in = &sdk.DescribeStreamInput{StreamArn: &d.arn, ExclusiveStartShardId: last}
	}
}

func (d *dynamoSource) describe(context.Context) (keep time.Duration, created time.Time, err error) {
	return time.Duration(limits.Get("dynamodb", "streamRetentionSeconds")) * time.Second, created, nil
}

func (d *dynamoSource) iterator(ctx context.Context, shard string, p position) (string, error) {
	in := &sdk.GetShardIteratorInput{StreamArn: &d.arn, ShardId: &shard,
		ShardIteratorType: types.ShardIteratorType(p.Kind)}
	switch p.Kind {
	case afterSeq:
		in.SequenceNumber = &p.Seq
	case atTime:
		in.Timestamp = &p.At
	}
	out, err := call[sdk.GetShardIteratorOutput](ctx, d.host, d.who, d.scope, "dynamodbstreams", "GetShardIterator", in)
	if err != nil {
		return "", err
	}
	return text(out.ShardIterator), nil
}

func (d *dynamoSource) read(ctx context.Context, _, iterator string) (recs []*record, next string, caught bool,
	err error) {
	out, err := call[sdk.GetRecordsOutput](ctx, d.host, d.who, d.scope, "dynamodbstreams", "GetRecords",
		&sdk.GetRecordsInput{ShardIterator: &iterator})
	if err != nil {
		return nil, "", false, err
	}
	for i := range out.Records {
		recs = append(recs, d.record(&out.Records[i]))
	}
	return recs, text(out.NextShardIterator), len(recs) == 0, nil
}

// dynamoEvent is a record in a function's event.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
type dynamoEvent struct {
	EventID        string          `json:"eventID"`
	EventName      string          `json:"eventName"`
	EventVersion   string          `json:"eventVersion"`
	EventSource    string          `json:"eventSource"`
	AwsRegion      string          `json:"awsRegion"`
	DynamoDB       dynamoData      `json:"dynamodb"`
	UserIdentity   *dynamoIdentity `json:"userIdentity,omitempty"`
	EventSourceARN string          `json:"eventSourceARN"`
}

type dynamoData struct {
	Created  wholeSeconds   `json:"ApproximateCreationDateTime"`
	Keys     map[string]any `json:"Keys,omitempty"`
	NewImage map[string]any `json:"NewImage,omitempty"`
	OldImage map[string]any `json:"OldImage,omitempty"`
	Sequence string         `json:"SequenceNumber"`
	Size     int64          `json:"SizeBytes"`
	View     string         `json:"StreamViewType"`
}

// wholeSeconds is a time as functions get it: whole, and yet written with a decimal point,
// so that Python makes a float of it. Recorded on AWS: 1542392340.0.
type wholeSeconds int64

// MarshalJSON implements json.Marshaler.
func (s wholeSeconds) MarshalJSON() ([]byte, error) {
	return append(strconv.AppendInt(nil, int64(s), 10), ".0"...), nil
}

type dynamoIdentity struct {
	Type      string `json:"type"`
	Principal string `json:"principalId"`
}

func (d *dynamoSource) record(r *types.Record) *record {
	data := r.Dynamodb
	ev := dynamoEvent{
		EventID: text(r.EventID), EventName: string(r.EventName), EventVersion: text(r.EventVersion),
		EventSource: text(r.EventSource),
		AwsRegion:   d.scope.Region, EventSourceARN: d.arn,
		DynamoDB: dynamoData{
			Created: wholeSeconds(data.ApproximateCreationDateTime.Unix()),
			Keys:    image(data.Keys), NewImage: image(data.NewImage),
			OldImage: image(data.OldImage),
			Sequence: text(data.SequenceNumber), Size: *data.SizeBytes, View: string(data.StreamViewType),
		},
	}
	if id := r.UserIdentity; id != nil {
		ev.UserIdentity = &dynamoIdentity{text(id.Type), text(id.PrincipalId)}
	}
	body := encode(ev)
	return &record{
		seq: ev.DynamoDB.Sequence, at: data.ApproximateCreationDateTime.UTC(), event: body,
		key: string(encode(ev.DynamoDB.Keys)), // maps are written in order of their keys
		filters: func() any {
			v, _ := filter.Decode(body) // was written just now
			return v
		},
	}
}

// image is an item in DynamoDB's JSON; nil stays nil.
func image(item map[string]types.AttributeValue) map[string]any {
	if item == nil {
		return nil
	}
	out := make(map[string]any, len(item))
	for name, v := range item {
		out[name] = attribute(v)
	}
	return out
}

func attribute(v types.AttributeValue) map[string]any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, e := range v.Value {
			list[i] = attribute(e)
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": image(v.Value)}
	}
	return map[string]any{"NULL": true}
}
