package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/moby/moby/client"

	"github.com/pipelab/pipelab/internal/emulator"
)

const (
	// measureFor is how long each throughput is measured.
	measureFor = 3 * time.Second
	// settle lets a process that has just started give memory back.
	settle = 3 * time.Second
	// endTime is how long a served emulator may take to remove its container.
	endTime = 30 * time.Second
	// shards are many, so that none throttles.
	shards, batch = 50, 10
)

// bench measures one kind of emulator. What ready starts serves the figures of
// memory and throughput too, until close.
type bench struct {
	binary string
	kind   emulator.Kind

	served   *exec.Cmd
	endpoint emulator.Endpoint
	calls    int64
}

// ready is the time from the start of the process until it says that it answers.
func (b *bench) ready(ctx context.Context) (float64, error) {
	var said bytes.Buffer
	args := []string{"emulator", "serve", "--addr", "127.0.0.1:0", "--emulator", string(b.kind)}
	cmd := exec.Command(b.binary, args...) //nolint:noctx // close ends it, so that its container goes too
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	b.served = cmd
	cancel := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(os.Interrupt) }) // it may be gone
	line, err := bufio.NewReader(out).ReadBytes('\n')
	took := time.Since(begin)
	cancel()
	if err != nil {
		err = errors.Join(err, b.close()) // waits, so that all has been said
		return 0, oneLine(said.Bytes(), err)
	}
	var ready struct{ URL string }
	if err := json.Unmarshal(line, &ready); err != nil {
		return 0, err
	}
	b.endpoint = emulator.NewEndpoint(ready.URL, "")
	return took.Seconds(), nil
}

// close ends what ready has started.
func (b *bench) close() error {
	if b.served == nil {
		return nil
	}
	kill := time.AfterFunc(endTime, func() { _ = b.served.Process.Kill() }) // it may be gone
	defer kill.Stop()
	_ = b.served.Process.Signal(os.Interrupt) // as above
	err := b.served.Wait()
	b.served = nil
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 130 { // interrupted, as it was told
		return nil
	}
	return err
}

// provisioned is the whole of "pipelab start".
func (b *bench) provisioned(ctx context.Context) (seconds float64, err error) {
	dir, err := os.MkdirTemp("", "pipelab-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	work := filepath.Join(dir, labID)
	env := append(os.Environ(), "PIPELAB_STATE="+filepath.Join(dir, "progress"))
	seconds, err = b.command(ctx, dir, env, "start", labID, "--dir", work, "--emulator", string(b.kind))
	if _, none := os.Stat(work); none != nil {
		return seconds, err
	}
	_, stopErr := b.command(context.WithoutCancel(ctx), work, env, "stop")
	return seconds, errors.Join(err, stopErr)
}

// labTest is one whole "pipelab lab test": starter, solution and all mutants.
func (b *bench) labTest(ctx context.Context) (float64, error) {
	return b.command(ctx, "", os.Environ(), "lab", "test", labID, "--emulator", string(b.kind))
}

// command times a command of the program from its start to its end.
func (b *bench) command(ctx context.Context, dir string, env []string, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endTime
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	return time.Since(begin).Seconds(), oneLine(out, err)
}

// idle is the resident memory of the process and of the container that it has
// started, in bytes. A container's is counted without the cache of files, as
// "docker stats" does; the process's with it.
func (b *bench) idle(ctx context.Context) (float64, error) {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(b.served.Process.Pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("memory cannot be told on this system: %w", err)
	}
	var sum float64
	for _, line := range strings.Split(string(status), "\n") {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			if err != nil {
				return 0, err
			}
			sum = kb * 1024
		}
	}
	if b.kind == emulator.Embedded {
		return sum, nil
	}
	inside, err := b.container(ctx)
	return sum + inside, err
}

// container asks the engine for the memory of what the served process owns.
func (b *bench) container(ctx context.Context) (bytes float64, err error) {
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	found, err := engine.ContainerList(ctx,
		client.ContainerListOptions{Filters: client.Filters{}.Add("label", "pipelab.owner")})
	if err != nil {
		return 0, err
	}
	for _, c := range found.Items {
		if !strings.Contains(c.Labels["pipelab.owner"], "/"+strconv.Itoa(b.served.Process.Pid)+"/") {
			continue
		}
		answer, err := engine.ContainerStats(ctx, c.ID, client.ContainerStatsOptions{})
		if err != nil {
			return 0, err
		}
		var s struct {
			Memory struct {
				Usage float64            `json:"usage"`
				Stats map[string]float64 `json:"stats"`
			} `json:"memory_stats"`
		}
		err = errors.Join(json.NewDecoder(answer.Body).Decode(&s), answer.Body.Close())
		if err != nil {
			return 0, err
		}
		if s.Memory.Usage == 0 {
			return 0, errors.New("the engine does not tell the container's memory")
		}
		cache := s.Memory.Stats["inactive_file"]
		if old, ok := s.Memory.Stats["total_inactive_file"]; ok { // cgroups of the first version
			cache = old
		}
		return s.Memory.Usage - cache, nil
	}
	return 0, errors.New("the engine has no container of this process")
}

// putRecords is calls a second of one Go SDK client, through the proxy where
// there is one, as programs of learners come.
func (b *bench) putRecords(ctx context.Context) (float64, error) {
	c := kinesis.NewFromConfig(b.endpoint.AWSConfig())
	stream := aws.String("bench")
	if _, err := c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream,
		ShardCount: aws.Int32(shards)}); err != nil {
		return 0, err
	}
	if err := kinesis.NewStreamExistsWaiter(c).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: stream},
		time.Minute); err != nil {
		return 0, err
	}
	data := bytes.Repeat([]byte("r"), 100)
	return b.rate(ctx, func(n int64) error {
		in := &kinesis.PutRecordsInput{StreamName: stream}
		for i := range int64(batch) {
			in.Records = append(in.Records, kinesistypes.PutRecordsRequestEntry{Data: data,
				PartitionKey: aws.String(strconv.FormatInt(n*batch+i, 10))})
		}
		out, err := c.PutRecords(ctx, in)
		if err == nil && aws.ToInt32(out.FailedRecordCount) > 0 {
			err = fmt.Errorf("%d of %d records were not taken", *out.FailedRecordCount, batch)
		}
		return err
	})
}

// putItem is the same for items of three attributes.
func (b *bench) putItem(ctx context.Context) (float64, error) {
	c := dynamodb.NewFromConfig(b.endpoint.AWSConfig())
	table := aws.String("bench")
	if _, err := c.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: table,
		ProvisionedThroughput: &dynamodbtypes.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(40000),
			WriteCapacityUnits: aws.Int64(40000)},
		KeySchema: []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("id"),
			KeyType: dynamodbtypes.KeyTypeHash}},
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: dynamodbtypes.ScalarAttributeTypeS}}}); err != nil {
		return 0, err
	}
	if err := dynamodb.NewTableExistsWaiter(c, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay = time.Second
	}).Wait(ctx, &dynamodb.DescribeTableInput{TableName: table}, time.Minute); err != nil {
		return 0, err
	}
	return b.rate(ctx, func(n int64) error {
		number := strconv.FormatInt(n, 10)
		_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: map[string]dynamodbtypes.AttributeValue{
			"id": &dynamodbtypes.AttributeValueMemberS{Value: number}, "n": &dynamodbtypes.AttributeValueMemberN{Value: number},
			"text": &dynamodbtypes.AttributeValueMemberS{Value: "some text of a usual length"}}})
		return err
	})
}

// rate is calls a second, one after the other.
func (b *bench) rate(ctx context.Context, call func(n int64) error) (float64, error) {
	for range 50 { // connections and caches
		if err := call(b.next()); err != nil {
			return 0, err
		}
	}
	begin, done := time.Now(), 0
	for time.Since(begin) < measureFor && ctx.Err() == nil {
		if err := call(b.next()); err != nil {
			return 0, err
		}
		done++
	}
	return float64(done) / time.Since(begin).Seconds(), ctx.Err()
}

// next numbers the calls, so that no two write the same.
func (b *bench) next() int64 { b.calls++; return b.calls }
