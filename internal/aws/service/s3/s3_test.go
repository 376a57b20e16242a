package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	awshttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/s3"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
)

var ctx = context.Background()

type world struct {
	*awstest.Cloud
	t   testing.TB
	s3  *sdk.Client
	sqs *sqs.Client
}

func start(t testing.TB) *world {
	t.Helper()
	c := awstest.New(t, func(h *gateway.Host) gateway.Service {
		return sqsservice.New(h)
	}, func(h *gateway.Host) gateway.Service { return s3.New(h) })
	w := &world{Cloud: c, t: t, s3: sdk.NewFromConfig(c.Config(), func(o *sdk.Options) {
		o.UsePathStyle = true
	}), sqs: sqs.NewFromConfig(c.Config())}
	w.bucket("data")
	return w
}

func (w *world) bucket(name string) {
	w.t.Helper()
	_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: &name})
	require.NoError(w.t, err)
}

func (w *world) put(key, body string, more ...func(*sdk.PutObjectInput)) *sdk.PutObjectOutput {
	w.t.Helper()
	in := &sdk.PutObjectInput{Bucket: aws.String("data"), Key: &key, Body: strings.NewReader(body)}
	for _, m := range more {
		m(in)
	}
	out, err := w.s3.PutObject(ctx, in)
	require.NoError(w.t, err)
	return out
}

func (w *world) get(key string, more ...func(*sdk.GetObjectInput)) (string, *sdk.GetObjectOutput) {
	w.t.Helper()
	in := &sdk.GetObjectInput{Bucket: aws.String("data"), Key: &key}
	for _, m := range more {
		m(in)
	}
	out, err := w.s3.GetObject(ctx, in)
	require.NoError(w.t, err)
	b, err := io.ReadAll(out.Body)
	require.NoError(w.t, err)
	return string(b), out
}

// refused asserts an error's code and HTTP status.
func refused(t testing.TB, err error, code string, status int) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	var resp *awshttp.ResponseError
	require.ErrorAs(t, err, &resp)
	require.Equal(t, status, resp.HTTPStatusCode(), "%v", err)
	require.Equal(t, code, api.ErrorCode())
}

func (w *world) versioned() {
	w.t.Helper()
	_, err := w.s3.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: aws.String("data"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	require.NoError(w.t, err)
}

func TestObjects_keepBodyHeadersAndMetadata(t *testing.T) {
	w := start(t)
	for _, key := range []string{"plain.txt", "a b/ü+%&=?.csv", "../up", "double//slash", "/leading", "dot/./dot",
		"100%25", "emoji-😀"} {
		w.put(key, "body of "+key, func(in *sdk.PutObjectInput) {
			in.ContentType, in.Metadata, in.CacheControl = aws.String("text/csv"), map[string]string{"owner": "me"},
				aws.String("no-cache")
			in.Tagging = aws.String("a=1&b=2")
		})
		body, out := w.get(key)
		require.Equal(t, "body of "+key, body)
		require.Equal(t, "text/csv", *out.ContentType)
		require.Equal(t, map[string]string{"owner": "me"}, out.Metadata)
		require.Equal(t, "no-cache", *out.CacheControl)
		require.Equal(t, int32(2), *out.TagCount)
		require.Equal(t, types.ServerSideEncryptionAes256, out.ServerSideEncryption)
	}
	out, err := w.s3.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: aws.String("data"),
		EncodingType: types.EncodingTypeUrl})
	require.NoError(t, err)
	require.Len(t, out.Contents, 8)
	_, head := w.get("plain.txt", func(in *sdk.GetObjectInput) { in.ResponseContentType = aws.String("x/y") })
	require.Equal(t, "x/y", *head.ContentType)
	_, err = w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: aws.String("plain.txt")})
	require.NoError(t, err)
	_, err = w.s3.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("data"), Key: aws.String("plain.txt")})
	var gone *types.NotFound
	require.ErrorAs(t, err, &gone)
}

func TestObjects_rangesAndConditions(t *testing.T) {
	w := start(t)
	etag := w.put("k", "0123456789").ETag
	for spec, want := range map[string]string{"bytes=0-3": "0123", "bytes=5-": "56789", "bytes=-2": "89",
		"bytes=8-100": "89", "bytes=0-0": "0"} {
		body, out := w.get("k", func(in *sdk.GetObjectInput) { in.Range = aws.String(spec) })
		require.Equal(t, want, body, spec)
		require.NotNil(t, out.ContentRange)
	}
	get := func(change func(*sdk.GetObjectInput)) error {
		in := &sdk.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("k")}
		change(in)
		_, err := w.s3.GetObject(ctx, in)
		return err
	}
	refused(t, get(func(in *sdk.GetObjectInput) { in.Range = aws.String("bytes=10-") }), "InvalidRange", 416)
	refused(t, get(func(in *sdk.GetObjectInput) { in.IfNoneMatch = etag }), "NotModified", 304)
	refused(t, get(func(in *sdk.GetObjectInput) { in.IfMatch = aws.String("x") }), "PreconditionFailed", 412)
	refused(t, get(func(in *sdk.GetObjectInput) { in.IfModifiedSince = aws.Time(w.Clock.Now()) }), "NotModified", 304)
	refused(t, get(func(in *sdk.GetObjectInput) { in.IfUnmodifiedSince = aws.Time(w.Clock.Now().Add(-time.Hour)) }),
		"PreconditionFailed", 412)
	require.NoError(t, get(func(in *sdk.GetObjectInput) { in.IfMatch = etag }))
	put := func(change func(*sdk.PutObjectInput)) error {
		in := &sdk.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("k"), Body: strings.NewReader("new")}
		change(in)
		_, err := w.s3.PutObject(ctx, in)
		return err
	}
	refused(t, put(func(in *sdk.PutObjectInput) { in.IfNoneMatch = aws.String("*") }), "PreconditionFailed", 412)
	refused(t, put(func(in *sdk.PutObjectInput) { in.IfMatch = aws.String("x") }), "PreconditionFailed", 412)
	require.NoError(t, put(func(in *sdk.PutObjectInput) { in.IfMatch = etag }))
}

func TestObjects_verifyChecksums(t *testing.T) {
	w := start(t)
	for _, a := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c,
		types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256} {
		w.put(string(a), "some text", func(in *sdk.PutObjectInput) { in.ChecksumAlgorithm = a })
		// The SDK verifies what it reads against the sum that is sent along.
		body, out := w.get(string(a), func(in *sdk.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled })
		require.Equal(t, "some text", body)
		require.Equal(t, types.ChecksumTypeFullObject, out.ChecksumType)
	}
	_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("k"),
		Body: strings.NewReader("x"), ChecksumSHA256: aws.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")})
	refused(t, err, "BadDigest", 400)
	_, err = w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("k"),
		Body: strings.NewReader("x"), ContentMD5: aws.String("1B2M2Y8AsgTpgAmY7PhCfg==")})
	refused(t, err, "BadDigest", 400)
	_, err = w.s3.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("data"), Key: aws.String("k")})
	require.Error(t, err, "nothing was stored")
}

func TestList_pagesWithPrefixesAndDelimiters(t *testing.T) {
	w := start(t)
	for _, k := range []string{"a", "a/1", "a/2", "b/1", "b/2/x", "c", "d/1"} {
		w.put(k, k)
	}
	list := func(in sdk.ListObjectsV2Input, size int32) (out []string) {
		in.Bucket, in.MaxKeys = aws.String("data"), &size
		pages := sdk.NewListObjectsV2Paginator(w.s3, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Contents)+len(page.CommonPrefixes), int(size))
			for _, o := range page.Contents {
				out = append(out, *o.Key)
			}
			for _, p := range page.CommonPrefixes {
				out = append(out, *p.Prefix+"*")
			}
		}
		return out
	}
	for _, size := range []int32{1, 2, 1000} {
		require.ElementsMatch(t, []string{"a", "a/*", "b/*", "c", "d/*"},
			list(sdk.ListObjectsV2Input{Delimiter: aws.String("/")}, size))
		require.ElementsMatch(t, []string{"b/1", "b/2/*"},
			list(sdk.ListObjectsV2Input{Delimiter: aws.String("/"), Prefix: aws.String("b/")}, size))
		require.Equal(t, []string{"b/2/x", "c", "d/1"}, list(sdk.ListObjectsV2Input{StartAfter: aws.String("b/1")}, size))
	}
	one, err := w.s3.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: aws.String("data"), Delimiter: aws.String("/"),
		MaxKeys: aws.Int32(2)})
	require.NoError(t, err)
	require.Equal(t, "a/", *one.NextMarker)
	two, err := w.s3.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: aws.String("data"), Delimiter: aws.String("/"),
		Marker: one.NextMarker})
	require.NoError(t, err)
	require.Equal(t, "c", *two.Contents[0].Key)
	require.Len(t, two.CommonPrefixes, 2)
}

func TestMultipart_joinsParts(t *testing.T) {
	w := start(t)
	big := bytes.Repeat([]byte("x"), 5<<20)
	for _, algorithm := range []types.ChecksumAlgorithm{"", types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc32} {
		up, err := w.s3.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: aws.String("data"),
			Key: aws.String("big"), ChecksumAlgorithm: algorithm, ContentType: aws.String("x/y")})
		require.NoError(t, err)
		var parts []types.CompletedPart
		for i, body := range [][]byte{big, []byte("end")} {
			out, err := w.s3.UploadPart(ctx, &sdk.UploadPartInput{Bucket: aws.String("data"), Key: aws.String("big"),
				UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(body),
				ChecksumAlgorithm: algorithm})
			require.NoError(t, err)
			parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1)),
				ChecksumSHA256: out.ChecksumSHA256, ChecksumCRC32: out.ChecksumCRC32})
		}
		list, err := w.s3.ListParts(ctx, &sdk.ListPartsInput{Bucket: aws.String("data"), Key: aws.String("big"),
			UploadId: up.UploadId, MaxParts: aws.Int32(1)})
		require.NoError(t, err)
		require.True(t, *list.IsTruncated)
		finish := func(parts ...types.CompletedPart) error {
			_, err := w.s3.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: aws.String("data"),
				Key: aws.String("big"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
			return err
		}
		refused(t, finish(parts[1], parts[0]), "InvalidPartOrder", 400)
		refused(t, finish(types.CompletedPart{PartNumber: aws.Int32(1), ETag: aws.String("no")}), "InvalidPart", 400)
		require.NoError(t, finish(parts...))
		require.NoError(t, finish(parts...), "once more, as who has lost the answer")
		body, out := w.get("big", func(in *sdk.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled })
		require.Equal(t, string(big)+"end", body)
		require.True(t, strings.HasSuffix(*out.ETag, `-2"`), *out.ETag)
		require.Equal(t, "x/y", *out.ContentType)
		if algorithm == types.ChecksumAlgorithmSha256 {
			require.Equal(t, types.ChecksumTypeComposite, out.ChecksumType)
		}
		body, out = w.get("big", func(in *sdk.GetObjectInput) { in.PartNumber = aws.Int32(2) })
		require.Equal(t, "end", body)
		require.Equal(t, int32(2), *out.PartsCount)
		body, _ = w.get("big", func(in *sdk.GetObjectInput) {
			in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", 5<<20-2, 5<<20))
		})
		require.Equal(t, "xxe", body)
	}
	_, err := w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: aws.String("data"), Key: aws.String("copy"),
		CopySource: aws.String("data/big")})
	require.NoError(t, err)
	_, out := w.get("copy")
	require.NotContains(t, *out.ETag, "-", "a copy is in one piece")
}

func TestCopy_takesOrReplaces(t *testing.T) {
	w := start(t)
	w.put("from /ü", "body", func(in *sdk.PutObjectInput) {
		in.Metadata, in.Tagging = map[string]string{"m": "1"}, aws.String("t=1")
	})
	source := aws.String("data/from%20/%C3%BC")
	_, err := w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: aws.String("data"), Key: aws.String("to"),
		CopySource: source})
	require.NoError(t, err)
	body, out := w.get("to")
	require.Equal(t, "body", body)
	require.Equal(t, map[string]string{"m": "1"}, out.Metadata)
	require.Equal(t, int32(1), *out.TagCount)
	_, err = w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: aws.String("data"), Key: aws.String("to"),
		CopySource: source, MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{"n": "2"}})
	require.NoError(t, err)
	_, out = w.get("to")
	require.Equal(t, map[string]string{"n": "2"}, out.Metadata)
	_, err = w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: aws.String("data"), Key: aws.String("to"),
		CopySource: aws.String("data/to")})
	refused(t, err, "InvalidRequest", 400)
}

func TestPresigned_worksUntilItExpires(t *testing.T) {
	w := start(t)
	sign := sdk.NewPresignClient(w.s3)
	put, err := sign.PresignPutObject(ctx, &sdk.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("up load")},
		sdk.WithPresignExpires(time.Minute))
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(ctx, put.Method, put.URL, strings.NewReader("hello"))
	require.NoError(t, err)
	req.Header = put.SignedHeader
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
	body, _ := w.get("up load")
	require.Equal(t, "hello", body)
}

func TestObjectLock_keepsVersions(t *testing.T) {
	w := start(t)
	_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("vault"),
		ObjectLockEnabledForBucket: aws.Bool(true)})
	require.NoError(t, err)
	_, err = w.s3.PutObjectLockConfiguration(ctx, &sdk.PutObjectLockConfigurationInput{Bucket: aws.String("vault"),
		ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{
				Mode: types.ObjectLockRetentionModeGovernance, Days: aws.Int32(1)}}}})
	require.NoError(t, err)
	put := func(change func(*sdk.PutObjectInput)) string {
		in := &sdk.PutObjectInput{Bucket: aws.String("vault"), Key: aws.String("k"), Body: strings.NewReader("x")}
		change(in)
		out, err := w.s3.PutObject(ctx, in)
		require.NoError(t, err)
		return *out.VersionId
	}
	remove := func(id string, bypass bool) error {
		_, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("vault"), Key: aws.String("k"),
			VersionId: &id, BypassGovernanceRetention: &bypass})
		return err
	}
	soft := put(func(*sdk.PutObjectInput) {})
	refused(t, remove(soft, false), "AccessDenied", 403)
	require.NoError(t, remove(soft, true))
	hard := put(func(in *sdk.PutObjectInput) {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeCompliance,
			aws.Time(w.Clock.Now().Add(48*time.Hour))
	})
	refused(t, remove(hard, true), "AccessDenied", 403)
	_, err = w.s3.PutObjectRetention(ctx, &sdk.PutObjectRetentionInput{Bucket: aws.String("vault"), Key: aws.String("k"),
		VersionId: &hard, BypassGovernanceRetention: aws.Bool(true),
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeCompliance,
			RetainUntilDate: aws.Time(w.Clock.Now().Add(time.Hour))}})
	refused(t, err, "AccessDenied", 403)
	_, err = w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("vault"), Key: aws.String("k")})
	require.NoError(t, err, "a delete marker may always be put on top")
	w.Advance(49 * time.Hour)
	_, err = w.s3.PutObjectLegalHold(ctx, &sdk.PutObjectLegalHoldInput{Bucket: aws.String("vault"), Key: aws.String("k"),
		VersionId: &hard, LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn}})
	require.NoError(t, err)
	refused(t, remove(hard, true), "AccessDenied", 403)
	_, err = w.s3.PutObjectLegalHold(ctx, &sdk.PutObjectLegalHoldInput{Bucket: aws.String("vault"), Key: aws.String("k"),
		VersionId: &hard, LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOff}})
	require.NoError(t, err)
	require.NoError(t, remove(hard, false))
}

func TestLifecycle_actsWhenTheClockMoves(t *testing.T) {
	w := start(t)
	w.versioned()
	rules := []types.LifecycleRule{
		{ID: aws.String("logs"), Status: types.ExpirationStatusEnabled,
			Filter: &types.LifecycleRuleFilter{Prefix: aws.String("logs/")},
			Transitions: []types.Transition{{Days: aws.Int32(30),
				StorageClass: types.TransitionStorageClassStandardIa},
				{Days: aws.Int32(60), StorageClass: types.TransitionStorageClassGlacier}},
			Expiration:                  &types.LifecycleExpiration{Days: aws.Int32(90)},
			NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(1)}},
		{ID: aws.String("markers"), Status: types.ExpirationStatusEnabled,
			Filter:     &types.LifecycleRuleFilter{Prefix: aws.String("logs/")},
			Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}},
		{ID: aws.String("uploads"), Status: types.ExpirationStatusEnabled,
			Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(2)}},
	}
	_, err := w.s3.PutBucketLifecycleConfiguration(ctx,
		&sdk.PutBucketLifecycleConfigurationInput{Bucket: aws.String("data"),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	require.NoError(t, err)
	big := strings.Repeat("x", 128<<10)
	out := w.put("logs/a", big)
	require.Contains(t, *out.Expiration, `rule-id="logs"`)
	w.put("logs/small", "x")
	w.put("other", big)
	_, err = w.s3.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: aws.String("data"),
		Key: aws.String("never")})
	require.NoError(t, err)
	class := func(key string) types.StorageClass {
		head, err := w.s3.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("data"), Key: &key})
		require.NoError(t, err)
		return head.StorageClass
	}
	day := 24 * time.Hour
	w.Advance(3 * day)
	ups, err := w.s3.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	require.Empty(t, ups.Uploads)
	w.Advance(27 * day)
	require.Empty(t, class("logs/a"), "30 days later, but not yet midnight")
	w.Advance(day)
	require.Equal(t, types.StorageClassStandardIa, class("logs/a"))
	require.Empty(t, class("logs/small"), "small objects stay")
	require.Empty(t, class("other"))
	w.Advance(30 * day)
	require.Equal(t, types.StorageClassGlacier, class("logs/a"))
	_, err = w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("logs/a")})
	refused(t, err, "InvalidObjectState", 403)
	w.Advance(30 * day)
	_, err = w.s3.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("data"), Key: aws.String("logs/a")})
	require.Error(t, err)
	w.Advance(3 * day)
	all, err := w.s3.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	require.Len(t, all.Versions, 1, "versions and then their markers are gone")
	require.Empty(t, all.DeleteMarkers)
}

// A delete marker with nothing below it is a current version whose time comes, and
// one with something below it is left alone.
func TestLifecycle_expiresLoneDeleteMarkers(t *testing.T) {
	w := start(t)
	w.versioned()
	rules := []types.LifecycleRule{
		{ID: aws.String("all"), Status: types.ExpirationStatusEnabled,
			Filter:     &types.LifecycleRuleFilter{Prefix: aws.String("")},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(5)}},
		{ID: aws.String("gone"), Status: types.ExpirationStatusEnabled,
			Filter:                      &types.LifecycleRuleFilter{Prefix: aws.String("gone/")},
			NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(1)}},
	}
	_, err := w.s3.PutBucketLifecycleConfiguration(ctx,
		&sdk.PutBucketLifecycleConfigurationInput{Bucket: aws.String("data"),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	require.NoError(t, err)
	w.put("gone/a", "x")
	w.put("kept/a", "x")
	markers := func() (keys []string) {
		all, err := w.s3.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String("data")})
		require.NoError(t, err)
		for _, m := range all.DeleteMarkers {
			keys = append(keys, *m.Key)
		}
		return keys
	}
	day := 24 * time.Hour
	w.Advance(9 * day)
	require.Equal(t, []string{"gone/a", "kept/a"}, markers())
	w.Advance(6 * day)
	require.Equal(t, []string{"kept/a"}, markers())
}

func TestConfigurations_areKeptAndRemoved(t *testing.T) {
	w := start(t)
	b := aws.String("data")
	_, err := w.s3.GetBucketTagging(ctx, &sdk.GetBucketTaggingInput{Bucket: b})
	refused(t, err, "NoSuchTagSet", 404)
	_, err = w.s3.PutBucketTagging(ctx,
		&sdk.PutBucketTaggingInput{Bucket: b,
			Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("data")}}}})
	require.NoError(t, err)
	tags, err := w.s3.GetBucketTagging(ctx, &sdk.GetBucketTaggingInput{Bucket: b})
	require.NoError(t, err)
	require.Equal(t, "data", *tags.TagSet[0].Value)
	access, err := w.s3.GetPublicAccessBlock(ctx, &sdk.GetPublicAccessBlockInput{Bucket: b})
	require.NoError(t, err)
	require.True(t, *access.PublicAccessBlockConfiguration.BlockPublicPolicy, "on by default since 2023")
	_, err = w.s3.DeletePublicAccessBlock(ctx, &sdk.DeletePublicAccessBlockInput{Bucket: b})
	require.NoError(t, err)
	_, err = w.s3.GetPublicAccessBlock(ctx, &sdk.GetPublicAccessBlockInput{Bucket: b})
	refused(t, err, "NoSuchPublicAccessBlockConfiguration", 404)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` +
		`"Resource":"arn:aws:s3:::data/*"}]}`
	_, err = w.s3.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: b, Policy: &policy})
	require.NoError(t, err)
	got, err := w.s3.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: b})
	require.NoError(t, err)
	require.JSONEq(t, policy, *got.Policy)
	_, err = w.s3.PutBucketCors(ctx,
		&sdk.PutBucketCorsInput{Bucket: b,
			CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"},
				AllowedOrigins: []string{"*"}}}}})
	require.NoError(t, err)
	enc, err := w.s3.GetBucketEncryption(ctx, &sdk.GetBucketEncryptionInput{Bucket: b})
	require.NoError(t, err)
	require.Equal(t, types.ServerSideEncryptionAes256,
		enc.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm)
	loc, err := w.s3.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: b})
	require.NoError(t, err)
	require.Empty(t, loc.LocationConstraint)
	w.put("k", "x")
	_, err = w.s3.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: b})
	refused(t, err, "BucketNotEmpty", 409)
	del, err := w.s3.DeleteObjects(ctx,
		&sdk.DeleteObjectsInput{Bucket: b,
			Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("k")}, {Key: aws.String("none")}}}})
	require.NoError(t, err)
	require.Len(t, del.Deleted, 2)
	_, err = w.s3.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: b})
	require.NoError(t, err)
	_, err = w.s3.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: b})
	require.Error(t, err)
}

// Names are encoded in one way or not at all.
func TestListObjects_refusesAnEncodingThatIsNone(t *testing.T) {
	w := start(t)
	data, foo := aws.String("data"), types.EncodingType("foo")
	for name, list := range map[string]func() error{
		"ListObjectsV2": func() error {
			_, err := w.s3.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: data, EncodingType: foo})
			return err
		},
		"ListObjects": func() error {
			_, err := w.s3.ListObjects(ctx, &sdk.ListObjectsInput{Bucket: data, EncodingType: foo})
			return err
		},
		"ListObjectVersions": func() error {
			_, err := w.s3.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: data, EncodingType: foo})
			return err
		},
		"ListMultipartUploads": func() error {
			_, err := w.s3.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: data, EncodingType: foo})
			return err
		},
	} {
		var api smithy.APIError
		require.ErrorAs(t, list(), &api, name)
		require.Equal(t, "InvalidArgument", api.ErrorCode(), name)
	}
}
