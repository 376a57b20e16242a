package kinesis_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
)

const javaMedia = "application/x-amz-cbor-1.1"

// java sends a request as Java's clients of both generations do when nobody has
// switched CBOR off.
func java(t *testing.T, c *awstest.Cloud, media, operation string, in cbor.Value) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL, bytes.NewReader(cbor.Encode(in)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", media)
	req.Header.Set("X-Amz-Target", "Kinesis_20131202."+operation)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/kinesis/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return reply{resp.StatusCode, resp.Header, resp.Body}
}

type reply struct {
	status int
	header http.Header
	body   io.Reader
}

func answer(t *testing.T, r reply, status int) cbor.Map {
	t.Helper()
	b, err := io.ReadAll(r.body)
	require.NoError(t, err)
	require.Equal(t, status, r.status, "%q", b)
	require.Equal(t, javaMedia, r.header.Get("Content-Type"))
	require.Empty(t, r.header.Get("Smithy-Protocol"))
	v, err := cbor.Decode(b)
	require.NoError(t, err)
	return v.(cbor.Map)
}

// millis is a time as Java writes and reads it: tag 1, which means seconds, around
// milliseconds. Source: SdkCborGenerator of aws-java-sdk-core 1.12.780.
func millis(at time.Time) cbor.Value {
	return &cbor.Tag{ID: 1, Value: cbor.Uint(at.UnixMilli())}
}

func TestCBOR_carriesRecordsOfJavaClients(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, kinesis.New)
	_, err := sdk.NewFromConfig(c.Config()).CreateStream(t.Context(),
		&sdk.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	c.Advance(time.Minute)
	var all cbor.Slice
	for b := range 256 {
		all = append(all, byte(b))
	}
	put := answer(t, java(t, c, javaMedia, "PutRecord", cbor.Map{"StreamName": cbor.String("s"), "Data": all,
		"PartitionKey": cbor.String("k")}), 200)
	require.Equal(t, cbor.String(shard0), put["ShardId"])
	it := answer(t, java(t, c, javaMedia, "GetShardIterator", cbor.Map{"StreamName": cbor.String("s"),
		"ShardId": cbor.String(shard0), "ShardIteratorType": cbor.String("AT_TIMESTAMP"),
		"Timestamp": millis(c.Clock.Now())}), 200)
	got := answer(t, java(t, c, javaMedia, "GetRecords", cbor.Map{"ShardIterator": it["ShardIterator"]}), 200)
	records := got["Records"].(cbor.List)
	require.Len(t, records, 1)
	require.Equal(t, all, records[0].(cbor.Map)["Data"])
	require.Equal(t, millis(c.Clock.Now()), records[0].(cbor.Map)["ApproximateArrivalTimestamp"])
}

func TestCBOR_carriesErrorsAndEvents(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, kinesis.New)
	client := sdk.NewFromConfig(c.Config())
	failed := answer(t, java(t, c, javaMedia, "DescribeStream", cbor.Map{"StreamName": cbor.String("none")}), 400)
	require.Equal(t, cbor.String("ResourceNotFoundException"), failed["__type"])
	require.Contains(t, failed["message"], "none")
	failed = answer(t, java(t, c, javaMedia, "Nothing", cbor.Map{}), 400)
	require.Equal(t, cbor.String("UnknownOperationException"), failed["__type"])
	_, err := client.CreateStream(t.Context(),
		&sdk.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	c.Advance(time.Minute)
	_, err = client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: aws.String("s"), Data: []byte{0, 255},
		PartitionKey: aws.String("k")})
	require.NoError(t, err)
	resp := java(t, c, javaMedia, "SubscribeToShard", cbor.Map{"ConsumerARN": cbor.String(*consumer(t, c, client, "c")),
		"ShardId": cbor.String(shard0), "StartingPosition": cbor.Map{"Type": cbor.String("TRIM_HORIZON")}})
	require.Equal(t, 200, resp.status)
	for _, kind := range []string{"initial-response", "SubscribeToShardEvent"} {
		m, err := eventstream.NewDecoder().Decode(resp.body, nil)
		require.NoError(t, err)
		require.Equal(t, kind, m.Headers.Get(eventstreamapi.EventTypeHeader).String())
		require.Equal(t, javaMedia, m.Headers.Get(eventstreamapi.ContentTypeHeader).String())
		v, err := cbor.Decode(m.Payload)
		require.NoError(t, err)
		if kind == "SubscribeToShardEvent" {
			require.Equal(t, cbor.Slice{0, 255}, v.(cbor.Map)["Records"].(cbor.List)[0].(cbor.Map)["Data"])
		}
	}
}

func TestMedia_thatNobodyReadsIsRefusedByName(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, kinesis.New)
	for _, media := range []string{"application/x-amz-ion-1.0", "text/plain", "application/x-www-form-urlencoded"} {
		resp := java(t, c, media, "ListStreams", cbor.Map{})
		b, err := io.ReadAll(resp.body)
		require.NoError(t, err)
		require.Equal(t, 404, resp.status)
		require.Contains(t, string(b), media)
	}
}
