package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kt "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/flows/toy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/emulator/proxy"
	"github.com/pipelab/pipelab/internal/sdkhttp"
)

// world is an embedded AWS with a proxy in front of it.
type world struct {
	behind emulator.Emulator
	front  emulator.Endpoint
	ctl    *emulator.Control
}

func (w *world) config() aws.Config {
	c := w.front.AWSConfig()
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c
}

func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(w.config(), func(o *s3.Options) { o.UsePathStyle = true })
}

func behind(t testing.TB, o proxy.Options) emulator.Endpoint {
	t.Helper()
	o.Token = "secret"
	p, err := proxy.New(o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return emulator.NewEndpoint(server.URL, "secret")
}

func newWorld(t testing.TB) *world {
	t.Helper()
	e, err := embedded.Driver{}.Start(context.Background(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	front := behind(t, proxy.Options{Upstream: e.Endpoint().URL, Name: "under test"})
	return &world{e, front, emulator.NewControl(front)}
}

func (w *world) stream(t testing.TB, name string) {
	t.Helper()
	_, err := kinesis.NewFromConfig(w.config()).CreateStream(context.Background(),
		&kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	_, _, err = w.behind.Control().Advance(context.Background(), time.Second)
	require.NoError(t, err)
}

func records(n int) []kt.PutRecordsRequestEntry {
	out := make([]kt.PutRecordsRequestEntry, n)
	for i := range out {
		out[i] = kt.PutRecordsRequestEntry{Data: []byte(fmt.Sprint(i)), PartitionKey: aws.String("k")}
	}
	return out
}

// What the proxy writes down of a sequence of calls is what the embedded AWS
// behind it wrote down of the same calls.
func TestTrace_isTheEmulatorsOwn(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.stream(t, "clicks")
	everyCall(ctx, t, w)

	own, err := w.behind.Control().Trace(ctx, 0)
	require.NoError(t, err)
	seen, err := w.ctl.Trace(ctx, 0)
	require.NoError(t, err)
	require.Greater(t, len(seen), 25)
	var outside []emulator.Call
	for _, c := range own {
		if c.Operation == "HeadObject" && c.Error != "" {
			c.Error = "NotFound" // an answer to HEAD has a status and no code
		}
		if !c.Internal {
			outside = append(outside, c)
		}
	}
	// The order in the trace is that of ends, and there was one call at a time.
	diff := cmp.Diff(outside, seen, cmpopts.IgnoreFields(emulator.Call{}, "Seq", "ID", "Time", "Millis"))
	require.Empty(t, diff)
	last, err := w.ctl.LastCall(ctx)
	require.NoError(t, err)
	require.EqualValues(t, len(seen), last)
}

// everyCall makes calls of all the protocols, with success and without.
func everyCall(ctx context.Context, t *testing.T, w *world) {
	t.Helper()
	ok := func(_ any, err error) { t.Helper(); require.NoError(t, err) }
	refused := func(_ any, err error) {
		t.Helper()
		var api smithy.APIError
		require.ErrorAs(t, err, &api)
	}
	k, s, q, d, l := kinesis.NewFromConfig(w.config()), w.s3(), sqs.NewFromConfig(w.config()),
		dynamodb.NewFromConfig(w.config()), lambda.NewFromConfig(w.config())
	clicks := aws.String("clicks")
	ok(k.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: clicks, Records: records(7)}))
	for range 4 { // more than a shard takes in a second, so that entries fail
		ok(k.PutRecords(ctx,
			&kinesis.PutRecordsInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/clicks"),
				Records: records(500)}))
	}
	ok(k.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: clicks}))
	refused(k.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("nobodys")}))
	refused(k.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("not a name"),
		ShardCount: aws.Int32(1)}))

	bucket, key := aws.String("landing-zone"), aws.String("a dir/ö+%.txt")
	ok(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}))
	// aws-chunked, with a trailing checksum
	ok(s.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(make([]byte, 12345))}))
	got, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, Range: aws.String("bytes=10-109")})
	require.NoError(t, err)
	b, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Len(t, b, 100)
	ok(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key}))
	ok(s.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket}))
	ok(s.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"),
		CopySource: aws.String("landing-zone/a%20dir/%C3%B6%2B%25.txt")}))
	refused(s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")}))
	refused(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("none")}))
	refused(s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, IfNoneMatch: got.ETag}))
	refused(s.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, IfNoneMatch: aws.String("*"),
		Body: strings.NewReader("x")}))

	queue, err := q.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	entry := sqstypes.SendMessageBatchRequestEntry{Id: aws.String("1"), MessageBody: aws.String("m")}
	bad := sqstypes.SendMessageBatchRequestEntry{Id: aws.String("2"), MessageBody: aws.String("\x00")}
	ok(q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queue.QueueUrl,
		Entries: []sqstypes.SendMessageBatchRequestEntry{entry, bad}}))
	ok(q.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 1}))
	refused(q.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("none")}))

	table := aws.String("carts")
	ok(d.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: table, BillingMode: ddb.BillingModePayPerRequest,
		KeySchema: []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddb.KeyTypeHash}},
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: ddb.ScalarAttributeTypeS}}}))
	_, _, err = w.behind.Control().Advance(ctx, time.Minute)
	require.NoError(t, err)
	put := func(id string) ddb.WriteRequest {
		return ddb.WriteRequest{PutRequest: &ddb.PutRequest{Item: map[string]ddb.AttributeValue{
			"id": &ddb.AttributeValueMemberS{Value: id}}}}
	}
	ok(d.BatchWriteItem(ctx,
		&dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{"carts": {put("a"), put("b"), put("c")}}}))
	ok(d.Query(ctx, &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("id = :i"),
		ExpressionAttributeValues: map[string]ddb.AttributeValue{":i": &ddb.AttributeValueMemberS{Value: "a"}}}))
	refused(d.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: put("a").PutRequest.Item,
		ConditionExpression: aws.String("attribute_not_exists(id)")}))
	refused(d.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []ddb.TransactWriteItem{
		{ConditionCheck: &ddb.ConditionCheck{TableName: table, Key: put("z").PutRequest.Item,
			ConditionExpression: aws.String("attribute_exists(id)")}}}}))

	ok(l.ListFunctions(ctx, &lambda.ListFunctionsInput{}))
	refused(l.Invoke(ctx,
		&lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:us-east-1:000000000000:function:none"),
			Payload: []byte("{}")}))
	ok(iam.NewFromConfig(w.config()).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("reader"),
		AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
				`"Action":"sts:AssumeRole"}]}`)}))
	refused(iam.NewFromConfig(w.config()).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("none")}))
}

// Every kind of fault does in front of an emulator what it does inside the
// embedded one, to programs and not to the judge.
func TestFaults_strikeAsTheEmbeddedOnesDo(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.stream(t, "clicks")
	client := kinesis.NewFromConfig(w.config())
	put := func(client *kinesis.Client) error {
		_, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("clicks"), Data: []byte("x"),
			PartitionKey: aws.String("k")})
		return err
	}
	stored := func() int { return len(w.stored(t, "clicks")) }
	code := func(err error) string {
		var api smithy.APIError
		require.ErrorAs(t, err, &api)
		return api.ErrorCode()
	}
	with := func(f emulator.Fault, fn func()) {
		t.Helper()
		f.Service = "kinesis"
		added, err := w.ctl.AddFault(ctx, f)
		require.NoError(t, err)
		fn()
		all, err := w.ctl.Faults(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, all[0].Hits, f.Kind)
		require.NoError(t, w.ctl.ClearFaults(ctx, added.ID))
	}
	with(emulator.Fault{Kind: "error", Operation: "Put*", Resource: "clicks", Status: 503, Error: "Busy"},
		func() { require.Equal(t, "Busy", code(put(client))) })
	with(emulator.Fault{Kind: "throttle", Operation: "PutRecord"},
		func() { require.Equal(t, "ProvisionedThroughputExceededException", code(put(client))) })
	with(emulator.Fault{Kind: "drop", Operation: "PutRecord"}, func() { require.ErrorContains(t, put(client), "EOF") })
	require.Zero(t, stored(), "nothing of this took effect")
	with(emulator.Fault{Kind: "after", Operation: "PutRecord"},
		func() { require.Equal(t, "InternalFailure", code(put(client))) })
	require.Equal(t, 1, stored(), "the answer is lost, the record is not")
	with(emulator.Fault{Kind: "latency", Operation: "PutRecord", Latency: time.Millisecond},
		func() { require.NoError(t, put(client)) })
	require.Equal(t, 2, stored())
	calls, err := w.ctl.Trace(ctx, 0)
	require.NoError(t, err)
	for _, c := range calls {
		if c.Operation == "PutRecord" && c.Error == "" {
			require.GreaterOrEqual(t, c.Millis, 1.0, "a latency is waited for")
		}
	}
	var errs []string
	for _, c := range calls {
		if c.Operation == "PutRecord" {
			errs = append(errs, c.Error)
		}
	}
	require.Equal(t, []string{"Busy", "ProvisionedThroughputExceededException", "InternalFailure", "InternalFailure", ""},
		errs)

	_, err = w.ctl.AddFault(ctx, emulator.Fault{Kind: "error"})
	require.NoError(t, err)
	judge := w.config()
	judge.HTTPClient = judging{w.front.Token}
	require.NoError(t, put(kinesis.NewFromConfig(judge)), "the judge is spared")
	require.NoError(t, w.ctl.ClearFaults(ctx, ""))
	require.NoError(t, put(client))
}

// judging marks calls as the judge's.
type judging struct{ token string }

func (j judging) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(emulator.TokenHeader, j.token)
	return sdkhttp.New().Do(r)
}

// stored reads a stream of one shard behind the proxy.
func (w *world) stored(t testing.TB, stream string) []string {
	t.Helper()
	client := kinesis.NewFromConfig(w.behind.Endpoint().AWSConfig())
	it, err := client.GetShardIterator(context.Background(), &kinesis.GetShardIteratorInput{StreamName: &stream,
		ShardId: aws.String("shardId-000000000000"), ShardIteratorType: kt.ShardIteratorTypeTrimHorizon})
	require.NoError(t, err)
	out, err := client.GetRecords(context.Background(), &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
	require.NoError(t, err)
	data := []string{}
	for _, r := range out.Records {
		data = append(data, string(r.Data))
	}
	return data
}

// Entries that fail are not stored, those that do not are; the answer has all
// of them in the order of the request. The same seed fails the same ones as in
// the embedded AWS.
func TestFaults_failSingleEntries(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.stream(t, "clicks")
	fault := emulator.Fault{Kind: "entries", Service: "kinesis", Operation: "PutRecords", Share: 0.3, Seed: 11}
	send := func(cfg aws.Config, n int) (failed []int) {
		out, err := kinesis.NewFromConfig(cfg).PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("clicks"),
			Records: records(n)})
		require.NoError(t, err)
		require.Len(t, out.Records, n)
		for i, r := range out.Records {
			if r.ErrorCode != nil {
				require.Equal(t, "InternalFailure", *r.ErrorCode)
				failed = append(failed, i)
			} else {
				require.NotEmpty(t, r.SequenceNumber)
			}
		}
		require.EqualValues(t, len(failed), *out.FailedRecordCount)
		return failed
	}
	_, err := w.ctl.AddFault(ctx, fault)
	require.NoError(t, err)
	seen := send(w.config(), 40)
	require.NotEmpty(t, seen)
	require.Less(t, len(seen), 40)
	lost := map[string]bool{}
	for _, i := range seen {
		lost[fmt.Sprint(i)] = true
	}
	kept := w.stored(t, "clicks")
	require.Len(t, kept, 40-len(seen))
	for _, r := range kept {
		require.False(t, lost[r])
	}
	_, err = w.behind.Control().AddFault(ctx, fault)
	require.NoError(t, err)
	require.NoError(t, w.ctl.ClearFaults(ctx, ""))
	require.Equal(t, seen, send(w.behind.Endpoint().AWSConfig(), 40), "the embedded AWS fails the same entries")
	require.NoError(t, w.behind.Control().ClearFaults(ctx, ""))

	_, err = w.ctl.AddFault(ctx, emulator.Fault{Kind: "entries", Service: "kinesis"})
	require.NoError(t, err)
	before := len(w.stored(t, "clicks"))
	require.Len(t, send(w.config(), 3), 3, "none is left to forward")
	require.Len(t, w.stored(t, "clicks"), before)
	calls, err := w.ctl.Trace(ctx, 0)
	require.NoError(t, err)
	last := calls[len(calls)-1]
	require.Equal(t, []any{"PutRecords", "clicks", 3, 3}, []any{last.Operation, last.Resource, last.Entries, last.Failed})
}

func TestFaults_failEntriesOfQueuesAndTables(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	everything, err := w.ctl.AddFault(ctx, emulator.Fault{Kind: "entries", Skip: 1, Count: 1})
	require.NoError(t, err)
	q := sqs.NewFromConfig(w.config())
	queue, err := q.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	entries := []sqstypes.SendMessageBatchRequestEntry{}
	for _, id := range []string{"a", "b", "c"} {
		entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: &id, MessageBody: &id})
	}
	sent, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queue.QueueUrl, Entries: entries})
	require.NoError(t, err) // the SDK compares the digests of what was sent
	require.Len(t, sent.Successful, 2)
	require.Len(t, sent.Failed, 1)
	require.Equal(t, "b", *sent.Failed[0].Id)
	require.NoError(t, w.ctl.ClearFaults(ctx, everything.ID))

	d := dynamodb.NewFromConfig(w.config())
	_, err = d.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("carts"),
		BillingMode: ddb.BillingModePayPerRequest,
		KeySchema:   []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddb.KeyTypeHash}},
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: ddb.ScalarAttributeTypeS}}})
	require.NoError(t, err)
	_, _, err = w.behind.Control().Advance(ctx, time.Minute)
	require.NoError(t, err)
	_, err = w.ctl.AddFault(ctx, emulator.Fault{Kind: "entries", Service: "dynamodb", Resource: "carts", Count: 2})
	require.NoError(t, err)
	var writes []ddb.WriteRequest
	for _, id := range []string{"a", "b", "c"} {
		writes = append(writes,
			ddb.WriteRequest{PutRequest: &ddb.PutRequest{Item: map[string]ddb.AttributeValue{"id": &ddb.AttributeValueMemberS{
				Value: id},
				"bytes": &ddb.AttributeValueMemberB{Value: []byte{0, 255}},
				"set":   &ddb.AttributeValueMemberNS{Value: []string{"1", "2"}}}}})
	}
	out, err := d.BatchWriteItem(ctx,
		&dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{"carts": writes}})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(map[string][]ddb.WriteRequest{"carts": writes[:2]}, out.UnprocessedItems,
		cmpopts.IgnoreUnexported(ddb.WriteRequest{}, ddb.PutRequest{}, ddb.AttributeValueMemberS{},
			ddb.AttributeValueMemberB{}, ddb.AttributeValueMemberNS{})))
	all, err := d.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("carts")})
	require.NoError(t, err)
	require.Len(t, all.Items, 1)
	require.Equal(t, &ddb.AttributeValueMemberB{Value: []byte{0, 255}}, all.Items[0]["bytes"])
}

// What a proxy cannot do it refuses.
func TestControl_refusesWhatOnlyTheEmbeddedCanDo(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	_, _, err := w.ctl.Now(ctx)
	require.EqualError(t, err, "the emulator under test has no clock of its own; the embedded one has")
	_, _, err = w.ctl.Advance(ctx, time.Hour)
	require.EqualError(t, err, "the emulator under test has no clock that can be moved; the embedded one has")
	_, err = w.ctl.Snapshot(ctx)
	require.ErrorContains(t, err, "no snapshots of its state")
	require.ErrorContains(t, w.ctl.Restore(ctx, "1"), "no snapshots of its state")
	require.ErrorContains(t, w.ctl.Reset(ctx), "cannot be emptied from outside")
	for _, f := range []emulator.Fault{{Kind: "crash"}, {Kind: "crashLate"}, {Kind: "duplicate"}, {Kind: "reorder"},
		{Kind: "throttle", Resource: "clicks/shardId-*"}, {Kind: "wish"}} {
		_, err := w.ctl.AddFault(ctx, f)
		require.Error(t, err, f.Kind)
	}
	none, err := w.ctl.Faults(ctx)
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = emulator.NewControl(emulator.Endpoint{URL: w.front.URL, Token: "guessed"}).Faults(ctx)
	require.ErrorContains(t, err, "for the pipelab command only")
}

func TestTrace_canBeFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	enough := errors.New("enough")
	followed := make(chan error, 1)
	go func() {
		n := 0
		followed <- w.ctl.FollowTrace(ctx, 0, func(emulator.Call) error {
			if n++; n == 3 {
				return enough
			}
			return nil
		})
	}()
	for range 3 {
		_, err := w.s3().ListBuckets(ctx, &s3.ListBucketsInput{})
		require.NoError(t, err)
	}
	require.ErrorIs(t, <-followed, enough)
}

// An emulator that is gone is one clear error, at once, with a trace of it.
func TestProxy_saysThatTheEmulatorIsGone(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	require.NoError(t, w.behind.Close())
	_, err := w.s3().ListBuckets(ctx, &s3.ListBucketsInput{})
	require.ErrorContains(t, err, "the emulator under test at "+w.behind.Endpoint().URL+" does not answer")
	_, err = w.ctl.LastCall(ctx)
	require.ErrorContains(t, err, "does not answer: connection refused")
	calls, err := w.ctl.Trace(ctx, 0)
	require.NoError(t, err)
	require.Equal(t, proxy.Unavailable, calls[0].Error)
}

// A presigned URL is signed for the host that it names.
func TestProxy_keepsHostPathQueryAndBody(t *testing.T) {
	t.Parallel()
	type seen struct {
		Host, URI, Length, Body, Signature, Token string
	}
	var got seen
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		got = seen{r.Host, r.RequestURI, fmt.Sprint(r.ContentLength), string(b), r.Header.Get("Authorization"),
			r.Header.Get(emulator.TokenHeader)}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.Header().Set("X-Amz-Request-Id", "theirs")
		_, _ = w.Write([]byte("answer"))
	}))
	defer upstream.Close()
	front := behind(t, proxy.Options{Upstream: upstream.URL, Name: "echo"})
	for _, uri := range []string{"/b/a%2Fb//c/../d%20e?x=1;y&z=%zz", "/b/k?versionId", "/b/%C3%B6+%2B\"quoted\"",
		"/b/k?"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, front.URL, strings.NewReader("chunk"))
		require.NoError(t, err)
		path, query, _ := strings.Cut(uri, "?")
		req.URL.Opaque, req.URL.RawQuery, req.URL.ForceQuery = path, query, strings.HasSuffix(uri, "?")
		req.Header.Set("Authorization",
			"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00")
		req.Header.Set(emulator.TokenHeader, front.Token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "answer", string(b))
		require.Equal(t, "theirs", resp.Header.Get("X-Amz-Request-Id"))
		require.NotEmpty(t, resp.Header.Get(proxy.CallHeader))
		require.Equal(t, seen{strings.TrimPrefix(front.URL, "http://"), uri, "5", "chunk", req.Header.Get("Authorization"),
			""}, got)
	}
}

// An upload goes on to the emulator while it is still coming in, and an answer
// comes while it is still being written: neither is held.
func TestProxy_streamsBothWays(t *testing.T) {
	t.Parallel()
	arrived := make(chan string)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		_, _ = io.ReadFull(r.Body, first)
		arrived <- string(first)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("one"))
		w.(http.Flusher).Flush()
		<-r.Context().Done() // until the client has seen enough
	}))
	defer upstream.Close()
	front := behind(t, proxy.Options{Upstream: upstream.URL, Name: "slow"})
	body, in := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, front.URL+"/b/k", body)
	require.NoError(t, err)
	go func() {
		_, _ = in.Write([]byte("first"))
		<-arrived // before the rest is sent
		_, _ = in.Write([]byte("rest"))
		_ = in.Close()
	}()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	part := make([]byte, 3)
	_, err = io.ReadFull(resp.Body, part)
	require.NoError(t, err)
	require.Equal(t, "one", string(part))
	require.NoError(t, resp.Body.Close())
}

// SubscribeToShard answers with an event stream over the whole time.
func TestProxy_passesEventStreams(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.stream(t, "clicks")
	client := kinesis.NewFromConfig(w.config())
	consumer, err := client.RegisterStreamConsumer(ctx,
		&kinesis.RegisterStreamConsumerInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/clicks"),
			ConsumerName: aws.String("c")})
	require.NoError(t, err)
	_, _, err = w.behind.Control().Advance(ctx, time.Second)
	require.NoError(t, err)
	out, err := client.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: consumer.Consumer.ConsumerARN,
		ShardId:          aws.String("shardId-000000000000"),
		StartingPosition: &kt.StartingPosition{Type: kt.ShardIteratorTypeTrimHorizon}})
	require.NoError(t, err)
	defer out.GetStream().Close()
	_, err = client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("clicks"), Data: []byte("pushed"),
		PartitionKey: aws.String("k")})
	require.NoError(t, err)
	for event := range out.GetStream().Events() {
		if e := event.(*kt.SubscribeToShardEventStreamMemberSubscribeToShardEvent); len(e.Value.Records) > 0 {
			require.Equal(t, "pushed", string(e.Value.Records[0].Data))
			return
		}
	}
	t.Fatal("the stream ended without the record")
}

// A presigned upload is signed for the proxy and passes with its signature.
func TestProxy_passesPresignedURLs(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	_, err := w.s3().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("landing")})
	require.NoError(t, err)
	var signed *v4.PresignedHTTPRequest
	signed, err = s3.NewPresignClient(w.s3()).PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("landing"),
		Key: aws.String("k")})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, strings.NewReader("body"))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	calls, err := w.ctl.Trace(ctx, 0)
	require.NoError(t, err)
	require.Equal(t, []any{"PutObject", "landing/k", int64(4)}, []any{calls[1].Operation, calls[1].Resource,
		calls[1].Bytes})
}

// BenchmarkProxy says how many times as long a call takes through the proxy.
func BenchmarkProxy(b *testing.B) {
	w := newWorld(b)
	w.stream(b, "clicks")
	for name, put := range map[string]func(cfg aws.Config) error{
		"PutObject 64 KiB": func(cfg aws.Config) error {
			_, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(context.Background(),
				&s3.PutObjectInput{Bucket: aws.String("bench"), Key: aws.String("k"), Body: bytes.NewReader(make([]byte, 64<<10))})
			return err
		},
		"DescribeStreamSummary": func(cfg aws.Config) error {
			_, err := kinesis.NewFromConfig(cfg).DescribeStreamSummary(context.Background(),
				&kinesis.DescribeStreamSummaryInput{StreamName: aws.String("clicks")})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			if _, err := w.s3().CreateBucket(context.Background(),
				&s3.CreateBucketInput{Bucket: aws.String("bench")}); err != nil && !strings.Contains(err.Error(), "BucketAlready") {
				b.Fatal(err)
			}
			direct, through := w.behind.Endpoint().AWSConfig(), w.config()
			var spent [2]time.Duration
			for b.Loop() {
				for i, cfg := range []aws.Config{direct, through} {
					began := time.Now()
					if err := put(cfg); err != nil {
						b.Fatal(err)
					}
					spent[i] += time.Since(began)
				}
			}
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "times-direct")
		})
	}
}

// The trace tells the emulator's own failures from those that were injected.
func TestTrace_marksWhatBrokeByItself(t *testing.T) {
	t.Parallel()
	status := http.StatusInternalServerError
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "InternalFailure")
		if status == http.StatusOK { // and cut short
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
	}))
	defer upstream.Close()
	front := behind(t, proxy.Options{Upstream: upstream.URL, Name: "shaky"})
	ctl, cfg := emulator.NewControl(front), front.AWSConfig()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	list := func() {
		_, err := kinesis.NewFromConfig(cfg).ListStreams(t.Context(), nil)
		require.Error(t, err)
	}
	list()
	status = http.StatusBadRequest
	list()
	_, err := ctl.AddFault(t.Context(), emulator.Fault{Kind: "error", Service: "kinesis", Operation: "*", Status: 500,
		Error: "InternalFailure", Count: 1})
	require.NoError(t, err)
	list()
	status = http.StatusOK
	list()
	upstream.Close()
	list()
	calls, err := ctl.Trace(t.Context(), 0)
	require.NoError(t, err)
	var broke []int
	for _, c := range calls {
		broke = append(broke, c.Broke)
	}
	require.Equal(t, []int{500, 0, 0, 503, 503}, broke, "%+v", calls)
	require.Equal(t, "InternalFailure", calls[0].Error)
	require.Equal(t, proxy.Unavailable, calls[3].Error)
	require.Equal(t, proxy.Unavailable, calls[4].Error)
}

// A service that brings its own model is known by it: what is called and on what.
func TestTrace_knowsServicesByTheirDescriptors(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, toy.New)
	front := behind(t, proxy.Options{Upstream: c.URL, Name: "with a toy",
		Services: c.Gateway.Services().All()})
	cfg := front.AWSConfig()
	require.NoError(t, toy.NewClient(cfg).Call(t.Context(), "CreateCounter", map[string]any{"Name": "clicks"}, nil))
	calls, err := emulator.NewControl(front).Trace(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, []string{"toy", "CreateCounter", "clicks"}, []string{calls[0].Service, calls[0].Operation,
		calls[0].Resource})
}
