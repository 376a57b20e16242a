package esm

import (
	"context"
	"encoding/json"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

// kinesisSource reads a data stream.
type kinesisSource struct {
	caller
	role  string
	arn   string // of the stream
	event string // eventSourceARN: of the stream or of its consumer
}

// pace leaves other readers of a shard their share; a consumer has its own.
func (k *kinesisSource) pace() float64 {
	if k.event != k.arn {
		return 0
	}
	return 1 / float64(limit("streamPollSeconds"))
}

func (k *kinesisSource) shards(ctx context.Context) ([]shardInfo, error) {
	var out []shardInfo
	for in := (&sdk.ListShardsInput{StreamARN: &k.arn}); ; {
		page, err := call[sdk.ListShardsOutput](ctx, k.host, k.who, k.scope, "kinesis", "ListShards", in)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Shards {
			info := shardInfo{id: *s.ShardId, closed: s.SequenceNumberRange != nil &&
				s.SequenceNumberRange.EndingSequenceNumber != nil}
			for _, p := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
				if p != nil {
					info.parents = append(info.parents, *p)
				}
			}
			out = append(out, info)
		}
		if page.NextToken == nil {
			return out, nil
		}
		in = &sdk.ListShardsInput{NextToken: page.NextToken}
	}
}

func (k *kinesisSource) describe(ctx context.Context) (keep time.Duration, created time.Time, err error) {
	out, err := call[sdk.DescribeStreamSummaryOutput](ctx, k.host, k.who, k.scope, "kinesis", "DescribeStreamSummary",
		&sdk.DescribeStreamSummaryInput{StreamARN: &k.arn})
	if err != nil {
		return 0, created, err
	}
	d := out.StreamDescriptionSummary
	return time.Duration(*d.RetentionPeriodHours) * time.Hour, d.StreamCreationTimestamp.UTC(), nil
}

func (k *kinesisSource) iterator(ctx context.Context, shard string, p position) (string, error) {
	in := &sdk.GetShardIteratorInput{StreamARN: &k.arn, ShardId: &shard,
		ShardIteratorType: types.ShardIteratorType(p.Kind)}
	switch p.Kind {
	case afterSeq:
		in.StartingSequenceNumber = &p.Seq
	case atTime:
		in.Timestamp = &p.At
	}
	out, err := call[sdk.GetShardIteratorOutput](ctx, k.host, k.who, k.scope, "kinesis", "GetShardIterator", in)
	if err != nil {
		return "", err
	}
	return text(out.ShardIterator), nil
}

func (k *kinesisSource) read(ctx context.Context, shard, iterator string) (recs []*record, next string, caught bool,
	err error) {
	// The consumer's ARN says that this is not one of the shared reads.
	out, err := call[sdk.GetRecordsOutput](ctx, k.host, k.who, k.scope, "kinesis", "GetRecords",
		&sdk.GetRecordsInput{ShardIterator: &iterator, StreamARN: &k.event})
	if err != nil {
		return nil, "", false, err
	}
	for i := range out.Records {
		recs = append(recs, k.record(shard, &out.Records[i]))
	}
	caught = text(out.NextShardIterator) == "" || out.MillisBehindLatest == nil || *out.MillisBehindLatest == 0
	return recs, text(out.NextShardIterator), caught, nil
}

// kinesisEvent is a record in a function's event.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
type kinesisEvent struct {
	Kinesis           kinesisData `json:"kinesis"`
	EventSource       string      `json:"eventSource"`
	EventVersion      string      `json:"eventVersion"`
	EventID           string      `json:"eventID"`
	EventName         string      `json:"eventName"`
	InvokeIdentityArn string      `json:"invokeIdentityArn"`
	AwsRegion         string      `json:"awsRegion"`
	EventSourceARN    string      `json:"eventSourceARN"`
}

type kinesisData struct {
	SchemaVersion  string  `json:"kinesisSchemaVersion"`
	PartitionKey   string  `json:"partitionKey"`
	SequenceNumber string  `json:"sequenceNumber"`
	Data           []byte  `json:"data"`
	Arrival        float64 `json:"approximateArrivalTimestamp"`
}

// seconds is a time as events state it: with milliseconds.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

func (k *kinesisSource) record(shard string, r *types.Record) *record {
	seq, data := text(r.SequenceNumber), r.Data
	if data == nil {
		data = []byte{}
	}
	ev := kinesisEvent{
		Kinesis: kinesisData{SchemaVersion: "1.0", PartitionKey: text(r.PartitionKey), SequenceNumber: seq, Data: data,
			Arrival: seconds(*r.ApproximateArrivalTimestamp)},
		EventSource: "aws:kinesis", EventVersion: "1.0", EventID: shard + ":" + seq, EventName: "aws:kinesis:record",
		InvokeIdentityArn: k.role, AwsRegion: k.scope.Region, EventSourceARN: k.event,
	}
	return &record{
		seq: seq, at: r.ApproximateArrivalTimestamp.UTC(), key: text(r.PartitionKey), event: encode(ev),
		filters: func() any { return ev.forFilter() },
	}
}

// forFilter is the record as patterns see it: the members of kinesis on the
// top level and data decoded, when it is JSON.
func (e kinesisEvent) forFilter() any {
	doc := map[string]any{
		"kinesisSchemaVersion": e.Kinesis.SchemaVersion, "partitionKey": e.Kinesis.PartitionKey,
		"sequenceNumber":              e.Kinesis.SequenceNumber,
		"approximateArrivalTimestamp": encodeNumber(e.Kinesis.Arrival), "eventSource": e.EventSource,
		"eventVersion": e.EventVersion,
		"eventID":      e.EventID, "eventName": e.EventName, "invokeIdentityArn": e.InvokeIdentityArn,
		"awsRegion": e.AwsRegion, "eventSourceARN": e.EventSourceARN,
	}
	if v, err := filter.Decode(e.Kinesis.Data); err == nil {
		doc["data"] = v
	} else {
		doc["data"] = notJSON{}
	}
	return doc
}

// notJSON stands for a payload that is not JSON: no rule about its members may
// match it, {"exists": false} included.
type notJSON struct{}

func encodeNumber(f float64) json.Number {
	b, _ := json.Marshal(f) // seconds since 1970 always marshal
	return json.Number(b)
}
