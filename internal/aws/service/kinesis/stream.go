package kinesis

import (
	"context"
	"fmt"
	"math/big"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// settling is how long a stream stays in CREATING, UPDATING or DELETING.
//
// AWS: seconds to minutes. Here it is short, but long enough to be seen.
const settling = 50 * time.Millisecond

// stream is a data stream.
type stream struct {
	Name      string
	ARN       string
	Mode      types.StreamMode
	Created   time.Time
	Settled   time.Time // until then the state is Pending
	Pending   types.StreamStatus
	Retention int32 // hours
	NextShard int
	NextSeq   uint64 // counter inside sequence numbers, by stream
	Tags      map[string]string
	KeyID     string              // of KMS; empty while not encrypted
	Metrics   []types.MetricsName // shard-level metrics that are on
	// MaxRecordKiB is the largest record; 0 stands for AWS's default.
	MaxRecordKiB int32
	Switched     []time.Time // when the mode was changed, the latest ones
}

func (st *stream) status(now time.Time) types.StreamStatus {
	if now.Before(st.Settled) {
		return st.Pending
	}
	return types.StreamStatusActive
}

// find returns a stream by name or ARN. A stream that has finished deleting is
// gone.
func (s *Service) find(tx *store.Tx, c *gateway.Call, name, arn *string) (stream, ident.Scope, error) {
	scope := c.Scope
	n := aws.ToString(name)
	if arn != nil {
		a, err := ident.ParseARN(*arn)
		if err != nil || a.Service != "kinesis" {
			return stream{}, scope, invalid("Invalid StreamARN: %s", *arn)
		}
		scope, n = a.Scope(), strings.TrimPrefix(a.Resource, "stream/")
		n, _, _ = strings.Cut(n, "/")
	}
	if n == "" {
		return stream{}, scope, invalid("Either StreamName or StreamARN should be provided.")
	}
	st, ok := s.streams.Get(tx, scope, n)
	if !ok || st.Pending == types.StreamStatusDeleting && !c.Time.Before(st.Settled) {
		return stream{}, scope, &types.ResourceNotFoundException{Message: aws.String(
			fmt.Sprintf("Stream %s under account %s not found.", n, scope.Account))}
	}
	return st, scope, nil
}

func invalid(format string, args ...any) error {
	return &types.InvalidArgumentException{Message: aws.String(fmt.Sprintf(format, args...))}
}

// active is find for operations that need an ACTIVE stream.
func (s *Service) active(tx *store.Tx, c *gateway.Call, name, arn *string) (stream, ident.Scope, error) {
	st, scope, err := s.find(tx, c, name, arn)
	if err == nil && st.status(c.Time) != types.StreamStatusActive {
		err = &types.ResourceInUseException{Message: aws.String(fmt.Sprintf(
			"Stream %s under account %s not ACTIVE, instead in state %s", st.Name, scope.Account, st.status(c.Time)))}
	}
	return st, scope, err
}

// CreateStream makes a stream whose shards share the hash space evenly.
func (s *Service) CreateStream(ctx context.Context, in *kinesis.CreateStreamInput) (*kinesis.CreateStreamOutput,
	error) {
	c := gateway.From(ctx)
	mode := types.StreamModeProvisioned
	if in.StreamModeDetails != nil {
		mode = in.StreamModeDetails.StreamMode
	}
	count := int(aws.ToInt32(in.ShardCount))
	switch {
	case mode == types.StreamModeOnDemand && in.ShardCount != nil:
		return nil,
			&types.ValidationException{Message: aws.String("ShardCount should not be specified for on-demand streams.")}
	case mode == types.StreamModeOnDemand:
		count = int(limit("onDemandShards"))
	case in.ShardCount == nil:
		return nil, &types.ValidationException{Message: aws.String("ShardCount must be specified for provisioned streams.")}
	case int64(count) > limit("shardsPerStream"):
		return nil, &types.LimitExceededException{Message: aws.String(fmt.Sprintf(
			"This request would exceed the shard limit for the account %s in %s.", c.Scope.Account, c.Scope.Region))}
	}
	st := stream{
		Name: aws.ToString(in.StreamName), Mode: mode, Created: c.Time, Settled: c.Time.Add(settling),
		Pending: types.StreamStatusCreating, Retention: int32(limit("retentionDefaultHours")), Tags: in.Tags,
		MaxRecordKiB: aws.ToInt32(in.MaxRecordSizeInKiB),
	}
	st.ARN = c.Scope.ARN("kinesis", "stream/"+st.Name)
	err := s.host.Store.Update(func(tx *store.Tx) error {
		if _, _, err := s.find(tx, c, in.StreamName, nil); err == nil {
			return &types.ResourceInUseException{Message: aws.String(fmt.Sprintf(
				"Stream %s under account %s already exists.", st.Name, c.Scope.Account))}
		}
		s.erase(tx, c.Scope, st.Name) // what a deleted stream of this name left
		for _, r := range evenly(count) {
			s.shards.Put(tx, c.Scope, shardKey(st.Name, st.NextShard), st.newShard(r, c.Time))
			st.NextShard++
		}
		s.streams.Put(tx, c.Scope, st.Name, st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.CreateStreamOutput{}, nil
}

// erase removes the shards and records of a stream.
func (s *Service) erase(tx *store.Tx, scope ident.Scope, name string) {
	drop(tx, s.shards, scope, store.Key(name, ""))
	drop(tx, s.records, scope, store.Key(name, ""))
	drop(tx, s.consumers, scope, store.Key(name, ""))
	drop(tx, s.policies, scope, store.Key(name, ""))
	s.streams.Delete(tx, scope, name)
}

func drop[T any](tx *store.Tx, c *store.Collection[T], scope ident.Scope, prefix string) {
	var keys []string
	c.Scan(tx, scope, prefix, "", func(k string, _ T) bool {
		keys = append(keys, k)
		return true
	})
	for _, k := range keys {
		c.Delete(tx, scope, k)
	}
}

// DeleteStream begins the deletion of a stream.
func (s *Service) DeleteStream(ctx context.Context, in *kinesis.DeleteStreamInput) (*kinesis.DeleteStreamOutput,
	error) {
	c := gateway.From(ctx)
	var arn string
	err := s.host.Store.Update(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, in.StreamName, in.StreamARN)
		if err != nil {
			return err
		}
		used := false
		s.consumers.Scan(tx, scope, store.Key(st.Name, ""), "", func(string, consumer) bool { used = true; return false })
		if used && !aws.ToBool(in.EnforceConsumerDeletion) {
			return &types.ResourceInUseException{Message: aws.String(fmt.Sprintf(
				"Stream %s under account %s has at least one registered consumer. Delete the stream with EnforceConsumerDeletion.",
				st.Name, scope.Account))}
		}
		drop(tx, s.records, scope, store.Key(st.Name, ""))
		st.Pending, st.Settled = types.StreamStatusDeleting, c.Time.Add(settling)
		s.streams.Put(tx, scope, st.Name, st)
		arn = st.ARN
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.host.Signals.Notify(arn) // subscriptions end
	return &kinesis.DeleteStreamOutput{}, nil
}

// DescribeStream returns a stream with a page of its shards.
func (s *Service) DescribeStream(ctx context.Context, in *kinesis.DescribeStreamInput) (*kinesis.DescribeStreamOutput,
	error) {
	c := gateway.From(ctx)
	var out *types.StreamDescription
	err := s.host.Store.View(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, in.StreamName, in.StreamARN)
		if err != nil {
			return err
		}
		page := int(limit("describePage"))
		if in.Limit != nil {
			page = min(page, int(*in.Limit))
		}
		out = &types.StreamDescription{
			StreamName: &st.Name, StreamARN: &st.ARN, StreamStatus: st.status(c.Time), RetentionPeriodHours: &st.Retention,
			StreamCreationTimestamp: &st.Created, EncryptionType: st.encryption(), KeyId: st.keyID(),
			HasMoreShards:      aws.Bool(false),
			StreamModeDetails:  &types.StreamModeDetails{StreamMode: st.Mode},
			EnhancedMonitoring: st.monitoring(), Shards: []types.Shard{},
		}
		if out.StreamStatus == types.StreamStatusCreating {
			return nil // AWS shows no shards yet
		}
		for _, sh := range s.shardsOf(tx, scope, st.Name) {
			if id := sh.id(); in.ExclusiveStartShardId != nil && id <= *in.ExclusiveStartShardId {
				continue
			}
			if len(out.Shards) == page {
				out.HasMoreShards = aws.Bool(true)
				break
			}
			out.Shards = append(out.Shards, sh.describe())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.DescribeStreamOutput{StreamDescription: out}, nil
}

// DescribeStreamSummary returns a stream without its shards.
func (s *Service) DescribeStreamSummary(ctx context.Context,
	in *kinesis.DescribeStreamSummaryInput) (*kinesis.DescribeStreamSummaryOutput, error) {
	c := gateway.From(ctx)
	var out *types.StreamDescriptionSummary
	err := s.host.Store.View(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, in.StreamName, in.StreamARN)
		if err != nil {
			return err
		}
		open, consumers := int32(0), int32(0)
		for _, sh := range s.shardsOf(tx, scope, st.Name) {
			if sh.open() {
				open++
			}
		}
		s.consumers.Scan(tx, scope, store.Key(st.Name, ""), "", func(string, consumer) bool { consumers++; return true })
		out = &types.StreamDescriptionSummary{
			StreamName: &st.Name, StreamARN: &st.ARN, StreamStatus: st.status(c.Time), RetentionPeriodHours: &st.Retention,
			StreamCreationTimestamp: &st.Created, EncryptionType: st.encryption(), KeyId: st.keyID(), OpenShardCount: &open,
			ConsumerCount:      &consumers,
			MaxRecordSizeInKiB: aws.Int32(int32(st.maxRecord() >> 10)),
			StreamModeDetails:  &types.StreamModeDetails{StreamMode: st.Mode},
			EnhancedMonitoring: st.monitoring(),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: out}, nil
}

// ListStreams returns stream names in order, a page at a time.
func (s *Service) ListStreams(ctx context.Context, in *kinesis.ListStreamsInput) (*kinesis.ListStreamsOutput, error) {
	c := gateway.From(ctx)
	page := int(limit("listStreamsPage"))
	if in.Limit != nil {
		page = min(page, int(*in.Limit))
	}
	start := aws.ToString(in.ExclusiveStartStreamName)
	if in.NextToken != nil {
		start = *in.NextToken
	}
	out := &kinesis.ListStreamsOutput{HasMoreStreams: aws.Bool(false), StreamNames: []string{},
		StreamSummaries: []types.StreamSummary{}}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		s.streams.Scan(tx, c.Scope, "", start, func(name string, st stream) bool {
			if name == start || st.Pending == types.StreamStatusDeleting && !c.Time.Before(st.Settled) {
				return true
			}
			if len(out.StreamNames) == page {
				out.HasMoreStreams, out.NextToken = aws.Bool(true), aws.String(out.StreamNames[page-1])
				return false
			}
			out.StreamNames = append(out.StreamNames, name)
			out.StreamSummaries = append(out.StreamSummaries, types.StreamSummary{
				StreamName: &st.Name, StreamARN: &st.ARN, StreamStatus: st.status(c.Time), StreamCreationTimestamp: &st.Created,
				StreamModeDetails: &types.StreamModeDetails{StreamMode: st.Mode},
			})
			return true
		})
		return nil
	})
}

// DescribeLimits returns the account's shard limit and use.
func (s *Service) DescribeLimits(ctx context.Context, _ *kinesis.DescribeLimitsInput) (*kinesis.DescribeLimitsOutput,
	error) {
	c := gateway.From(ctx)
	out := &kinesis.DescribeLimitsOutput{
		ShardLimit:               aws.Int32(int32(limit("shardsPerStream"))),
		OnDemandStreamCountLimit: aws.Int32(int32(limit("onDemandStreams"))),
		OpenShardCount:           aws.Int32(0), OnDemandStreamCount: aws.Int32(0),
	}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		s.streams.Scan(tx, c.Scope, "", "", func(name string, st stream) bool {
			if st.Mode == types.StreamModeOnDemand {
				*out.OnDemandStreamCount++
				return true
			}
			for _, sh := range s.shardsOf(tx, c.Scope, name) {
				if sh.open() {
					*out.OpenShardCount++
				}
			}
			return true
		})
		return nil
	})
}

// IncreaseStreamRetentionPeriod accepts the present value too, as AWS does.
func (s *Service) IncreaseStreamRetentionPeriod(ctx context.Context,
	in *kinesis.IncreaseStreamRetentionPeriodInput) (*kinesis.IncreaseStreamRetentionPeriodOutput, error) {
	err := s.setRetention(ctx, in.StreamName, in.StreamARN, aws.ToInt32(in.RetentionPeriodHours),
		func(old, now int32) error {
			if now < old {
				return invalid(
					"Requested retention period (%d hours) for stream %s can not be shorter than existing retention period (%d "+
						"hours). Use DecreaseRetentionPeriod API.", now, aws.ToString(in.StreamName), old)
			}
			return nil
		})
	return &kinesis.IncreaseStreamRetentionPeriodOutput{}, err
}

// DecreaseStreamRetentionPeriod shortens retention; older records are gone at once.
func (s *Service) DecreaseStreamRetentionPeriod(ctx context.Context,
	in *kinesis.DecreaseStreamRetentionPeriodInput) (*kinesis.DecreaseStreamRetentionPeriodOutput, error) {
	err := s.setRetention(ctx, in.StreamName, in.StreamARN, aws.ToInt32(in.RetentionPeriodHours),
		func(old, now int32) error {
			if now > old {
				return invalid(
					"Requested retention period (%d hours) for stream %s can not be longer than existing retention period (%d "+
						"hours). Use IncreaseRetentionPeriod API.", now, aws.ToString(in.StreamName), old)
			}
			return nil
		})
	return &kinesis.DecreaseStreamRetentionPeriodOutput{}, err
}

func (s *Service) setRetention(ctx context.Context, name, arn *string, hours int32,
	check func(old, now int32) error) error {
	c := gateway.From(ctx)
	if int64(hours) < limit("retentionMinHours") || int64(hours) > limit("retentionMaxHours") {
		return invalid(
			"Minimum allowed retention period is %d hours and maximum is %d hours. Requested retention period (%d hours) is "+
				"out of range.",
			limit("retentionMinHours"), limit("retentionMaxHours"), hours)
	}
	var st stream
	var scope ident.Scope
	err := s.host.Store.Update(func(tx *store.Tx) (err error) {
		if st, scope, err = s.active(tx, c, name, arn); err != nil {
			return err
		}
		if err := check(st.Retention, hours); err != nil {
			return err
		}
		st.Retention = hours
		s.streams.Put(tx, scope, st.Name, st)
		return nil
	})
	if err == nil {
		s.sweep(scope, st.Name)
	}
	return err
}

// evenly cuts the space of MD5 hashes into n ranges.
func evenly(n int) []hashRange {
	space := new(big.Int).Lsh(big.NewInt(1), 128)
	out := make([]hashRange, n)
	for i := range out {
		from := new(big.Int).Div(new(big.Int).Mul(space, big.NewInt(int64(i))), big.NewInt(int64(n)))
		to := new(big.Int).Div(new(big.Int).Mul(space, big.NewInt(int64(i+1))), big.NewInt(int64(n)))
		out[i] = hashRange{From: from, To: to.Sub(to, big.NewInt(1))}
	}
	return out
}

func (s *Service) shardsOf(tx *store.Tx, scope ident.Scope, name string) []shard {
	var out []shard
	s.shards.Scan(tx, scope, store.Key(name, ""), "", func(_ string, sh shard) bool {
		out = append(out, sh)
		return true
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Number < out[j].Number })
	return out
}
