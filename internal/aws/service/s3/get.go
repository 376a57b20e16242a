package s3

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// lookup finds the version that a request means.
func (s *Service) lookup(name, key, id, owner *string) (b bucket, v version, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		if b, err = s.bucket(tx, name, owner); err != nil {
			return err
		}
		v, err = s.pick(tx, deref(name), deref(key), id)
		return err
	})
	return b, v, err
}

// lookupBody is lookup for who reads the object's body, and keeps it until the
// hold is released, whatever becomes of the object.
func (s *Service) lookupBody(name, key, id, owner *string) (b bucket, v version, hold *store.Hold, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		if b, err = s.bucket(tx, name, owner); err != nil {
			return err
		}
		if v, err = s.pick(tx, deref(name), deref(key), id); err == nil {
			hold = tx.Hold(versionBlobs(v)...)
		}
		return err
	})
	return b, v, hold, err
}

// stretch is the part of an object that a request asks for.
type stretch struct {
	offset, length int64
	shown          *string // Content-Range; nil for the whole
	parts          *int32
	sum            checksum // none of a range
}

// cut reads Range and partNumber.
func cut(v version, spec *string, number *int32) (stretch, error) {
	whole := stretch{length: v.Size, sum: v.Sum}
	if number != nil {
		if spec != nil {
			return whole, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
				"Cannot specify both Range header and partNumber query parameter")
		}
		return cutPart(v, *number)
	}
	if spec == nil {
		return whole, nil
	}
	// Several ranges and other units are not understood, as by S3: the whole is
	// the answer.
	text, ok := strings.CutPrefix(*spec, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(text), "-")
	if !ok || !dash || strings.Contains(text, ",") {
		return whole, nil
	}
	from, fromErr := strconv.ParseInt(first, 10, 64)
	to, toErr := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && toErr == nil: // the last so many bytes
		from, to = max(0, v.Size-to), v.Size-1
	case fromErr == nil && last == "":
		to = v.Size - 1
	case fromErr != nil || toErr != nil || to < from:
		return whole, nil
	}
	if from >= v.Size {
		return whole, gateway.Errorf(http.StatusRequestedRangeNotSatisfiable, "InvalidRange",
			"The requested range is not satisfiable").
			With("RangeRequested", *spec, "ActualObjectSize", strconv.FormatInt(v.Size, 10))
	}
	to = min(to, v.Size-1)
	return stretch{offset: from, length: to - from + 1, shown: ptr(fmt.Sprintf("bytes %d-%d/%d", from, to, v.Size))}, nil
}

func cutPart(v version, number int32) (stretch, error) {
	count := len(v.Parts)
	if !v.Multipart {
		count = 1
	}
	if number < 1 || int(number) > count {
		return stretch{}, gateway.Errorf(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber",
			"The requested partnumber is not satisfiable").
			With("PartNumberRequested", strconv.Itoa(int(number)), "ActualPartCount", strconv.Itoa(count))
	}
	out := stretch{length: v.Size, sum: v.Sum}
	if v.Multipart {
		out.sum.Value = v.Parts[number-1].Sum.Value
		for _, p := range v.Parts[:number-1] {
			out.offset += p.Size
		}
		out.length = v.Parts[number-1].Size
		out.parts = ptr(int32(count)) // 10,000 at most
	}
	if v.Size > 0 {
		out.shown = ptr(fmt.Sprintf("bytes %d-%d/%d", out.offset, out.offset+out.length-1, v.Size))
	}
	return out, nil
}

func (s *Service) GetObject(ctx context.Context, in *s3.GetObjectInput) (out *s3.GetObjectOutput, err error) {
	b, v, hold, err := s.lookupBody(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			hold.Release()
		}
	}()
	if err := unencrypted(gateway.From(ctx).HTTP); err != nil {
		return nil, err
	}
	if err := v.opened(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	if err := readCondition(v, in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince); err != nil {
		return nil, err
	}
	if v.StorageClass == types.StorageClassGlacier || v.StorageClass == types.StorageClassDeepArchive {
		return nil, gateway.Errorf(http.StatusForbidden, "InvalidObjectState",
			"The operation is not valid for the object's storage class").
			With("StorageClass", string(v.StorageClass))
	}
	piece, err := cut(v, in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	h := v.Headers
	out = &s3.GetObjectOutput{
		AcceptRanges: ptr("bytes"), Body: s.read(v, piece.offset, piece.length, hold), ContentLength: &piece.length,
		ContentRange: piece.shown, PartsCount: piece.parts,
		CacheControl: first(in.ResponseCacheControl, h.CacheControl), ContentDisposition: first(in.ResponseContentDisposition,
			h.ContentDisposition),
		ContentEncoding: first(in.ResponseContentEncoding, h.ContentEncoding),
		ContentLanguage: first(in.ResponseContentLanguage, h.ContentLanguage),
		ContentType:     first(in.ResponseContentType, v.contentType()), ETag: quoted(v.ETag), LastModified: ptr(v.Modified),
		Metadata:             v.Metadata,
		ServerSideEncryption: v.SSE, SSEKMSKeyId: some(v.KMSKey),
		SSECustomerAlgorithm: v.customerAlgorithm(), SSECustomerKeyMD5: some(v.CustomerKey), StorageClass: v.shownClass(),
		TagCount:  some(int32(len(v.Tags))), // 10 at most
		VersionId: v.shown(b), Expiration: b.expiration(deref(in.Key), v), ObjectLockMode: types.ObjectLockMode(v.Mode),
		ObjectLockLegalHoldStatus: v.hold(),
	}
	if in.ResponseExpires != nil {
		out.ExpiresString = ptr(in.ResponseExpires.UTC().Format(http.TimeFormat))
	} else if h.Expires != nil {
		out.ExpiresString = ptr(h.Expires.UTC().Format(http.TimeFormat))
	}
	out.Expires = first(in.ResponseExpires, h.Expires) //nolint:staticcheck // deprecated for clients, not for servers
	if !v.Until.IsZero() {
		out.ObjectLockRetainUntilDate = &v.Until
	}
	if in.ChecksumMode == types.ChecksumModeEnabled {
		setChecksum(out, piece.sum)
	}
	return out, nil
}

func (s *Service) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	b, v, err := s.lookup(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if err := unencrypted(gateway.From(ctx).HTTP); err != nil {
		return nil, err
	}
	if err := v.opened(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	if err := readCondition(v, in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince); err != nil {
		return nil, err
	}
	piece, err := cut(v, in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	h := v.Headers
	out := &s3.HeadObjectOutput{
		AcceptRanges: ptr("bytes"), ContentLength: &piece.length, ContentRange: piece.shown, PartsCount: piece.parts,
		CacheControl: first(in.ResponseCacheControl, h.CacheControl), ContentDisposition: first(in.ResponseContentDisposition,
			h.ContentDisposition),
		ContentEncoding: first(in.ResponseContentEncoding, h.ContentEncoding),
		ContentLanguage: first(in.ResponseContentLanguage, h.ContentLanguage),
		ContentType:     first(in.ResponseContentType, v.contentType()), ETag: quoted(v.ETag), LastModified: ptr(v.Modified),
		Metadata:             v.Metadata,
		ServerSideEncryption: v.SSE, SSEKMSKeyId: some(v.KMSKey),
		SSECustomerAlgorithm: v.customerAlgorithm(), SSECustomerKeyMD5: some(v.CustomerKey), StorageClass: v.shownClass(),
		TagCount:  some(int32(len(v.Tags))), // 10 at most
		VersionId: v.shown(b), Expiration: b.expiration(deref(in.Key), v), ObjectLockMode: types.ObjectLockMode(v.Mode),
		ObjectLockLegalHoldStatus: v.hold(),
		Expires:                   first(in.ResponseExpires, h.Expires),
	}
	if t := out.Expires; t != nil { //nolint:staticcheck // as in GetObject
		out.ExpiresString = ptr(t.UTC().Format(http.TimeFormat))
	}
	if !v.Until.IsZero() {
		out.ObjectLockRetainUntilDate = &v.Until
	}
	if in.ChecksumMode == types.ChecksumModeEnabled {
		setChecksum(out, piece.sum)
	}
	return out, nil
}

// first is the first that is given.
func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// contentType is what S3 assumes when the client gave none.
func (v version) contentType() *string {
	if v.Headers.ContentType != nil {
		return v.Headers.ContentType
	}
	return ptr("binary/octet-stream")
}

// shownClass leaves the header out for STANDARD, as S3 does.
func (v version) shownClass() types.StorageClass {
	if v.StorageClass == types.StorageClassStandard {
		return ""
	}
	return v.StorageClass
}

// hold is what is shown of a legal hold; nothing where none was ever set.
func (v version) hold() types.ObjectLockLegalHoldStatus {
	switch {
	case v.Hold:
		return types.ObjectLockLegalHoldStatusOn
	case v.Held:
		return types.ObjectLockLegalHoldStatusOff
	}
	return ""
}

func (s *Service) GetObjectAttributes(_ context.Context,
	in *s3.GetObjectAttributesInput) (*s3.GetObjectAttributesOutput, error) {
	b, v, err := s.lookup(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if err := v.opened(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	out := &s3.GetObjectAttributesOutput{LastModified: ptr(v.Modified), VersionId: v.shown(b)}
	for _, a := range in.ObjectAttributes {
		switch a {
		case types.ObjectAttributesEtag:
			out.ETag = ptr(v.ETag)
		case types.ObjectAttributesChecksum:
			out.Checksum = &types.Checksum{}
			setChecksum(out.Checksum, v.Sum)
		case types.ObjectAttributesObjectSize:
			out.ObjectSize = ptr(v.Size)
		case types.ObjectAttributesStorageClass:
			out.StorageClass = v.StorageClass
		case types.ObjectAttributesObjectParts:
			if v.Multipart {
				if out.ObjectParts, err = v.attributes(in); err != nil {
					return nil, err
				}
			}
		default:
			return nil, argument("x-amz-object-attributes", string(a), "Invalid attribute name specified.")
		}
	}
	return out, nil
}

// attributes lists a page of the parts; S3 lists them only when they have
// checksums of their own, which all have here.
func (v version) attributes(in *s3.GetObjectAttributesInput) (*types.GetObjectAttributesParts, error) {
	most, err := pageSize(in.MaxParts, "x-amz-max-parts")
	if err != nil {
		return nil, err
	}
	marker, err := partMarker(in.PartNumberMarker)
	if err != nil {
		return nil, err
	}
	out := &types.GetObjectAttributesParts{TotalPartsCount: ptr(int32(len(v.Parts))), MaxParts: &most,
		PartNumberMarker: ptr(strconv.Itoa(marker)), IsTruncated: ptr(false)} // 10,000 at most
	for _, p := range v.Parts {
		if int(p.Number) <= marker {
			continue
		}
		if int32(len(out.Parts)) == most { // as above
			if most > 0 {
				out.IsTruncated, out.NextPartNumberMarker = ptr(true), ptr(strconv.Itoa(int(*out.Parts[most-1].PartNumber)))
			}
			break
		}
		one := types.ObjectPart{PartNumber: ptr(p.Number), Size: ptr(p.Size)}
		setChecksum(&one, p.Sum)
		out.Parts = append(out.Parts, one)
	}
	return out, nil
}
