package s3_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

// heard keeps the body of the last answer.
type heard struct {
	under sdk.HTTPClient
	body  []byte
}

func (h *heard) Do(req *http.Request) (*http.Response, error) {
	res, err := h.under.Do(req)
	if err != nil {
		return nil, err
	}
	h.body, err = io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(h.body))
	return res, err
}

// elements are the root of a document and what is in it, in its order, without
// repetitions.
func elements(t *testing.T, body []byte) string {
	t.Helper()
	var out []string
	d, depth := xml.NewDecoder(bytes.NewReader(body)), 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(out, " ")
		}
		require.NoError(t, err)
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				require.Equal(t, "http://s3.amazonaws.com/doc/2006-03-01/", tok.Name.Space)
			}
			if name := tok.Name.Local; depth <= 2 && (len(out) == 0 || out[len(out)-1] != name) {
				out = append(out, name)
			}
		case xml.EndElement:
			depth--
		}
	}
}

// Clients that do not go by the schema look for the elements that AWS documents.
func TestAnswers_haveTheElementsOfTheReference(t *testing.T) {
	w, ctx := start(t), context.Background()
	o := w.s3.Options()
	h := &heard{under: o.HTTPClient}
	o.HTTPClient = h
	c, b, key := sdk.New(o), aws.String("elements"), aws.String("a/1")
	said := func(_ any, err error) string {
		t.Helper()
		require.NoError(t, err)
		return elements(t, h.body)
	}
	require.Equal(t, "ListAllMyBucketsResult Owner Buckets", said(c.ListBuckets(ctx, &sdk.ListBucketsInput{})),
		"the list is there, and empty")
	_, err := c.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: b})
	require.NoError(t, err)
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: key, Body: strings.NewReader("x")})
	require.NoError(t, err)
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: aws.String("b/2"), Body: strings.NewReader("y")})
	require.NoError(t, err)

	list := said(c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: b}))
	require.True(t, strings.HasPrefix(list, "ListBucketResult "), list)
	require.True(t, strings.HasSuffix(list, " Contents"), "what was asked for comes before what was found: "+list)
	list = said(c.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: b, Delimiter: aws.String("/")}))
	require.True(t, strings.HasPrefix(list, "ListBucketResult "), list)
	require.True(t, strings.HasSuffix(list, " CommonPrefixes"), list)
	require.Contains(t, said(c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: b})), "ListVersionsResult ")

	up, err := c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: b, Key: aws.String("m")})
	require.Equal(t, "InitiateMultipartUploadResult Bucket Key UploadId", said(up, err))
	part, err := c.UploadPartCopy(ctx, &sdk.UploadPartCopyInput{Bucket: b, Key: aws.String("m"), UploadId: up.UploadId,
		PartNumber: aws.Int32(1), CopySource: aws.String("elements/a/1")})
	require.Regexp(t, "^CopyPartResult ", said(part, err))
	require.Regexp(t, "^ListMultipartUploadsResult .*Upload$",
		said(c.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: b})))
	require.Regexp(t, "^ListPartsResult .*Part$",
		said(c.ListParts(ctx, &sdk.ListPartsInput{Bucket: b, Key: aws.String("m"), UploadId: up.UploadId})))
	require.Regexp(t, "^CompleteMultipartUploadResult ", said(c.CompleteMultipartUpload(ctx,
		&sdk.CompleteMultipartUploadInput{Bucket: b, Key: aws.String("m"), UploadId: up.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{
				{PartNumber: aws.Int32(1), ETag: part.CopyPartResult.ETag}}}})))
	require.Regexp(t, "^CopyObjectResult ", said(c.CopyObject(ctx,
		&sdk.CopyObjectInput{Bucket: b, Key: aws.String("c"), CopySource: aws.String("elements/a/1")})))
	require.Regexp(t, "^GetObjectAttributesResponse ", said(c.GetObjectAttributes(ctx, &sdk.GetObjectAttributesInput{
		Bucket: b, Key: key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag}})))
	require.Equal(t, "AccessControlPolicy Owner AccessControlList",
		said(c.GetBucketAcl(ctx, &sdk.GetBucketAclInput{Bucket: b})))
	require.Equal(t, "Tagging TagSet", said(c.GetObjectTagging(ctx, &sdk.GetObjectTaggingInput{Bucket: b, Key: key})),
		"also without tags")
	require.Equal(t, "VersioningConfiguration", said(c.GetBucketVersioning(ctx, &sdk.GetBucketVersioningInput{Bucket: b})))
	require.Equal(t, "DeleteResult Deleted", said(c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: b,
		Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("c")}}}})))
	_, err = c.PutBucketLifecycleConfiguration(ctx, &sdk.PutBucketLifecycleConfigurationInput{Bucket: b,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{Status: "Enabled",
			ID: aws.String("r"), Filter: &types.LifecycleRuleFilter{Prefix: aws.String("a/")},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)}}}}})
	require.NoError(t, err)
	require.Equal(t, "LifecycleConfiguration Rule",
		said(c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: b})))
	_, err = c.PutBucketCors(ctx, &sdk.PutBucketCorsInput{Bucket: b, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}})
	require.NoError(t, err)
	require.Equal(t, "CORSConfiguration CORSRule", said(c.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: b})))
}
