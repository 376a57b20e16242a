package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/cfn"
)

// Remove deletes a stack with everything in it: what its buckets hold, what its
// functions wrote to their logs, and what a deletion policy would keep. It is
// how an emulator that cannot be emptied is taken back to the beginning.
func Remove(ctx context.Context, cfg aws.Config, state State, stack string, progress func(cfn.Event)) error {
	engine, p, err := newEngine(ctx, cfg, state, progress)
	if err != nil {
		return err
	}
	d, err := engine.Load(ctx, stack)
	if err != nil || d == nil {
		return err
	}
	for _, r := range d.Resources {
		r.DeletionPolicy = ""
		switch {
		case r.PhysicalID == "":
		case r.Type == "AWS::S3::Bucket":
			err = p.emptyBucket(ctx, r.PhysicalID)
		case r.Type == "AWS::Lambda::Function":
			err = p.dropLogs(ctx, "/aws/lambda/"+r.PhysicalID)
		}
		if err != nil {
			return fmt.Errorf("empty %s: %w", r.LogicalID, err)
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := state.Save(ctx, stack, b); err != nil {
		return err
	}
	if err := engine.Delete(ctx, stack); err != nil {
		return err
	}
	return state.Save(ctx, stack, nil)
}

// emptyBucket deletes every version of every object, and parts of uploads that
// were never finished. What Object Lock holds in compliance mode stays, which
// is an error.
func (p *Provider) emptyBucket(ctx context.Context, bucket string) error {
	// Only a bucket with Object Lock takes a request that would bypass it.
	locked, err := p.locks(ctx, bucket)
	if err != nil {
		return gone(err)
	}
	drop := func(key, version *string) error {
		_, err := p.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: key, VersionId: version,
			BypassGovernanceRetention: locked})
		return err
	}
	pages := s3.NewListObjectVersionsPaginator(p.s3, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return gone(err)
		}
		for _, v := range page.Versions {
			if err := drop(v.Key, v.VersionId); err != nil {
				return err
			}
		}
		for _, m := range page.DeleteMarkers {
			if err := drop(m.Key, m.VersionId); err != nil {
				return err
			}
		}
	}
	uploads := s3.NewListMultipartUploadsPaginator(p.s3, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if _, err := p.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key,
				UploadId: u.UploadId}); err != nil {
				return err
			}
		}
	}
	return nil
}

// locks tells whether a bucket has Object Lock: true, or nil.
func (p *Provider) locks(ctx context.Context, bucket string) (*bool, error) {
	out, err := p.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &bucket})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ObjectLockConfigurationNotFoundError" {
		return nil, nil // what a request takes for no
	}
	if err != nil || out.ObjectLockConfiguration == nil ||
		out.ObjectLockConfiguration.ObjectLockEnabled != s3types.ObjectLockEnabledEnabled {
		return nil, err
	}
	return aws.Bool(true), nil
}

// gone takes a bucket that is not there for an empty one.
func gone(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket" {
		return nil
	}
	return err
}

func (p *Provider) dropLogs(ctx context.Context, group string) error {
	_, err := p.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group})
	var none *logtypes.ResourceNotFoundException
	if errors.As(err, &none) {
		return nil // it has never run
	}
	return err
}
