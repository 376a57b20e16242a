package flows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// What releases before the outbox had under way is delivered by this one: a
// notification, an event with a retry behind it, and one of which only the
// destination was left to tell.
func TestOpen_takesOverDeliveriesOfOlderReleases(t *testing.T) {
	t.Parallel()
	dir, clk := t.TempDir(), clock.NewManual(awstest.Epoch)
	old := store.New(store.Options{Dir: dir})
	deliveries := store.NewCollection[json.RawMessage](old, "s3.deliveries")
	events := store.NewCollection[json.RawMessage](old, "lambda.events")
	require.NoError(t, old.Open())
	now := awstest.Epoch.Format(time.RFC3339)
	later := awstest.Epoch.Add(time.Minute).Format(time.RFC3339)
	fn := `{"Scope":{"Account":"000000000000","Region":"us-east-1"},"Name":"job","Qualifier":""}`
	require.NoError(t, old.Update(func(tx *store.Tx) error {
		deliveries.Put(tx, ident.Scope{}, "0001-ab", json.RawMessage(`{"Bucket":"data","Owner":"000000000000",
			"Target":"arn:aws:sqs:us-east-1:000000000000:events","Made":"`+now+`","Due":"`+now+`","Tries":3,"Body":"aGVsbG8="}`))
		scope := ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}
		events.Put(tx, scope, "id-1", json.RawMessage(`{"ID":"id-1","Function":`+fn+`,"Payload":"eyJiYWQiOiAxfQ==",
			"Client":"","Received":"`+now+`","Due":"`+later+`","Runs":2,"Waits":0,"Done":null}`))
		events.Put(tx, scope, "id-2-again", json.RawMessage(`{"ID":"id-2-again","Function":`+fn+`,"Payload":"e30=",
			"Client":"","Received":"`+now+`","Due":"`+later+`","Runs":1,"Waits":0,
			"Done":{"Condition":"Success","Failed":false,"Version":"$LATEST","Payload":"MQ=="}}`))
		return nil
	}))
	require.NoError(t, old.Close())

	r := open(t, dir, clk)
	url, _ := r.queue("events")
	_, destination := r.queue("destination")
	r.function(r.role(), "job", failing)
	_, err := r.lambda.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("job"), DestinationConfig: &types.DestinationConfig{
			OnFailure: &types.OnFailure{Destination: &destination}, OnSuccess: &types.OnSuccess{Destination: &destination}}})
	require.NoError(t, err)
	require.Equal(t, []string{"hello"}, r.received(url))
	r.tree()
	r.pass(time.Hour)
	require.Equal(t, `
lambda.Invoke job by lambda.amazonaws.com
  sqs.SendMessage destination by assumed-role/worker/job for arn:aws:lambda:us-east-1:000000000000:function:job
sqs.SendMessage destination by assumed-role/worker/job for arn:aws:lambda:us-east-1:000000000000:function:job
`, r.tree())
	records := r.received("http://localhost/000000000000/destination")
	require.Len(t, records, 2)
	require.Contains(t, strings.Join(records, ""), `"requestId":"id-1"`)
	require.Contains(t, strings.Join(records, ""), `"requestId":"id-2"`)
}
