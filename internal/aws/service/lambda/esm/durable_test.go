package esm_test

import (
	"context"
	"encoding/json"
	"log/slog"
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

func live(t *testing.T, dir string, now time.Time) *life {
	st := store.New(store.Options{Dir: dir})
	clk := clock.NewManual(now)
	g := gateway.New(st, clk, ident.NewSource(), slog.New(slog.DiscardHandler))
	f := &functions{timeout: 3, host: g.Host(), Mappings: esm.New(g.Host())}
	g.Register(kinesissvc.New(g.Host()))
	g.Register(f)
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
	l := live(t, dir, awstest.Epoch)
	l.f.handle(sum)
	l.call("kinesis", "CreateStream", &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	l.pass(time.Second)
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
	require.NoError(t, l.st.Close())

	l = live(t, dir, awstest.Epoch.Add(20*time.Second))
	l.f.handle(sum)
	l.pass(5 * time.Minute)
	ev := l.f.events()
	require.Len(t, ev, 2)
	require.Equal(t, []string{"3"}, ev[0].data())
	require.JSONEq(t, `{"N":2}`, string(ev[0].State))
	require.True(t, ev[1].Final)
	require.JSONEq(t, `{"N":3}`, string(ev[1].State))
	l.g.Stop()
	require.NoError(t, l.st.Close())
}
