package cloud_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/loopback"
)

// FuzzFront sends the front door, guard and all, whatever net/http takes for a request: it answers, or
// cuts the connection, and never panics.
func FuzzFront(f *testing.F) {
	const auth = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260301/us-east-1/%s/aws4_request, " +
		"SignedHeaders=host, Signature=00\r\n"
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"PUT /bucket/key?uploadId=1&partNumber=2 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + auth + "Content-Length: 1\r\n\r\nx",
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n" +
			"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\r\n{}",
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
			"Content-Length: 42\r\n\r\nAction=CreateQueue&Version=2012-11-05&Name=",
		"POST /service/Kinesis_20131202/operation/PutRecord HTTP/1.1\r\nHost: 127.0.0.1\r\nSmithy-Protocol: rpc-v2-cbor\r\n" +
			"Content-Type: application/cbor\r\nContent-Length: 1\r\n\r\n\xa0",
		"PUT /b/k HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n" +
			"X-Amz-Decoded-Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1;chu\r\n0\r\n\r\n",
		"OPTIONS /b HTTP/1.1\r\nHost: b.localhost\r\nOrigin: null\r\nAccess-Control-Request-Method: GET\r\n\r\n",
		"POST /_pipelab/clock/advance HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 19\r\n\r\n{\"duration\":\"1e99h\"}",
		"GET /_localstack/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"GET /b/k?X-Amz-Signature=0&X-Amz-Expires=-1&X-Amz-Date=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		"POST /2015-03-31/functions/f/invocations?Qualifier=$LATEST HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(request))
	}
	for _, a := range attacks() {
		if len(a.send) < 8<<10 {
			f.Add([]byte(a.send))
		}
	}
	c, err := cloud.New(f.Context(), "http://127.0.0.1:1", options("", clock.New()))
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, c.Close()) })
	front := loopback.Guard(c)
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		req.RemoteAddr = "127.0.0.1:2"
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http's own value
				panic(p)
			}
		}()
		w := httptest.NewRecorder()
		front.ServeHTTP(w, req.WithContext(t.Context()))
		require.GreaterOrEqual(t, w.Code, 200)
		if w.Code == http.StatusInternalServerError {
			require.NotContains(t, w.Body.String(), "panicked", "%q", b)
		}
	})
}
