package cloud_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// putter may do what the benchmark does, by policies of the length that people
// write: some statements, wildcards, a condition.
const putter = `{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*"},
	{"Effect":"Allow","Action":["kinesis:Put*","kinesis:Describe*"],"Resource":"arn:aws:kinesis:*:*:stream/bench"},
	{"Effect":"Allow","Action":["dynamodb:PutItem","dynamodb:GetItem"],
		"Resource":["arn:aws:dynamodb:us-east-1:*:table/bench","arn:aws:dynamodb:us-east-1:*:table/bench/*"]},
	{"Effect":"Allow","Action":"s3:*Object","Resource":"arn:aws:s3:::bench/*"},
	{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}`

// sends is one signed request that may be sent again and again.
type sends struct {
	request *http.Request
	body    []byte
}

func (g *guarded) sends(cfg aws.Config, service, method, path, target string, body []byte) sends {
	g.t.Helper()
	req, err := http.NewRequest(method, g.URL+path, bytes.NewReader(body))
	require.NoError(g.t, err)
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	req.Header.Set("X-Amz-Content-Sha256", hash)
	creds, err := cfg.Credentials.Retrieve(context.Background())
	require.NoError(g.t, err)
	require.NoError(g.t, v4.NewSigner().SignHTTP(context.Background(), creds, req, hash, service, "us-east-1", time.Now(),
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" }))
	return sends{req, body}
}

// do sends it; the body of the answer is read, so that the connection stays.
func (s sends) do(tb testing.TB) {
	req := s.request.Clone(context.Background())
	req.Body = io.NopCloser(bytes.NewReader(s.body))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(tb, err)
	require.NoError(tb, resp.Body.Close())
	require.Equal(tb, http.StatusOK, resp.StatusCode)
}

// BenchmarkEnforced reports what a call costs where policies decide, against the
// same call where they do not, both over the network and with little else than
// the call. Rounds of both alternate, so that what else the machine does strikes
// both.
func BenchmarkEnforced(b *testing.B) {
	g, ctx := enforced(b), b.Context()
	_, err := kinesis.NewFromConfig(g.root).CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("bench"),
		StreamModeDetails: nil, ShardCount: aws.Int32(200)})
	require.NoError(b, err)
	_, err = dynamodb.NewFromConfig(g.root).CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("bench"),
		BillingMode:          dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: "S"}},
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: "HASH"}}})
	require.NoError(b, err)
	g.bucket("bench")
	g.Advance(time.Minute)
	cfg := g.user("putter", putter)
	var records strings.Builder
	for i := range 10 {
		fmt.Fprintf(&records, `{"Data":"%s","PartitionKey":"%d"},`, strings.Repeat("QUJD", 33), i)
	}
	objects := make([]sends, 6000) // more than decisions are remembered
	for i := range objects {
		objects[i] = g.sends(cfg, "s3", "PUT", fmt.Sprint("/bench/key-", i), "", bytes.Repeat([]byte("x"), 16<<10))
	}
	for name, all := range map[string][]sends{
		"PutRecords, 10 of 100 bytes": {g.sends(cfg, "kinesis", "POST", "/", "Kinesis_20131202.PutRecords",
			[]byte(`{"StreamName":"bench","Records":[`+strings.TrimSuffix(records.String(), ",")+`]}`))},
		"PutItem, 3 attributes": {g.sends(cfg, "dynamodb", "POST", "/", "DynamoDB_20120810.PutItem",
			[]byte(`{"TableName":"bench","Item":{"k":{"S":"a"},"n":{"N":"5"},"t":{"S":"some text"}}}`))},
		"PutObject, 16 KiB": objects,
	} {
		b.Run(name, func(b *testing.B) {
			const round = 50
			spent, n := map[gateway.Mode]time.Duration{}, 0
			for range b.N/(2*round) + 1 {
				for _, m := range []gateway.Mode{gateway.Off, gateway.Enforced} {
					g.Gateway.SetMode(m)
					began := time.Now()
					for range round {
						all[n%len(all)].do(b)
						n++
					}
					spent[m] += time.Since(began)
				}
				g.Advance(2 * time.Second) // shards have room again
			}
			b.ReportMetric(float64(spent[gateway.Enforced])/float64(spent[gateway.Off]), "enforced/off")
		})
	}
}
