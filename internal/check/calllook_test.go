package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator/drivertest"
)

const calledAt = head + `
checks:
  - id: read
    title: Read by calls
    points: 100
    hints: [a, b, c]
    probes:
      read: { call: { service: %s, operation: %s, input: %s } }
    expect: [{ that: "read.ok", message: It can be read }]
`

// A judge that reads by a call takes nothing from whom it judges: all five reads a
// second of the shard are there afterwards, and the table's whole capacity.
func TestProbe_byACallTakesNoThroughput(t *testing.T) {
	ctx, e := t.Context(), emulated(t)
	cfg := e.Endpoint().AWSConfig()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	streams, tables := kinesis.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	iterator := drivertest.Scarce(t, e, strings.Repeat("x", 390_000))

	for _, call := range [][3]string{
		{"kinesis", "GetRecords", `{ ShardIterator: "` + *iterator + `" }`},
		{"dynamodb", "Scan", `{ TableName: tab }`},
		{"dynamodb", "Scan", `{ TableName: tab, ConsistentRead: true }`},
		{"dynamodb", "ListTables", `{}`},
	} {
		source := fmt.Sprintf(calledAt, call[0], call[1], call[2])
		o := optionsOn(t, e, source)
		for range 6 {
			passes(t, o)
		}
	}
	read := func() error {
		_, err := streams.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator})
		return err
	}
	for i := range 5 {
		require.NoError(t, read(), "read %d of the shard's five", i+1)
	}
	require.ErrorContains(t, read(), "ProvisionedThroughputExceeded")
	scan := func() error {
		_, err := tables.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("tab")})
		return err
	}
	for i := range 7 {
		require.NoError(t, scan(), "scan %d of those that take 48 units, when 300 are saved", i+1)
	}
	require.ErrorContains(t, scan(), "ProvisionedThroughputExceeded")
}
