package s3_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// answered is an answer that has been read.
type answered struct {
	StatusCode int
	Header     http.Header
}

// post sends a form with a file and returns the status and the body of the answer.
func (w *world) post(fields map[string]string, file string) (answered, string) {
	w.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, value := range fields {
		require.NoError(w.t, m.WriteField(name, value))
	}
	part, err := m.CreateFormFile("file", "cat.txt")
	require.NoError(w.t, err)
	_, err = part.Write([]byte(file))
	require.NoError(w.t, err)
	require.NoError(w.t, m.Close())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/data", &b)
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", m.FormDataContentType())
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return answered{res.StatusCode, res.Header}, string(text)
}

// boto signs a policy as boto3 does without being told otherwise.
func boto(t *testing.T, secret string, policy map[string]any) map[string]string {
	t.Helper()
	doc, err := json.Marshal(policy)
	require.NoError(t, err)
	encoded := base64.StdEncoding.EncodeToString(doc)
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte(encoded))
	return map[string]string{"AWSAccessKeyId": "test", "policy": encoded,
		"signature": base64.StdEncoding.EncodeToString(h.Sum(nil))}
}

func with(fields map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for k, v := range fields {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// Pages upload files with forms that somebody else has signed.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
func TestForm_uploadsWhatItsPolicyAllows(t *testing.T) {
	w := start(t)
	w.Gateway.SetMode(gateway.Enforced)
	until := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")
	policy := map[string]any{"expiration": until, "conditions": []any{map[string]string{"bucket": "data"},
		[]string{"starts-with", "$key", "up/"}, []string{"starts-with", "$Content-Type", "text/"},
		map[string]string{"x-amz-meta-who": "me"}, []string{"starts-with", "$success_action_status", ""},
		[]any{"content-length-range", 2, 10}}}
	form := with(boto(t, "test", policy), "key", "up/${filename}", "Content-Type", "text/plain",
		"x-amz-meta-who", "me", "success_action_status", "201")
	res, body := w.post(form, "hello")
	require.Equal(t, http.StatusCreated, res.StatusCode, body)
	require.Contains(t, body, "<Bucket>data</Bucket><Key>up/cat.txt</Key>")
	got, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("up/cat.txt")})
	require.NoError(t, err)
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(text))
	require.Equal(t, map[string]string{"who": "me"}, got.Metadata)
	require.Equal(t, "text/plain", *got.ContentType)
	require.Equal(t, *got.ETag, res.Header.Get("Etag"))

	late := map[string]any{"expiration": "2007-12-01T12:00:00.000Z", "conditions": policy["conditions"]}
	for name, c := range map[string]struct {
		form   map[string]string
		file   string
		status int
		says   string
	}{
		"another key":      {with(form, "key", "down/a"), "hello", 403, "Policy Condition failed"},
		"an unnamed field": {with(form, "x-amz-meta-x", "1"), "hello", 403, "Extra input fields: x-amz-meta-x"},
		"an ignored field": {with(form, "x-ignore-x", "1"), "hello", 201, "PostResponse"},
		"too long":         {form, "hello, world", 400, "<Code>EntityTooLarge</Code>"},
		"too short":        {form, "h", 400, "<Code>EntityTooSmall</Code>"},
		"another secret":   {with(form, "signature", "bm8="), "hello", 403, "<Code>SignatureDoesNotMatch</Code>"},
		"an unknown key":   {with(form, "AWSAccessKeyId", "AKIANOBODY"), "hello", 403, "<Code>InvalidAccessKeyId</Code>"},
		"no signature":     {with(form, "signature", ""), "hello", 400, "<ArgumentName>signature</ArgumentName>"},
		"no key":           {with(form, "key", ""), "hello", 400, "<ArgumentName>key</ArgumentName>"},
		"too late":         {with(form, keep(boto(t, "test", late))...), "hello", 403, "Policy expired."},
		"nobody":           {map[string]string{"key": "a"}, "hello", 403, "<Code>AccessDenied</Code>"},
	} {
		res, body := w.post(c.form, c.file)
		require.Equal(t, c.status, res.StatusCode, name+": "+body)
		require.Contains(t, body, c.says, name)
	}
	plain := map[string]any{"expiration": until, "conditions": []any{map[string]string{"bucket": "data"},
		[]string{"starts-with", "$key", ""}, []string{"starts-with", "$success_action_redirect", ""}}}
	res, _ = w.post(with(boto(t, "test", plain), "key", "k", "success_action_redirect", "http://here/?a=1"), "x")
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	require.Contains(t, res.Header.Get("Location"), "http://here/?a=1&bucket=data&key=k&etag=%22")
}

// keep is a map as a list of names and values.
func keep(m map[string]string) (out []string) {
	for k, v := range m {
		out = append(out, k, v)
	}
	return out
}
