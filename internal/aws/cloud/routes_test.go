package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/loopback"
	"github.com/pipelab/pipelab/internal/sdkhttp"
)

const secret = "0123456789abcdef"

// port is a cloud that is served as the driver serves it.
type port struct {
	t   testing.TB
	url string
}

func serve(t testing.TB, o cloud.Options) *port {
	t.Helper()
	o.Token, o.Log = secret, slog.New(slog.DiscardHandler)
	listener, err := loopback.Listen(t.Context(), "")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	c, err := cloud.New(context.Background(), url, o)
	require.NoError(t, err)
	server := loopback.Server(c, o.Log)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		require.NoError(t, c.Close())
	})
	return &port{t, url}
}

// config is for SDK clients that try once.
func (w *port) config() aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: &w.url, HTTPClient: sdkhttp.New(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} }}
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *port) send(method, path, body string, header ...string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return w.do(req)
}

func (w *port) do(req *http.Request) answer {
	w.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// sign signs a request for a service as the SDKs do, but leaves its body out.
func (w *port) sign(req *http.Request, service string) *http.Request {
	w.t.Helper()
	err := v4.NewSigner().SignHTTP(w.t.Context(), aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, req,
		"UNSIGNED-PAYLOAD", service, "us-east-1", time.Now())
	require.NoError(w.t, err)
	return req
}

func TestRoutes_openToThePipelabCommandOnly(t *testing.T) {
	w := serve(t, cloud.Options{})
	for _, path := range []string{"/_pipelab/info", "/_pipelab/trace", "/_pipelab/clock", "/_pipelab/faults",
		"/_pipelab/no-such-thing"} {
		for _, wrong := range []string{"", "wrong", secret + "0", secret[:15]} {
			require.Equal(t, http.StatusForbidden, w.send("GET", path, "", gateway.TokenHeader, wrong).status, path)
		}
	}
	require.Equal(t, http.StatusOK, w.send("GET", "/_pipelab/info", "", gateway.TokenHeader, secret).status)
	require.Equal(t, http.StatusNotFound, w.send("GET", "/_pipelab/no-such-thing", "", gateway.TokenHeader, secret).status)
	require.Equal(t, http.StatusMethodNotAllowed,
		w.send("PUT", "/_pipelab/reset", "", gateway.TokenHeader, secret).status)
	// Those that tools ask without knowing a token.
	for _, path := range []string{"/_localstack/health", "/_localstack/info", "/_localstack/init"} {
		require.Equal(t, http.StatusOK, w.send("GET", path, "").status, path)
	}
	require.Equal(t, http.StatusNotFound, w.send("GET", "/_localstack/no-such-thing", "").status)
	for _, path := range []string{"/_localstack/state/reset", "/moto-api/reset"} {
		require.Equal(t, http.StatusOK, w.send("POST", path, "").status, path)
	}
}

// A cloud without a token has no command that could open them.
func TestRoutes_withoutATokenOpenNothing(t *testing.T) {
	req := httptest.NewRequest("GET", "http://localhost/_pipelab/info", nil)
	req.Header.Set(gateway.TokenHeader, "")
	require.False(t, gateway.Trusted(req, ""))
}

func TestRoutes_boundAndReadStrictly(t *testing.T) {
	w := serve(t, cloud.Options{})
	large := `{"duration":"` + strings.Repeat("1", 1<<20) + `s"}`
	for what, body := range map[string]string{
		"too large": large, "an unknown member": `{"duration":"1s","until":"x"}`, "no JSON": "duration=1s", "nothing": "",
		"a time that runs back": `{"duration":"-1s"}`, "no time": `{"duration":"soon"}`,
	} {
		got := w.send("POST", "/_pipelab/clock/advance", body, gateway.TokenHeader, secret)
		require.Equal(t, http.StatusBadRequest, got.status, what)
		require.Contains(t, got.body, "error", what)
	}
	before := w.clock()
	require.Equal(t, http.StatusOK,
		w.send("POST", "/_pipelab/clock/advance", `{"duration":"25h"}`, gateway.TokenHeader, secret).status)
	require.NotEqual(t, before, w.clock())
	require.Equal(t, http.StatusNotFound,
		w.send("POST", "/_pipelab/snapshots/none/restore", "", gateway.TokenHeader, secret).status)
}

func (w *port) clock() (offset string) {
	w.t.Helper()
	var out struct{ Offset string }
	require.NoError(w.t,
		json.Unmarshal([]byte(w.send("GET", "/_pipelab/clock", "", gateway.TokenHeader, secret).body), &out))
	return out.Offset
}

// Programs that are judged cannot empty the cloud that judges them.
func TestRoutes_closedToProgramsThatAreJudged(t *testing.T) {
	w := serve(t, cloud.Options{Confine: &confine.Policy{}})
	for _, path := range []string{"/_localstack/state/reset", "/moto-api/reset"} {
		require.Equal(t, http.StatusForbidden, w.send("POST", path, "").status, path)
		require.Equal(t, http.StatusOK, w.send("POST", path, "", gateway.TokenHeader, secret).status, path)
	}
}

// Faults leave alone the calls of whoever has the token, and no others.
func TestToken_sparesTheJudgesCalls(t *testing.T) {
	w := serve(t, cloud.Options{})
	require.Equal(t, http.StatusCreated, w.send("POST", "/_pipelab/faults",
		`{"kind":"error","service":"s3","error":"SlowDown","status":503}`, gateway.TokenHeader, secret).status)
	list := func(header ...string) int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/", http.NoBody)
		require.NoError(t, err)
		w.sign(req, "s3")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return w.do(req).status
	}
	require.Equal(t, http.StatusServiceUnavailable, list())
	require.Equal(t, http.StatusServiceUnavailable, list(gateway.TokenHeader, "wrong"))
	require.Equal(t, http.StatusOK, list(gateway.TokenHeader, secret))
}

// What no service knows is told so in the form that its sender reads.
func TestServeHTTP_saysWhatItDoesNotKnow(t *testing.T) {
	w := serve(t, cloud.Options{})
	signed := func(method, path, service, body string, header ...string) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return w.do(w.sign(req, service))
	}
	got := signed("POST", "/", "kinesis", "{}", "X-Amz-Target", "Kinesis_20131202.PutEverything",
		"Content-Type", "application/x-amz-json-1.1")
	require.Equal(t, 400, got.status)
	require.Contains(t, got.body, "UnknownOperationException")
	got = signed("POST", "/", "braket", "{}", "X-Amz-Target", "Braket.Run", "Content-Type", "application/x-amz-json-1.1")
	require.Contains(t, got.body, "UnknownOperationException")
	got = signed("GET", "/v1/things", "braket", "")
	require.Equal(t, 501, got.status)
	require.Contains(t, got.body, "braket")
	got = signed("GET", "/2015-03-31/nowhere", "lambda", "")
	require.Equal(t, 404, got.status)
	got = signed("POST", "/", "iam", "Action=CreateEverything&Version=2010-05-08",
		"Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, 400, got.status)
	require.Contains(t, got.body, "<Code>InvalidAction</Code>")
	got = signed("PATCH", "/bucket/key", "s3", "")
	require.Equal(t, 405, got.status)
	require.Contains(t, got.body, "<Code>MethodNotAllowed</Code>")
	// A body that is announced and is larger than any operation's is refused when
	// it has come that far, not taken into memory.
	got = signed("POST", "/", "kinesis", strings.Repeat(" ", 97<<20), "X-Amz-Target", "Kinesis_20131202.ListStreams",
		"Content-Type", "application/x-amz-json-1.1")
	require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
}
