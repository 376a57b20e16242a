package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
	"github.com/pipelab/pipelab/internal/awsapi"
)

// full sets every member of a structure, deep down: texts to the member's name,
// so that two that are exchanged are told apart, numbers to ones that count up.
// Unions and documents stay empty, and structures end where they hold themselves.
type full struct{ n int64 }

func (f *full) set(v reflect.Value, name string, within []reflect.Type) {
	f.n++
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1760000000+f.n, 0).UTC()))
		return
	case reflect.TypeFor[io.Reader]():
		v.Set(reflect.ValueOf(strings.NewReader("body")))
		return
	case reflect.TypeFor[io.ReadCloser]():
		v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader("body"))))
		return
	case reflect.TypeFor[[]byte]():
		v.SetBytes([]byte(name))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.set(v.Elem(), name, within)
	case reflect.Struct:
		for _, w := range within {
			if w == v.Type() {
				return
			}
		}
		for i := range v.NumField() {
			if t := v.Type().Field(i); t.IsExported() && t.Name != "ResultMetadata" {
				f.set(v.Field(i), t.Name, append(within, v.Type()))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Interface {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.set(v.Index(0), name, within)
		f.set(v.Index(1), name, within)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		f.set(e, name, within)
		v.SetMapIndex(reflect.ValueOf(strings.ToLower(name)).Convert(v.Type().Key()), e)
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(f.n)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(f.n) + 0.5)
	}
}

// recorder keeps what a client sends and answers nothing.
type recorder struct{ sent *http.Request }

var errRecorded = errors.New("recorded")

// Do implements the SDK's HTTP client.
func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	r.sent = httptest.NewRequest(req.Method, req.URL.String(), bytes.NewReader(body))
	r.sent.Header, r.sent.Host = req.Header.Clone(), req.URL.Host
	r.sent.ContentLength = int64(len(body))
	return nil, errRecorded
}

// same compares two structures of the SDK; bodies by what they hold.
func same(a, b any) string {
	if x, y := held(a), held(b); x != y {
		return fmt.Sprintf("body %q and %q", x, y)
	}
	return cmp.Diff(a, b, cmp.FilterPath(unexported, cmp.Ignore()), cmp.Comparer(time.Time.Equal), cmpopts.EquateEmpty(),
		cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".ResultMetadata" ||
				p.Last().String() == ".ExpiresString" // the client's copy of Expires
		}, cmp.Ignore()))
}

// held reads the bodies of a structure and takes them away.
func held(structure any) (text string) {
	v := reflect.ValueOf(structure).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() != reflect.Interface || v.Field(i).IsNil() {
			continue
		}
		if r, ok := v.Field(i).Interface().(io.Reader); ok {
			b, _ := io.ReadAll(r) // from memory
			text += v.Type().Field(i).Name + "=" + string(b)
			v.Field(i).SetZero()
		}
	}
	return text
}

// tripped are the services whose requests or answers the SDK has no vectors of.
func tripped() []string { return []string{"cloudformation", "iam", "s3", "sts"} }

// asked are the members that clients themselves compute or demand a value of.
func asked(in reflect.Value) {
	for name, value := range map[string]string{"Bucket": "bucket", "ChecksumAlgorithm": "CRC32", "Key": "key",
		"RequestRoute": "route", "ContentEncoding": "gzip", "Range": "bytes=0-1"} {
		f := in.FieldByName(name)
		switch {
		case !f.IsValid():
		case f.Type() == reflect.TypeFor[*string]():
			f.Set(reflect.ValueOf(&value))
		case f.Kind() == reflect.String:
			f.SetString(value)
		}
	}
	if f := in.FieldByName("ContentMD5"); f.IsValid() && !in.FieldByName("Body").IsValid() {
		f.SetZero() // of a document that is not written yet
	}
	if f := in.FieldByName("ContentLength"); f.IsValid() && f.Type() == reflect.TypeFor[*int64]() {
		f.Set(reflect.ValueOf(aws.Int64(int64(len("body")))))
	}
}

// What the SDK's client makes of an input with every member set is read back as
// that input, for every operation.
func TestRoundTrip_requestsAreReadAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	for _, service := range tripped() {
		api, _ := awsapi.Find(service)
		reg, passed := registryOf(t, service), 0
		for _, op := range api.Operations {
			if reason := oddRequests()[service+"."+op.Name]; reason != "" {
				t.Logf("left out: %s.%s: %s", service, op.Name, reason)
				continue
			}
			in := reflect.New(op.Input)
			(&full{}).set(in.Elem(), "", nil)
			asked(in.Elem())
			r := &recorder{}
			cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://localhost"), HTTPClient: r,
				Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
				Retryer:     func() aws.Retryer { return aws.NopRetryer{} }}
			_, err := op.Call(context.Background(), api.Client(cfg, unchecked), in.Interface())
			if !errors.Is(err, errRecorded) {
				t.Errorf("%s.%s was not sent: %v", service, op.Name, err)
				continue
			}
			if err := readAgain(reg, r.sent, op, in.Interface()); err != nil {
				t.Errorf("%s.%s: %v", service, op.Name, err)
				continue
			}
			passed++
		}
		t.Logf("%-16s %3d of %3d requests", service, passed, len(api.Operations))
		require.NotZero(t, passed, service)
	}
}

func readAgain(reg *wire.Registry, req *http.Request, op awsapi.Operation, meant any) error {
	target, err := reg.Route(req)
	if err != nil {
		return err
	}
	if target.Operation != op.Name {
		return fmt.Errorf("taken for %s", target.Operation)
	}
	got, err := target.Decode(req)
	if err != nil {
		return err
	}
	again := reflect.New(op.Input) // its body was read
	(&full{}).set(again.Elem(), "", nil)
	asked(again.Elem())
	if diff := same(again.Interface(), got); diff != "" {
		return fmt.Errorf("(-meant +read) %s", diff)
	}
	return nil
}

// What is written of an output with every member set is read by the SDK's client
// as that output, for every operation.
func TestRoundTrip_answersAreReadAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	for _, service := range tripped() {
		api, _ := awsapi.Find(service)
		reg, passed := registryOf(t, service), 0
		for _, op := range api.Operations {
			if reason := oddRequests()[service+"."+op.Name]; reason != "" {
				t.Logf("left out: %s.%s: %s", service, op.Name, reason)
				continue
			}
			if err := writeAgain(reg, service, api, op); err != nil {
				t.Errorf("%s.%s: %v", service, op.Name, err)
				continue
			}
			passed++
		}
		t.Logf("%-16s %3d of %3d answers", service, passed, len(api.Operations))
		require.NotZero(t, passed, service)
	}
}

func writeAgain(reg *wire.Registry, service string, api awsapi.Service, op awsapi.Operation) error {
	in := reflect.New(op.Input)
	(&full{}).set(in.Elem(), "", nil)
	asked(in.Elem())
	r := &recorder{}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://localhost"), HTTPClient: r,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} }}
	if _, err := op.Call(context.Background(), api.Client(cfg, unchecked), in.Interface()); !errors.Is(err, errRecorded) {
		return fmt.Errorf("was not sent: %w", err)
	}
	target, err := reg.Route(r.sent)
	if err != nil {
		return err
	}
	made := func() reflect.Value {
		out := reflect.New(op.Output)
		(&full{}).set(out.Elem(), "", nil)
		for name, value := range map[string]any{"ContentLength": aws.Int64(4), "ChecksumType": nil, "ContentEncoding": nil} {
			if f := out.Elem().FieldByName(name); f.IsValid() {
				f.SetZero()
				if v := reflect.ValueOf(value); value != nil && f.Type() == v.Type() {
					f.Set(v)
				}
			}
		}
		return out
	}
	w := httptest.NewRecorder()
	if err := target.WriteOutput(w, r.sent, "id", made().Interface()); err != nil {
		return err
	}
	got, err := understood(service, op.Name, canned{w.Code, w.Header(), w.Body.Bytes()})
	if err != nil {
		return err
	}
	if diff := same(made().Interface(), got); diff != "" {
		return fmt.Errorf("(-meant +read) %s", diff)
	}
	return nil
}

// oddRequests are the operations that cannot be compared, with the reason.
func oddRequests() map[string]string {
	return map[string]string{
		"s3.ListDirectoryBuckets":   "the client wants the session of S3 Express",
		"s3.UpdateObjectEncryption": "its required member is a union",
		"s3.WriteGetObjectResponse": "signed for S3 Object Lambda, which is another service",
	}
}
