package s3_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

// raw sends a signed-looking request and returns the answer with the elements of its document.
func (w *world) raw(method, path, body string, header ...string) (answered, map[string]string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, w.URL+path, strings.NewReader(body))
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/s3/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	var doc struct {
		Elements []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	_ = xml.Unmarshal(text, &doc) // objects are no documents
	found := map[string]string{}
	for _, e := range doc.Elements {
		found[e.XMLName.Local] = e.Text
	}
	return answered{res.StatusCode, res.Header}, found
}

// An error has its own elements and no other.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func TestErrors_haveTheirOwnElements(t *testing.T) {
	w := start(t)
	w.put("a", "abc")
	_, err := w.s3.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: aws.String("data"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	require.NoError(t, err)
	gone, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: aws.String("gone")})
	require.NoError(t, err)
	for path, want := range map[string]map[string]string{
		"/absent":                    {"Code": "NoSuchBucket", "BucketName": "absent"},
		"/data/absent":               {"Code": "NoSuchKey", "Key": "absent"},
		"/data?max-keys=many":        {"Code": "InvalidArgument", "ArgumentName": "max-keys", "ArgumentValue": "many"},
		"/data?encoding-type=foo":    {"Code": "InvalidArgument", "ArgumentName": "encoding-type", "ArgumentValue": "foo"},
		"/data/a?partNumber=7":       {"Code": "InvalidPartNumber", "PartNumberRequested": "7", "ActualPartCount": "1"},
		"/data/a?uploadId=no":        {"Code": "NoSuchUpload", "UploadId": "no"},
		"/data?cors":                 {"Code": "NoSuchCORSConfiguration", "BucketName": "data"},
		"/data/a?versionId=nonsense": {"Code": "InvalidArgument", "ArgumentName": "versionId", "ArgumentValue": "nonsense"},
		"/data/gone?versionId=" + *gone.VersionId: {"Code": "MethodNotAllowed", "Method": "GET",
			"ResourceType": "DeleteMarker"},
	} {
		res, got := w.raw(http.MethodGet, path, "")
		for _, name := range []string{"Message", "RequestId", "HostId"} {
			require.NotEmpty(t, got[name], path)
		}
		require.Equal(t, res.Header.Get("X-Amz-Request-Id"), got["RequestId"], path)
		require.Equal(t, res.Header.Get("X-Amz-Id-2"), got["HostId"], path)
		delete(got, "Message")
		delete(got, "RequestId")
		delete(got, "HostId")
		require.Equal(t, want, got, path)
	}
	res, _ := w.raw(http.MethodGet, "/data/a", "")
	require.Equal(t, "AmazonS3", res.Header.Get("Server"))
	require.Empty(t, res.Header.Get("X-Amzn-Requestid"))
	require.Len(t, res.Header.Get("X-Amz-Id-2"), 76)
}
