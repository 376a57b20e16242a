package s3

import (
	"context"
	"crypto/md5" // ETags are MD5
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func uploadKey(bucket, key, id string) string { return store.Key(bucket, key, id) }

// partKey orders the parts of an upload, whose id no other upload has.
func partKey(id string, number int32) string { return fmt.Sprintf("%s%05d", id, number) }

// parts visits the parts of an upload behind a number, in order, until fn
// returns false.
func (s *Service) parts(tx *store.Tx, u upload, behind int32, fn func(part) bool) {
	s.partRows.Scan(tx, everywhere, u.ID, partKey(u.ID, behind+1), func(_ string, p part) bool { return fn(p) })
}

// dropUpload removes an upload with its parts.
func (s *Service) dropUpload(tx *store.Tx, u upload) {
	var numbers []int32
	s.parts(tx, u, 0, func(p part) bool {
		numbers = append(numbers, p.Number)
		return true
	})
	for _, n := range numbers {
		s.partRows.Delete(tx, everywhere, partKey(u.ID, n))
	}
	s.unplanUpload(tx, &u)
	s.uploads.Delete(tx, everywhere, uploadKey(u.Bucket, u.Key, u.ID))
}

func noSuchUpload(id string) error {
	return gateway.Errorf(http.StatusNotFound, "NoSuchUpload",
		"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "+
			"completed.").
		With("UploadId", id)
}

func (s *Service) CreateMultipartUpload(ctx context.Context,
	in *s3.CreateMultipartUploadInput) (*s3.CreateMultipartUploadOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	v, err := newVersion(b, *in.Key, in.Metadata, in.Tagging, in.StorageClass, in.ServerSideEncryption, in.SSEKMSKeyId,
		in.ACL)
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
	u := upload{Bucket: b.Name, Key: *in.Key, Initiated: gateway.From(ctx).Time, Object: v,
		Algorithm: string(in.ChecksumAlgorithm), Type: string(in.ChecksumType)}
	// Uploads of one key are listed in the order in which they began.
	u.ID = fmt.Sprintf("%016x", u.Initiated.UnixNano()) + s.host.IDs.Hex(48)
	if err := u.checkAlgorithm(); err != nil {
		return nil, err
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		b, err := s.bucket(tx, in.Bucket, nil)
		if err != nil {
			return err
		}
		s.planUpload(tx, b, &u)
		s.uploads.Put(tx, everywhere, uploadKey(u.Bucket, u.Key, u.ID), u)
		return nil
	})
	return &s3.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: ptr(u.ID),
		ServerSideEncryption: v.SSE, SSEKMSKeyId: some(v.KMSKey),
		SSECustomerAlgorithm: v.customerAlgorithm(), SSECustomerKeyMD5: some(v.CustomerKey),
		ChecksumAlgorithm: in.ChecksumAlgorithm, ChecksumType: types.ChecksumType(u.Type)}, err
}

// checkAlgorithm pairs checksum algorithms with types as S3 does.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
func (u *upload) checkAlgorithm() error {
	if u.Algorithm == "" {
		if u.Type != "" && u.Type != "FULL_OBJECT" {
			return gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
				"The COMPOSITE checksum type can only be used with a checksum algorithm.")
		}
		return nil
	}
	if newHash(u.Algorithm) == nil {
		return gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"Checksum algorithm provided is unsupported. Please try again with any of the valid types: %v", algorithms())
	}
	if u.Type == "" {
		u.Type = "COMPOSITE"
		if u.Algorithm == "CRC64NVME" {
			u.Type = "FULL_OBJECT"
		}
	}
	if u.Type == "COMPOSITE" && u.Algorithm == "CRC64NVME" || u.Type == "FULL_OBJECT" &&
		strings.HasPrefix(u.Algorithm, "SHA") {
		return gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"The %s checksum type cannot be used with the %s checksum algorithm.", u.Type, strings.ToLower(u.Algorithm))
	}
	return nil
}

// partAlgorithm is the checksum of parts that bring none.
func (u upload) partAlgorithm() string {
	if u.Algorithm == "" {
		return "CRC64NVME"
	}
	return u.Algorithm
}

// upload finds an upload that is not complete and checks a part's number.
func (s *Service) upload(name, key, id, owner *string, number *int32) (u upload, err error) {
	if number != nil && (*number < 1 || int64(*number) > limit("parts")) {
		return u, argument("partNumber", strconv.Itoa(int(*number)),
			"Part number must be an integer between 1 and 10000, inclusive")
	}
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, name, owner); err != nil {
			return err
		}
		var ok bool
		if u, ok = s.uploads.Get(tx, everywhere, uploadKey(*name, *key, *id)); !ok {
			return noSuchUpload(*id)
		}
		return nil
	})
	return u, err
}

func (s *Service) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	u, err := s.upload(in.Bucket, in.Key, in.UploadId, in.ExpectedBucketOwner, in.PartNumber)
	if err != nil {
		return nil, err
	}
	if deref(in.ContentLength) > limit("putBytes") {
		return nil, tooLarge(*in.ContentLength)
	}
	if err := u.sameKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
		return nil, err
	}
	algorithm := string(in.ChecksumAlgorithm)
	if algorithm == "" {
		algorithm = u.Algorithm
	}
	p, hold, err := s.receive(ctx, in.Body, in, algorithm, in.ContentMD5)
	if err != nil {
		return nil, err
	}
	defer hold.Release()
	if u.Algorithm != "" && p.Sum.Algorithm != u.Algorithm {
		return nil, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(u.Algorithm), strings.ToLower(p.Sum.Algorithm))
	}
	p.Number = *in.PartNumber
	if err := s.addPart(u, p); err != nil {
		return nil, err
	}
	out := &s3.UploadPartOutput{ETag: quoted(p.ETag), ServerSideEncryption: u.Object.SSE,
		SSEKMSKeyId: some(u.Object.KMSKey), SSECustomerAlgorithm: u.Object.customerAlgorithm(),
		SSECustomerKeyMD5: some(u.Object.CustomerKey)}
	setChecksum(out, p.Sum)
	return out, nil
}

// addPart puts a part in its place; one of the same number is replaced.
func (s *Service) addPart(u upload, p part) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.uploads.Get(tx, everywhere, uploadKey(u.Bucket, u.Key, u.ID)); !ok {
			return noSuchUpload(u.ID)
		}
		s.partRows.Put(tx, everywhere, partKey(u.ID, p.Number), p)
		return nil
	})
}

func (s *Service) CompleteMultipartUpload(ctx context.Context,
	in *s3.CompleteMultipartUploadInput) (*s3.CompleteMultipartUploadOutput, error) {
	u, err := s.upload(in.Bucket, in.Key, in.UploadId, in.ExpectedBucketOwner, nil)
	if gateway.ErrorCode(err) == "NoSuchUpload" {
		return s.completed(in, err)
	}
	if err != nil {
		return nil, err
	}
	v, hold, err := s.assemble(ctx, u, in)
	defer hold.Release()
	if err != nil {
		return nil, err
	}
	b, err := s.viewBucket(in.Bucket, nil)
	if err != nil {
		return nil, err
	}
	v, err = s.store(ctx, *in.Bucket, *in.Key, v, in.IfMatch, in.IfNoneMatch, "ObjectCreated:CompleteMultipartUpload",
		func(tx *store.Tx) error {
			now, ok := s.uploads.Get(tx, everywhere, uploadKey(u.Bucket, u.Key, u.ID))
			if !ok {
				return noSuchUpload(u.ID)
			}
			for _, p := range v.Parts { // one may have been replaced since it was chosen
				if is, ok := s.partRows.Get(tx, everywhere, partKey(u.ID, p.Number)); !ok || is.Blob != p.Blob {
					return invalidPart(u, types.CompletedPart{PartNumber: &p.Number, ETag: &p.ETag})
				}
			}
			s.dropUpload(tx, now)
			return nil
		})
	if err != nil {
		return nil, err
	}
	return s.complete(b, *in.Key, v), nil
}

// complete is the answer to a completed upload.
func (s *Service) complete(b bucket, key string, v version) *s3.CompleteMultipartUploadOutput {
	out := &s3.CompleteMultipartUploadOutput{Bucket: ptr(b.Name), Key: &key, ETag: quoted(v.ETag),
		Location:  ptr(s.host.Endpoint() + "/" + b.Name + "/" + key),
		VersionId: v.shown(b), ServerSideEncryption: v.SSE, SSEKMSKeyId: some(v.KMSKey), Expiration: b.expiration(key, v)}
	setChecksum(out, v.Sum)
	return out
}

// completed answers once more to who completes an upload that is the object by now, as
// a client does whose answer was lost; otherwise with the error.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func (s *Service) completed(in *s3.CompleteMultipartUploadInput, gone error) (*s3.CompleteMultipartUploadOutput,
	error) {
	b, v, err := s.lookup(in.Bucket, in.Key, nil, in.ExpectedBucketOwner)
	if err != nil || v.Upload != *in.UploadId {
		return nil, gone
	}
	return s.complete(b, *in.Key, v), nil
}

// assemble makes the object of the parts that a request names. The caller releases
// the hold on their bodies, also after an error.
func (s *Service) assemble(ctx context.Context, u upload, in *s3.CompleteMultipartUploadInput) (v version,
	hold *store.Hold, err error) {
	v = u.Object
	if in.SSECustomerAlgorithm != nil || in.SSECustomerKey != nil || in.SSECustomerKeyMD5 != nil {
		if err := u.sameKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5); err != nil {
			return v, hold, err
		}
	}
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return v, hold, malformed()
	}
	v.Parts, hold, err = s.chosen(u, in.MultipartUpload.Parts)
	if err != nil {
		return v, hold, err
	}
	if err := s.finish(&v, u); err != nil {
		return v, hold, err
	}
	if in.MpuObjectSize != nil && *in.MpuObjectSize != v.Size {
		return v, hold, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"The provided 'x-amz-mp-object-size' header does not match what was computed.")
	}
	given, _, err := wanted(ctx, in, "")
	if err != nil {
		return v, hold, err
	}
	if given.Value != "" && given.Value != v.Sum.Value {
		return v, hold, gateway.Errorf(http.StatusBadRequest, "BadDigest",
			"The %s you specified did not match the calculated checksum.", given.Algorithm)
	}
	v.Upload = u.ID
	return v, hold, nil
}

// chosen are the parts that the object is made of. The caller releases the hold
// on their bodies, also after an error.
func (s *Service) chosen(u upload, list []types.CompletedPart) (out []part, hold *store.Hold, err error) {
	stored, ids := map[int32]part{}, []string{}
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.parts(tx, u, 0, func(p part) bool {
			stored[p.Number] = p
			ids = append(ids, p.Blob)
			return true
		})
		hold = tx.Hold(ids...)
		return nil
	})
	if !slices.IsSortedFunc(list, func(a, b types.CompletedPart) int {
		return int(deref(a.PartNumber)) - int(deref(b.PartNumber))
	}) {
		return nil, hold, gateway.Errorf(http.StatusBadRequest, "InvalidPartOrder",
			"The list of parts was not in ascending order. Parts must be ordered by part number.")
	}
	for i, c := range list {
		p, ok := stored[deref(c.PartNumber)]
		if !ok || strings.Trim(deref(c.ETag), `"`) != p.ETag {
			return nil, hold, invalidPart(u, c)
		}
		if err := u.checkPart(c, p); err != nil {
			return nil, hold, err
		}
		if i < len(list)-1 && p.Size < limit("partMinBytes") {
			return nil, hold, gateway.Errorf(http.StatusBadRequest, "EntityTooSmall",
				"Your proposed upload is smaller than the minimum allowed size").
				With("ProposedSize", strconv.FormatInt(p.Size, 10),
					"MinSizeAllowed", strconv.FormatInt(limit("partMinBytes"), 10), "PartNumber", strconv.Itoa(int(p.Number)))
		}
		out = append(out, p)
	}
	return out, hold, nil
}

// checkPart compares the sum of a part that a request names with the part's own. A sum
// over sums needs all of them. Recorded on AWS.
func (u upload) checkPart(c types.CompletedPart, p part) error {
	given := map[string]*string{"CRC32": c.ChecksumCRC32, "CRC32C": c.ChecksumCRC32C,
		"CRC64NVME": c.ChecksumCRC64NVME, "SHA1": c.ChecksumSHA1, "SHA256": c.ChecksumSHA256}
	for name, value := range given {
		if value != nil && (name != p.Sum.Algorithm || *value != p.Sum.Value) {
			return invalidPart(u, c)
		}
	}
	if u.Algorithm != "" && u.Type == "COMPOSITE" && given[u.Algorithm] == nil {
		return gateway.Errorf(http.StatusBadRequest, "InvalidRequest", "The upload was created using a %s checksum. "+
			"The complete request must include the checksum for each part. It was missing for part %d in the request.",
			strings.ToLower(u.Algorithm), p.Number)
	}
	return nil
}

func invalidPart(u upload, c types.CompletedPart) error {
	return gateway.Errorf(http.StatusBadRequest, "InvalidPart",
		"One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "+
			"entity tag may not match the part's entity tag.").
		With("PartNumber", strconv.Itoa(int(deref(c.PartNumber))), "ETag", deref(c.ETag),
			"UploadId", u.ID)
}

// finish computes size, ETag and checksum of an object in parts.
func (s *Service) finish(v *version, u upload) error {
	var sums, etags [][]byte
	for _, p := range v.Parts {
		v.Size += p.Size
		etag, err := hex.DecodeString(p.ETag)
		if err != nil {
			return err
		}
		sum, err := base64.StdEncoding.DecodeString(p.Sum.Value)
		if err != nil {
			return err
		}
		etags, sums = append(etags, etag), append(sums, sum)
	}
	v.Multipart = true
	v.ETag = fmt.Sprintf("%x-%d", combine(md5.New(), etags), len(v.Parts)) // ETags are MD5
	v.Sum = checksum{Algorithm: u.partAlgorithm(), Type: "FULL_OBJECT"}
	if u.Type == "COMPOSITE" {
		v.Sum.Type = "COMPOSITE"
		v.Sum.Value = base64.StdEncoding.EncodeToString(combine(newHash(u.Algorithm), sums)) + "-" +
			strconv.Itoa(len(v.Parts))
		return nil
	}
	h := newHash(v.Sum.Algorithm)
	body := s.read(*v, 0, v.Size, nil)
	defer body.Close() //nolint:errcheck // only read
	if _, err := io.Copy(h, body); err != nil {
		return err
	}
	v.Sum.Value = base64.StdEncoding.EncodeToString(h.Sum(nil))
	return nil
}

func (s *Service) AbortMultipartUpload(_ context.Context,
	in *s3.AbortMultipartUploadInput) (*s3.AbortMultipartUploadOutput, error) {
	return &s3.AbortMultipartUploadOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.bucket(tx, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		u, ok := s.uploads.Get(tx, everywhere, uploadKey(*in.Bucket, *in.Key, *in.UploadId))
		if !ok {
			return noSuchUpload(*in.UploadId)
		}
		s.dropUpload(tx, u)
		return nil
	})
}
