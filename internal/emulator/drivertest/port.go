package drivertest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
)

// closedToPages: what a page of another site can make a browser send without
// asking first is refused at every door of the port, although it names the
// learner's own keys, and changes nothing.
func (s *suite) closedToPages(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e := s.start(t, emulator.Options{})
	putBucket(t, e, "pages-were-here")
	const key = "&X-Amz-Credential=test/20260101/us-east-1/sqs/aws4_request&X-Amz-Signature=0"
	requests := []struct{ method, path, body, kind string }{
		{"POST", "/", "Action=CreateQueue&Version=2012-11-05&QueueName=planted" + key, "application/x-www-form-urlencoded"},
		{"GET", "/?Action=CreateQueue&Version=2012-11-05&QueueName=planted" + key, "", ""},
		{"POST", "/2015-03-31/functions", `{"FunctionName":"planted"}`, "text/plain"},
		{"GET", "/pages-were-here", "", ""},
		{"PUT", "/planted", "", ""},
		{"OPTIONS", "/pages-were-here/k", "", ""},
		{"GET", "/_localstack/health", "", ""},
		{"POST", "/_localstack/state/reset", "", ""},
		{"POST", "/moto-api/reset", "", ""},
		{"POST", "/_pipelab/reset", "", ""},
		{"GET", "/_pipelab/trace", "", ""},
	}
	for _, sent := range []struct{ name, value string }{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Host", "rebound.example"},
	} {
		for _, r := range requests {
			req, err := http.NewRequestWithContext(ctx, r.method, e.Endpoint().URL+r.path, strings.NewReader(r.body))
			require.NoError(t, err)
			req.Header.Set(emulator.TokenHeader, e.Endpoint().Token) // even with it
			req.Header.Set("Access-Control-Request-Method", "GET")
			if r.kind != "" {
				req.Header.Set("Content-Type", r.kind)
			}
			req.Header.Set(sent.name, sent.value)
			if sent.name == "Host" {
				req.Host = sent.value
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusForbidden, resp.StatusCode, "%s %s with %s: %s", r.method, r.path, sent.name, body)
			require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
		}
	}
	require.Contains(t, buckets(t, e), "pages-were-here")
	require.NotContains(t, buckets(t, e), "planted")
	if s.o.Shared {
		dropBucket(t, e, "pages-were-here")
	}
	require.NoError(t, e.Close())
}
