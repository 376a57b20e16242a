package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	iamservice "github.com/pipelab/pipelab/internal/aws/service/iam"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
	lambdaservice "github.com/pipelab/pipelab/internal/aws/service/lambda"
	s3service "github.com/pipelab/pipelab/internal/aws/service/s3"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	stsservice "github.com/pipelab/pipelab/internal/aws/service/sts"
)

func as[S gateway.Service](make func(*gateway.Host) S) func(*gateway.Host) gateway.Service {
	return func(h *gateway.Host) gateway.Service { return make(h) }
}

// plain sends a request as it is, without a signature.
func plain(t testing.TB, method, url, body string, header ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

const form = "application/x-www-form-urlencoded"

// Services without public resources refuse unsigned requests, each in its
// protocol's form, and do nothing.
func TestAnonymous_mayDoNothing(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, as(dynamodb.New), kinesis.New, as(iamservice.New), as(lambdaservice.New), as(stsservice.New),
		as(s3service.New), as(sqsservice.New))
	const token = "Request is missing Authentication Token"
	for what, r := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		says               []string
	}{
		"json": {"POST", "/", `{"StreamName":"planted","ShardCount":1}`,
			[]string{"X-Amz-Target", "Kinesis_20131202.CreateStream", "Content-Type", "application/x-amz-json-1.1"},
			400, []string{`"__type":"MissingAuthenticationTokenException"`, token}},
		"json 1.0": {"POST", "/", `{}`,
			[]string{"X-Amz-Target", "DynamoDB_20120810.ListTables", "Content-Type", "application/x-amz-json-1.0"},
			400, []string{"MissingAuthenticationTokenException", token}},
		"cbor": {"POST", "/service/Kinesis_20131202/operation/ListStreams", "\xa0", []string{"Smithy-Protocol",
			"rpc-v2-cbor"},
			400, []string{"MissingAuthenticationTokenException"}},
		"rest": {"POST", "/2015-03-31/functions", `{"FunctionName":"planted"}`, nil,
			403, []string{"Missing Authentication Token"}},
		"query": {"POST", "/", "Action=CreateRole&Version=2010-05-08&RoleName=planted", []string{"Content-Type", form},
			403, []string{"<Code>MissingAuthenticationToken</Code>", token}},
		"query by GET": {"GET", "/?Action=CreateUser&Version=2010-05-08&UserName=planted", "", nil,
			403, []string{"<Code>MissingAuthenticationToken</Code>"}},
		"who am I": {"POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", []string{"Content-Type", form},
			403, []string{"<Code>MissingAuthenticationToken</Code>"}},
		"a password": {"POST", "/", "Action=ListUsers&Version=2010-05-08",
			[]string{"Content-Type", form, "Authorization", "Basic dGVzdDp0ZXN0"}, 403, []string{"MissingAuthenticationToken"}},
		"buckets": {"GET", "/", "", nil, 403, []string{"<Code>AccessDenied</Code>"}},
		"bucket":  {"PUT", "/planted", "", nil, 403, []string{"<Code>AccessDenied</Code>"}},
		"queue": {"POST", "/", "Action=CreateQueue&Version=2012-11-05&QueueName=planted", []string{"Content-Type", form},
			403, []string{"<Code>AccessDenied</Code>", "Access to the resource"}},
		"no bucket": {"GET", "/nowhere/key", "", nil, 404, []string{"<Code>NoSuchBucket</Code>"}},
	} {
		status, body := plain(t, r.method, c.URL+r.path, r.body, r.header...)
		require.Equal(t, r.status, status, "%s: %s", what, body)
		for _, text := range r.says {
			require.Contains(t, body, text, what)
		}
	}
	client := s3.NewFromConfig(c.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	out, err := client.ListBuckets(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, out.Buckets)
}

// Without credentials one may do what a bucket's policy allows to everybody, as
// long as the bucket does not keep its policy to its own account.
func TestAnonymous_mayDoWhatABucketAllowsToAll(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, as(s3service.New))
	client, ctx := s3.NewFromConfig(c.Config(), func(o *s3.Options) { o.UsePathStyle = true }), t.Context()
	b := aws.String("open-data")
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: b})
	require.NoError(t, err)
	for _, key := range []string{"public/a", "private/b", "public/secret"} {
		_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: &key, Body: strings.NewReader("content")})
		require.NoError(t, err)
	}
	try := func(method, path string, header ...string) int {
		status, _ := plain(t, method, c.URL+path, "", header...)
		return status
	}
	require.Equal(t, 403, try("GET", "/open-data/public/a"), "no policy")
	_, err = client.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: b})
	require.NoError(t, err)
	require.Equal(t, 403, try("GET", "/open-data/public/a"), "still no policy")
	_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::open-data/public/*"},
			{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::open-data/public/secret"},
			{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::open-data/inbox/*",
			 "Condition":{"StringEquals":{"aws:Referer":"http://localhost/form"}}},
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"s3:*",
			 "Resource":"arn:aws:s3:::open-data/*"}]}`)})
	require.NoError(t, err)
	status, body := plain(t, "GET", c.URL+"/open-data/public/a", "")
	require.Equal(t, 200, status)
	require.Equal(t, "content", body)
	require.Equal(t, 200, try("HEAD", "/open-data/public/a"))
	require.Equal(t, 404, try("GET", "/open-data/public/none"))
	require.Equal(t, 200, try("PUT", "/open-data/inbox/a", "Referer", "http://localhost/form"))
	for _, r := range []struct{ method, path string }{
		{"GET", "/open-data/private/b"}, {"GET", "/open-data/public/secret"}, {"PUT", "/open-data/public/a"},
		{"PUT", "/open-data/inbox/a"}, {"DELETE", "/open-data/public/a"}, {"GET", "/open-data"},
		{"GET", "/open-data?policy"}, {"PUT", "/open-data?policy"}, {"DELETE", "/open-data"},
		{"POST", "/open-data?delete"}, {"GET", "/open-data/public/a?tagging"},
	} {
		require.Contains(t, []int{400, 403}, try(r.method, r.path), "%s %s", r.method, r.path)
	}
	calls, _ := c.Gateway.Trace().After(0, 1000)
	denied := 0
	for _, call := range calls {
		if call.Error == "AccessDenied" {
			denied++
		}
	}
	require.NotZero(t, denied, "refused calls are on record")

	_, err = client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b,
		PublicAccessBlockConfiguration: restricted()})
	require.NoError(t, err)
	require.Equal(t, 403, try("GET", "/open-data/public/a"), "the bucket keeps its public policy to its account")
}

func TestAnonymous_mayDoWhatAQueueAllowsToAll(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, as(sqsservice.New))
	client := sqs.NewFromConfig(c.Config())
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("open"),
		Attributes: map[string]string{"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",` +
			`"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:open"}]}`}})
	require.NoError(t, err)
	status, body := plain(t, "POST", *q.QueueUrl, "Action=SendMessage&Version=2012-11-05&MessageBody=hello&QueueUrl="+
		*q.QueueUrl, "Content-Type", form)
	require.Equal(t, 200, status, body)
	status, body = plain(t, "POST", *q.QueueUrl, "Action=PurgeQueue&Version=2012-11-05&QueueUrl="+*q.QueueUrl,
		"Content-Type", form)
	require.Equal(t, 403, status)
	require.Contains(t, body, "Access to the resource "+*q.QueueUrl+" is denied.")
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl})
	require.NoError(t, err)
	require.Len(t, out.Messages, 1)
}

// The URLs that boto3 presigns for S3 carry a signature of version 2.
func TestIdentify_knowsSignaturesOfVersionTwo(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, as(s3service.New))
	client := s3.NewFromConfig(c.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	require.NoError(t, err)
	status, body := plain(t, "PUT", c.URL+"/bucket/k?AWSAccessKeyId=test&Signature=abc%3D&Expires=4000000000", "content")
	require.Equal(t, 200, status, body)
	status, body = plain(t, "GET", c.URL+"/bucket/k?AWSAccessKeyId=test&Signature=abc%3D&Expires=1", "")
	require.Equal(t, 403, status)
	require.Contains(t, body, "Request has expired")
	status, _ = plain(t, "GET", c.URL+"/bucket/k?AWSAccessKeyId=test&Signature=abc%3D&Expires=soon", "")
	require.Equal(t, 403, status)
	status, body = plain(t, "GET", c.URL+"/bucket/k", "", "Authorization", "AWS test:abc=")
	require.Equal(t, 200, status)
	require.Equal(t, "content", body)
	status, _ = plain(t, "GET", c.URL+"/bucket/k?AWSAccessKeyId=test&Expires=4000000000", "")
	require.Equal(t, 403, status, "a key is no signature")
}

func restricted() *types.PublicAccessBlockConfiguration {
	return &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(false), IgnorePublicAcls: aws.Bool(false),
		BlockPublicPolicy: aws.Bool(false), RestrictPublicBuckets: aws.Bool(true)}
}
