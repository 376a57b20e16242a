package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/awsapi"
)

// unchecked switches off what clients compare answers with: checksums that a
// vector cannot have.
func unchecked(options any) {
	switch o := options.(type) {
	case *dynamodb.Options:
		o.DisableValidateResponseChecksum = true
	case *sqs.Options:
		o.DisableMessageChecksumValidation = true
	}
}

// canned answers every request with one response.
type canned struct {
	status int
	header http.Header
	body   []byte
}

// Do implements the SDK's HTTP client.
func (c canned) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: c.header.Clone(), Body: io.NopCloser(bytes.NewReader(c.body)),
		ContentLength: int64(len(c.body)), Request: req}, nil
}

// understood is what the SDK makes of a response.
func understood(service, operation string, answer canned) (any, error) {
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: answer,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), Retryer: func() aws.Retryer {
			return aws.NopRetryer{}
		},
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			_, _ = s.Initialize.Remove("OperationInputValidation") // not there: the better
			return nil
		}}}
	svc, _ := awsapi.Find(service)
	op, ok := svc.Operation(operation)
	if !ok {
		return nil, fmt.Errorf("%s has no operation %s", service, operation)
	}
	input := reflect.New(op.Input)
	for i := range input.Elem().NumField() { // paths are made of members
		if f := input.Elem().Field(i); f.Type() == reflect.TypeFor[*string]() {
			f.Set(reflect.ValueOf(aws.String("x")))
		} else if f.Type() == reflect.TypeFor[*int64]() {
			f.Set(reflect.ValueOf(aws.Int64(1)))
		}
	}
	out, err := op.Call(context.Background(), svc.Client(cfg, unchecked), input.Interface())
	if err != nil {
		return nil, err
	}
	if m := reflect.ValueOf(out).Elem().FieldByName("ResultMetadata"); m.IsValid() {
		m.SetZero()
	}
	return out, nil
}

// streaming lists the responses that are no single document.
func streaming() map[string]string {
	return map[string]string{
		"kinesis.SubscribeToShard":        "an event stream, tested with the service",
		"cloudwatchlogs.StartLiveTail":    "an event stream that no service here sends",
		"cloudwatchlogs.GetLogObject":     "an event stream that no service here sends",
		"lambda.InvokeWithResponseStream": "an event stream that no service here sends",
		"s3.SelectObjectContent":          "an event stream that no service here sends",
	}
}

// The SDK reads a response vector; what it has read is written by the codec and
// read by the SDK again: both must be the same.
func TestResponseVectors(t *testing.T) {
	t.Parallel()
	total, passed := 0, 0
	for _, service := range awsapi.Names() {
		reg := registryOf(t, service)
		n, ok := 0, 0
		for _, request := range snapshots(t, service) {
			name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(request), ".request.snap"), ".snap")
			file := filepath.Join(filepath.Dir(filepath.Dir(request)), "response_snapshot", name+".response.snap")
			if _, err := os.Stat(file); err != nil {
				continue
			}
			n++
			if reason, known := streaming()[service+"."+name]; known {
				t.Logf("left out: %s.%s: %s", service, name, reason)
				continue
			}
			if reason, known := unreadable[service+"."+name]; known {
				t.Logf("left out: %s.%s: %s", service, name, reason)
				continue
			}
			first, err := understood(service, name, readResponse(t, file))
			if err != nil {
				t.Errorf("%s.%s: the SDK does not read the vector: %v", service, name, err)
				continue
			}
			req, _ := parseSnapshot(t, request, service)
			target, err := reg.Route(req)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			if err := target.WriteOutput(w, req, "id", first); err != nil {
				t.Errorf("%s.%s: not written: %v", service, name, err)
				continue
			}
			second, err := understood(service, name, canned{w.Code, w.Header(), w.Body.Bytes()})
			if err != nil {
				t.Errorf("%s.%s: the SDK does not read what was written: %v", service, name, err)
				continue
			}
			if diff := cmp.Diff(first, second, cmp.FilterPath(unexported, cmp.Ignore()), cmp.Transformer("read", readAll),
				cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("%s.%s (-vector +written): %s", service, name, diff)
				continue
			}
			ok++
		}
		t.Logf("%-16s %3d of %3d response vectors", service, ok, n)
		require.True(t, ok > 0 || slices.Contains(tripped(), service),
			"%s has no response vectors: let its answers make the round trip", service)
		total, passed = total+n, passed+ok
	}
	require.NotZero(t, total)
	t.Logf("%d of %d response vectors pass", passed, total)
}

// unexported finds the markers that SDK types embed.
func unexported(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name()[0] >= 'a' && f.Name()[0] <= 'z'
}

func readAll(r io.ReadCloser) []byte {
	if r == nil {
		return nil
	}
	b, _ := io.ReadAll(r) // from memory
	return b
}

// readResponse reads a status, headers and a body apart.
func readResponse(t *testing.T, file string) canned {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	c := canned{header: http.Header{}}
	c.status, err = strconv.Atoi(strings.TrimSpace(string(line)))
	require.NoError(t, err)
	head, body, _ := bytes.Cut(rest, []byte("\n\n"))
	c.body = body
	s := bufio.NewScanner(bytes.NewReader(head))
	for s.Scan() {
		k, v, _ := strings.Cut(s.Text(), ": ")
		c.header.Add(k, v)
	}
	return c
}
