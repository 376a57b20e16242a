package esm_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	ktypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
	kinesissvc "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// functions is a lambda service whose functions are Go functions.
type functions struct {
	*esm.Mappings
	host *gateway.Host

	mu      sync.Mutex
	handler func(event) (any, error) // nil answers null
	seen    []event
	timeout int32
}

// event is an event as a function sees it.
type event struct {
	name    string // of the function, with its qualifier
	at      time.Time
	raw     string
	Records []struct {
		EventID   string `json:"eventID"`
		EventName string `json:"eventName"`
		Kinesis   struct {
			PartitionKey   string `json:"partitionKey"`
			SequenceNumber string `json:"sequenceNumber"`
			Data           []byte `json:"data"`
		} `json:"kinesis"`
		DynamoDB struct {
			SequenceNumber string
			NewImage       map[string]map[string]any
		} `json:"dynamodb"`
		MessageID  string            `json:"messageId"`
		Body       string            `json:"body"`
		Attributes map[string]string `json:"attributes"`
	}
	Window struct{ Start, End string }
	State  json.RawMessage
	Final  bool `json:"isFinalInvokeForWindow"`
	Early  bool `json:"isWindowTerminatedEarly"`
}

// data are the payloads of an event's records.
func (e event) data() []string {
	var out []string
	for _, r := range e.Records {
		switch {
		case r.Body != "":
			out = append(out, r.Body)
		case r.DynamoDB.SequenceNumber != "":
			out = append(out, r.EventName)
		default:
			out = append(out, string(r.Kinesis.Data))
		}
	}
	return out
}

var errUser = errors.New("the handler raised")

func (f *functions) Describe() gateway.Descriptor {
	words := wire.Wording{InvalidChoice: wire.Fault{Code: "InvalidParameterValueException"}} // as the lambda service
	return gateway.Descriptor{Name: "lambda", Errors: gateway.Errors{Wording: words},
		Operations: append(f.Mappings.Operations(),
			gateway.Op(gateway.Control, f.GetFunctionConfiguration), gateway.Op(gateway.Data, f.Invoke))}
}

func (f *functions) GetFunctionConfiguration(ctx context.Context,
	in *lambda.GetFunctionConfigurationInput) (*lambda.GetFunctionConfigurationOutput, error) {
	if !strings.HasPrefix(*in.FunctionName, "f") {
		return nil,
			&types.ResourceNotFoundException{Message: aws.String("Function not found: " +
				gateway.From(ctx).Scope.ARN("lambda", "function:"+*in.FunctionName))}
	}
	return &lambda.GetFunctionConfigurationOutput{FunctionName: in.FunctionName,
		Role: aws.String("arn:aws:iam::000000000000:role/worker"), Timeout: aws.Int32(f.timeout)}, nil
}

func (f *functions) Invoke(ctx context.Context, in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
	var e event
	if err := json.Unmarshal(in.Payload, &e); err != nil {
		return nil, err
	}
	e.name = *in.FunctionName
	if in.Qualifier != nil {
		e.name += ":" + *in.Qualifier
	}
	e.at, e.raw = f.host.Clock.Now(), string(in.Payload)
	f.mu.Lock()
	f.seen = append(f.seen, e)
	handler := f.handler
	f.mu.Unlock()
	out := &lambda.InvokeOutput{StatusCode: 200, ExecutedVersion: aws.String("$LATEST"), Payload: []byte("null")}
	if handler == nil {
		return out, nil
	}
	v, err := handler(e)
	if errors.Is(err, errUser) {
		out.FunctionError, out.Payload = aws.String("Unhandled"), []byte(`{"errorMessage":"no"}`)
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if s, ok := v.(string); ok {
		out.Payload = []byte(s)
		return out, nil
	}
	out.Payload, err = json.Marshal(v)
	return out, err
}

// batches are the payloads of all events so far.
func (f *functions) batches() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := [][]string{}
	for _, e := range f.seen {
		out = append(out, e.data())
	}
	return out
}

// invoked are the functions of all events so far.
func (f *functions) invoked() []string {
	var out []string
	for _, e := range f.events() {
		out = append(out, e.name)
	}
	return out
}

func (f *functions) events() []event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]event(nil), f.seen...)
}

func (f *functions) handle(h func(event) (any, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handler = h
}

// cloud is an emulated cloud with sources and the function service.
type cloud struct {
	*awstest.Cloud
	t       testing.TB
	fn      *functions
	lambda  *lambda.Client
	kinesis *kinesis.Client
}

func newCloud(t testing.TB, more ...gateway.Service) *cloud {
	t.Helper()
	return newCloudWithClock(t, clock.NewManual(awstest.Epoch), more...)
}

func isQueue(s gateway.Service) bool {
	_, late := s.(*lateQueue) // it has no service yet to describe
	return late || s.Describe().Name == "sqs"
}

func newCloudWithClock(t testing.TB, clk *clock.Clock, more ...gateway.Service) *cloud {
	t.Helper()
	f := &functions{timeout: 3}
	var services []func(*gateway.Host) gateway.Service
	if !slices.ContainsFunc(more, isQueue) {
		services = append(services, func(h *gateway.Host) gateway.Service { return sqsservice.New(h) })
	}
	for _, s := range more {
		services = append(services, func(h *gateway.Host) gateway.Service {
			if l, ok := s.(*lateQueue); ok {
				return l.at(h)
			}
			return s
		})
	}
	c := awstest.NewWithClock(t, clk, append(services, kinesissvc.New,
		func(h *gateway.Host) gateway.Service { return dynamodb.New(h) }, dynamodbstreams.New,
		func(h *gateway.Host) gateway.Service {
			f.host, f.Mappings = h, esm.New(h)
			return f
		})...)
	return &cloud{Cloud: c, t: t, fn: f, lambda: lambda.NewFromConfig(c.Config()),
		kinesis: kinesis.NewFromConfig(c.Config())}
}

// settle waits until nothing more happens at this time.
func (c *cloud) settle() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(c.t, c.fn.Idle(ctx))
}

// pass moves the clock, with the work before and after.
func (c *cloud) pass(d time.Duration) {
	c.t.Helper()
	c.settle()
	c.Advance(d)
	c.settle()
}

const streamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"

// stream makes the stream "s".
func (c *cloud) stream(shards int32) {
	c.t.Helper()
	_, err := c.kinesis.CreateStream(c.t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(shards)})
	require.NoError(c.t, err)
	c.Advance(time.Second)
}

// mapping makes a mapping of "s" and waits until it is enabled.
func (c *cloud) mapping(change ...func(*lambda.CreateEventSourceMappingInput)) string {
	c.t.Helper()
	in := &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: aws.String(streamARN),
		StartingPosition: types.EventSourcePositionTrimHorizon}
	for _, f := range change {
		f(in)
	}
	out, err := c.lambda.CreateEventSourceMapping(c.t.Context(), in)
	require.NoError(c.t, err)
	c.pass(time.Second)
	return *out.UUID
}

// put writes records of one key in one call.
func (c *cloud) put(key string, data ...string) {
	c.t.Helper()
	var in kinesis.PutRecordsInput
	for _, d := range data {
		in.Records = append(in.Records, ktypes.PutRecordsRequestEntry{PartitionKey: &key, Data: []byte(d)})
	}
	in.StreamName = aws.String("s")
	out, err := c.kinesis.PutRecords(c.t.Context(), &in)
	require.NoError(c.t, err)
	require.Zero(c.t, *out.FailedRecordCount)
	c.settle()
}

func (c *cloud) get(uuid string) *lambda.GetEventSourceMappingOutput {
	c.t.Helper()
	out, err := c.lambda.GetEventSourceMapping(c.t.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuid})
	require.NoError(c.t, err)
	return out
}

func wantError(t testing.TB, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode(), api.ErrorMessage())
	require.Contains(t, api.ErrorMessage(), message)
}

// failing fails every event that holds one of these payloads.
func failing(bad ...string) func(event) (any, error) {
	return func(e event) (any, error) {
		for _, d := range e.data() {
			for _, b := range bad {
				if d == b {
					return nil, errUser
				}
			}
		}
		return nil, nil
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
