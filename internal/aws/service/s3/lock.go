package s3

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

func noLock() error {
	return gateway.Errorf(http.StatusBadRequest, "InvalidRequest", "Bucket is missing Object Lock Configuration")
}

// lock sets what a request asks for, or else the bucket's default.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
func (v *version) lock(b bucket, mode types.ObjectLockMode, until *time.Time, hold types.ObjectLockLegalHoldStatus,
	now time.Time) error {
	switch {
	case mode == "" && until == nil && hold == "":
	case !b.Lock:
		return noLock()
	case (mode == "") != (until == nil):
		return argument("x-amz-object-lock-mode", string(mode),
			"x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
	case until != nil && !until.After(now):
		return argument("x-amz-object-lock-retain-until-date", until.UTC().Format(time.RFC3339),
			"The retain until date must be in the future!")
	case mode != "" && mode != types.ObjectLockModeGovernance && mode != types.ObjectLockModeCompliance:
		return argument("x-amz-object-lock-mode", string(mode), "Unknown wormMode directive.")
	}
	v.Mode, v.Hold = types.ObjectLockRetentionMode(mode), hold == types.ObjectLockLegalHoldStatusOn
	v.Held = hold != ""
	if until != nil {
		v.Until = until.UTC()
	}
	if d := b.Retention; v.Mode == "" && d != nil {
		v.Mode = d.Mode
		v.Until = now.AddDate(int(deref(d.Years)), 0, int(deref(d.Days)))
	}
	return nil
}

// locked refuses to remove a version that is kept.
func (v version) locked(now time.Time, bypass bool) error {
	kept := v.Until.After(now) && (v.Mode == types.ObjectLockRetentionModeCompliance || !bypass)
	if v.Hold || kept {
		return gateway.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock.")
	}
	return nil
}

func (s *Service) PutObjectLockConfiguration(_ context.Context,
	in *s3.PutObjectLockConfigurationInput) (*s3.PutObjectLockConfigurationOutput, error) {
	c := in.ObjectLockConfiguration
	if c == nil || c.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return nil, malformed()
	}
	var keep *types.DefaultRetention
	if c.Rule != nil {
		keep = c.Rule.DefaultRetention
		if keep == nil || (keep.Days == nil) == (keep.Years == nil) || !slices.Contains(keep.Mode.Values(), keep.Mode) {
			return nil, malformed()
		}
		if deref(keep.Days) < 0 || deref(keep.Years) < 0 || deref(keep.Days)+deref(keep.Years) == 0 {
			return nil, invalid("Default retention period must be a positive integer value.")
		}
	}
	return &s3.PutObjectLockConfigurationOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		if b.Versioning != types.BucketVersioningStatusEnabled {
			return gateway.Errorf(http.StatusConflict, "InvalidBucketState",
				"Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
		}
		b.Lock, b.Retention = true, keep
		return nil
	})
}

func (s *Service) GetObjectLockConfiguration(_ context.Context,
	in *s3.GetObjectLockConfigurationInput) (*s3.GetObjectLockConfigurationOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if !b.Lock {
		return nil, missing("ObjectLockConfigurationNotFoundError",
			"Object Lock configuration does not exist for this bucket", b.Name)
	}
	c := &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled}
	if b.Retention != nil {
		c.Rule = &types.ObjectLockRule{DefaultRetention: b.Retention}
	}
	return &s3.GetObjectLockConfigurationOutput{ObjectLockConfiguration: c}, nil
}

// PutObjectRetention implements the operation: a retention can be made longer;
// shorter only in governance mode by who may bypass it.
func (s *Service) PutObjectRetention(ctx context.Context, in *s3.PutObjectRetentionInput) (*s3.PutObjectRetentionOutput,
	error) {
	now := gateway.From(ctx).Time
	_, _, err := s.change(ctx, in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, "",
		func(b bucket, v *version) error {
			if !b.Lock {
				return noLock()
			}
			r := in.Retention
			if r == nil {
				r = &types.ObjectLockRetention{}
			}
			if (r.Mode == "") != (r.RetainUntilDate == nil) || r.Mode != "" && !slices.Contains(r.Mode.Values(), r.Mode) {
				return malformed()
			}
			if r.RetainUntilDate != nil && !r.RetainUntilDate.After(now) {
				return invalid("The retain until date must be in the future!")
			}
			weaker := r.RetainUntilDate == nil || r.RetainUntilDate.Before(v.Until) ||
				v.Mode != "" && r.Mode != v.Mode
			if v.Until.After(now) && weaker && (v.Mode == types.ObjectLockRetentionModeCompliance ||
				!deref(in.BypassGovernanceRetention)) {
				return gateway.Errorf(http.StatusForbidden, "AccessDenied",
					"Access Denied because object protected by object lock.")
			}
			v.Mode, v.Until = r.Mode, time.Time{}
			if r.RetainUntilDate != nil {
				v.Until = r.RetainUntilDate.UTC()
			}
			return nil
		})
	return &s3.PutObjectRetentionOutput{}, err
}

func (s *Service) GetObjectRetention(_ context.Context, in *s3.GetObjectRetentionInput) (*s3.GetObjectRetentionOutput,
	error) {
	b, v, err := s.lookup(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	switch {
	case err != nil:
		return nil, err
	case !b.Lock:
		return nil, noLock()
	case v.Mode == "":
		return nil, missing("NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration",
			b.Name)
	}
	return &s3.GetObjectRetentionOutput{Retention: &types.ObjectLockRetention{Mode: v.Mode, RetainUntilDate: &v.Until}},
		nil
}

func (s *Service) PutObjectLegalHold(ctx context.Context, in *s3.PutObjectLegalHoldInput) (*s3.PutObjectLegalHoldOutput,
	error) {
	_, _, err := s.change(ctx, in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, "",
		func(b bucket, v *version) error {
			switch {
			case !b.Lock:
				return noLock()
			case in.LegalHold == nil || in.LegalHold.Status != types.ObjectLockLegalHoldStatusOn &&
				in.LegalHold.Status != types.ObjectLockLegalHoldStatusOff:
				return malformed()
			}
			v.Hold, v.Held = in.LegalHold.Status == types.ObjectLockLegalHoldStatusOn, true
			return nil
		})
	return &s3.PutObjectLegalHoldOutput{}, err
}

func (s *Service) GetObjectLegalHold(_ context.Context, in *s3.GetObjectLegalHoldInput) (*s3.GetObjectLegalHoldOutput,
	error) {
	b, v, err := s.lookup(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	switch {
	case !b.Lock:
		return nil, noLock()
	case !v.Hold && !v.Held:
		return nil, gateway.Errorf(http.StatusNotFound, "NoSuchObjectLockConfiguration",
			"The specified object does not have a ObjectLock configuration")
	}
	return &s3.GetObjectLegalHoldOutput{LegalHold: &types.ObjectLockLegalHold{Status: v.hold()}}, nil
}
