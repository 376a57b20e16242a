package wire_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Digests of documents are compared, as those of objects are.
func TestDecode_comparesDocumentsWithTheirDigests(t *testing.T) {
	t.Parallel()
	const doc = `<Delete><Object><Key>k</Key></Object></Delete>`
	reg := registryOf(t, "s3")
	decode := func(uri, header, value string) string {
		req := httptest.NewRequest("POST", uri, strings.NewReader(doc))
		req.Host = "localhost"
		if header != "" {
			req.Header.Set(header, value)
		}
		target, err := reg.Route(req)
		require.NoError(t, err)
		_, err = target.Decode(req)
		var refused *wire.Error
		if errors.As(err, &refused) {
			return refused.Code
		}
		require.NoError(t, err)
		return ""
	}
	require.Empty(t, decode("/b?delete", "", ""))
	for header, value := range map[string]string{
		"Content-MD5":              "5DKh5iefM5MSKvRILIuFwQ==",
		"x-amz-checksum-crc32":     "A8uZRQ==",
		"x-amz-checksum-crc32c":    "429cFg==",
		"x-amz-checksum-crc64nvme": "XUHl3WiQk3w=",
		"x-amz-checksum-sha1":      "wdAhh98vprXx5hu8LYyK1l6AqJY=",
		"x-amz-checksum-sha256":    "N3LHxLM6RcANrxrdozvL0QrfTWiSV7BCaLd/CXMfyF0=",
	} {
		require.Empty(t, decode("/b?delete", header, value), header)
		other := "A" + value[1:]
		if value[0] == 'A' {
			other = "B" + value[1:]
		}
		require.Equal(t, "BadDigest", decode("/b?delete", header, other), header)
		bad := "InvalidRequest"
		if header == "Content-MD5" {
			bad = "InvalidDigest"
		}
		require.Equal(t, bad, decode("/b?delete", header, "no digest"), header)
	}
	require.Equal(t, "InvalidRequest", decode("/b?delete", "x-amz-sdk-checksum-algorithm", "CRC32"))
	// It speaks of the object here, and not of the list of its parts.
	require.Empty(t, decode("/b/k?uploadId=u", "x-amz-checksum-crc32", "AAAAAA=="))
}
