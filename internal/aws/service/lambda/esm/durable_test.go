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

// process is one run of the emulator over a directory.
type process struct {
	t  *testing.T
	g  *gateway.Gateway
	st *store.Store
	f  *functions
}

func startProcess(t *testing.T, dir string, now time.Time, handler func(event) (any, error),
	more ...gateway.Service) *process {
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
	return &process{t, g, st, f}
}

func (p *process) call(service, operation string, in any) any {
	p.t.Helper()
	out, err := p.g.Invoke(p.t.Context(),
		gateway.Call{Principal: gateway.RootOf("test"),
			Scope: ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}, Service: service,
			Operation: operation, Input: in})
	require.NoError(p.t, err)
	return out
}

func (p *process) pass(d time.Duration) {
	p.t.Helper()
	require.NoError(p.t, p.f.Idle(p.t.Context()))
	require.NoError(p.t, p.g.Host().Clock.Advance(p.t.Context(), d))
	require.NoError(p.t, p.f.Idle(p.t.Context()))
}

// stop ends the process as an interrupt does.
func (p *process) stop() {
	p.t.Helper()
	p.g.Stop()
	require.NoError(p.t, p.st.Close())
}

func (p *process) stream() {
	p.t.Helper()
	p.call("kinesis", "CreateStream", &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	p.pass(time.Second)
}

func (p *process) put(data string) {
	p.call("kinesis", "PutRecord", &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"),
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
	p := startProcess(t, dir, awstest.Epoch, sum)
	p.stream()
	p.call("lambda", "CreateEventSourceMapping", &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"),
		EventSourceArn:   aws.String(streamARN),
		StartingPosition: "LATEST", TumblingWindowInSeconds: aws.Int32(60),
		FilterCriteria: filters(`{"partitionKey":["k"]}`)})
	p.pass(time.Second)
	p.put("1")
	p.pass(0)
	p.put("2")
	p.pass(2 * time.Second)
	require.Equal(t, [][]string{{"1"}, {"2"}}, p.f.batches())
	p.f.Stop()
	p.put("3")
	p.stop()

	p = startProcess(t, dir, awstest.Epoch.Add(20*time.Second), sum)
	p.pass(5 * time.Minute)
	ev := p.f.events()
	require.Len(t, ev, 2)
	require.Equal(t, []string{"3"}, ev[0].data())
	require.JSONEq(t, `{"N":2}`, string(ev[0].State))
	require.True(t, ev[1].Final)
	require.JSONEq(t, `{"N":3}`, string(ev[1].State))
	p.stop()
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
	p := startProcess(t, dir, awstest.Epoch, failing("bad"), unreachable)
	p.stream()
	p.call("lambda", "CreateEventSourceMapping", &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"),
		EventSourceArn: aws.String(streamARN), StartingPosition: "TRIM_HORIZON", BatchSize: aws.Int32(1),
		MaximumRetryAttempts: aws.Int32(1), DestinationConfig: onFailure("arn:aws:sqs:us-east-1:000000000000:dlq")})
	p.put("bad")
	p.put("good")
	before, err := os.Stat(journal(dir))
	require.NoError(t, err)
	p.pass(5 * time.Second)
	require.Equal(t, [][]string{{"bad"}, {"bad"}, {"good"}}, p.f.batches())
	p.stop()

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
		p := startProcess(t, cut, awstest.Epoch.Add(10*time.Second), failing("bad"), reachable)
		p.pass(time.Minute)
		require.NotEmpty(t, reachable.all(), "the process died after %d bytes", at)
		p.put("next")
		p.pass(time.Second)
		ran := p.f.batches()
		require.Equal(t, []string{"next"}, ran[len(ran)-1])
		p.stop()
	}
}
