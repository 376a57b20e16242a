package wire_test

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// messages takes an answer apart: headers without their types, and payloads.
func messages(t *testing.T, w *httptest.ResponseRecorder) (headers []map[string]string, payloads []string) {
	t.Helper()
	require.Equal(t, "application/vnd.amazon.eventstream", w.Header().Get("Content-Type"))
	r := bytes.NewReader(w.Body.Bytes())
	for {
		m, err := eventstream.NewDecoder().Decode(r, nil)
		if errors.Is(err, io.EOF) {
			return headers, payloads
		}
		require.NoError(t, err)
		h := map[string]string{}
		for _, v := range m.Headers {
			h[v.Name] = v.Value.String()
		}
		headers, payloads = append(headers, h), append(payloads, string(m.Payload))
	}
}

func subscription(t *testing.T, cbor bool) *wire.Target {
	t.Helper()
	reg := wire.NewRegistry()
	reg.Types("kinesis", "SubscribeToShard", reflect.TypeFor[kinesis.SubscribeToShardInput](),
		reflect.TypeFor[kinesis.SubscribeToShardOutput]())
	req := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Kinesis_20131202.SubscribeToShard")
	if cbor {
		req = httptest.NewRequest("POST", "/service/Kinesis_20131202/operation/SubscribeToShard", strings.NewReader("\xa0"))
		req.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	target, err := reg.Route(req)
	require.NoError(t, err)
	return target
}

func TestEventStream_json(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	s, err := subscription(t, false).StartEvents(w, "id", &kinesis.SubscribeToShardOutput{})
	require.NoError(t, err)
	require.NoError(t,
		s.Send(&types.SubscribeToShardEvent{Records: []types.Record{}, ContinuationSequenceNumber: aws.String("49"),
			MillisBehindLatest: aws.Int64(0)}))
	require.NoError(t, s.Fail(&types.ResourceInUseException{Message: aws.String("taken")}))
	require.NoError(t, s.Fail(errors.New("our own secret")))
	require.Error(t, s.Send(&types.Record{}), "no event of this stream")
	headers, payloads := messages(t, w)
	json := "application/x-amz-json-1.1"
	require.Equal(t, []map[string]string{
		{":message-type": "event", ":event-type": "initial-response", ":content-type": json},
		{":message-type": "event", ":event-type": "SubscribeToShardEvent", ":content-type": json},
		{":message-type": "exception", ":exception-type": "ResourceInUseException", ":content-type": json},
		{":message-type": "error", ":error-code": "InternalFailure", ":error-message": headers[3][":error-message"]},
	}, headers)
	require.NotContains(t, w.Body.String(), "secret")
	require.Equal(t, "{}", payloads[0])
	require.JSONEq(t, `{"Records":[],"ContinuationSequenceNumber":"49","MillisBehindLatest":0}`, payloads[1])
	require.JSONEq(t, `{"message":"taken"}`, payloads[2])
}

func TestEventStream_cbor(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	s, err := subscription(t, true).StartEvents(w, "id", &kinesis.SubscribeToShardOutput{})
	require.NoError(t, err)
	require.NoError(t, s.Send(&types.SubscribeToShardEvent{Records: []types.Record{}, MillisBehindLatest: aws.Int64(0)}))
	headers, payloads := messages(t, w)
	require.Equal(t, "rpc-v2-cbor", w.Header().Get("Smithy-Protocol"))
	require.Len(t, headers, 2)
	require.Equal(t, "application/cbor", headers[1][":content-type"])
	require.Equal(t, "\xbf\xff", payloads[0])
	require.Contains(t, payloads[1], "MillisBehindLatest")
}

// Lambda's events have bodies of their own, and its output travels in headers.
func TestEventStream_rest(t *testing.T) {
	t.Parallel()
	reg := wire.NewRegistry()
	reg.Types("lambda", "InvokeWithResponseStream", reflect.TypeFor[lambda.InvokeWithResponseStreamInput](),
		reflect.TypeFor[lambda.InvokeWithResponseStreamOutput]())
	req := httptest.NewRequest("POST", "/2021-11-15/functions/f/response-streaming-invocations", nil)
	req.Header.Set("Authorization",
		"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	target, err := reg.Route(req)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	s, err := target.StartEvents(w, "id", &lambda.InvokeWithResponseStreamOutput{ExecutedVersion: aws.String("7")})
	require.NoError(t, err)
	require.NoError(t, s.Send(&lambdatypes.InvokeResponseStreamUpdate{Payload: []byte("part")}))
	require.NoError(t, s.Send(&lambdatypes.InvokeWithResponseStreamCompleteEvent{ErrorCode: aws.String("E")}))
	require.Equal(t, "7", w.Header().Get("X-Amz-Executed-Version"))
	headers, payloads := messages(t, w)
	require.Equal(t, []map[string]string{
		{":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"},
		{":message-type": "event", ":event-type": "InvokeComplete", ":content-type": "application/json"},
	}, headers)
	require.Equal(t, "part", payloads[0])
	require.JSONEq(t, `{"ErrorCode":"E"}`, payloads[1])
}
