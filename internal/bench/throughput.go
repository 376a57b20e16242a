package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
)

// measureFor is how long each figure is measured.
const measureFor = 2 * time.Second

// operation is one kind of call through the Go SDK.
type operation struct {
	name string
	// call makes the call number n against a client made with cfg.
	prepare func(cfg aws.Config) func(ctx context.Context, n int) error
}

const (
	shards    = 200 // so that no shard throttles
	batch     = 10
	recordLen = 100
	objectLen = 16 << 10
)

func operations() []operation {
	record, object := bytes.Repeat([]byte("r"), recordLen), bytes.Repeat([]byte("o"), objectLen)
	return []operation{
		{"PutRecords, 10 of 100 bytes", func(cfg aws.Config) func(context.Context, int) error {
			c := kinesis.NewFromConfig(cfg)
			return func(ctx context.Context, n int) error {
				in := &kinesis.PutRecordsInput{StreamName: aws.String("bench")}
				for i := range batch {
					in.Records = append(in.Records, kinesistypes.PutRecordsRequestEntry{Data: record,
						PartitionKey: aws.String(strconv.Itoa(n*batch + i))})
				}
				_, err := c.PutRecords(ctx, in)
				return err
			}
		}},
		{"PutItem, 3 attributes", func(cfg aws.Config) func(context.Context, int) error {
			c := dynamodb.NewFromConfig(cfg)
			return func(ctx context.Context, n int) error { return putItem(ctx, c, n) }
		}},
		{"PutObject, 16 KiB", func(cfg aws.Config) func(context.Context, int) error {
			c := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
			return func(ctx context.Context, n int) error {
				_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bench"), Key: aws.String(strconv.Itoa(n)),
					Body: bytes.NewReader(object)})
				return err
			}
		}},
	}
}

func putItem(ctx context.Context, c *dynamodb.Client, n int) error {
	_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("bench"),
		Item: map[string]dynamodbtypes.AttributeValue{
			"id":   &dynamodbtypes.AttributeValueMemberS{Value: strconv.Itoa(n)},
			"n":    &dynamodbtypes.AttributeValueMemberN{Value: strconv.Itoa(n)},
			"text": &dynamodbtypes.AttributeValueMemberS{Value: "some text of a usual length"}}})
	return err
}

// cloud is an emulator with what the operations write to.
func cloud(ctx context.Context, dir string) (emulator.Emulator, error) {
	e, err := embedded.Driver{}.Start(ctx, emulator.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	cfg := e.Endpoint().AWSConfig()
	_, err = kinesis.NewFromConfig(cfg).CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("bench"),
		ShardCount: aws.Int32(shards)})
	if err == nil {
		_, err = dynamodb.NewFromConfig(cfg).CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("bench"),
			ProvisionedThroughput: &dynamodbtypes.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(40000),
				WriteCapacityUnits: aws.Int64(40000)},
			KeySchema: []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("id"),
				KeyType: dynamodbtypes.KeyTypeHash}},
			AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("id"),
				AttributeType: dynamodbtypes.ScalarAttributeTypeS}}})
	}
	if err == nil {
		_, err = s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.UsePathStyle = true
		}).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bench")})
	}
	if err == nil {
		_, _, err = e.Control().Advance(ctx, time.Minute) // until all is active
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// recorder keeps the first answer, for the bare handler to give.
type recorder struct {
	once   sync.Once
	header http.Header
	body   []byte
}

// Do implements the SDK's HTTP client.
func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	r.once.Do(func() { r.header, r.body = resp.Header, body })
	err = errors.Join(err, resp.Body.Close())
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// bare is net/http and nothing else: it reads the request and answers the same
// bytes every time.
func bare(ctx context.Context, r *recorder) (url string, stop func() error, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body) // the client is gone if this fails
			for name, values := range r.header {
				w.Header()[name] = values
			}
			_, _ = w.Write(r.body) // as above
		})}
	go func() { _ = server.Serve(l) }() // ends with Close, with an error that says just that
	return "http://" + l.Addr().String(), server.Close, nil
}

// rate is calls a second by so many clients.
func rate(ctx context.Context, clients int, call func(context.Context, int) error) (float64, error) {
	var n, done atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range 50 { // connections and caches
		if err := call(ctx, int(n.Add(1))); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	for range clients {
		group.Go(func() {
			for time.Since(begin) < measureFor && failed.Load() == nil {
				if err := call(ctx, int(n.Add(1))); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(begin).Seconds(), nil
}

// throughput compares the emulator with the bare handler.
func throughput(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "pipelab-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	memory, err := cloud(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, memory.Close()) }()
	disk, err := cloud(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	title("throughput of one SDK client, calls a second, and as a ratio to a bare\nnet/http handler that answers the " +
		"same bytes (target 0.25 in memory)")
	fmt.Printf("  %-30s %9s %9s %6s %9s %6s\n", "", "bare", "memory", "ratio", "disk", "ratio")
	for _, op := range operations() {
		if err := compare(ctx, op, memory, disk); err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
	}
	return nil
}

func compare(ctx context.Context, op operation, memory, disk emulator.Emulator) error {
	r := &recorder{}
	cfg := memory.Endpoint().AWSConfig()
	cfg.HTTPClient = r
	if err := op.prepare(cfg)(ctx, -1); err != nil {
		return err
	}
	url, stop, err := bare(ctx, r)
	if err != nil {
		return err
	}
	cfg = memory.Endpoint().AWSConfig()
	cfg.BaseEndpoint = &url
	base, err := rate(ctx, 1, op.prepare(cfg))
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	fast, err := rate(ctx, 1, op.prepare(memory.Endpoint().AWSConfig()))
	if err != nil {
		return err
	}
	kept, err := rate(ctx, 1, op.prepare(disk.Endpoint().AWSConfig()))
	if err != nil {
		return err
	}
	fmt.Printf("  %-30s %9.0f %9.0f %6.2f %9.0f %6.2f\n", op.name, base, fast, fast/base, kept, kept/base)
	return nil
}

// growth shows what more clients and more items do to PutItem.
func growth(ctx context.Context) (err error) {
	e, err := cloud(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	client := dynamodb.NewFromConfig(e.Endpoint().AWSConfig())
	call := func(ctx context.Context, n int) error { return putItem(ctx, client, n%1000) }
	title("PutItem, calls a second")
	var one float64
	for _, clients := range []int{1, 2, 4} {
		r, err := rate(ctx, clients, call)
		if err != nil {
			return err
		}
		if clients == 1 {
			one = r
		}
		fmt.Printf("  %-30s %9.0f %16.2f of one client's\n", fmt.Sprintf("%d clients, 1,000 items", clients), r, r/one)
	}
	for n := range 10000 {
		if err := putItem(ctx, client, n); err != nil {
			return err
		}
	}
	r, err := rate(ctx, 1, func(ctx context.Context, n int) error { return putItem(ctx, client, n%10000) })
	if err != nil {
		return err
	}
	fmt.Printf("  %-30s %9.0f %16.2f of that with a tenth of the items\n", "1 client, 10,000 items", r, r/one)
	return nil
}
