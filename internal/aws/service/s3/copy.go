package s3

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// copySource is the origin of a copy: bucket, key and perhaps a version.
type copySource struct {
	bucket, key string
	version     *string
}

// parseSource reads x-amz-copy-source.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func parseSource(s string) (copySource, error) {
	path, query, _ := strings.Cut(s, "?")
	path, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	bucket, key, ok := strings.Cut(path, "/")
	if err != nil || !ok || bucket == "" || key == "" || strings.HasPrefix(s, "arn:") {
		return copySource{}, argument("x-amz-copy-source", "x-amz-copy-source",
			"Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	o := copySource{bucket: bucket, key: key}
	if id, given := strings.CutPrefix(query, "versionId="); given {
		o.version = &id
	}
	return o, nil
}

// fetch finds the source of a copy and holds its conditions. The caller releases
// the hold on its body.
func (s *Service) fetch(from string, match, none *string, since, until *time.Time, owner *string) (o copySource,
	b bucket, v version, hold *store.Hold, err error) {
	if o, err = parseSource(from); err != nil {
		return o, b, v, nil, err
	}
	if b, v, hold, err = s.lookupBody(&o.bucket, &o.key, o.version, owner); err != nil {
		return o, b, v, hold, err
	}
	err = readCondition(v, match, none, since, until)
	if gateway.ErrorCode(err) == "NotModified" { // a copy has no 304
		err = preconditionFailed("x-amz-copy-source-If-None-Match")
	}
	return o, b, v, hold, err
}

func (s *Service) CopyObject(ctx context.Context, in *s3.CopyObjectInput) (*s3.CopyObjectOutput, error) {
	o, from, old, source, err := s.fetch(*in.CopySource, in.CopySourceIfMatch, in.CopySourceIfNoneMatch,
		in.CopySourceIfModifiedSince,
		in.CopySourceIfUnmodifiedSince, in.ExpectedSourceBucketOwner)
	defer source.Release()
	if err != nil {
		return nil, err
	}
	if err := old.opened(in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey,
		in.CopySourceSSECustomerKeyMD5); err != nil {
		return nil, err
	}
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if old.Size > limit("putBytes") {
		return nil, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"The specified copy source is larger than the maximum allowable size for a copy source: %d", limit("putBytes"))
	}
	replace := in.MetadataDirective == types.MetadataDirectiveReplace
	if o.bucket == *in.Bucket && o.key == *in.Key && o.version == nil && !replace && in.StorageClass == "" &&
		in.ServerSideEncryption == "" && in.SSECustomerAlgorithm == nil {
		return nil, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"This copy request is illegal because it is trying to copy an object to itself "+
				"without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	v, err := copied(b, old, in, gateway.From(ctx).Time)
	if err != nil {
		return nil, err
	}
	hold, err := s.fillCopy(ctx, &v, old, string(in.ChecksumAlgorithm))
	if err != nil {
		return nil, err
	}
	defer hold.Release()
	if v, err = s.store(ctx, *in.Bucket, *in.Key, v, in.IfMatch, in.IfNoneMatch, "ObjectCreated:Copy", nil); err != nil {
		return nil, err
	}
	result := &types.CopyObjectResult{ETag: quoted(v.ETag), LastModified: ptr(v.Modified)}
	setChecksum(result, v.Sum)
	return &s3.CopyObjectOutput{CopyObjectResult: result, VersionId: v.shown(b), CopySourceVersionId: old.shown(from),
		ServerSideEncryption: v.SSE, SSEKMSKeyId: some(v.KMSKey), SSECustomerAlgorithm: v.customerAlgorithm(),
		SSECustomerKeyMD5: some(v.CustomerKey), Expiration: b.expiration(*in.Key, v)}, nil
}

// copied is what a copy will be, but for its body.
func copied(b bucket, old version, in *s3.CopyObjectInput, now time.Time) (version, error) {
	v, err := newVersion(b, *in.Key, in.Metadata, in.Tagging, in.StorageClass, in.ServerSideEncryption, in.SSEKMSKeyId,
		in.ACL)
	if err != nil {
		return v, err
	}
	if err := v.seal(b, in.ServerSideEncryption, in.SSECustomerAlgorithm, in.SSECustomerKey,
		in.SSECustomerKeyMD5); err != nil {
		return v, err
	}
	v.Headers = headers{in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.ContentType,
		in.Expires}
	if in.MetadataDirective != types.MetadataDirectiveReplace {
		v.Metadata, v.Headers = old.Metadata, old.Headers
	}
	if in.TaggingDirective != types.TaggingDirectiveReplace {
		v.Tags = old.Tags
	}
	return v, v.lock(b, in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus, now)
}

// fillCopy gives v the body of old. One that came in parts, or that shall have
// another checksum, is read once more: a copy is an object in one piece.
func (s *Service) fillCopy(ctx context.Context, v *version, old version, algorithm string) (*store.Hold,
	error) {
	if !old.Multipart && (algorithm == "" || algorithm == old.Sum.Algorithm) {
		v.fill(old.Parts[0])
		return nil, nil
	}
	if algorithm == "" {
		algorithm = old.Sum.Algorithm
	}
	body := s.read(old, 0, old.Size, nil)
	defer body.Close() //nolint:errcheck // only read
	p, hold, err := s.keep(ctx, body, checksum{Algorithm: algorithm})
	if err != nil {
		return nil, err
	}
	v.fill(p)
	return hold, nil
}

func (s *Service) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (*s3.UploadPartCopyOutput, error) {
	_, from, old, source, err := s.fetch(*in.CopySource, in.CopySourceIfMatch, in.CopySourceIfNoneMatch,
		in.CopySourceIfModifiedSince,
		in.CopySourceIfUnmodifiedSince, in.ExpectedSourceBucketOwner)
	defer source.Release()
	if err != nil {
		return nil, err
	}
	u, err := s.upload(in.Bucket, in.Key, in.UploadId, in.ExpectedBucketOwner, in.PartNumber)
	if err != nil {
		return nil, err
	}
	if err := old.opened(in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey,
		in.CopySourceSSECustomerKeyMD5); err != nil {
		return nil, err
	}
	if err := u.sameKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	piece := stretch{length: old.Size}
	if in.CopySourceRange != nil {
		piece, err = cut(old, in.CopySourceRange, nil)
		if err == nil && beyond(*in.CopySourceRange, old.Size) {
			return nil, gateway.Errorf(http.StatusBadRequest, "InvalidRange",
				"Range specified is not valid for source object of size: %d", old.Size)
		}
		if err != nil || piece.shown == nil || !exactRange(*in.CopySourceRange) {
			return nil,
				argument("x-amz-copy-source-range", *in.CopySourceRange,
					"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "+
						"zero-based offsets of the first and last bytes to copy")
		}
	}
	body := s.read(old, piece.offset, piece.length, nil)
	defer body.Close() //nolint:errcheck // only read
	p, hold, err := s.keep(ctx, body, checksum{Algorithm: u.partAlgorithm()})
	if err != nil {
		return nil, err
	}
	defer hold.Release()
	p.Number = *in.PartNumber
	if err := s.addPart(u, p); err != nil {
		return nil, err
	}
	result := &types.CopyPartResult{ETag: quoted(p.ETag), LastModified: ptr(p.Modified)}
	setChecksum(result, p.Sum)
	return &s3.UploadPartCopyOutput{CopyPartResult: result, CopySourceVersionId: old.shown(from),
		ServerSideEncryption: u.Object.SSE, SSEKMSKeyId: some(u.Object.KMSKey),
		SSECustomerAlgorithm: u.Object.customerAlgorithm(), SSECustomerKeyMD5: some(u.Object.CustomerKey)}, nil
}

// exactRange reports whether a range names both ends, as those of copies must.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
func exactRange(spec string) bool {
	_, both := ends(spec)
	return both
}

// beyond reports whether a range ends behind what there is.
func beyond(spec string, size int64) bool {
	last, both := ends(spec)
	return both && last >= size
}

// ends reads bytes=first-last, and reports whether both are there.
func ends(spec string) (last int64, both bool) {
	a, b, _ := strings.Cut(strings.TrimPrefix(spec, "bytes="), "-")
	_, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	return last, err1 == nil && err2 == nil
}
