package s3

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// PutObject stores an object when its body has arrived wholly and verified.
func (s *Service) PutObject(ctx context.Context, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	v, err := newVersion(b, deref(in.Key), in.Metadata, in.Tagging, in.StorageClass, in.ServerSideEncryption,
		in.SSEKMSKeyId, in.ACL)
	if err != nil {
		return nil, err
	}
	if err := v.seal(b, in.ServerSideEncryption, in.SSECustomerAlgorithm, in.SSECustomerKey,
		in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	v.Headers = headers{in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.ContentType,
		in.Expires}
	if err := v.lock(b, in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus,
		gateway.From(ctx).Time); err != nil {
		return nil, err
	}
	if deref(in.ContentLength) > limit("putBytes") {
		return nil, tooLarge(*in.ContentLength)
	}
	p, hold, err := s.receive(ctx, in.Body, in, string(in.ChecksumAlgorithm), in.ContentMD5)
	if err != nil {
		return nil, err
	}
	defer hold.Release()
	v.fill(p)
	if v, err = s.store(ctx, deref(in.Bucket), deref(in.Key), v, in.IfMatch, in.IfNoneMatch, created(ctx),
		nil); err != nil {
		return nil, err
	}
	out := &s3.PutObjectOutput{ETag: quoted(v.ETag), VersionId: v.shown(b), ServerSideEncryption: v.SSE,
		SSEKMSKeyId: some(v.KMSKey), SSECustomerAlgorithm: v.customerAlgorithm(),
		SSECustomerKeyMD5: some(v.CustomerKey), Expiration: b.expiration(deref(in.Key), v)}
	setChecksum(out, v.Sum)
	return out, nil
}

// created is the event of an object that comes as a whole: by a form or not.
func created(ctx context.Context) string {
	if req := gateway.From(ctx).HTTP; req != nil && req.Method == http.MethodPost {
		return "ObjectCreated:Post"
	}
	return "ObjectCreated:Put"
}

// tooLarge is the answer to a body that is longer than one request may carry.
func tooLarge(size int64) error {
	return gateway.Errorf(http.StatusBadRequest, "EntityTooLarge",
		"Your proposed upload exceeds the maximum allowed size").
		With("ProposedSize", strconv.FormatInt(size, 10), "MaxSizeAllowed", strconv.FormatInt(limit("putBytes"), 10))
}

func (v *version) fill(p part) {
	v.Parts, v.Size, v.ETag, v.Sum = []part{p}, p.Size, p.ETag, p.Sum
}

// shown is the version id to answer with: none in buckets that never had
// versioning.
func (v version) shown(b bucket) *string {
	if b.Versioning == "" {
		return nil
	}
	return ptr(v.ID)
}

// newVersion checks what puts, copies and multipart uploads have in common.
func newVersion(b bucket, key string, meta map[string]string, tagging *string, class types.StorageClass,
	sse types.ServerSideEncryption, kms *string, acl types.ObjectCannedACL) (version, error) {
	v := version{Metadata: meta, StorageClass: class, SSE: sse, KMSKey: deref(kms)}
	if len(key) > int(limit("keyBytes")) {
		return v, gateway.Errorf(http.StatusBadRequest, "KeyTooLongError", "Your key is too long").
			With("Size", strconv.Itoa(len(key)), "MaxSizeAllowed", strconv.FormatInt(limit("keyBytes"), 10))
	}
	size := 0
	for k, x := range meta {
		size += len(k) + len(x)
	}
	if size > int(limit("metadataBytes")) {
		return v, gateway.Errorf(http.StatusBadRequest, "MetadataTooLarge",
			"Your metadata headers exceed the maximum allowed metadata size").
			With("Size", strconv.Itoa(size), "MaxSizeAllowed", strconv.FormatInt(limit("metadataBytes"), 10))
	}
	if acl != "" && acl != types.ObjectCannedACLPrivate && acl != types.ObjectCannedACLBucketOwnerFullControl {
		return v, gateway.Errorf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	if class == "" {
		v.StorageClass = types.StorageClassStandard
	} else if !slices.Contains(class.Values(), class) {
		return v, gateway.Errorf(http.StatusBadRequest, "InvalidStorageClass",
			"The storage class you specified is not valid").With("StorageClassRequested", string(class))
	}
	if sse != "" && sse != types.ServerSideEncryptionAes256 && sse != types.ServerSideEncryptionAwsKms {
		return v, argument("x-amz-server-side-encryption", string(sse),
			"The encryption method specified is not supported")
	}
	if sse == "" {
		v.SSE = types.ServerSideEncryptionAes256 // the default since January 2023
		if b.Encryption != nil && len(b.Encryption.Rules) > 0 &&
			b.Encryption.Rules[0].ApplyServerSideEncryptionByDefault != nil {
			d := b.Encryption.Rules[0].ApplyServerSideEncryptionByDefault
			v.SSE, v.KMSKey = d.SSEAlgorithm, deref(d.KMSMasterKeyID)
		}
	}
	if v.KMSKey != "" && v.SSE != types.ServerSideEncryptionAwsKms {
		return v, invalid(
			"Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	}
	var err error
	v.Tags, err = parseTags(deref(tagging))
	return v, err
}

// store puts a version under a key, with the event that tells of it, as one
// transaction. then runs in it when it is not nil.
func (s *Service) store(ctx context.Context, name, key string, v version, ifMatch, ifNone *string, event string,
	then func(*store.Tx) error) (version, error) {
	err := s.host.Store.Update(func(tx *store.Tx) error {
		b, err := s.bucket(tx, &name, nil) // it may have gone while the body came
		if err != nil {
			return err
		}
		e, _ := s.objects.Get(tx, everywhere, objectKey(name, key))
		if err := writeCondition(e, key, ifMatch, ifNone); err != nil {
			return err
		}
		v.Modified = s.host.Clock.Now()
		e.Key = key
		s.push(tx, b, &e, &v)
		s.announce(tx, origin(ctx), b, &e, v, event)
		s.putEntry(tx, b, e)
		if then != nil {
			return then(tx)
		}
		return nil
	})
	return v, err
}

// writeCondition holds conditional writes.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func writeCondition(e entry, key string, ifMatch, ifNone *string) error {
	now := e.latest()
	if ifNone != nil {
		if *ifNone != "*" {
			return gateway.Errorf(http.StatusNotImplemented, "NotImplemented",
				"A header you provided implies functionality that is not implemented").
				With("Header", "If-None-Match", "additionalMessage", "We don't accept the provided value of If-None-Match")
		}
		if now != nil {
			return preconditionFailed("If-None-Match")
		}
	}
	if ifMatch != nil {
		if now == nil {
			return noSuchKey(key)
		}
		if !matches(*ifMatch, now.ETag) {
			return preconditionFailed("If-Match")
		}
	}
	return nil
}

func preconditionFailed(condition string) error {
	return gateway.Errorf(http.StatusPreconditionFailed, "PreconditionFailed",
		"At least one of the pre-conditions you specified did not hold").
		With("Condition", condition)
}

func matches(list, etag string) bool {
	for _, t := range strings.Split(list, ",") {
		if t = strings.Trim(strings.TrimSpace(t), `"`); t == "*" || t == etag {
			return true
		}
	}
	return false
}

// notModified is the answer to who has the object already.
func (v version) notModified() error {
	e := gateway.Errorf(http.StatusNotModified, "NotModified", "Not Modified")
	e.Header = http.Header{"Etag": {*quoted(v.ETag)}, "Last-Modified": {v.Modified.UTC().Format(http.TimeFormat)}}
	return e
}

// readCondition holds conditional reads; RFC 9110 gives the tags precedence
// over the dates.
func readCondition(v version, match, none *string, since, until *time.Time) error {
	modified := v.Modified.Truncate(time.Second)
	switch {
	case match != nil:
		if !matches(*match, v.ETag) {
			return preconditionFailed("If-Match")
		}
	case until != nil && modified.After(*until):
		return preconditionFailed("If-Unmodified-Since")
	}
	switch {
	case none != nil:
		if matches(*none, v.ETag) {
			return v.notModified()
		}
	case since != nil && !modified.After(*since):
		return v.notModified()
	}
	return nil
}
