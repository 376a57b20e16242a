package s3

import (
	"context"
	"crypto/md5"  // ETags are MD5
	"crypto/sha1" // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// nvmePolynomial is CRC-64/NVME's, in its reversed form.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
const nvmePolynomial = 0x9a6c9329ac4bc9b5

// algorithms are the names of the checksums that are emulated, as members have
// them.
func algorithms() []string { return []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} }

// newHash is the hash of an algorithm, nil when it is not emulated. The tables
// are made once by the standard library.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC64NVME":
		return crc64.New(nvmeTable())
	case "SHA1":
		return sha1.New() // one of S3's checksums
	case "SHA256":
		return sha256.New()
	}
	return nil
}

var nvmeTable = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(nvmePolynomial) })

// wanted is the checksum that a request announces: by a value, by a trailer,
// or by the algorithm alone.
func wanted(ctx context.Context, in any, algorithm string) (checksum, bool, error) {
	v := reflect.ValueOf(in).Elem()
	var sum checksum
	for _, name := range algorithms() {
		if p, _ := v.FieldByName("Checksum" + name).Interface().(*string); p != nil {
			if sum.Algorithm != "" {
				return sum, false, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
					"Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
			}
			sum = checksum{Algorithm: name, Value: *p}
			value := *p
			if _, whole := in.(*s3.CompleteMultipartUploadInput); whole {
				value, _, _ = strings.Cut(value, "-") // behind a composite sum comes the number of parts
			}
			if raw, err := base64.StdEncoding.DecodeString(value); err != nil || len(raw) != newHash(name).Size() {
				return sum, false, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
					"Value for x-amz-checksum-%s header is invalid.", strings.ToLower(name))
			}
		}
	}
	if sum.Algorithm != "" {
		return sum, false, nil
	}
	if req := gateway.From(ctx).HTTP; req != nil {
		if t := req.Header.Get("X-Amz-Trailer"); t != "" {
			name := strings.ToUpper(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(t)), "x-amz-checksum-"))
			if newHash(name) == nil {
				return sum, false, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
					"The value specified in the x-amz-trailer header is not supported")
			}
			return checksum{Algorithm: name}, true, nil
		}
	}
	if algorithm != "" && newHash(algorithm) == nil {
		return sum, false, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
			"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, "+
				"CRC64NVME, SHA1, SHA256]")
	}
	return checksum{Algorithm: algorithm}, false, nil
}

// receive stores a body and verifies its length and sums. Nothing is left when
// it fails. The caller releases the hold, as keep's.
func (s *Service) receive(ctx context.Context, body io.Reader, in any, algorithm string, contentMD5 *string) (p part,
	hold *store.Hold, err error) {
	defer func() {
		if err != nil {
			hold.Release()
			hold = nil
		}
	}()
	sum, trailing, err := wanted(ctx, in, algorithm)
	if err != nil {
		return part{}, hold, err
	}
	var digest []byte
	if contentMD5 != nil {
		if digest, err = base64.StdEncoding.DecodeString(*contentMD5); err != nil || len(digest) != md5.Size {
			return part{}, hold, gateway.Errorf(http.StatusBadRequest, "InvalidDigest",
				"The Content-MD5 you specified was invalid.").With("Content-MD5", *contentMD5)
		}
	}
	if sum.Algorithm == "" {
		sum.Algorithm = "CRC64NVME" // S3 computes this one when the client sends none
	}
	if body == nil {
		body = http.NoBody
	}
	p, hold, err = s.keep(ctx, body, checksum{Algorithm: sum.Algorithm})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return part{}, hold, gateway.Errorf(http.StatusBadRequest, "IncompleteBody",
			"You did not provide the number of bytes specified by the Content-Length HTTP header")
	}
	if err != nil {
		return part{}, hold, err
	}
	if digest != nil && hex.EncodeToString(digest) != p.ETag {
		return part{}, hold, gateway.Errorf(http.StatusBadRequest, "BadDigest",
			"The Content-MD5 you specified did not match what we received.").
			With("ExpectedDigest", *contentMD5, "CalculatedDigest", p.ETag)
	}
	if trailing {
		sum.Value = gateway.From(ctx).HTTP.Trailer.Get("X-Amz-Checksum-" + sum.Algorithm)
		if sum.Value == "" {
			return part{}, hold, gateway.Errorf(http.StatusBadRequest, "MalformedTrailerError",
				"The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
	}
	if sum.Value != "" && sum.Value != p.Sum.Value {
		return part{}, hold, gateway.Errorf(http.StatusBadRequest, "BadDigest",
			"The %s you specified did not match the calculated checksum.", sum.Algorithm)
	}
	if req := gateway.From(ctx).HTTP; req != nil {
		if want := req.Header.Get("X-Amz-Content-Sha256"); len(want) == 64 && want != p.Blob {
			return part{}, hold, gateway.Errorf(http.StatusBadRequest, "XAmzContentSHA256Mismatch",
				"The provided 'x-amz-content-sha256' header does not match what was computed.").
				With("ClientComputedContentSHA256", want, "S3ComputedContentSHA256", p.Blob)
		}
	}
	return p, hold, nil
}

// keep stores a body with its ETag and checksum. The caller releases the hold
// when a row refers to the body, or none will.
func (s *Service) keep(ctx context.Context, body io.Reader, sum checksum) (part, *store.Hold, error) {
	etag, extra := md5.New(), newHash(sum.Algorithm) // ETags are MD5
	blob, hold, err := s.host.Store.PutBlob(ctx, io.TeeReader(body, io.MultiWriter(etag, extra)))
	if err != nil {
		return part{}, nil, err
	}
	sum.Value, sum.Type = base64.StdEncoding.EncodeToString(extra.Sum(nil)), "FULL_OBJECT"
	return part{Number: 1, Size: blob.Size, Blob: blob.ID, ETag: hex.EncodeToString(etag.Sum(nil)), Sum: sum,
		Modified: s.host.Clock.Now()}, hold, nil
}

// combine is the sum over the parts' sums, which multipart ETags and composite
// checksums are.
func combine(h hash.Hash, raws [][]byte) []byte {
	for _, r := range raws {
		h.Write(r)
	}
	return h.Sum(nil)
}

// bodyReader reads a stretch of an object, part after part.
type bodyReader struct {
	s      *Service
	parts  []part
	offset int64 // into the first part
	left   int64
	open   io.ReadSeekCloser
	hold   *store.Hold
}

// read reads from the body of a version. The bodies of v's parts must be there
// until Close, which releases hold.
func (s *Service) read(v version, offset, length int64, hold *store.Hold) *bodyReader {
	parts := v.Parts
	for len(parts) > 0 && offset >= parts[0].Size {
		offset -= parts[0].Size
		parts = parts[1:]
	}
	return &bodyReader{s: s, parts: parts, offset: offset, left: length, hold: hold}
}

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	for {
		if r.left <= 0 {
			return 0, io.EOF
		}
		if r.open == nil {
			if len(r.parts) == 0 {
				return 0, io.ErrUnexpectedEOF
			}
			f, err := r.s.host.Store.OpenBlob(r.parts[0].Blob)
			if err != nil {
				return 0, err
			}
			if _, err := f.Seek(r.offset, io.SeekStart); err != nil {
				return 0, errors.Join(err, f.Close())
			}
			r.open, r.parts, r.offset = f, r.parts[1:], 0
		}
		n, err := r.open.Read(p[:min(int64(len(p)), r.left)])
		r.left -= int64(n)
		if errors.Is(err, io.EOF) {
			err = r.closePart()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close implements io.Closer.
func (r *bodyReader) Close() error {
	defer r.hold.Release()
	return r.closePart()
}

func (r *bodyReader) closePart() error {
	if r.open == nil {
		return nil
	}
	f := r.open
	r.open = nil
	return f.Close()
}
