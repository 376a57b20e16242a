//go:build unix

package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

// dirVariable makes this test binary an emulator that keeps its state there.
const dirVariable = "PIPELAB_TEST_EMULATOR_DIR"

// roundsVariable sets how often the emulator is killed.
const roundsVariable = "PIPELAB_TEST_KILL_ROUNDS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(apartVariable) != "" {
		if err := serveApart(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if options := os.Getenv(optionsVariable); options != "" {
		if err := serveWith(options); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve runs an emulator until its standard input ends, so that no child
// outlives a test that was killed itself.
func serve(dir string) error {
	e, err := embedded.Driver{Provision: provision.At}.Start(context.Background(), emulator.Options{Dir: dir})
	if err != nil {
		return err
	}
	fmt.Println(e.Endpoint().URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return e.Close()
}

// child is an emulator in another process.
type child struct {
	cmd    *exec.Cmd
	config aws.Config // without retries
	client *kinesis.Client
	reader *kinesis.Client // with the SDK's retries: reading twice harms nobody
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), dirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	_, err = cmd.StdinPipe() // held open until the child is gone
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the emulator did not start on the state that the last one left")
	cfg := emulator.NewEndpoint(line[:len(line)-1], "").AWSConfig()
	reader := kinesis.NewFromConfig(cfg)
	// No retries: a record that was written twice would be our own doing.
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return &child{cmd: cmd, config: cfg, client: kinesis.NewFromConfig(cfg), reader: reader}
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Kill())
	_ = c.cmd.Wait() // says that it was killed
}

// journey is what was sent, and what was acknowledged with which number.
type journey struct {
	mu    sync.Mutex
	sent  map[string]bool
	acked map[string]string
}

// write sends records until the emulator dies and signals each answer.
func (j *journey) write(ctx context.Context, c *kinesis.Client, name string, answered chan<- struct{}) {
	for i := 0; ; i++ {
		data := name + "-" + strconv.Itoa(i)
		j.mu.Lock()
		j.sent[data] = true
		j.mu.Unlock()
		out, err := c.PutRecord(ctx, &kinesis.PutRecordInput{
			StreamName: aws.String("orders"), PartitionKey: aws.String(name), Data: []byte(data),
		})
		if err != nil {
			return
		}
		j.mu.Lock()
		j.acked[data] = *out.SequenceNumber
		j.mu.Unlock()
		select {
		case answered <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// readAll returns data and sequence number of every record in the stream.
func readAll(t *testing.T, c *kinesis.Client) map[string]string {
	t.Helper()
	ctx := t.Context()
	it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: aws.String("orders"), ShardId: aws.String("shardId-000000000000"),
		ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	require.NoError(t, err)
	got := map[string]string{}
	for next := it.ShardIterator; ; {
		out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next})
		require.NoError(t, err)
		for _, r := range out.Records {
			_, twice := got[string(r.Data)]
			require.False(t, twice, "record %s came back twice", r.Data)
			got[string(r.Data)] = *r.SequenceNumber
		}
		if len(out.Records) == 0 || *out.MillisBehindLatest == 0 {
			return got
		}
		next = out.NextShardIterator
	}
}

// killRounds is how often to kill, unless the environment says otherwise.
func killRounds(t *testing.T, rounds int) int {
	t.Helper()
	if s := os.Getenv(roundsVariable); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	return rounds
}

func TestKill_losesNoAcknowledgedRecord(t *testing.T) {
	rounds := killRounds(t, 20)
	dir := t.TempDir()
	c := startChild(t, dir)
	_, err := c.client.CreateStream(t.Context(), &kinesis.CreateStreamInput{
		StreamName: aws.String("orders"), ShardCount: aws.Int32(1),
	})
	require.NoError(t, err)
	require.NoError(t, kinesis.NewStreamExistsWaiter(c.client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	}).Wait(t.Context(),
		&kinesis.DescribeStreamInput{StreamName: aws.String("orders")}, time.Minute))
	j := &journey{sent: map[string]bool{}, acked: map[string]string{}}
	for round := range rounds {
		answered := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() { j.write(ctx, c.client, fmt.Sprintf("r%d-w%d", round, w), answered) })
		}
		for range 5 + round*7%23 { // die at another point of the writing each time
			<-answered
		}
		c.kill(t)
		stop()
		writers.Wait()

		c = startChild(t, dir)
		got := readAll(t, c.reader)
		for data, seq := range j.acked {
			require.Equal(t, seq, got[data], "round %d: record %s was acknowledged", round, data)
		}
		for data := range got {
			require.True(t, j.sent[data], "round %d: record %s was never sent", round, data)
		}
	}
	c.kill(t)
}
