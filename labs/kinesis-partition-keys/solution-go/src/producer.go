// Command producer reads one JSON event per line and puts each into a Kinesis
// stream.
//
//	pipelab run -- go run src/producer.go < events.jsonl
//
// The stream's name is in the environment variable STREAM_NAME. Events of one
// customer share a partition key, so they share a shard and keep their order.
// Customers that HOT_CUSTOMERS names (separated by commas) outgrow a shard: they
// get a key for each page, and an order for each page.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	batchSize = 500      // PutRecords takes no more entries in a call
	keyLength = 256      // characters that a partition key may have
	longLine  = 10 << 20 // bytes of the largest record there can be

	firstPause, longestPause = 50 * time.Millisecond, time.Second
)

// event is what the key depends on.
type event struct {
	Customer string `json:"customer"`
	Page     string `json:"page"`
}

func main() {
	if err := produce(context.Background(), os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func produce(ctx context.Context, in io.Reader) error {
	client := kinesis.NewFromConfig(settings())
	hot := strings.Split(os.Getenv("HOT_CUSTOMERS"), ",")
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longLine)
	var batch []types.PutRecordsRequestEntry
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		batch = append(batch, types.PutRecordsRequestEntry{Data: bytes.Clone(lines.Bytes()), PartitionKey: aws.String(key(e, hot))})
		if len(batch) == batchSize {
			if err := put(ctx, client, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return put(ctx, client, batch)
}

// key is what events must share to share a shard and keep their order.
func key(e event, hot []string) string {
	if !slices.Contains(hot, e.Customer) {
		return e.Customer
	}
	k := []rune(e.Customer + "#" + e.Page)
	return string(k[:min(len(k), keyLength)])
}

// put puts a batch in. What was refused is sent again, and only that. The next
// batch waits until this one is in, so that a shard that is too busy slows the
// producer down instead of filling its memory.
func put(ctx context.Context, client *kinesis.Client, batch []types.PutRecordsRequestEntry) error {
	for pause := firstPause; len(batch) > 0; pause = min(2*pause, longestPause) {
		answer, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String(os.Getenv("STREAM_NAME")), Records: batch})
		if err != nil {
			return err
		}
		var refused []types.PutRecordsRequestEntry
		for i, result := range answer.Records {
			if result.ErrorCode != nil {
				refused = append(refused, batch[i])
			}
		}
		if batch = refused; len(batch) > 0 {
			time.Sleep(rand.N(pause))
		}
	}
	return nil
}

// settings are the environment's.
func settings() aws.Config {
	return aws.Config{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		Credentials:  credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
}
