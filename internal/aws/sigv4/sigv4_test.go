package sigv4_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/sigv4"
)

var when = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func credentials(token string) aws.Credentials {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		SessionToken: token}
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// received is a request as a server sees it after it went over the wire.
func received(t testing.TB, req *http.Request) *http.Request {
	t.Helper()
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	defer server.Close()
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	host := req.URL.Host
	sent := req.Clone(context.Background())
	sent.URL.Host, sent.Host = at.Host, host
	resp, err := server.Client().Do(sent)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return got
}

// objects is how S3's requests are signed.
func objects() sigv4.Form { return sigv4.Form{RawPath: true, Unsigned: true} }

// The first vector of AWS's own suite, get-vanilla.
// Source: https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
func TestVerify_knowsAWSsOwnVector(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodGet, "https://example.amazonaws.com/", nil)
	req.Header.Set("X-Amz-Date", "20150830T123600Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "+
		"SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
	s, err := sigv4.Read(req)
	require.NoError(t, err)
	require.Equal(t, "AKIDEXAMPLE us-east-1 service", s.AccessKey+" "+s.Region+" "+s.Service)
	require.True(t, s.Verify(&sigv4.Keys{}, sigv4.Form{}, req, credentials("").SecretAccessKey,
		func() string { return hash(nil) }))
	require.False(t, s.Verify(&sigv4.Keys{}, sigv4.Form{}, req, "another", func() string { return hash(nil) }))
}

func TestVerify_agreesWithTheSDKsSigner(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ service, method, url, body, payload string }{
		{"dynamodb", http.MethodPost, "http://localhost:4566/", `{"TableName":"t"}`, ""},
		{"lambda", http.MethodPost,
			"http://localhost:4566/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af/invocations", "{}",
			""},
		{"s3", http.MethodPut, "http://localhost:4566/bucket/a%20key%2Bwith%20%C3%A4/x%3D1", "data", sigv4.Unsigned},
		{"s3", http.MethodGet, "http://bucket.localhost:4566/?list-type=2&prefix=a%2Fb&empty=&prefix=c", "", ""},
		{"s3", http.MethodPut, "http://localhost:4566/b/k", "x", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
	} {
		req, err := http.NewRequest(tc.method, tc.url, bytes.NewReader([]byte(tc.body)))
		require.NoError(t, err)
		payload := tc.payload
		if payload == "" {
			payload = hash([]byte(tc.body))
		}
		if tc.service == "s3" {
			req.Header.Set("X-Amz-Content-Sha256", payload)
		}
		req.Header.Set("X-Amz-Meta-Spaces", "  a   b ")
		sign := signer.NewSigner(func(o *signer.SignerOptions) { o.DisableURIPathEscaping = tc.service == "s3" })
		require.NoError(t, sign.SignHTTP(context.Background(), credentials("tok"), req, payload, tc.service, "us-east-1",
			when))
		got := received(t, req)
		s, err := sigv4.Read(got)
		require.NoError(t, err)
		require.Equal(t, "tok", s.Token)
		body := func() string { return hash([]byte(tc.body)) }
		form := sigv4.Form{}
		if tc.service == "s3" {
			form = objects()
		}
		require.True(t, s.Verify(&sigv4.Keys{}, form, got, credentials("").SecretAccessKey, body), tc.url)

		got.Header.Set("X-Amz-Meta-Spaces", "c")
		require.False(t, s.Verify(&sigv4.Keys{}, form, got, credentials("").SecretAccessKey, body),
			"a signed header was changed")
	}
}

func TestVerify_takesPresignedURLs(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequest(http.MethodGet, "http://localhost:4566/b/k%20y?versionId=1&X-Amz-Expires=60", nil)
	require.NoError(t, err)
	sign := signer.NewSigner(func(o *signer.SignerOptions) { o.DisableURIPathEscaping = true })
	uri, _, err := sign.PresignHTTP(context.Background(), credentials("tok"), req, sigv4.Unsigned, "s3", "us-east-1", when)
	require.NoError(t, err)
	plain, err := http.NewRequest(http.MethodGet, uri, nil)
	require.NoError(t, err)
	got := received(t, plain)
	s, err := sigv4.Read(got)
	require.NoError(t, err)
	require.True(t, s.Presigned)
	require.Equal(t, when, s.Date)
	require.True(t, s.Verify(&sigv4.Keys{}, objects(), got, credentials("").SecretAccessKey, nil))
	got.URL.RawQuery += "&versionId=2"
	require.False(t, s.Verify(&sigv4.Keys{}, objects(), got, credentials("").SecretAccessKey, nil))
}

func TestRead_tellsWhatItCannotUse(t *testing.T) {
	t.Parallel()
	read := func(url, auth string) error {
		req := httptest.NewRequest(http.MethodGet, url, nil)
		if auth != "" {
			req.Header.Set("Authorization", auth)
			req.Header.Set("X-Amz-Date", "20150830T123600Z")
		}
		_, err := sigv4.Read(req)
		return err
	}
	require.NoError(t, read("/", ""))
	require.ErrorIs(t, read("/", "AWS AKID:sig"), sigv4.ErrAlgorithm)
	require.ErrorIs(t, read("/?AWSAccessKeyId=a&Signature=b&Expires=1", ""), sigv4.ErrAlgorithm)
	require.ErrorIs(t, read("/", "AWS4-HMAC-SHA256 Credential=x/20150830/r/s/aws4_request, Signature=1"),
		sigv4.ErrIncomplete, "the host is always signed")
	require.ErrorIs(t,
		read("/", "AWS4-HMAC-SHA256 Credential=x/20150831/r/s/aws4_request, SignedHeaders=host, Signature=1"),
		sigv4.ErrIncomplete, "the day is not the date's")
	require.ErrorIs(t, read("/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x", ""), sigv4.ErrIncomplete)
}

func TestVerify_agreesWithTheSDKsSignerOnAnyKey(t *testing.T) {
	t.Parallel()
	sign := signer.NewSigner(func(o *signer.SignerOptions) { o.DisableURIPathEscaping = true })
	rapid.Check(t, func(r *rapid.T) {
		key, value := rapid.StringN(1, 20, 60).Draw(r, "key"), rapid.String().Draw(r, "value")
		u := &url.URL{Scheme: "http", Host: "localhost", Path: "/b/" + key,
			RawPath: "/b/" + url.PathEscape(key), RawQuery: url.Values{"v": {value}}.Encode()}
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.URL, req.Host = u, u.Host
		req.Header.Set("X-Amz-Content-Sha256", sigv4.Unsigned)
		require.NoError(r, sign.SignHTTP(context.Background(), credentials(""), req, sigv4.Unsigned, "s3", "us-east-1", when))
		s, err := sigv4.Read(req)
		require.NoError(r, err)
		require.True(r, s.Verify(&sigv4.Keys{}, objects(), req, credentials("").SecretAccessKey, nil))
	})
}
