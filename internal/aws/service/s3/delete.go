package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// deletion is what became of one key.
type deletion struct {
	marker  bool
	version *string
}

// remove deletes a key, which in versioned buckets means to put a delete marker
// on it, or one version for good.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
func (s *Service) remove(tx *store.Tx, from source, b bucket, key string, id *string, bypass bool) (deletion, error) {
	e, found := s.objects.Get(tx, everywhere, objectKey(b.Name, key))
	e.Key = key
	if id != nil {
		gone, ok := s.find(tx, b.Name, e, *id)
		if !ok {
			return deletion{version: id}, nil
		}
		if err := gone.locked(s.host.Clock.Now(), bypass); err != nil {
			return deletion{}, err
		}
		s.drop(tx, b, &e, gone)
		s.announce(tx, from, b, &e, gone, "ObjectRemoved:Delete")
		s.putEntry(tx, b, e)
		return deletion{marker: gone.Marker, version: id}, nil
	}
	if b.Versioning == "" {
		if !found {
			return deletion{}, nil
		}
		gone := e.Newest
		s.announce(tx, from, b, &e, gone, "ObjectRemoved:Delete")
		s.drop(tx, b, &e, gone)
		s.putEntry(tx, b, e)
		return deletion{}, nil
	}
	marker := version{Marker: true, Modified: s.host.Clock.Now()}
	s.push(tx, b, &e, &marker)
	s.announce(tx, from, b, &e, marker, "ObjectRemoved:DeleteMarkerCreated")
	s.putEntry(tx, b, e)
	return deletion{marker: true, version: ptr(marker.ID)}, nil
}

// DeleteObject implements the operation; deleting what is not there succeeds.
func (s *Service) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	out := &s3.DeleteObjectOutput{}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		b, err := s.bucket(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if in.IfMatch != nil {
			e, _ := s.objects.Get(tx, everywhere, objectKey(b.Name, *in.Key)) // none matches nothing
			if now := e.latest(); now == nil || !matches(*in.IfMatch, now.ETag) {
				return preconditionFailed("If-Match")
			}
		}
		d, err := s.remove(tx, origin(ctx), b, *in.Key, in.VersionId, deref(in.BypassGovernanceRetention))
		out.VersionId = d.version
		if d.marker {
			out.DeleteMarker = ptr(true)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteObjects implements the operation: each key for itself.
func (s *Service) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (*s3.DeleteObjectsOutput, error) {
	if n := len(in.Delete.Objects); n == 0 || n > int(limit("deleteKeys")) {
		return nil, malformed()
	}
	if _, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	out, call := &s3.DeleteObjectsOutput{}, gateway.From(ctx)
	for _, o := range in.Delete.Objects {
		needs := removed(in.Bucket, o.Key, o.VersionId, deref(in.BypassGovernanceRetention))
		if err := call.Refuses(needs...); err != nil {
			out.Errors = append(out.Errors, types.Error{Key: o.Key, VersionId: o.VersionId, Code: ptr(gateway.ErrorCode(err)),
				Message: ptr(gateway.ErrorMessage(err))})
			continue
		}
		var d deletion
		err := s.host.Store.Update(func(tx *store.Tx) error {
			b, err := s.bucket(tx, in.Bucket, nil)
			if err == nil {
				d, err = s.remove(tx, origin(ctx), b, *o.Key, o.VersionId, deref(in.BypassGovernanceRetention))
			}
			return err
		})
		switch {
		case err != nil && gateway.ErrorCode(err) == "":
			return nil, err
		case err != nil:
			out.Errors = append(out.Errors, types.Error{Key: o.Key, VersionId: o.VersionId, Code: ptr(gateway.ErrorCode(err)),
				Message: ptr("Access Denied because object protected by object lock.")})
		case !deref(in.Delete.Quiet):
			one := types.DeletedObject{Key: o.Key, VersionId: o.VersionId}
			if d.marker {
				one.DeleteMarker, one.DeleteMarkerVersionId = ptr(true), d.version
			}
			out.Deleted = append(out.Deleted, one)
		}
	}
	return out, nil
}
