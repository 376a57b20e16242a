package loopback_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/loopback"
)

// unread is a body that nobody may read.
type unread struct{}

func (unread) Read([]byte) (int, error) { return 0, errors.New("the body was read") }
func (unread) Close() error             { return nil }

func status(t *testing.T, host string, header ...string) int {
	t.Helper()
	reached := false
	h := loopback.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reached = true }))
	req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", unread{})
	req.Host = host
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	require.Equal(t, reached, w.Code == http.StatusOK)
	if !reached {
		require.Equal(t, http.StatusForbidden, w.Code)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), "nobody may read the refusal")
	}
	return w.Code
}

func TestGuard_knowsTheNamesOfThisMachine(t *testing.T) {
	for _, host := range []string{
		"127.0.0.1:4566", "127.0.0.1", "127.0.0.53:80", "[::1]:4566", "[::1]", "localhost:4566", "LocalHost", "localhost.",
		"bucket.s3.localhost:4566", "s3.localhost:4566", "bucket.localhost", "abc.execute-api.localhost:4566",
		"localhost.localstack.cloud:4566", "s3.localhost.localstack.cloud:4566", "b.c.s3.localhost.localstack.cloud",
		"bucket.s3.amazonaws.com", "bucket.s3.us-east-1.amazonaws.com:4566", "sqs.us-east-1.amazonaws.com",
		"s3.cn-north-1.amazonaws.com.cn",
		"host.docker.internal:4566", "host.containers.internal:4566", "host.testcontainers.internal:32768",
		"[::ffff:127.0.0.1]:80",
	} {
		require.Equal(t, http.StatusOK, status(t, host), host)
	}
	for _, host := range []string{
		"", "evil.example", "evil.example:4566", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost",
		"notlocalhost.localstack.cloud.evil.example", "xlocalhost.localstack.cloud", "xamazonaws.com",
		"amazonaws.com.evil.example", "192.168.1.5:4566", "0.0.0.0:4566", "[::]:4566", "169.254.169.254", "10.0.0.1",
		"[::1", "[::1]evil", "127.0.0.1:evil", "evil@127.0.0.1", "127.0.0.1/evil", "[::1%25lo]:80", "127.1", "2130706433",
		"host.internal", "evil.docker.internal", "host.a.b.internal", "host.docker.internal.evil.example", "localhost:80:80",
		"localhost evil.example",
	} {
		require.Equal(t, http.StatusForbidden, status(t, host), host)
	}
}

func TestGuard_knowsTheUsersOwnPages(t *testing.T) {
	const here = "127.0.0.1:4566"
	for _, origin := range []string{
		"http://localhost:3000", "http://127.0.0.1:3000", "https://localhost", "http://[::1]:5173",
		"http://app.localhost:8080",
	} {
		require.Equal(t, http.StatusOK, status(t, here, "Origin", origin), origin)
		// localhost and 127.0.0.1 are two sites, and both are the user's.
		require.Equal(t, http.StatusOK, status(t, here, "Origin", origin, "Sec-Fetch-Site", "cross-site"), origin)
	}
	for _, origin := range []string{
		"https://evil.example", "http://evil.example:4566", "null", "", "file://", "http://localhost.evil.example",
		"chrome-extension://abcdef", "vscode-webview://abc", "http://user@localhost", "http://localhost/path",
		"https://bucket.s3.amazonaws.com", "http://x.localhost.localstack.cloud:4566", "http://host.docker.internal",
		"http://192.168.1.5", "ftp://localhost", "localhost:3000", "http://", "http://localhost, https://evil.example",
	} {
		require.Equal(t, http.StatusForbidden, status(t, here, "Origin", origin), origin)
		require.Equal(t, http.StatusForbidden, status(t, here, "Origin", origin, "Sec-Fetch-Site", "same-origin"), origin)
	}
	require.Equal(t, http.StatusForbidden,
		status(t, here, "Origin", "http://localhost:3000", "Origin", "https://evil.example"), "both count")
}

func TestGuard_refusesWhatAnotherSiteLoads(t *testing.T) {
	for site, want := range map[string]int{
		"none": 200, "same-origin": 200, "same-site": 200, "cross-site": 403, "elsewhere": 403,
	} {
		require.Equal(t, want, status(t, "localhost:4566", "Sec-Fetch-Site", site), site)
	}
}

// A refusal is complete although the client goes on sending its body, and
// nobody waits for the rest of that.
func TestServer_refusesBeforeTheBody(t *testing.T) {
	server := loopback.Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request was let in")
	}), slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })

	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn,
		"POST / HTTP/1.1\r\nHost: %s\r\nOrigin: https://evil.example\r\nContent-Length: 1000000\r\n\r\nfirst", l.Addr())
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `https://evil.example`)
	require.True(t, resp.Close)
}

func TestServer_boundsHeaders(t *testing.T) {
	server := loopback.Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request was let in")
	}), slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	req, err := http.NewRequest(http.MethodGet, "http://"+l.Addr().String(), nil)
	require.NoError(t, err)
	req.Header.Set("X-Amz-Meta-Flood", strings.Repeat("x", 2<<20))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
}
