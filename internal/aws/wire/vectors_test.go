package wire_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/wire"
	"github.com/pipelab/pipelab/internal/awsapi"
)

// registryOf knows the Go types of every operation of a service.
func registryOf(t testing.TB, service string) *wire.Registry {
	t.Helper()
	r := wire.NewRegistry(service)
	s, ok := awsapi.Find(service)
	require.True(t, ok, service)
	for _, op := range s.Operations {
		r.Types(service, op.Name, op.Input, op.Output)
	}
	for _, d := range cloud.Describe() {
		if d.Name == service {
			r.Words(service, d.Errors.Wording)
		}
	}
	return r
}

// signingName is what the SDK signs with; unsigned vectors need it to be told.
func signingName(service string) string { return wire.Known(service).Signing }

// bucketless are the operations of S3 on no bucket.
var bucketless = map[string]bool{
	"ListBuckets": true, "ListDirectoryBuckets": true, "WriteGetObjectResponse": true,
}

// unreadable lists the vectors that cannot be read, each with the reason.
var unreadable = map[string]string{
	"s3.ListDirectoryBuckets": "same method and path as ListBuckets; only the host of S3 Express tells them apart",
}

func snapshots(t *testing.T, service string) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+
		service).Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "request_snapshot", "*.snap"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// parseSnapshot reads "METHOD URI", headers and a body apart.
func parseSnapshot(t *testing.T, file, service string) (*http.Request, []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	method, uri, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	rest = bytes.TrimPrefix(rest, []byte("\n"))
	head, body, _ := bytes.Cut(rest, []byte("\n\n"))
	req := httptest.NewRequest(method, uri, bytes.NewReader(body))
	req.Host = "localhost"
	if service == "s3" && !bucketless[strings.SplitN(filepath.Base(file), ".", 2)[0]] {
		req.Host = "examplebucket.s3.us-east-1.amazonaws.com" // the vectors leave the host out
	}
	s := bufio.NewScanner(bytes.NewReader(head))
	for s.Scan() {
		k, v, _ := strings.Cut(s.Text(), ":")
		req.Header.Add(k, strings.TrimSpace(v))
	}
	if algorithm := req.Header.Get("X-Amz-Sdk-Checksum-Algorithm"); algorithm != "" { // they end before it is added
		req.Header.Set("X-Amz-Trailer", "x-amz-checksum-"+strings.ToLower(algorithm))
	}
	if service == "s3" && req.Header.Get("Content-Md5") != "" { // the vectors have a word in its place
		sum := md5.Sum(body)
		req.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+signingName(service)+
		"/aws4_request, SignedHeaders=host, Signature=0")
	return req, body
}

// Every member of an SDK request vector is set, so after decoding none of the
// input's may be missing; and what was JSON must be the same JSON again.
func TestRequestVectors(t *testing.T) {
	t.Parallel()
	total, passed := 0, 0
	for _, service := range awsapi.Names() {
		reg := registryOf(t, service)
		n, ok := 0, 0
		for _, file := range snapshots(t, service) {
			name := strings.TrimSuffix(filepath.Base(file), ".request.snap")
			name = strings.TrimSuffix(name, ".snap")
			n++
			if reason, known := unreadable[service+"."+name]; known {
				t.Logf("left out: %s.%s: %s", service, name, reason)
				continue
			}
			if checkVector(t, reg, service, name, file) {
				ok++
			}
		}
		t.Logf("%-16s %3d of %3d request vectors", service, ok, n)
		require.NotZero(t, ok, service)
		total, passed = total+n, passed+ok
	}
	t.Logf("%d of %d request vectors pass", passed, total)
}

func checkVector(t *testing.T, reg *wire.Registry, service, name, file string) bool {
	t.Helper()
	req, body := parseSnapshot(t, file, service)
	target, err := reg.Route(req)
	if err != nil || target.Operation != name {
		got := ""
		if target != nil {
			got = target.Operation
		}
		t.Errorf("%s.%s routed to %q: %v", service, name, got, err)
		return false
	}
	if !target.Known() {
		t.Errorf("%s.%s has no Go types", service, name)
		return false
	}
	in, err := target.Decode(req)
	if err != nil {
		t.Errorf("%s.%s: %v", service, name, err)
		return false
	}
	if missing := unset(reflect.ValueOf(in).Elem()); len(missing) > 0 {
		t.Errorf("%s.%s: members not read: %v", service, name, missing)
		return false
	}
	if len(body) == 0 || body[0] != '{' {
		return true
	}
	again, err := target.InputJSON(in)
	if err != nil {
		t.Errorf("%s.%s: %v", service, name, err)
		return false
	}
	got := document(t, again)
	if m, ok := got.(map[string]any); ok && len(m) == 1 && m["Error"] != nil {
		got = m["Error"] // the body is this one member
	}
	if diff := cmp.Diff(document(t, body), got); diff != "" {
		t.Errorf("%s.%s (-sent +read): %s", service, name, diff)
		return false
	}
	return true
}

func document(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(b, &v))
	return v
}

func unset(v reflect.Value) (missing []string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" {
			continue
		}
		switch v.Field(i).Kind() {
		case reflect.Bool, reflect.Int32, reflect.Int64:
			continue // zero may be what was sent
		}
		if v.Field(i).IsZero() {
			missing = append(missing, f.Name)
		}
	}
	return missing
}
