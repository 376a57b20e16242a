package s3

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) ListParts(_ context.Context, in *s3.ListPartsInput) (*s3.ListPartsOutput, error) {
	u, err := s.upload(in.Bucket, in.Key, in.UploadId, in.ExpectedBucketOwner, nil)
	if err != nil {
		return nil, err
	}
	most, err := pageSize(in.MaxParts, "max-parts")
	if err != nil {
		return nil, err
	}
	marker, err := partMarker(in.PartNumberMarker)
	if err != nil {
		return nil, err
	}
	out := &s3.ListPartsOutput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, MaxParts: &most,
		PartNumberMarker: ptr(strconv.Itoa(marker)), IsTruncated: ptr(false),
		StorageClass: u.Object.StorageClass, Owner: owner(""), Initiator: &types.Initiator{ID: owner("").ID},
		ChecksumAlgorithm: types.ChecksumAlgorithm(u.Algorithm), ChecksumType: types.ChecksumType(u.Type)}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		behind := int32(min(int64(marker), limit("parts"))) // 10,000 at most
		s.parts(tx, u, behind, func(p part) bool {
			if int32(len(out.Parts)) == most { // 10,000 at most
				out.IsTruncated = ptr(most > 0)
				return false
			}
			one := types.Part{PartNumber: ptr(p.Number), Size: ptr(p.Size), ETag: quoted(p.ETag), LastModified: ptr(p.Modified)}
			setChecksum(&one, p.Sum)
			out.Parts = append(out.Parts, one)
			out.NextPartNumberMarker = ptr(strconv.Itoa(int(p.Number)))
			return true
		})
		return nil
	})
}

// partMarker is the part behind which a page begins, 0 without one.
func partMarker(given *string) (int, error) {
	marker, err := strconv.ParseInt("0"+deref(given), 10, 32)
	if err != nil {
		return 0, argument("part-number-marker", *given,
			"Argument part-number-marker must be an integer between 0 and 2147483647")
	}
	return int(marker), nil
}

func (s *Service) ListMultipartUploads(_ context.Context,
	in *s3.ListMultipartUploadsInput) (*s3.ListMultipartUploadsOutput, error) {
	most, err := pageSize(in.MaxUploads, "max-uploads")
	if err != nil {
		return nil, err
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	out := &s3.ListMultipartUploadsOutput{Bucket: in.Bucket, KeyMarker: enc(in.KeyMarker),
		UploadIdMarker: in.UploadIdMarker, Prefix: enc(in.Prefix),
		Delimiter: enc(in.Delimiter), MaxUploads: &most, IsTruncated: ptr(false), EncodingType: in.EncodingType}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		b, err := s.bucket(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		s.listUploads(tx, b, in, most, enc, out)
		return nil
	})
}

// listUploads fills a page. It goes on after the markers, whether what they name
// is still there or not, and behind a group that the page before ended with.
func (s *Service) listUploads(tx *store.Tx, b bucket, in *s3.ListMultipartUploadsInput, most int32,
	enc func(*string) *string, out *s3.ListMultipartUploadsOutput) {
	prefix, delimiter, after := deref(in.Prefix), deref(in.Delimiter), deref(in.KeyMarker)
	base, count, more := store.Key(b.Name, ""), int32(0), true
	for from := after; more; {
		more = false
		s.uploads.Scan(tx, everywhere, base+prefix, base+from, func(_ string, u upload) bool {
			group, grouped := commonPrefix(u.Key, prefix, delimiter)
			if grouped && group == after {
				from, more = behind(group), true
				return false
			}
			if u.Key < after || u.Key == after && after != "" && (in.UploadIdMarker == nil || u.ID <= *in.UploadIdMarker) {
				return true
			}
			if count == most {
				out.IsTruncated = ptr(most > 0)
				return false
			}
			count++
			if grouped {
				out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: enc(&group)})
				out.NextKeyMarker, out.NextUploadIdMarker = enc(&group), nil
				from, more = behind(group), true
				return false
			}
			out.NextKeyMarker, out.NextUploadIdMarker = enc(&u.Key), ptr(u.ID)
			out.Uploads = append(out.Uploads, types.MultipartUpload{Key: enc(&u.Key), UploadId: ptr(u.ID),
				Initiated: ptr(u.Initiated), StorageClass: u.Object.StorageClass,
				Owner: owner(b.Owner), Initiator: &types.Initiator{ID: owner(b.Owner).ID},
				ChecksumAlgorithm: types.ChecksumAlgorithm(u.Algorithm), ChecksumType: types.ChecksumType(u.Type)})
			return true
		})
	}
}
