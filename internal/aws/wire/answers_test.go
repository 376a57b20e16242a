package wire_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// route finds the target of a request of one service.
func route[I, O any](t *testing.T, service, signing string, req *http.Request) *wire.Target {
	t.Helper()
	reg := wire.NewRegistry()
	in := reflect.TypeFor[I]()
	reg.Types(service, strings.TrimSuffix(in.Name(), "Input"), in, reflect.TypeFor[O]())
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+signing+
		"/aws4_request, SignedHeaders=host, Signature=0")
	target, err := reg.Route(req)
	require.NoError(t, err)
	require.True(t, target.Known())
	return target
}

// The models of CloudWatch Logs' errors have no member for the message.
func TestErrors_ofLogsCarryTheirMessage(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
	req.Header.Set("X-Amz-Target", "Logs_20140328.DeleteLogGroup")
	w := httptest.NewRecorder()
	target := route[cloudwatchlogs.DeleteLogGroupInput, cloudwatchlogs.DeleteLogGroupOutput](t, "cloudwatchlogs", "logs",
		req)
	require.NoError(t,
		target.WriteError(w, req, "id", &logstypes.ResourceNotFoundException{Message: aws.String("no such \"group\"")}))
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.JSONEq(t, `{"__type":"ResourceNotFoundException","message":"no such \"group\""}`, w.Body.String())
}

func TestErrors_haveHeaders(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/f/invocations", nil)
	w := httptest.NewRecorder()
	target := route[lambda.InvokeInput, lambda.InvokeOutput](t, "lambda", "lambda", req)
	require.NoError(t, target.WriteError(w, req, "id", &lambdatypes.TooManyRequestsException{
		Message: aws.String("Rate Exceeded."), RetryAfterSeconds: aws.String("3"),
		Reason: lambdatypes.ThrottleReasonConcurrentInvocationLimitExceeded}))
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.Equal(t, "3", w.Header().Get("Retry-After"))
	require.Equal(t, "TooManyRequestsException", w.Header().Get("X-Amzn-Errortype"))
	require.JSONEq(t,
		`{"__type":"TooManyRequestsException","message":"Rate Exceeded.","Reason":"ConcurrentInvocationLimitExceeded"}`,
		w.Body.String())
}

func TestGetBucketLocation_isOneBareElement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		region s3types.BucketLocationConstraint
		want   string
	}{
		{"eu-west-1", `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>`},
		{"", `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`}, // us-east-1
	} {
		req := httptest.NewRequest(http.MethodGet, "/bucket?location", nil)
		w := httptest.NewRecorder()
		target := route[s3.GetBucketLocationInput, s3.GetBucketLocationOutput](t, "s3", "s3", req)
		require.NoError(t, target.WriteOutput(w, req, "id", &s3.GetBucketLocationOutput{LocationConstraint: c.region}))
		require.Equal(t, "application/xml", w.Header().Get("Content-Type"))
		_, body, _ := strings.Cut(w.Body.String(), "?>")
		require.Equal(t, c.want, strings.TrimSpace(body))
	}
}

// net/http refuses a body here; announcing a length confuses clients, too.
func TestNoContent_hasNoBody(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodDelete, "/bucket/key", nil)
	w := httptest.NewRecorder()
	target := route[s3.DeleteObjectInput, s3.DeleteObjectOutput](t, "s3", "s3", req)
	require.NoError(t, target.WriteOutput(w, req, "id", &s3.DeleteObjectOutput{VersionId: aws.String("v")}))
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, "v", w.Header().Get("X-Amz-Version-Id"))
	require.Zero(t, w.Body.Len())
	require.Empty(t, w.Header().Get("Content-Length"))
	require.Empty(t, w.Header().Get("Content-Type"))

	path := "/2019-09-25/functions/f/event-invoke-config"
	req = httptest.NewRequest(http.MethodDelete, path, nil)
	w = httptest.NewRecorder()
	deletion := route[lambda.DeleteFunctionEventInvokeConfigInput, lambda.DeleteFunctionEventInvokeConfigOutput](t,
		"lambda", "lambda", req)
	require.NoError(t, deletion.WriteOutput(w, req, "id", &lambda.DeleteFunctionEventInvokeConfigOutput{}))
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Zero(t, w.Body.Len())
	require.Empty(t, w.Header().Get("Content-Length"))
}

// Times before 1970 keep their sign, even those within the last second.
func TestTimestamps_beforeTheEpoch(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int64]string{-1: "-0.001", -500: "-0.500", -999: "-0.999", -1000: "-1", -1500: "-1.500",
		0: "0", 1: "0.001"} {
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.Header.Set("X-Amz-Target", "Kinesis_20131202.GetRecords")
		w := httptest.NewRecorder()
		target := route[kinesis.GetRecordsInput, kinesis.GetRecordsOutput](t, "kinesis", "kinesis", req)
		at := time.UnixMilli(ms)
		require.NoError(t,
			target.WriteOutput(w, req, "id",
				&kinesis.GetRecordsOutput{Records: []types.Record{{ApproximateArrivalTimestamp: &at}}}))
		require.Contains(t, w.Body.String(), `"ApproximateArrivalTimestamp":`+want+"}")
	}
}

// A length that is announced and not kept costs neither memory nor a wait.
//
// it measures memory
func TestDecode_bodiesThatLie(t *testing.T) {
	decode := func(length int64, body io.Reader) error {
		req := httptest.NewRequest(http.MethodPost, "/", body)
		req.ContentLength = length
		req.Header.Set("X-Amz-Target", "Kinesis_20131202.ListStreams")
		_, err := route[kinesis.ListStreamsInput, kinesis.ListStreamsOutput](t, "kinesis", "kinesis", req).Decode(req)
		return err
	}
	require.NoError(t, decode(2, strings.NewReader("{}")))
	require.NoError(t, decode(-1, strings.NewReader("{}")))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.ErrorContains(t, decode(90<<20, strings.NewReader("{}")), "unexpected EOF")
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
	err := decode(-1, io.LimitReader(zeros{}, 97<<20))
	var e *wire.Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, http.StatusRequestEntityTooLarge, e.Status)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// What a member that is not known holds must be well-formed all the same.
func TestCBOR_refusesMalformedItemsThatAreSkipped(t *testing.T) {
	t.Parallel()
	for body, ok := range map[string]bool{
		"\xa1\x61x\x01":                                     true,
		"\xa1\x61x\xc1\x01":                                 true,
		"\xbf\x61x\x9f\x01\xff\xff":                         true,
		"\xa1\x61x\x1b\xff\xff\xff\xff\xff\xff\xff\xff":     true,
		"\xa1\x61x\xff":                                     false, // a break that ends nothing
		"\xa1\x61x\x82\x01\xff":                             false, // in a list of two
		"\xa1\x61x\x1f":                                     false, // a number of indefinite length
		"\xa1\x61x\xdf\x01":                                 false, // such a tag
		"\xa1\x61x\x9b\xff\xff\xff\xff\xff\xff\xff\xff\xff": false, // a count that looks indefinite
		"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\xff":          false,
	} {
		req := httptest.NewRequest(http.MethodPost, "/service/Kinesis_20131202/operation/ListStreams",
			strings.NewReader(body))
		req.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		_, err := route[kinesis.ListStreamsInput, kinesis.ListStreamsOutput](t, "kinesis", "kinesis", req).Decode(req)
		require.Equal(t, ok, err == nil, "%x: %v", body, err)
	}
}
