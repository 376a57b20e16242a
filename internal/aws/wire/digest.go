package wire

import (
	"crypto/md5"  // what AWS's protocol has
	"crypto/sha1" // as above
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
	"sync"
)

// checksumTrait says how an operation's body is checked.
type checksumTrait struct {
	AlgorithmMember string `json:"requestAlgorithmMember"`
}

// nvme is the polynomial of CRC-64/NVME, reflected.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
var nvme = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) })

// digests are the algorithms of checksums by the ends of their headers.
func digests() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		"Crc32":     func() hash.Hash { return crc32.NewIEEE() },
		"Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
		"Crc64nvme": func() hash.Hash { return crc64.New(nvme()) },
		"Sha1":      sha1.New,
		"Sha256":    sha256.New,
	}
}

// checkDigest compares a document with the digests that a request tells of it. Of
// operations whose model names no checksum of the body, such headers speak of
// something else: CompleteMultipartUpload's of the object. Bodies that stream
// are compared where they are stored.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (t *Target) checkDigest(req *http.Request, b []byte) error {
	if !t.model.objects() {
		return nil
	}
	if told := req.Header.Get("Content-Md5"); told != "" {
		want, err := base64.StdEncoding.DecodeString(told)
		if err != nil || len(want) != md5.Size {
			return errorf(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
		if sum := md5.Sum(b); string(sum[:]) != string(want) { // as above
			return errorf(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	if t.op.Checksum == nil || t.op.Checksum.AlgorithmMember == "" {
		return nil
	}
	const prefix = "X-Amz-Checksum-"
	for end, algorithm := range digests() {
		told := req.Header.Get(prefix + end)
		if told == "" {
			continue
		}
		h := algorithm()
		want, err := base64.StdEncoding.DecodeString(told)
		if err != nil || len(want) != h.Size() {
			return errorf(http.StatusBadRequest, "InvalidRequest", "Value for %s header is invalid.",
				strings.ToLower(prefix+end))
		}
		h.Write(b)
		if string(h.Sum(nil)) != string(want) {
			return errorf(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.",
				strings.ToUpper(end))
		}
	}
	named := req.Header.Get("X-Amz-Sdk-Checksum-Algorithm")
	if named != "" && digests()[http.CanonicalHeaderKey(named)] != nil &&
		req.Header.Get(prefix+named) == "" && req.Header.Get("X-Amz-Trailer") == "" {
		return errorf(http.StatusBadRequest, "InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no "+
			"corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	return nil
}
