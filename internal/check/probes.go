package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
)

func (s *session) probe(ctx context.Context, p lab.Probe) (any, error) {
	switch {
	case p.Objects != nil:
		return s.objects(ctx, p.Objects)
	case p.Records != nil:
		return s.streamRecords(ctx, p.Records.Stream)
	case p.Shards != nil:
		return s.shards(ctx, p.Shards.Stream)
	case p.Items != nil:
		return s.items(ctx, p.Items)
	case p.Messages != nil:
		return s.messages(ctx, p.Messages.Queue)
	case p.Queue != nil:
		return s.queue(ctx, p.Queue.Queue)
	case p.Function != nil:
		name, err := s.expand(p.Function.Function)
		if err != nil {
			return nil, err
		}
		out, err := lambda.NewFromConfig(s.config).GetFunctionConfiguration(ctx,
			&lambda.GetFunctionConfigurationInput{FunctionName: &name})
		return asJSON(out, err)
	case p.Mappings != nil:
		name, err := s.expand(p.Mappings.Function)
		if err != nil {
			return nil, err
		}
		out, err := lambda.NewFromConfig(s.config).ListEventSourceMappings(ctx,
			&lambda.ListEventSourceMappingsInput{FunctionName: &name})
		if err != nil {
			return nil, err
		}
		return asJSON(append(out.EventSourceMappings[:0:0], out.EventSourceMappings...), nil)
	case p.Calls != nil:
		return s.calls(ctx, p.Calls)
	case p.Call != nil:
		return s.apiCall(ctx, s.looks, p.Call)
	case p.Logs != nil:
		return s.logs(ctx, p.Logs)
	}
	return nil, errors.New("the probe is empty")
}

// asJSON shows an SDK value under AWS's own member names.
func asJSON(v any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := parseJSON(b)
	if out == nil {
		out = []any{}
	}
	return out, nil
}

func (s *session) objects(ctx context.Context, p *lab.ObjectsProbe) (any, error) {
	v, err := s.expandAll(p.Bucket, p.Prefix)
	if err != nil {
		return nil, err
	}
	client, out := s.s3(), []any{}
	if p.Versions {
		pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &v[0], Prefix: &v[1]})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, o := range page.Versions {
				m, err := s.object(ctx, client, v[0], *o.Key, o.VersionId, p.Parse)
				if err != nil {
					return nil, err
				}
				if out, err = s.found(out, m); err != nil {
					return nil, err
				}
			}
			for _, d := range page.DeleteMarkers {
				if out, err = s.found(out, map[string]any{"key": aws.ToString(d.Key), "versionId": aws.ToString(d.VersionId),
					"deleted": true}); err != nil {
					return nil, err
				}
			}
		}
		return out, nil
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &v[0], Prefix: &v[1]})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			m, err := s.object(ctx, client, v[0], *o.Key, nil, p.Parse)
			if err != nil {
				return nil, err
			}
			if out, err = s.found(out, m); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (s *session) object(ctx context.Context, client *s3.Client, bucket, key string, version *string,
	parse string) (map[string]any, error) {
	o, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, VersionId: version})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	sum, body := sha256.New(), []byte(nil)
	size := int64(0)
	if parse == "" { // only its sum is asked for: it need not be in memory
		size, err = io.Copy(sum, o.Body)
	} else if body, err = s.readAll(o.Body); err == nil {
		size = int64(len(body))
		sum.Write(body)
	}
	if err != nil {
		return nil, err
	}
	m := map[string]any{"key": key, "size": size, "etag": aws.ToString(o.ETag),
		"contentType": aws.ToString(o.ContentType),
		"metadata":    o.Metadata, "versionId": aws.ToString(o.VersionId), "deleted": false,
		"sha256": hex.EncodeToString(sum.Sum(nil))}
	switch parse {
	case "text":
		m["text"] = string(body)
	case "json":
		m["json"] = parseJSON(body)
	case "jsonl":
		m["jsonl"] = parseLines(body)
	case "csv":
		m["csv"] = parseCSV(body)
	}
	return m, nil
}

func (s *session) shardList(ctx context.Context, stream string) ([]kinesistypes.Shard, error) {
	out, err := kinesis.NewFromConfig(s.looks).ListShards(ctx, &kinesis.ListShardsInput{StreamName: &stream})
	if err != nil {
		return nil, err
	}
	shards := out.Shards
	for out.NextToken != nil {
		if out, err = kinesis.NewFromConfig(s.looks).ListShards(ctx,
			&kinesis.ListShardsInput{NextToken: out.NextToken}); err != nil {
			return nil, err
		}
		shards = append(shards, out.Shards...)
	}
	return shards, nil
}

func (s *session) shards(ctx context.Context, name string) (any, error) {
	stream, err := s.expand(name)
	if err != nil {
		return nil, err
	}
	list, err := s.shardList(ctx, stream)
	out := []any{}
	for _, sh := range list {
		closed := sh.SequenceNumberRange != nil && sh.SequenceNumberRange.EndingSequenceNumber != nil
		out = append(out, map[string]any{"id": aws.ToString(sh.ShardId), "parent": aws.ToString(sh.ParentShardId),
			"closed": closed})
	}
	return out, err
}

func (s *session) streamRecords(ctx context.Context, name string) (any, error) {
	stream, err := s.expand(name)
	if err != nil {
		return nil, err
	}
	shards, err := s.shardList(ctx, stream)
	if err != nil {
		return nil, err
	}
	client, out := kinesis.NewFromConfig(s.looks), []any{}
	for _, sh := range shards {
		it, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &stream, ShardId: sh.ShardId,
			ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
		if err != nil {
			return nil, err
		}
		order := int64(0)
		for next := it.ShardIterator; next != nil; {
			page, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next})
			if err != nil {
				return nil, err
			}
			for _, r := range page.Records {
				if out, err = s.found(out, map[string]any{"shard": *sh.ShardId, "sequence": aws.ToString(r.SequenceNumber),
					"key":  aws.ToString(r.PartitionKey),
					"text": string(r.Data), "json": parseJSON(r.Data), "order": order}); err != nil {
					return nil, err
				}
				order++
			}
			// An empty page short of the tip is possible; at the tip we are done.
			if next = page.NextShardIterator; len(page.Records) == 0 && aws.ToInt64(page.MillisBehindLatest) == 0 {
				break
			}
		}
	}
	return out, nil
}

func (s *session) queue(ctx context.Context, name string) (any, error) {
	queue, err := s.expand(name)
	if err != nil {
		return nil, err
	}
	r, err := sqs.NewFromConfig(s.config).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue,
		AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for k, v := range r.Attributes {
		if out[k] = parseJSON([]byte(v)); out[k] == nil {
			out[k] = v
		}
	}
	return out, nil
}

func (s *session) trace(ctx context.Context) ([]emulator.Call, error) {
	calls, err := s.o.Emulator.Control().Trace(ctx, s.after)
	if err == nil && len(calls) > 0 && calls[0].Seq != s.after+1 {
		return nil, &forgotten{calls[len(calls)-1].Seq - s.after}
	}
	return calls, err
}

// forgotten is the failure of a pipeline that made more calls than are recorded: what
// is missing may be what a check looks for, so the rest is the basis of no verdict.
type forgotten struct{ calls uint64 }

func (f *forgotten) Error() string {
	return fmt.Sprintf("%d calls were made during this check, more than are recorded, and so none of them is looked at",
		f.calls)
}

// span is a stretch of the trace: after the first call, up to the last.
type span struct{ first, last uint64 }

// lastCall is the newest call of the trace; 0 where nothing is recorded.
func (s *session) lastCall(ctx context.Context) (uint64, error) {
	if !slices.Contains(s.o.Emulator.Capabilities(), emulator.CallTrace) {
		return 0, nil
	}
	last, err := s.o.Emulator.Control().LastCall(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the trace: %w", err)
	}
	return last, nil
}

func (s *session) calls(ctx context.Context, p *lab.CallsProbe) (any, error) {
	resource, err := s.expand(p.Resource)
	if err != nil {
		return nil, err
	}
	all, err := s.trace(ctx)
	out := []any{}
	for _, c := range all {
		ok := (p.Service == "" || p.Service == c.Service) && (resource == "" || resource == c.Resource)
		if hit, e := path.Match(p.Operation, c.Operation); p.Operation != "" && (e != nil || !hit) {
			ok = false
		}
		if p.During != "" {
			at := s.spans[p.During]
			ok = ok && c.Seq > at.first && c.Seq <= at.last
		}
		if !ok || p.OthersOnly && s.own.has(c.ID) {
			continue
		}
		out = append(out, map[string]any{"service": c.Service, "operation": c.Operation, "resource": c.Resource,
			"principal": c.Principal,
			"internal":  c.Internal, "error": c.Error, "entries": int64(c.Entries), "failed": int64(c.Failed), "bytes": c.Bytes,
			"millis": c.Time.UnixMilli(), "rows": int64(c.Rows), "scanned": int64(c.Scanned), "id": c.ID, "parent": c.Parent,
			"began": c.Time.UnixMicro(), "ended": c.Time.UnixMicro() + int64(c.Millis*1000)})
	}
	return out, err
}
