package esm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	kinesissvc "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// life is one run of the emulator over a directory.
type life struct {
	t  *testing.T
	g  *gateway.Gateway
	st *store.Store
	f  *functions
}

func live(t *testing.T, dir string, now time.Time, handler func(event) (any, error), more ...gateway.Service) *life {
	st := store.New(store.Options{Dir: dir})
	clk := clock.NewManual(now)
	g := gateway.New(st, clk, ident.NewSource(), slog.New(slog.DiscardHandler))
	f := &functions{timeout: 3, handler: handler, host: g.Host(), Mappings: esm.New(g.Host())}
	g.Register(kinesissvc.New(g.Host()))
	g.Register(f)
	for _, s := range more {
		g.Register(s)
	}
	require.NoError(t, st.Open())
	require.NoError(t, g.Start(context.Background()))
	return &life{t, g, st, f}
}

func (l *life) call(service, operation string, in any) any {
	l.t.Helper()
	out, err := l.g.Invoke(l.t.Context(),
		gateway.Call{Principal: gateway.RootOf("test"),
			Scope: ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}, Service: service,
			Operation: operation, Input: in})
	require.NoError(l.t, err)
	return out
}

func (l *life) pass(d time.Duration) {
	l.t.Helper()
	require.NoError(l.t, l.f.Idle(l.t.Context()))
	require.NoError(l.t, l.g.Host().Clock.Advance(l.t.Context(), d))
	require.NoError(l.t, l.f.Idle(l.t.Context()))
}

// end is the end of the process.
func (l *life) end() {
	l.t.Helper()
	l.g.Stop()
	require.NoError(l.t, l.st.Close())
}

func (l *life) stream() {
	l.t.Helper()
	l.call("kinesis", "CreateStream", &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	l.pass(time.Second)
}

func (l *life) put(data string) {
	l.call("kinesis", "PutRecord", &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"),
		Data: []byte(data)})
}

// Mapping, checkpoint and the state of a tumbling window survive the end of
// the process.
func TestMapping_survivesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sum := func(e event) (any, error) {
		var state struct{ N int }
		if err := json.Unmarshal(e.State, &state); err != nil {
			return nil, err
		}
		state.N += len(e.Records)
		return map[string]any{"state": state}, nil
	}
	l := live(t, dir, awstest.Epoch, sum)
	l.stream()
	l.call("lambda", "CreateEventSourceMapping", &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"),
		EventSourceArn:   aws.String(streamARN),
		StartingPosition: "LATEST", TumblingWindowInSeconds: aws.Int32(60),
		FilterCriteria: filters(`{"partitionKey":["k"]}`)})
	l.pass(time.Second)
	l.put("1")
	l.pass(0)
	l.put("2")
	l.pass(2 * time.Second)
	require.Equal(t, [][]string{{"1"}, {"2"}}, l.f.batches())
	l.f.Stop()
	l.put("3")
	l.end()

	l = live(t, dir, awstest.Epoch.Add(20*time.Second), sum)
	l.pass(5 * time.Minute)
	ev := l.f.events()
	require.Len(t, ev, 2)
	require.Equal(t, []string{"3"}, ev[0].data())
	require.JSONEq(t, `{"N":2}`, string(ev[0].State))
	require.True(t, ev[1].Final)
	require.JSONEq(t, `{"N":3}`, string(ev[1].State))
	l.end()
}

// The process dies at any point between the failure of a batch and the next
// ones: the on-failure destination gets to know of every record that the
// function has not processed, and the mapping goes on.
func TestMapping_givenUpRecordsSurviveTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	journal := func(dir string) string {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "journal-*"))
		require.NoError(t, err)
		require.Len(t, names, 1)
		return names[0]
	}
	unreachable := queue()
	unreachable.refuse(errors.New("out of order"))
	l := live(t, dir, awstest.Epoch, failing("bad"), unreachable)
	l.stream()
	l.call("lambda", "CreateEventSourceMapping", &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"),
		EventSourceArn: aws.String(streamARN), StartingPosition: "TRIM_HORIZON", BatchSize: aws.Int32(1),
		MaximumRetryAttempts: aws.Int32(1), DestinationConfig: onFailure("arn:aws:sqs:us-east-1:000000000000:dlq")})
	l.put("bad")
	l.put("good")
	before, err := os.Stat(journal(dir))
	require.NoError(t, err)
	l.pass(5 * time.Second)
	require.Equal(t, [][]string{{"bad"}, {"bad"}, {"good"}}, l.f.batches())
	l.end()

	written, err := os.ReadFile(journal(dir))
	require.NoError(t, err)
	var cuts []int
	for at := int(before.Size()); at < len(written); at++ {
		if bytes.HasSuffix(written[:at+1], []byte("done")) { // what a transaction in the journal ends with
			cuts = append(cuts, at+1)
		}
	}
	require.Greater(t, len(cuts), 5)
	for _, at := range cuts {
		cut := t.TempDir()
		require.NoError(t, os.CopyFS(cut, os.DirFS(dir)))
		require.NoError(t, os.Truncate(journal(cut), int64(at)))
		reachable := queue()
		l := live(t, cut, awstest.Epoch.Add(10*time.Second), failing("bad"), reachable)
		l.pass(time.Minute)
		require.NotEmpty(t, reachable.all(), "the process died after %d bytes", at)
		l.put("next")
		l.pass(time.Second)
		ran := l.f.batches()
		require.Equal(t, []string{"next"}, ran[len(ran)-1])
		l.end()
	}
}
