package s3

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// checkTags holds the rules for tags of objects and buckets.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
func checkTags(tags []types.Tag, most int64) error {
	bad := func(element, value, text string) error {
		return gateway.Errorf(http.StatusBadRequest, "InvalidTag", "%s", text).With(element, value)
	}
	if int64(len(tags)) > most {
		return gateway.Errorf(http.StatusBadRequest, "BadRequest", "Object tags cannot be greater than %d", most)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		k := deref(t.Key)
		switch {
		case k == "" || len(k) > 128:
			return bad("TagKey", k, "The TagKey you have provided is invalid")
		case len(deref(t.Value)) > 256:
			return bad("TagValue", deref(t.Value), "The TagValue you have provided is invalid")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return bad("TagKey", k, "System tags cannot be added/updated by requester")
		case seen[k]:
			return bad("TagKey", k, "Cannot provide multiple Tags with the same key")
		}
		seen[k] = true
	}
	return nil
}

const untidyTags = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters " +
	"without tag name duplicates."

// parseTags reads x-amz-tagging, which is written like a query.
func parseTags(header string) ([]types.Tag, error) {
	if header == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(header)
	if err != nil {
		return nil,
			argument("x-amz-tagging", header, "%s", untidyTags)
	}
	var tags []types.Tag
	for k, v := range values {
		if len(v) > 1 {
			return nil,
				argument("x-amz-tagging", header, "%s", untidyTags)
		}
		tags = append(tags, types.Tag{Key: ptr(k), Value: ptr(v[0])})
	}
	slices.SortFunc(tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return tags, checkTags(tags, limit("objectTags"))
}

// change edits one version of an object, with the event that tells of it.
func (s *Service) change(ctx context.Context, name, key, id, owner *string, event string,
	edit func(b bucket, v *version) error) (b bucket, v version, err error) {
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if b, err = s.bucket(tx, name, owner); err != nil {
			return err
		}
		if v, err = s.pick(tx, *name, *key, id); err != nil {
			return changing(ctx, err)
		}
		if err := edit(b, &v); err != nil {
			return err
		}
		e, _ := s.objects.Get(tx, everywhere, objectKey(*name, *key)) // pick has seen it
		s.putVersion(tx, b, &e, v)
		if event != "" {
			s.announce(tx, origin(ctx), b, &e, v, event)
		}
		s.putEntry(tx, b, e)
		return nil
	})
	return b, v, err
}

// changing names the method of a request that would change what is a delete marker.
func changing(ctx context.Context, err error) error {
	var e *gateway.Error
	if req := gateway.From(ctx).HTTP; errors.As(err, &e) && e.Fields["Method"] != "" && req != nil {
		return e.With("Method", req.Method)
	}
	return err
}

func (s *Service) PutObjectTagging(ctx context.Context, in *s3.PutObjectTaggingInput) (*s3.PutObjectTaggingOutput,
	error) {
	if err := checkTags(in.Tagging.TagSet, limit("objectTags")); err != nil {
		return nil, err
	}
	b, v, err := s.change(ctx, in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, "ObjectTagging:Put",
		func(_ bucket, v *version) error {
			v.Tags = in.Tagging.TagSet
			return nil
		})
	return &s3.PutObjectTaggingOutput{VersionId: v.shown(b)}, err
}

func (s *Service) DeleteObjectTagging(ctx context.Context,
	in *s3.DeleteObjectTaggingInput) (*s3.DeleteObjectTaggingOutput, error) {
	b, v, err := s.change(ctx, in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, "ObjectTagging:Delete",
		func(_ bucket, v *version) error {
			v.Tags = nil
			return nil
		})
	return &s3.DeleteObjectTaggingOutput{VersionId: v.shown(b)}, err
}

func (s *Service) GetObjectTagging(_ context.Context, in *s3.GetObjectTaggingInput) (*s3.GetObjectTaggingOutput,
	error) {
	b, v, err := s.lookup(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	return &s3.GetObjectTaggingOutput{TagSet: orNone(v.Tags), VersionId: v.shown(b)}, err
}

// orNone makes an empty list of none: the element must be there.
func orNone(tags []types.Tag) []types.Tag {
	if tags == nil {
		return []types.Tag{}
	}
	return tags
}
