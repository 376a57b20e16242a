package wire_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkDecode reads a request of each form: JSON, a form, XML, and a REST
// request whose members are all in its head.
func BenchmarkDecode(b *testing.B) {
	records := strings.Repeat(`{"Data":"aGVsbG8gd29ybGQ=","PartitionKey":"key"},`, 500)
	entries := &strings.Builder{}
	for i := range 10 {
		n := strconv.Itoa(i + 1)
		entries.WriteString("&Entries." + n + ".Id=" + n + "&Entries." + n + ".MessageBody=hello")
	}
	for _, c := range []struct{ name, service, method, uri, target, form, body string }{
		{"json of 500 records", "kinesis", "POST", "/", "Kinesis_20131202.PutRecords", "",
			`{"StreamName":"s","Records":[` + strings.TrimSuffix(records, ",") + `]}`},
		{"json item", "dynamodb", "POST", "/", "DynamoDB_20120810.PutItem", "",
			`{"TableName":"t","Item":{"id":{"S":"1"},"n":{"N":"7"},"l":{"L":[{"S":"a"},{"BOOL":true}]}}}`},
		{"form of 10 messages", "sqs", "POST", "/", "", "Action=SendMessageBatch&Version=2012-11-05&QueueUrl=q" +
			entries.String(), ""},
		{"xml of 100 keys", "s3", "POST", "/b?delete", "", "",
			"<Delete>" + strings.Repeat("<Object><Key>k</Key></Object>", 100) + "</Delete>"},
		{"head", "s3", "GET", "/bucket/a/key?partNumber=1", "", "", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			reg := registryOf(b, c.service)
			body := c.form + c.body
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				req := request(c.method, "localhost", c.uri, c.service, c.form)
				if c.form == "" {
					req = httptest.NewRequest(c.method, c.uri, strings.NewReader(body))
					req.Host = "localhost"
				}
				if c.target != "" {
					req.Header.Set("X-Amz-Target", c.target)
				}
				target, err := reg.Route(req)
				require.NoError(b, err)
				_, err = target.Decode(req)
				require.NoError(b, err)
			}
		})
	}
}
