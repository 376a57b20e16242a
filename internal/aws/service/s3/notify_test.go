package s3_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

func (w *world) queue(name string) (url, arn string) {
	w.t.Helper()
	out, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name,
		Attributes: map[string]string{"Policy": awstest.QueuePolicy("s3.amazonaws.com")}})
	require.NoError(w.t, err)
	return *out.QueueUrl, "arn:aws:sqs:us-east-1:000000000000:" + name
}

// notify sets the bucket's rules.
func (w *world) notify(rules ...types.QueueConfiguration) error {
	_, err := w.s3.PutBucketNotificationConfiguration(ctx,
		&sdk.PutBucketNotificationConfigurationInput{Bucket: aws.String("data"),
			NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: rules}})
	return err
}

func filter(prefix, suffix string) *types.NotificationConfigurationFilter {
	return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
		{Name: types.FilterRuleNamePrefix, Value: &prefix}, {Name: types.FilterRuleNameSuffix, Value: &suffix}}}}
}

// drain takes all messages of a queue.
func (w *world) drain(url string) (out []map[string]any) {
	w.t.Helper()
	for {
		got, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		require.NoError(w.t, err)
		if len(got.Messages) == 0 {
			return out
		}
		for _, m := range got.Messages {
			var doc map[string]any
			require.NoError(w.t, json.Unmarshal([]byte(*m.Body), &doc))
			out = append(out, doc)
			_, err := w.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
			require.NoError(w.t, err)
		}
	}
}

func record(doc map[string]any) (event string, object map[string]any) {
	r := doc["Records"].([]any)[0].(map[string]any)
	return r["eventName"].(string), r["s3"].(map[string]any)["object"].(map[string]any)
}

func TestNotifications_tellOfObjects(t *testing.T) {
	w := start(t)
	url, arn := w.queue("events")
	require.NoError(t,
		w.notify(types.QueueConfiguration{Id: aws.String("csv"), QueueArn: &arn, Events: []types.Event{"s3:ObjectCreated:*",
			"s3:ObjectRemoved:*", "s3:ObjectTagging:*"}, Filter: filter("in/", ".csv")}))
	test := w.drain(url)
	require.Len(t, test, 1)
	require.Equal(t, "s3:TestEvent", test[0]["Event"])
	require.Equal(t, "data", test[0]["Bucket"])

	out := w.put("in/a b+ü.csv", "1,2")
	w.put("in/a.txt", "x")
	w.put("out/a.csv", "x")
	w.Advance(0)
	got := w.drain(url)
	require.Len(t, got, 1)
	event, object := record(got[0])
	require.Equal(t, "ObjectCreated:Put", event)
	require.Equal(t, "in/a+b%2B%C3%BC.csv", object["key"])
	require.Equal(t, 3.0, object["size"])
	require.Equal(t, strings.Trim(*out.ETag, `"`), object["eTag"])
	require.NotContains(t, object, "versionId")
	r := got[0]["Records"].([]any)[0].(map[string]any)
	require.Equal(t, "2.1", r["eventVersion"])
	require.Equal(t, "csv", r["s3"].(map[string]any)["configurationId"])
	require.Equal(t, "arn:aws:s3:::data", r["s3"].(map[string]any)["bucket"].(map[string]any)["arn"])

	w.versioned()
	last := object["sequencer"].(string)
	w.put("in/a b+ü.csv", "3")
	_, err := w.s3.PutObjectTagging(ctx, &sdk.PutObjectTaggingInput{Bucket: aws.String("data"),
		Key:     aws.String("in/a b+ü.csv"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("t"), Value: aws.String("1")}}}})
	require.NoError(t, err)
	del, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"),
		Key: aws.String("in/a b+ü.csv")})
	require.NoError(t, err)
	_, err = w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: aws.String("in/a b+ü.csv"),
		VersionId: del.VersionId})
	require.NoError(t, err)
	_, err = w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: aws.String("data"), Key: aws.String("in/copy.csv"),
		CopySource: aws.String("data/in/a.txt")})
	require.NoError(t, err)
	w.Advance(0)
	var names []string
	for _, doc := range w.drain(url) {
		event, object := record(doc)
		names = append(names, event)
		require.Contains(t, object, "versionId")
		if event != "ObjectCreated:Copy" {
			require.Greater(t, object["sequencer"], last, "rises with each event of a key")
			last = object["sequencer"].(string)
		}
	}
	require.Equal(t, []string{"ObjectCreated:Put", "ObjectTagging:Put", "ObjectRemoved:DeleteMarkerCreated",
		"ObjectRemoved:Delete", "ObjectCreated:Copy"}, names)
}

func TestNotifications_areRefusedWhenTheyOverlap(t *testing.T) {
	w := start(t)
	_, a := w.queue("a")
	_, b := w.queue("b")
	rule := func(arn, prefix, suffix string, events ...types.Event) types.QueueConfiguration {
		return types.QueueConfiguration{QueueArn: &arn, Events: events, Filter: filter(prefix, suffix)}
	}
	for name, c := range map[string]struct {
		ok    bool
		rules []types.QueueConfiguration
	}{
		"prefix in prefix": {false, []types.QueueConfiguration{rule(a, "in/", "", "s3:ObjectCreated:*"),
			rule(b, "in/x", "", "s3:ObjectCreated:Put")}},
		"other events": {true, []types.QueueConfiguration{rule(a, "in/", "", "s3:ObjectCreated:*"),
			rule(b, "in/x", "", "s3:ObjectRemoved:*")}},
		"other prefixes": {true, []types.QueueConfiguration{rule(a, "in/", "", "s3:ObjectCreated:*"),
			rule(b, "out/", "", "s3:ObjectCreated:*")}},
		"other suffixes": {true, []types.QueueConfiguration{rule(a, "in/", ".csv", "s3:ObjectCreated:*"),
			rule(b, "in/", ".txt", "s3:ObjectCreated:*")}},
		"suffix in suffix": {false, []types.QueueConfiguration{rule(a, "in/", ".csv", "s3:ObjectCreated:*"),
			rule(b, "", "a.csv", "s3:ObjectCreated:Put")}},
		"prefix, then suffix": {false, []types.QueueConfiguration{rule(a, "in/", "", "s3:ObjectCreated:Put"),
			rule(b, "", ".csv", "s3:ObjectCreated:Put")}},
		"unknown event": {false, []types.QueueConfiguration{rule(a, "", "", "s3:Nothing")}},
		"no such queue": {false, []types.QueueConfiguration{rule(a+"x", "", "", "s3:ObjectCreated:*")}},
		"another region": {false, []types.QueueConfiguration{rule(strings.Replace(a, "us-east-1", "eu-west-1", 1), "", "",
			"s3:ObjectCreated:*")}},
	} {
		t.Run(name, func(t *testing.T) {
			err := w.notify(c.rules...)
			if c.ok {
				require.NoError(t, err)
				return
			}
			refused(t, err, "InvalidArgument", 400)
		})
	}
}

func TestNotifications_areTriedAgainDuplicatedAndReordered(t *testing.T) {
	w := start(t)
	url, arn := w.queue("events")
	require.NoError(t, w.notify(types.QueueConfiguration{QueueArn: &arn, Events: []types.Event{"s3:ObjectCreated:*"}}))
	w.drain(url)
	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultError, Service: "sqs", Operation: "SendMessage", Count: 2})
	w.put("a", "x")
	w.Advance(0)
	require.Empty(t, w.drain(url))
	w.Advance(3 * time.Second)
	require.Len(t, w.drain(url), 1)
	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultDuplicate, Service: "s3", Count: 1})
	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultReorder, Service: "s3", Skip: 1, Count: 1})
	for i := range 3 {
		w.put(fmt.Sprint(i), "x")
	}
	w.Advance(time.Second)
	var keys []any
	for _, doc := range w.drain(url) {
		_, object := record(doc)
		keys = append(keys, object["key"])
	}
	require.Equal(t, []any{"0", "0", "2", "1"}, keys)
}

func TestWrongRequests_getAWSErrors(t *testing.T) {
	w := start(t)
	w.put("k", "body")
	b, k, none, noBucket := aws.String("data"), aws.String("k"), aws.String("none"), aws.String("no-such-bucket")
	for name, c := range map[string]struct {
		code   string
		status int
		do     func() error
	}{
		"bucket name upper": {"InvalidBucketName", 400, func() error {
			_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("Upper")})
			return err
		}},
		"bucket name short": {"InvalidBucketName", 400, func() error {
			_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("ab")})
			return err
		}},
		"bucket name address": {"InvalidBucketName", 400, func() error {
			_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("192.168.5.4")})
			return err
		}},
		"bucket wrong region": {"InvalidLocationConstraint", 400, func() error {
			_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("elsewhere"),
				CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-east-1"}})
			return err
		}},
		"bucket public": {"InvalidBucketAclWithObjectOwnership", 400, func() error {
			_, err := w.s3.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("open-bucket"),
				ACL: types.BucketCannedACLPublicRead})
			return err
		}},
		"put no bucket": {"NoSuchBucket", 404, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: noBucket, Key: k})
			return err
		}},
		"put long key": {"KeyTooLongError", 400, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: aws.String(strings.Repeat("k", 1025))})
			return err
		}},
		"put class": {"InvalidStorageClass", 400, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: k, StorageClass: "COLD"})
			return err
		}},
		"put acl": {"AccessControlListNotSupported", 400, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: k, ACL: types.ObjectCannedACLPublicRead})
			return err
		}},
		"put metadata": {"MetadataTooLarge", 400, func() error {
			_, err := w.s3.PutObject(ctx,
				&sdk.PutObjectInput{Bucket: b, Key: k, Metadata: map[string]string{"m": strings.Repeat("x", 2049)}})
			return err
		}},
		"put tags": {"BadRequest", 400, func() error {
			_, err := w.s3.PutObject(ctx,
				&sdk.PutObjectInput{Bucket: b, Key: k, Tagging: aws.String("a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1")})
			return err
		}},
		"put md5": {"InvalidDigest", 400, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: k, ContentMD5: aws.String("x")})
			return err
		}},
		"put lock": {"InvalidRequest", 400, func() error {
			_, err := w.s3.PutObject(ctx,
				&sdk.PutObjectInput{Bucket: b, Key: k, ObjectLockLegalHoldStatus: types.ObjectLockLegalHoldStatusOn})
			return err
		}},
		"put customer key": {"InvalidArgument", 400, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: k, SSECustomerAlgorithm: aws.String("AES256")})
			return err
		}},
		"put bucket key": {"NotImplemented", 501, func() error {
			_, err := w.s3.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: k, BucketKeyEnabled: aws.Bool(true)})
			return err
		}},
		"put owner": {"AccessDenied", 403, func() error {
			_, err := w.s3.PutObject(ctx,
				&sdk.PutObjectInput{Bucket: b, Key: k, ExpectedBucketOwner: aws.String("111111111111")})
			return err
		}},
		"get none": {"NoSuchKey", 404, func() error {
			_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: b, Key: none})
			return err
		}},
		"get no bucket": {"NoSuchBucket", 404, func() error {
			_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: noBucket, Key: k})
			return err
		}},
		"get version": {"NoSuchVersion", 404, func() error {
			_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: b, Key: k, VersionId: aws.String(strings.Repeat("a", 32))})
			return err
		}},
		"get version form": {"InvalidArgument", 400, func() error {
			_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: b, Key: k, VersionId: aws.String("x y")})
			return err
		}},
		"get part": {"InvalidPartNumber", 416, func() error {
			_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: b, Key: k, PartNumber: aws.Int32(2)})
			return err
		}},
		"list no bucket": {"NoSuchBucket", 404, func() error {
			_, err := w.s3.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: noBucket})
			return err
		}},
		"list token": {"InvalidArgument", 400, func() error {
			_, err := w.s3.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: b, ContinuationToken: aws.String("!")})
			return err
		}},
		"list negative": {"InvalidArgument", 400, func() error {
			_, err := w.s3.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: b, MaxKeys: aws.Int32(-1)})
			return err
		}},
		"versions marker": {"InvalidArgument", 400, func() error {
			_, err := w.s3.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: b, VersionIdMarker: k})
			return err
		}},
		"copy source": {"InvalidArgument", 400, func() error {
			_, err := w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: b, Key: k, CopySource: aws.String("data")})
			return err
		}},
		"copy none": {"NoSuchKey", 404, func() error {
			_, err := w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: b, Key: k, CopySource: aws.String("data/none")})
			return err
		}},
		"copy condition": {"PreconditionFailed", 412, func() error {
			_, err := w.s3.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: b, Key: none, CopySource: aws.String("data/k"),
				CopySourceIfMatch: none})
			return err
		}},
		"part no upload": {"NoSuchUpload", 404, func() error {
			_, err := w.s3.UploadPart(ctx, &sdk.UploadPartInput{Bucket: b, Key: k, UploadId: none, PartNumber: aws.Int32(1)})
			return err
		}},
		"part number": {"InvalidArgument", 400, func() error {
			_, err := w.s3.UploadPart(ctx, &sdk.UploadPartInput{Bucket: b, Key: k, UploadId: none, PartNumber: aws.Int32(10001)})
			return err
		}},
		"abort no upload": {"NoSuchUpload", 404, func() error {
			_, err := w.s3.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: b, Key: k, UploadId: none})
			return err
		}},
		"delete none at all": {"MalformedXML", 400, func() error {
			_, err := w.s3.DeleteObjects(ctx,
				&sdk.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{}}})
			return err
		}},
		"versioning": {"IllegalVersioningConfigurationException", 400, func() error {
			_, err := w.s3.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: b,
				VersioningConfiguration: &types.VersioningConfiguration{Status: "On"}})
			return err
		}},
		"tags twice": {"InvalidTag", 400, func() error {
			_, err := w.s3.PutObjectTagging(ctx, &sdk.PutObjectTaggingInput{Bucket: b, Key: k,
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: k, Value: k}, {Key: k, Value: k}}}})
			return err
		}},
		"tags system": {"InvalidTag", 400, func() error {
			_, err := w.s3.PutBucketTagging(ctx,
				&sdk.PutBucketTaggingInput{Bucket: b,
					Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("aws:x"), Value: k}}}})
			return err
		}},
		"no cors": {"NoSuchCORSConfiguration", 404, func() error {
			_, err := w.s3.GetBucketCors(ctx, &sdk.GetBucketCorsInput{Bucket: b})
			return err
		}},
		"cors method": {"InvalidRequest", 400, func() error {
			_, err := w.s3.PutBucketCors(ctx,
				&sdk.PutBucketCorsInput{Bucket: b,
					CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"PATCH"},
						AllowedOrigins: []string{"*"}}}}})
			return err
		}},
		"no policy": {"NoSuchBucketPolicy", 404, func() error {
			_, err := w.s3.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: b})
			return err
		}},
		"policy": {"MalformedPolicy", 400, func() error {
			_, err := w.s3.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: b, Policy: aws.String("{")})
			return err
		}},
		"no lifecycle": {"NoSuchLifecycleConfiguration", 404, func() error {
			_, err := w.s3.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: b})
			return err
		}},
		"lifecycle too soon": {"InvalidArgument", 400, func() error {
			return w.rule(types.LifecycleRule{Transitions: []types.Transition{{Days: aws.Int32(29),
				StorageClass: types.TransitionStorageClassStandardIa}}})
		}},
		"lifecycle nothing": {"InvalidRequest", 400, func() error { return w.rule(types.LifecycleRule{}) }},
		"lifecycle zero days": {"InvalidArgument", 400, func() error {
			return w.rule(types.LifecycleRule{Expiration: &types.LifecycleExpiration{Days: aws.Int32(0)}})
		}},
		"lifecycle order": {"InvalidArgument", 400, func() error {
			return w.rule(types.LifecycleRule{Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)},
				Transitions: []types.Transition{{Days: aws.Int32(40), StorageClass: types.TransitionStorageClassGlacier}}})
		}},
		"no lock": {"ObjectLockConfigurationNotFoundError", 404, func() error {
			_, err := w.s3.GetObjectLockConfiguration(ctx, &sdk.GetObjectLockConfigurationInput{Bucket: b})
			return err
		}},
		"lock no versions": {"InvalidBucketState", 409, func() error {
			_, err := w.s3.PutObjectLockConfiguration(ctx, &sdk.PutObjectLockConfigurationInput{Bucket: b,
				ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled}})
			return err
		}},
		"retention no lock": {"InvalidRequest", 400, func() error {
			_, err := w.s3.GetObjectRetention(ctx, &sdk.GetObjectRetentionInput{Bucket: b, Key: k})
			return err
		}},
		"topics": {"NotImplemented", 501, func() error {
			_, err := w.s3.PutBucketNotificationConfiguration(ctx, &sdk.PutBucketNotificationConfigurationInput{Bucket: b,
				NotificationConfiguration: &types.NotificationConfiguration{TopicConfigurations: []types.TopicConfiguration{{
					TopicArn: k, Events: []types.Event{"s3:ObjectCreated:*"}}}}})
			return err
		}},
		"website": {"NotImplemented", 501, func() error {
			_, err := w.s3.GetBucketWebsite(ctx, &sdk.GetBucketWebsiteInput{Bucket: b})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.do(), c.code, c.status) })
	}
}

// rule sets one lifecycle rule.
func (w *world) rule(r types.LifecycleRule) error {
	r.Status, r.Filter = types.ExpirationStatusEnabled, &types.LifecycleRuleFilter{Prefix: aws.String("")}
	_, err := w.s3.PutBucketLifecycleConfiguration(ctx,
		&sdk.PutBucketLifecycleConfigurationInput{Bucket: aws.String("data"),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{r}}})
	return err
}
