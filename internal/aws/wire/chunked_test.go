package wire_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

const trailing = "5;chunk-signature=aa\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"

func putChunked(t *testing.T, body string, size int) (*http.Request, *s3.PutObjectInput, error) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPut, "/b/k", iotest.OneByteReader(strings.NewReader(body)))
	req.ContentLength = int64(len(body))
	req.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	req.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(size))
	req.Header["Content-Encoding"] = []string{"gzip", "aws-chunked"}
	target, err := registryOf(t, "s3").Route(req)
	require.NoError(t, err)
	in, err := target.Decode(req)
	if err != nil {
		return req, nil, err
	}
	return req, in.(*s3.PutObjectInput), nil
}

func TestChunked_givesTheObjectAndItsTrailer(t *testing.T) {
	t.Parallel()
	req, in, err := putChunked(t, trailing, 11)
	require.NoError(t, err)
	got, err := io.ReadAll(in.Body)
	require.NoError(t, err)
	require.Equal(t, "hello world", string(got))
	require.Equal(t, "DUoRhQ==", req.Trailer.Get("X-Amz-Checksum-Crc32"))
	require.Equal(t, "gzip", *in.ContentEncoding, "aws-chunked is not the object's encoding")
	require.Equal(t, int64(11), *in.ContentLength)
}

func TestChunked_refusesABodyCutAnywhere(t *testing.T) {
	t.Parallel()
	last := strings.Index(trailing, "0\r\nx-amz") + len("0\r\n")
	for n := range last {
		_, in, err := putChunked(t, trailing[:n], 11)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, in.Body)
		var refused *wire.Error
		require.True(t, errors.As(err, &refused), "cut at %d: %v", n, err)
		require.Equal(t, "IncompleteBody", refused.Code)
	}
}

func TestChunked_refusesAnotherLengthThanAnnounced(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 12} {
		_, in, err := putChunked(t, trailing, size)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, in.Body)
		require.ErrorContains(t, err, "IncompleteBody")
	}
	req := httptest.NewRequest(http.MethodPut, "/b/k", strings.NewReader(trailing))
	req.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	target, err := registryOf(t, "s3").Route(req)
	require.NoError(t, err)
	_, err = target.Decode(req)
	require.ErrorContains(t, err, "MissingContentLength")
}

func FuzzChunked(f *testing.F) {
	f.Add([]byte(trailing), 11)
	f.Add([]byte("ffffffffffffffff\r\n"), 1)
	f.Add([]byte("0\r\n"), 0)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		if size < 0 || size > 1<<20 {
			return
		}
		_, in, err := putChunked(t, string(body), size)
		if err != nil {
			return
		}
		got, err := io.ReadAll(in.Body)
		if err == nil && (len(got) != size || len(got) > len(body)) {
			t.Fatalf("%d bytes of %d announced in %q", len(got), size, bytes.ToValidUTF8(body, nil))
		}
	})
}
