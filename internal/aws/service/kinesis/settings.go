package kinesis

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// encryption is the type that answers and records carry.
//
// AWS: a record keeps the type it was written under. Here all of a stream's
// records show the stream's present one.
func (st *stream) encryption() types.EncryptionType {
	if st.KeyID == "" {
		return types.EncryptionTypeNone
	}
	return types.EncryptionTypeKms
}

func (st *stream) keyID() *string {
	if st.KeyID == "" {
		return nil
	}
	return &st.KeyID
}

func (st *stream) monitoring() []types.EnhancedMetrics {
	return []types.EnhancedMetrics{{ShardLevelMetrics: append([]types.MetricsName{}, st.Metrics...)}}
}

// maxRecord is the largest record that the stream takes, in bytes.
func (st *stream) maxRecord() int64 {
	if st.MaxRecordKiB == 0 {
		return limit("recordBytes")
	}
	return int64(st.MaxRecordKiB) << 10
}

// configure changes a stream's settings; it is UPDATING for a moment.
func (s *Service) configure(ctx context.Context, name, arn *string, change func(st *stream) error) (before,
	after stream, err error) {
	c := gateway.From(ctx)
	err = s.host.Store.Update(func(tx *store.Tx) error {
		st, scope, err := s.active(tx, c, name, arn)
		if err != nil {
			return err
		}
		before = st
		if err := change(&st); err != nil {
			return err
		}
		st.Pending, st.Settled = types.StreamStatusUpdating, c.Time.Add(settling)
		s.streams.Put(tx, scope, st.Name, st)
		after = st
		return nil
	})
	return before, after, err
}

// StartStreamEncryption turns server-side encryption on.
//
// AWS: the KMS key must exist and be enabled. Here any name of a key will do,
// and what is stored is not encrypted: nobody could tell.
func (s *Service) StartStreamEncryption(ctx context.Context,
	in *kinesis.StartStreamEncryptionInput) (*kinesis.StartStreamEncryptionOutput, error) {
	_, _, err := s.configure(ctx, in.StreamName, in.StreamARN, func(st *stream) error {
		if in.EncryptionType != types.EncryptionTypeKms {
			return invalid("EncryptionType must be KMS to start encryption, not %s.", in.EncryptionType)
		}
		st.KeyID = aws.ToString(in.KeyId)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.StartStreamEncryptionOutput{}, nil
}

// StopStreamEncryption turns it off.
func (s *Service) StopStreamEncryption(ctx context.Context,
	in *kinesis.StopStreamEncryptionInput) (*kinesis.StopStreamEncryptionOutput, error) {
	_, _, err := s.configure(ctx, in.StreamName, in.StreamARN, func(st *stream) error {
		if in.EncryptionType != types.EncryptionTypeKms {
			return invalid("EncryptionType must be KMS to stop encryption, not %s.", in.EncryptionType)
		}
		st.KeyID = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.StopStreamEncryptionOutput{}, nil
}

// EnableEnhancedMonitoring turns shard-level metrics on. CloudWatch metrics are
// not emulated: the setting shows, the metrics do not.
func (s *Service) EnableEnhancedMonitoring(ctx context.Context,
	in *kinesis.EnableEnhancedMonitoringInput) (*kinesis.EnableEnhancedMonitoringOutput, error) {
	before, after, err := s.monitor(ctx, in.StreamName, in.StreamARN, in.ShardLevelMetrics, true)
	if err != nil {
		return nil, err
	}
	return &kinesis.EnableEnhancedMonitoringOutput{StreamName: &after.Name, StreamARN: &after.ARN,
		CurrentShardLevelMetrics: before.monitoring()[0].ShardLevelMetrics,
		DesiredShardLevelMetrics: after.monitoring()[0].ShardLevelMetrics}, nil
}

// DisableEnhancedMonitoring turns them off.
func (s *Service) DisableEnhancedMonitoring(ctx context.Context,
	in *kinesis.DisableEnhancedMonitoringInput) (*kinesis.DisableEnhancedMonitoringOutput, error) {
	before, after, err := s.monitor(ctx, in.StreamName, in.StreamARN, in.ShardLevelMetrics, false)
	if err != nil {
		return nil, err
	}
	return &kinesis.DisableEnhancedMonitoringOutput{StreamName: &after.Name, StreamARN: &after.ARN,
		CurrentShardLevelMetrics: before.monitoring()[0].ShardLevelMetrics,
		DesiredShardLevelMetrics: after.monitoring()[0].ShardLevelMetrics}, nil
}

// monitor adds metrics to those of a stream, or takes them away.
func (s *Service) monitor(ctx context.Context, name, arn *string, metrics []types.MetricsName, on bool) (before,
	after stream, err error) {
	return s.configure(ctx, name, arn, func(st *stream) error {
		var next []types.MetricsName
		for _, m := range types.MetricsName("").Values() {
			named := slices.Contains(metrics, m) || slices.Contains(metrics, types.MetricsNameAll)
			if m != types.MetricsNameAll && (on && named || slices.Contains(st.Metrics, m) && (on || !named)) {
				next = append(next, m)
			}
		}
		st.Metrics = next
		return nil
	})
}

// UpdateMaxRecordSize changes how large one record may be.
func (s *Service) UpdateMaxRecordSize(ctx context.Context,
	in *kinesis.UpdateMaxRecordSizeInput) (*kinesis.UpdateMaxRecordSizeOutput, error) {
	_, _, err := s.configure(ctx, nil, in.StreamARN, func(st *stream) error {
		st.MaxRecordKiB = aws.ToInt32(in.MaxRecordSizeInKiB)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.UpdateMaxRecordSizeOutput{}, nil
}

// UpdateStreamMode changes between provisioned and on-demand capacity; the
// shards stay. AWS allows two changes in 24 hours.
// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamMode.html
func (s *Service) UpdateStreamMode(ctx context.Context,
	in *kinesis.UpdateStreamModeInput) (*kinesis.UpdateStreamModeOutput, error) {
	now := gateway.From(ctx).Time
	_, _, err := s.configure(ctx, nil, in.StreamARN, func(st *stream) error {
		if st.Mode == in.StreamModeDetails.StreamMode {
			return invalid("Stream %s is already in the mode %s.", st.Name, st.Mode)
		}
		var recent []time.Time
		for _, at := range st.Switched {
			if now.Sub(at) < 24*time.Hour {
				recent = append(recent, at)
			}
		}
		if int64(len(recent)) >= limit("modeChangesPerDay") {
			return &types.LimitExceededException{Message: aws.String(
				"The mode of a stream can be changed twice within 24 hours.")}
		}
		st.Mode, st.Switched = in.StreamModeDetails.StreamMode, append(recent, now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.UpdateStreamModeOutput{}, nil
}

// DescribeAccountSettings returns the account's billing commitment: none.
func (s *Service) DescribeAccountSettings(context.Context,
	*kinesis.DescribeAccountSettingsInput) (*kinesis.DescribeAccountSettingsOutput, error) {
	return &kinesis.DescribeAccountSettingsOutput{
		MinimumThroughputBillingCommitment: &types.MinimumThroughputBillingCommitmentOutput{
			Status: types.MinimumThroughputBillingCommitmentOutputStatusDisabled}}, nil
}
