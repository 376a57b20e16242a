package s3_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

// The answers are those that S3 was recorded with; see CORS.
func TestCORS_answersAsRecorded(t *testing.T) {
	w, ctx := start(t), context.Background()
	b := aws.String("pages")
	ask := func(method, path string, header ...string) (int, http.Header, string) {
		req, err := http.NewRequestWithContext(ctx, method, w.URL+path, http.NoBody)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, resp.Header, string(body)
	}
	const origin, method, asked = "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"
	const page = "https://localhost:4200"
	says := func(status int, texts ...string) func(int, http.Header, string) {
		return func(got int, _ http.Header, body string) {
			t.Helper()
			require.Equal(t, status, got, body)
			for _, text := range texts {
				require.Contains(t, body, text)
			}
		}
	}
	says(400, "<Code>BadRequest</Code>", "Insufficient information. Origin request header needed.")(
		ask("OPTIONS", "/pages/k"))
	says(403, "<Code>AccessForbidden</Code>", "CORSResponse: Bucket not found", "<Method>OPTIONS</Method>",
		"<ResourceType>BUCKET</ResourceType>")(ask("OPTIONS", "/pages/k", origin, page))
	_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: b})
	require.NoError(t, err)
	says(403, "CORSResponse: CORS is not enabled for this bucket.", "<Method>PUT</Method>",
		"<ResourceType>BUCKET</ResourceType>")(ask("OPTIONS", "/pages/k", origin, page, method, "PUT"))
	_, err = w.s3.PutBucketCors(ctx, &sdk.PutBucketCorsInput{Bucket: b, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{
			{AllowedOrigins: []string{page}, AllowedMethods: []string{"GET", "PUT"}, MaxAgeSeconds: aws.Int32(3000),
				AllowedHeaders: []string{"X-Amz-*", "content-type"}, ExposeHeaders: []string{"ETag", "x-amz-id-2"}},
			{AllowedOrigins: []string{"http://*.example.com"}, AllowedMethods: []string{"GET"}},
			{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"HEAD"}},
		}}})
	require.NoError(t, err)

	status, h, body := ask("OPTIONS", "/pages/k", origin, page, method, "PUT", asked, "X-Amz-Date, content-type")
	require.Equal(t, 200, status)
	require.Empty(t, body)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": page, "Access-Control-Allow-Credentials": "true",
		"Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Allow-Headers": "x-amz-date, content-type",
		"Access-Control-Expose-Headers": "ETag, x-amz-id-2", "Access-Control-Max-Age": "3000",
		"Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
	} {
		require.Equal(t, want, h.Get(name), name)
	}
	_, h, _ = ask("OPTIONS", "/pages/k", origin, "http://anybody.example", method, "HEAD")
	require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
	require.Empty(t, h.Get("Access-Control-Allow-Credentials"))
	_, h, _ = ask("OPTIONS", "/pages/k", origin, "http://a.example.com", method, "GET")
	require.Equal(t, "http://a.example.com", h.Get("Access-Control-Allow-Origin"))
	const refused = "This CORS request is not allowed."
	for _, wrong := range [][]string{
		{origin, "http://localhost:4200", method, "PUT"}, {origin, page, method, "DELETE"},
		{origin, page, method, "PUT", asked, "authorization"}, {origin, "http://.example.com.evil", method, "GET"},
	} {
		says(403, refused, "<ResourceType>OBJECT</ResourceType>")(ask("OPTIONS", "/pages/k", wrong...))
	}
	says(403, refused, "<ResourceType>BUCKET</ResourceType>")(ask("OPTIONS", "/pages", origin, page, method, "DELETE"))

	// What is not allowed is done all the same; the browser keeps it from the page.
	presigned, err := sdk.NewPresignClient(w.s3).PresignGetObject(ctx, &sdk.GetObjectInput{Bucket: b,
		Key: aws.String("k")})
	require.NoError(t, err)
	_, err = w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: aws.String("k"), Body: strings.NewReader("x")})
	require.NoError(t, err)
	path := strings.TrimPrefix(presigned.URL, w.URL)
	status, h, _ = ask("GET", path, origin, page)
	require.Equal(t, 200, status)
	require.Equal(t, page, h.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "ETag, x-amz-id-2", h.Get("Access-Control-Expose-Headers"))
	status, h, _ = ask("GET", path, origin, "http://localhost:4200")
	require.Equal(t, 200, status)
	require.Empty(t, h.Get("Access-Control-Allow-Origin"))
	status, h, _ = ask("GET", "/pages/none", origin, page)
	require.Equal(t, 403, status)
	require.Equal(t, page, h.Get("Access-Control-Allow-Origin"), "errors can be read too")

	// Other services answer every page.
	status, h, _ = ask("OPTIONS", "/", origin, page, method, "POST", asked, "authorization,x-amz-target")
	require.Equal(t, 200, status)
	require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "authorization,x-amz-target", h.Get("Access-Control-Allow-Headers"))
	require.Equal(t, "POST", h.Get("Access-Control-Allow-Methods"))
}
