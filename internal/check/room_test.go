package check_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

const filled = head + `
probes:
  read: { objects: { bucket: bucket, parse: text } }
  listed: { objects: { bucket: bucket } }
checks:
  - id: read
    title: What they hold
    points: 50
    hints: [a, b, c]
    expect: [{ that: "size(read) == 7", message: Seven }]
  - id: listed
    title: That they are there
    points: 50
    hints: [a, b, c]
    expect:
      - { that: "listed.all(o, o.size == 10485760) && size(countBy(listed, 'sha256')) == 1", message: Seven alike }
`

func start(t *testing.T, text string) (check.Options, *s3.Client) {
	t.Helper()
	o := options(t, text)
	client := s3.NewFromConfig(o.Emulator.Endpoint().AWSConfig(), func(s *s3.Options) { s.UsePathStyle = true })
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	require.NoError(t, err)
	return o, client
}

func verdicts(t *testing.T, o check.Options) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, c := range judge(t, o).Checks {
		out[c.ID] = string(c.Verdict) + ": " + c.Message
	}
	return out
}

// A pipeline that fills its bucket fails; the judge does not hold all of it.
func TestProbe_readsNoMoreThanThereIsRoomFor(t *testing.T) {
	o, client := start(t, filled)
	for i := range 7 {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"),
			Key: aws.String(strconv.Itoa(i)), Body: bytes.NewReader(make([]byte, 10<<20))})
		require.NoError(t, err)
	}
	require.Equal(t, map[string]string{
		"read":   "fail: read holds more than 64 MiB, which is more than any right answer does",
		"listed": "pass: ",
	}, verdicts(t, o))
}

// What is wrong with us in one check ends no other.
func TestRun_outlivesAPanicOfACheck(t *testing.T) {
	o, _ := start(t, strings.ReplaceAll(filled, "size(countBy(listed, 'sha256')) == 1", "true"))
	o.Saw = func(name string, _ any) {
		if name == "read" {
			panic("a fault of ours")
		}
	}
	got := verdicts(t, o)
	require.Contains(t, got["read"], "error: pipelab itself failed: a fault of ours")
	require.Equal(t, string(report.Pass)+": ", got["listed"])
}

// forgetful is an emulator whose trace has lost its oldest calls.
type forgetful struct {
	emulator.Emulator
	url string
}

func (f forgetful) Control() *emulator.Control {
	e := f.Endpoint()
	e.URL = f.url
	return emulator.NewControl(e)
}

const counted = head + `
probes: { scans: { calls: { service: dynamodb, operation: Scan } } }
checks:
  - id: none
    title: Nobody scans
    points: 100
    hints: [a, b, c]
    steps: [{ call: { service: s3, operation: ListBuckets } }]
    expect: [{ that: "size(scans) == 0", message: No Scan }]
`

// A trace with a gap is the basis of no verdict: the call that a check forbids may be
// one of those that are missing.
func TestRun_judgesByNoTraceThatHasForgotten(t *testing.T) {
	o, _ := start(t, counted)
	require.Equal(t, map[string]string{"none": "pass: "}, verdicts(t, o))
	target, err := url.Parse(o.Emulator.Endpoint().URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	gap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_pipelab/trace" {
			proxy.ServeHTTP(w, r)
			return
		}
		after, err := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
		require.NoError(t, err)
		_, _ = fmt.Fprintf(w, "{\"seq\":%d}\n{\"seq\":%d}\n", after+5000, after+5001)
	}))
	t.Cleanup(gap.Close)
	o.Emulator = forgetful{o.Emulator, gap.URL}
	require.Equal(t, map[string]string{"none": "fail: 5001 calls were made during this check, more than are recorded, " +
		"and so none of them is looked at"}, verdicts(t, o))
}
